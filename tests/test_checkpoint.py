"""A run on disk: written whole, read exactly, and refused when it is not itself."""

import hashlib
import json
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from minis2s import checkpoint
from minis2s.checkpoint import (
    STATE_FILE,
    load_run,
    load_state,
    save_run,
    save_state,
    write_json,
)
from minis2s.config import InputError, RNNConfig
from minis2s.text.tokenizers import CharTokenizer, SentencePieceTokenizer

LETTERS = CharTokenizer.learn(["Köche"], 31, min_count=1)
SUBWORDS = SentencePieceTokenizer.learn(["Zwei Köche kochen."], 300)
FILES = ["config.json", "model.safetensors", "tokenizer.json"]


def model_for(tokenizer):
    """Sizes of a model with this tokenizer's vocabulary."""
    return RNNConfig(vocab_size=len(tokenizer.pieces), d_embed=3, dropout=0.25)


@pytest.fixture
def weights(rng):
    """Arrays of several ranks; one is transposed, one is a view with gaps."""
    wide = rng.normal(size=(5, 14)).astype(np.float32)
    return {
        "embedding.weight": wide[:, :7].copy(),
        "transposed": wide[:3, :11].T,
        "strided": wide[:, ::2],
        "bias": wide[0, :3],
        "scale": np.array(1 / 3, dtype=np.float32),
    }


@pytest.fixture
def run(tmp_path, weights):
    """A finished run in a folder."""
    path = tmp_path / "run"
    model = model_for(LETTERS)
    save_run(path, weights, model, LETTERS, src="de", tgt="en", max_len=17)
    return path


def edit_config(run, **changes):
    """Change or, with None, remove entries of a run's config.json."""
    config = json.loads((run / "config.json").read_text())
    config = {k: v for k, v in {**config, **changes}.items() if v is not None}
    (run / "config.json").write_text(json.dumps(config))


def replace_file(run, name, data):
    """Put other content into a file of a run, with a checksum that agrees."""
    (run / name).write_bytes(data)
    sha256 = json.loads((run / "config.json").read_text())["sha256"]
    edit_config(run, sha256={**sha256, name: hashlib.sha256(data).hexdigest()})


# --- there and back ---


@pytest.mark.parametrize("half", [False, True])
def test_weights_come_back(tmp_path, weights, half):
    """float32 comes back exactly, float16 as the nearest; both are float32 again."""
    model = model_for(LETTERS)
    save_run(tmp_path, weights, model, LETTERS, src="", tgt="", max_len=5, half=half)
    loaded = load_run(tmp_path).weights
    assert loaded.keys() == weights.keys()
    for name, value in weights.items():
        assert loaded[name].dtype == np.float32
        want = value.astype(np.float16) if half else value
        np.testing.assert_array_equal(loaded[name], want)


def test_half_takes_half_the_bytes(tmp_path, rng):
    """Stored as float16 the weights take half the room."""
    sizes = []
    for half in (False, True):
        path = tmp_path / str(half)
        big = {"w": rng.normal(size=(97, 101))}
        model = model_for(LETTERS)
        save_run(path, big, model, LETTERS, src="", tgt="", max_len=5, half=half)
        sizes.append((path / "model.safetensors").stat().st_size)
    assert sizes[1] / sizes[0] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("tokenizer", [LETTERS, SUBWORDS], ids=lambda t: t.kind)
def test_everything_else_comes_back(tmp_path, weights, tokenizer):
    """Sizes, tokenizer, languages and length limit are those that were saved."""
    path, model = tmp_path / "a" / "b", model_for(tokenizer)
    save_run(path, weights, model, tokenizer, src="de", tgt="en", max_len=17)
    run = load_run(path)
    assert (run.path, run.model, run.src, run.tgt, run.max_len) == (
        *(path, model, "de", "en", 17),
    )
    assert run.tokenizer.save() == tokenizer.save()


def test_a_setting_that_a_config_does_not_know_has_its_default(run):
    """A run from before recurrent models had heads is read as it lies."""
    model = json.loads((run / "config.json").read_text())["model"]
    assert model.pop("n_heads") == 4
    edit_config(run, model=model)
    assert load_run(run).model == model_for(LETTERS)


def test_config_is_written_last(tmp_path, weights, monkeypatch):
    """Until config.json is there, a folder is no run; it comes after all it names."""
    written = []

    def note(path, data):
        written.append(path.name)

    monkeypatch.setattr(checkpoint, "write_whole", note)
    model = model_for(SUBWORDS)
    save_run(tmp_path, weights, model, SUBWORDS, src="", tgt="", max_len=5)
    assert written[-1] == "config.json"
    assert sorted(written[:-1]) == [*FILES[1:], "tokenizer.model"]


def test_config_names_every_file_with_its_checksum(run):
    """config.json says the format and the sha256 of each file beside it."""
    config = json.loads((run / "config.json").read_text())
    assert config["format"] == 1
    assert sorted(config["sha256"]) == FILES[1:]
    for name, sha256 in config["sha256"].items():
        assert hashlib.sha256((run / name).read_bytes()).hexdigest() == sha256


def test_a_run_may_be_written_anew(run, weights):
    """Saving into the same folder replaces the run."""
    model = model_for(SUBWORDS)
    save_run(run, {"w": weights["bias"]}, model, SUBWORDS, src="", tgt="", max_len=5)
    assert [*load_run(run).weights] == ["w"]


def test_json_is_legible(tmp_path):
    """Umlauts are written as such, indented, with a newline at the end."""
    write_json(tmp_path / "a.json", {"word": "Köche", "n": [1]})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"word": "Köche", "n": [1]}
    assert text.startswith('{\n  "word": "Köche"')
    assert text.endswith("}\n")


# --- no run at all ---


def test_missing_run(tmp_path):
    """A folder that is not there is named."""
    with pytest.raises(InputError, match="nowhere does not exist"):
        load_run(tmp_path / "nowhere")


def test_file_instead_of_a_folder(tmp_path):
    """A checkpoint of another program is refused, with the reason."""
    (tmp_path / "model.pt").write_bytes(b"PK")
    message = r"model\.pt is a file; a run is a folder .* a pickle can run code"
    with pytest.raises(InputError, match=message):
        load_run(tmp_path / "model.pt")


def test_folder_that_is_no_run(tmp_path):
    """A folder without config.json is no run."""
    with pytest.raises(InputError, match=r"is not a run: it has no config\.json"):
        load_run(tmp_path)


def test_unfinished_run(tmp_path):
    """A training that was interrupted says how to go on."""
    save_state(tmp_path, {}, {"step": 7})
    with pytest.raises(InputError, match=r"not trained to its end; .* with --resume"):
        load_run(tmp_path)


# --- damage ---


@pytest.mark.parametrize("name", FILES)
def test_missing_file(run, name):
    """A run that lacks one of its files is refused."""
    (run / name).unlink()
    with pytest.raises(InputError, match=f"{name} does not exist|has no {name}"):
        load_run(run)


@pytest.mark.parametrize("name", FILES[1:])
@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_cut_file(run, name, share):
    """A file that was cut is named, wherever it was cut."""
    data = (run / name).read_bytes()
    (run / name).write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=f"{name} was cut or altered: its sha256 is"):
        load_run(run)


@pytest.mark.parametrize("name", FILES[1:])
@pytest.mark.parametrize("place", [0, 29, -1])
def test_flipped_bit(run, name, place):
    """One flipped bit in any file is noticed."""
    data = bytearray((run / name).read_bytes())
    data[place] ^= 1
    (run / name).write_bytes(data)
    with pytest.raises(InputError, match=f"{name} was cut or altered: its sha256 is"):
        load_run(run)


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[1]", '"format"', "7", "\udcff", "{}", "[" * 100_000]
)
def test_config_that_is_no_config(run, text):
    """What is not JSON, or not an object of ours, is a clear complaint."""
    (run / "config.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=r"config\.json was cut or altered \("):
        load_run(run)


@pytest.mark.parametrize("found", [0, 2, "1", [1]])
def test_other_format(run, found):
    """A run of another format is told apart from a damaged one, whatever it holds."""
    edit_config(run, format=found, sha256=None, model=None)
    with pytest.raises(InputError, match=r"has format .*; this version reads 1"):
        load_run(run)


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["model.safetensors"],
        ["model.safetensors", "tokenizer.json", "../secret"],
        ["model.safetensors", "tokenizer.json", "/etc/passwd"],
        ["model.safetensors", "tokenizer.json", "model.pt"],
    ],
)
def test_only_known_files_are_read(run, names):
    """A config that names too few files, or any other file, is refused."""
    edit_config(run, sha256=dict.fromkeys(names, "0"))
    with pytest.raises(InputError, match="was cut or altered: it names files"):
        load_run(run)


@pytest.mark.parametrize("sha256", [None, FILES[1:], "model.safetensors", 7, [1, "a"]])
def test_checksums_must_be_an_object(run, sha256):
    """Checksums that are missing, a list or a number are a clear complaint."""
    edit_config(run, sha256=sha256)
    with pytest.raises(InputError, match=r"it names files \[\]"):
        load_run(run)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model": None}, "KeyError"),
        ({"model": "rnn"}, "ValueError"),
        ({"model": {}}, "KeyError"),
        ({"model": {"kind": "rnn"}}, "TypeError"),
        ({"model": {"kind": "magic", "vocab_size": 9}}, "magic"),
        ({"model": {"kind": ["rnn"], "vocab_size": 9}}, "TypeError"),
        ({"model": {"kind": "rnn", "vocab_size": 9, "d_brain": 1}}, "d_brain"),
        ({"model": {"kind": "rnn", "vocab_size": -9}}, "vocab_size must be above 0"),
        ({"model": {"kind": "rnn", "vocab_size": 7}}, "9 pieces for vocab_size 7"),
        ({"src": None}, "src"),
        ({"tgt": 7}, "src, tgt, max_len are 'de', 7, 17"),
        ({"max_len": "long"}, "src, tgt, max_len are 'de', 'en', 'long'"),
        ({"max_len": True}, "src, tgt, max_len are 'de', 'en', True"),
    ],
)
def test_config_that_makes_no_sense(run, changes, reason):
    """Settings of a wrong kind are a complaint that names the run."""
    edit_config(run, **changes)
    with pytest.raises(InputError, match=rf"run is damaged \(.*{reason}"):
        load_run(run)


@pytest.mark.parametrize("name", FILES[1:])
@pytest.mark.parametrize("data", [b"", b"junk", b"\xff" * 17])
def test_content_is_checked_even_if_the_checksum_agrees(run, name, data):
    """Junk with a checksum of its own is still no run."""
    replace_file(run, name, data)
    with pytest.raises(InputError, match="run is damaged"):
        load_run(run)


def test_dtype_that_numpy_lacks(run):
    """Weights stored as bfloat16, which we never write, are refused."""
    head = {"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}
    text = json.dumps(head).encode()
    data = len(text).to_bytes(8, "little") + text + bytes(4)
    replace_file(run, "model.safetensors", data)
    with pytest.raises(InputError, match=r"run is damaged .*BF16"):
        load_run(run)


# --- no code in data ---


@dataclass
class Trap:
    """A pickle of this makes a file as soon as it is read."""

    file: Path

    def __reduce__(self):
        """Make the file."""
        return Path.touch, (self.file,)


def test_the_trap_works(tmp_path):
    """Reading the pickle would indeed run its code."""
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung")))
    assert (tmp_path / "sprung").exists()


@pytest.mark.parametrize("protocol", [0, 2, pickle.HIGHEST_PROTOCOL])
@pytest.mark.parametrize("name", [*FILES, STATE_FILE])
def test_a_pickle_runs_no_code(run, tmp_path, name, protocol):
    """A pickle in the place of any file is refused, and its code is not run."""
    data = pickle.dumps(Trap(tmp_path / "sprung"), protocol)
    if name in FILES[1:]:
        replace_file(run, name, data)
    else:
        (run / name).write_bytes(data)
    with pytest.raises(InputError):
        load_state(run) if name == STATE_FILE else load_run(run)
    assert not (tmp_path / "sprung").exists()


def test_loading_needs_no_pickle(run, monkeypatch):
    """Neither a run nor a state is read through pickle."""
    save_state(run, {"w": np.zeros(3)}, {"step": 7})

    def forbidden(*args, **kwargs):
        raise AssertionError("pickle was used")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(sys.modules["pickle"], name, forbidden)
    load_run(run)
    load_state(run)


# --- the state of a training ---


def test_state_comes_back(tmp_path, weights):
    """Arrays of every kind and order come back exactly, and so do the scalars."""
    arrays = {
        **weights,
        "moments": np.arange(6, dtype=np.float64).reshape(2, 3).T,
        "rng": np.arange(5, dtype=np.uint8),
        "step": np.array(7, dtype=np.int64),
        "empty": np.zeros((0, 3), dtype=np.float32),
    }
    scalars = {"n": 7, "ä": [1.5, None, True], "best": float("inf"), "s": {"a": "b"}}
    save_state(tmp_path, arrays, scalars)
    found_arrays, found_scalars = load_state(tmp_path)
    assert found_scalars == scalars
    assert found_arrays.keys() == arrays.keys()
    for name, value in arrays.items():
        assert found_arrays[name].dtype == value.dtype
        np.testing.assert_array_equal(found_arrays[name], value)


def test_state_is_replaced_at_once(tmp_path):
    """A later state replaces the earlier one, and nothing else is left."""
    for step in (3, 5):
        save_state(tmp_path, {"w": np.full(step, step)}, {"step": step})
    arrays, scalars = load_state(tmp_path)
    assert (arrays["w"].tolist(), scalars) == ([5] * 5, {"step": 5})
    assert [path.name for path in tmp_path.iterdir()] == [STATE_FILE]


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "no metadata", "bad JSON"])
def test_damaged_state(tmp_path, damage):
    """A state that is missing, cut, or not ours is a clear complaint."""
    arrays = {"w": np.zeros(7)}
    data = safetensors.numpy.save(arrays, {"step": "7"})
    content = {
        "empty": b"",
        "cut": data[:-3],
        "no metadata": safetensors.numpy.save(arrays),
        "bad JSON": safetensors.numpy.save(arrays, {"step": "{"}),
    }
    if damage != "gone":
        (tmp_path / STATE_FILE).write_bytes(content[damage])
    with pytest.raises(InputError, match=f"{STATE_FILE} was cut or altered"):
        load_state(tmp_path)


def test_a_run_knows_the_sha256_of_its_weights(run):
    """That of the very file, so that a receipt can name it."""
    data = (run / "model.safetensors").read_bytes()
    assert load_run(run).sha256 == hashlib.sha256(data).hexdigest()

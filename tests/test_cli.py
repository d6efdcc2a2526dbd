"""The command line as a person uses it: what it prints, and what it refuses."""

import hashlib
import io
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from minis2s import __main__, metrics
from minis2s.config import DecodeConfig
from minis2s.text import corpora
from minis2s.text.cards import CARDS
from minis2s.text.tokenizers import split_words
from minis2s.torch_nn.translator import Translator


@pytest.fixture
def command(monkeypatch, capsys):
    """Run `minis2s WORDS` here; returns (exit code, output, notes)."""

    def run(*words, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["minis2s", *map(str, words)])
        stream = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
        monkeypatch.setattr(sys, "stdin", stream)
        with pytest.raises(SystemExit) as stop:
            __main__.main()
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return run


@pytest.fixture(scope="session")
def reverse_run(tmp_path_factory):
    """The toy of `make demo`, trained by its command, and the seconds it took."""
    out = tmp_path_factory.mktemp("runs") / "reverse"
    words = ["train", "--corpus", "reverse", "--preset", "tiny", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "minis2s", *words], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(out)
    return out


# ------------------------------------------------------------------- the toy


def test_reverse_is_learned(reverse_run):
    """At least 99 % of 1,000 unseen strings come back exactly reversed."""
    text = corpora.load("reverse", "test")
    outputs = Translator.load(reverse_run).translate_text(text.src)
    assert metrics.exact_match(outputs, text.tgt) >= 99.0


def test_reverse_is_learned_in_under_a_minute(reverse_run):
    """The receipt's seconds, start-up aside."""
    assert json.loads((reverse_run / "receipt.json").read_text())["seconds"] < 60


def test_reverse_looks_backwards(reverse_run):
    """The attention map is the anti-diagonal: its links are those of the task."""
    text = corpora.load("reverse", "test")
    gold = corpora.load_alignment("reverse", "test")
    found = Translator.load(reverse_run).translate(text.src[:200])
    links = [metrics.attention_links(h.attention[0, 0][:-1]) for h in found]
    sure, possible = zip(*gold[:200], strict=True)
    score = metrics.alignment_score(links, sure, possible)
    assert score.error_rate < 0.02


# ----------------------------------------------------------------- translate


def test_translate_gives_a_line_for_each_line(command, reverse_run):
    """A blank line for a blank one, also where odd line ends stand inside a line."""
    text = "abc\n\nbcd\u2028e\n \nxyz"
    code, out, _ = command("translate", reverse_run, stdin=text.encode())
    lines = out.split("\n")
    assert (code, len(lines)) == (0, 6)  # five lines, and the end of the last
    assert (lines[0], lines[1], lines[3], lines[4]) == ("cba", "", "", "zyx")


def test_translate_files(command, reverse_run, tmp_path):
    """--input and --output instead of the standard streams."""
    (tmp_path / "in").write_text("abc\nxyz\n")
    files = ("--input", tmp_path / "in", "--output", tmp_path / "out")
    assert command("translate", reverse_run, *files)[0] == 0
    assert (tmp_path / "out").read_text() == "cba\nzyx\n"


@pytest.mark.parametrize("sink", ["output", "file"])
def test_no_line_is_lost_between_chunks(command, reverse_run, tmp_path, sink):
    """With a batch of one, sixteen lines are read at a time; all forty come back."""
    words = ["abcdefghij"[i % 7 :] for i in range(40)]
    file = ("--output", tmp_path / "out") if sink == "file" else ()
    options = ("--beam", 1, "--batch-size", 1, *file)
    stdin = "".join(f"{word}\n" for word in words).encode()
    out = command("translate", reverse_run, *options, stdin=stdin)[1]
    lines = (tmp_path / "out").read_text() if file else out
    assert lines.splitlines() == [word[::-1] for word in words]


def test_translate_cuts_a_very_long_line(command, reverse_run):
    """100,000 tokens are cut with a note, and the next line is translated."""
    code, out, err = command(
        "translate", reverse_run, "--beam", "1", stdin=b"ab" * 50_000 + b"\nabc\n"
    )
    assert code == 0
    assert out.splitlines()[1] == "cba"
    assert "100000 tokens was cut to 100" in err


def test_numpy_translates_alike_and_needs_no_torch(command, reverse_run):
    """--backend numpy says what torch says, in a process that never loads torch."""
    lines = "abc\n\nqwerty\nzyxwvuts\n"
    code = (
        "import sys\nfrom minis2s import __main__\n"
        f"sys.argv = ['minis2s', 'translate', {str(reverse_run)!r}, '--backend', "
        "'numpy']\ntry:\n    __main__.main()\nfinally:\n"
        "    assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=lines, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == command("translate", reverse_run, stdin=lines.encode())[1]


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_translate_lists_the_best(command, reverse_run, backend):
    """Up to N lines, best first, with the number of their line; a blank one has one."""
    words = ("translate", reverse_run, "--backend", backend, "--nbest", 3, "--scores")
    code, out, _ = command(*words, stdin=b"abc\n\nwxyz\n")
    rows = [line.split("\t") for line in out.splitlines()]
    assert code == 0
    assert [row[0] for row in rows] == [*"1112333"]
    assert (rows[0][1], rows[3][1:], rows[4][1]) == ("cba", [""], "zyxw")
    for best in (rows[:3], rows[4:]):
        assert len({text for _, text, _ in best}) == 3
        scores = [float(score) for *_, score in best]
        assert scores == sorted(scores, reverse=True)
        assert scores[0] <= 0


@pytest.mark.parametrize("backend", ["torch", "numpy"])
@pytest.mark.parametrize(
    ("words", "want"),
    [
        ((), ["cba", ""]),
        (("--alignments",), ["cba\t0-0", ""]),
        (("--nbest", 1), ["cba", ""]),
        (("--nbest", 2, "--beam", 2, "--alignments"), ["1\tcba\t0-0", "1\t"]),
    ],
    ids=str,
)
def test_translate_writes_the_fields_asked_for(
    command, reverse_run, backend, words, want
):
    """Separated by tabs, in one order; a blank line has no score and no links."""
    words = ("translate", reverse_run, "--backend", backend, *words)
    lines = command(*words, stdin=b"abc\n \n")[1].splitlines()
    assert lines[0] == want[0]
    assert lines[1].startswith(want[1])


def test_fields_hold_no_tab(command, reverse_run, monkeypatch):
    """What a model says cannot look like one more field."""
    monkeypatch.setattr(Translator, "text", lambda self, hypothesis: "a\tb")
    words = ("translate", reverse_run, "--alignments")
    assert command(*words, stdin=b"abc\n")[1] == "a b\t0-0\n"


def test_lists_go_to_a_file_too(command, reverse_run, tmp_path):
    """--output takes the same lines; numbers go on from chunk to chunk."""
    words = ("translate", reverse_run, "--nbest", 2, "--beam", 2, "--batch-size", 1)
    text = b"abc\n" * 17
    out = command(*words, stdin=text)[1]
    assert command(*words, "--output", tmp_path / "out", stdin=text)[0] == 0
    assert (tmp_path / "out").read_text() == out
    numbers = [int(line.split("\t")[0]) for line in out.splitlines()]
    assert sorted(set(numbers)) == [*range(1, 18)]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--nbest", 0), "n_best must be above 0, got 0"),
     (("--nbest", 6, "--beam", 5), "n_best must be at most n_beams = 5, got 6"),
     (("--nbest", 2, "--sample"), "n_best must be at most n_beams = 1, got 2")],
    ids=str,
)  # fmt: skip
def test_bad_lists(command, reverse_run, words, said):
    """No more are listed than are kept, and a draw is one."""
    refused(command("translate", reverse_run, *words, stdin=b"abc\n"), said)


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--backend", "jax"), "--backend must be"),
     (("--backend", "numpy", "--device", "cuda"), "computes on the CPU")],
)  # fmt: skip
def test_bad_backend(command, reverse_run, words, said):
    """There are two backends, and one of them has no GPU."""
    refused(command("translate", reverse_run, *words), said)


def test_translate_nothing(command, reverse_run):
    """No input, no output, no complaint."""
    assert command("translate", reverse_run, stdin=b"")[:2] == (0, "")


# ------------------------------------------------------- evaluate and attend


def test_evaluate_writes_the_contract(command, reverse_run, tmp_path):
    """--json holds the keys that others rely on, and a receipt."""
    file = tmp_path / "scores.json"
    words = ("--corpus", "reverse", "--split", "valid", "--beam", 2, "--json", file)
    code, out, _ = command("evaluate", reverse_run, *words)
    found = json.loads(file.read_text())
    assert code == 0
    assert f"{found['bleu']:.2f}" in out
    assert {
        "bleu", "bleu_lowercase", "chrf", "signature", "corpus", "split", "sentences",
        "seconds", "beam", "device", "receipt",
    } <= found.keys()  # fmt: skip
    assert (found["sentences"], found["beam"], found["split"]) == (500, 2, "valid")


def test_evaluate_own_files(command, reverse_run, tmp_path):
    """Two aligned files can be scored as well."""
    (tmp_path / "src").write_text("abc\nxyz\n")
    (tmp_path / "ref").write_text("cba\nzyw\n")
    files = ("--src-file", tmp_path / "src", "--ref-file", tmp_path / "ref")
    code, out, _ = command("evaluate", reverse_run, *files)
    assert code == 0
    assert "exact_match     50.00" in out


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_attend_draws(command, reverse_run, tmp_path, kind):
    """The translation is printed and the map is a picture of the asked kind."""
    file = tmp_path / f"map.{kind}"
    code, out, _ = command("attend", reverse_run, "attention", "-o", file)
    assert (code, out) == (0, "noitnetta\n")
    assert file.read_bytes().startswith({"png": b"\x89PNG", "svg": b"<?xml"}[kind])


def test_attend_a_given_target(command, reverse_run, tmp_path):
    """--target makes the model say what it would not have said."""
    words = ("attend", reverse_run, "abc", "--target", "abc", "-o", tmp_path / "m.png")
    assert command(*words)[:2] == (0, "abc\n")


def test_a_blank_target_is_none(command, reverse_run, tmp_path):
    """It is refused, not taken for no target at all."""
    words = ("attend", reverse_run, "abc", "--target", "  ", "-o", tmp_path / "m.png")
    code, _, notes = command(*words)
    assert (code, notes) == (2, "minis2s: --target is blank\n")


# ------------------------------------------------------------------- data


def test_data_list_names_every_corpus(command):
    """One line each."""
    out = command("data", "list")[1]
    assert [line.split()[0] for line in out.splitlines()] == [*corpora.CARDS]


@pytest.mark.parametrize("name", ["reverse", "captions-de-en", "multi30k"])
def test_data_show(command, name, monkeypatch, tmp_path):
    """Terms and splits, also of a corpus that is not there."""
    monkeypatch.setenv("MINIS2S_DATA", str(tmp_path))
    code, out, _ = command("data", "show", name)
    assert code == 0
    assert "terms:" in out
    assert "test" in out


def test_data_make_writes_aligned_files(command, tmp_path):
    """A generated task as text that any toolkit could train on."""
    command("data", "make", "copy", "--out", tmp_path / "copy")
    text = corpora.read_aligned(
        tmp_path / "copy/train.src", tmp_path / "copy/train.tgt"
    )
    assert text.src == text.tgt == corpora.load("copy", "train").src


def test_data_make_writes_the_grammar_of_the_card(tmp_path):
    """Every split under the hash of its card, each link between two words of its pair.

    In a process of its own: the type hook makes a grammar slow.
    """
    make = [sys.executable, "-m", "minis2s", "data", "make", "grammar-de-en"]
    subprocess.run([*make, "--out", tmp_path], check=True, capture_output=True)
    card = (corpora.OWN_DATA / "grammar-de-en/README.md").read_text(encoding="utf-8")
    for split in CARDS["grammar-de-en"].splits:
        src, tgt, links = (
            corpora.read_lines(tmp_path / f"{split}.{ending}")
            for ending in ("de", "en", "align")
        )
        text = "".join(f"{s}\t{t}\n" for s, t in zip(src, tgt, strict=True))
        assert hashlib.sha256(text.encode()).hexdigest() in card
        for s, t, line in zip(src, tgt, links, strict=True):
            sure, possible = corpora._parse_links(line)
            assert set(sure) <= set(possible)
            sides = zip(*possible, strict=True)
            for words, ends in zip((s, t), sides, strict=True):
                assert max(ends) < len(split_words(words))
    first, second, *_ = corpora.read_lines(tmp_path / "test.align")
    assert first == "0-0 1-1 3-2 4-3 5-5 6-6 7-4 8-7"
    assert second == "0-0 0-2 1-1 2-5 3-6 4?3 4-4 5-7"


def test_data_make_refuses_what_is_not_generated(command):
    """It names what there is."""
    code, _, notes = command("data", "make", "multi30k")
    assert code == 2
    assert "'multi30k' is not generated; there are copy, reverse" in notes


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_sampling_is_drawn_by_seed(command, reverse_run, backend):
    """The same seed draws the same lines in either wing; a cold draw is greedy."""
    words = ("translate", reverse_run, "--sample", "--backend", backend)
    text = b"abcdefgh\n" * 9
    hot = ("--temperature", 9, "--top-k", 5, "--top-p", 0.9)
    first, again, other, cold = (
        command(*words, *extra, stdin=text)[1].splitlines()
        for extra in (hot, hot, (*hot, "--seed", 1), ("--temperature", 1e-4))
    )
    assert first == again != other
    assert len(set(first)) > 1
    assert cold == ["hgfedcba"] * 9


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--top-k", 3), "--temperature, --top-k and --top-p go with --sample"),
        (("--sample", "--beam", 5), "n_beams must be 1 for sampling, got 5"),
        (("--sample", "--top-p", 2), "top_p must be at most 1, got 2.0"),
    ],
    ids=str,
)
def test_sampling_that_makes_no_sense(command, reverse_run, words, said):
    """Settings that contradict one another are refused."""
    code, out, notes = command("translate", reverse_run, *words, stdin=b"abc\n")
    assert (code, out) == (2, "")
    assert said in notes


# --------------------------------------------------------------------- train

TINY = ("--preset", "tiny", "--set", "train.epochs=1", "--set", "tokenizer.kind=word")


def write_pairs(folder, n=60):
    """Two aligned files and a TSV of the same small text."""
    words = [f"w{i % 7} w{i % 5} w{i % 3} n{i} ." for i in range(n)]
    (folder / "a.de").write_text("".join(f"{w}\n" for w in words))
    (folder / "a.en").write_text("".join(f"{w.upper()}\n" for w in words))
    (folder / "a.tsv").write_text("".join(f"{w}\t{w.upper()}\tx\n" for w in words))
    return ("--train-src", folder / "a.de", "--train-tgt", folder / "a.en")


def test_own_files_train_and_translate(command, tmp_path):
    """Two aligned files in, a translator out; validation text is set aside and said."""
    files = write_pairs(tmp_path)
    languages, out = ("--src", "de", "--tgt", "en"), tmp_path / "run"
    code, printed, notes = command("train", *files, *languages, *TINY, "--out", out)
    assert (code, printed) == (0, f"{out}\n")
    assert "of 60 pairs were set aside" in notes
    code, printed, _ = command("translate", out, stdin=b"w1 w2 w0\n")
    assert (code, printed.count("\n")) == (0, 1)


@pytest.mark.parametrize(
    ("changes", "choice", "code", "said"),
    [
        (("--model", "transformer"), ("--layer", 0, "--head", 3), 0, "map: "),
        (("--model", "transformer"), (), 0, "map: "),
        (("--model", "transformer"), ("--layer", 2), 2, "layer must be from 0 to 1"),
        (("--set", "model.attention=none"), (), 2, "this model has no attention"),
        (("--set", "model.cell=gru"), (), 0, "map: "),
        (("--set", "model.input_feeding=true"), (), 0, "map: "),
    ],
    ids=str,
)
def test_every_family_trains_and_shows(command, tmp_path, changes, choice, code, said):
    """Other models train by the same command; a map is asked for by layer and head."""
    words = (*write_pairs(tmp_path), "--src", "de", "--tgt", "en", *TINY, *changes)
    run, file = tmp_path / "run", tmp_path / "map.png"
    assert command("train", *words, "--out", run)[0] == 0
    found, _, notes = command("attend", run, "w1 w2 w0", "-o", file, *choice)
    assert (found, file.exists()) == (code, code == 0)
    assert said in notes


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_no_attention_aligns_nothing(command, tmp_path, backend):
    """Asked for links, a model without attention is refused, before any output."""
    changes = ("--set", "model.attention=none")
    words = (*write_pairs(tmp_path), "--src", "de", "--tgt", "en", *TINY, *changes)
    run = tmp_path / "run"
    assert command("train", *words, "--out", run)[0] == 0
    words = ("translate", run, "--backend", backend, "--alignments")
    refused(command(*words, stdin=b"\nw1 w2\n"), "this model has no attention")


def test_a_tsv_trains(command, tmp_path):
    """So does one file of two columns, in float32, with --lower."""
    write_pairs(tmp_path)
    words = ("--corpus", tmp_path / "a.tsv", "--src", "de", "--tgt", "en", "--lower")
    code, _, _ = command("train", *words, *TINY, "--out", tmp_path / "run")
    assert code == 0
    tokenizer = Translator.load(tmp_path / "run").tokenizer
    assert tokenizer.lower
    assert not any(piece.isupper() for piece in tokenizer.pieces)


def test_another_run_is_where_it_begins(command, tmp_path, reverse_run):
    """--from takes model and tokenizer of the run; training and dropout may differ."""
    words = ("--corpus", "reverse", "--set", "train.epochs=1", "--set", "train.lr=1e-9")
    change = ("--set", "model.dropout=0.1")
    words = ("train", *words, *change, "--from", reverse_run, "--out", tmp_path / "run")
    assert command(*words)[0] == 0
    before, after = (Translator.load(run) for run in (reverse_run, tmp_path / "run"))
    assert after.tokenizer.pieces == before.tokenizer.pieces
    receipt = json.loads((tmp_path / "run" / "receipt.json").read_text())
    assert receipt["config"]["model"]["dropout"] == 0.1
    assert receipt["start"]["path"] == str(reverse_run)
    for a, b in zip(before.model.parameters(), after.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "transformer"), "has model rnn, but --model asks for transformer"),
        (("--preset", "small"), "has model.attention dot, but general was asked for"),
        (("--set", "model.d_embed=7"), "has model.d_embed 64, but 7 was asked for"),
        (("--set", "tokenizer.kind=word"), "--from brings its own tokenizer"),
        (("--lower",), "keeps capitals, but --lower drops them"),
    ],
    ids=str,
)
def test_what_contradicts_the_run_before(command, tmp_path, reverse_run, words, said):
    """One sentence that names both sides, before any text is read."""
    words = ("--corpus", "reverse", "--from", reverse_run, *words)
    refused(train(command, tmp_path, *words), said)


def test_no_run_before(command, tmp_path):
    """--from must be a finished run."""
    words = ("--corpus", "reverse", "--from", tmp_path / "no")
    refused(train(command, tmp_path, *words), "no does not exist")


def test_a_teacher_teaches(command, tmp_path):
    """--teacher translates the training text; the receipt says by what and how."""
    words = (*write_pairs(tmp_path), "--src", "de", "--tgt", "en", *TINY)
    assert command("train", *words, "--out", tmp_path / "teacher")[0] == 0
    more = ("--teacher", tmp_path / "teacher", "--teacher-mix", "only")
    code, _, notes = command("train", *words, *more, "--out", tmp_path / "run")
    assert code == 0
    assert "sentences translated" in notes
    receipt = json.loads((tmp_path / "run" / "receipt.json").read_text())
    assert receipt["teacher"]["mix"] == "only"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--teacher-mix", "only"), "--teacher-mix goes with --teacher"),
        (
            ("--teacher", "REVERSE", "--teacher-mix", "half"),
            "must be one of both, only",
        ),
        (("--teacher", "no"), "no does not exist"),
    ],
    ids=str,
)
def test_teachers_that_make_no_sense(command, tmp_path, reverse_run, words, said):
    """One sentence, before anything is translated."""
    words = [reverse_run if word == "REVERSE" else word for word in words]
    refused(train(command, tmp_path, "--corpus", "reverse", *words), said)


def test_quiet_says_nothing(command, tmp_path):
    """With --quiet, nothing but the result is written."""
    words = (*write_pairs(tmp_path), "--src", "de", "--tgt", "en", *TINY)
    _, out, err = command("train", *words, "--out", tmp_path / "run", "--quiet")
    assert (out, err) == (f"{tmp_path / 'run'}\n", "")


def test_resume_by_the_same_command(command, tmp_path):
    """A kill before the first save resumes from step 0."""
    words = (*write_pairs(tmp_path), "--src", "de", "--tgt", "en", *TINY)
    (tmp_path / "run").mkdir()
    code, _, err = command("train", *words, "--out", tmp_path / "run", "--resume")
    assert code == 0
    assert "starting from step 0" in err


def test_interrupt_saves_and_says_how_to_go_on(tmp_path, reverse_run):
    """Ctrl-C ends with exit code 130; resumed, the run equals an undisturbed one."""
    import signal
    import time

    words = ["--corpus", "reverse", "--preset", "tiny", "--out", str(tmp_path / "run")]
    child = subprocess.Popen(
        [sys.executable, "-m", "minis2s", "train", *words], stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    log = tmp_path / "run" / "log.jsonl"
    deadline = time.monotonic() + 60
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "--resume continues" in err
    assert (tmp_path / "run" / "train_state.safetensors").exists()
    command = [sys.executable, "-m", "minis2s", "train", *words, "--resume"]
    subprocess.run(command, check=True, capture_output=True)
    resumed, whole = (
        (run / "model.safetensors").read_bytes()
        for run in (tmp_path / "run", reverse_run)
    )
    assert resumed == whole


# ----------------------------------------------------------------- bad input

LANGUAGES = ("--src", "de", "--tgt", "en")


def refused(result, *words):
    """Exit code 2 and one sentence, with these words and no traceback."""
    code, out, err = result
    lines = [line for line in err.splitlines() if line.startswith("minis2s: ")]
    assert (code, out) == (2, "")
    assert len(lines) == 1
    assert "Traceback" not in err
    assert all(word in lines[0] for word in words), lines[0]


def train(command, tmp_path, *words):
    """A training that should not come about, and leaves no run behind."""
    result = command("train", *words, "--out", tmp_path / "run")
    assert not (tmp_path / "run" / "config.json").exists()
    return result


def test_missing_file(command, tmp_path):
    """The message names the file."""
    files = ("--train-src", tmp_path / "no.de", "--train-tgt", tmp_path / "no.en")
    refused(train(command, tmp_path, *files, *LANGUAGES), "no.de does not exist")


def test_unequal_counts(command, tmp_path):
    """The message has both counts."""
    files = write_pairs(tmp_path)
    (tmp_path / "a.en").write_text("one\ntwo\n")
    refused(train(command, tmp_path, *files, *LANGUAGES), "60 lines", "has 2")


def test_not_utf8(command, tmp_path):
    """The message has the line's number."""
    files = write_pairs(tmp_path)
    (tmp_path / "a.de").write_bytes(b"ok\n" * 3 + "schläft\n".encode("latin-1") * 57)
    refused(train(command, tmp_path, *files, *LANGUAGES), "line 4: not UTF-8")


def test_empty_corpus(command, tmp_path):
    """Files without a sentence are not trained on."""
    files = write_pairs(tmp_path, n=0)
    refused(train(command, tmp_path, *files, *LANGUAGES), "holds no pair")


def test_too_few_to_split(command, tmp_path):
    """A handful of pairs needs its own validation text."""
    files = write_pairs(tmp_path, n=2)
    refused(train(command, tmp_path, *files, *LANGUAGES), "--valid-src")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--corpus", "nonsense", *LANGUAGES), "unknown corpus 'nonsense'"),
        (("--corpus", "captions-de-en", *LANGUAGES), "has no split 'train'"),
        (("--corpus", "multi30k", "--src", "de", "--tgt", "tlh"), "--tgt must be"),
        (("--corpus", "multi30k", "--src", "de", "--tgt", "de"), "must differ"),
        (("--corpus", "multi30k"), "--src and --tgt must name"),
        (("--corpus", "reverse", "--preset", "huge"), "preset must be one of"),
        (("--corpus", "reverse", "--model", "gan"), "model must be one of"),
        (("--corpus", "reverse", "--set", "train.speed=9"), "--set must be one of"),
        (("--corpus", "reverse", "--set", "train.epochs"), "section.key=value"),
        (("--corpus", "reverse", "--set", "train.epochs=x"), "a whole number"),
        (("--corpus", "reverse", "--set", "train.epochs=0"), "epochs must be above 0"),
        (("--corpus", "reverse", "--set", "model.dropout=1.5"), "dropout must be"),
        (("--corpus", "reverse", "--device", "tpu"), "--device must be"),
        ((), "give either --corpus"),
        (("--train-src", "x", *LANGUAGES), "--train-src and --train-tgt go together"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_words(command, tmp_path, words, said):
    """One sentence that names what was wrong and what would be right."""
    refused(train(command, tmp_path, *words), said)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu(command, tmp_path):
    """Asked for a GPU that is not there, nothing is done on the CPU instead."""
    words = ("--corpus", "reverse", "--device", "cuda")
    refused(train(command, tmp_path, *words), "no GPU was found")


def test_out_exists(command, tmp_path):
    """An existing --out is not touched without --resume."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "x").write_text("precious")
    refused(train(command, tmp_path, "--corpus", "reverse"), "--resume")
    assert (tmp_path / "run" / "x").read_text() == "precious"


def test_more_threads_than_cores(command, tmp_path):
    """PyTorch would start them all, and fall over."""
    result = train(command, tmp_path, "--corpus", "reverse", "--threads", 99999)
    refused(result, "--threads must be at most")
    assert not (tmp_path / "run").exists()


def test_out_under_a_file(command, tmp_path):
    """A folder cannot be made below a file."""
    (tmp_path / "run").write_text("x")
    refused(train(command, tmp_path / "run", "--corpus", "reverse"), "cannot be made")


@pytest.mark.parametrize(
    "words",
    ["CUDA out of memory. Tried to allocate 2 GiB",
     "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"],
)  # fmt: skip
def test_out_of_memory(command, tmp_path, monkeypatch, words):
    """The message names the key that lowers the need."""
    from minis2s.torch_nn import train as module

    def exhausted(*_):
        raise RuntimeError(words)

    monkeypatch.setattr(module, "update", exhausted)
    result = train(command, tmp_path, "--corpus", "reverse", "--preset", "tiny")
    assert result[0] == 2
    assert "train.batch_tokens" in result[2]


@pytest.mark.parametrize("verb", ["translate", "evaluate", "attend"])
@pytest.mark.parametrize("what", ["nothing", "pickle", "folder"])
def test_no_run(command, tmp_path, verb, what):
    """A missing run, a pickle named as one, and a folder without one are refused."""
    run = tmp_path / "model.pt"
    if what == "pickle":
        run.write_bytes(pickle.dumps({"weight": np.ones(3)}))
    elif what == "folder":
        run.mkdir()
    rest = {
        "translate": (), "evaluate": ("--corpus", "reverse"),
        "attend": ("abc", "-o", tmp_path / "m.png"),
    }[verb]  # fmt: skip
    said = {"nothing": "does not exist", "pickle": "pickle", "folder": "not a run"}[
        what
    ]
    refused(command(verb, run, *rest), said)


def test_altered_run(command, reverse_run, tmp_path):
    """One flipped byte among the weights is noticed."""
    import shutil

    run = shutil.copytree(reverse_run, tmp_path / "copy")
    data = bytearray((run / "model.safetensors").read_bytes())
    data[-7] ^= 1
    (run / "model.safetensors").write_bytes(data)
    refused(command("translate", run, stdin=b"abc\n"), "cut or altered")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--corpus", "reverse", "--split", "nine"), "no split 'nine'"),
        (("--corpus", "reverse", "--beam", "0"), "n_beams must be above 0"),
        ((), "give either --corpus"),
        (("--src-file", "x"), "--src-file and --ref-file"),
        (("--corpus", "reverse", "--json", "no/such/x.json"), "is not a folder"),
        (("--corpus", "reverse", "--json", "."), "is a folder, not a file"),
        (("--corpus", "captions-de-en"), "was trained on a generated task"),
    ],
)
def test_bad_evaluation(command, reverse_run, words, said):
    """Unknown splits, beams and places are refused before any work."""
    refused(command("evaluate", reverse_run, *words), said)


@pytest.mark.parametrize(
    ("sentence", "out", "said"),
    [("abc", "map.gif", ".png or .svg"), (" ", "map.png", "blank"),
     ("abc", "no/map.png", "is not a folder")],
)  # fmt: skip
def test_bad_map(command, reverse_run, tmp_path, sentence, out, said):
    """Nothing is drawn of nothing, and nowhere."""
    words = ("attend", reverse_run, sentence, "-o", tmp_path / out)
    refused(command(*words), said)


def test_standard_input_must_be_utf8(command, reverse_run):
    """Also what comes through a pipe is checked."""
    result = command("translate", reverse_run, stdin=b"abc\nde\n\xff\xfe\n")
    refused(result, "line 3: not UTF-8")


def test_no_standard_input(command, reverse_run, monkeypatch):
    """A process without standard input is told so."""
    words = ["translate", str(reverse_run)]
    closed = f"{sys.executable} -m minis2s {' '.join(words)} <&-"
    done = subprocess.run(
        ["bash", "-c", closed], capture_output=True, text=True, check=False
    )
    refused((done.returncode, done.stdout, done.stderr), "no standard input")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk(reverse_run):
    """What cannot be written is said in one sentence."""
    words = f"echo abc | {sys.executable} -m minis2s translate {reverse_run} >/dev/full"
    done = subprocess.run(
        ["bash", "-c", words], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert "No space left" in done.stderr


def test_interrupted_reader_is_no_error(reverse_run):
    """`minis2s translate RUN | head -1` ends quietly."""
    code = f"yes abc | head -5000 | {sys.executable} -m minis2s translate {reverse_run}"
    done = subprocess.run(
        ["bash", "-c", f"{code} --beam 1 | head -1"], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("cba\n", "")


def test_long_beams_and_batches_agree(reverse_run):
    """The command's beam and batch size change the search, never the order."""
    translator = Translator.load(reverse_run)
    lines = ["abc", "defghijk", "z", "qwerty"]
    a = translator.translate_text(lines, DecodeConfig(n_beams=5, batch_size=1))
    b = translator.translate_text(lines[::-1], DecodeConfig(n_beams=5, batch_size=3))
    assert a == b[::-1]


def test_help_answers_at_once():
    """`--help` imports no wing."""
    code = "import sys, minis2s.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ------------------------------------------------- odd text, short training


def write_dirty(folder):
    """Two files of our captions, in which seven lines are odd, and CRLF ends lines."""
    text = corpora.load("captions-de-en", "test", "de", "en")
    pairs = list(zip(text.src, text.tgt, strict=True))
    pairs[2] = pairs[2][::-1]
    pairs[4] = (pairs[4][0], pairs[4][0])
    pairs[6] = pairs[5]
    pairs[8] = ("@@", pairs[8][1])
    pairs[10] = (pairs[10][0], "\u00a0\t")
    pairs[12] = (pairs[12][0].replace(" ", "\u00a0"), pairs[12][1].replace(" ", "\t"))
    pairs[14] = ("Две собаки бегут по траве.", pairs[14][1])
    for side, name in enumerate(("b.de", "b.en")):
        lines = "".join(f"{pair[side]}\r\n" for pair in pairs)
        (folder / name).write_bytes(b"\xef\xbb\xbf" + lines.encode())
    return folder / "b.de", folder / "b.en"


ODDITIES = [
    "pairs has a blank side (first: line 11)",
    "pairs repeats an earlier pair word for word (first: line 7)",
    "pairs is lopsided: one side is far longer than the other (first: line 9)",
    "pairs is copied: source and target are equal (first: line 5)",
    "pairs seems swapped: source and target in each other's place (first: line 3)",
    "pairs seems to have a source that is not de (first: line 15)",
]


@pytest.mark.parametrize("clean", [False, True])
def test_oddities_are_said_and_dropped_if_asked(command, tmp_path, clean):
    """A note for each kind; only --clean leaves pairs out, as the receipt says."""
    src, tgt = write_dirty(tmp_path)
    files = ("--train-src", src, "--train-tgt", tgt, "--src", "de", "--tgt", "en")
    flags = ("--out", tmp_path / "run", *(["--clean"] if clean else []))
    code, _, notes = command("train", *files, *TINY, *flags)
    lines = notes.splitlines()
    assert code == 0
    assert [line.split(" of ", 1)[1].split(" ", 1)[1] for line in lines[:6]] == ODDITIES
    counts = "1 repeated, 1 copied, 1 lopsided, 1 swapped"
    kept = "all are kept; --clean would leave out what is repeated, copied, lopsided"
    assert lines[6].startswith(f"left out by --clean: {counts}" if clean else kept)
    n_read = len(src.read_text(encoding="utf-8").splitlines())
    assert f"of {n_read - 4 * clean} pairs were set aside" in lines[7]
    found = json.loads((tmp_path / "run" / "receipt.json").read_text())
    dropped = {"repeated": 1, "copied": 1, "lopsided": 1, "swapped": 1}
    assert found["config"]["clean"] == (dropped if clean else None)


def test_a_leak_is_said(command, tmp_path):
    """Training sentences that stand in the validation text, too, by line."""
    files = write_pairs(tmp_path)
    (tmp_path / "v.de").write_text("w1 w1 w1 n1 .\nnew words\n")
    (tmp_path / "v.en").write_text("something\nW2 W2 W2 N2 .\n")
    valid = ("--valid-src", tmp_path / "v.de", "--valid-tgt", tmp_path / "v.en")
    words = (*files, *valid, *LANGUAGES, *TINY, "--out", tmp_path / "run")
    said = "2 of 60 pairs have a source or a target that is in the validation text too"
    assert f"{said} (first: line 2)\n" in command("train", *words)[2]


def test_languages_the_wrong_way_round_are_doubted(command, tmp_path):
    """If most lines of either side seem foreign, the flags are more likely wrong."""
    src, tgt = write_dirty(tmp_path)
    files = ("--train-src", tgt, "--train-tgt", src, "--out", tmp_path / "run")
    notes = command("train", *files, *LANGUAGES, *TINY)[2]
    assert "are --src de and --tgt en the right way round?\n" in notes


def test_generated_text_has_no_oddity(command, tmp_path, caplog):
    """Copies are what the task asks for; to clean it makes no sense."""
    from minis2s.cli.training_text import training_text

    nothing = (None, None)
    train_text, _, n_dropped = training_text(
        "copy", nothing, nothing, "", "", clean=False
    )
    assert (len(train_text), n_dropped, caplog.text) == (10_000, None, "")
    refused(
        train(command, tmp_path, "--corpus", "copy", "--clean"),
        "--clean is for text that people wrote, which copy is not",
    )


def test_a_short_training_is_said(command, tmp_path, monkeypatch):
    """With the number of epochs that makes enough; enough are not mentioned."""
    words = ("train", *write_pairs(tmp_path), *LANGUAGES, *TINY)
    notes = command(*words, "--out", tmp_path / "few")[2]
    assert "too short to learn to translate, which takes at least 500; --set" in notes
    monkeypatch.setattr(sys.modules["minis2s.cli.train"], "FEW_STEPS", 7)
    notes = command(*words, "--out", tmp_path / "fewer")[2]
    going_on = ("--from", tmp_path / "few", *TINY[:4], "--out", tmp_path / "after")
    code, _, notes_after = command(*words[: -len(TINY)], *going_on)
    assert (code, "too short" in notes_after) == (0, False)
    change = re.search(r"--set train\.epochs=\d+", notes).group().split()
    assert "too short" not in command(*words, *change, "--out", tmp_path / "more")[2]
    receipt = json.loads((tmp_path / "more" / "receipt.json").read_text())
    assert 7 <= receipt["steps"] < 9


def test_evaluate_says_what_is_odd(command, tmp_path):
    """Own files are looked through before they are scored; nothing is left out."""
    words = (*write_pairs(tmp_path), *LANGUAGES, *TINY, "--out", tmp_path / "run")
    assert command("train", *words)[0] == 0
    src, ref = write_dirty(tmp_path)
    files = ("--src-file", src, "--ref-file", ref, "--beam", 1)
    code, out, notes = command("evaluate", tmp_path / "run", *files)
    n_read = len(src.read_text(encoding="utf-8").splitlines())
    assert code == 0
    assert all(sentence in notes for sentence in ODDITIES)
    assert f"sentences       {n_read}\n" in out


def test_attend_notes_a_cut_line_once(command, reverse_run, tmp_path):
    """Though its tokens are needed twice, for the search and for the map."""
    words = ("attend", reverse_run, "ab" * 70, "--beam", 1, "-o", tmp_path / "m.png")
    code, _, notes = command(*words)
    assert code == 0
    assert notes.count("a line of 140 tokens was cut to 100") == 1


def test_lists_of_a_cut_line_note_it_once(command, reverse_run):
    """Also where every hypothesis is aligned with it."""
    words = ("translate", reverse_run, "--nbest", 3, "--scores", "--alignments")
    code, _, notes = command(*words, stdin=b"ab" * 70 + b"\n")
    assert (code, notes.count("was cut to 100")) == (0, 1)

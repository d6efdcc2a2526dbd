"""A training from text to a run on disk, and back after an accident."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from minis2s.checkpoint import STATE_FILE, load_run
from minis2s.config import InputError, TokenizerConfig, TrainConfig
from minis2s.text.corpora import ParallelText
from minis2s.torch_nn import experiment as module
from minis2s.torch_nn.experiment import Experiment, Settings
from minis2s.torch_nn.train import Validation

WORDS = [a + b for a in "abcd" for b in "efg"]
TEXT = ParallelText(WORDS, [word[::-1] for word in WORDS], "")


def make(out, *, text=TEXT, valid=TEXT, start=None, **changes):
    """A very small experiment."""
    how = ("resume", "allow_inexact", "half", "teacher", "teacher_mix")
    how = {name: changes.pop(name) for name in how if name in changes}
    kind, clean = changes.pop("kind", "char"), changes.pop("clean", None)
    settings = Settings(
        kind="rnn",
        model={"d_embed": 4, "d_hidden": 3, "d_decoder": 5},
        train=TrainConfig(**{"epochs": 2, "batch_tokens": 15, **changes}),
        tokenizer=TokenizerConfig(kind=kind, vocab_size=320, min_count=1),
        lower=False, src="xx", tgt="yy", seed=1, data_sha256={"train": "0"},
        clean=clean,
    )  # fmt: skip
    return Experiment(
        settings, text, valid, out, device=torch.device("cpu"), start=start, **how
    )  # fmt: skip


def complete(experiment):
    """Train to the end and write the run."""
    for _ in experiment.run():
        pass
    return experiment.finish("test")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_killed_at_any_moment_it_ends_the_same(tmp_path):
    """Ten killed trainings end with the file of an undisturbed one, byte for byte.

    Each is killed at a random moment, the first two before anything was saved, and
    once more while it resumes. Every other one has a teacher, several batches to an
    update, a running mean of the weights, and a mean of the last.
    """
    seed = time.time_ns() % 10_000
    driver = Path(__file__).with_name("resume_driver.py")
    done = subprocess.run(
        [sys.executable, driver, tmp_path, str(seed)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, f"seed {seed}\n{done.stderr}"
    for i in range(10):
        whole = (tmp_path / f"whole-{i % 2 == 1}" / "model.safetensors").read_bytes()
        out = tmp_path / f"killed-{i}"
        assert (out / "model.safetensors").read_bytes() == whole, f"seed {seed}, {i}"
        assert not (out / STATE_FILE).exists()


def test_a_finished_run_has_everything(tmp_path):
    """Weights, settings, tokenizer, receipt and log; no training state any more."""
    complete(make(tmp_path / "run"))
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "model.safetensors", "config.json", "tokenizer.json", "receipt.json",
        "log.jsonl",
    }  # fmt: skip
    run = load_run(tmp_path / "run")
    assert (run.src, run.tgt, run.max_len) == ("xx", "yy", 100)


def test_the_receipt_says_how(tmp_path):
    """It names what is needed to train again, and what was measured."""
    found = complete(make(tmp_path / "run"))
    assert {
        "command", "config", "seed", "commit", "versions", "hardware", "threads",
        "seconds", "data_sha256", "metrics", "time_to_first_step_s",
        "tgt_tokens_per_s", "peak_memory_mib", "n_parameters", "best_step",
    } <= found.keys()  # fmt: skip
    assert json.loads((tmp_path / "run" / "receipt.json").read_text()) == found


def test_the_number_of_steps_is_known_before(tmp_path):
    """Also where several batches make one update, and the last one takes fewer."""
    experiment = make(tmp_path / "run", batch_tokens=10, accumulate=3)
    n_steps = experiment.n_steps
    complete(experiment)
    assert experiment.state.counters.step == n_steps


def test_the_log_says_which_validation_is_of_a_mean(tmp_path):
    """The last line does, and no other."""
    complete(make(tmp_path / "run", epochs=3, average=2))
    lines = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line).get("n_averaged") for line in lines] == [*[None] * 3, 2]


def test_half_weights_are_half_the_bytes(tmp_path):
    """float16 on disk, float32 again when loaded."""
    sizes = []
    for half in (False, True):
        complete(make(tmp_path / str(half), half=half))
        sizes.append((tmp_path / str(half) / "model.safetensors").stat().st_size)
        weights = load_run(tmp_path / str(half)).weights
        assert {str(value.dtype) for value in weights.values()} == {"float32"}
    assert 0.4 < sizes[1] / sizes[0] < 0.85  # names and shapes are not halved


def test_the_log_tells_every_validation_once(tmp_path, monkeypatch):
    """Also where the training was resumed in between."""
    monkeypatch.setattr(module, "LOG_EVERY", 2)
    first = make(tmp_path / "run", epochs=4)
    for record in first.run():
        if isinstance(record, Validation) and record.epoch == 1:
            break
    first.save_state()
    complete(make(tmp_path / "run", epochs=4, resume=True))
    lines = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    assert [e["epoch"] for e in entries if "valid" in e] == [0, 1, 2, 3]
    assert [e["step"] for e in entries] == sorted(e["step"] for e in entries)


def test_an_existing_folder_is_not_touched(tmp_path):
    """Without --resume nothing that is there is overwritten."""
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="exists; --resume continues it"):
        make(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_a_folder_under_a_file_is_refused(tmp_path):
    """`--out` below a file cannot be made."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be made"):
        make(tmp_path / "file" / "run")


def test_a_finished_run_is_not_resumed(tmp_path):
    """There is nothing to continue, and it stays as it is."""
    complete(make(tmp_path / "run"))
    before = (tmp_path / "run" / "model.safetensors").read_bytes()
    with pytest.raises(InputError, match="is finished"):
        make(tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == before


def test_other_settings_are_not_resumed(tmp_path):
    """A resumed experiment must be the one that was begun; the message names why."""
    first = make(tmp_path / "run")
    next(first.run())
    first.save_state()
    with pytest.raises(InputError, match=r"train\.lr was 0\.002, is 0\.5"):
        make(tmp_path / "run", resume=True, lr=0.5)


def test_other_conditions_want_permission(tmp_path, monkeypatch):
    """Other versions or threads may change the last digits: --allow-inexact."""
    first = make(tmp_path / "run")
    next(first.run())
    first.save_state()
    monkeypatch.setattr(module.receipt, "versions", lambda: {"torch": "0.1"})
    with pytest.raises(InputError, match=r"versions\.torch was .*--allow-inexact"):
        make(tmp_path / "run", resume=True)
    complete(make(tmp_path / "run", resume=True, allow_inexact=True))


def test_a_cut_state_is_refused(tmp_path):
    """A training state that lost its end is not resumed in part."""
    first = make(tmp_path / "run")
    next(first.run())
    first.save_state()
    state = tmp_path / "run" / STATE_FILE
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(InputError, match="was cut or altered"):
        make(tmp_path / "run", resume=True)


def test_blank_and_long_pairs_are_counted_and_said(tmp_path, caplog):
    """What is left out of a training is never left out silently."""
    text = ParallelText([*WORDS, " ", "a" * 9], [*WORDS, "x", "b"], "")
    with caplog.at_level("INFO"):
        make(tmp_path / "run", text=text, max_len=8)
    assert (
        "training: 12 pairs; left out: 1 blank, 1 longer than 8 tokens" in caplog.text
    )


def test_nothing_left_to_train_on(tmp_path):
    """If every pair is too long, that is said instead of training on nothing."""
    with pytest.raises(InputError, match="no training pair is left"):
        make(tmp_path / "run", max_len=1)


@pytest.mark.parametrize(("tgt", "want"), [("", 100.0), ("en", 0.0)])
def test_validation_bleu_knows_letters_from_words(tmp_path, monkeypatch, tgt, want):
    """A right answer of one word is 100 in a task, and too short for 13a."""
    experiment = make(tmp_path / "run", select="bleu")
    object.__setattr__(experiment.settings, "tgt", tgt)
    text = ParallelText(["abcd"], ["abcdefg"], "")
    experiment.valid_text = text
    monkeypatch.setattr(
        module.Translator, "translate_text", lambda self, lines: list(text.tgt)
    )
    scores = experiment.validate(experiment.state.model.eval())
    assert scores["bleu"] == pytest.approx(want)


def test_a_loss_that_is_no_number_ends_the_training(tmp_path):
    """A diverged training is stopped at once, and says what to lower."""
    experiment = make(
        tmp_path / "run", optimizer="sgd", lr=1e38, clip_norm=0.0, warmup_steps=0
    )
    with pytest.raises(InputError, match=r"the loss is (nan|inf) .* lower train\.lr"):
        complete(experiment)


def test_resuming_leaves_a_foreign_folder_alone(tmp_path):
    """--resume into a folder of other things is refused."""
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match=r"holds thesis\.txt"):
        make(tmp_path, resume=True)


def test_a_kill_before_the_first_save_leaves_no_lines_twice(tmp_path, monkeypatch):
    """What was logged before the first save is forgotten with it."""
    monkeypatch.setattr(module, "LOG_EVERY", 1)
    next(make(tmp_path / "run").run())
    complete(make(tmp_path / "run", resume=True))
    lines = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in lines if "lr" in json.loads(line)]
    assert steps == sorted(set(steps))


def test_a_state_of_other_arrays_is_refused(tmp_path):
    """A training state that lacks an array is not resumed in part."""
    first = make(tmp_path / "run")
    next(first.run())
    first.save_state()
    arrays, scalars = module.checkpoint.load_state(tmp_path / "run")
    arrays.pop("model.decoder.output.bias")
    module.checkpoint.save_state(tmp_path / "run", arrays, scalars)
    with pytest.raises(InputError, match="was cut or altered"):
        make(tmp_path / "run", resume=True)


def test_a_folder_that_may_not_be_written(tmp_path, monkeypatch):
    """It is known before the training begins, not at its first save."""

    def denied(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module.tempfile, "TemporaryFile", denied)
    with pytest.raises(InputError, match=r"cannot be made .Permission denied"):
        make(tmp_path / "run")


@pytest.mark.parametrize(("asked", "said"), [(10, "takes"), (4000, "fewer than")])
def test_another_vocabulary_than_asked_for_is_said(tmp_path, caplog, asked, said):
    """A small text has too few subwords for 4,000, and 10 cannot spell it."""
    settings = make(tmp_path / "first").settings
    tokenizer = TokenizerConfig(kind="sentencepiece", vocab_size=asked)
    settings = dataclasses.replace(settings, tokenizer=tokenizer)
    with caplog.at_level("INFO"):
        Experiment(settings, TEXT, TEXT, tmp_path / "run", device=torch.device("cpu"))
    assert said in caplog.text
    assert f"the {asked} asked for" in caplog.text


def test_the_vocabulary_is_that_of_the_training_text(tmp_path):
    """A letter that only the validation text has is unknown."""
    words = [word for word in WORDS if "d" not in word]
    text = ParallelText(words, [word[::-1] for word in words], "")
    pieces = make(tmp_path / "run", text=text).tokenizer.pieces
    assert set("abcefg") <= set(pieces)
    assert "d" not in pieces


def test_a_model_that_has_learned_nothing_scores_nothing(tmp_path):
    """Validation translates without a look at the reference."""
    experiment = make(tmp_path / "run", select="bleu")
    object.__setattr__(experiment.settings, "tgt", "")
    experiment.valid_text = ParallelText(["abcdefg"], ["gfedcba"], "")
    assert experiment.validate(experiment.state.model.eval())["bleu"] < 50


def test_learned_positions_must_reach_far_enough(tmp_path):
    """A table that a translation could run past is refused before training."""
    settings = Settings(
        kind="transformer",
        model={"d_model": 4, "n_heads": 2, "positions": "learned", "max_len": 221},
        train=TrainConfig(),
        tokenizer=TokenizerConfig(kind="char", min_count=1),
        lower=False, src="xx", tgt="yy", seed=1, data_sha256={},
    )  # fmt: skip
    message = "model.max_len must be at least 222 for learned .* 100, got 221"
    with pytest.raises(InputError, match=message):
        Experiment(settings, TEXT, TEXT, tmp_path / "run", device=torch.device("cpu"))


# --- from another run ---


def test_a_training_begins_with_another_run(tmp_path):
    """With its weights and its tokenizer; nothing is drawn or learned anew."""
    complete(make(tmp_path / "first"))
    run = load_run(tmp_path / "first")
    text = ParallelText(["abxy"] * 9, ["yxba"] * 9, "")
    second = make(tmp_path / "second", text=text, start=run)
    assert second.tokenizer is run.tokenizer
    for found in (second.state.weights(), second.state.best_weights):
        assert all(np.array_equal(found[name], run.weights[name]) for name in found)


def test_the_receipt_names_the_run_before(tmp_path):
    """Its path, and the sha256 of its weights; a first run names none."""
    assert "start" not in complete(make(tmp_path / "first"))
    run = load_run(tmp_path / "first")
    found = complete(make(tmp_path / "second", start=run))
    data = (tmp_path / "first" / "model.safetensors").read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    assert found["start"] == {"path": str(tmp_path / "first"), "sha256": sha256}


def test_a_training_from_a_run_resumes(tmp_path):
    """Stopped and resumed, it ends as if it had not been; another run is refused."""
    complete(make(tmp_path / "first"))
    run = load_run(tmp_path / "first")
    complete(make(tmp_path / "whole", start=run))
    stopped = make(tmp_path / "stopped", start=run)
    next(stopped.run())
    stopped.save_state()
    with pytest.raises(InputError, match="start was"):
        make(tmp_path / "stopped", resume=True)
    complete(make(tmp_path / "stopped", start=run, resume=True))
    a, b = (
        (tmp_path / name / "model.safetensors").read_bytes()
        for name in ("whole", "stopped")
    )
    assert a == b


# --- with a teacher ---


@pytest.mark.parametrize(("mix", "n_pairs"), [("both", 24), ("only", 12)])
def test_a_student_learns_from_translations(tmp_path, mix, n_pairs):
    """Training pairs are doubled or replaced; validation stays on references."""
    complete(make(tmp_path / "teacher", epochs=9, lr=0.03))
    teacher = load_run(tmp_path / "teacher")
    alone = make(tmp_path / "alone")
    student = make(tmp_path / "student", teacher=teacher, teacher_mix=mix)
    pairs = student.train_pairs
    assert len(pairs) + pairs.n_blank == n_pairs  # a silent teacher's are blank
    assert student.tokenizer.pieces == alone.tokenizer.pieces
    np.testing.assert_array_equal(student.valid_pairs.tgt, alone.valid_pairs.tgt)
    found = complete(student)
    assert found["teacher"] == {
        "path": str(tmp_path / "teacher"), "sha256": teacher.sha256, "mix": mix,
        "beam": 5,
    }  # fmt: skip


def test_another_teacher_is_refused_before_it_translates(tmp_path, monkeypatch):
    """To resume with other settings is an error at once, not after an hour."""
    complete(make(tmp_path / "teacher"))
    teacher = load_run(tmp_path / "teacher")
    first = make(tmp_path / "run", teacher=teacher)
    next(first.run())
    first.save_state()
    monkeypatch.setattr(module, "distil", lambda *_: pytest.fail("translated"))
    with pytest.raises(InputError, match=r"teacher_mix was 'both', is 'only'"):
        make(tmp_path / "run", teacher=teacher, teacher_mix="only", resume=True)


# --- a cleaned text ---


def test_what_was_dropped_is_in_the_receipt(tmp_path):
    """The counts of a cleaned text, or nothing where nothing was to be dropped."""
    counts = {"repeated": 3, "swapped": 0}
    for clean in (counts, None):
        found = complete(make(tmp_path / str(bool(clean)), clean=clean))
        assert found["config"]["clean"] == clean


def test_a_cleaned_text_is_another_experiment(tmp_path):
    """To resume without what was dropped at first, or with it, is refused."""
    first = make(tmp_path / "run", clean={"repeated": 3})
    next(first.run())
    first.save_state()
    make(tmp_path / "run", clean={"repeated": 3}, resume=True)
    with pytest.raises(InputError, match=r"clean was {'repeated': 3}, is None"):
        make(tmp_path / "run", resume=True)


# --- BPE dropout ---

SENTENCES = ["ein Hund läuft", "zwei Hunde laufen", "ein Koch kocht", "Köche kochen"]
SENTENCES = ParallelText(3 * SENTENCES, 3 * SENTENCES[::-1], "")
BPE = {
    "text": SENTENCES,
    "valid": SENTENCES,
    "bpe_dropout": 0.4,
    "kind": "sentencepiece",
}


def test_bpe_dropout_resumes_in_the_middle_of_an_epoch(tmp_path):
    """Stopped within an epoch, it goes on with the same pieces, to the same weights."""
    complete(make(tmp_path / "whole", **BPE, batch_tokens=40))
    stopped = make(tmp_path / "stopped", **BPE, batch_tokens=40)
    records = stopped.run()
    for _ in range(2):
        next(records)
    assert stopped.state.counters.batch
    stopped.save_state()
    complete(make(tmp_path / "stopped", **BPE, batch_tokens=40, resume=True))
    files = [tmp_path / out / "model.safetensors" for out in ("whole", "stopped")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_bpe_dropout_changes_what_is_learned(tmp_path):
    """With it the weights come out otherwise than without it."""
    for rate in (0.0, 0.4):
        complete(make(tmp_path / str(rate), **{**BPE, "bpe_dropout": rate}))
    files = [tmp_path / str(rate) / "model.safetensors" for rate in (0.0, 0.4)]
    assert files[0].read_bytes() != files[1].read_bytes()


def test_bpe_dropout_wants_subwords(tmp_path):
    """Characters have no merges that could be left out."""
    with pytest.raises(InputError, match=r"bpe_dropout goes with .* got char"):
        make(tmp_path / "run", bpe_dropout=0.1)

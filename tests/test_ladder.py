"""Benchmarks that train: what they ask for is possible, what they count is right."""

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from minis2s.checkpoint import load_run
from minis2s.config import PRESETS, apply_setting, preset, sections
from minis2s.text.corpora import ParallelText, load
from minis2s.torch_nn.translator import Translator

ROOT = Path(__file__).parents[1]


@pytest.fixture
def script(monkeypatch):
    """A benchmark as a module, by name; beside it stands what it imports."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")

    def load_script(name):
        path = ROOT / "benchmarks" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load_script


def asked_settings(ladder, name):
    """What the ladder asks of a rung, as the configuration it becomes."""
    family, own = ladder.RUNGS[name]
    settings = preset(family, "small")
    shared = {**ladder.SAME, **(ladder.RECURRENT if family == "rnn" else {}), **own}
    for key, value in shared.items():
        apply_setting(family, settings, f"{key}={value}")
    kinds = sections(family)
    settings["model"]["vocab_size"] = ladder.VOCAB_SIZE
    return {name: kinds[name](**values) for name, values in settings.items()}


def test_every_rung_has_the_same_budget(script):
    """Subwords, passes and size of a batch differ nowhere, and each rung is valid."""
    ladder = script("ladder")
    rungs = [asked_settings(ladder, name) for name in ladder.RUNGS]
    for field in ("epochs", "batch_tokens", "label_smoothing", "precision", "select"):
        assert len({getattr(rung["train"], field) for rung in rungs}) == 1
    assert len({rung["tokenizer"] for rung in rungs}) == 1


def test_recurrent_rungs_differ_in_cell_and_attention_alone(script):
    """Widths and dropout are the same wherever there is recurrence."""
    ladder = script("ladder")
    rungs = [asked_settings(ladder, name)["model"] for name in list(ladder.RUNGS)[:-1]]
    same = {dataclasses.replace(r, cell="lstm", attention="none") for r in rungs}
    assert len(same) == 1
    assert len({(r.cell, r.attention) for r in rungs}) == len(rungs)


def test_bins_hold_every_sentence_once(script):
    """The bins are disjoint and complete, and each has its own BLEU."""
    ladder = script("ladder")
    captions = load("captions-de-en", "test", "de", "en")
    longest = ladder.BINS[-1][0]
    rows = ladder.by_length(captions, captions.tgt)
    assert sum(row["sentences"] for row in rows) == len(captions)
    assert all(row["bleu"] == pytest.approx(100) for row in rows)
    spoiled = [
        "no" if len(s.split()) >= longest else t
        for s, t in zip(captions.src, captions.tgt, strict=True)
    ]
    rows = ladder.by_length(captions, spoiled)
    assert rows[-1]["bleu"] < 1 < 99 < rows[0]["bleu"]


def test_kept_maps_are_where_the_model_looked(script, tmp_path, monkeypatch):
    """Attention, layer by layer and head by head, and the words of its rows."""
    ladder = script("ladder")
    monkeypatch.setattr(ladder, "MAPS", tmp_path / "maps")
    run = load_run(ROOT / "data" / "models" / "de-en-transformer")
    translator = Translator.from_run(run)
    captions = load("captions-de-en", "test", "de", "en")
    captions = ParallelText(captions.src[:2], captions.tgt[:2], "")
    ladder.keep_maps("A rung, so named", translator, captions)
    kept = load_file(tmp_path / "maps" / "a-rung-so-named.safetensors")
    looked = translator.attend(captions.src[1], captions.tgt[1])
    np.testing.assert_allclose(kept["001"], looked.attention, atol=1e-3)
    _, _, n_tgt, n_src = looked.attention.shape
    assert (len(kept["001.tgt"]), len(kept["001.src"])) == (n_tgt, n_src)
    assert (np.diff(kept["001.src"]) >= 0).all()


def test_a_finished_run_is_not_trained_again(script, tmp_path):
    """Its receipt is read; no command is run."""
    training = script("training")
    (tmp_path / "receipt.json").write_text(json.dumps({"seed": 7}))
    assert training.trained(tmp_path, "--no-such-flag", settings={}) == {"seed": 7}


def test_a_failed_training_says_so(script, tmp_path, monkeypatch):
    """The command's own message stands above; the benchmark stops with one sentence."""
    training = script("training")
    monkeypatch.setenv("MINIS2S_DATA", str(tmp_path))
    with pytest.raises(training.InputError, match="could not be trained"):
        training.trained(tmp_path / "run", "--model", "no-such", settings={})


def test_the_best_recipe_is_possible(script):
    """What is asked for on a GPU is a valid training of the preset `base`."""
    best = script("best")
    for family in PRESETS:
        settings = preset(family, "base")
        for key, value in best.RECIPE.items():
            apply_setting(family, settings, f"{key}={value}")
        sections(family)["train"](**settings["train"])


def test_only_a_gpu_is_asked_for_base(script, monkeypatch):
    """Without a GPU the preset `base` is left out, and the others are trained."""
    presets = script("presets")
    asked = []
    monkeypatch.setattr(presets, "ON_GPU", False)
    monkeypatch.setattr(presets, "trained", lambda out, *_, settings: asked.append(out))
    assert presets.find("rnn", "base") is None
    assert presets.find("rnn", "small") == asked[0]

"""A teacher's translations: what is made of them, and that they are made once."""

import dataclasses
import json

import pytest
import torch

from minis2s.checkpoint import load_run, save_run
from minis2s.config import InputError, RNNConfig
from minis2s.text.corpora import ParallelText
from minis2s.text.tokenizers import CharTokenizer
from minis2s.torch_nn import distillation
from minis2s.torch_nn.distillation import FILE, check_teacher, distil
from minis2s.torch_nn.models import make_model
from minis2s.torch_nn.translator import Translator

CPU = torch.device("cpu")
WORDS = [a + b for a in "abcd" for b in "efg"]
TEXT = ParallelText([*WORDS, " "], [*WORDS[::-1], ""], "1" * 64)


@pytest.fixture
def teacher(tmp_path):
    """A run that was never trained, and so says odd things."""
    torch.manual_seed(0)
    tokenizer = CharTokenizer.learn(WORDS, 100, 1)
    sizes = RNNConfig(
        vocab_size=len(tokenizer.pieces), d_embed=5, d_hidden=3, d_decoder=7
    )
    weights = {
        name: value.detach().numpy()
        for name, value in make_model(sizes).named_parameters()
    }
    path = tmp_path / "teacher"
    save_run(path, weights, sizes, tokenizer, src="de", tgt="en", max_len=9)
    return load_run(path)


@pytest.fixture
def searches(monkeypatch):
    """How many lines were translated at each call."""
    calls, translate = [], Translator.translate_text

    def count(self, lines, config):
        calls.append(len(lines))
        assert config.n_beams == 5
        return translate(self, lines, config)

    monkeypatch.setattr(Translator, "translate_text", count)
    monkeypatch.setattr(distillation, "CHUNK", 5)
    return calls


def test_both_keeps_the_references(teacher, tmp_path):
    """Every source stands twice: with its reference, and with its translation."""
    text = distil(TEXT, teacher, "both", tmp_path, CPU)
    assert text.src == TEXT.src * 2
    assert text.tgt[:13] == TEXT.tgt
    assert text.tgt[13:] == distil(TEXT, teacher, "only", tmp_path, CPU).tgt


def test_only_takes_translations(teacher, tmp_path):
    """They are what the teacher says with a beam of 5, a blank for a blank."""
    text = distil(TEXT, teacher, "only", tmp_path, CPU)
    translator = Translator.from_run(teacher)
    assert text.src == TEXT.src
    assert text.tgt == translator.translate_text(TEXT.src, distillation.SEARCH)
    assert text.tgt != TEXT.tgt
    assert text.tgt[-1] == ""


def test_nothing_is_translated_twice(teacher, tmp_path, searches):
    """What lies in the folder is read, also if it is a part."""
    whole = distil(TEXT, teacher, "only", tmp_path, CPU)
    assert searches == [5, 5, 3]
    assert distil(TEXT, teacher, "only", tmp_path, CPU) == whole
    assert searches == [5, 5, 3]
    found = json.loads((tmp_path / FILE).read_text())
    found["lines"] = found["lines"][:5]
    (tmp_path / FILE).write_text(json.dumps(found))
    assert distil(TEXT, teacher, "only", tmp_path, CPU) == whole
    assert searches == [5, 5, 3, 5, 3]


@pytest.mark.parametrize("change", ["teacher", "text", "damage"])
def test_another_s_translations_are_not_taken(teacher, tmp_path, searches, change):
    """Of another teacher or text, or damaged: all is translated anew."""
    distil(TEXT, teacher, "only", tmp_path, CPU)
    text = TEXT
    if change == "teacher":
        teacher = dataclasses.replace(teacher, sha256="2" * 64)
    elif change == "text":
        text = dataclasses.replace(TEXT, sha256="2" * 64)
    else:
        (tmp_path / FILE).write_text("{")
    distil(text, teacher, "only", tmp_path, CPU)
    assert searches == [5, 5, 3] * 2


def test_a_teacher_of_other_languages_is_refused(teacher):
    """It would teach the wrong thing."""
    check_teacher(teacher, "both", "de", "en")
    message = "teacher translates de to en, but the training is fr to en"
    with pytest.raises(InputError, match=message):
        check_teacher(teacher, "both", "fr", "en")
    with pytest.raises(InputError, match=r"de to en, but .* is for a generated task"):
        check_teacher(teacher, "both", "", "")


def test_an_unknown_mix_is_refused(teacher):
    """The message has the known ones."""
    message = "--teacher-mix must be one of both, only, got 'half'"
    with pytest.raises(InputError, match=message):
        check_teacher(teacher, "half", "de", "en")

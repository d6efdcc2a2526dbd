"""The checkpoints that torch trained, in both wings: token for token the same."""

import numpy as np
import pytest

from minis2s.checkpoint import load_run, save_run
from minis2s.config import DecodeConfig, TransformerConfig
from minis2s.numpy_ref import translator as numpy_ref
from minis2s.numpy_ref.models import make_model
from minis2s.text import corpora
from minis2s.text.tokenizers import SPECIAL_PIECES, CharTokenizer
from minis2s.torch_nn import translator as torch_nn

WINGS = (numpy_ref, torch_nn)


@pytest.fixture(scope="module", params=["de-en-lstm", "de-en-transformer"])
def both(request):
    """A shipped model in NumPy and in torch."""
    run = load_run(corpora.OWN_DATA / "models" / request.param)
    return [wing.Translator.from_run(run) for wing in WINGS]


@pytest.fixture(scope="module")
def captions():
    """Our sixty captions."""
    return corpora.load("captions-de-en", "test", "de", "en")


@pytest.mark.parametrize("n_beams", [1, 5])
def test_translations_are_equal(both, captions, n_beams):
    """Same tokens for all captions, in float32; scores and maps to 1e-5."""
    config = DecodeConfig(n_beams=n_beams)
    found = [translator.translate(captions.src, config) for translator in both]
    for a, b in zip(*found, strict=True):
        assert a.tokens == b.tokens
        np.testing.assert_allclose(a.score, b.score, atol=1e-5)
        np.testing.assert_allclose(a.attention, b.attention, atol=1e-5)


def test_lists_and_alignments_are_equal(both, captions):
    """The three best of twenty captions, paying for coverage, and their links."""
    lines = captions.src[:20]
    config = DecodeConfig(n_beams=5, n_best=3, coverage=0.2)
    lists = [translator.translate_n_best(lines, config) for translator in both]
    for line, *found in zip(lines, *lists, strict=True):
        a, b = ([best.tokens for best in one] for one in found)
        assert a == b
        links = [t.alignments(line, one[0]) for t, one in zip(both, found, strict=True)]
        assert links[0] == links[1] != []


def test_forced_references_are_equal(both, captions):
    """Made to say the reference, both give it the same score and map."""
    for src, tgt in list(zip(captions.src, captions.tgt, strict=True))[:7]:
        a, b = (translator.attend(src, tgt) for translator in both)
        np.testing.assert_allclose(a.score, b.score, atol=1e-5)
        np.testing.assert_allclose(a.attention, b.attention, atol=1e-5)


def test_numpy_keeps_float32(both, captions):
    """Inference is float32, as in torch, not float64."""
    found = both[0].translate(captions.src[:2])[0]
    assert found.attention.dtype == np.float32


@pytest.mark.parametrize("n_beams", [1, 5])
def test_a_run_of_the_other_family_is_read_by_both(tmp_path, rng, n_beams):
    """A Transformer's run: each wing makes the model that its config.json names."""
    letters = CharTokenizer([*SPECIAL_PIECES, *"abcdefg"])
    config = TransformerConfig(vocab_size=11, d_model=8, n_heads=2, d_ff=13)
    weights = dict(make_model(config, rng).named_parameters())
    save_run(tmp_path, weights, config, letters, src="", tgt="", max_len=19)
    lines, search = ["abc", "gfedcba", "a"], DecodeConfig(n_beams=n_beams)
    found = [w.Translator.load(tmp_path).translate(lines, search) for w in WINGS]
    for a, b in zip(*found, strict=True):
        assert a.tokens == b.tokens
        assert a.attention.shape[:2] == (3, 2)
        np.testing.assert_allclose(a.attention, b.attention, atol=1e-5)

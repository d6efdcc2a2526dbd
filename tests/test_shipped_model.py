"""The models that the repository carries: what they promise, they keep."""

import numpy as np
import pytest

from minis2s import metrics
from minis2s.config import DecodeConfig
from minis2s.text import corpora
from minis2s.text.tokenizers import split_words
from minis2s.torch_nn.translator import Translator

MODELS = corpora.OWN_DATA / "models"
VERB_LAST = 2  # of the seven sentences


@pytest.fixture(scope="module", params=["de-en-lstm", "de-en-transformer"])
def translator(request):
    """Each of the shipped models."""
    return Translator.load(MODELS / request.param)


@pytest.fixture(scope="module")
def lstm():
    """The one whose attention is easily read."""
    return Translator.load(MODELS / "de-en-lstm")


@pytest.fixture(scope="module")
def transformer():
    """The one with sixteen maps a sentence."""
    return Translator.load(MODELS / "de-en-transformer")


@pytest.fixture(scope="module")
def captions():
    """Our sixty captions."""
    return corpora.load("captions-de-en", "test", "de", "en")


def test_it_translates_captions(translator, captions):
    """BLEU on captions that it has never seen is near what README says."""
    outputs = translator.translate_text(captions.src, DecodeConfig(n_beams=5))
    assert metrics.bleu(outputs, captions.tgt, "en").value > 38


@pytest.mark.parametrize("n_beams", [1, 5])
def test_alone_in_a_batch_and_reversed_are_one(translator, captions, n_beams):
    """Real sentences: the same tokens in any company, and the score to 1e-5."""
    config = DecodeConfig(n_beams=n_beams)
    together = translator.translate(captions.src, config)
    backwards = translator.translate(captions.src[::-1], config)[::-1]
    alone = [translator.translate([line], config)[0] for line in captions.src]
    for a, b, c in zip(together, backwards, alone, strict=True):
        assert a.tokens == b.tokens == c.tokens
        np.testing.assert_allclose([b.score, c.score], a.score, atol=1e-5)


def test_the_map_knows_that_the_verb_came_last(lstm, captions):
    """The row of "throws" looks most at "wirft", the last German word."""
    line = captions.src[VERB_LAST]
    found = lstm.translate([line], DecodeConfig(n_beams=5))[0]
    weights, src, tgt = lstm.labelled_attention(line, found)
    assert src[weights[tgt.index("throws")].argmax()] == "wirft"


def error_rate(translator, captions, **which):
    """AER of the maps of forced references against our hand-made alignments."""
    sure, possible = zip(*corpora.load_alignment("captions-de-en", "test"), strict=True)
    links = []
    for src, tgt in zip(captions.src, captions.tgt, strict=True):
        weights, src_words, tgt_words = translator.labelled_attention(
            src, translator.attend(src, tgt), **which
        )
        assert src_words[:-1] == split_words(src)
        assert tgt_words[:-1] == split_words(tgt)
        links.append(metrics.attention_links(weights[:-1, :-1]))
    return metrics.alignment_score(links, sure, possible).error_rate


def test_the_lstm_s_maps_agree_with_the_hand(lstm, captions):
    """Forced to say the reference, it looks where we drew links: AER below 0.2."""
    assert error_rate(lstm, captions) < 0.2


def test_the_transformer_s_maps_agree_less(transformer, captions):
    """The second layer's mean beats a diagonal, which has 0.45, by 0.05; no more."""
    assert 0.2 < error_rate(transformer, captions, layer=1) < 0.4

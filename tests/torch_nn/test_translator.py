"""From text to hypotheses and back, with a model of random weights."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from minis2s.checkpoint import save_run
from minis2s.config import DecodeConfig, InputError
from minis2s.hypothesis import Hypothesis
from minis2s.text.tokenizers import (
    EOS_ID,
    SPECIAL_PIECES,
    CharTokenizer,
    WordTokenizer,
)
from minis2s.torch_nn.translator import Translator

LETTERS = CharTokenizer([*SPECIAL_PIECES, *"abcdefghijklmnopqrs"])
LINES = ["abc", "", "defghi", "  ", "a", "srqponm"]


@pytest.fixture
def translator(make_model):
    """Random weights over the letters a to s."""
    return Translator(make_model(), LETTERS, max_len=11)


def test_one_line_for_each_line(translator):
    """Order is kept, and a blank line stays blank."""
    together = translator.translate_text(LINES)
    alone = [translator.translate_text([line])[0] for line in LINES]
    assert together == alone
    assert together[1] == together[3] == ""
    assert translator.translate(LINES)[3] is None


def test_batch_size_changes_nothing(translator):
    """Only the speed depends on how many sentences go together."""
    one, many = (
        translator.translate_text(LINES, DecodeConfig(n_beams=3, batch_size=size))
        for size in (1, 5)
    )
    assert one == many


def test_a_draw_depends_on_seed_and_line_alone(translator):
    """Not on the batch; other lines, other seeds and other numbers draw otherwise."""
    lines, drawn = ["abc"] * 5, DecodeConfig(sample=True)
    one, many = (
        translator.translate_text(lines, replace(drawn, batch_size=size))
        for size in (1, 5)
    )
    assert one == many == translator.translate_text(lines, drawn)
    assert len(set(one)) > 1
    assert translator.translate_text(lines, drawn, seed=1) != one
    assert translator.translate_text(lines[2:], drawn, first=2) == one[2:]


def test_long_line_is_cut_with_a_note(translator, caplog):
    """A line of 100,000 tokens is cut to what the model was trained on."""
    with caplog.at_level(logging.WARNING):
        found = translator.translate(["ab" * 50_000])[0]
    assert found.attention.shape[-1] == 12
    assert "a line of 100000 tokens was cut to 11" in caplog.text


def test_a_cut_is_noted_once(translator, caplog):
    """To look at the attention of a line that was cut brings no second note."""
    with caplog.at_level(logging.WARNING):
        found = translator.translate(["ab" * 7])[0]
        weights, _, _ = translator.labelled_attention("ab" * 7, found)
        translator.alignments("ab" * 7, found)
    assert weights.shape[1] == 12
    assert caplog.text.count("was cut to 11") == 1


def test_output_stays_on_one_line(translator):
    """Whatever the model says, a line break does not become part of it."""
    translator.tokenizer = CharTokenizer([*SPECIAL_PIECES, "\n", *"abcdefghijklmnopqr"])
    said = Hypothesis([5, 4, 6, 3], -1.0, np.ones((1, 1, 4, 2)) / 2, "")
    assert translator.text(said) == "a b"


def test_control_characters_are_not_spoken(translator):
    """Bytes drawn at random may spell them; a terminal would obey."""
    translator.tokenizer = CharTokenizer(
        [*SPECIAL_PIECES, "\x00", "\x1b", *"abcdefghi"]
    )
    said = Hypothesis([6, 4, 5, 7, 3], -1.0, np.ones((1, 1, 5, 2)) / 2, "")
    assert translator.text(said) == "ab"


@pytest.mark.parametrize("n_beams", [1, 3])
def test_forced_target_scores_as_found(translator, n_beams):
    """Forcing what was found gives its score and its map again."""
    with torch.no_grad():  # so that a model of random weights comes to an end
        translator.model.decoder.output.bias[EOS_ID] = 4.0
    found = translator.translate(["abcd"], DecodeConfig(n_beams=n_beams))[0]
    assert found.tokens[-1] == EOS_ID
    forced = translator.attend("abcd", translator.text(found))
    assert forced.tokens == found.tokens
    np.testing.assert_allclose(forced.score, found.score, atol=1e-5)
    np.testing.assert_allclose(forced.attention, found.attention, atol=1e-5)


def test_forced_attention_has_a_row_for_each_token(translator):
    """Three letters and EOS over four letters and EOS; rows sum to one."""
    found = translator.attend("abcd", "fed")
    assert found.attention.shape == (1, 1, 4, 5)
    np.testing.assert_allclose(found.attention.sum(-1), 1, atol=1e-6)


def test_labels_are_characters_for_a_character_model(translator):
    """By default each letter has its own label; asked for words, they are joined."""
    found = translator.attend("abcd", "fed")
    _, src, tgt = translator.labelled_attention("abcd", found)
    assert (src, tgt) == ([*"abcd", "</s>"], [*"fed", "</s>"])
    weights, src, tgt = translator.labelled_attention("abcd", found, words=True)
    assert (src, tgt) == (["abcd", "</s>"], ["fed", "</s>"])
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)


def test_a_map_is_one_layer_and_one_head(translator):
    """By default the last layer and the mean of its heads; else the one asked for."""
    attention = np.random.default_rng(0).dirichlet(np.ones(5), size=(2, 3, 4))
    found = Hypothesis([4, 5, 6, EOS_ID], -1.0, attention, "")
    choices = {(None, None): attention[1].mean(0), (0, None): attention[0].mean(0)}
    choices |= {(0, 2): attention[0, 2], (None, 1): attention[1, 1]}
    for (layer, head), expected in choices.items():
        weights, _, _ = translator.labelled_attention(
            "abcd", found, layer=layer, head=head
        )
        np.testing.assert_allclose(weights, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("shape", "choice", "message"),
    [
        ((2, 3), {"layer": 2}, "layer must be from 0 to 1, got 2"),
        ((1, 3), {"layer": 1}, "layer must be 0, got 1"),
        ((2, 3), {"head": -1}, "head must be from 0 to 2, got -1"),
        ((0, 1), {}, "this model has no attention: there is nothing to look at"),
    ],
)
def test_a_map_that_is_not_there(translator, shape, choice, message):
    """A layer or head that the model lacks is said, and so is no attention at all."""
    found = Hypothesis([4, EOS_ID], -1.0, np.ones((*shape, 2, 5)) / 5, "")
    with pytest.raises(InputError, match=f"^{message}$"):
        translator.labelled_attention("abcd", found, **choice)


def test_lists_have_a_place_for_each_line(translator):
    """The best first, which is what `translate` finds; nothing for a blank line."""
    config = DecodeConfig(n_beams=3, n_best=2, batch_size=2)
    with torch.no_grad():  # so that translations of random weights come to an end
        translator.model.decoder.output.bias[EOS_ID] = 4.0
    lists, best = (
        find(LINES, config)
        for find in (translator.translate_n_best, translator.translate)
    )
    assert [len(found) for found in lists] == [2, 0, 2, 0, 2, 2]
    for found, one in zip(lists, best, strict=True):
        assert [h.tokens for h in found[:1]] == [h.tokens for h in [one] if h]


def test_alignments_are_between_words(make_model):
    """Each target word is linked to where it looked most; EOS is no word."""
    words = WordTokenizer([*SPECIAL_PIECES, ".", *(f"w{i}" for i in range(18))])
    translator = Translator(make_model(), words, max_len=9)
    weights = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1], [0.0, 0.1, 0.9]])
    said = Hypothesis([7, 6, EOS_ID], -1.0, weights[None, None], "")
    assert translator.alignments("w1 w2", said) == [(1, 0), (0, 1)]


def test_alignments_of_what_was_cut_off(make_model):
    """Where the last token is no EOS it is a word like the others."""
    words = WordTokenizer([*SPECIAL_PIECES, ".", *(f"w{i}" for i in range(18))])
    translator = Translator(make_model(), words, max_len=9)
    weights = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
    said = Hypothesis([7, 6], -1.0, weights[None, None], "")
    assert translator.alignments("w1 w2", said) == [(1, 0), (0, 1)]


def test_alignments_join_the_tokens_of_a_word(translator):
    """Of letters too: what falls on the parts of a source word adds up."""
    weights = np.array([[0.25, 0.25, 0.0, 0.4, 0.1], [0.1, 0.0, 0.0, 0.0, 0.9]])
    translator.tokenizer = CharTokenizer([*SPECIAL_PIECES, " ", *"abcdefghijklmnopqr"])
    said = Hypothesis([5, EOS_ID], -1.0, weights[None, None], "")
    assert translator.alignments("ab c", said) == [(0, 0)]


@pytest.mark.parametrize(("tokens", "n_src"), [([EOS_ID], 3), ([6, EOS_ID], 1)])
def test_where_there_is_no_word_there_is_no_link(translator, tokens, n_src):
    """A side of EOS alone is linked to nothing."""
    weights = np.full((1, 1, len(tokens), n_src), 1 / n_src)
    translator.encode = lambda line, note: [4] * (n_src - 1) + [EOS_ID]
    assert translator.alignments("x", Hypothesis(tokens, -1.0, weights, "")) == []


def test_no_attention_has_no_alignments(translator):
    """A model that looks at nothing is said to."""
    said = Hypothesis([4, EOS_ID], -1.0, np.ones((0, 1, 2, 5)), "")
    with pytest.raises(InputError, match=r"^this model has no attention"):
        translator.alignments("abcd", said)


def test_load_gives_the_same_translations(translator, tmp_path):
    """Saved and loaded, a model says what it said."""
    weights = {n: p.detach().numpy() for n, p in translator.model.named_parameters()}
    config = translator.model.config
    save_run(tmp_path, weights, config, LETTERS, src="", tgt="", max_len=11)
    assert Translator.load(tmp_path).translate_text(LINES) == translator.translate_text(
        LINES
    )


def test_weights_of_another_size_are_refused(translator, tmp_path):
    """A run whose weights do not fit its own settings is damaged."""
    config = translator.model.config
    weights = {n: p.detach().numpy() for n, p in translator.model.named_parameters()}
    weights["decoder.output.bias"] = np.zeros(5)
    save_run(tmp_path, weights, config, LETTERS, src="", tgt="", max_len=11)
    with pytest.raises(InputError, match=r"is damaged .*decoder\.output\.bias"):
        Translator.load(tmp_path)


def test_word_model_spells_words(make_model):
    """Decoding joins words with spaces and puts no space before a full stop."""
    words = WordTokenizer([*SPECIAL_PIECES, ".", *(f"w{i}" for i in range(18))])
    translator = Translator(make_model(), words, max_len=9)
    said = Hypothesis([6, 7, 4, EOS_ID], -1.0, np.ones((1, 1, 4, 2)) / 2, "")
    assert translator.text(said) == "w1 w2."

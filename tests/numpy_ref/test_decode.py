"""Greedy and beam search, on a model that is nothing but tables.

The next token depends on the last two, on the source, and on the step. So every score
can be computed without a search, and every translation be found by trying all.
"""

import itertools
from typing import NamedTuple

import numpy as np
import pytest

from minis2s.config import DecodeConfig
from minis2s.numpy_ref import decode
from minis2s.numpy_ref.decode import (
    beam_search,
    greedy_search,
    log_probabilities,
    select_rows,
    top_candidates,
    translate_batch,
)
from minis2s.numpy_ref.masks import padding_mask
from minis2s.text.tokenizers import BOS_ID, EOS_ID, PAD_ID, UNK_ID

VOCAB_SIZE, PERIOD = 11, 7
SRC = np.array(
    [
        [4, 9, 5, 10, 7, 6, EOS_ID],
        [8, 8, 4, 6, EOS_ID, PAD_ID, PAD_ID],
        [5, EOS_ID, PAD_ID, PAD_ID, PAD_ID, PAD_ID, PAD_ID],
    ]
)
GREEDY, BEAM = DecodeConfig(), DecodeConfig(n_beams=5)
each_search = pytest.mark.parametrize("config", [GREEDY, BEAM], ids=["greedy", "beam"])


class Memory(NamedTuple):
    """What the tables say about a source sentence."""

    logits: np.ndarray
    weights: np.ndarray
    mask: np.ndarray


class TableModel:
    """Logits and attention are looked up; the state is (step, last token but one)."""

    attention_kind = "table cross-attention"

    def __init__(self, seed=0, vocab_size=VOCAB_SIZE, dtype=np.float32):
        rng = np.random.default_rng(seed)
        sizes = dict.fromkeys(("after", "before", "given"), vocab_size)
        for name, size in (sizes | {"at": PERIOD}).items():
            table = 1.5 * rng.normal(size=(size, vocab_size))
            setattr(self, name, table.astype(dtype))

    def encode(self, src, src_mask):
        """The mean of the source tokens' rows, and an attention that is all theirs."""
        rows = np.where(src_mask[..., None], self.given[src], 0)
        logits = rows.sum(axis=1) / src_mask.sum(axis=1, keepdims=True)
        weights = np.where(src_mask, np.exp(self.given[src, UNK_ID]), 0)
        weights /= weights.sum(axis=1, keepdims=True)
        return Memory(logits.astype(rows.dtype), weights, src_mask)

    def initial_state(self, memory):
        """No step is done, and nothing was said."""
        return np.zeros(len(memory.logits), np.int64), np.full(len(memory.mask), BOS_ID)

    def decode_step(self, token, state, memory):
        """What follows a token; the attention is rolled to tell the steps apart."""
        step, previous = state
        logits = self.after[token] + self.before[previous]
        logits += memory.logits + self.at[step % PERIOD]
        weights = np.where(step[:, None] % 2 == 0, memory.weights, memory.mask / 8)
        weights = weights.astype(logits.dtype)
        return logits, np.stack([weights, -weights], 1)[:, None], (step + 1, token)

    def score(self, row, tokens, alpha):
        """Score of given tokens, without any search."""
        src = row[None]
        memory = self.encode(src, padding_mask(src))
        state, total = self.initial_state(memory), 0.0
        for last, token in zip([BOS_ID, *tokens], tokens, strict=False):
            logits, _, state = self.decode_step(np.array([last]), state, memory)
            total += float(log_probabilities(logits)[0, token])
        return total / len(tokens) ** alpha


def search(model, src, config):
    """Translate a padded batch."""
    return translate_batch(model, src, padding_mask(src), config)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_beam_of_one_equals_greedy(seed, alpha):
    """A beam that keeps one hypothesis is greedy search, attention included."""
    model, mask = TableModel(seed), padding_mask(SRC)
    config = DecodeConfig(n_beams=1, alpha=alpha)
    greedy = greedy_search(model, SRC, mask, config)
    beam = beam_search(model, SRC, mask, config)
    for a, b in zip(greedy, beam, strict=True):
        assert a.tokens == b.tokens
        np.testing.assert_allclose(a.score, b.score, atol=1e-5)
        np.testing.assert_array_equal(a.attention, b.attention)


@each_search
@pytest.mark.parametrize("seed", range(5))
def test_alone_in_a_batch_and_reversed_are_one(seed, config):
    """A sentence is translated alike alone, in any batch, and in reverse order."""
    model = TableModel(seed)
    together = search(model, SRC, config)
    backwards = search(model, SRC[::-1], config)[::-1]
    alone = [search(model, row[row != PAD_ID][None], config)[0] for row in SRC]
    for a, b, c in zip(together, backwards, alone, strict=True):
        assert a.tokens == b.tokens == c.tokens
        np.testing.assert_allclose([b.score, c.score], a.score, atol=1e-5)
        np.testing.assert_allclose(c.attention, a.attention, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_beam_finds_the_best_of_all(monkeypatch, seed, alpha):
    """A beam wide enough to lose nothing finds what exhaustive search finds."""
    model, src = TableModel(seed, vocab_size=6), np.array([[4, 5, EOS_ID]])
    monkeypatch.setattr(decode, "max_tgt_len", lambda mask: np.full(len(mask), 4))
    candidates = [
        [*body, EOS_ID]
        for n in range(4)
        for body in itertools.product((UNK_ID, 4, 5), repeat=n)
    ]
    scores = [model.score(src[0], tokens, alpha) for tokens in candidates]
    config = DecodeConfig(n_beams=200, alpha=alpha)
    best = beam_search(model, src, padding_mask(src), config)[0]
    assert best.tokens == candidates[int(np.argmax(scores))]
    np.testing.assert_allclose(best.score, max(scores), atol=1e-5)


@each_search
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_the_score_is_that_of_the_tokens(config, alpha):
    """Sum of log-probabilities over len^alpha, EOS counted."""
    config = DecodeConfig(n_beams=config.n_beams, alpha=alpha)
    model = TableModel()
    for row, found in zip(SRC, search(model, SRC, config), strict=True):
        want = model.score(row[row != PAD_ID], found.tokens, alpha)
        np.testing.assert_allclose(found.score, want, atol=1e-5)


@each_search
def test_attention_has_a_row_for_each_token(config):
    """(n_layers, n_heads, tgt_len, src_len): in order, and without the padding."""
    model = TableModel()
    for row, found in zip(SRC, search(model, SRC, config), strict=True):
        src = row[row != PAD_ID]
        memory = model.encode(src[None], padding_mask(src[None]))
        rows = [memory.weights[0], memory.mask[0] / 8] * len(found.tokens)
        want = np.stack(rows[: len(found.tokens)])
        assert found.attention.shape == (1, 2, len(found.tokens), len(src))
        np.testing.assert_allclose(found.attention[0, 0], want, atol=1e-6)
        np.testing.assert_array_equal(found.attention[0, 1], -found.attention[0, 0])
        assert found.attention_kind == "table cross-attention"


def test_pad_and_bos_are_impossible():
    """Their log-probability is -inf, and the rest still sums to one."""
    logits = TableModel(dtype=np.float64).after
    logits.setflags(write=False)
    log_prob = log_probabilities(logits)
    assert np.isneginf(log_prob[:, [PAD_ID, BOS_ID]]).all()
    np.testing.assert_allclose(np.exp(log_prob).sum(axis=-1), 1.0, rtol=1e-12)


@each_search
def test_length_is_bounded(config):
    """Where EOS never comes, a translation has 2 src_len + 20 tokens."""
    model = TableModel()
    model.after[:, EOS_ID] = -1e4
    lengths = [len(found.tokens) for found in search(model, SRC, config)]
    assert lengths == [34, 30, 24]


@pytest.mark.parametrize(("config", "want"), [(GREEDY, {UNK_ID}), (BEAM, {EOS_ID})])
def test_ties_go_to_the_lowest_id(config, want):
    """Where all is equally likely, greedy takes the lowest id, a beam the first end."""
    model = TableModel()
    for table in (model.after, model.before, model.given, model.at):
        table[...] = 0.0
    assert set(search(model, SRC, config)[0].tokens) == want


def test_top_candidates_orders_and_breaks_ties():
    """Best first; of equals the one that stands first; what is given stays."""
    scores = np.array([[1.0, 7.0, 3.0, 7.0, 3.0]])
    scores.setflags(write=False)
    values, index = top_candidates(scores, 4)
    assert values.tolist() == [[7.0, 7.0, 3.0, 3.0]]
    assert index.tolist() == [[1, 3, 2, 4]]


def test_no_candidate_is_taken_twice():
    """Where fewer are left than are asked for, the rest is worth -inf."""
    values, _ = top_candidates(np.array([[2.0, 5.0]]), 3)
    assert values.tolist() == [[5.0, 2.0, -np.inf]]


def test_select_rows_keeps_the_kind_of_tuple():
    """Named tuples stay named, at any depth, and every array gives up its rows."""
    memory = Memory(np.eye(3), np.arange(3), np.array([True, False, True]))
    found, (rows,) = select_rows((memory, (np.arange(3),)), np.array([2, 2, 0]))
    assert isinstance(found, Memory)
    np.testing.assert_array_equal(found.logits, np.eye(3)[[2, 2, 0]])
    assert rows.tolist() == [2, 2, 0]


@each_search
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_the_model_s(config, dtype):
    """Log-probabilities and attention are neither promoted nor cut."""
    model = TableModel(dtype=dtype)
    assert log_probabilities(model.after).dtype == dtype
    found = search(model, SRC, config)
    assert {hypothesis.attention.dtype for hypothesis in found} == {np.dtype(dtype)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_beams_add_up_in_the_model_s_precision(monkeypatch, dtype):
    """Candidates are ranked in the precision of the logits, from first to last."""
    seen = set()

    def spy(scores, n_best):
        seen.add(scores.dtype)
        return top_candidates(scores, n_best)

    monkeypatch.setattr(decode, "top_candidates", spy)
    search(TableModel(dtype=dtype), SRC, BEAM)
    assert seen == {np.dtype(dtype)}


@each_search
def test_tables_are_not_written_to(config):
    """A search changes nothing of what the model gives it."""
    model, src = TableModel(), SRC.copy()
    for array in (model.after, model.before, model.given, model.at, src):
        array.setflags(write=False)
    search(model, src, config)


def test_wider_beams_find_likelier_translations():
    """Over 20 models a beam of 5 finds translations with a greater sum of log p."""
    greedy, beam = (
        [
            found.score
            for seed in range(20)
            for found in search(
                TableModel(seed), SRC, DecodeConfig(n_beams=n_beams, alpha=0.0)
            )
        ]
        for n_beams in (1, 5)
    )
    assert np.mean(beam) > np.mean(greedy)

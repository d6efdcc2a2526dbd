"""Greedy search, draws and beam search, on a model that is nothing but tables.

The next token depends on the last two, on the source, and on the step. So every score
can be computed without a search, and every translation be found by trying all. At the
end, real translators without their cache.
"""

from dataclasses import replace
from itertools import pairwise, zip_longest
from typing import NamedTuple

import numpy as np
import pytest

from minis2s import specs
from minis2s.config import DecodeConfig, InputError, RNNConfig, TransformerConfig
from minis2s.numpy_ref import decode
from minis2s.numpy_ref.decode import (
    Uncached,
    beam_search,
    greedy_search,
    log_probabilities,
    n_best_search,
    select_rows,
    top_candidates,
    translate_batch,
    translate_n_best,
)
from minis2s.numpy_ref.masks import padding_mask
from minis2s.numpy_ref.seq2seq import Seq2Seq
from minis2s.numpy_ref.transformer import Transformer
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
SAMPLE, LIST = DecodeConfig(sample=True), DecodeConfig(n_beams=5, n_best=5)
each_search = pytest.mark.parametrize("config", [GREEDY, BEAM], ids=["greedy", "beam"])
each_way = pytest.mark.parametrize(
    "config", [GREEDY, BEAM, SAMPLE], ids=["greedy", "beam", "sample"]
)


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

    def next_log_prob(self, row, tokens):
        """Log-probabilities of what follows given tokens, without any search."""
        src = row[None]
        memory = self.encode(src, padding_mask(src))
        state = self.initial_state(memory)
        for last in [BOS_ID, *tokens]:
            logits, _, state = self.decode_step(np.array([last]), state, memory)
        return log_probabilities(logits)[0]

    def score(self, row, tokens, alpha):
        """Score of given tokens."""
        log_probs = [
            float(self.next_log_prob(row, tokens[:t])[token])
            for t, token in enumerate(tokens)
        ]
        return sum(log_probs) / len(tokens) ** alpha


class LookingModel(TableModel):
    """Where it looks depends on the last two tokens, and on layer and head."""

    attention_kind = "searching cross-attention"

    def encode(self, src, src_mask):
        """For each token of the vocabulary, how it shares its attention."""
        shares = np.where(src_mask[..., None], np.exp(self.given[src]), 0)
        shares /= shares.sum(axis=1, keepdims=True)
        return super().encode(src, src_mask)._replace(weights=shares)

    def decode_step(self, token, state, memory):
        """Two layers of two heads; the last is of the last token and the one before."""
        plain = memory._replace(weights=memory.mask / 8)
        logits, _, after = super().decode_step(token, state, plain)
        rows = np.arange(len(token))
        last, before = (memory.weights[rows, :, v] for v in (token, state[1]))
        layers = [np.stack(heads, 1) for heads in ((before, -last), (last, before))]
        return logits, np.stack(layers, 1), after

    def penalty(self, row, tokens, coverage):
        """What the given tokens leave out, and what that costs, without any search."""
        shares = self.encode(row[None], padding_mask(row[None])).weights[0]
        read = [BOS_ID, BOS_ID, *tokens[:-1]]
        maps = [
            (shares[:, last] + shares[:, before]) / 2 for before, last in pairwise(read)
        ]
        return specs.coverage_penalty(np.array(maps), coverage)


def search(model, src, config, seed=0):
    """Translate a padded batch."""
    rngs = np.random.default_rng(seed).spawn(len(src))
    return translate_batch(model, src, padding_mask(src), config, rngs)


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
    [(tokens, score)] = specs.exhaustive_search(
        lambda tokens: model.next_log_prob(src[0], tokens), max_len=4, alpha=alpha
    )
    config = DecodeConfig(n_beams=200, alpha=alpha)
    best = beam_search(model, src, padding_mask(src), config)[0]
    assert best.tokens == tokens
    np.testing.assert_allclose(best.score, score, atol=1e-5)


@pytest.mark.parametrize("coverage", [0.0, 0.5])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_beam_finds_the_n_best_of_all(monkeypatch, seed, alpha, coverage):
    """In their order, with their scores, whether coverage is paid for or not."""
    model, src = LookingModel(seed, vocab_size=6), np.array([[4, 5, EOS_ID]])
    monkeypatch.setattr(decode, "max_tgt_len", lambda mask: np.full(len(mask), 4))
    want = specs.exhaustive_search(
        lambda tokens: model.next_log_prob(src[0], tokens),
        max_len=4,
        alpha=alpha,
        n_best=7,
        penalty=lambda tokens: model.penalty(src[0], tokens, coverage),
    )
    config = DecodeConfig(n_beams=200, n_best=7, alpha=alpha, coverage=coverage)
    found = n_best_search(model, src, padding_mask(src), config)[0]
    assert [best.tokens for best in found] == [tokens for tokens, _ in want]
    np.testing.assert_allclose(
        [best.score for best in found], [s for _, s in want], 1e-5
    )


def test_fewer_are_found_where_there_are_fewer(monkeypatch):
    """Of three words, within four tokens, 1 + 3 + 9 + 27 translations end."""
    monkeypatch.setattr(decode, "max_tgt_len", lambda mask: np.full(len(mask), 4))
    config = DecodeConfig(n_beams=200, n_best=60)
    src = np.array([[4, 5, EOS_ID]])
    found = translate_n_best(TableModel(vocab_size=6), src, padding_mask(src), config)
    assert len(found[0]) == 40


@pytest.mark.parametrize("coverage", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_the_n_best_are_sorted_and_distinct(seed, coverage):
    """Best first, no two with the same tokens, and each with its own score and map."""
    model, config = LookingModel(seed), replace(LIST, coverage=coverage)
    lists = translate_n_best(model, SRC, padding_mask(SRC), config)
    assert max(len(found) for found in lists) > 2
    for row, found in zip(SRC, lists, strict=True):
        scores = [best.score for best in found]
        assert scores == sorted(scores, reverse=True)
        assert len({tuple(best.tokens) for best in found}) == len(found)
        for best in found:
            src = row[row != PAD_ID]
            want = model.score(src, best.tokens, 1.0)
            want += model.penalty(src, best.tokens, coverage)
            np.testing.assert_allclose(best.score, want, atol=1e-5)
            assert best.attention.shape == (2, 2, len(best.tokens), len(src))


@pytest.mark.parametrize("coverage", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_the_first_of_many_is_the_one(seed, coverage):
    """Asked for five, a search finds first what it finds if asked for one."""
    model, mask = LookingModel(seed), padding_mask(SRC)
    config = replace(LIST, coverage=coverage)
    many = translate_n_best(model, SRC, mask, config)
    one = translate_n_best(model, SRC, mask, replace(config, n_best=1))
    best = translate_batch(model, SRC, mask, config)
    for (a, *_), (b,), c in zip(many, one, best, strict=True):
        assert a.tokens == b.tokens == c.tokens
        assert a.score == b.score == c.score
        np.testing.assert_array_equal(a.attention, b.attention)


@pytest.mark.parametrize("coverage", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_the_n_best_do_not_depend_on_the_others(seed, coverage):
    """Nor does a list of them: alone, in a batch and in reverse it is the same."""
    model, config = LookingModel(seed), replace(LIST, coverage=coverage)
    bodies = [row[row != PAD_ID][None] for row in SRC]
    together, backwards, *alone = (
        translate_n_best(model, src, padding_mask(src), config)
        for src in (SRC, SRC[::-1], *bodies)
    )
    for a, b, (c,) in zip(together, backwards[::-1], alone, strict=True):
        tokens, scores = [], []
        for found in (a, b, c):
            tokens.append([best.tokens for best in found])
            scores.append([best.score for best in found])
        assert tokens[0] == tokens[1] == tokens[2]
        np.testing.assert_allclose(scores[1:], [scores[0]] * 2, atol=1e-5)


@pytest.mark.parametrize("config", [GREEDY, BEAM, LIST, SAMPLE], ids=str)
def test_no_step_is_computed_for_what_is_done(config):
    """In a batch the rows of each step are those that sentences alone would need."""

    class Counting(TableModel):
        def __init__(self):
            super().__init__()
            self.counts = []

        def decode_step(self, token, state, memory):
            self.counts.append(len(token))
            return super().decode_step(token, state, memory)

    def count(src, rngs):
        model = Counting()
        translate_n_best(model, src, padding_mask(src), config, rngs)
        return model.counts

    together = count(SRC, np.random.default_rng(0).spawn(3))
    alone = [
        count(row[row != PAD_ID][None], [rng])
        for row, rng in zip(SRC, np.random.default_rng(0).spawn(3), strict=True)
    ]
    assert together == [sum(rows) for rows in zip_longest(*alone, fillvalue=0)]
    assert len({len(counts) for counts in alone}) > 1


# --- coverage ---


def test_beam_of_one_equals_greedy_with_coverage():
    """The price is the same, whichever of them adds it up."""
    model, config = LookingModel(), DecodeConfig(coverage=0.5)
    searches = (greedy_search, beam_search)
    greedy, beam = (s(model, SRC, padding_mask(SRC), config) for s in searches)
    for a, b in zip(greedy, beam, strict=True):
        assert a.tokens == b.tokens
        np.testing.assert_allclose(a.score, b.score, atol=1e-5)


@each_way
def test_coverage_is_added_to_the_score(config):
    """Log-probabilities over the length norm, and then the penalty, for each way."""
    model = LookingModel(seed=1)
    found = search(model, SRC, replace(config, alpha=0.6, coverage=0.5))
    penalties = []
    for row, best in zip(SRC, found, strict=True):
        src = row[row != PAD_ID]
        penalties.append(model.penalty(src, best.tokens, 0.5))
        want = model.score(src, best.tokens, 0.6) + penalties[-1]
        np.testing.assert_allclose(best.score, want, atol=1e-5)
    assert min(penalties) < -0.1


def test_coverage_makes_translations_look_at_more():
    """Over 20 models, what is chosen with the penalty would pay less of it."""
    means = []
    for coverage in (0.0, 1.0):
        config = DecodeConfig(n_beams=5, coverage=coverage)
        models = [LookingModel(seed) for seed in range(20)]
        paid = [
            model.penalty(row[row != PAD_ID], best.tokens, 1.0)
            for model in models
            for row, best in zip(SRC, search(model, SRC, config), strict=True)
        ]
        means.append(np.mean(paid))
    assert means[1] > means[0] + 0.1


@each_way
@pytest.mark.parametrize("attention", ["none", "fixed"])
def test_coverage_needs_attention(config, attention):
    """A model without attention is told so, whatever the search."""
    model = make_translator("recurrent", {"attention": attention})
    with pytest.raises(InputError, match=r"^coverage must be 0"):
        search(model, SRC, replace(config, coverage=0.1))


@each_way
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_the_score_is_that_of_the_tokens(config, alpha):
    """Sum of log-probabilities over len^alpha, EOS counted."""
    config = replace(config, alpha=alpha)
    model = TableModel()
    for row, found in zip(SRC, search(model, SRC, config), strict=True):
        want = model.score(row[row != PAD_ID], found.tokens, alpha)
        np.testing.assert_allclose(found.score, want, atol=1e-5)


@each_way
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


@each_way
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


@each_way
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


@each_way
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


# --- drawing at random ---

GREEDY_DRAWS = [{"temperature": 1e-4}, {"top_k": 1}, {"top_p": 1e-6}]


def test_first_tokens_are_as_frequent_as_they_are_probable(monkeypatch, chi_square):
    """The same of 5,000 sentences, from the model to the hypothesis."""
    monkeypatch.setattr(decode, "max_tgt_len", lambda mask: np.full(len(mask), 1))
    model = TableModel()
    found = search(model, SRC[:1].repeat(5_000, axis=0), SAMPLE)
    tokens = [hypothesis.tokens[0] for hypothesis in found]
    assert chi_square(tokens, np.exp(model.next_log_prob(SRC[0], []))) < 1


@pytest.mark.parametrize("changes", GREEDY_DRAWS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_cold_and_narrow_draws_are_greedy(seed, changes):
    """Near temperature 0, or among one token, a draw has no choice."""
    model, config = TableModel(seed), DecodeConfig(sample=True, **changes)
    greedy, drawn = search(model, SRC, GREEDY), search(model, SRC, config)
    for a, b in zip(greedy, drawn, strict=True):
        assert a.tokens == b.tokens
        assert a.score == b.score
        np.testing.assert_array_equal(a.attention, b.attention)


@pytest.mark.parametrize("changes", [{}, {"temperature": 3.0, "top_k": 4}], ids=str)
def test_the_score_is_the_model_s_own(changes):
    """Temperature and filters move the draw, not the score of what is drawn."""
    model, config = TableModel(), DecodeConfig(sample=True, **changes)
    for row, found in zip(SRC, search(model, SRC, config), strict=True):
        want = model.score(row[row != PAD_ID], found.tokens, 1.0)
        np.testing.assert_allclose(found.score, want, atol=1e-5)


@pytest.mark.parametrize("changes", [{"temperature": 0.7}, {"top_k": 100}], ids=str)
def test_each_token_has_its_own_number(changes):
    """Number t of generator i draws token t of sentence i, as by hand."""
    model, config = TableModel(), DecodeConfig(sample=True, **changes)
    settings = config.temperature, config.top_k, config.top_p
    uniform = [rng.random(34) for rng in np.random.default_rng(0).spawn(3)]
    for i, found in enumerate(search(model, SRC, config)):
        for t, token in enumerate(found.tokens):
            log_prob = model.next_log_prob(SRC[i][SRC[i] != PAD_ID], found.tokens[:t])
            probabilities = specs.sampling_probabilities(log_prob, *settings)
            assert token == specs.draw_token(probabilities, uniform[i][t])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kept", range(3))
def test_a_draw_does_not_depend_on_the_others(kept, seed):
    """With the same generator, whoever else is drawn, and how long."""
    model, others = TableModel(seed), SRC.copy()
    for i in {0, 1, 2} - {kept}:
        body = others[i] > EOS_ID
        others[i, body] = 14 - others[i, body]  # other words, the same length
    a, b = search(model, SRC, SAMPLE, seed), search(model, others, SAMPLE, seed)
    assert a[kept].tokens == b[kept].tokens
    assert a[kept].score == pytest.approx(b[kept].score, abs=1e-5)


def test_other_random_numbers_draw_other_tokens():
    """A seed gives one translation, another seed another."""
    a, b, c = (search(TableModel(), SRC, SAMPLE, seed) for seed in (0, 0, 1))
    assert [x.tokens for x in a] == [x.tokens for x in b] != [x.tokens for x in c]


def test_each_sentence_has_its_own_generator():
    """The same source three times is translated in three ways."""
    found = search(TableModel(), SRC[:1].repeat(3, axis=0), SAMPLE)
    assert len({tuple(hypothesis.tokens) for hypothesis in found}) == 3


def test_a_draw_needs_a_generator():
    """Asked to draw without one, translate_batch says so."""
    with pytest.raises(ValueError, match=r"rngs: must be Generators if config\.sample"):
        translate_batch(TableModel(), SRC, padding_mask(SRC), SAMPLE)


def test_a_search_needs_none():
    """Greedy search leaves generators as they are."""
    rngs = [np.random.default_rng(0)] * 3
    translate_batch(TableModel(), SRC, padding_mask(SRC), GREEDY, rngs)
    assert rngs[0].random() == np.random.default_rng(0).random()


def test_each_sentence_needs_its_generator():
    """Fewer generators than sentences are refused."""
    rngs = np.random.default_rng(0).spawn(2)
    with pytest.raises(ValueError, match=r"^rngs: must be 3, one a sentence, got 2$"):
        translate_batch(TableModel(), SRC, padding_mask(SRC), SAMPLE, rngs)


@each_way
def test_no_sentences_have_no_translations(config):
    """An empty batch is translated into nothing."""
    assert search(TableModel(), SRC[:0], config) == []


@each_way
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_model_that_diverged_is_said(config, value):
    """Logits that cannot be compared end a search with one sentence."""
    model = TableModel()
    step = model.decode_step

    def broken(*words):
        logits, *rest = step(*words)
        logits = logits.copy()
        logits[0, UNK_ID] = value
        return logits, *rest

    model.decode_step = broken
    with pytest.raises(InputError, match=r"^the model answers with NaN or infinity"):
        search(model, SRC, config)


# --- without a cache ---


RECURRENT = [
    {"attention": "general", "n_layers": 2},
    {"attention": "additive", "cell": "gru", "input_feeding": True},
    {"attention": "multi_head", "n_layers": 2},
    {"attention": "multi_head", "cell": "gru", "input_feeding": True},
    {"attention": "none", "cell": "rnn"},
]
TRANSFORMERS = [{"n_layers": 2}, {"norm": "post", "positions": "learned"}]


def make_translator(family, changes):
    """A real translator whose every parameter, biases too, is random; in float32."""
    rng = np.random.default_rng(1)
    if family == "recurrent":
        sizes = {"d_embed": 5, "d_hidden": 7, "d_decoder": 14, "n_heads": 2}
        model = Seq2Seq(RNNConfig(vocab_size=VOCAB_SIZE, **sizes, **changes), rng)
    else:
        sizes = {"d_model": 8, "n_heads": 2, "d_ff": 13}
        config = TransformerConfig(vocab_size=VOCAB_SIZE, **{**sizes, **changes})
        model = Transformer(config, rng)
    shapes = {name: param.shape for name, param in model.named_parameters()}
    model.load({n: (0.6 * rng.normal(size=s)).astype("f4") for n, s in shapes.items()})
    model.decoder.output.params["bias"][EOS_ID] -= 3.0  # long enough to remember
    return model


@each_way
@pytest.mark.parametrize(
    ("family", "changes"),
    [
        *(("recurrent", c) for c in RECURRENT),
        *(("transformer", c) for c in TRANSFORMERS),
    ],
    ids=str,
)
def test_the_cache_changes_nothing(monkeypatch, family, changes, config):
    """Reading the whole prefix anew at every step gives the same translations."""
    monkeypatch.setattr(decode, "max_tgt_len", lambda mask: np.full(len(mask), 11))
    model = make_translator(family, changes)
    cached, uncached = (search(m, SRC, config) for m in (model, Uncached(model)))
    assert max(len(found.tokens) for found in cached) > 5
    for a, b in zip(cached, uncached, strict=True):
        assert a.tokens == b.tokens
        assert a.attention_kind == b.attention_kind
        np.testing.assert_allclose(a.score, b.score, atol=1e-5)
        np.testing.assert_allclose(a.attention, b.attention, atol=1e-5)


def test_uncached_reads_one_more_token_at_every_step():
    """The nth step is asked for the nth prefix, from BOS on."""
    prefixes = []

    class Spy:
        attention_kind = "none"

        def forward(self, src, src_mask, tgt_in):
            prefixes.append(tgt_in[0].tolist())
            shape = *tgt_in.shape, VOCAB_SIZE
            logits = np.broadcast_to(np.arange(float(VOCAB_SIZE)), shape)
            return logits, np.zeros((len(src), 0, 0, tgt_in.shape[1], 7)), None

    found = search(Uncached(Spy()), SRC[:1], GREEDY)[0]
    assert prefixes == [[BOS_ID, *found.tokens[:t]] for t in range(34)]

"""Greedy search, draws and beam search, on a model that is nothing but tables.

The next token depends on the last two, on the source, and on the step. So every score
can be computed without a search, and every translation be found by trying all. At the
end, real translators without their cache.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from minis2s import specs
from minis2s.config import DecodeConfig, RNNConfig, TransformerConfig
from minis2s.numpy_ref import decode
from minis2s.numpy_ref.decode import (
    Uncached,
    beam_search,
    draw_tokens,
    greedy_search,
    log_probabilities,
    sampling_probabilities,
    select_rows,
    top_candidates,
    translate_batch,
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
SAMPLE = DecodeConfig(sample=True)
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


def search(model, src, config, seed=0):
    """Translate a padded batch."""
    rng = np.random.default_rng(seed)
    return translate_batch(model, src, padding_mask(src), config, rng)


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
    tokens, score = specs.exhaustive_search(
        lambda tokens: model.next_log_prob(src[0], tokens), max_len=4, alpha=alpha
    )
    config = DecodeConfig(n_beams=200, alpha=alpha)
    best = beam_search(model, src, padding_mask(src), config)[0]
    assert best.tokens == tokens
    np.testing.assert_allclose(best.score, score, atol=1e-5)


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

FILTERS = [
    {"temperature": 0.7},
    {"temperature": 3.0, "top_k": 4},
    {"top_k": 1},
    {"top_k": 100},
    {"top_p": 0.6},
    {"top_p": 1e-9},
    {"temperature": 1.5, "top_k": 5, "top_p": 0.8},
]
each_filter = pytest.mark.parametrize("changes", FILTERS, ids=str)
GREEDY_DRAWS = [{"temperature": 1e-4}, {"top_k": 1}, {"top_p": 1e-6}]


@pytest.fixture
def logits(rng):
    """Seven rows, in each PAD and BOS impossible, in the last three many ties."""
    rows = 2 * rng.normal(size=(7, VOCAB_SIZE))
    rows[4:] = rng.integers(-1, 2, size=(3, VOCAB_SIZE))
    rows[:, [PAD_ID, BOS_ID]] = -np.inf
    return rows


@each_filter
def test_probabilities_agree_with_the_loop(logits, changes):
    """Rung 1: temperature, then top_k, then top_p; ties to the lowest id."""
    config = DecodeConfig(sample=True, **changes)
    found = sampling_probabilities(logits, config)
    settings = config.temperature, config.top_k, config.top_p
    for row, expected in zip(logits, found, strict=True):
        want = specs.sampling_probabilities(row, *settings)
        np.testing.assert_allclose(expected, want, rtol=1e-12, atol=1e-12)


def test_the_filters_act_in_order():
    """Of four tokens top_k leaves three, and top_p two of these, counted anew."""
    logits = np.log([0.1, 0.4, 0.3, 0.2])
    for top_p, want in [(0.4, [0, 1, 0, 0]), (0.5, [0, 4 / 7, 3 / 7, 0])]:
        config = DecodeConfig(sample=True, top_k=3, top_p=top_p)
        found = sampling_probabilities(logits, config)
        np.testing.assert_allclose(found, want, rtol=1e-12)


@pytest.mark.parametrize("changes", [{"top_k": 2}, {"top_p": 0.4}], ids=str)
def test_of_equals_the_lowest_ids_stay(changes):
    """Where five tokens are alike, the filters keep the first two."""
    config = DecodeConfig(sample=True, **changes)
    found = sampling_probabilities(np.zeros(5), config)
    np.testing.assert_array_equal(found, [0.5, 0.5, 0, 0, 0])


def test_a_nucleus_of_one_leaves_nothing_out():
    """With top_p 1 even a token that rounding cannot see keeps its probability."""
    logits = np.array([0.0, -40.0, -30.0], dtype=np.float32)
    assert sampling_probabilities(logits, SAMPLE).all()


@each_filter
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_logits_stay_finite(logits, changes, dtype):
    """At +-1e4, and colder still, probabilities are finite and sum to one."""
    logits = np.where(np.isfinite(logits), 1e4 * np.sign(logits), logits).astype(dtype)
    logits.setflags(write=False)
    changes = {"temperature": 1e-4} | changes
    with np.errstate(all="raise", under="ignore"):
        found = sampling_probabilities(logits, DecodeConfig(sample=True, **changes))
    assert found.dtype == dtype
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=-1), 1.0, rtol=1e-6)


def test_differences_are_taken_before_they_are_magnified():
    """Two logits near 1e4 keep their odds at temperature 1e-3, in float32 too."""
    logits = np.array([1e4, 1e4 - 2**-10], dtype=np.float32)
    found = sampling_probabilities(logits, DecodeConfig(sample=True, temperature=1e-3))
    want = specs.sampling_probabilities(logits.astype(np.float64), 1e-3, 0, 1.0)
    np.testing.assert_allclose(found, want, rtol=1e-6)


def test_draws_agree_with_the_loop(logits, rng):
    """Rung 1: the token under the needle, for a thousand needles."""
    probabilities = sampling_probabilities(logits, SAMPLE)
    uniform = rng.random((1000, len(logits)))
    found = draw_tokens(np.broadcast_to(probabilities, (1000, *logits.shape)), uniform)
    for index in np.ndindex(uniform.shape):
        want = specs.draw_token(probabilities[index[1]], uniform[index])
        assert found[index] == want


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("uniform", [0.0, np.nextafter(1.0, 0.0)])
def test_the_ends_draw_what_is_possible(rng, dtype, uniform):
    """The least and the greatest number draw tokens of positive probability."""
    probabilities = rng.random((997, 13)).astype(dtype)
    probabilities[:, [0, 2, 11, 12]] = 0.0  # sums that rounding leaves off 1
    probabilities /= probabilities.sum(axis=-1, keepdims=True)
    token = draw_tokens(probabilities, np.full(997, uniform))
    assert set(token.tolist()) == {1 if uniform == 0.0 else 10}


def chi_square(tokens, probabilities):
    """Pearson's statistic over its 99.9 % quantile: above 1 once in 1000 seeds.

    By Wilson and Hilferty the quantile for n degrees of freedom, which are the
    possible tokens but one, is about n (1 - 2 / (9 n) + 3.09 sqrt(2 / (9 n)))^3.
    """
    counts = np.bincount(tokens, minlength=len(probabilities))
    possible = probabilities > 0
    assert not counts[~possible].any()
    expected = len(tokens) * probabilities[possible]
    n = max(len(expected) - 1, 1)
    quantile = n * (1 - 2 / (9 * n) + 3.09 * (2 / (9 * n)) ** 0.5) ** 3
    return ((counts[possible] - expected) ** 2 / expected).sum() / quantile


@each_filter
def test_frequencies_are_the_probabilities(rng, changes):
    """Of 20,000 draws from one distribution."""
    config, logits = DecodeConfig(sample=True, **changes), rng.normal(size=VOCAB_SIZE)
    p = sampling_probabilities(logits, config)
    tokens = draw_tokens(p[None].repeat(20_000, axis=0), rng.random(20_000))
    settings = config.temperature, config.top_k, config.top_p
    assert chi_square(tokens, specs.sampling_probabilities(logits, *settings)) < 1


def test_first_tokens_are_as_frequent_as_they_are_probable(monkeypatch):
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


@pytest.mark.parametrize("changes", FILTERS[1:5:3], ids=str)
def test_each_token_has_its_own_number(changes):
    """Row i, column t of one matrix draws token t of sentence i, as by hand."""
    model, config = TableModel(), DecodeConfig(sample=True, **changes)
    settings = config.temperature, config.top_k, config.top_p
    uniform = np.random.default_rng(0).random((3, 34))
    for i, found in enumerate(search(model, SRC, config)):
        for t, token in enumerate(found.tokens):
            log_prob = model.next_log_prob(SRC[i][SRC[i] != PAD_ID], found.tokens[:t])
            probabilities = specs.sampling_probabilities(log_prob, *settings)
            assert token == specs.draw_token(probabilities, uniform[i, t])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kept", range(3))
def test_a_draw_does_not_depend_on_the_others(kept, seed):
    """With the same row of random numbers, whoever else is drawn, and how long."""
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


def test_each_sentence_draws_from_its_own_row():
    """The same source three times is translated in three ways."""
    found = search(TableModel(), SRC[:1].repeat(3, axis=0), SAMPLE)
    assert len({tuple(hypothesis.tokens) for hypothesis in found}) == 3


def test_a_draw_needs_a_generator():
    """Asked to draw without one, translate_batch says so."""
    with pytest.raises(ValueError, match=r"rng: must be a Generator if config\.sample"):
        translate_batch(TableModel(), SRC, padding_mask(SRC), SAMPLE)


def test_a_search_needs_none():
    """Greedy search leaves a generator as it is."""
    rng = np.random.default_rng(0)
    translate_batch(TableModel(), SRC, padding_mask(SRC), GREEDY, rng)
    assert rng.random() == np.random.default_rng(0).random()


# --- without a cache ---


RECURRENT = [
    {"attention": "general", "n_layers": 2},
    {"attention": "additive", "cell": "gru", "input_feeding": True},
    {"attention": "none", "cell": "rnn"},
]
TRANSFORMERS = [{"n_layers": 2}, {"norm": "post", "positions": "learned"}]


def make_translator(family, changes):
    """A real translator whose every parameter, biases too, is random; in float32."""
    rng = np.random.default_rng(1)
    if family == "recurrent":
        sizes = {"d_embed": 5, "d_hidden": 7, "d_decoder": 14}
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

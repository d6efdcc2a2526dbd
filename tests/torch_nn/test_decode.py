"""Greedy search, draws and beam search; and real translators without their cache."""

from dataclasses import replace
from itertools import zip_longest

import numpy as np
import pytest
import torch

from minis2s import specs
from minis2s.config import DecodeConfig, InputError, TransformerConfig
from minis2s.text.tokenizers import BOS_ID, EOS_ID, PAD_ID
from minis2s.torch_nn import decode
from minis2s.torch_nn.decode import (
    Uncached,
    beam_search,
    greedy_search,
    log_probabilities,
    n_best_search,
    top_candidates,
    translate_batch,
    translate_n_best,
)
from minis2s.torch_nn.masks import padding_mask
from minis2s.torch_nn.transformer import Transformer

GREEDY, BEAM = DecodeConfig(), DecodeConfig(n_beams=5)
SAMPLE, LIST = DecodeConfig(sample=True), DecodeConfig(n_beams=5, n_best=5)
each_search = pytest.mark.parametrize("config", [GREEDY, BEAM], ids=["greedy", "beam"])
each_way = pytest.mark.parametrize(
    "config", [GREEDY, BEAM, SAMPLE], ids=["greedy", "beam", "sample"]
)


def search(model, src, config, seed=0):
    """Translate a padded batch."""
    rngs = np.random.default_rng(seed).spawn(len(src))
    return translate_batch(model, src, padding_mask(src), config, rngs)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
def test_beam_of_one_equals_greedy(make_model, ragged_src, alpha):
    """A beam that keeps one hypothesis is greedy search, attention included."""
    model, mask = make_model(), padding_mask(ragged_src)
    config = DecodeConfig(n_beams=1, alpha=alpha)
    greedy = greedy_search(model, ragged_src, mask, config)
    beam = beam_search(model, ragged_src, mask, config)
    for a, b in zip(greedy, beam, strict=True):
        assert a.tokens == b.tokens
        np.testing.assert_allclose(a.score, b.score, atol=1e-5)
        np.testing.assert_allclose(a.attention, b.attention, atol=1e-6)


@each_search
@pytest.mark.parametrize("seed", range(4))
def test_alone_in_a_batch_and_reversed_are_one(make_model, config, seed):
    """A sentence is translated alike alone, in any batch, and in reverse order."""
    torch.manual_seed(seed)
    model = make_model(n_layers=2)
    src = torch.randint(4, 23, (5, 9))
    for row, length in zip(src, (9, 2, 7, 5, 3), strict=True):
        row[length - 1], row[length:] = EOS_ID, PAD_ID
    together = search(model, src, config)
    backwards = search(model, src.flip(0), config)[::-1]
    alone = [search(model, row[row != PAD_ID][None], config)[0] for row in src]
    for a, b, c in zip(together, backwards, alone, strict=True):
        assert a.tokens == b.tokens == c.tokens
        np.testing.assert_allclose([b.score, c.score], a.score, atol=1e-5)
        np.testing.assert_allclose(c.attention, a.attention, atol=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_beam_finds_the_best_of_all(make_model, monkeypatch, seed, alpha):
    """A beam wide enough to lose nothing finds what exhaustive search finds."""
    torch.manual_seed(seed)
    model, src = make_model(vocab_size=6), torch.tensor([[4, 5, EOS_ID]])
    monkeypatch.setattr(decode, "max_tgt_len", lambda mask: torch.full((len(mask),), 4))

    def next_log_prob(tokens):
        logits, _ = model(src, padding_mask(src), torch.tensor([[BOS_ID, *tokens]]))
        return log_probabilities(logits)[0, -1].detach().double().numpy()

    [(tokens, score)] = specs.exhaustive_search(next_log_prob, 4, alpha)
    config = DecodeConfig(n_beams=200, alpha=alpha)
    best = beam_search(model, src, padding_mask(src), config)[0]
    assert best.tokens == tokens
    np.testing.assert_allclose(best.score, score, atol=1e-5)


def make_transformer(**changes):
    """A tiny Transformer whose every parameter, biases too, is random."""
    sizes = {"vocab_size": 23, "d_model": 8, "n_heads": 2, "d_ff": 13, "dropout": 0.3}
    model = Transformer(TransformerConfig(**{**sizes, **changes})).eval()
    for value in model.parameters():
        torch.nn.init.normal_(value, std=0.6)
    return model


def exact_penalty(model, src, tokens, coverage):
    """What given tokens leave out, by teacher forcing and the loop."""
    tgt_in = torch.tensor([[BOS_ID, *tokens[:-1]]])
    _, weights = model(src, padding_mask(src), tgt_in)
    return specs.coverage_penalty(weights[0, -1].mean(dim=0).detach().numpy(), coverage)


@pytest.mark.parametrize("coverage", [0.0, 0.5])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(2))
def test_beam_finds_the_n_best_of_all(monkeypatch, seed, alpha, coverage):
    """In their order, with their scores; of a model with several layers and heads."""
    torch.manual_seed(seed)
    model, src = make_transformer(vocab_size=6), torch.tensor([[4, 5, EOS_ID]])
    monkeypatch.setattr(decode, "max_tgt_len", lambda mask: torch.full((len(mask),), 4))

    def next_log_prob(tokens):
        logits, _ = model(src, padding_mask(src), torch.tensor([[BOS_ID, *tokens]]))
        return log_probabilities(logits)[0, -1].detach().double().numpy()

    def penalty(tokens):
        return exact_penalty(model, src, tokens, coverage)

    want = specs.exhaustive_search(next_log_prob, 4, alpha, n_best=7, penalty=penalty)
    config = DecodeConfig(n_beams=200, n_best=7, alpha=alpha, coverage=coverage)
    found = n_best_search(model, src, padding_mask(src), config)[0]
    assert [best.tokens for best in found] == [tokens for tokens, _ in want]
    scores = [score for _, score in want]
    np.testing.assert_allclose([best.score for best in found], scores, atol=1e-5)


@pytest.mark.parametrize("coverage", [0.0, 0.5])
def test_the_n_best_are_sorted_and_distinct(make_model, ragged_src, coverage):
    """Best first, no two with the same tokens, and each with its own score."""
    model, config = make_model(), replace(LIST, coverage=coverage)
    lists = translate_n_best(model, ragged_src, padding_mask(ragged_src), config)
    assert max(len(found) for found in lists) > 2
    for row, found in zip(ragged_src, lists, strict=True):
        scores = [best.score for best in found]
        assert scores == sorted(scores, reverse=True)
        assert len({tuple(best.tokens) for best in found}) == len(found)
        for best in found:
            src = row[row != PAD_ID][None]
            want = exact_score(model, src, best.tokens, 1.0)
            want += exact_penalty(model, src, best.tokens, coverage)
            np.testing.assert_allclose(best.score, want, atol=1e-5)


@pytest.mark.parametrize("coverage", [0.0, 0.5])
def test_the_first_of_many_is_the_one(make_model, ragged_src, coverage):
    """Asked for five, a search finds first what it finds if asked for one."""
    model, mask = make_model(), padding_mask(ragged_src)
    config = replace(LIST, coverage=coverage)
    many = translate_n_best(model, ragged_src, mask, config)
    one = translate_n_best(model, ragged_src, mask, replace(config, n_best=1))
    best = translate_batch(model, ragged_src, mask, config)
    for (a, *_), (b,), c in zip(many, one, best, strict=True):
        assert a.tokens == b.tokens == c.tokens
        assert a.score == b.score == c.score


@pytest.mark.parametrize("coverage", [0.0, 0.5])
def test_the_n_best_do_not_depend_on_the_others(make_model, ragged_src, coverage):
    """Alone, in a batch and in reverse the list is the same."""
    model, config = make_model(), replace(LIST, coverage=coverage)
    bodies = [row[row != PAD_ID][None] for row in ragged_src]
    together, backwards, *alone = (
        translate_n_best(model, src, padding_mask(src), config)
        for src in (ragged_src, ragged_src.flip(0), *bodies)
    )
    for a, b, (c,) in zip(together, backwards[::-1], alone, strict=True):
        tokens = [[best.tokens for best in found] for found in (a, b, c)]
        scores = [[best.score for best in found] for found in (a, b, c)]
        assert tokens[0] == tokens[1] == tokens[2]
        np.testing.assert_allclose(scores[1:], [scores[0]] * 2, atol=1e-5)


@pytest.mark.parametrize("config", [GREEDY, BEAM, LIST, SAMPLE], ids=str)
def test_no_step_is_computed_for_what_is_done(
    make_model, ragged_src, monkeypatch, config
):
    """In a batch the rows of each step are those that sentences alone would need."""
    model = make_model()
    step, counts = model.decode_step, []

    def counted(token, *state_and_memory):
        counts[-1].append(len(token))
        return step(token, *state_and_memory)

    monkeypatch.setattr(model, "decode_step", counted)
    bodies = [(row[row != PAD_ID][None], [i]) for i, row in enumerate(ragged_src)]
    for src, numbers in [(ragged_src, [0, 1, 2]), *bodies]:
        counts.append([])
        rngs = [np.random.default_rng(i) for i in numbers]
        translate_n_best(model, src, padding_mask(src), config, rngs)
    together, *alone = counts
    assert together == [sum(rows) for rows in zip_longest(*alone, fillvalue=0)]
    assert len({len(found) for found in alone}) > 1


@each_way
def test_coverage_is_added_to_the_score(make_model, ragged_src, config):
    """Log-probabilities over the length norm, and then the penalty, for each way."""
    model = make_model()
    found = search(model, ragged_src, replace(config, alpha=0.6, coverage=0.5))
    for row, best in zip(ragged_src, found, strict=True):
        src = row[row != PAD_ID][None]
        want = exact_score(model, src, best.tokens, 0.6)
        want += exact_penalty(model, src, best.tokens, 0.5)
        np.testing.assert_allclose(best.score, want, atol=1e-5)


def test_beam_of_one_equals_greedy_with_coverage(make_model, ragged_src):
    """The price is the same, whichever of them adds it up."""
    arguments = make_model(), ragged_src, padding_mask(ragged_src)
    config = DecodeConfig(coverage=0.5)
    greedy, beam = (s(*arguments, config) for s in (greedy_search, beam_search))
    for a, b in zip(greedy, beam, strict=True):
        assert a.tokens == b.tokens
        np.testing.assert_allclose(a.score, b.score, atol=1e-5)


@each_way
@pytest.mark.parametrize("attention", ["none", "fixed"])
def test_coverage_needs_attention(make_model, ragged_src, config, attention):
    """A model without attention is told so, whatever the search."""
    model, config = make_model(attention=attention), replace(config, coverage=0.1)
    with pytest.raises(InputError, match=r"^coverage must be 0"):
        search(model, ragged_src, config)


def exact_score(model, src, tokens, alpha):
    """Score of given tokens, computed by teacher forcing instead of search."""
    tgt_in = torch.tensor([[BOS_ID, *tokens[:-1]]])
    logits, _ = model(src, padding_mask(src), tgt_in)
    log_prob = log_probabilities(logits)[0, range(len(tokens)), tokens]
    return float(log_prob.detach().sum()) / len(tokens) ** alpha


@each_way
@pytest.mark.parametrize("attention", ["general", "multi_head"])
def test_attention_is_that_of_the_returned_tokens(
    make_model, ragged_src, config, attention
):
    """The map of the winner equals the map of teacher forcing on its tokens."""
    model = make_model(attention=attention)
    for row, found in zip(ragged_src, search(model, ragged_src, config), strict=True):
        src = row[row != PAD_ID][None]
        tgt_in = torch.tensor([[BOS_ID, *found.tokens[:-1]]])
        _, weights = model(src, padding_mask(src), tgt_in)
        np.testing.assert_allclose(found.attention, weights[0].detach(), atol=1e-5)


@each_way
def test_score_is_mean_log_probability(make_model, ragged_src, config):
    """With alpha 1 the score is the mean log-probability, EOS counted."""
    model = make_model()
    for row, found in zip(ragged_src, search(model, ragged_src, config), strict=True):
        want = exact_score(model, row[row != PAD_ID][None], found.tokens, 1.0)
        np.testing.assert_allclose(found.score, want, atol=1e-5)


def test_pad_and_bos_are_impossible():
    """Their log-probability is -inf, and the rest still sums to one."""
    log_prob = log_probabilities(torch.randn(3, 11))
    assert torch.isneginf(log_prob[:, [PAD_ID, BOS_ID]]).all()
    torch.testing.assert_close(log_prob.exp().sum(-1), torch.ones(3))


@each_way
def test_length_is_bounded(make_model, ragged_src, config):
    """Where EOS never comes, a translation has 2 src_len + 20 tokens."""
    model = make_model(tie="none")
    with torch.no_grad():
        model.decoder.output.bias[EOS_ID] = -1e4
    lengths = [len(found.tokens) for found in search(model, ragged_src, config)]
    assert lengths == [34, 30, 24]


@pytest.mark.parametrize(("config", "want"), [(DecodeConfig(), {1}), (BEAM, {3})])
def test_ties_go_to_the_lowest_id(make_model, ragged_src, config, want):
    """Where all is equally likely, greedy takes the lowest id, a beam the first end."""
    model = make_model()
    with torch.no_grad():
        model.decoder.output.weight.zero_()
        model.decoder.output.bias.zero_()
    assert set(search(model, ragged_src, config)[0].tokens) == want


def test_top_candidates_orders_and_breaks_ties():
    """Best first; of equals the one that stands first."""
    values, index = top_candidates(torch.tensor([[1.0, 7.0, 3.0, 7.0, 3.0]]), 4)
    assert values.tolist() == [[7.0, 7.0, 3.0, 3.0]]
    assert index.tolist() == [[1, 3, 2, 4]]


def test_wider_beams_score_no_worse_here(make_model, ragged_src):
    """On this model a beam of 5 finds hypotheses that score at least as greedy's."""
    model = make_model()
    greedy, beam = (search(model, ragged_src, c) for c in (DecodeConfig(), BEAM))
    assert all(b.score >= a.score - 1e-6 for a, b in zip(greedy, beam, strict=True))


# --- drawing at random ---


@pytest.mark.parametrize(
    "changes", [{"temperature": 1e-4}, {"top_k": 1}, {"top_p": 1e-6}], ids=str
)
def test_cold_and_narrow_draws_are_greedy(make_model, ragged_src, changes):
    """Near temperature 0, or among one token, a draw has no choice."""
    model, config = make_model(), replace(SAMPLE, **changes)
    greedy, drawn = (search(model, ragged_src, c) for c in (GREEDY, config))
    for a, b in zip(greedy, drawn, strict=True):
        assert a.tokens == b.tokens
        assert a.score == b.score
        np.testing.assert_array_equal(a.attention, b.attention)


@pytest.mark.parametrize("kept", range(3))
def test_a_draw_does_not_depend_on_the_others(make_model, ragged_src, kept):
    """With the same generator, whoever else is drawn, and how long."""
    model, others = make_model(), ragged_src.clone()
    for i in {0, 1, 2} - {kept}:
        body = others[i] > EOS_ID
        others[i, body] = 26 - others[i, body]  # other words, the same length
    a, b = (search(model, src, SAMPLE)[kept] for src in (ragged_src, others))
    assert a.tokens == b.tokens
    assert a.score == pytest.approx(b.score, abs=1e-5)


def test_other_random_numbers_draw_other_tokens(make_model, ragged_src):
    """A seed gives one translation, another seed another."""
    model = make_model()
    a, b, c = (search(model, ragged_src, SAMPLE, seed) for seed in (0, 0, 1))
    assert [x.tokens for x in a] == [x.tokens for x in b] != [x.tokens for x in c]


def test_a_draw_needs_a_generator(make_model, ragged_src):
    """Asked to draw without one, translate_batch says so."""
    mask = padding_mask(ragged_src)
    with pytest.raises(ValueError, match=r"rngs: must be Generators if config\.sample"):
        translate_batch(make_model(), ragged_src, mask, SAMPLE)


def test_each_sentence_needs_its_generator(make_model, ragged_src):
    """Fewer generators than sentences are refused."""
    rngs, mask = np.random.default_rng(0).spawn(2), padding_mask(ragged_src)
    with pytest.raises(ValueError, match=r"^rngs: must be 3, one a sentence, got 2$"):
        translate_batch(make_model(), ragged_src, mask, SAMPLE, rngs)


@each_way
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_model_that_diverged_is_said(make_model, ragged_src, config, value):
    """Logits that cannot be compared end a search with one sentence."""
    model = make_model()
    with torch.no_grad():
        model.decoder.output.bias[5] = value
    with pytest.raises(InputError, match=r"^the model answers with NaN or infinity"):
        search(model, ragged_src, config)


# --- without a cache ---


RECURRENT = [
    {"attention": "general", "n_layers": 2},
    {"attention": "additive", "cell": "gru", "input_feeding": True},
    {"attention": "multi_head", "n_layers": 2},
    {"attention": "multi_head", "cell": "gru", "input_feeding": True},
    {"attention": "none", "cell": "rnn"},
]
TRANSFORMERS = [{"n_layers": 2}, {"norm": "post", "positions": "learned"}]


@pytest.fixture
def shorter(monkeypatch):
    """At most eleven tokens, since an uncached step is slow."""
    limit = torch.full((3,), 11)
    monkeypatch.setattr(decode, "max_tgt_len", lambda mask: limit)


def assert_the_cache_changes_nothing(model, src, config):
    """Reading the whole prefix anew at every step gives the same translations."""
    with torch.no_grad():
        model.decoder.output.bias[EOS_ID] -= 3.0  # long enough to remember
    cached, uncached = (search(m, src, config) for m in (model, Uncached(model)))
    assert max(len(found.tokens) for found in cached) > 5
    for a, b in zip(cached, uncached, strict=True):
        assert a.tokens == b.tokens
        assert a.attention_kind == b.attention_kind
        np.testing.assert_allclose(a.score, b.score, atol=1e-5)
        np.testing.assert_allclose(a.attention, b.attention, atol=1e-5)


@each_way
@pytest.mark.usefixtures("shorter")
@pytest.mark.parametrize("changes", RECURRENT, ids=str)
def test_a_recurrent_translator_needs_no_cache(make_model, ragged_src, changes, config):
    """Its state of h and c is worth the whole prefix."""
    assert_the_cache_changes_nothing(make_model(**changes), ragged_src, config)


@each_way
@pytest.mark.usefixtures("shorter")
@pytest.mark.parametrize("changes", TRANSFORMERS, ids=str)
def test_a_transformer_needs_no_cache(ragged_src, changes, config):
    """Its keys and values of earlier tokens are those of the whole prefix."""
    assert_the_cache_changes_nothing(make_transformer(**changes), ragged_src, config)

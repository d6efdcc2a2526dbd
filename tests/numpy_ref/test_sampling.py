"""How likely a token shall be drawn, and which one a number draws: against loops."""

import numpy as np
import pytest

from minis2s import specs
from minis2s.config import DecodeConfig
from minis2s.numpy_ref.sampling import draw_tokens, sampling_probabilities
from minis2s.text.tokenizers import BOS_ID, PAD_ID

VOCAB_SIZE = 11
SAMPLE = DecodeConfig(sample=True)
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


@each_filter
def test_frequencies_are_the_probabilities(rng, changes, chi_square):
    """Of 20,000 draws from one distribution."""
    config, logits = DecodeConfig(sample=True, **changes), rng.normal(size=VOCAB_SIZE)
    p = sampling_probabilities(logits, config)
    tokens = draw_tokens(p[None].repeat(20_000, axis=0), rng.random(20_000))
    settings = config.temperature, config.top_k, config.top_p
    assert chi_square(tokens, specs.sampling_probabilities(logits, *settings)) < 1

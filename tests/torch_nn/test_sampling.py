"""How likely a token shall be drawn, and which one a number draws: against loops."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from minis2s import specs
from minis2s.config import DecodeConfig
from minis2s.text.tokenizers import BOS_ID, PAD_ID
from minis2s.torch_nn.sampling import draw_tokens, sampling_probabilities

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
    rows = 2 * rng.normal(size=(7, 11))
    rows[4:] = rng.integers(-1, 2, size=(3, 11))
    rows[:, [PAD_ID, BOS_ID]] = -np.inf
    return torch.from_numpy(rows)


@each_filter
def test_probabilities_agree_with_the_loop(logits, changes):
    """Rung 1: temperature, then top_k, then top_p; ties to the lowest id."""
    config, before = DecodeConfig(sample=True, **changes), logits.clone()
    found = sampling_probabilities(logits, config)
    settings = config.temperature, config.top_k, config.top_p
    for row, probabilities in zip(logits.numpy(), found.numpy(), strict=True):
        want = specs.sampling_probabilities(row, *settings)
        np.testing.assert_allclose(probabilities, want, rtol=1e-12, atol=1e-12)
    assert torch.equal(logits, before)


def test_a_nucleus_of_one_leaves_nothing_out():
    """With top_p 1 even a token that rounding cannot see keeps its probability."""
    assert sampling_probabilities(torch.tensor([0.0, -40.0, -30.0]), SAMPLE).all()


@each_filter
def test_extreme_logits_stay_finite(logits, changes):
    """At +-1e4, and colder still, probabilities are finite and sum to one."""
    logits = torch.where(logits.isfinite(), 1e4 * logits.sign(), logits).float()
    changes = {"temperature": 1e-4} | changes
    found = sampling_probabilities(logits, DecodeConfig(sample=True, **changes))
    assert found.isfinite().all()
    torch.testing.assert_close(found.sum(dim=-1), torch.ones(7))


def test_differences_are_taken_before_they_are_magnified():
    """Two logits near 1e4 keep their odds at temperature 1e-3, in float32 too."""
    logits = torch.tensor([1e4, 1e4 - 2**-10])
    found = sampling_probabilities(logits, replace(SAMPLE, temperature=1e-3))
    want = specs.sampling_probabilities(logits.double().numpy(), 1e-3, 0, 1.0)
    np.testing.assert_allclose(found, want, rtol=1e-6)


def test_draws_agree_with_the_loop(logits, rng):
    """Rung 1: the token under the needle, for a thousand needles."""
    probabilities = sampling_probabilities(logits, SAMPLE)
    uniform = rng.random((1000, len(logits)))
    needles = torch.from_numpy(uniform)
    found = draw_tokens(probabilities.expand(1000, *logits.shape), needles)
    for index in np.ndindex(uniform.shape):
        want = specs.draw_token(probabilities[index[1]].numpy(), uniform[index])
        assert found[index] == want


@pytest.mark.parametrize("uniform", [0.0, np.nextafter(1.0, 0.0)])
def test_the_ends_draw_what_is_possible(uniform):
    """The least and the greatest number draw tokens of positive probability."""
    probabilities = torch.rand(997, 13)
    probabilities[:, [0, 2, 11, 12]] = 0.0  # sums that rounding leaves off 1
    probabilities /= probabilities.sum(dim=-1, keepdim=True)
    needles = torch.full((997,), uniform, dtype=torch.float64)
    token = draw_tokens(probabilities, needles)
    assert set(token.tolist()) == {1 if uniform == 0.0 else 10}


def test_frequencies_are_the_probabilities(rng):
    """20,000 draws among 11 tokens: chi-square is below its 99.9 % quantile."""
    probabilities = torch.rand(11, dtype=torch.float64)
    probabilities /= probabilities.sum()
    uniform = torch.from_numpy(rng.random(20_000))
    token = draw_tokens(probabilities.expand(20_000, 11), uniform)
    expected = 20_000 * probabilities
    chi_square = (token.bincount(minlength=11) - expected) ** 2 / expected
    assert chi_square.sum() < 29.59  # for 10 degrees of freedom

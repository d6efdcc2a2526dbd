"""What is not looked at costs, in torch."""

import numpy as np
import pytest
import torch

from minis2s import specs
from minis2s.config import InputError
from minis2s.torch_nn.coverage import cover, coverage_penalty, last_map


def test_the_penalty_is_the_loop_s(rng):
    """In float32, one row after the other."""
    weights = rng.dirichlet(np.linspace(0.1, 1.0, 7), size=(11, 2, 1, 1))
    covered = torch.zeros(2, 7)
    for step in torch.from_numpy(weights).float():
        covered, penalty = cover(covered, step, 0.3)
    want = [specs.coverage_penalty(weights[:, row, 0, 0], 0.3) for row in range(2)]
    np.testing.assert_allclose(penalty, want, rtol=1e-5, atol=1e-6)


def test_no_penalty_is_above_zero():
    """Whatever was looked at, and how often: the bound of a search stays a bound."""
    covered = torch.empty(10_000, 7).exponential_()
    assert (coverage_penalty(covered, 0.7) <= 0).all()


def test_half_precision_is_added_up_in_float32():
    """Weights of bfloat16 do not round away what was covered."""
    covered, penalty = cover(
        torch.full((1, 3), 0.3), torch.ones(1, 1, 1, 3).bfloat16() / 512, 1.0
    )
    assert covered.dtype == penalty.dtype == torch.float32
    torch.testing.assert_close(covered, torch.full((1, 3), 0.3 + 1 / 512))


def test_no_attention_covers_nothing():
    """A model without attention is told so in one sentence."""
    message = "^coverage must be 0 for a model without attention$"
    with pytest.raises(InputError, match=message):
        last_map(torch.ones(2, 0, 0, 7))

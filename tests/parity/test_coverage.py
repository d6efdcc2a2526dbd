"""Rung 3: both wings add up the same attention and ask the same price."""

import numpy as np
import pytest
import torch

from minis2s.numpy_ref import coverage as numpy_coverage
from minis2s.torch_nn import coverage as torch_coverage


@pytest.mark.parametrize("coverage", [0.0, 0.3])
def test_penalties_agree(rng, coverage):
    """In float64, over three steps, with a token that nothing looks at."""
    weights = rng.dirichlet(np.linspace(0.1, 1.0, 7), size=(3, 2, 3, 5))
    weights[..., 4] = 0.0
    ours, theirs = np.zeros((2, 7)), torch.zeros(2, 7, dtype=torch.float64)
    for step in weights:
        ours, penalty = numpy_coverage.cover(ours, step, coverage)
        theirs, price = torch_coverage.cover(theirs, torch.from_numpy(step), coverage)
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(penalty, price, rtol=1e-9, atol=1e-12)

"""Rung 3: both wings make the same probabilities and draw the same tokens."""

import numpy as np
import pytest
import torch

from minis2s.config import DecodeConfig
from minis2s.numpy_ref import sampling as numpy_ref
from minis2s.torch_nn import sampling as torch_nn

FILTERS = [{}, {"temperature": 0.3}, {"top_k": 3}, {"top_p": 0.5}]


@pytest.mark.parametrize("changes", FILTERS, ids=str)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_sampling_probabilities_agree(rng, changes, dtype):
    """Huge logits, ties and impossible tokens included."""
    logits = (rng.normal(size=(3, 5, 7)) * [[[1.0]], [[1e2]], [[1e4]]]).astype(dtype)
    logits[0] = rng.integers(0, 3, size=(5, 7))
    logits[1, :, 2] = -np.inf
    config = DecodeConfig(sample=True, **changes)
    theirs = torch_nn.sampling_probabilities(torch.from_numpy(logits), config)
    ours = numpy_ref.sampling_probabilities(logits, config)
    tolerance = {"f4": 1e-6, "f8": 1e-12}[dtype]
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=tolerance, atol=tolerance)


def test_draws_agree(rng):
    """The same token for the same number, also for the ends and at the borders."""
    probabilities = rng.integers(0, 4, size=(997, 8)) / 32
    probabilities[:, 5] += 1.0 - probabilities.sum(axis=1)
    uniform = rng.integers(0, 32, size=997) / 32
    theirs = torch_nn.draw_tokens(*map(torch.from_numpy, (probabilities, uniform)))
    ours = numpy_ref.draw_tokens(probabilities, uniform)
    np.testing.assert_array_equal(ours, theirs.numpy())

"""PyTorch's masked softmax: against PyTorch's own, and at the edges.

That both wings compute the same is proved in tests/parity.
"""

import pytest
import torch

from minis2s.torch_nn.softmax import masked_softmax

BATCH, TGT_LEN, SRC_LEN = 2, 3, 5
SRC_MASK = torch.arange(SRC_LEN) < torch.tensor([[5], [3]])  # True at words
ORACLE = {"rtol": 1e-5, "atol": 1e-6}


def test_masked_softmax_without_a_mask_is_pytorchs():
    """Rung 4: where nothing is hidden, ours is torch.softmax."""
    scores = torch.randn(BATCH, TGT_LEN, SRC_LEN)
    weights = masked_softmax(scores, torch.ones_like(scores, dtype=torch.bool))
    torch.testing.assert_close(weights, torch.softmax(scores, dim=-1), **ORACLE)


def test_masked_softmax_takes_heads_and_a_mask_that_broadcasts():
    """One mask serves all heads."""
    scores = torch.randn(BATCH, 13, TGT_LEN, SRC_LEN)
    weights = masked_softmax(scores, SRC_MASK[:, None, None, :])
    expected = masked_softmax(scores, SRC_MASK[:, None, None, :].expand_as(scores))
    torch.testing.assert_close(weights, expected, rtol=0, atol=0)


@pytest.mark.parametrize("offset", [-30.0, 1e4, -1e4])
def test_masked_softmax_cares_for_differences_only(offset):
    """Moving all real scores, with padding left near 0, moves no weight."""
    scores = torch.randn(BATCH, SRC_LEN, dtype=torch.float64)
    weights = masked_softmax(scores + offset * SRC_MASK, SRC_MASK)
    expected = masked_softmax(scores, SRC_MASK)
    torch.testing.assert_close(weights, expected, rtol=1e-9, atol=1e-12)

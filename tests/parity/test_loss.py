"""Rung 3: both wings compute the same cross-entropy and the same gradient."""

import numpy as np
import pytest
import torch

from minis2s.numpy_ref.loss import cross_entropy_backward, cross_entropy_forward
from minis2s.text.tokenizers import EOS_ID, PAD_ID
from minis2s.torch_nn.loss import cross_entropy

TGT_OUT = np.array([[4, 6, EOS_ID], [5, EOS_ID, PAD_ID]])
PARITY = {"rtol": 1e-9, "atol": 1e-12}


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(("scale", "offset"), [(1, 0), (1, -30), (1e4, 0)])
def test_both_wings_agree(scale, offset, smoothing, rng):
    """Loss and gradient are equal to nine digits, for a random upstream gradient."""
    logits = scale * rng.normal(size=(2, 3, 7)) + offset
    grad_loss = float(rng.normal())
    loss, cache = cross_entropy_forward(logits, TGT_OUT, smoothing)
    leaf = torch.from_numpy(logits).requires_grad_()
    twin = cross_entropy(leaf, torch.from_numpy(TGT_OUT), smoothing)
    (grad_loss * twin).backward()
    np.testing.assert_allclose(loss, twin.item(), **PARITY)
    grad_logits = cross_entropy_backward(grad_loss, cache)
    np.testing.assert_allclose(grad_logits, leaf.grad.numpy(), **PARITY)

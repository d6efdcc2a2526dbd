"""Rung 3: softmax, masked and not, and its logarithm are PyTorch's in both wings."""

import numpy as np
import pytest
import torch

from minis2s.numpy_ref import softmax
from minis2s.torch_nn.softmax import masked_softmax

BATCH, TGT_LEN, SRC_LEN = 2, 3, 5
WORDS = np.arange(SRC_LEN) < np.array([[5], [3]])  # True at words, False at padding
EMPTY_ROW = (0, 1)  # batch and target position that may attend to nothing
PARITY = {"rtol": 1e-9, "atol": 1e-12}
TORCH = {"softmax": torch.softmax, "log_softmax": torch.log_softmax}


@pytest.mark.parametrize("offset", [0.0, -30.0, 1e4, -1e4])
def test_both_masked_softmaxes_agree(rng, offset):
    """Weights and gradient agree, wherever the real scores lie."""
    mask = np.repeat(WORDS[:, None, :], TGT_LEN, axis=1)
    mask[EMPTY_ROW] = False
    scores = rng.normal(size=mask.shape) + offset * mask
    grad_weights = rng.normal(size=mask.shape)
    weights, cache = softmax.masked_softmax_forward(scores, mask)
    leaf = torch.from_numpy(scores).requires_grad_()
    twin = masked_softmax(leaf, torch.from_numpy(mask))
    twin.backward(torch.from_numpy(grad_weights))
    np.testing.assert_allclose(weights, twin.detach().numpy(), **PARITY)
    grad_scores = softmax.masked_softmax_backward(grad_weights, cache)
    np.testing.assert_allclose(grad_scores, leaf.grad.numpy(), **PARITY)


@pytest.mark.parametrize(("scale", "offset"), [(1, 0), (1, -30), (1e4, 0)])
@pytest.mark.parametrize("name", list(TORCH))
def test_functions_agree_with_pytorch(rng, name, scale, offset):
    """Result and gradient, of ordinary, low and huge scores."""
    scores = scale * rng.normal(size=(BATCH, TGT_LEN, SRC_LEN)) + offset
    grad_out = rng.normal(size=scores.shape)
    out, cache = getattr(softmax, f"{name}_forward")(scores)
    grad_scores = getattr(softmax, f"{name}_backward")(grad_out, cache)
    leaf = torch.from_numpy(scores).requires_grad_()
    twin = TORCH[name](leaf, dim=-1)
    twin.backward(torch.from_numpy(grad_out))
    np.testing.assert_allclose(out, twin.detach().numpy(), **PARITY)
    np.testing.assert_allclose(grad_scores, leaf.grad.numpy(), **PARITY)

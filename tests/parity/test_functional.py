"""Rung 3: the small functions compute what PyTorch's own do, values and gradients."""

import numpy as np
import pytest
import torch

from minis2s.numpy_ref import functional
from minis2s.numpy_ref.layer import LayerNorm

BATCH, LENGTH, D_MODEL = 2, 3, 7
PARITY = {"rtol": 1e-9, "atol": 1e-12}


@pytest.mark.parametrize(("scale", "offset"), [(1, 0), (1, -30), (1e4, 0)])
def test_relu_agrees_with_pytorch(rng, scale, offset):
    """Result and gradient, with an entry of exactly 0 in the middle."""
    x = scale * rng.normal(size=(BATCH, LENGTH, D_MODEL)) + offset
    x[1, 1, 1] = 0.0
    grad_out = rng.normal(size=x.shape)
    out, cache = functional.relu_forward(x)
    grad_x = functional.relu_backward(grad_out, cache)
    leaf = torch.from_numpy(x).requires_grad_()
    twin = torch.relu(leaf)
    twin.backward(torch.from_numpy(grad_out))
    np.testing.assert_allclose(out, twin.detach().numpy(), **PARITY)
    np.testing.assert_allclose(grad_x, leaf.grad.numpy(), **PARITY)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_layer_norm_agrees_with_pytorch(rng, scale):
    """Result, gradients and parameter names are those of nn.LayerNorm."""
    x = scale * rng.normal(size=(BATCH, LENGTH, D_MODEL))
    grad_out = rng.normal(size=x.shape)
    twin, layer = torch.nn.LayerNorm(D_MODEL).double(), LayerNorm(D_MODEL)
    for param in twin.parameters():
        torch.nn.init.normal_(param)
    layer.load({n: p.detach().numpy() for n, p in twin.named_parameters()})
    out, cache = layer.forward(x)
    leaf = torch.from_numpy(x).requires_grad_()
    expected = twin(leaf)
    expected.backward(torch.from_numpy(grad_out))
    np.testing.assert_allclose(out, expected.detach().numpy(), **PARITY)
    grad_x = layer.backward(grad_out, cache)
    np.testing.assert_allclose(grad_x, leaf.grad.numpy(), **PARITY)
    for name, param in twin.named_parameters():
        np.testing.assert_allclose(layer.grads[name], param.grad.numpy(), **PARITY)

"""Rung 3: both wings run the same LSTM, values and gradients, in both its paths."""

import numpy as np
import pytest
import torch

from minis2s.numpy_ref import lstm
from minis2s.torch_nn import lstm as torch_lstm

BATCH, LENGTH, D_INPUT, D_HIDDEN = 3, 7, 5, 11
PARITY = {"rtol": 1e-9, "atol": 1e-12}


def make_twins():
    """The layer in both wings, holding the same random numbers."""
    twin = torch_lstm.LSTM(D_INPUT, D_HIDDEN).double()
    for value in twin.parameters():
        torch.nn.init.normal_(value, std=0.5)
    layer = lstm.LSTM(D_INPUT, D_HIDDEN, np.random.default_rng(0))
    layer.load({n: p.detach().numpy() for n, p in twin.named_parameters()})
    return layer, twin


def leaf(array):
    """The same numbers, for autograd to watch."""
    return torch.from_numpy(array).requires_grad_()


def assert_equal(pairs):
    """Every array of ours equals its tensor to nine digits."""
    for name, (array, tensor) in pairs.items():
        expected = tensor.detach().numpy()
        np.testing.assert_allclose(array, expected, **PARITY, err_msg=name)


def gradient_pairs(layer, twin):
    """The gradients of all parameters, ours and theirs, by name."""
    theirs = {name: value.grad for name, value in twin.named_parameters()}
    ours = dict(layer.named_gradients())
    assert ours.keys() == theirs.keys()
    return {name: (grad, theirs[name]) for name, grad in ours.items()}


@pytest.mark.parametrize("fused", [True, False])
def test_both_wings_run_one_sequence(rng, fused):
    """Outputs, last state, and gradients of input, initial state and parameters."""
    layer, twin = make_twins()
    x = rng.normal(size=(BATCH, LENGTH, D_INPUT))
    state = tuple(rng.normal(size=(BATCH, D_HIDDEN)) for _ in "hc")
    grad_state = tuple(rng.normal(size=(BATCH, D_HIDDEN)) for _ in "hc")
    grad_outputs = rng.normal(size=(BATCH, LENGTH, D_HIDDEN))
    outputs, (h, c), cache = layer.forward(x, state)
    grad_x, (grad_h, grad_c) = layer.backward(grad_outputs, cache, grad_state)

    x, state = leaf(x), tuple(leaf(part) for part in state)
    twin_outputs, (twin_h, twin_c) = twin(x, state, fused=fused)
    upstream = [torch.from_numpy(a) for a in (grad_outputs, *grad_state)]
    torch.autograd.backward([twin_outputs, twin_h, twin_c], upstream)
    assert_equal(
        {
            "outputs": (outputs, twin_outputs),
            "h": (h, twin_h),
            "c": (c, twin_c),
            "grad_x": (grad_x, x.grad),
            "grad_h": (grad_h, state[0].grad),
            "grad_c": (grad_c, state[1].grad),
            **gradient_pairs(layer, twin),
        }
    )


def test_both_wings_take_one_step(rng):
    """The next h and c."""
    layer, twin = make_twins()
    x = rng.normal(size=(BATCH, D_INPUT))
    state = tuple(rng.normal(size=(BATCH, D_HIDDEN)) for _ in "hc")
    (h, c), _ = layer.step(x, state)
    twin_h, twin_c = twin.step(torch.from_numpy(x), tuple(map(torch.from_numpy, state)))
    assert_equal({"h": (h, twin_h), "c": (c, twin_c)})

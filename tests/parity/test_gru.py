"""Rung 3: both wings run the same GRU, values and gradients, in both its paths."""

import numpy as np
import pytest
import torch

from minis2s.numpy_ref.gru import GRU
from minis2s.torch_nn.gru import GRU as TorchGRU

BATCH, LENGTH, D_INPUT, D_HIDDEN = 3, 7, 5, 11
PARITY = {"rtol": 1e-9, "atol": 1e-12}


@pytest.fixture
def twins(rng):
    """The layer of both wings, holding the same random numbers."""
    twin = TorchGRU(D_INPUT, D_HIDDEN).double()
    for value in twin.parameters():
        torch.nn.init.normal_(value, std=0.5)
    layer = GRU(D_INPUT, D_HIDDEN, rng)
    layer.load({n: p.detach().numpy() for n, p in twin.named_parameters()})
    return layer, twin


def run_both(twins, rng, fused):
    """Values and gradients by name, ours and theirs."""
    layer, twin = twins
    x = rng.normal(size=(BATCH, LENGTH, D_INPUT))
    h, grad_h = rng.normal(size=(2, BATCH, D_HIDDEN))
    grad_outputs = rng.normal(size=(BATCH, LENGTH, D_HIDDEN))
    outputs, (last,), cache = layer.forward(x, (h,))
    grad_x, (grad_first,) = layer.backward(grad_outputs, cache, (grad_h,))
    ours = {"outputs": outputs, "last": last, "x": grad_x, "h": grad_first}
    ours |= dict(layer.named_gradients())

    x, h = (torch.from_numpy(array).requires_grad_() for array in (x, h))
    outputs, (last,) = twin(x, (h,), fused=fused)
    upstream = [torch.from_numpy(grad) for grad in (grad_outputs, grad_h)]
    torch.autograd.backward([outputs, last], upstream)
    theirs = {"outputs": outputs.detach(), "last": last.detach()}
    theirs |= {"x": x.grad, "h": h.grad}
    return ours, theirs | {n: p.grad for n, p in twin.named_parameters()}


@pytest.mark.parametrize("fused", [True, False])
def test_both_wings_run_one_sequence(twins, rng, fused):
    """Outputs, last state, and gradients of input, initial state and parameters."""
    ours, theirs = run_both(twins, rng, fused)
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        np.testing.assert_allclose(array, theirs[name], **PARITY, err_msg=name)


@pytest.mark.parametrize("fused", [True, False])
def test_both_wings_saturate_alike(twins, rng, fused):
    """With pre-activations of +-1e4 too."""
    layer, twin = twins
    for name in ("bias_input", "bias_hidden"):
        layer.params[name] = 1e4 * np.sign(layer.params[name])
    twin.load_state_dict({n: torch.from_numpy(p) for n, p in layer.params.items()})
    ours, theirs = run_both(twins, rng, fused)
    for name, array in ours.items():
        np.testing.assert_allclose(array, theirs[name], **PARITY, err_msg=name)


def test_both_wings_take_one_step(twins, rng):
    """The next h, and the gradients of input, state before and parameters."""
    layer, twin = twins
    x = rng.normal(size=(BATCH, D_INPUT))
    h, grad_h = rng.normal(size=(2, BATCH, D_HIDDEN))
    (next_h,), cache = layer.step(x, (h,))
    grad_x, (grad_before,) = layer.step_backward((grad_h,), cache)

    x, h = (torch.from_numpy(array).requires_grad_() for array in (x, h))
    (twin_h,) = twin.step(x, (h,))
    twin_h.backward(torch.from_numpy(grad_h))
    ours = [next_h, grad_x, grad_before, *dict(layer.named_gradients()).values()]
    theirs = [twin_h.detach(), x.grad, h.grad, *(p.grad for p in twin.parameters())]
    for array, tensor in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(array, tensor, **PARITY)

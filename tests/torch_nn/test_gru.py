"""The GRU layer: kernel, loop and PyTorch's own are one function."""

import pytest
import torch
from torch import nn

from minis2s.torch_nn.gru import GRU

BATCH, LENGTH, D_INPUT, D_HIDDEN = 3, 7, 5, 11
EXACT = {"rtol": 1e-9, "atol": 1e-12}


@pytest.fixture
def layer():
    """A layer whose biases are random too."""
    layer = GRU(D_INPUT, D_HIDDEN).double()
    for value in layer.parameters():
        nn.init.normal_(value, std=0.5)
    return layer


@pytest.fixture
def x():
    """Random inputs."""
    return torch.randn(BATCH, LENGTH, D_INPUT, dtype=torch.float64)


@pytest.mark.parametrize("with_state", [False, True])
def test_fused_equals_explicit(layer, x, with_state):
    """The library's kernel and the loop over `step` are one function."""
    state = (torch.randn(BATCH, D_HIDDEN, dtype=x.dtype),) if with_state else None
    fused, explicit = (layer(x, state, fused=path) for path in (True, False))
    torch.testing.assert_close(fused, explicit, **EXACT)


def test_fused_and_explicit_gradients_are_equal(layer, x):
    """The two paths also agree backwards, for input, state and every parameter."""
    x.requires_grad_()
    h = torch.randn(BATCH, D_HIDDEN, dtype=x.dtype, requires_grad=True)
    upstream = torch.randn(BATCH, LENGTH, D_HIDDEN, dtype=x.dtype)
    inputs = [x, h, *layer.parameters()]
    fused, explicit = (
        torch.autograd.grad(layer(x, (h,), fused=path)[0], inputs, upstream)
        for path in (True, False)
    )
    torch.testing.assert_close(fused, explicit, **EXACT)


@pytest.mark.parametrize("fused", [True, False])
def test_layer_equals_torch(layer, x, fused):
    """Both paths equal nn.GRU with our weights and both our biases."""
    layer, x = layer.float(), x.float()
    oracle = nn.GRU(D_INPUT, D_HIDDEN, batch_first=True)
    with torch.no_grad():
        oracle.weight_ih_l0.copy_(layer.weight_input)
        oracle.weight_hh_l0.copy_(layer.weight_hidden)
        oracle.bias_ih_l0.copy_(layer.bias_input)
        oracle.bias_hh_l0.copy_(layer.bias_hidden)
    outputs, (h,) = layer(x, fused=fused)
    want, want_h = oracle(x)
    torch.testing.assert_close(outputs, want, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(h, want_h[0], rtol=1e-5, atol=1e-6)


def test_fused_means_the_kernel(layer, x, monkeypatch):
    """The library's kernel is called on one path and not on the other."""

    def kernel(*args, **kwargs):
        raise AssertionError("the library's kernel was called")

    monkeypatch.setattr(torch, "gru", kernel)
    layer(x, fused=False)
    with pytest.raises(AssertionError, match="kernel was called"):
        layer(x)


@pytest.mark.parametrize("fused", [True, False])
def test_saturated_gates_stay_finite(layer, x, fused):
    """With pre-activations of +-1e4 outputs and gradients are finite."""
    with torch.no_grad():
        for bias in (layer.bias_input, layer.bias_hidden):
            bias.copy_(1e4 * bias.sign())
    outputs, _ = layer(x, fused=fused)
    outputs.sum().backward()
    grads = [value.grad for value in layer.parameters()]
    assert all(tensor.isfinite().all() for tensor in (outputs, *grads))


def test_weights_begin_within_their_bound_and_biases_at_zero():
    """Uniform within 1 / sqrt(d_hidden), close to the edge."""
    layer = GRU(53, 97)
    for weight in (layer.weight_input, layer.weight_hidden):
        assert 0.99 < weight.abs().max() * 97**0.5 <= 1.0
    assert not layer.bias_input.any()
    assert not layer.bias_hidden.any()


@pytest.mark.parametrize("fused", [True, False])
def test_bfloat16_stays_near_float32(layer, x, fused):
    """Under autocast the outputs differ from float32 by rounding alone."""
    layer, x = layer.float(), x.float()
    with torch.autocast("cpu", torch.bfloat16):
        half, _ = layer(x, fused=fused)
    torch.testing.assert_close(half.float(), layer(x)[0], rtol=2e-2, atol=2e-2)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_gpu_equals_cpu(layer, x):
    """The GPU's kernel gives the CPU's result, if it may not round to TF32."""
    layer, x = layer.float(), x.float()
    want, _ = layer(x)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        got, _ = layer.cuda()(x.cuda())
    torch.testing.assert_close(got.cpu(), want, rtol=1e-4, atol=1e-4)

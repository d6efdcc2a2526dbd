"""The simple recurrent layer: kernel, loop and PyTorch's own are one function."""

import inspect

import pytest
import torch
from torch import nn

from minis2s.torch_nn.rnn import RNN

BATCH, LENGTH, D_INPUT, D_HIDDEN = 3, 7, 5, 11
EXACT = {"rtol": 1e-9, "atol": 1e-12}


@pytest.fixture
def layer():
    """A layer whose bias is random too."""
    layer = RNN(D_INPUT, D_HIDDEN).double()
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


@pytest.mark.parametrize("truncate", [None, 1, 3, LENGTH])
def test_fused_and_explicit_gradients_are_equal(layer, x, truncate):
    """The two paths also agree backwards, for input, state and every parameter."""
    x.requires_grad_()
    h = torch.randn(BATCH, D_HIDDEN, dtype=x.dtype, requires_grad=True)
    upstream = torch.randn(BATCH, LENGTH, D_HIDDEN, dtype=x.dtype)
    inputs = [x, h, *layer.parameters()]
    fused, explicit = (
        torch.autograd.grad(
            layer(x, (h,), fused=path, truncate=truncate)[0], inputs, upstream
        )
        for path in (True, False)
    )
    torch.testing.assert_close(fused, explicit, **EXACT)


@pytest.mark.parametrize("fused", [True, False])
def test_layer_equals_torch(layer, x, fused):
    """Both paths equal nn.RNN with our one bias as its first, and a second of zero."""
    layer, x = layer.float(), x.float()
    oracle = nn.RNN(D_INPUT, D_HIDDEN, batch_first=True)
    with torch.no_grad():
        oracle.weight_ih_l0.copy_(layer.weight_input)
        oracle.weight_hh_l0.copy_(layer.weight_hidden)
        oracle.bias_ih_l0.copy_(layer.bias)
        oracle.bias_hh_l0.zero_()
    outputs, (h,) = layer(x, fused=fused)
    want, want_h = oracle(x)
    torch.testing.assert_close(outputs, want, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(h, want_h[0], rtol=1e-5, atol=1e-6)


def test_fused_means_the_kernel(layer, x, monkeypatch):
    """The library's kernel is called on one path and not on the other."""

    def kernel(*args, **kwargs):
        raise AssertionError("the library's kernel was called")

    monkeypatch.setattr(torch, "rnn_tanh", kernel)
    layer(x, fused=False)
    with pytest.raises(AssertionError, match="kernel was called"):
        layer(x)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("truncate", [1, 2, 3, LENGTH, LENGTH + 1])
def test_truncation_changes_no_value(layer, x, fused, truncate):
    """Forward, pieces are as good as the whole."""
    cut = layer(x, fused=fused, truncate=truncate)
    torch.testing.assert_close(cut, layer(x, fused=fused), **EXACT)


@pytest.mark.parametrize("fused", [True, False])
def test_truncation_stops_the_gradient_at_each_piece(layer, x, fused):
    """With pieces of 3, output 5 hears of inputs 3 to 5 alone; the last state of 6."""
    x.requires_grad_()
    outputs, (h,) = layer(x, fused=fused, truncate=3)
    for result, first, last in ((outputs[:, 5], 3, 5), (h, 6, 6)):
        (grad,) = torch.autograd.grad(result.sum(), x, retain_graph=True)
        heard = [t for t in range(LENGTH) if grad[:, t].any()]
        assert heard == list(range(first, last + 1))


def test_the_last_state_keeps_its_past(layer, x):
    """Where the length is a whole number of pieces, the last h is not cut off."""
    x.requires_grad_()
    _, (h,) = layer(x, truncate=LENGTH)
    h.sum().backward()
    assert x.grad.all()


@pytest.mark.parametrize("truncate", [0, -1, 2.5, True])
def test_pieces_without_a_position_are_refused(layer, x, truncate):
    """One sentence says what is the least."""
    message = f"truncate: must be a whole number from 1, got {truncate}"
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(type(layer).forward)(layer, x, truncate=truncate)


@pytest.mark.parametrize("fused", [True, False])
def test_saturated_units_stay_finite(layer, x, fused):
    """With pre-activations of +-1e4 outputs and gradients are finite."""
    with torch.no_grad():
        layer.bias.copy_(1e4 * layer.bias.sign())
    outputs, _ = layer(x, fused=fused)
    outputs.sum().backward()
    grads = [value.grad for value in layer.parameters()]
    assert all(tensor.isfinite().all() for tensor in (outputs, *grads))


def test_weights_begin_within_their_bound_and_the_bias_at_zero():
    """Uniform within 1 / sqrt(d_hidden), close to the edge."""
    layer = RNN(53, 97)
    for weight in (layer.weight_input, layer.weight_hidden):
        assert 0.99 < weight.abs().max() * 97**0.5 <= 1.0
    assert not layer.bias.any()


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

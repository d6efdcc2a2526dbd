"""The LSTM layer, and the order in which a sentence is read backwards."""

import pytest
import torch
from torch import nn

from minis2s.torch_nn.lstm import LSTM
from minis2s.torch_nn.masks import reversal_index

BATCH, LENGTH, D_INPUT, D_HIDDEN = 3, 7, 5, 11


def random_layer(dtype=torch.float64):
    """A layer whose biases are random too."""
    layer = LSTM(D_INPUT, D_HIDDEN).to(dtype)
    for value in layer.parameters():
        nn.init.normal_(value, std=0.5)
    return layer


def ragged(dtype=torch.float64):
    """Three sentences of 7, 4 and 1 vectors, and their mask."""
    x = torch.randn(BATCH, LENGTH, D_INPUT, dtype=dtype)
    return x, torch.arange(LENGTH) < torch.tensor([[7], [4], [1]])


@pytest.mark.parametrize("with_state", [False, True])
def test_fused_equals_explicit(with_state):
    """The library's kernel and the loop over `step` are one function."""
    layer, (x, _) = random_layer(), ragged()
    state = None
    if with_state:
        state = tuple(torch.randn(BATCH, D_HIDDEN, dtype=x.dtype) for _ in "hc")
    fused, fused_state = layer(x, state, fused=True)
    explicit, explicit_state = layer(x, state, fused=False)
    torch.testing.assert_close(fused, explicit, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(fused_state, explicit_state, rtol=1e-9, atol=1e-12)


def test_fused_and_explicit_gradients_are_equal():
    """The two paths also agree backwards, for input and every parameter."""
    layer, (x, _) = random_layer(), ragged()
    upstream = torch.randn(BATCH, LENGTH, D_HIDDEN, dtype=x.dtype)
    x.requires_grad_()
    inputs = [x, *layer.parameters()]
    fused, explicit = (
        torch.autograd.grad(layer(x, fused=path)[0], inputs, upstream)
        for path in (True, False)
    )
    torch.testing.assert_close(fused, explicit, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("fused", [True, False])
def test_layer_equals_torch(fused):
    """Both paths equal nn.LSTM with our one bias as its first, and a second of zero."""
    layer, (x, _) = random_layer(torch.float32), ragged(torch.float32)
    oracle = nn.LSTM(D_INPUT, D_HIDDEN, batch_first=True)
    with torch.no_grad():
        oracle.weight_ih_l0.copy_(layer.weight_input)
        oracle.weight_hh_l0.copy_(layer.weight_hidden)
        oracle.bias_ih_l0.copy_(layer.bias)
        oracle.bias_hh_l0.zero_()
    outputs, (h, c) = layer(x, fused=fused)
    want, (want_h, want_c) = oracle(x)
    torch.testing.assert_close(outputs, want, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close((h, c), (want_h[0], want_c[0]), rtol=1e-5, atol=1e-6)


def test_reversal_turns_tokens_and_leaves_padding():
    """A sentence of 3 tokens in 5 places is read 2, 1, 0, 3, 4."""
    mask = torch.tensor([[True, True, True, False, False]])
    assert reversal_index(mask).tolist() == [[2, 1, 0, 3, 4]]


def test_reversing_twice_is_the_identity():
    """The index that reverses a sentence also restores it."""
    _, mask = ragged()
    index = reversal_index(mask)
    assert torch.equal(index.gather(1, index), torch.arange(LENGTH).expand(BATCH, -1))


def test_forget_gates_begin_open():
    """A fresh cell has bias 1 on its forget gate and 0 elsewhere."""
    bias = LSTM(D_INPUT, D_HIDDEN).bias.detach()
    want = torch.zeros(4 * D_HIDDEN)
    want[D_HIDDEN : 2 * D_HIDDEN] = 1
    assert torch.equal(bias, want)


@pytest.mark.parametrize("fused", [True, False])
def test_bfloat16_stays_near_float32(fused):
    """Under autocast the outputs differ from float32 by rounding alone."""
    layer, (x, _) = random_layer(torch.float32), ragged(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        half, _ = layer(x, fused=fused)
    torch.testing.assert_close(half.float(), layer(x)[0], rtol=2e-2, atol=2e-2)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_gpu_equals_cpu():
    """The GPU's kernel gives the CPU's result, if it may not round to TF32."""
    layer, (x, _) = random_layer(torch.float32), ragged(torch.float32)
    want, _ = layer(x)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        got, _ = layer.cuda()(x.cuda())
    torch.testing.assert_close(got.cpu(), want, rtol=1e-4, atol=1e-4)

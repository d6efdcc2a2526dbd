"""Rung 4 and the padding: two directions over ragged sentences, with every cell."""

import pytest
import torch
from torch import nn

from minis2s.torch_nn.bidirectional import Bidirectional
from minis2s.torch_nn.gru import GRU
from minis2s.torch_nn.lstm import LSTM
from minis2s.torch_nn.rnn import RNN

BATCH, LENGTH, D_INPUT, D_HIDDEN = 3, 7, 5, 11
LENGTHS = torch.tensor([7, 4, 1])
MASK = torch.arange(LENGTH) < LENGTHS[:, None]

ORACLES = {LSTM: nn.LSTM, GRU: nn.GRU, RNN: nn.RNN}
"""Cell -> PyTorch's layer of that name."""


@pytest.fixture(params=ORACLES, ids=lambda cell: cell.__name__)
def cell(request):
    """Every cell in turn."""
    return request.param


@pytest.fixture
def layer(cell):
    """Two such cells whose biases are random too."""
    layer = Bidirectional(cell, D_INPUT, D_HIDDEN)
    for value in layer.parameters():
        nn.init.normal_(value, std=0.5)
    return layer


@pytest.fixture
def x():
    """Random inputs, on padding too."""
    return torch.randn(BATCH, LENGTH, D_INPUT)


def packed(oracle, x):
    """What PyTorch's layer says about sentences without their padding."""
    packed = nn.utils.rnn.pack_padded_sequence(x, LENGTHS, batch_first=True)
    return nn.utils.rnn.pad_packed_sequence(oracle(packed)[0], batch_first=True)[0]


def copy_side(oracle, suffix, side):
    """Give one direction of PyTorch's layer our weights; where we lack a bias, 0."""
    second = getattr(side, "bias_hidden", None)
    first = side.bias if second is None else side.bias_input
    with torch.no_grad():
        getattr(oracle, f"weight_ih_{suffix}").copy_(side.weight_input)
        getattr(oracle, f"weight_hh_{suffix}").copy_(side.weight_hidden)
        getattr(oracle, f"bias_ih_{suffix}").copy_(first)
        getattr(oracle, f"bias_hh_{suffix}").copy_(0 if second is None else second)


@pytest.mark.parametrize("fused", [True, False])
def test_both_directions_equal_packed_torch(cell, layer, x, fused):
    """On ragged sentences it equals PyTorch's packed bidirectional layer."""
    oracle = ORACLES[cell](D_INPUT, D_HIDDEN, batch_first=True, bidirectional=True)
    copy_side(oracle, "l0", layer.fwd)
    copy_side(oracle, "l0_reverse", layer.bwd)
    got = layer(x, MASK, fused=fused)
    torch.testing.assert_close(got, packed(oracle, x), rtol=1e-5, atol=1e-6)


def test_fused_equals_explicit(layer, x):
    """The library's kernels and the loops over `step` are one function."""
    layer, x = layer.double(), x.double()
    fused, explicit = (layer(x, MASK, fused=path) for path in (True, False))
    torch.testing.assert_close(fused, explicit, rtol=1e-9, atol=1e-12)


def test_explicit_means_no_kernel(layer, x, monkeypatch):
    """Without `fused` neither side calls the library's kernel."""

    def kernel(*args, **kwargs):
        raise AssertionError("the library's kernel was called")

    for name in ("lstm", "gru", "rnn_tanh"):
        monkeypatch.setattr(torch, name, kernel)
    layer(x, MASK, fused=False)
    with pytest.raises(AssertionError, match="kernel was called"):
        layer(x, MASK)


def test_padding_reaches_no_token(layer, x):
    """Changing what stands on padding changes no output on a token."""
    changed = torch.where(MASK[..., None], x, torch.randn_like(x) * 100)
    assert torch.equal(layer(x, MASK), layer(changed, MASK))


def test_padding_gets_zeros(layer, x):
    """Where there is no token, the encoder says nothing."""
    assert not layer(x, MASK)[~MASK].any()


def test_no_gradient_reaches_padding(layer, x):
    """Whatever comes from above, the gradient of a padded input is exactly zero."""
    x.requires_grad_()
    layer(x, MASK).backward(torch.randn(BATCH, LENGTH, 2 * D_HIDDEN))
    assert not x.grad[~MASK].any()
    assert x.grad[MASK].all()


def test_a_sentence_alone_is_what_it_is_in_a_batch(layer, x):
    """Neither its neighbours nor its padding change what a sentence becomes."""
    both = layer(x, MASK)
    for b, length in enumerate(LENGTHS.tolist()):
        alone = layer(x[b : b + 1, :length], torch.ones(1, length, dtype=torch.bool))
        torch.testing.assert_close(both[b, :length], alone[0], rtol=1e-5, atol=1e-6)


def test_a_row_without_tokens_is_zeros_and_without_gradient(layer, x):
    """Padding alone gives zeros and sends none back, and no NaN."""
    x.requires_grad_()
    both = layer(x, MASK & torch.tensor([[True], [False], [True]]))
    both.sum().backward()
    assert not both[1].any()
    assert not x.grad[1].any()
    assert all(p.grad.isfinite().all() for p in layer.parameters())

"""Rung 3: both wings read in both directions alike, with every cell."""

import numpy as np
import pytest
import torch

from minis2s.numpy_ref import gru, lstm, rnn
from minis2s.numpy_ref.bidirectional import Bidirectional
from minis2s.torch_nn import gru as torch_gru
from minis2s.torch_nn import lstm as torch_lstm
from minis2s.torch_nn import rnn as torch_rnn
from minis2s.torch_nn.bidirectional import Bidirectional as TorchBidirectional

BATCH, LENGTH, D_INPUT, D_HIDDEN = 3, 7, 5, 11
MASK = np.arange(LENGTH) < np.array([[7], [4], [1]])
PARITY = {"rtol": 1e-9, "atol": 1e-12}

TWINS = {lstm.LSTM: torch_lstm.LSTM, gru.GRU: torch_gru.GRU, rnn.RNN: torch_rnn.RNN}
"""Cell of one wing -> cell of the other."""


@pytest.fixture(params=TWINS, ids=lambda cell: cell.__name__)
def twins(request, rng):
    """Both wings' layers, holding the same random numbers."""
    twin = TorchBidirectional(TWINS[request.param], D_INPUT, D_HIDDEN).double()
    for value in twin.parameters():
        torch.nn.init.normal_(value, std=0.5)
    layer = Bidirectional(request.param, D_INPUT, D_HIDDEN, rng)
    layer.load({n: p.detach().numpy() for n, p in twin.named_parameters()})
    return layer, twin


@pytest.mark.parametrize("fused", [True, False])
def test_both_wings_read_ragged_sentences_both_ways(twins, rng, fused):
    """Outputs, and the gradients of the input and of both layers."""
    layer, twin = twins
    x = rng.normal(size=(BATCH, LENGTH, D_INPUT))
    grad_both = rng.normal(size=(BATCH, LENGTH, 2 * D_HIDDEN))
    both, cache = layer.forward(x, MASK)
    ours = {"both": both, "x": layer.backward(grad_both, cache)}
    ours |= dict(layer.named_gradients())

    x = torch.from_numpy(x).requires_grad_()
    twin_both = twin(x, torch.from_numpy(MASK), fused=fused)
    twin_both.backward(torch.from_numpy(grad_both))
    theirs = {"both": twin_both.detach(), "x": x.grad}
    theirs |= {name: value.grad for name, value in twin.named_parameters()}
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        np.testing.assert_allclose(array, theirs[name], **PARITY, err_msg=name)

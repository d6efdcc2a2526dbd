"""Layers one upon another: one call, steps, and PyTorch's own stack.

That both wings agree is in tests/parity/test_seq2seq.py.
"""

import pytest
import torch
from torch import nn

from minis2s.torch_nn.rnn_encoder import CELLS
from minis2s.torch_nn.rnn_stack import InitialState, stack_forward, stack_step

BATCH, LENGTH, D_INPUT, D_HIDDEN, N_LAYERS = 3, 5, 2, 7, 2
WHOLE = nn.Dropout(0.0)

each_cell = pytest.mark.parametrize("name", CELLS)


def make_layers(name):
    """Two layers of a cell, biases random too."""
    widths = [D_INPUT, D_HIDDEN]
    layers = nn.ModuleList(CELLS[name](width, D_HIDDEN) for width in widths)
    for value in layers.parameters():
        nn.init.normal_(value, std=0.5)
    return layers


def make_states(layers, x):
    """A random state for each layer."""
    return tuple(tuple(map(torch.randn_like, layer.zero_state(x))) for layer in layers)


def copy_layer(oracle, k, layer):
    """Give one of PyTorch's layers our weights; where we have one bias, a second 0."""
    values = list(layer.parameters())
    if len(values) == 3:
        values.append(torch.zeros_like(values[2]))
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    with torch.no_grad():
        for name, value in zip(names, values, strict=True):
            getattr(oracle, f"{name}_l{k}").copy_(value)


@pytest.mark.parametrize("fused", [True, False])
@each_cell
def test_a_stack_is_the_librarys(name, fused):
    """Rung 4: two layers, as in nn.RNN, nn.LSTM and nn.GRU."""
    layers, x = make_layers(name), torch.randn(BATCH, LENGTH, D_INPUT)
    states = make_states(layers, x)
    oracle = getattr(nn, name.upper())(D_INPUT, D_HIDDEN, N_LAYERS, batch_first=True)
    for k, layer in enumerate(layers):
        copy_layer(oracle, k, layer)
    parts = tuple(map(torch.stack, zip(*states, strict=True)))
    want, _ = oracle(x, parts if len(parts) == 2 else parts[0])
    found = stack_forward(layers, WHOLE, x, states, fused=fused)
    torch.testing.assert_close(found, want, rtol=1e-5, atol=1e-6)


@each_cell
def test_steps_are_the_sequence(name):
    """Position by position through all layers, or layer by layer: the same."""
    layers = make_layers(name).double()
    x = torch.randn(BATCH, LENGTH, D_INPUT, dtype=torch.float64)
    states = make_states(layers, x)
    outputs = stack_forward(layers, WHOLE, x, states, fused=True)
    for t in range(LENGTH):
        states = stack_step(layers, WHOLE, x[:, t], states)
        torch.testing.assert_close(states[-1][0], outputs[:, t], rtol=1e-9, atol=1e-12)


@each_cell
def test_dropout_acts_between_the_layers_alone(name):
    """If everything is dropped, the lowest layer still reads its input whole."""
    layers, x = make_layers(name), torch.randn(BATCH, LENGTH, D_INPUT)
    states, nothing = make_states(layers, x), nn.Dropout(1.0)
    whole, gone = (stack_step(layers, d, x[:, 0], states) for d in (WHOLE, nothing))
    assert torch.equal(whole[0][0], gone[0][0])
    assert not torch.allclose(whole[1][0], gone[1][0])
    one, other = (
        stack_forward(layers, nothing, each, states, fused=True) for each in (x, -x)
    )
    assert torch.equal(one, other)


@each_cell
def test_only_an_lstm_has_a_cell_to_fill(name):
    """A first h for every cell; a first c, and weights for it, for the LSTM alone."""
    layer = InitialState(CELLS[name], 11, D_HIDDEN)
    state = layer(torch.randn(BATCH, 11))
    names = {n.split(".")[0] for n, _ in layer.named_parameters()}
    assert names == ({"hidden", "cell"} if name == "lstm" else {"hidden"})
    assert len(state) == len(names)

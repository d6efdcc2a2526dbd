"""Layers one upon another: differences, steps against the sequence, dropout between.

Three sentences of 5 positions, two layers of each cell; every parameter is random.
"""

import numpy as np
import pytest

from minis2s.numpy_ref import rnn_stack
from minis2s.numpy_ref.gradcheck import numerical_gradient, relative_error
from minis2s.numpy_ref.layer import Dropout
from minis2s.numpy_ref.rnn_encoder import CELLS

BATCH, LENGTH, D_INPUT, D_HIDDEN, D_MEMORY = 3, 5, 2, 7, 11
SPEC = {"rtol": 1e-12, "atol": 1e-12}
GRADIENT = 1e-6
DROPOUT = Dropout(0.3)


@pytest.fixture(params=CELLS)
def cell(request):
    """Every cell in turn."""
    return CELLS[request.param]


@pytest.fixture
def layers(cell, rng):
    """Two layers, biases random too."""
    layers = [cell(D_INPUT, D_HIDDEN, rng), cell(D_HIDDEN, D_HIDDEN, rng)]
    for layer in layers:
        names = layer.named_parameters()
        layer.load({n: 0.5 * rng.normal(size=p.shape) for n, p in names})
    return layers


@pytest.fixture
def x(rng):
    """Random inputs."""
    return rng.normal(size=(BATCH, LENGTH, D_INPUT))


@pytest.fixture
def states(layers, x, rng):
    """A random state for each layer."""
    return tuple(
        tuple(rng.normal(size=part.shape) for part in layer.zero_state(x))
        for layer in layers
    )


def initial_state(cell, rng):
    """A layer that makes first states, and what it makes them of."""
    layer = rnn_stack.InitialState(cell, D_MEMORY, D_HIDDEN, rng)
    return layer, rng.normal(size=(BATCH, D_MEMORY))


# --- where they start ---


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_only_an_lstm_has_a_cell_to_fill(kind, rng):
    """A first h for every cell, squashed; a first c for the LSTM alone, as it is."""
    layer, final = initial_state(CELLS[kind], rng)
    (h, *c), _ = layer.forward(final)
    linear = {n: final @ p.T for n, p in layer.named_parameters() if "weight" in n}
    bias = {n: p for n, p in layer.named_parameters() if "bias" in n}
    expected = np.tanh(linear["hidden.weight"] + bias["hidden.bias"])
    np.testing.assert_allclose(h, expected, **SPEC)
    assert len(c) == ("cell.weight" in linear) == (kind == "lstm")
    for part in c:
        np.testing.assert_allclose(
            part, linear["cell.weight"] + bias["cell.bias"], **SPEC
        )


def test_initial_state_gradient_agrees_with_differences(cell, rng):
    """Rung 2: every entry, for the input, weights and biases."""
    layer, final = initial_state(cell, rng)
    state, cache = layer.forward(final)
    grad_state = tuple(rng.normal(size=part.shape) for part in state)
    weights = dict(layer.named_parameters())
    grads = {"x": layer.backward(grad_state, cache)} | dict(layer.named_gradients())

    def loss(name, array):
        layer.load(weights if name == "x" else {**weights, name: array})
        state, _ = layer.forward(array if name == "x" else final)
        return float(sum((s * g).sum() for s, g in zip(state, grad_state, strict=True)))

    for name, array in {"x": final, **weights}.items():
        expected = numerical_gradient(lambda a, name=name: loss(name, a), array)
        assert relative_error(grads[name], expected) < GRADIENT, name


# --- how they go on ---


def test_steps_are_the_sequence(layers, x, states):
    """Position by position through all layers, or layer by layer: the same."""
    outputs, _ = rnn_stack.stack_forward(layers, DROPOUT, x, states, None)
    for t in range(LENGTH):
        states, _ = rnn_stack.stack_step_forward(layers, DROPOUT, x[:, t], states, None)
        np.testing.assert_allclose(states[-1][0], outputs[:, t], **SPEC)


def back_in_steps(layers, x, state, grad_outputs):
    """There and back position by position: the gradients of x and the first states."""
    caches, grad_x = [], np.zeros_like(x)
    for t in range(LENGTH):
        state, cache = rnn_stack.stack_step_forward(
            layers, DROPOUT, x[:, t], state, None
        )
        caches.append(cache)
    grad = tuple(tuple(np.zeros_like(part) for part in cell) for cell in state)
    for t in reversed(range(LENGTH)):
        *below, (grad_h, *grad_rest) = grad
        grad_x[:, t], grad = rnn_stack.stack_step_backward(
            layers,
            DROPOUT,
            (*below, (grad_h + grad_outputs[:, t], *grad_rest)),
            caches[t],
        )
    return grad_x, grad


def test_steps_back_are_the_sequence_back(layers, x, states, rng):
    """And so are the gradients of the inputs, the first states and every parameter."""
    grad_outputs = rng.normal(size=(BATCH, LENGTH, D_HIDDEN))
    _, cache = rnn_stack.stack_forward(layers, DROPOUT, x, states, None)
    grad_x, grad_first = rnn_stack.stack_backward(layers, DROPOUT, grad_outputs, cache)
    expected = [grad.copy() for layer in layers for grad in layer.grads.values()]
    for layer in layers:
        layer.zero_gradients()
    found, first = back_in_steps(layers, x, states, grad_outputs)
    np.testing.assert_allclose(found, grad_x, **SPEC)
    for cell, other in zip(first, grad_first, strict=True):
        np.testing.assert_allclose(cell, other, **SPEC)
    grads = [grad for layer in layers for grad in layer.grads.values()]
    for grad, want in zip(grads, expected, strict=True):
        np.testing.assert_allclose(grad, want, **SPEC)


def step(layers, arrays, n_parts):
    """A step from the input and the parts of both states, with the same gaps always."""
    x, *parts = arrays
    states = tuple(parts[:n_parts]), tuple(parts[n_parts:])
    rng = np.random.default_rng(3)
    return rnn_stack.stack_step_forward(layers, DROPOUT, x, states, rng)


def test_a_step_back_agrees_with_differences(layers, x, states, rng):
    """Rung 2, dropout between the layers included: the input and the states before."""
    arrays, n_parts = [x[:, 0], *states[0], *states[1]], len(states[0])
    _, cache = step(layers, arrays, n_parts)
    grad_after = tuple(tuple(rng.normal(size=p.shape) for p in s) for s in states)
    grad_x, (below, above) = rnn_stack.stack_step_backward(
        layers, DROPOUT, grad_after, cache
    )
    for i, grad in enumerate((grad_x, *below, *above)):

        def loss(array, i=i):
            after, _ = step(layers, [*arrays[:i], array, *arrays[i + 1 :]], n_parts)
            pairs = zip((*after[0], *after[1]), sum(grad_after, ()), strict=True)
            return float(sum((part * grad).sum() for part, grad in pairs))

        assert relative_error(grad, numerical_gradient(loss, arrays[i])) < GRADIENT


def test_dropout_acts_between_the_layers_alone(layers, x, states):
    """The lowest layer reads its input whole, whatever the generator draws."""
    rng = np.random.default_rng(0)
    with_gaps, _ = rnn_stack.stack_step_forward(layers, DROPOUT, x[:, 0], states, rng)
    whole, _ = rnn_stack.stack_step_forward(layers, DROPOUT, x[:, 0], states, None)
    np.testing.assert_array_equal(with_gaps[0][0], whole[0][0])
    assert not np.allclose(with_gaps[1][0], whole[1][0])

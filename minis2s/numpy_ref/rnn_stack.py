"""Recurrent layers one upon another: where they start, and how they go on.

What a decoder's layers have in common, whichever cell they are made of. `stack_forward`
takes a whole sequence through one layer after the other; `stack_step_forward` takes one
position through all of them, where the next input depends on the result.
Dropout acts between the layers, if a generator is passed.

Source: Sutskever, Vinyals and Le 2014, arXiv:1409.3215, section 3.4 (layers one upon
    another); Zaremba, Sutskever and Vinyals 2014, arXiv:1409.2329 (dropout between
    them, and not from one position to the next).

Twin: minis2s/torch_nn/rnn_stack.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from minis2s.numpy_ref.functional import (
    DropoutCache,
    LinearCache,
    tanh_backward,
    tanh_forward,
)
from minis2s.numpy_ref.layer import Dropout, Layer, Linear
from minis2s.numpy_ref.lstm import LSTM

CellState = tuple[Float[np.ndarray, "batch d_hidden"], ...]
"""What one layer remembers: (h, c) for an LSTM, else (h,)."""

StackCache = tuple[tuple[DropoutCache | None, tuple], ...]
"""For each layer what was dropped before it, and the cache of the layer itself."""


class InitialStateCache(NamedTuple):
    """What InitialState.backward needs to know."""

    hidden: LinearCache
    cell: LinearCache | None
    h: Float[np.ndarray, "batch d_hidden"]


class InitialState(Layer):
    """The state that one decoder layer starts from.

    h_0 = tanh(W_h [h_fwd; h_bwd] + b_h),  and for an LSTM
    c_0 = W_c [h_fwd; h_bwd] + b_c

    Args:
        cell: the class of the decoder layer: RNN, GRU or LSTM.
        d_memory: width of [h_fwd; h_bwd].
        d_hidden: width of the state.
        rng: draws weights and biases.
    """

    def __init__(
        self, cell: type[Layer], d_memory: int, d_hidden: int, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.hidden = Linear(d_memory, d_hidden, rng)
        self.cell = Linear(d_memory, d_hidden, rng) if cell is LSTM else None

    def forward(
        self, final: Float[np.ndarray, "batch d_memory"]
    ) -> tuple[CellState, InitialStateCache]:
        """The state before the first target token, and the cache for `backward`."""
        h, hidden_cache = self.hidden.forward(final)
        h, _ = tanh_forward(h)
        if self.cell is None:
            return (h,), InitialStateCache(hidden_cache, None, h)
        c, cell_cache = self.cell.forward(final)
        return (h, c), InitialStateCache(hidden_cache, cell_cache, h)

    def backward(
        self, grad_state: CellState, cache: InitialStateCache
    ) -> Float[np.ndarray, "batch d_memory"]:
        """grad_final; the gradients of weights and biases are added up."""
        grad_h, *grad_c = grad_state
        grad_final = self.hidden.backward(tanh_backward(grad_h, cache.h), cache.hidden)
        if self.cell is None:
            return grad_final
        return grad_final + self.cell.backward(*grad_c, cache.cell)


def start_forward(
    initial: Sequence[InitialState],
    final: tuple[Float[np.ndarray, "batch d_memory"], ...],
) -> tuple[tuple[CellState, ...], tuple[InitialStateCache, ...]]:
    """Each layer's first state, from where the encoder's layer of its height ended."""
    ends = zip(initial, final, strict=True)
    states, caches = zip(*(layer.forward(end) for layer, end in ends), strict=True)
    return states, caches


def start_backward(
    initial: Sequence[InitialState],
    grad_states: tuple[CellState, ...],
    caches: tuple[InitialStateCache, ...],
) -> tuple[Float[np.ndarray, "batch d_memory"], ...]:
    """grad_final; the gradients of weights and biases are added up."""
    parts = zip(initial, grad_states, caches, strict=True)
    return tuple(layer.backward(grad, cache) for layer, grad, cache in parts)


def stack_forward(
    layers: Sequence[Layer],
    dropout: Dropout,
    x: Float[np.ndarray, "batch len d_input"],
    states: tuple[CellState, ...],
    rng: np.random.Generator | None,
) -> tuple[Float[np.ndarray, "batch len d_hidden"], StackCache]:
    """The last layer's h at every position, one layer after the other.

    Args:
        layers: recurrent layers of one kind, the lowest first.
        dropout: what acts between them.
        x: what the lowest layer reads.
        states: each layer's state before the first position.
        rng: draws what dropout silences; None silences nothing.

    Returns:
        outputs, and the cache for stack_backward.
    """
    outputs, caches = x, []
    for k, (layer, state) in enumerate(zip(layers, states, strict=True)):
        outputs, gap = dropout.forward(outputs, rng if k else None)
        outputs, _, cache = layer.forward(outputs, state)
        caches.append((gap, cache))
    return outputs, tuple(caches)


def stack_backward(
    layers: Sequence[Layer],
    dropout: Dropout,
    grad_outputs: Float[np.ndarray, "batch len d_hidden"],
    caches: StackCache,
) -> tuple[Float[np.ndarray, "batch len d_input"], tuple[CellState, ...]]:
    """grad_x and the gradient of each layer's first state; the others are added up."""
    grad, grad_states = grad_outputs, []
    for layer, (gap, cache) in zip(layers[::-1], caches[::-1], strict=True):
        grad, grad_state = layer.backward(grad, cache)
        grad = dropout.backward(grad, gap)
        grad_states.insert(0, grad_state)
    return grad, tuple(grad_states)


def stack_step_forward(
    layers: Sequence[Layer],
    dropout: Dropout,
    x: Float[np.ndarray, "batch d_input"],
    states: tuple[CellState, ...],
    rng: np.random.Generator | None,
) -> tuple[tuple[CellState, ...], StackCache]:
    """Each layer's next state, of which the last one's h is the stack's output.

    Args:
        layers: recurrent layers of one kind, the lowest first.
        dropout: what acts between them.
        x: what the lowest layer reads.
        states: each layer's state before.
        rng: draws what dropout silences; None silences nothing.

    Returns:
        the next states, and the cache for stack_step_backward.
    """
    output, following, caches = x, [], []
    for k, (layer, before) in enumerate(zip(layers, states, strict=True)):
        output, gap = dropout.forward(output, rng if k else None)
        after, cache = layer.step(output, before)
        output = after[0]
        following.append(after)
        caches.append((gap, cache))
    return tuple(following), tuple(caches)


def stack_step_backward(
    layers: Sequence[Layer],
    dropout: Dropout,
    grad_states: tuple[CellState, ...],
    caches: StackCache,
) -> tuple[Float[np.ndarray, "batch d_input"], tuple[CellState, ...]]:
    """grad_x and the gradients of the states before; the others are added up.

    A layer's h is read twice. Its own next step has put a gradient into grad_states;
    the layer above adds another here.
    """
    grad, grad_before = 0.0, []
    for k in reversed(range(len(layers))):
        gap, cache = caches[k]
        grad_h, *grad_rest = grad_states[k]
        grad, before = layers[k].step_backward((grad_h + grad, *grad_rest), cache)
        grad = dropout.backward(grad, gap)
        grad_before.insert(0, before)
    return grad, tuple(grad_before)

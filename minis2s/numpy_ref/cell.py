"""What the recurrent cells have in common: a state that is handed on, there and back.

RNN, GRU and LSTM differ in their equations. Each has four pure functions, a step and a
whole sequence, forward and backward; and a class that holds the parameters and their
gradients and calls them. What such a class does besides stands here, once.

A state is a tuple of arrays (batch, d_hidden) whose first is h: (h, c) for an LSTM,
(h,) for the others.

Twin: none; in PyTorch, autograd leaves little to share.
"""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from minis2s.numpy_ref.layer import Layer

State = tuple[Float[np.ndarray, "batch d_hidden"], ...]


class Cell(Layer):
    """One recurrent layer, read from left to right.

    A kind of cell names its four functions, how many arrays its state has, and its
    parameters, of which one is `weight_hidden`, d_hidden wide.
    """

    N_STATES: ClassVar[int] = 1
    """Arrays of a state."""
    step_forward_fn: ClassVar[Callable]
    """x_step_forward(x, state, **params) -> state, cache"""
    step_backward_fn: ClassVar[Callable]
    """x_step_backward(grad_state, cache) -> grad_x, grad_before, *grad_params"""
    forward_fn: ClassVar[Callable]
    """x_forward(x, state, **params) -> outputs, state, cache"""
    backward_fn: ClassVar[Callable]
    """x_backward(grad_outputs, grad_state, cache) -> grad_x, grad_before, *grads"""

    @property
    def d_hidden(self) -> int:
        """Width of the state."""
        return self.params["weight_hidden"].shape[1]

    def zero_state(self, x: Float[np.ndarray, "batch len d_input"]) -> State:
        """A state of zeros, one row for each sentence of `x`."""
        zeros = np.zeros((len(x), self.d_hidden), dtype=x.dtype)
        return (zeros,) * self.N_STATES

    def step(
        self, x: Float[np.ndarray, "batch d_input"], state: State
    ) -> tuple[State, tuple]:
        """The next state, and the cache for `step_backward`."""
        return self.step_forward_fn(x, state, **self.params)

    def step_backward(
        self, grad_state: State, cache: tuple
    ) -> tuple[Float[np.ndarray, "batch d_input"], State]:
        """Gradients of the input and of the state before; the others are added up."""
        grad_x, grad_before, *grads = self.step_backward_fn(grad_state, cache)
        self.add_gradients(*grads)
        return grad_x, grad_before

    def forward(
        self, x: Float[np.ndarray, "batch len d_input"], state: State | None = None
    ) -> tuple[Float[np.ndarray, "batch len d_hidden"], State, tuple]:
        """All h_t, the state after the last position, and the cache for `backward`.

        Args:
            x: the inputs; padding at the end changes no output before it.
            state: the state before the first position; zeros if None.
        """
        state = self.zero_state(x) if state is None else state
        return self.forward_fn(x, state, **self.params)

    def backward(
        self,
        grad_outputs: Float[np.ndarray, "batch len d_hidden"],
        cache: tuple,
        grad_state: State | None = None,
    ) -> tuple[Float[np.ndarray, "batch len d_input"], State]:
        """Gradients of the input and of the state before; the others are added up.

        Args:
            grad_outputs: gradient of the loss with respect to the outputs.
            cache: from `forward`.
            grad_state: likewise for the state after the last position; None is zeros.
        """
        grad_x, grad_before, *grads = self.backward_fn(grad_outputs, grad_state, cache)
        self.add_gradients(*grads)
        return grad_x, grad_before

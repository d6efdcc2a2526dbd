"""The simple recurrent network: one step, a whole sequence, and truncation in time.

Step and sequence are each a pair of pure functions, `..._forward` and `..._backward`. A
class holds the parameters and their gradients, and calls the pairs. The step is the
definition. The sequence is the same function, arranged for speed: what need not wait
for the step before is computed for all steps in one product. A test holds the two
together.

Parameters: weight_input (d_hidden, d_input), weight_hidden (d_hidden, d_hidden),
bias (d_hidden).

Left out: an output layer, and activations other than tanh.

Sources: Elman 1990, "Finding Structure in Time"; truncation after Williams and Peng
    1990, "An Efficient Gradient-Based Algorithm for On-Line Training of Recurrent
    Network Trajectories".

Twin: minis2s/torch_nn/rnn.py.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from minis2s.numpy_ref.cell import Cell
from minis2s.numpy_ref.checks import (
    check_gradients,
    check_shape,
    check_sizes,
    check_state,
)
from minis2s.numpy_ref.functional import (
    linear_forward,
    tanh_backward,
    tanh_forward,
)

State = tuple[Float[np.ndarray, "batch d_hidden"]]

# --- one step ---


class RNNStepCache(NamedTuple):
    """What rnn_step_backward needs to know."""

    x: Float[np.ndarray, "batch d_input"]
    h: Float[np.ndarray, "batch d_hidden"]
    """the state before the step"""
    weight_input: Float[np.ndarray, "d_hidden d_input"]
    weight_hidden: Float[np.ndarray, "d_hidden d_hidden"]
    next_h: Float[np.ndarray, "batch d_hidden"]
    """the state that follows"""


def rnn_step_forward(
    x: Float[np.ndarray, "batch d_input"],
    state: State,
    weight_input: Float[np.ndarray, "d_hidden d_input"],
    weight_hidden: Float[np.ndarray, "d_hidden d_hidden"],
    bias: Float[np.ndarray, " d_hidden"],
) -> tuple[State, RNNStepCache]:
    """One step: the new state is made of the input and of the state before.

    h_t = tanh(weight_input x_t + weight_hidden h_{t-1} + bias)

    Args:
        x: the input x_t.
        state: (h_{t-1},).
        weight_input: what each unit sees of the input.
        weight_hidden: what each unit sees of the state before.
        bias: what each unit sees without either.

    Returns:
        (h_t,), and the cache for rnn_step_backward.

    Raises:
        ValueError: if x or the state has the wrong shape.

    Source: Elman 1990, whose context units are h_{t-1}.
    """
    check_shape("x", x, batch=None, d_input=weight_input.shape[1])
    check_state("state", state, "h", batch=len(x), d_hidden=len(weight_hidden))
    (h,) = state
    next_h, _ = tanh_forward(x @ weight_input.T + h @ weight_hidden.T + bias)
    return (next_h,), RNNStepCache(x, h, weight_input, weight_hidden, next_h)


def rnn_step_backward(
    grad_state: State, cache: RNNStepCache
) -> tuple[
    Float[np.ndarray, "batch d_input"],
    State,
    Float[np.ndarray, "d_hidden d_input"],
    Float[np.ndarray, "d_hidden d_hidden"],
    Float[np.ndarray, " d_hidden"],
]:
    """Gradient of one step.

    With a the sum inside the tanh:
    grad_a = grad_h (1 - h_t²)
    grad_h_{t-1} = weight_hiddenᵀ grad_a: every step back multiplies by the same
                   weights, which is why the gradient fades or explodes
    grad_x = weight_inputᵀ grad_a
    grad_weight_input = sum over the batch of grad_a x_tᵀ
    grad_weight_hidden = sum over the batch of grad_a h_{t-1}ᵀ
    grad_bias = sum over the batch of grad_a

    Args:
        grad_state: gradient of the loss with respect to (h_t,).
        cache: from rnn_step_forward.

    Returns:
        grad_x, grad_state for (h_{t-1},), grad_weight_input, grad_weight_hidden,
        grad_bias.
    """
    x, h, weight_input, weight_hidden, next_h = cache
    grad_a = tanh_backward(grad_state[0], next_h)
    return (
        grad_a @ weight_input,
        (grad_a @ weight_hidden,),
        grad_a.T @ x,
        grad_a.T @ h,
        grad_a.sum(axis=0),
    )


# --- a whole sequence ---


class RNNCache(NamedTuple):
    """What rnn_backward needs to know. Index 0 of h is the initial state."""

    x: Float[np.ndarray, "batch len d_input"]
    weight_input: Float[np.ndarray, "d_hidden d_input"]
    weight_hidden: Float[np.ndarray, "d_hidden d_hidden"]
    h: Float[np.ndarray, "batch len_plus_1 d_hidden"]


def rnn_forward(
    x: Float[np.ndarray, "batch len d_input"],
    state: State,
    weight_input: Float[np.ndarray, "d_hidden d_input"],
    weight_hidden: Float[np.ndarray, "d_hidden d_hidden"],
    bias: Float[np.ndarray, " d_hidden"],
) -> tuple[Float[np.ndarray, "batch len d_hidden"], State, RNNCache]:
    """rnn_step_forward at every position, from left to right.

    The inputs of all positions meet weight_input in one product; only what the state
    adds has to wait for the step before.

    Args:
        x: the inputs; padding at the end changes no output before it.
        state: (h,) before the first position.
        weight_input: what each unit sees of the input.
        weight_hidden: what each unit sees of the state before.
        bias: what each unit sees without either.

    Returns:
        outputs, which are all h_t, the (h,) after the last position, and the cache for
        rnn_backward. The first two are views of the cache: to be read only.

    Raises:
        ValueError: if a rank or a shared axis disagrees.
    """
    _check_sequence(x, state, weight_input, weight_hidden, bias)
    seen, _ = linear_forward(x, weight_input, bias)  # (batch, len, d_hidden)
    h = np.concatenate([state[0][:, None], seen], axis=1)  # (batch, len+1, d_hidden)
    for t in range(x.shape[1]):
        h[:, t + 1] += h[:, t] @ weight_hidden.T
        np.tanh(h[:, t + 1], out=h[:, t + 1])
    return h[:, 1:], (h[:, -1],), RNNCache(x, weight_input, weight_hidden, h)


def rnn_backward(
    grad_outputs: Float[np.ndarray, "batch len d_hidden"],
    grad_state: State | None,
    cache: RNNCache,
    truncate: int | None = None,
) -> tuple[
    Float[np.ndarray, "batch len d_input"],
    State,
    Float[np.ndarray, "d_hidden d_input"],
    Float[np.ndarray, "d_hidden d_hidden"],
    Float[np.ndarray, " d_hidden"],
]:
    """Backpropagation through time: rnn_step_backward from right to left.

    Each h_t is read from outside and by the next step: the two gradients add. With
    grad_a of each step, as in rnn_step_backward:

    grad_x_t = weight_inputᵀ grad_a_t
    grad_weight_input = sum over batch and t of grad_a_t x_tᵀ
    grad_weight_hidden = sum over batch and t of grad_a_t h_{t-1}ᵀ
    grad_bias = sum over batch and t of grad_a_t

    What comes from the last state to the initial one, through all steps, is the product

        dh_T / dh_0 = J_T ... J_1,  J_t = diag(1 - h_t²) weight_hidden

    Truncation cuts that product: the steps at positions k, 2k, ..., counted from 0,
    hand nothing back, as if a new sequence began there and the state before it were a
    constant. What comes out is no longer the gradient of the loss: it lacks whatever a
    token owes to tokens before its own piece.

    Args:
        grad_outputs: gradient of the loss with respect to the outputs.
        grad_state: likewise for the (h,) after the last position; None is zeros.
        cache: from rnn_forward.
        truncate: k, the length of a piece in positions; None never cuts.

    Returns:
        grad_x, grad_state for the (h,) before the first position, grad_weight_input,
        grad_weight_hidden, grad_bias.

    Raises:
        ValueError: if a gradient has not the shape of what it is the gradient of, or
            truncate is no whole number from 1.
    """
    x, weight_input, weight_hidden, h = cache
    batch, length, d_hidden = h[:, 1:].shape
    axes = {"batch": batch, "len": length, "d_hidden": d_hidden}
    check_gradients(grad_outputs, grad_state, "h", **axes)
    _check_truncate(truncate)
    grad_h = np.zeros_like(h[:, 0]) if grad_state is None else grad_state[0]
    grad_a = np.empty_like(h[:, 1:])
    for t in reversed(range(length)):
        grad_h = grad_h + grad_outputs[:, t]
        grad_a[:, t] = tanh_backward(grad_h, h[:, t + 1])
        grad_h = grad_a[:, t] @ weight_hidden
        if truncate is not None and t > 0 and t % truncate == 0:
            grad_h = np.zeros_like(grad_h)
    rows = grad_a.reshape(-1, d_hidden)  # (batch*len, d_hidden)
    return (
        (rows @ weight_input).reshape(x.shape),
        (grad_h,),
        rows.T @ x.reshape(-1, x.shape[2]),
        rows.T @ h[:, :-1].reshape(rows.shape),
        rows.sum(axis=0),
    )


def _check_truncate(truncate: object) -> None:
    """Refuse pieces without a position, and parts of one."""
    is_whole = isinstance(truncate, int | np.integer) and truncate is not True
    if truncate is not None and not (is_whole and truncate >= 1):
        raise ValueError(f"truncate: must be a whole number from 1, got {truncate}")


def _check_sequence(
    x: np.ndarray,
    state: tuple[np.ndarray, ...],
    weight_input: np.ndarray,
    weight_hidden: np.ndarray,
    bias: np.ndarray,
) -> None:
    """Refuse arrays that do not fit one another."""
    check_shape("weight_hidden", weight_hidden, d_hidden=None, d_hidden_before=None)
    d_hidden = len(weight_hidden)
    check_shape("weight_hidden", weight_hidden, d_hidden=None, d_hidden_before=d_hidden)
    check_shape("weight_input", weight_input, d_hidden=d_hidden, d_input=None)
    check_shape("bias", bias, d_hidden=d_hidden)
    check_shape("x", x, batch=None, len=None, d_input=weight_input.shape[1])
    check_state("state", state, "h", batch=len(x), d_hidden=d_hidden)


# --- the class: parameters, gradients, and a pair ---


class RNN(Cell):
    """One layer, read from left to right: see rnn_forward.

    Args:
        d_input: width of x_t.
        d_hidden: width of h_t.
        rng: draws the weights, uniformly within 1 / sqrt(d_hidden); the bias is 0.

    Raises:
        ValueError: if a width is not above 0.
    """

    step_forward_fn = staticmethod(rnn_step_forward)
    step_backward_fn = staticmethod(rnn_step_backward)
    forward_fn = staticmethod(rnn_forward)
    backward_fn = staticmethod(rnn_backward)

    def __init__(self, d_input: int, d_hidden: int, rng: np.random.Generator) -> None:
        check_sizes(d_input=d_input, d_hidden=d_hidden)
        bound = d_hidden**-0.5
        super().__init__(
            weight_input=rng.uniform(-bound, bound, size=(d_hidden, d_input)),
            weight_hidden=rng.uniform(-bound, bound, size=(d_hidden, d_hidden)),
            bias=np.zeros(d_hidden),
        )

    def backward(
        self,
        grad_outputs: Float[np.ndarray, "batch len d_hidden"],
        cache: tuple,
        grad_state: State | None = None,
        *,
        truncate: int | None = None,
    ) -> tuple[Float[np.ndarray, "batch len d_input"], State]:
        """Gradients of the input and of the state before; the others are added up.

        Args:
            grad_outputs: gradient of the loss with respect to the outputs.
            cache: from `forward`.
            grad_state: likewise for the (h,) after the last position; None is zeros.
            truncate: length of a piece in positions, as in rnn_backward; None never
                cuts.
        """
        grad_x, grad_before, *grads = rnn_backward(
            grad_outputs, grad_state, cache, truncate
        )
        self.add_gradients(*grads)
        return grad_x, grad_before

"""The gated recurrent unit: one step, and a whole sequence.

Step and sequence are each a pair of pure functions, `..._forward` and `..._backward`. A
class holds the parameters and their gradients, and calls the pairs. The step is the
definition. The sequence is the same function, arranged for speed: what need not wait
for the step before is computed for all steps in one product. A test holds the two
together.

Parameters: weight_input (3*d_hidden, d_input), weight_hidden (3*d_hidden, d_hidden),
bias_input and bias_hidden (3*d_hidden): two gates and a candidate, stacked in the order
r, z, n. Two biases, since the reset gate comes between the two of the candidate.

Left out: the paper's own form, in which the reset comes first; specs.gru_step_paper has
it.

Source: Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder for
    Statistical Machine Translation", section 2.3, arXiv:1406.1078.

Twin: minis2s/torch_nn/gru.py.
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
    sigmoid_backward,
    sigmoid_forward,
    tanh_backward,
    tanh_forward,
)

State = tuple[Float[np.ndarray, "batch d_hidden"]]

# --- one step ---


class GRUStepCache(NamedTuple):
    """What gru_step_backward needs to know."""

    x: Float[np.ndarray, "batch d_input"]
    h: Float[np.ndarray, "batch d_hidden"]
    """the state before the step"""
    weight_input: Float[np.ndarray, "d_gates d_input"]
    weight_hidden: Float[np.ndarray, "d_gates d_hidden"]
    gates: tuple[np.ndarray, ...]
    """r, z, n after their activations, each (batch, d_hidden)"""
    recalled: Float[np.ndarray, "batch d_hidden"]
    """U_n h_{t-1} + b_hn, which r lets through"""


def gru_step_forward(
    x: Float[np.ndarray, "batch d_input"],
    state: State,
    weight_input: Float[np.ndarray, "d_gates d_input"],
    weight_hidden: Float[np.ndarray, "d_gates d_hidden"],
    bias_input: Float[np.ndarray, " d_gates"],
    bias_hidden: Float[np.ndarray, " d_gates"],
) -> tuple[State, GRUStepCache]:
    """One step: each unit keeps its state, or takes the candidate, or a blend.

    With W, U the rows of weight_input and weight_hidden, b_i, b_h those of the biases:
    r = sigmoid(W_r x_t + b_ir + U_r h_{t-1} + b_hr)
    z = sigmoid(W_z x_t + b_iz + U_z h_{t-1} + b_hz)
    n = tanh(W_n x_t + b_in + r (U_n h_{t-1} + b_hn))
    h_t = (1 - z) n + z h_{t-1}

    Here r acts after U_n. In the paper's third version it acts on h, before U_n:
    n = tanh(W_n x_t + U_n (r h_{t-1})), which in general is another function. The form
    used here is PyTorch's. It is faster: all three products with h_{t-1} are one, where
    the paper's U_n has to wait for r. z is as in the paper, the share of h_{t-1} that
    is kept. Chung et al. 2014 and Bahdanau et al. 2014 exchange z and 1 - z; changing
    the sign of z's weights and biases turns one form into the other.

    Args:
        x: the input x_t.
        state: (h_{t-1},).
        weight_input: what the gates see of the input.
        weight_hidden: what the gates see of h.
        bias_input: what each gate adds to what it sees of the input.
        bias_hidden: what each gate adds to what it sees of h.

    Returns:
        (h_t,), and the cache for gru_step_backward.

    Raises:
        ValueError: if x or the state has the wrong shape.

    Source: Cho et al. 2014, section 2.3, without biases there; the place of the reset
        is PyTorch's.
    Paper names: n is h with a tilde.
    """
    d_hidden, d_input = weight_hidden.shape[1], weight_input.shape[1]
    check_shape("x", x, batch=None, d_input=d_input)
    check_state("state", state, "h", batch=len(x), d_hidden=d_hidden)
    (h,) = state
    from_x = x @ weight_input.T + bias_input  # (batch, 3*d_hidden)
    from_h = h @ weight_hidden.T + bias_hidden
    x_r, x_z, x_n = np.split(from_x, 3, axis=-1)
    h_r, h_z, recalled = np.split(from_h, 3, axis=-1)
    r, _ = sigmoid_forward(x_r + h_r)
    z, _ = sigmoid_forward(x_z + h_z)
    n, _ = tanh_forward(x_n + r * recalled)
    cache = GRUStepCache(x, h, weight_input, weight_hidden, (r, z, n), recalled)
    return ((1.0 - z) * n + z * h,), cache


def gru_step_backward(
    grad_state: State, cache: GRUStepCache
) -> tuple[
    Float[np.ndarray, "batch d_input"],
    State,
    Float[np.ndarray, "d_gates d_input"],
    Float[np.ndarray, "d_gates d_hidden"],
    Float[np.ndarray, " d_gates"],
    Float[np.ndarray, " d_gates"],
]:
    """Gradient of one step.

    h_t = (1 - z) n + z h_{t-1}: grad_n = grad_h (1 - z), grad_z = grad_h (h_{t-1} - n)
    and for the past:            grad_h z: no weight, no squashing in between
    n = tanh(x_n + r recalled):  grad_x_n = grad_n (1 - n²)
                                 grad_r = grad_x_n recalled, grad_recalled = grad_x_n r
    r = sigmoid(x_r + h_r):      grad_x_r = grad_h_r = grad_r r (1 - r)
    z = sigmoid(x_z + h_z):      grad_x_z = grad_h_z = grad_z z (1 - z)

    In r and z, what comes from x and what comes from h are added, so both get the same
    gradient; of the candidate's, h gets only what r lets through. Then everything goes
    back through the weights:

    grad_from_x = [grad_x_r; grad_x_z; grad_x_n]
    grad_from_h = [grad_h_r; grad_h_z; grad_recalled]
    grad_x = weight_inputᵀ grad_from_x
    grad_h_{t-1} = grad_h z + weight_hiddenᵀ grad_from_h
    grad_weight_input = sum over the batch of grad_from_x x_tᵀ
    grad_weight_hidden = sum over the batch of grad_from_h h_{t-1}ᵀ
    grad_bias_input = sum over the batch of grad_from_x
    grad_bias_hidden = sum over the batch of grad_from_h

    Args:
        grad_state: gradient of the loss with respect to (h_t,).
        cache: from gru_step_forward.

    Returns:
        grad_x, grad_state for (h_{t-1},), grad_weight_input, grad_weight_hidden,
        grad_bias_input, grad_bias_hidden.
    """
    x, h, weight_input, weight_hidden, (r, z, n), recalled = cache
    (grad_h,) = grad_state
    grad_x_n = tanh_backward(grad_h * (1.0 - z), n)
    grad_x_r = sigmoid_backward(grad_x_n * recalled, r)
    grad_x_z = sigmoid_backward(grad_h * (h - n), z)
    grad_from_x = np.concatenate([grad_x_r, grad_x_z, grad_x_n], axis=-1)
    grad_from_h = np.concatenate([grad_x_r, grad_x_z, grad_x_n * r], axis=-1)
    return (
        grad_from_x @ weight_input,
        (grad_h * z + grad_from_h @ weight_hidden,),
        grad_from_x.T @ x,
        grad_from_h.T @ h,
        grad_from_x.sum(axis=0),
        grad_from_h.sum(axis=0),
    )


# --- a whole sequence ---


class GRUCache(NamedTuple):
    """What gru_backward needs to know. Index 0 of h is the initial state."""

    x: Float[np.ndarray, "batch len d_input"]
    weight_input: Float[np.ndarray, "d_gates d_input"]
    weight_hidden: Float[np.ndarray, "d_gates d_hidden"]
    gates: Float[np.ndarray, "batch len d_gates"]
    """r, z, n after their activations"""
    recalled: Float[np.ndarray, "batch len d_hidden"]
    """U_n h_{t-1} + b_hn at every position"""
    h: Float[np.ndarray, "batch len_plus_1 d_hidden"]


def gru_forward(
    x: Float[np.ndarray, "batch len d_input"],
    state: State,
    weight_input: Float[np.ndarray, "d_gates d_input"],
    weight_hidden: Float[np.ndarray, "d_gates d_hidden"],
    bias_input: Float[np.ndarray, " d_gates"],
    bias_hidden: Float[np.ndarray, " d_gates"],
) -> tuple[Float[np.ndarray, "batch len d_hidden"], State, GRUCache]:
    """gru_step_forward at every position, from left to right.

    The inputs of all positions meet weight_input in one product; only what h adds has
    to wait for the step before.

    Args:
        x: the inputs; padding at the end changes no output before it.
        state: (h,) before the first position.
        weight_input: what the gates see of the input.
        weight_hidden: what the gates see of h.
        bias_input: what each gate adds to what it sees of the input.
        bias_hidden: what each gate adds to what it sees of h.

    Returns:
        outputs, which are all h_t, the (h,) after the last position, and the cache for
        gru_backward. The first two are views of the cache: to be read only.

    Raises:
        ValueError: if a rank or a shared axis disagrees.
    """
    _check_sequence(x, state, weight_input, weight_hidden, bias_input, bias_hidden)
    batch, length, _ = x.shape
    d_hidden = weight_hidden.shape[1]
    # At first what x says to each gate; every step turns its part into r, z and n.
    gates, _ = linear_forward(x, weight_input, bias_input)  # (batch, len, 3*d_hidden)
    recalled = np.empty((batch, length, d_hidden), dtype=gates.dtype)
    h = np.empty((batch, length + 1, d_hidden), dtype=gates.dtype)
    h[:, 0] = state[0]
    for t in range(length):
        from_h = h[:, t] @ weight_hidden.T + bias_hidden  # (batch, 3*d_hidden)
        h_r, h_z, recalled[:, t] = np.split(from_h, 3, axis=-1)
        r, z, n = np.split(gates[:, t], 3, axis=-1)
        r[...], _ = sigmoid_forward(r + h_r)
        z[...], _ = sigmoid_forward(z + h_z)
        n[...], _ = tanh_forward(n + r * recalled[:, t])
        h[:, t + 1] = (1.0 - z) * n + z * h[:, t]
    cache = GRUCache(x, weight_input, weight_hidden, gates, recalled, h)
    return h[:, 1:], (h[:, -1],), cache


def gru_backward(
    grad_outputs: Float[np.ndarray, "batch len d_hidden"],
    grad_state: State | None,
    cache: GRUCache,
) -> tuple[
    Float[np.ndarray, "batch len d_input"],
    State,
    Float[np.ndarray, "d_gates d_input"],
    Float[np.ndarray, "d_gates d_hidden"],
    Float[np.ndarray, " d_gates"],
    Float[np.ndarray, " d_gates"],
]:
    """gru_step_backward at every position, from right to left.

    Each h_t is read from outside and by the next step: the two gradients add. What
    the steps would give for the weights, one small product each, is one large product
    over all steps when they are done. With grad_from_x and grad_from_h of each step:

    grad_x_t = weight_inputᵀ grad_from_x_t
    grad_weight_input = sum over batch and t of grad_from_x_t x_tᵀ
    grad_weight_hidden = sum over batch and t of grad_from_h_t h_{t-1}ᵀ
    grad_bias_input = sum over batch and t of grad_from_x_t
    grad_bias_hidden = sum over batch and t of grad_from_h_t

    Args:
        grad_outputs: gradient of the loss with respect to the outputs.
        grad_state: likewise for the (h,) after the last position; None is zeros.
        cache: from gru_forward.

    Returns:
        grad_x, grad_state for the (h,) before the first position, grad_weight_input,
        grad_weight_hidden, grad_bias_input, grad_bias_hidden.

    Raises:
        ValueError: if a gradient has not the shape of what it is the gradient of.
    """
    x, weight_input, weight_hidden, gates, recalled, h = cache
    batch, length, d_hidden = recalled.shape
    axes = {"batch": batch, "len": length, "d_hidden": d_hidden}
    check_gradients(grad_outputs, grad_state, "h", **axes)
    grad_h = np.zeros_like(h[:, 0]) if grad_state is None else grad_state[0]
    grad_from_x, grad_from_h = np.empty_like(gates), np.empty_like(gates)
    for t in reversed(range(length)):
        r, z, n = np.split(gates[:, t], 3, axis=-1)
        grad_x_r, grad_x_z, grad_x_n = np.split(grad_from_x[:, t], 3, axis=-1)
        grad_h = grad_h + grad_outputs[:, t]
        grad_x_n[...] = tanh_backward(grad_h * (1.0 - z), n)
        grad_x_r[...] = sigmoid_backward(grad_x_n * recalled[:, t], r)
        grad_x_z[...] = sigmoid_backward(grad_h * (h[:, t] - n), z)
        grad_from_h[:, t] = np.concatenate([grad_x_r, grad_x_z, grad_x_n * r], axis=-1)
        grad_h = grad_h * z + grad_from_h[:, t] @ weight_hidden
    rows_x = grad_from_x.reshape(-1, 3 * d_hidden)  # (batch*len, 3*d_hidden)
    rows_h = grad_from_h.reshape(-1, 3 * d_hidden)
    return (
        (rows_x @ weight_input).reshape(x.shape),
        (grad_h,),
        rows_x.T @ x.reshape(-1, x.shape[2]),
        rows_h.T @ h[:, :-1].reshape(-1, d_hidden),
        rows_x.sum(axis=0),
        rows_h.sum(axis=0),
    )


def _check_sequence(
    x: np.ndarray,
    state: tuple[np.ndarray, ...],
    weight_input: np.ndarray,
    weight_hidden: np.ndarray,
    bias_input: np.ndarray,
    bias_hidden: np.ndarray,
) -> None:
    """Refuse arrays that do not fit one another."""
    check_shape("weight_hidden", weight_hidden, d_gates=None, d_hidden=None)
    d_hidden = weight_hidden.shape[1]
    check_shape("weight_hidden", weight_hidden, d_gates=3 * d_hidden, d_hidden=None)
    check_shape("weight_input", weight_input, d_gates=3 * d_hidden, d_input=None)
    check_shape("bias_input", bias_input, d_gates=3 * d_hidden)
    check_shape("bias_hidden", bias_hidden, d_gates=3 * d_hidden)
    check_shape("x", x, batch=None, len=None, d_input=weight_input.shape[1])
    check_state("state", state, "h", batch=len(x), d_hidden=d_hidden)


# --- the class: parameters, gradients, and a pair ---


class GRU(Cell):
    """One layer, read from left to right: see gru_forward.

    Args:
        d_input: width of x_t.
        d_hidden: width of h_t.
        rng: draws the weights, uniformly within 1 / sqrt(d_hidden); biases are 0.

    Raises:
        ValueError: if a width is not above 0.
    """

    step_forward_fn = staticmethod(gru_step_forward)
    step_backward_fn = staticmethod(gru_step_backward)
    forward_fn = staticmethod(gru_forward)
    backward_fn = staticmethod(gru_backward)

    def __init__(self, d_input: int, d_hidden: int, rng: np.random.Generator) -> None:
        check_sizes(d_input=d_input, d_hidden=d_hidden)
        bound = d_hidden**-0.5
        super().__init__(
            weight_input=rng.uniform(-bound, bound, size=(3 * d_hidden, d_input)),
            weight_hidden=rng.uniform(-bound, bound, size=(3 * d_hidden, d_hidden)),
            bias_input=np.zeros(3 * d_hidden),
            bias_hidden=np.zeros(3 * d_hidden),
        )

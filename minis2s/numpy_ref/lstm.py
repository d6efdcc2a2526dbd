"""Long short-term memory: one step, and a whole sequence.

Step and sequence are each a pair of pure functions, `..._forward` and `..._backward`. A
class holds the parameters and their gradients, and calls the pairs. The step is the
definition. The sequence is the same function, arranged for speed: what need not wait
for the step before is computed for all steps in one product. A test holds the two
together.

Parameters: weight_input (4*d_hidden, d_input), weight_hidden (4*d_hidden, d_hidden),
bias (4*d_hidden): three gates and a candidate, stacked in the order i, f, g, o.

Left out: peepholes and projections.

Sources: Hochreiter and Schmidhuber 1997, "Long Short-Term Memory"; forget gate after
    Gers, Schmidhuber and Cummins 2000, "Learning to Forget".

Twin: minis2s/torch_nn/lstm.py.
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
    sigmoid_backward,
    sigmoid_forward,
    tanh_backward,
    tanh_forward,
)

State = tuple[Float[np.ndarray, "batch d_hidden"], Float[np.ndarray, "batch d_hidden"]]

# --- one step ---


class LSTMStepCache(NamedTuple):
    """What lstm_step_backward needs to know."""

    x: Float[np.ndarray, "batch d_input"]
    state: State
    """(h, c) before the step"""
    weight_input: Float[np.ndarray, "d_gates d_input"]
    weight_hidden: Float[np.ndarray, "d_gates d_hidden"]
    gates: tuple[np.ndarray, ...]
    """i, f, g, o after their activations, each (batch, d_hidden)"""
    tanh_c: Float[np.ndarray, "batch d_hidden"]
    """tanh of the c that follows"""


def lstm_step_forward(
    x: Float[np.ndarray, "batch d_input"],
    state: State,
    weight_input: Float[np.ndarray, "d_gates d_input"],
    weight_hidden: Float[np.ndarray, "d_gates d_hidden"],
    bias: Float[np.ndarray, " d_gates"],
) -> tuple[State, LSTMStepCache]:
    """One step: the cell forgets a part of what it holds, and adds something new.

    i, f, g, o = split(weight_input x_t + weight_hidden h_{t-1} + bias)
    c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
    h_t = sigmoid(o) tanh(c_t)

    Here i, f, g and o are what enters the activations; in all that follows, and in the
    cache, they are what has come out.

    Args:
        x: the input x_t.
        state: (h_{t-1}, c_{t-1}).
        weight_input: what the gates see of the input.
        weight_hidden: what the gates see of h.
        bias: what each gate sees without either.

    Returns:
        (h_t, c_t), and the cache for lstm_step_backward.

    Raises:
        ValueError: if x or the state has the wrong shape.

    Source: Gers et al. 2000, who have other activations where tanh stands here.
    """
    d_hidden, d_input = weight_hidden.shape[1], weight_input.shape[1]
    check_shape("x", x, batch=None, d_input=d_input)
    check_state("state", state, "h", "c", batch=len(x), d_hidden=d_hidden)
    h, c = state
    gates = x @ weight_input.T + h @ weight_hidden.T + bias  # (batch, 4*d_hidden)
    i, f, g, o = np.split(gates, 4, axis=-1)
    i, f, o = (sigmoid_forward(gate)[0] for gate in (i, f, o))
    g, _ = tanh_forward(g)
    c = f * c + i * g
    tanh_c, _ = tanh_forward(c)
    cache = LSTMStepCache(x, state, weight_input, weight_hidden, (i, f, g, o), tanh_c)
    return (o * tanh_c, c), cache


def lstm_step_backward(
    grad_state: State, cache: LSTMStepCache
) -> tuple[
    Float[np.ndarray, "batch d_input"],
    State,
    Float[np.ndarray, "d_gates d_input"],
    Float[np.ndarray, "d_gates d_hidden"],
    Float[np.ndarray, " d_gates"],
]:
    """Gradient of one step.

    With i, f, g, o after their activations:

    h_t = o tanh(c_t), so  grad_o = grad_h tanh(c_t)
    c_t is read twice:     grad_c = grad_c + grad_h o tanh'(c_t)
    c_t = f c_{t-1} + i g: grad_f = grad_c c_{t-1}, grad_i = grad_c g, grad_g = grad_c i
    and for the past:      grad_c_{t-1} = grad_c f: no weight, no squashing in between,
                           which is why an LSTM remembers

    Every gate goes back through its activation, and all four through the weights:

    grad_gates = [grad_i i (1 - i); grad_f f (1 - f); grad_g (1 - g²); grad_o o (1 - o)]
    grad_x = weight_inputᵀ grad_gates
    grad_h_{t-1} = weight_hiddenᵀ grad_gates
    grad_weight_input = sum over the batch of grad_gates x_tᵀ
    grad_weight_hidden = sum over the batch of grad_gates h_{t-1}ᵀ
    grad_bias = sum over the batch of grad_gates

    Args:
        grad_state: gradients of the loss with respect to (h_t, c_t).
        cache: from lstm_step_forward.

    Returns:
        grad_x, grad_state for (h_{t-1}, c_{t-1}), grad_weight_input,
        grad_weight_hidden, grad_bias.
    """
    x, (h, c), weight_input, weight_hidden, (i, f, g, o), tanh_c = cache
    grad_h, grad_c = grad_state
    grad_o = grad_h * tanh_c
    grad_c = grad_c + tanh_backward(grad_h * o, tanh_c)
    grad_gates = np.concatenate(
        [
            sigmoid_backward(grad_c * g, i),
            sigmoid_backward(grad_c * c, f),
            tanh_backward(grad_c * i, g),
            sigmoid_backward(grad_o, o),
        ],
        axis=-1,
    )  # (batch, 4*d_hidden)
    return (
        grad_gates @ weight_input,
        (grad_gates @ weight_hidden, grad_c * f),
        grad_gates.T @ x,
        grad_gates.T @ h,
        grad_gates.sum(axis=0),
    )


# --- a whole sequence ---


class LSTMCache(NamedTuple):
    """What lstm_backward needs to know. Index 0 of h and c is the initial state."""

    x: Float[np.ndarray, "batch len d_input"]
    weight_input: Float[np.ndarray, "d_gates d_input"]
    weight_hidden: Float[np.ndarray, "d_gates d_hidden"]
    gates: Float[np.ndarray, "len 4 batch d_hidden"]
    """i, f, g, o after their activations"""
    h: Float[np.ndarray, "batch len_plus_1 d_hidden"]
    c: Float[np.ndarray, "len_plus_1 batch d_hidden"]


def lstm_forward(
    x: Float[np.ndarray, "batch len d_input"],
    state: State,
    weight_input: Float[np.ndarray, "d_gates d_input"],
    weight_hidden: Float[np.ndarray, "d_gates d_hidden"],
    bias: Float[np.ndarray, " d_gates"],
) -> tuple[Float[np.ndarray, "batch len d_hidden"], State, LSTMCache]:
    """lstm_step_forward at every position, from left to right.

    Three things make it fast. The inputs of all positions meet weight_input in one
    product. Since sigmoid(a) = (1 + tanh(a / 2)) / 2, one call of tanh serves all four:
    the weights of the three gates are halved beforehand, which is exact. And each gate,
    like each gate's weights, has an array of its own that is contiguous in memory.

    Args:
        x: the inputs; padding at the end changes no output before it.
        state: (h, c) before the first position.
        weight_input: what the gates see of the input.
        weight_hidden: what the gates see of h.
        bias: what each gate sees without either.

    Returns:
        outputs, which are all h_t, the (h, c) after the last position, and the cache
        for lstm_backward. The first two are views of the cache: to be read only.

    Raises:
        ValueError: if a rank or a shared axis disagrees.
    """
    _check_sequence(x, state, weight_input, weight_hidden, bias)
    batch, length, d_input = x.shape
    d_hidden = weight_hidden.shape[1]
    half = np.repeat(np.array([0.5, 0.5, 1.0, 0.5], dtype=weight_input.dtype), d_hidden)
    from_x = x.reshape(-1, d_input) @ (half[:, None] * weight_input).T
    from_x = from_x.reshape(batch, length, 4, d_hidden).transpose(1, 2, 0, 3)
    by_gate = (half[:, None] * weight_hidden).reshape(4, d_hidden, d_hidden)
    by_gate = np.ascontiguousarray(by_gate.swapaxes(1, 2))  # axis 1 is that of h_{t-1}
    from_bias = (half * bias).reshape(4, 1, d_hidden)

    gates = np.empty((length, 4, batch, d_hidden), dtype=from_x.dtype)
    h = np.empty((batch, length + 1, d_hidden), dtype=from_x.dtype)
    c = np.empty((length + 1, batch, d_hidden), dtype=from_x.dtype)
    h[:, 0], c[0] = state
    for t in range(length):
        now = np.matmul(h[:, t], by_gate, out=gates[t])
        now += from_x[t]
        now += from_bias
        np.tanh(now, out=now)
        for gate in (now[:2], now[3]):  # i, f and o: tanh(a / 2) becomes sigmoid(a)
            gate += 1.0
            gate *= 0.5
        i, f, g, o = now
        c[t + 1] = f * c[t] + i * g
        h[:, t + 1] = o * np.tanh(c[t + 1])
    cache = LSTMCache(x, weight_input, weight_hidden, gates, h, c)
    return h[:, 1:], (h[:, -1], c[-1]), cache


def lstm_backward(
    grad_outputs: Float[np.ndarray, "batch len d_hidden"],
    grad_state: State | None,
    cache: LSTMCache,
) -> tuple[
    Float[np.ndarray, "batch len d_input"],
    State,
    Float[np.ndarray, "d_gates d_input"],
    Float[np.ndarray, "d_gates d_hidden"],
    Float[np.ndarray, " d_gates"],
]:
    """lstm_step_backward at every position, from right to left.

    Each h_t is read from outside and by the next step: the two gradients add. What
    the steps would give for the weights, one small product each, is one large product
    over all steps when they are done:

    grad_x_t = weight_inputᵀ grad_gates_t
    grad_weight_input = sum over batch and t of grad_gates_t x_tᵀ
    grad_weight_hidden = sum over batch and t of grad_gates_t h_{t-1}ᵀ
    grad_bias = sum over batch and t of grad_gates_t

    Of the four parts of grad_gates_t, here again with i, f, g, o after their
    activations, products that two lines share are computed once:

    grad_i i (1 - i) = at_i - at_i i,  with at_i = grad_c i g = at_g g
    grad_f f (1 - f) = at_f - at_f f,  with at_f = grad_c f c_{t-1}
    grad_g (1 - g²)  = at_g - at_i g,  with at_g = grad_c i
    grad_o o (1 - o) = at_o - at_o o,  with at_o = grad_h o tanh(c_t)

    Args:
        grad_outputs: gradient of the loss with respect to the outputs.
        grad_state: likewise for the (h, c) after the last position; None is zeros.
        cache: from lstm_forward.

    Returns:
        grad_x, grad_state for the (h, c) before the first position,
        grad_weight_input, grad_weight_hidden, grad_bias.

    Raises:
        ValueError: if a gradient has not the shape of what it is the gradient of.
    """
    x, weight_input, weight_hidden, gates, h, c = cache
    batch, length, d_input = x.shape
    d_hidden = h.shape[2]
    axes = {"batch": batch, "len": length, "d_hidden": d_hidden}
    check_gradients(grad_outputs, grad_state, "h", "c", **axes)
    if grad_state is None:
        grad_state = np.zeros_like(h[:, 0]), np.zeros_like(c[0])
    grad_h, grad_c = grad_state[0].copy(), grad_state[1].copy()
    grad_gates = np.empty((batch, length, 4, d_hidden), dtype=gates.dtype)
    for t in reversed(range(length)):
        i, f, g, o = gates[t]
        grad_h += grad_outputs[:, t]
        tanh_c = np.tanh(c[t + 1])
        from_h = grad_h * o
        at_o = from_h * tanh_c
        grad_c += from_h - at_o * tanh_c
        at_g = grad_c * i
        at_i = at_g * g
        grad_c *= f
        at_f = grad_c * c[t]
        now = grad_gates[:, t]
        now[:, 0] = at_i - at_i * i
        now[:, 1] = at_f - at_f * f
        now[:, 2] = at_g - at_i * g
        now[:, 3] = at_o - at_o * o
        grad_h = now.reshape(batch, 4 * d_hidden) @ weight_hidden
    rows = grad_gates.reshape(-1, 4 * d_hidden)  # (batch*len, 4*d_hidden)
    return (
        (rows @ weight_input).reshape(x.shape),
        (grad_h, grad_c),
        rows.T @ x.reshape(-1, d_input),
        rows.T @ h[:, :-1].reshape(-1, d_hidden),
        rows.sum(axis=0),
    )


def _check_sequence(
    x: np.ndarray,
    state: tuple[np.ndarray, ...],
    weight_input: np.ndarray,
    weight_hidden: np.ndarray,
    bias: np.ndarray,
) -> None:
    """Refuse arrays that do not fit one another."""
    check_shape("weight_hidden", weight_hidden, d_gates=None, d_hidden=None)
    d_hidden = weight_hidden.shape[1]
    check_shape("weight_hidden", weight_hidden, d_gates=4 * d_hidden, d_hidden=None)
    check_shape("weight_input", weight_input, d_gates=4 * d_hidden, d_input=None)
    check_shape("bias", bias, d_gates=4 * d_hidden)
    check_shape("x", x, batch=None, len=None, d_input=weight_input.shape[1])
    check_state("state", state, "h", "c", batch=len(x), d_hidden=d_hidden)


# --- the class: parameters, gradients, and a pair ---


class LSTM(Cell):
    """One layer, read from left to right: see lstm_forward.

    The forget gate's bias starts at 1, so that a young cell keeps more than half of
    what it holds (Jozefowicz et al. 2015).

    Args:
        d_input: width of x_t.
        d_hidden: width of h_t and c_t.
        rng: draws the weights, uniformly within 1 / sqrt(d_hidden).

    Raises:
        ValueError: if a width is not above 0.
    """

    N_STATES = 2  # h and c
    step_forward_fn = staticmethod(lstm_step_forward)
    step_backward_fn = staticmethod(lstm_step_backward)
    forward_fn = staticmethod(lstm_forward)
    backward_fn = staticmethod(lstm_backward)

    def __init__(self, d_input: int, d_hidden: int, rng: np.random.Generator) -> None:
        check_sizes(d_input=d_input, d_hidden=d_hidden)
        bound = d_hidden**-0.5
        bias = np.zeros(4 * d_hidden)
        bias[d_hidden : 2 * d_hidden] = 1.0
        super().__init__(
            weight_input=rng.uniform(-bound, bound, size=(4 * d_hidden, d_input)),
            weight_hidden=rng.uniform(-bound, bound, size=(4 * d_hidden, d_hidden)),
            bias=bias,
        )

"""Recurrent cells and sequences, one unit of one sentence at a time."""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float


def weigh(weights: Float[np.ndarray, " d"], values: Float[np.ndarray, " d"]) -> float:
    """What one unit sees of a vector: sum_d weights_d values_d."""
    total = 0.0
    for d in range(len(values)):
        total += weights[d] * values[d]
    return total


def sigmoid(a: float) -> float:
    """The logistic function: 1 / (1 + exp(-a))."""
    if a < 0:  # the same fraction times exp(a), since exp(-a) could overflow
        return math.exp(a) / (math.exp(a) + 1.0)
    return 1.0 / (1.0 + math.exp(-a))


def rnn_step(
    x: Float[np.ndarray, " d_input"],
    h: Float[np.ndarray, " d_hidden"],
    weight_input: Float[np.ndarray, "d_hidden d_input"],
    weight_hidden: Float[np.ndarray, "d_hidden d_hidden"],
    bias: Float[np.ndarray, " d_hidden"],
) -> Float[np.ndarray, " d_hidden"]:
    """One step of a simple recurrent network for one sentence, one unit at a time.

    h_t = tanh(weight_input x_t + weight_hidden h_{t-1} + bias)

    Args:
        x: the input.
        h: the state before.
        weight_input: what each unit sees of the input.
        weight_hidden: what each unit sees of the state before.
        bias: what each unit sees without either.

    Returns:
        the next h.

    Source: Elman 1990.
    """
    next_h = np.zeros(len(h))
    for j in range(len(h)):
        seen = weigh(weight_input[j], x) + weigh(weight_hidden[j], h) + bias[j]
        next_h[j] = math.tanh(seen)
    return next_h


def rnn(
    x: Float[np.ndarray, "batch len d_input"],
    state: tuple[Float[np.ndarray, "batch d_hidden"]],
    weight_input: Float[np.ndarray, "d_hidden d_input"],
    weight_hidden: Float[np.ndarray, "d_hidden d_hidden"],
    bias: Float[np.ndarray, " d_hidden"],
) -> tuple[
    Float[np.ndarray, "batch len d_hidden"],
    tuple[Float[np.ndarray, "batch d_hidden"]],
]:
    """A simple recurrent network from left to right: rnn_step, token by token.

    Args:
        x: the inputs.
        state: (h,) before the first position.
        weight_input: as for rnn_step.
        weight_hidden: as for rnn_step.
        bias: as for rnn_step.

    Returns:
        every h, and the (h,) after the last position.
    """
    batch, length, _ = x.shape
    h = state[0].copy()
    outputs = np.zeros((batch, length, h.shape[1]))
    for b, t in np.ndindex(batch, length):
        h[b] = rnn_step(x[b, t], h[b], weight_input, weight_hidden, bias)
        outputs[b, t] = h[b]
    return outputs, (h,)


def gru_step(
    x: Float[np.ndarray, " d_input"],
    h: Float[np.ndarray, " d_hidden"],
    weight_input: Float[np.ndarray, "d_gates d_input"],
    weight_hidden: Float[np.ndarray, "d_gates d_hidden"],
    bias_input: Float[np.ndarray, " d_gates"],
    bias_hidden: Float[np.ndarray, " d_gates"],
) -> Float[np.ndarray, " d_hidden"]:
    """One step of a GRU for one sentence, one unit at a time; r acts after U_n.

    r = sigmoid(W_r x_t + b_ir + U_r h_{t-1} + b_hr), and z likewise
    n = tanh(W_n x_t + b_in + r (U_n h_{t-1} + b_hn))
    h_t = (1 - z) n + z h_{t-1}

    Args:
        x: the input.
        h: the state before.
        weight_input: W, what the gates see of the input, stacked r, z, n.
        weight_hidden: U, what the gates see of h.
        bias_input: b_i, what each gate adds to what it sees of the input.
        bias_hidden: b_h, what each gate adds to what it sees of h.

    Returns:
        the next h.

    Source: Cho et al. 2014, section 2.3; the place of the reset is PyTorch's.
    """
    d_hidden = len(h)
    next_h = np.zeros(d_hidden)
    for j in range(d_hidden):
        rows = j, d_hidden + j, 2 * d_hidden + j
        of_x = [weigh(weight_input[row], x) + bias_input[row] for row in rows]
        of_h = [weigh(weight_hidden[row], h) + bias_hidden[row] for row in rows]
        r, z = sigmoid(of_x[0] + of_h[0]), sigmoid(of_x[1] + of_h[1])
        n = math.tanh(of_x[2] + r * of_h[2])
        next_h[j] = (1.0 - z) * n + z * h[j]
    return next_h


def gru_step_paper(
    x: Float[np.ndarray, " d_input"],
    h: Float[np.ndarray, " d_hidden"],
    weight_input: Float[np.ndarray, "d_gates d_input"],
    weight_hidden: Float[np.ndarray, "d_gates d_hidden"],
    bias_input: Float[np.ndarray, " d_gates"],
    bias_hidden: Float[np.ndarray, " d_gates"],
) -> Float[np.ndarray, " d_hidden"]:
    """One step of a GRU as published: r acts before U_n; else it is as gru_step.

    n = tanh(W_n x_t + b_in + U_n (r h_{t-1}) + b_hn)

    It equals gru_step where r is 1, whatever the weights. Where b_hn is 0, it also does
    if all units have the same r, or if U_n is diagonal, since then r and U_n commute.

    Args:
        x: the input.
        h: the state before.
        weight_input: W, what the gates see of the input, stacked r, z, n.
        weight_hidden: U, what the gates see of h.
        bias_input: b_i, as for gru_step; the paper has no biases.
        bias_hidden: b_h, likewise.

    Returns:
        the next h.

    Source: Cho et al. 2014, third version, section 2.3, arXiv:1406.1078v3.
    """
    d_hidden = len(h)
    gates = np.zeros(2 * d_hidden)
    for row in range(2 * d_hidden):
        of_x = weigh(weight_input[row], x) + bias_input[row]
        of_h = weigh(weight_hidden[row], h) + bias_hidden[row]
        gates[row] = sigmoid(of_x + of_h)
    r, z = gates[:d_hidden], gates[d_hidden:]
    next_h = np.zeros(d_hidden)
    for j in range(d_hidden):
        row = 2 * d_hidden + j
        of_x = weigh(weight_input[row], x) + bias_input[row]
        of_h = weigh(weight_hidden[row], r * h) + bias_hidden[row]
        next_h[j] = (1.0 - z[j]) * math.tanh(of_x + of_h) + z[j] * h[j]
    return next_h


def gru(
    x: Float[np.ndarray, "batch len d_input"],
    state: tuple[Float[np.ndarray, "batch d_hidden"]],
    weight_input: Float[np.ndarray, "d_gates d_input"],
    weight_hidden: Float[np.ndarray, "d_gates d_hidden"],
    bias_input: Float[np.ndarray, " d_gates"],
    bias_hidden: Float[np.ndarray, " d_gates"],
) -> tuple[
    Float[np.ndarray, "batch len d_hidden"],
    tuple[Float[np.ndarray, "batch d_hidden"]],
]:
    """A GRU from left to right: gru_step, sentence by sentence, token by token.

    Args:
        x: the inputs.
        state: (h,) before the first position.
        weight_input: as for gru_step.
        weight_hidden: as for gru_step.
        bias_input: as for gru_step.
        bias_hidden: as for gru_step.

    Returns:
        every h, and the (h,) after the last position.
    """
    weights = weight_input, weight_hidden, bias_input, bias_hidden
    batch, length, _ = x.shape
    h = state[0].copy()
    outputs = np.zeros((batch, length, h.shape[1]))
    for b, t in np.ndindex(batch, length):
        h[b] = gru_step(x[b, t], h[b], *weights)
        outputs[b, t] = h[b]
    return outputs, (h,)


def lstm_step(
    x: Float[np.ndarray, " d_input"],
    h: Float[np.ndarray, " d_hidden"],
    c: Float[np.ndarray, " d_hidden"],
    weight_input: Float[np.ndarray, "d_gates d_input"],
    weight_hidden: Float[np.ndarray, "d_gates d_hidden"],
    bias: Float[np.ndarray, " d_gates"],
) -> tuple[Float[np.ndarray, " d_hidden"], Float[np.ndarray, " d_hidden"]]:
    """One step of an LSTM for one sentence, one cell at a time.

    i, f, g, o = split(weight_input x_t + weight_hidden h_{t-1} + bias)
    c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
    h_t = sigmoid(o) tanh(c_t)

    Args:
        x: the input.
        h: the hidden state before.
        c: the cell state before.
        weight_input: what the gates see of the input, stacked i, f, g, o.
        weight_hidden: what the gates see of h.
        bias: what each gate sees without either.

    Returns:
        the next h and c.

    Source: Gers et al. 2000, who have other activations where tanh stands here.
    """

    def seen(row: int) -> float:
        return weigh(weight_input[row], x) + weigh(weight_hidden[row], h) + bias[row]

    d_hidden = len(h)
    next_h, next_c = np.zeros(d_hidden), np.zeros(d_hidden)
    for j in range(d_hidden):
        i, f, g, o = (seen(gate * d_hidden + j) for gate in range(4))
        next_c[j] = sigmoid(f) * c[j] + sigmoid(i) * math.tanh(g)
        next_h[j] = sigmoid(o) * math.tanh(next_c[j])
    return next_h, next_c


def lstm(
    x: Float[np.ndarray, "batch len d_input"],
    state: tuple[
        Float[np.ndarray, "batch d_hidden"], Float[np.ndarray, "batch d_hidden"]
    ],
    weight_input: Float[np.ndarray, "d_gates d_input"],
    weight_hidden: Float[np.ndarray, "d_gates d_hidden"],
    bias: Float[np.ndarray, " d_gates"],
) -> tuple[
    Float[np.ndarray, "batch len d_hidden"],
    tuple[Float[np.ndarray, "batch d_hidden"], Float[np.ndarray, "batch d_hidden"]],
]:
    """An LSTM from left to right: lstm_step, sentence by sentence, token by token.

    Args:
        x: the inputs.
        state: (h, c) before the first position.
        weight_input: as for lstm_step.
        weight_hidden: as for lstm_step.
        bias: as for lstm_step.

    Returns:
        every h, and the (h, c) after the last position.
    """
    batch, length, _ = x.shape
    h, c = state[0].copy(), state[1].copy()
    outputs = np.zeros((batch, length, h.shape[1]))
    for b, t in np.ndindex(batch, length):
        h[b], c[b] = lstm_step(x[b, t], h[b], c[b], weight_input, weight_hidden, bias)
        outputs[b, t] = h[b]
    return outputs, (h, c)


def bidirectional(
    x: Float[np.ndarray, "batch len d_input"],
    mask: Bool[np.ndarray, "batch len"],
    sequence: Callable,
    state: tuple[Float[np.ndarray, "1 d_hidden"], ...],
    fwd: tuple[np.ndarray, ...],
    bwd: tuple[np.ndarray, ...],
) -> Float[np.ndarray, "batch len d_memory"]:
    """Two layers over each sentence without its padding, one of them from its end.

    Args:
        x: the inputs.
        mask: True at tokens.
        sequence: what a layer does with one sentence: lstm, gru or rnn.
        state: where both layers begin, for one sentence.
        fwd: the parameters of the layer that reads forwards, as `sequence` takes them.
        bwd: likewise of the one that reads backwards.

    Returns:
        [h_fwd; h_bwd] at every token, zeros on padding.

    Source: Schuster and Paliwal 1997.
    """
    batch, length, _ = x.shape
    d_hidden = state[0].shape[1]
    both = np.zeros((batch, length, 2 * d_hidden))
    for b in range(batch):
        tokens = [x[b, t] for t in range(length) if mask[b, t]]
        if not tokens:
            continue
        h_fwd, _ = sequence(np.array([tokens]), state, *fwd)
        h_bwd, _ = sequence(np.array([tokens[::-1]]), state, *bwd)
        for t in range(len(tokens)):
            both[b, t, :d_hidden] = h_fwd[0, t]
            both[b, t, d_hidden:] = h_bwd[0, len(tokens) - 1 - t]
    return both

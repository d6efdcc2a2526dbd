"""Recurrent cells and sequences, one unit of one sentence at a time."""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float


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

    Source: Gers et al. 2000, eq. 2-6.
    """

    def seen(row: int) -> float:
        total = bias[row]
        for d in range(len(x)):
            total += weight_input[row, d] * x[d]
        for d in range(len(h)):
            total += weight_hidden[row, d] * h[d]
        return total

    def sigmoid(a: float) -> float:
        return 1.0 / (1.0 + math.exp(-a))

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


def bilstm(
    x: Float[np.ndarray, "batch len d_input"],
    mask: Bool[np.ndarray, "batch len"],
    fwd: tuple[np.ndarray, np.ndarray, np.ndarray],
    bwd: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> Float[np.ndarray, "batch len d_memory"]:
    """Two LSTMs over each sentence, from states of zeros: see bidirectional.

    Args:
        x: the inputs.
        mask: True at tokens.
        fwd: weight_input, weight_hidden and bias of the one that reads forwards.
        bwd: likewise of the one that reads backwards.

    Returns:
        [h_fwd; h_bwd] at every token, zeros on padding.
    """
    zeros = np.zeros((1, fwd[1].shape[1]))
    return bidirectional(x, mask, lstm, (zeros, zeros), fwd, bwd)

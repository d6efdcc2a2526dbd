"""A recurrent decoder with input feeding, one token at a time."""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from minis2s.specs.functional import linear
from minis2s.specs.recurrence import lstm_step


def input_feeding_step(
    embedded: Float[np.ndarray, " d_embed"],
    combined: Float[np.ndarray, " d_embed"],
    states: list[tuple[np.ndarray, np.ndarray]],
    *,
    look: Callable,
    layers: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
    combine: tuple[np.ndarray, np.ndarray],
    output: tuple[np.ndarray, np.ndarray],
) -> tuple[
    Float[np.ndarray, " vocab_size"],
    Float[np.ndarray, "n_heads src_len"],
    Float[np.ndarray, " d_embed"],
    list[tuple[np.ndarray, np.ndarray]],
]:
    """One target token further.

    h_t = LSTM([embedded_t; combined_{t-1}], h_{t-1}), layer upon layer
    context_t, weights_t = look(h_t)
    combined_t = tanh(W_c [context_t; h_t] + b_c)
    logits_t = W_o combined_t + b_o

    Args:
        embedded: the vector of the token before.
        combined: combined_{t-1}, what the output layer read the step before.
        states: (h, c) of each layer before, each d_hidden wide.
        look: any attention to one source: from the last layer's h to the context, and
            to the weights of each head.
        layers: weight_input, weight_hidden and bias of each LSTM, the lowest first.
        combine: W_c and b_c.
        output: W_o and b_o.

    Returns:
        logits, weights, the next combined and the next states.

    Source: Luong et al. 2015, section 3.3.
    """
    below, following = np.array([*embedded, *combined]), []
    for (h, c), parameters in zip(states, layers, strict=True):
        following.append(lstm_step(below, h, c, *parameters))
        below = following[-1][0]  # what the next layer reads
    context, weights = look(below)
    combined = linear(np.array([*context, *below]), *combine)
    combined = np.array([math.tanh(number) for number in combined])
    return linear(combined, *output), weights, combined, following


def input_feeding(
    embedded: Float[np.ndarray, "tgt_len d_embed"],
    states: list[tuple[np.ndarray, np.ndarray]],
    **parameters: Callable | list | tuple,
) -> tuple[
    Float[np.ndarray, "tgt_len vocab_size"],
    Float[np.ndarray, "n_heads tgt_len src_len"],
]:
    """A known target: input_feeding_step, token by token, from a combined of zeros.

    Args:
        embedded: the vectors of the tokens that are read.
        states: (h, c) of each layer before the first token.
        **parameters: look, layers, combine and output, as for input_feeding_step.

    Returns:
        logits and weights of every step.
    """
    combined, logits, weights = np.zeros(embedded.shape[1]), [], []
    for vector in embedded:
        row, looked, combined, states = input_feeding_step(
            vector, combined, states, **parameters
        )
        logits.append(row)
        weights.append(looked)
    return np.array(logits), np.stack(weights, axis=1)

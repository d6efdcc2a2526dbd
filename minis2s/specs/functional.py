"""The small functions that layers are made of, number by number."""

import math

import numpy as np
from jaxtyping import Float


def relu(x: Float[np.ndarray, "*axes"]) -> Float[np.ndarray, "*axes"]:
    """Rectifier: what is negative becomes 0.

    >>> relu(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    out = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        if x[index] > 0:
            out[index] = x[index]
    return out


def log_softmax(
    logits: Float[np.ndarray, " vocab_size"],
) -> Float[np.ndarray, " vocab_size"]:
    """Logarithm of the softmax of one row.

    log p(v) = logits_v - log sum_u exp(logits_u)

    Args:
        logits: unnormalised log-probabilities.

    Returns:
        log-probabilities, in nats.

    >>> log_softmax(np.array([0.0, -1000.0])).tolist()
    [0.0, -1000.0]
    """
    log_prob = np.zeros(len(logits))
    highest = max(logits)
    total = 0.0
    for logit in logits:
        total += math.exp(logit - highest)  # at most 1: it cannot overflow
    for v in range(len(logits)):
        log_prob[v] = logits[v] - highest - math.log(total)
    return log_prob


def layer_norm(
    x: Float[np.ndarray, "*rows d_model"],
    weight: Float[np.ndarray, " d_model"],
    bias: Float[np.ndarray, " d_model"],
    eps: float = 1e-5,
) -> Float[np.ndarray, "*rows d_model"]:
    """Layer normalisation, one row at a time.

    out_i = weight_i (x_i - mean) / sqrt(variance + eps) + bias_i

    Args:
        x: the rows.
        weight: one factor for each feature.
        bias: what is added to each feature.
        eps: added to the variance.

    Returns:
        out.

    Source: Ba, Kiros and Hinton 2016, eqs. 3 and 4, arXiv:1607.06450, where eps is
        absent.
    """
    d_model = x.shape[-1]
    out = np.zeros(x.shape)
    for row in np.ndindex(x.shape[:-1]):
        mean = variance = 0.0
        for i in range(d_model):
            mean += x[row][i] / d_model
        for i in range(d_model):
            variance += (x[row][i] - mean) ** 2 / d_model
        for i in range(d_model):
            centred = x[row][i] - mean
            out[row][i] = weight[i] * centred / math.sqrt(variance + eps) + bias[i]
    return out


def linear(
    x: Float[np.ndarray, " d_in"],
    weight: Float[np.ndarray, "d_out d_in"],
    bias: Float[np.ndarray, " d_out"],
) -> Float[np.ndarray, " d_out"]:
    """Linear map of one vector.

    out_o = sum_i weight_oi x_i + bias_o

    Args:
        x: the vector.
        weight: the matrix, one row for each output.
        bias: what is added to the result.

    Returns:
        out.
    """
    out = np.zeros(len(bias))
    for o in range(len(bias)):
        out[o] = bias[o]
        for i in range(len(x)):
            out[o] += weight[o, i] * x[i]
    return out

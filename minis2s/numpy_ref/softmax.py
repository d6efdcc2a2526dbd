"""Softmax, masked softmax and log-softmax, each with its derivative by hand.

A softmax turns scores into shares of one. Masked, it leaves some positions out, and
every attention stands on it. Its logarithm is what a loss and a search ask for.

Each is a pair: `x_forward(...)` returns its result and a cache, and
`x_backward(grad_result, cache)` turns the gradient of a loss with respect to the
result into that with respect to the scores. Nothing is stored between calls and no
array that was passed in is written to. float32 stays float32, float64 stays float64.

Left out: layers' other functions, which are in functional.py.

Twin: minis2s/torch_nn/softmax.py, where autograd supplies the second halves.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from minis2s.numpy_ref.checks import check_bool


class SoftmaxCache(NamedTuple):
    """What the backward pass of a softmax needs to know."""

    weights: Float[np.ndarray, "..."]
    """the result of the forward pass"""
    axis: int
    """the axis along which the weights sum to 1"""


class LogSoftmaxCache(NamedTuple):
    """What the backward pass of a log-softmax needs to know."""

    log_prob: Float[np.ndarray, "..."]
    """the result of the forward pass"""
    axis: int
    """the axis along which the probabilities sum to 1"""


# --- softmax ---


def softmax_forward(
    scores: Float[np.ndarray, "..."], axis: int = -1
) -> tuple[Float[np.ndarray, "..."], SoftmaxCache]:
    """Softmax: scores become shares of one.

    weights_s = exp(scores_s) / sum_r exp(scores_r)

    The largest score is subtracted first. That changes no weight, since it multiplies
    numerator and denominator alike, and keeps exp from overflowing.

    Args:
        scores: any finite numbers.
        axis: the axis along which the weights shall sum to 1.

    Returns:
        weights, of the shape of scores, and the cache for softmax_backward.
    """
    votes = np.exp(scores - scores.max(axis=axis, keepdims=True))
    weights = votes / votes.sum(axis=axis, keepdims=True)
    return weights, SoftmaxCache(weights, axis)


def softmax_backward(
    grad_weights: Float[np.ndarray, "..."], cache: SoftmaxCache
) -> Float[np.ndarray, "..."]:
    """Gradient of the softmax.

    d weights_r / d scores_s = weights_r (1[r = s] - weights_s), hence
    grad_scores_s = weights_s (grad_weights_s - sum_r grad_weights_r weights_r)

    Args:
        grad_weights: gradient of the loss with respect to the weights.
        cache: from softmax_forward.

    Returns:
        grad_scores. It sums to 0 along the axis, since adding a constant to all
        scores changes nothing.
    """
    weights, axis = cache
    row_dot = (grad_weights * weights).sum(axis=axis, keepdims=True)
    return weights * (grad_weights - row_dot)


# --- masked softmax ---


def masked_softmax_forward(
    scores: Float[np.ndarray, "*rows src_len"],
    mask: Bool[np.ndarray, "*#rows src_len"],
) -> tuple[Float[np.ndarray, "*rows src_len"], SoftmaxCache]:
    """Softmax over the last axis, in which only unmasked positions take part.

    weights_s = exp(scores_s) / sum_r exp(scores_r), s and r over positions where mask
    is True; zero elsewhere.

    A masked score becomes -inf, so its vote is exp(-inf) = 0. In a row in which
    nothing may be attended to, all votes are 0 and so are the weights.

    Args:
        scores: any finite numbers.
        mask: True where attention is allowed; its leading axes may broadcast.

    Returns:
        weights (each row sums to 1, or to 0 if fully masked), and the cache for
        masked_softmax_backward.

    Raises:
        TypeError: if the mask is not boolean.
    """
    check_bool("mask", mask)
    scores = np.where(mask, scores, -np.inf)
    # Of no scores at all the maximum is `initial`, as in a row that is fully masked.
    row_max = scores.max(axis=-1, keepdims=True, initial=-np.inf)
    # An empty row has the maximum -inf, and -inf - -inf would be NaN.
    votes = np.exp(scores - np.where(np.isneginf(row_max), 0.0, row_max))
    row_sum = votes.sum(axis=-1, keepdims=True)
    weights = votes / np.where(row_sum == 0.0, 1.0, row_sum)
    return weights, SoftmaxCache(weights, axis=-1)


def masked_softmax_backward(
    grad_weights: Float[np.ndarray, "*rows src_len"], cache: SoftmaxCache
) -> Float[np.ndarray, "*rows src_len"]:
    """Gradient of the masked softmax.

    The formula is that of softmax_backward. It needs no mask: a masked weight is 0,
    and so is the gradient of its score.

    Args:
        grad_weights: gradient of the loss with respect to the weights.
        cache: from masked_softmax_forward.

    Returns:
        grad_scores, exactly zero at masked positions and in fully masked rows.
    """
    return softmax_backward(grad_weights, cache)


# --- log-softmax ---


def log_softmax(
    logits: Float[np.ndarray, "..."], axis: int = -1
) -> Float[np.ndarray, "..."]:
    """The log-probabilities alone, where no gradient is wanted: see below.

    >>> log_softmax(np.array([0.0, -1000.0])).tolist()
    [0.0, -1000.0]
    """
    return log_softmax_forward(logits, axis)[0]


def log_softmax_forward(
    logits: Float[np.ndarray, "..."], axis: int = -1
) -> tuple[Float[np.ndarray, "..."], LogSoftmaxCache]:
    """Logarithm of the softmax, without the detour through it.

    log p(v) = logits_v - log sum_u exp(logits_u)

    The largest logit is subtracted first: exp cannot overflow, and the sum, in which
    one term is exp(0), cannot vanish. The logarithm of a softmax would be -inf
    wherever the softmax is too small to be written down.

    Args:
        logits: unnormalised log-probabilities; -inf where something is impossible,
            but not everywhere.
        axis: the axis along which the probabilities shall sum to 1.

    Returns:
        log-probabilities, in nats, and the cache for log_softmax_backward.
    """
    shifted = logits - logits.max(axis=axis, keepdims=True)
    log_prob = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    return log_prob, LogSoftmaxCache(log_prob, axis)


def log_softmax_backward(
    grad_log_prob: Float[np.ndarray, "..."], cache: LogSoftmaxCache
) -> Float[np.ndarray, "..."]:
    """Gradient of the log-softmax.

    d log p(u) / d logits_v = 1[u = v] - p(v), hence
    grad_logits_v = grad_log_prob_v - p(v) sum_u grad_log_prob_u

    Args:
        grad_log_prob: gradient of the loss with respect to the log-probabilities.
        cache: from log_softmax_forward.

    Returns:
        grad_logits. It sums to 0 along the axis, since adding a constant to all
        logits changes nothing.
    """
    log_prob, axis = cache
    grad_sum = grad_log_prob.sum(axis=axis, keepdims=True)
    return grad_log_prob - np.exp(log_prob) * grad_sum

"""Dot-product attention, plain, scaled and general, forward and backward.

Attention has two halves. The first scores each query against each key; here the score
is a dot product, with or without a scale, or with a matrix between the two. The second
shares out one unit of weight among the unmasked source positions and returns the
weighted mean of the values: `blend`, which additive attention needs, too.

Axes: query (batch, tgt_len, d_query), key (batch, src_len, d_key), value (batch,
src_len, d_value), mask and weights (batch, tgt_len, src_len): a row for each query, a
column for each key. Without a matrix d_query = d_key = d_head.

Left out: the additive score, which is in additive_attention.py, and the classes that
hold parameters, which are in attention.py.

Papers: Luong, Pham and Manning 2015, arXiv:1508.04025 (dot, general); Vaswani et al.
2017, arXiv:1706.03762 (the scale).

No twin: in minis2s/torch_nn/attention.py autograd finds the way back.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from minis2s.numpy_ref.checks import check_bool, check_shape
from minis2s.numpy_ref.functional import LinearCache, linear_backward, linear_forward
from minis2s.numpy_ref.softmax import (
    SoftmaxCache,
    masked_softmax_backward,
    masked_softmax_forward,
)

# --- from scores to context, which all attentions share ---


class BlendCache(NamedTuple):
    """What blend_backward needs to know."""

    value: Float[np.ndarray, "batch src_len d_value"]
    softmax: SoftmaxCache


def blend_forward(
    scores: Float[np.ndarray, "batch tgt_len src_len"],
    value: Float[np.ndarray, "batch src_len d_value"],
    mask: Bool[np.ndarray, "batch tgt_len src_len"],
) -> tuple[
    Float[np.ndarray, "batch tgt_len d_value"],
    Float[np.ndarray, "batch tgt_len src_len"],
    BlendCache,
]:
    """Share out one unit among the source positions, then blend their values.

    weights = softmax(scores), over positions where mask is True
    context = weights value

    Args:
        scores: how well each query agrees with each key.
        value: what each source position hands over.
        mask: True where attention is allowed.

    Returns:
        context, weights (each row sums to 1, or to 0 if fully masked), and the cache
        for blend_backward.
    """
    weights, softmax_cache = masked_softmax_forward(scores, mask)
    context = weights @ value  # (batch, tgt_len, d_value)
    return context, weights, BlendCache(value, softmax_cache)


def blend_backward(
    grad_context: Float[np.ndarray, "batch tgt_len d_value"], cache: BlendCache
) -> tuple[
    Float[np.ndarray, "batch tgt_len src_len"],
    Float[np.ndarray, "batch src_len d_value"],
]:
    """Gradient of the blend.

    grad_value = weightsᵀ grad_context
    grad_weights = grad_context valueᵀ, which then goes back through the softmax.

    Args:
        grad_context: gradient of the loss with respect to the context.
        cache: from blend_forward.

    Returns:
        grad_scores, grad_value.
    """
    value, softmax_cache = cache
    grad_value = softmax_cache.weights.swapaxes(-1, -2) @ grad_context
    grad_weights = grad_context @ value.swapaxes(-1, -2)
    grad_scores = masked_softmax_backward(grad_weights, softmax_cache)
    return grad_scores, grad_value


# --- dot ---


class DotAttentionCache(NamedTuple):
    """What dot_attention_backward needs to know."""

    query: Float[np.ndarray, "batch tgt_len d_head"]
    key: Float[np.ndarray, "batch src_len d_head"]
    scale: float
    blend: BlendCache


def dot_attention_forward(
    query: Float[np.ndarray, "batch tgt_len d_head"],
    key: Float[np.ndarray, "batch src_len d_head"],
    value: Float[np.ndarray, "batch src_len d_value"],
    mask: Bool[np.ndarray, "batch tgt_len src_len"],
    *,
    scaled: bool = False,
) -> tuple[
    Float[np.ndarray, "batch tgt_len d_value"],
    Float[np.ndarray, "batch tgt_len src_len"],
    DotAttentionCache,
]:
    """Dot-product attention.

    context = softmax(scale query keyᵀ) value, over positions where mask is True,
    where scale is 1 / sqrt(d_head) if scaled, else 1.

    Args:
        query: what each target position asks for.
        key: what each source position offers to match.
        value: what each source position hands over.
        mask: True where attention is allowed.
        scaled: divide the scores by sqrt(d_head), which keeps the variance of the
            scores of random vectors at 1 however wide they are.

    Returns:
        context, weights (each row sums to 1, or to 0 if fully masked), and the cache
        for dot_attention_backward.

    Raises:
        ValueError: if a rank or a shared axis disagrees.
        TypeError: if the mask is not boolean.

    Source: Luong et al. 2015, section 3.1, "dot"; Vaswani et al. 2017, eq. 1, if
        scaled.
    """
    check_shape("query", query, batch=None, tgt_len=None, d_head=None)
    d_head = query.shape[-1]
    check_source(query, key, value, mask, d_head=d_head)
    scale = 1.0 / math.sqrt(d_head) if scaled else 1.0
    scores = scale * (query @ key.swapaxes(-1, -2))  # (batch, tgt_len, src_len)
    context, weights, blend_cache = blend_forward(scores, value, mask)
    return context, weights, DotAttentionCache(query, key, scale, blend_cache)


def dot_attention_backward(
    grad_context: Float[np.ndarray, "batch tgt_len d_value"],
    cache: DotAttentionCache,
) -> tuple[
    Float[np.ndarray, "batch tgt_len d_head"],
    Float[np.ndarray, "batch src_len d_head"],
    Float[np.ndarray, "batch src_len d_value"],
]:
    """Gradient of dot-product attention.

    grad_query = scale grad_scores key
    grad_key = scale grad_scoresᵀ query

    Args:
        grad_context: gradient of the loss with respect to the context.
        cache: from dot_attention_forward.

    Returns:
        grad_query, grad_key, grad_value.
    """
    query, key, scale, blend_cache = cache
    grad_scores, grad_value = blend_backward(grad_context, blend_cache)
    grad_query = scale * (grad_scores @ key)
    grad_key = scale * (grad_scores.swapaxes(-1, -2) @ query)
    return grad_query, grad_key, grad_value


# --- general ---


class GeneralAttentionCache(NamedTuple):
    """What general_attention_backward needs to know."""

    project_key: LinearCache
    dot: DotAttentionCache


def general_attention_forward(
    query: Float[np.ndarray, "batch tgt_len d_query"],
    key: Float[np.ndarray, "batch src_len d_key"],
    value: Float[np.ndarray, "batch src_len d_value"],
    mask: Bool[np.ndarray, "batch tgt_len src_len"],
    weight: Float[np.ndarray, "d_query d_key"],
) -> tuple[
    Float[np.ndarray, "batch tgt_len d_value"],
    Float[np.ndarray, "batch tgt_len src_len"],
    GeneralAttentionCache,
]:
    """Bilinear attention: a matrix carries keys into the space of queries.

    score_ts = query_t . (weight key_s), then as dot attention.

    Args:
        query: what each target position asks for.
        key: what each source position offers to match.
        value: what each source position hands over.
        mask: True where attention is allowed.
        weight: from the space of keys to the space of queries.

    Returns:
        context, weights (each row sums to 1, or to 0 if fully masked), and the cache
        for general_attention_backward.

    Raises:
        ValueError: if a rank or a shared axis disagrees.
        TypeError: if the mask is not boolean.

    Source: Luong et al. 2015, section 3.1, "general".
    Paper names: weight is W_a.
    """
    check_shape("weight", weight, d_query=None, d_key=None)
    d_query, d_key = weight.shape
    check_shape("query", query, batch=None, tgt_len=None, d_query=d_query)
    check_source(query, key, value, mask, d_key=d_key)
    projected_key, project_cache = linear_forward(key, weight, None)
    context, weights, dot_cache = dot_attention_forward(
        query, projected_key, value, mask
    )
    return context, weights, GeneralAttentionCache(project_cache, dot_cache)


def general_attention_backward(
    grad_context: Float[np.ndarray, "batch tgt_len d_value"],
    cache: GeneralAttentionCache,
) -> tuple[
    Float[np.ndarray, "batch tgt_len d_query"],
    Float[np.ndarray, "batch src_len d_key"],
    Float[np.ndarray, "batch src_len d_value"],
    Float[np.ndarray, "d_query d_key"],
]:
    """Gradient of bilinear attention: through the dot product, then through weight.

    Args:
        grad_context: gradient of the loss with respect to the context.
        cache: from general_attention_forward.

    Returns:
        grad_query, grad_key, grad_value, grad_weight.
    """
    grad_query, grad_projected_key, grad_value = dot_attention_backward(
        grad_context, cache.dot
    )
    grad_key, grad_weight, _ = linear_backward(grad_projected_key, cache.project_key)
    return grad_query, grad_key, grad_value, grad_weight


# --- what an attention may be given ---


def check_source(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    mask: np.ndarray,
    **key_axis: int,
) -> None:
    """Refuse a key, value or mask that does not fit the query, or a mask of numbers.

    Args:
        query: what each target position asks for; its shape is taken as right.
        key: what each source position offers to match.
        value: what each source position hands over.
        mask: True where attention is allowed.
        **key_axis: the name of the last axis of the keys, and how wide it must be.

    Raises:
        ValueError: if a rank or a shared axis disagrees.
        TypeError: if the mask is not boolean.
    """
    batch, tgt_len, _ = query.shape
    check_shape("key", key, batch=batch, src_len=None, **key_axis)
    src_len = key.shape[1]
    check_shape("value", value, batch=batch, src_len=src_len, d_value=None)
    check_shape("mask", mask, batch=batch, tgt_len=tgt_len, src_len=src_len)
    check_bool("mask", mask)

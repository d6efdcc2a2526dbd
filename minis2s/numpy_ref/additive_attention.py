"""Additive attention, forward and backward: tanh units compare a query with a key.

score_ts = weight_score . tanh(weight_query query_t + weight_key key_s + bias)

It costs a tanh for each unit and each pair of positions, where dot_attention.py has one
matrix product; queries and keys may differ in width. What follows the score is the
same: `blend`.

Axes: query (batch, tgt_len, d_query), key (batch, src_len, d_key), value (batch,
src_len, d_value), mask and weights (batch, tgt_len, src_len): a row for each query, a
column for each key; `compared` has all pairs, (batch, tgt_len, src_len, d_attention).

Left out: the class that holds the parameters, which is in attention.py.

Paper: Bahdanau, Cho and Bengio 2014, arXiv:1409.0473.

No twin: in minis2s/torch_nn/attention.py autograd finds the way back.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from minis2s.numpy_ref.checks import check_shape
from minis2s.numpy_ref.dot_attention import (
    BlendCache,
    blend_backward,
    blend_forward,
    check_source,
)
from minis2s.numpy_ref.functional import (
    LinearCache,
    linear_backward,
    linear_forward,
    tanh_backward,
    tanh_forward,
)


class AdditiveAttentionCache(NamedTuple):
    """What additive_attention_backward needs to know."""

    project_query: LinearCache
    project_key: LinearCache
    compared: Float[np.ndarray, "batch tgt_len src_len d_attention"]
    weight_score: Float[np.ndarray, " d_attention"]
    blend: BlendCache


def additive_attention_forward(
    query: Float[np.ndarray, "batch tgt_len d_query"],
    key: Float[np.ndarray, "batch src_len d_key"],
    value: Float[np.ndarray, "batch src_len d_value"],
    mask: Bool[np.ndarray, "batch tgt_len src_len"],
    weight_query: Float[np.ndarray, "d_attention d_query"],
    weight_key: Float[np.ndarray, "d_attention d_key"],
    bias: Float[np.ndarray, " d_attention"],
    weight_score: Float[np.ndarray, " d_attention"],
) -> tuple[
    Float[np.ndarray, "batch tgt_len d_value"],
    Float[np.ndarray, "batch tgt_len src_len"],
    AdditiveAttentionCache,
]:
    """Additive attention: a layer of tanh units compares each query with each key.

    score_ts = weight_score . tanh(weight_query query_t + weight_key key_s + bias)
    context = softmax(score) value, over positions where mask is True.

    Args:
        query: what each target position asks for.
        key: what each source position offers to match.
        value: what each source position hands over.
        mask: True where attention is allowed.
        weight_query: what the tanh units see of a query.
        weight_key: what the tanh units see of a key.
        bias: what each tanh unit sees without either.
        weight_score: how much each tanh unit counts.

    Returns:
        context, weights (each row sums to 1, or to 0 if fully masked), and the cache
        for additive_attention_backward.

    Raises:
        ValueError: if a rank or a shared axis disagrees.
        TypeError: if the mask is not boolean.

    Source: Bahdanau et al. 2014, appendix A.1.2, where the bias is absent.
    Paper names: weight_query is W_a, weight_key is U_a, weight_score is v_a.
    """
    check_shape("weight_query", weight_query, d_attention=None, d_query=None)
    d_attention, d_query = weight_query.shape
    check_shape("weight_key", weight_key, d_attention=d_attention, d_key=None)
    check_shape("bias", bias, d_attention=d_attention)
    check_shape("weight_score", weight_score, d_attention=d_attention)
    check_shape("query", query, batch=None, tgt_len=None, d_query=d_query)
    check_source(query, key, value, mask, d_key=weight_key.shape[1])

    projected_query, query_cache = linear_forward(query, weight_query, None)
    projected_key, key_cache = linear_forward(key, weight_key, bias)
    compared = compare(projected_query, projected_key)
    scores = compared @ weight_score  # (batch, tgt_len, src_len)
    context, weights, blend_cache = blend_forward(scores, value, mask)
    cache = AdditiveAttentionCache(
        query_cache, key_cache, compared, weight_score, blend_cache
    )
    return context, weights, cache


def compare(
    projected_query: Float[np.ndarray, "batch tgt_len d_attention"],
    projected_key: Float[np.ndarray, "batch src_len d_attention"],
) -> Float[np.ndarray, "batch tgt_len src_len d_attention"]:
    """Every query meets every key in the tanh units.

    compared_ts = tanh(projected_query_t + projected_key_s)

    Args:
        projected_query: what the tanh units see of the queries.
        projected_key: what they see of the keys, with the bias.

    Returns:
        compared: each unit's answer to each pair.
    """
    pairs = projected_query[:, :, None, :] + projected_key[:, None, :, :]
    compared, _ = tanh_forward(pairs)
    return compared


def additive_attention_backward(
    grad_context: Float[np.ndarray, "batch tgt_len d_value"],
    cache: AdditiveAttentionCache,
) -> tuple[
    Float[np.ndarray, "batch tgt_len d_query"],
    Float[np.ndarray, "batch src_len d_key"],
    Float[np.ndarray, "batch src_len d_value"],
    Float[np.ndarray, "d_attention d_query"],
    Float[np.ndarray, "d_attention d_key"],
    Float[np.ndarray, " d_attention"],
    Float[np.ndarray, " d_attention"],
]:
    """Gradient of additive attention.

    grad_weight_score = sum over b, t, s of grad_scores_bts compared_bts
    grad_compared_bts = grad_scores_bts weight_score

    A query meets every source position, so its gradient is summed over them; a key
    meets every target position, and likewise.

    Args:
        grad_context: gradient of the loss with respect to the context.
        cache: from additive_attention_forward.

    Returns:
        grad_query, grad_key, grad_value, grad_weight_query, grad_weight_key,
        grad_bias, grad_weight_score: the order of the arguments, without the mask.
    """
    query_cache, key_cache, compared, weight_score, blend_cache = cache
    grad_scores, grad_value = blend_backward(grad_context, blend_cache)
    grad_weight_score = np.einsum("bts,btsd->d", grad_scores, compared)
    grad_compared = grad_scores[..., None] * weight_score
    grad_pairs = tanh_backward(grad_compared, compared)  # tanh's cache is its result
    grad_query, grad_weight_query, _ = linear_backward(
        grad_pairs.sum(axis=2), query_cache
    )
    grad_key, grad_weight_key, grad_bias = linear_backward(
        grad_pairs.sum(axis=1), key_cache
    )
    return (
        grad_query,
        grad_key,
        grad_value,
        grad_weight_query,
        grad_weight_key,
        grad_bias,
        grad_weight_score,
    )

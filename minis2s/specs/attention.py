"""Attention, one query and one key at a time."""

import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from minis2s.specs.functional import linear


def softmax(
    scores: Float[np.ndarray, " src_len"], mask: Bool[np.ndarray, " src_len"]
) -> Float[np.ndarray, " src_len"]:
    """Softmax of one row, among the positions where mask is True.

    weights_s = exp(scores_s) / sum_r exp(scores_r)

    Args:
        scores: one number for each position; larger is better.
        mask: True where a position takes part.

    Returns:
        weights, which sum to 1, or are all zero if no position takes part.

    >>> softmax(np.array([0.0, 0.0, 9.0]), np.array([True, True, False]))
    array([0.5, 0.5, 0. ])
    """
    weights = np.zeros(len(scores))
    allowed = [s for s in range(len(scores)) if mask[s]]
    if not allowed:
        return weights
    highest = max(scores[s] for s in allowed)
    total = 0.0
    for s in allowed:
        weights[s] = math.exp(scores[s] - highest)  # at most 1: it cannot overflow
        total += weights[s]
    for s in allowed:
        weights[s] /= total
    return weights


def blend(
    scores: Float[np.ndarray, "batch tgt_len src_len"],
    value: Float[np.ndarray, "batch src_len d_value"],
    mask: Bool[np.ndarray, "batch tgt_len src_len"],
) -> tuple[
    Float[np.ndarray, "batch tgt_len d_value"],
    Float[np.ndarray, "batch tgt_len src_len"],
]:
    """The second half of every attention: from scores to a weighted mean of values.

    context_t = sum_s weights_ts value_s, with weights_t = softmax(scores_t)

    Args:
        scores: how well each query agrees with each key.
        value: what each source position hands over.
        mask: True where attention is allowed.

    Returns:
        context and weights.
    """
    batch, tgt_len, src_len = scores.shape
    weights = np.zeros(scores.shape)
    context = np.zeros((batch, tgt_len, value.shape[2]))
    for b, t in np.ndindex(batch, tgt_len):
        weights[b, t] = softmax(scores[b, t], mask[b, t])
        for s in range(src_len):
            context[b, t] += weights[b, t, s] * value[b, s]
    return context, weights


def dot_attention(
    query: Float[np.ndarray, "batch tgt_len d_head"],
    key: Float[np.ndarray, "batch src_len d_head"],
    value: Float[np.ndarray, "batch src_len d_value"],
    mask: Bool[np.ndarray, "batch tgt_len src_len"],
    *,
    scaled: bool = False,
) -> tuple[
    Float[np.ndarray, "batch tgt_len d_value"],
    Float[np.ndarray, "batch tgt_len src_len"],
]:
    """Dot-product attention.

    score_ts = sum_d query_td key_sd, divided by sqrt(d_head) if scaled

    Args:
        query: what each target position asks for.
        key: what each source position offers to match.
        value: what each source position hands over.
        mask: True where attention is allowed.
        scaled: divide the scores by sqrt(d_head).

    Returns:
        context and weights.

    Source: Luong et al. 2015, section 3.1, "dot"; Vaswani et al. 2017, eq. 1, if
        scaled.
    """
    batch, tgt_len, d_head = query.shape
    src_len = key.shape[1]
    scores = np.zeros((batch, tgt_len, src_len))
    for b, t, s in np.ndindex(batch, tgt_len, src_len):
        for d in range(d_head):
            scores[b, t, s] += query[b, t, d] * key[b, s, d]
        if scaled:
            scores[b, t, s] /= math.sqrt(d_head)
    return blend(scores, value, mask)


def general_attention(
    query: Float[np.ndarray, "batch tgt_len d_query"],
    key: Float[np.ndarray, "batch src_len d_key"],
    value: Float[np.ndarray, "batch src_len d_value"],
    mask: Bool[np.ndarray, "batch tgt_len src_len"],
    weight: Float[np.ndarray, "d_query d_key"],
) -> tuple[
    Float[np.ndarray, "batch tgt_len d_value"],
    Float[np.ndarray, "batch tgt_len src_len"],
]:
    """Bilinear attention.

    score_ts = sum_i sum_j query_ti weight_ij key_sj

    Args:
        query: what each target position asks for.
        key: what each source position offers to match.
        value: what each source position hands over.
        mask: True where attention is allowed.
        weight: from the space of keys to the space of queries.

    Returns:
        context and weights.

    Source: Luong et al. 2015, section 3.1, "general".
    """
    batch, tgt_len, d_query = query.shape
    src_len, d_key = key.shape[1:]
    scores = np.zeros((batch, tgt_len, src_len))
    for b, t, s in np.ndindex(batch, tgt_len, src_len):
        for i in range(d_query):
            for j in range(d_key):
                scores[b, t, s] += query[b, t, i] * weight[i, j] * key[b, s, j]
    return blend(scores, value, mask)


def additive_attention(
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
]:
    """Additive attention, one tanh unit at a time.

    score_ts = sum_i weight_score_i tanh(
        sum_d weight_query_id query_td + sum_d weight_key_id key_sd + bias_i)

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
        context and weights.

    Source: Bahdanau et al. 2014, appendix A.1.2, where the bias is absent.
    """
    batch, tgt_len, d_query = query.shape
    src_len, d_key = key.shape[1:]
    scores = np.zeros((batch, tgt_len, src_len))
    for b, t, s in np.ndindex(batch, tgt_len, src_len):
        for i in range(len(bias)):
            seen = bias[i]
            for d in range(d_query):
                seen += weight_query[i, d] * query[b, t, d]
            for d in range(d_key):
                seen += weight_key[i, d] * key[b, s, d]
            scores[b, t, s] += weight_score[i] * math.tanh(seen)
    return blend(scores, value, mask)


def multi_head_attention(
    query: Float[np.ndarray, "batch tgt_len d_query"],
    key: Float[np.ndarray, "batch src_len d_key"],
    value: Float[np.ndarray, "batch src_len d_key"],
    mask: Bool[np.ndarray, "batch tgt_len src_len"],
    params: Mapping[str, np.ndarray],
    *,
    n_heads: int,
) -> tuple[
    Float[np.ndarray, "batch tgt_len d_model"],
    Float[np.ndarray, "batch n_heads tgt_len src_len"],
]:
    """Multi-head attention: one head, one query, one key at a time.

    score_hts = sum over the features d of head h of Q_td K_sd / sqrt(d_head)
    head_td = sum_s weights_hts V_sd, where d is a feature of head h
    context_t = W_output head_t + b_output

    with Q_t = W_query query_t + b_query, and so K_s and V_s. The features of head h
    are those from h d_head up to, but not including, (h + 1) d_head.

    Args:
        query: what each target position asks for.
        key: what each source position offers to match.
        value: what each source position hands over.
        mask: True where attention is allowed, for all heads alike.
        params: a "NAME.weight" and a "NAME.bias" for each of query, key, value, output.
        n_heads: number of heads.

    Returns:
        context and weights.

    Source: Vaswani et al. 2017, section 3.2.2, where the linear maps have no biases.
    """

    def project(name: str, x: np.ndarray) -> np.ndarray:
        return linear(x, params[f"{name}.weight"], params[f"{name}.bias"])

    batch, tgt_len, src_len = mask.shape
    d_model = len(params["output.bias"])
    d_head = d_model // n_heads
    weights = np.zeros((batch, n_heads, tgt_len, src_len))
    context = np.zeros((batch, tgt_len, d_model))
    for b, t in np.ndindex(batch, tgt_len):
        asked = project("query", query[b, t])
        found = np.zeros(d_model)
        for h in range(n_heads):
            features = range(h * d_head, (h + 1) * d_head)
            scores = np.zeros(src_len)
            for s in range(src_len):
                offered = project("key", key[b, s])
                for d in features:
                    scores[s] += asked[d] * offered[d] / math.sqrt(d_head)
            weights[b, h, t] = softmax(scores, mask[b, t])
            for s in range(src_len):
                handed = project("value", value[b, s])
                for d in features:
                    found[d] += weights[b, h, t, s] * handed[d]
        context[b, t] = project("output", found)
    return context, weights

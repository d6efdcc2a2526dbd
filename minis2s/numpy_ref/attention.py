"""Attention, forward and backward: each target position blends the source positions.

Three scores, one use of them. `dot`, `general` and `additive` differ in how a query
is compared with a key; all then share out one unit of weight among the unmasked
source positions and return the weighted mean of the values.

Each is a pure pair, `x_attention_forward` and `x_attention_backward`, and a class
that holds the parameters and their gradients and calls the pair.

Axes: query (batch, tgt_len, d_query), key (batch, src_len, d_key), value (batch,
src_len, d_value), mask and weights (batch, tgt_len, src_len): a row for each query, a
column for each key. For dot attention d_query = d_key = d_head.

Translating asks the same memory at every step. It may project the keys once,
`project_key`, and then `attend`: that changes the cost and nothing else, and needs no
way back.

Left out: several heads, which are in multi_head.py.

Papers: Bahdanau, Cho and Bengio 2014, arXiv:1409.0473 (additive); Luong, Pham and
Manning 2015, arXiv:1508.04025 (dot, general); Vaswani et al. 2017, arXiv:1706.03762
(the scale).

Twin: minis2s/torch_nn/attention.py.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from minis2s.numpy_ref.functional import (
    LinearCache,
    SoftmaxCache,
    check_shape,
    linear_backward,
    linear_forward,
    masked_softmax_backward,
    masked_softmax_forward,
    tanh_backward,
    tanh_forward,
)
from minis2s.numpy_ref.layer import Layer

ATTENTION_NAMES = ("additive", "dot", "general", "scaled")

# --- from scores to context, which all three share ---


class BlendCache(NamedTuple):
    """What _blend_backward needs to know."""

    value: Float[np.ndarray, "batch src_len d_value"]
    softmax: SoftmaxCache


def _blend_forward(
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
    """
    weights, softmax_cache = masked_softmax_forward(scores, mask)
    context = weights @ value  # (batch, tgt_len, d_value)
    return context, weights, BlendCache(value, softmax_cache)


def _blend_backward(
    grad_context: Float[np.ndarray, "batch tgt_len d_value"], cache: BlendCache
) -> tuple[
    Float[np.ndarray, "batch tgt_len src_len"],
    Float[np.ndarray, "batch src_len d_value"],
]:
    """Return grad_scores and grad_value.

    grad_value = weightsᵀ grad_context
    grad_weights = grad_context valueᵀ, which then goes back through the softmax.
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
    _check_source(query, key, value, mask, d_head=d_head)
    scale = 1.0 / math.sqrt(d_head) if scaled else 1.0
    scores = scale * (query @ key.swapaxes(-1, -2))  # (batch, tgt_len, src_len)
    context, weights, blend_cache = _blend_forward(scores, value, mask)
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
    grad_scores, grad_value = _blend_backward(grad_context, blend_cache)
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
    _check_source(query, key, value, mask, d_key=d_key)
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


# --- additive ---


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
    _check_source(query, key, value, mask, d_key=weight_key.shape[1])

    projected_query, query_cache = linear_forward(query, weight_query, None)
    projected_key, key_cache = linear_forward(key, weight_key, bias)
    compared = _compare(projected_query, projected_key)
    scores = compared @ weight_score  # (batch, tgt_len, src_len)
    context, weights, blend_cache = _blend_forward(scores, value, mask)
    cache = AdditiveAttentionCache(
        query_cache, key_cache, compared, weight_score, blend_cache
    )
    return context, weights, cache


def _compare(
    projected_query: Float[np.ndarray, "batch tgt_len d_attention"],
    projected_key: Float[np.ndarray, "batch src_len d_attention"],
) -> Float[np.ndarray, "batch tgt_len src_len d_attention"]:
    """Every query meets every key in the tanh units."""
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
    grad_scores, grad_value = _blend_backward(grad_context, blend_cache)
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


# --- the classes: parameters, gradients, and a pair ---


class Attention(Layer):
    """Holds an attention's parameters and gradients, and calls its pair.

    It remembers nothing of a call: what `backward` needs is in the cache, so one
    attention can be asked at every decoding step before any of the steps goes back.

    Args:
        forward_fn: x_attention_forward.
        backward_fn: x_attention_backward, the other half.
        **params: the parameters, in the order in which the pair takes them.

    Attributes:
        params: the parameters by name.
        grads: what `backward` has added up for each of them so far; zero at first.
    """

    def __init__(
        self, forward_fn: Callable, backward_fn: Callable, **params: np.ndarray
    ):
        super().__init__(**params)
        self._forward_fn = forward_fn
        self._backward_fn = backward_fn

    def forward(
        self,
        query: Float[np.ndarray, "batch tgt_len d_query"],
        key: Float[np.ndarray, "batch src_len d_key"],
        value: Float[np.ndarray, "batch src_len d_value"],
        mask: Bool[np.ndarray, "batch tgt_len src_len"],
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_value"],
        Float[np.ndarray, "batch tgt_len src_len"],
        tuple,
    ]:
        """Attention with the parameters held here.

        Args:
            query: what each target position asks for.
            key: what each source position offers to match.
            value: what each source position hands over.
            mask: True where attention is allowed.

        Returns:
            context, weights (each row sums to 1, or to 0 if fully masked), and the
            cache for `backward`.
        """
        return self._forward_fn(query, key, value, mask, **self.params)

    def backward(
        self,
        grad_context: Float[np.ndarray, "batch tgt_len d_value"],
        cache: tuple,
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_query"],
        Float[np.ndarray, "batch src_len d_key"],
        Float[np.ndarray, "batch src_len d_value"],
    ]:
        """Gradients of the inputs; those of the parameters are added to `grads`.

        Args:
            grad_context: gradient of the loss with respect to the context.
            cache: from `forward`.

        Returns:
            grad_query, grad_key, grad_value.
        """
        grad_query, grad_key, grad_value, *grad_params = self._backward_fn(
            grad_context, cache
        )
        self.add_gradients(*grad_params)
        return grad_query, grad_key, grad_value

    def project_key(
        self, key: Float[np.ndarray, "batch src_len d_key"]
    ) -> Float[np.ndarray, "batch src_len d_score"]:
        """The part of the score that depends on the keys alone: here, the keys."""
        return key

    def attend(
        self,
        query: Float[np.ndarray, "batch tgt_len d_query"],
        projected_key: Float[np.ndarray, "batch src_len d_score"],
        value: Float[np.ndarray, "batch src_len d_value"],
        mask: Bool[np.ndarray, "batch tgt_len src_len"],
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_value"],
        Float[np.ndarray, "batch tgt_len src_len"],
    ]:
        """Attention over keys that `project_key` has already been given.

        Args:
            query: what each target position asks for.
            projected_key: what `project_key` made of the keys.
            value: what each source position hands over.
            mask: True where attention is allowed.

        Returns:
            context and weights, as `forward` does.
        """
        context, weights, _ = self.forward(query, projected_key, value, mask)
        return context, weights


class DotAttention(Attention):
    """Dot-product attention, which has no parameters: see dot_attention_forward.

    Args:
        scaled: divide the scores by sqrt(d_head).
    """

    def __init__(self, *, scaled: bool = False):
        super().__init__(
            partial(dot_attention_forward, scaled=scaled), dot_attention_backward
        )
        self.scaled = scaled


class GeneralAttention(Attention):
    """Bilinear attention: see general_attention_forward.

    Args:
        d_query: width of a query.
        d_key: width of a key.
        rng: draws the weight, uniformly within 1 / sqrt(d_key).
    """

    def __init__(self, d_query: int, d_key: int, rng: np.random.Generator):
        super().__init__(
            general_attention_forward,
            general_attention_backward,
            weight=_uniform_by_fan_in(rng, d_query, d_key),
        )

    def project_key(
        self, key: Float[np.ndarray, "batch src_len d_key"]
    ) -> Float[np.ndarray, "batch src_len d_query"]:
        """The keys, carried into the space of queries."""
        return linear_forward(key, self.params["weight"], None)[0]

    def attend(
        self,
        query: Float[np.ndarray, "batch tgt_len d_query"],
        projected_key: Float[np.ndarray, "batch src_len d_query"],
        value: Float[np.ndarray, "batch src_len d_value"],
        mask: Bool[np.ndarray, "batch tgt_len src_len"],
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_value"],
        Float[np.ndarray, "batch tgt_len src_len"],
    ]:
        """Dot attention: the matrix has done its work."""
        return dot_attention_forward(query, projected_key, value, mask)[:2]


class AdditiveAttention(Attention):
    """Additive attention: see additive_attention_forward.

    Args:
        d_query: width of a query.
        d_key: width of a key.
        d_attention: number of tanh units.
        rng: draws each weight, uniformly within 1 / sqrt(fan_in); the bias is zero.
    """

    def __init__(
        self, d_query: int, d_key: int, d_attention: int, rng: np.random.Generator
    ):
        super().__init__(
            additive_attention_forward,
            additive_attention_backward,
            weight_query=_uniform_by_fan_in(rng, d_attention, d_query),
            weight_key=_uniform_by_fan_in(rng, d_attention, d_key),
            bias=np.zeros(d_attention),
            weight_score=_uniform_by_fan_in(rng, d_attention),
        )

    def project_key(
        self, key: Float[np.ndarray, "batch src_len d_key"]
    ) -> Float[np.ndarray, "batch src_len d_attention"]:
        """What the tanh units see of the keys, with the bias."""
        return linear_forward(key, self.params["weight_key"], self.params["bias"])[0]

    def attend(
        self,
        query: Float[np.ndarray, "batch tgt_len d_query"],
        projected_key: Float[np.ndarray, "batch src_len d_attention"],
        value: Float[np.ndarray, "batch src_len d_value"],
        mask: Bool[np.ndarray, "batch tgt_len src_len"],
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_value"],
        Float[np.ndarray, "batch tgt_len src_len"],
    ]:
        """The queries' half of the comparison, and what follows it."""
        projected_query, _ = linear_forward(query, self.params["weight_query"], None)
        compared = _compare(projected_query, projected_key)
        scores = compared @ self.params["weight_score"]
        return _blend_forward(scores, value, mask)[:2]


def make_attention(
    name: str, d_query: int, d_key: int, d_attention: int, rng: np.random.Generator
) -> Attention:
    """Build an attention by its name, as a configuration gives it.

    Args:
        name: "additive", "dot", "general", or "scaled", which is the scaled "dot".
        d_query: width of a query.
        d_key: width of a key.
        d_attention: number of tanh units; only "additive" has any.
        rng: draws the parameters.

    Returns:
        the layer.

    Raises:
        ValueError: if the name is unknown, or the widths differ for a dot product.
    """
    if name == "additive":
        return AdditiveAttention(d_query, d_key, d_attention, rng)
    if name == "general":
        return GeneralAttention(d_query, d_key, rng)
    if name not in ("dot", "scaled"):
        choices = ", ".join(ATTENTION_NAMES)
        raise ValueError(f"attention: name must be one of {choices}, got {name!r}")
    if d_query != d_key:
        raise ValueError(
            f"attention: d_key must be {d_query} (d_query) for {name}, got "
            f"{d_key}; general takes different widths"
        )
    return DotAttention(scaled=name == "scaled")


def _uniform_by_fan_in(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Draw uniformly within 1 / sqrt(fan_in), the last axis being fan in."""
    bound = 1 / math.sqrt(shape[-1])
    return rng.uniform(-bound, bound, size=shape)


def _check_source(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    mask: np.ndarray,
    **key_axis: int,
) -> None:
    """Refuse a key, value or mask that does not fit the query, or a mask of numbers.

    `key_axis` names the last axis of the keys and says how wide it must be.
    """
    batch, tgt_len, _ = query.shape
    check_shape("key", key, batch=batch, src_len=None, **key_axis)
    src_len = key.shape[1]
    check_shape("value", value, batch=batch, src_len=src_len, d_value=None)
    check_shape("mask", mask, batch=batch, tgt_len=tgt_len, src_len=src_len)
    if mask.dtype != np.bool_:
        raise TypeError(
            f"mask: must be bool (True means may be attended to), got {mask.dtype}"
        )

"""Attention: each target position blends the source positions.

Four scores in three classes, one use of them. They differ in how a query is compared
with a key; all then share out one unit of weight among the unmasked source positions
and return the weighted mean of the values.

| name     | class             | score of query q and key k  | its pair is in        |
|----------|-------------------|-----------------------------|-----------------------|
| dot      | DotAttention      | q . k                       | dot_attention.py      |
| scaled   | DotAttention      | q . k / sqrt(d_head)        | dot_attention.py      |
| general  | GeneralAttention  | q . (W k)                   | dot_attention.py      |
| additive | AdditiveAttention | v . tanh(W_q q + W_k k + b) | additive_attention.py |

Each pair, `x_attention_forward` and `x_attention_backward`, is pure. Read
dot_attention.py first: it also has what follows the score, which all three share. The
classes here hold the parameters and their gradients, and call the pairs.

Translating asks the same memory at every step. It may project the keys once,
`project_key`, and then `attend`: that changes the cost and nothing else, and needs no
way back. `project(key, value)` is the same step for a decoder that need not know which
attention it has: several heads, in multi_head.py, map the values too. `make_attention`
builds any of them.

Papers: Bahdanau, Cho and Bengio 2014, arXiv:1409.0473 (additive); Luong, Pham and
Manning 2015, arXiv:1508.04025 (dot, general); Vaswani et al. 2017, arXiv:1706.03762
(the scale).

Twin: minis2s/torch_nn/attention.py.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from jaxtyping import Bool, Float

from minis2s.numpy_ref.additive_attention import (
    additive_attention_backward,
    additive_attention_forward,
    compare,
)
from minis2s.numpy_ref.checks import check_shape
from minis2s.numpy_ref.dot_attention import (
    blend_forward,
    check_source,
    dot_attention_backward,
    dot_attention_forward,
    general_attention_backward,
    general_attention_forward,
)
from minis2s.numpy_ref.functional import linear_forward
from minis2s.numpy_ref.layer import Layer
from minis2s.numpy_ref.multi_head import MultiHeadAttention

ATTENTION_NAMES = ("additive", "dot", "general", "multi_head", "scaled")


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

    def project(
        self,
        key: Float[np.ndarray, "batch src_len d_key"],
        value: Float[np.ndarray, "batch src_len d_value"],
    ) -> tuple[
        Float[np.ndarray, "batch src_len d_score"],
        Float[np.ndarray, "batch src_len d_value"],
    ]:
        """What `attend` takes of both: projected keys, and the values as they are."""
        return self.project_key(key), value

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

        Raises:
            ValueError: if a rank or a shared axis disagrees.
            TypeError: if the mask is not boolean.
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
        d_attention, d_query = self.params["weight_query"].shape
        check_shape("query", query, batch=None, tgt_len=None, d_query=d_query)
        check_source(query, projected_key, value, mask, d_attention=d_attention)
        projected_query, _ = linear_forward(query, self.params["weight_query"], None)
        compared = compare(projected_query, projected_key)
        scores = compared @ self.params["weight_score"]
        return blend_forward(scores, value, mask)[:2]


def make_attention(
    name: str,
    d_query: int,
    d_key: int,
    *,
    d_attention: int,
    n_heads: int,
    rng: np.random.Generator,
) -> Attention | MultiHeadAttention:
    """Build an attention by its name, as a configuration gives it.

    Args:
        name: "additive", "dot", "general", "multi_head", or "scaled", which is the
            scaled "dot".
        d_query: width of a query.
        d_key: width of a key and of a value, and so of the context.
        d_attention: number of tanh units; only "additive" has any.
        n_heads: number of heads; only "multi_head" has any.
        rng: draws the parameters.

    Returns:
        the layer.

    Raises:
        ValueError: if the name is unknown, the widths differ for a dot product, or the
            heads cannot share a key's width evenly.
    """
    if name == "additive":
        return AdditiveAttention(d_query, d_key, d_attention, rng)
    if name == "general":
        return GeneralAttention(d_query, d_key, rng)
    if name == "multi_head":
        return MultiHeadAttention(d_query, d_key, d_key, n_heads, rng)
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

"""Multi-head attention: several attentions side by side, each over its own features.

Queries, keys and values go through linear maps to d_model features. These are cut into
n_heads blocks of d_head, a scaled dot attention works within each block, and a last
linear map mixes what the heads found.

Between the first maps and the last a head has nothing to do with the others, just as a
sentence has nothing to do with the others of its batch. So the attention is the one of
dot_attention.py, to which a head is one more row of the batch.

Translating asks the same memory at every step. It may `project` the memory once, and
then `attend`: that changes the cost and nothing else, and needs no way back.

Left out: dropout of the weights, and a mask for each head.

Source: Vaswani et al. 2017, "Attention Is All You Need", section 3.2.2,
    arXiv:1706.03762.

Twin: minis2s/torch_nn/multi_head.py.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from minis2s.numpy_ref.checks import check_bool, check_shape
from minis2s.numpy_ref.dot_attention import (
    DotAttentionCache,
    dot_attention_backward,
    dot_attention_forward,
)
from minis2s.numpy_ref.functional import LinearCache
from minis2s.numpy_ref.layer import Layer, Linear

# --- d_model features, or n_heads blocks of d_head ---


def split_heads(
    x: Float[np.ndarray, "batch len d_model"], n_heads: int
) -> Float[np.ndarray, "batch n_heads len d_head"]:
    """Cut the features into blocks, one for each head.

    Its gradient is merge_heads: every number goes back to where it came from.

    Raises:
        ValueError: if the heads cannot share the features evenly.

    >>> split_heads(np.array([[[1.0, 2.0, 3.0, 4.0]]]), n_heads=2)[0].tolist()
    [[[1.0, 2.0]], [[3.0, 4.0]]]
    """
    check_shape("x", x, batch=None, len=None, d_model=None)
    batch, length, d_model = x.shape
    if n_heads < 1 or d_model % n_heads:
        raise ValueError(
            f"x: axis d_model must be a multiple of n_heads = {n_heads}, got {d_model} "
            f"(shape {x.shape})"
        )
    blocks = x.reshape(batch, length, n_heads, d_model // n_heads)
    return blocks.swapaxes(1, 2)  # (batch, n_heads, len, d_head)


def merge_heads(
    x: Float[np.ndarray, "batch n_heads len d_head"],
) -> Float[np.ndarray, "batch len d_model"]:
    """Put the blocks side by side again; its gradient is split_heads.

    >>> merge_heads(np.array([[[[1.0, 2.0]], [[3.0, 4.0]]]])).tolist()
    [[[1.0, 2.0, 3.0, 4.0]]]
    """
    batch, n_heads, length, d_head = x.shape
    return x.swapaxes(1, 2).reshape(batch, length, n_heads * d_head)


def _fold(
    x: Float[np.ndarray, "batch n_heads len d"],
) -> Float[np.ndarray, "rows len d"]:
    """Make every head a row of the batch: row b n_heads + h is head h of sentence b."""
    batch, n_heads, length, d = x.shape
    return x.reshape(batch * n_heads, length, d)


def _unfold(
    x: Float[np.ndarray, "rows len d"], n_heads: int
) -> Float[np.ndarray, "batch n_heads len d"]:
    """Give the heads their own axis again."""
    rows, length, d = x.shape
    return x.reshape(rows // n_heads, n_heads, length, d)


# --- the layer ---


class AttendCache(NamedTuple):
    """What the second half of MultiHeadAttention.backward needs to know."""

    query: LinearCache
    heads: DotAttentionCache
    """of all heads, folded into the batch"""
    output: LinearCache


class MultiHeadCache(NamedTuple):
    """What MultiHeadAttention.backward needs to know."""

    key: LinearCache
    value: LinearCache
    attend: AttendCache


class MultiHeadAttention(Layer):
    """Several scaled dot attentions, each over features of its own.

    head_h = softmax(Q_h K_hᵀ / sqrt(d_head)) V_h, over positions where mask is True
    context = output([head_1; ...; head_n])

    where Q_h is block h of query(query), K_h of key(key), V_h of value(value), and
    d_head = d_model / n_heads.

    A query that may attend to nothing has no weights, and its context is the bias of
    the output layer. The bias of the key layer does nothing: it adds the same number
    to all scores of a query, and the softmax sees differences only. It is here
    because most checkpoints have it.

    Args:
        d_query: width of a query.
        d_key: width of a key and of a value.
        d_model: width of all heads together, and of the context.
        n_heads: number of heads; d_model is a multiple of it.
        rng: draws the parameters of the four linear layers, in their order.

    Raises:
        ValueError: if the heads cannot share the features evenly.

    Source: Vaswani et al. 2017, section 3.2.2, where the linear maps have no biases.
    Paper names: the rows h d_head to (h + 1) d_head of query.weight are the transpose
        of W_h^Q, and likewise W_h^K and W_h^V; output.weight is that of W^O.
    """

    def __init__(
        self,
        d_query: int,
        d_key: int,
        d_model: int,
        n_heads: int,
        rng: np.random.Generator,
    ) -> None:
        if n_heads < 1 or d_model % n_heads:
            raise ValueError(
                f"d_model: must be a multiple of n_heads = {n_heads}, got {d_model}"
            )
        super().__init__()
        self.n_heads = n_heads
        self.query = Linear(d_query, d_model, rng)
        self.key = Linear(d_key, d_model, rng)
        self.value = Linear(d_key, d_model, rng)
        self.output = Linear(d_model, d_model, rng)

    def forward(
        self,
        query: Float[np.ndarray, "batch tgt_len d_query"],
        key: Float[np.ndarray, "batch src_len d_key"],
        value: Float[np.ndarray, "batch src_len d_key"],
        mask: Bool[np.ndarray, "batch tgt_len src_len"],
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_model"],
        Float[np.ndarray, "batch n_heads tgt_len src_len"],
        MultiHeadCache,
    ]:
        """Attention from beginning to end.

        Args:
            query: what each target position asks for.
            key: what each source position offers to match.
            value: what each source position hands over.
            mask: True where attention is allowed, for all heads alike.

        Returns:
            context, weights (each row sums to 1, or to 0 if fully masked), and the
            cache for `backward`.

        Raises:
            ValueError: if a rank or a shared axis disagrees.
            TypeError: if the mask is not boolean.
        """
        self._check_source(key, value)
        self._check_target(query, mask, batch=len(key), src_len=key.shape[1])
        projected_key, key_cache = self.key.forward(key)
        projected_value, value_cache = self.value.forward(value)
        context, weights, attend_cache = self._attend(
            query, self._split(projected_key), self._split(projected_value), mask
        )
        return context, weights, MultiHeadCache(key_cache, value_cache, attend_cache)

    def backward(
        self,
        grad_context: Float[np.ndarray, "batch tgt_len d_model"],
        cache: MultiHeadCache,
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_query"],
        Float[np.ndarray, "batch src_len d_key"],
        Float[np.ndarray, "batch src_len d_key"],
    ]:
        """Gradients of the inputs; those of the parameters are added up.

        With grad_Q, grad_K and grad_V of all heads side by side:
        grad_heads = W_Oᵀ grad_context, cut into heads
        grad_Q_h, grad_K_h, grad_V_h = dot_attention_backward(grad_head_h)
        grad_query = W_Qᵀ grad_Q, grad_key = W_Kᵀ grad_K, grad_value = W_Vᵀ grad_V

        W_O, W_Q, W_K and W_V are the weights of output, query, key and value.

        Args:
            grad_context: gradient of the loss with respect to the context.
            cache: from `forward`.

        Returns:
            grad_query, grad_key, grad_value. Where one array was two or three of the
            inputs, its gradient is their sum.
        """
        key_cache, value_cache, (query_cache, heads_cache, output_cache) = cache
        grad_heads = self._split(self.output.backward(grad_context, output_cache))
        grad_query, grad_key, grad_value = (
            merge_heads(_unfold(grad, self.n_heads))
            for grad in dot_attention_backward(_fold(grad_heads), heads_cache)
        )
        return (
            self.query.backward(grad_query, query_cache),
            self.key.backward(grad_key, key_cache),
            self.value.backward(grad_value, value_cache),
        )

    def project(
        self,
        key: Float[np.ndarray, "batch src_len d_key"],
        value: Float[np.ndarray, "batch src_len d_key"],
    ) -> tuple[
        Float[np.ndarray, "batch n_heads src_len d_head"],
        Float[np.ndarray, "batch n_heads src_len d_head"],
    ]:
        """The part that depends on keys and values alone, to be computed once.

        A position's projections do not depend on the other positions, so those of a
        growing sentence may be joined along src_len, token by token.

        Args:
            key: what each source position offers to match.
            value: what each source position hands over.

        Returns:
            projected_key and projected_value, in the form that `attend` takes.

        Raises:
            ValueError: if a rank or a shared axis disagrees.
        """
        self._check_source(key, value)
        projected_key, _ = self.key.forward(key)
        projected_value, _ = self.value.forward(value)
        return self._split(projected_key), self._split(projected_value)

    def attend(
        self,
        query: Float[np.ndarray, "batch tgt_len d_query"],
        projected_key: Float[np.ndarray, "batch n_heads src_len d_head"],
        projected_value: Float[np.ndarray, "batch n_heads src_len d_head"],
        mask: Bool[np.ndarray, "batch tgt_len src_len"],
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_model"],
        Float[np.ndarray, "batch n_heads tgt_len src_len"],
    ]:
        """Attention over what `project` has made of keys and values.

        Args:
            query: what each target position asks for.
            projected_key: the keys, cut into heads.
            projected_value: the values, cut into heads.
            mask: True where attention is allowed.

        Returns:
            context and weights, as `forward` does.

        Raises:
            ValueError: if a rank or a shared axis disagrees.
            TypeError: if the mask is not boolean.
        """
        batch, src_len = self._check_projected(projected_key, projected_value)
        self._check_target(query, mask, batch=batch, src_len=src_len)
        context, weights, _ = self._attend(query, projected_key, projected_value, mask)
        return context, weights

    def _attend(
        self,
        query: Float[np.ndarray, "batch tgt_len d_query"],
        projected_key: Float[np.ndarray, "batch n_heads src_len d_head"],
        projected_value: Float[np.ndarray, "batch n_heads src_len d_head"],
        mask: Bool[np.ndarray, "batch tgt_len src_len"],
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_model"],
        Float[np.ndarray, "batch n_heads tgt_len src_len"],
        AttendCache,
    ]:
        """Ask the heads, and mix their answers."""
        projected_query, query_cache = self.query.forward(query)
        heads, weights, heads_cache = dot_attention_forward(
            _fold(self._split(projected_query)),
            _fold(projected_key),
            _fold(projected_value),
            mask.repeat(self.n_heads, axis=0),  # (batch * n_heads, tgt_len, src_len)
            scaled=True,
        )
        context, output_cache = self.output.forward(
            merge_heads(_unfold(heads, self.n_heads))
        )
        weights = _unfold(weights, self.n_heads)
        return context, weights, AttendCache(query_cache, heads_cache, output_cache)

    def _split(
        self, x: Float[np.ndarray, "batch len d_model"]
    ) -> Float[np.ndarray, "batch n_heads len d_head"]:
        return split_heads(x, self.n_heads)

    def _check_source(self, key: np.ndarray, value: np.ndarray) -> None:
        """Refuse keys or values of the wrong shape."""
        d_key = _width(self.key)
        check_shape("key", key, batch=None, src_len=None, d_key=d_key)
        batch, src_len, _ = key.shape
        check_shape("value", value, batch=batch, src_len=src_len, d_key=d_key)

    def _check_projected(self, key: np.ndarray, value: np.ndarray) -> tuple[int, int]:
        """Refuse projections that `project` did not make; their batch and src_len."""
        n_heads, d_head = self.n_heads, _width(self.output) // self.n_heads
        axes = {"batch": None, "n_heads": n_heads, "src_len": None, "d_head": d_head}
        check_shape("projected_key", key, **axes)
        batch, _, src_len, _ = key.shape
        axes |= {"batch": batch, "src_len": src_len}
        check_shape("projected_value", value, **axes)
        return batch, src_len

    def _check_target(
        self, query: np.ndarray, mask: np.ndarray, *, batch: int, src_len: int
    ) -> None:
        """Refuse queries or a mask of the wrong shape, and a mask of numbers."""
        d_query = _width(self.query)
        check_shape("query", query, batch=batch, tgt_len=None, d_query=d_query)
        tgt_len = query.shape[1]
        check_shape("mask", mask, batch=batch, tgt_len=tgt_len, src_len=src_len)
        check_bool("mask", mask)


def _width(layer: Linear) -> int:
    """How wide an input the layer takes."""
    return layer.params["weight"].shape[1]

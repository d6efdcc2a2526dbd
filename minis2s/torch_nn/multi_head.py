"""Multi-head attention: several attentions side by side, each over its own features.

Queries, keys and values go through linear maps to d_model features. These are cut into
n_heads blocks of d_head, a scaled dot attention works within each block, and a last
linear map mixes what the heads found.

`forward(query, key, value, mask)` is the whole of it. A decoder that asks the same
memory at every step projects it once and then calls `attend`:

    projected_key, projected_value = attention.project(memory, memory)
    for each step:
        context, weights = attention.attend(query, projected_key, projected_value, mask)

PyTorch's fused kernel computes the same without ever holding the weights: faster on a
GPU, and there is nothing left to look at. It stands beside the explicit path, behind
the argument `fused`.

Left out: dropout of the weights, and a mask for each head.

Source: Vaswani et al. 2017, "Attention Is All You Need", section 3.2.2,
    arXiv:1706.03762.

Twin: minis2s/numpy_ref/multi_head.py.
"""

import math

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from minis2s.torch_nn.softmax import masked_softmax


def split_heads(
    x: Float[Tensor, "batch len d_model"], n_heads: int
) -> Float[Tensor, "batch n_heads len d_head"]:
    """Cut the features into blocks, one for each head."""
    return x.unflatten(-1, (n_heads, -1)).transpose(1, 2)


def merge_heads(
    x: Float[Tensor, "batch n_heads len d_head"],
) -> Float[Tensor, "batch len d_model"]:
    """Put the blocks side by side again."""
    return x.transpose(1, 2).flatten(-2)


class MultiHeadAttention(nn.Module):
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

    Raises:
        ValueError: if the heads cannot share the features evenly.

    Source: Vaswani et al. 2017, section 3.2.2, where the linear maps have no biases.
    Paper names: the rows h d_head to (h + 1) d_head of query.weight are the transpose
        of W_h^Q, and likewise W_h^K and W_h^V; output.weight is that of W^O.
    """

    def __init__(self, d_query: int, d_key: int, d_model: int, n_heads: int) -> None:
        if n_heads < 1 or d_model % n_heads:
            raise ValueError(
                f"d_model: must be a multiple of n_heads = {n_heads}, got {d_model}"
            )
        super().__init__()
        self.n_heads = n_heads
        self.query = nn.Linear(d_query, d_model)
        self.key = nn.Linear(d_key, d_model)
        self.value = nn.Linear(d_key, d_model)
        self.output = nn.Linear(d_model, d_model)

    def forward(
        self,
        query: Float[Tensor, "batch tgt_len d_query"],
        key: Float[Tensor, "batch src_len d_key"],
        value: Float[Tensor, "batch src_len d_key"],
        mask: Bool[Tensor, "batch tgt_len src_len"],
        *,
        fused: bool = False,
    ) -> tuple[
        Float[Tensor, "batch tgt_len d_model"],
        Float[Tensor, "batch n_maps tgt_len src_len"],
    ]:
        """Attention from beginning to end.

        Args:
            query: what each target position asks for.
            key: what each source position offers to match.
            value: what each source position hands over.
            mask: True where attention is allowed, for all heads alike.
            fused: use the library's kernel, which keeps no weights.

        Returns:
            context, and weights in float32 at least (each row sums to 1, or to 0 if
            fully masked): one map a head, or none if fused.
        """
        return self.attend(query, *self.project(key, value), mask, fused=fused)

    def project(
        self,
        key: Float[Tensor, "batch src_len d_key"],
        value: Float[Tensor, "batch src_len d_key"],
    ) -> tuple[
        Float[Tensor, "batch n_heads src_len d_head"],
        Float[Tensor, "batch n_heads src_len d_head"],
    ]:
        """The part that depends on keys and values alone, to be computed once.

        A position's projections do not depend on the other positions, so those of a
        growing sentence may be joined along src_len, token by token.

        Args:
            key: what each source position offers to match.
            value: what each source position hands over.

        Returns:
            projected_key and projected_value, in the form that `attend` takes.
        """
        projected_key = split_heads(self.key(key), self.n_heads)
        projected_value = split_heads(self.value(value), self.n_heads)
        return projected_key, projected_value

    def attend(
        self,
        query: Float[Tensor, "batch tgt_len d_query"],
        projected_key: Float[Tensor, "batch n_heads src_len d_head"],
        projected_value: Float[Tensor, "batch n_heads src_len d_head"],
        mask: Bool[Tensor, "batch tgt_len src_len"],
        *,
        fused: bool = False,
    ) -> tuple[
        Float[Tensor, "batch tgt_len d_model"],
        Float[Tensor, "batch n_maps tgt_len src_len"],
    ]:
        """Attention over what `project` has made of keys and values.

        Args:
            query: what each target position asks for.
            projected_key: the keys, cut into heads.
            projected_value: the values, cut into heads.
            mask: True where attention is allowed.
            fused: use the library's kernel, which keeps no weights.

        Returns:
            context and weights, as `forward` does.
        """
        projected_query = split_heads(self.query(query), self.n_heads)
        if fused:
            heads = _fused(projected_query, projected_key, projected_value, mask)
            return self.output(merge_heads(heads)), heads.new_empty(
                len(mask), 0, *mask.shape[1:]
            )
        d_head = projected_query.shape[-1]
        scores = projected_query @ projected_key.transpose(-1, -2) / math.sqrt(d_head)
        weights = masked_softmax(scores, mask.unsqueeze(1))  # one mask for all heads
        # The weights are float32 at least; the values may be bfloat16.
        heads = weights.to(projected_value.dtype) @ projected_value
        return self.output(merge_heads(heads)), weights

    def extra_repr(self) -> str:
        """What `print(model)` shows between the brackets."""
        return f"n_heads={self.n_heads}"


def _fused(
    query: Float[Tensor, "batch n_heads tgt_len d_head"],
    key: Float[Tensor, "batch n_heads src_len d_head"],
    value: Float[Tensor, "batch n_heads src_len d_head"],
    mask: Bool[Tensor, "batch tgt_len src_len"],
) -> Float[Tensor, "batch n_heads tgt_len d_head"]:
    """What the heads find, by the library's kernel.

    What a kernel makes of a row in which nothing may be attended to depends on the
    kernel. So here such a row may see everything, and is zeroed after it.
    """
    mask = mask.unsqueeze(1)  # one mask for all heads
    empty = ~mask.any(dim=-1, keepdim=True)
    heads = F.scaled_dot_product_attention(query, key, value, attn_mask=mask | empty)
    return heads.masked_fill(empty, 0.0)

"""Attention: three ways to score a query against a key, one way to use the scores.

All three share the second half: masked softmax over the source positions, then a
weighted mean of the values. They differ in the score, and so in `project_key`:

| class             | score of query q and key k        | project_key(key)         |
|-------------------|-----------------------------------|--------------------------|
| DotAttention      | q . k, over sqrt(d_head) if asked | key                      |
| GeneralAttention  | q . (W k)                         | W key                    |
| AdditiveAttention | v . tanh(W_q q + W_k k + b)       | W_k key + b              |

`forward(query, key, value, mask)` is the whole of attention. A decoder that asks the
same memory at every step projects the keys once and then calls `attend`:

    projected_key = attention.project_key(memory)
    for each step:
        context, weights = attention.attend(query, projected_key, memory, mask)

Nothing is remembered between calls. `project(key, value)` is the same step for a
decoder that need not know which attention it has: several heads, in multi_head.py, map
the values too. `make_attention` builds any of them.

Left out: the fused kernel, which is faster but does not hand back the weights that we
want to look at.

Papers: Bahdanau, Cho and Bengio 2014, arXiv:1409.0473 (additive); Luong, Pham and
Manning 2015, arXiv:1508.04025 (dot, general); Vaswani et al. 2017, arXiv:1706.03762
(the scale).

Twin: minis2s/numpy_ref/attention.py; the ways back are in dot_attention.py and
additive_attention.py beside it.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from minis2s.torch_nn.multi_head import MultiHeadAttention
from minis2s.torch_nn.softmax import masked_softmax

ATTENTION_NAMES = ("additive", "dot", "general", "multi_head", "scaled")


class Attention(nn.Module):
    """What the three attentions share: score, share out one unit, blend the values.

    weights = softmax(score(query, key)), over positions where mask is True
    context = weights value

    A subclass says how to score, and what of that can be computed from the keys alone.
    """

    def project_key(
        self, key: Float[Tensor, "batch src_len d_key"]
    ) -> Float[Tensor, "batch src_len d_score"]:
        """The part of the score that depends on the keys alone. Pure; call it once.

        Args:
            key: what each source position offers to match.

        Returns:
            the keys in the form that `score` and `attend` take.
        """
        raise NotImplementedError

    def project(
        self,
        key: Float[Tensor, "batch src_len d_key"],
        value: Float[Tensor, "batch src_len d_value"],
    ) -> tuple[
        Float[Tensor, "batch src_len d_score"], Float[Tensor, "batch src_len d_value"]
    ]:
        """What `attend` takes of both: projected keys, and the values as they are."""
        return self.project_key(key), value

    def score(
        self,
        query: Float[Tensor, "batch tgt_len d_query"],
        projected_key: Float[Tensor, "batch src_len d_score"],
    ) -> Float[Tensor, "batch tgt_len src_len"]:
        """How well each query agrees with each key: any number, larger is better.

        Args:
            query: what each target position asks for.
            projected_key: what `project_key` made of the keys.

        Returns:
            scores, before mask and softmax.
        """
        raise NotImplementedError

    def attend(
        self,
        query: Float[Tensor, "batch tgt_len d_query"],
        projected_key: Float[Tensor, "batch src_len d_score"],
        value: Float[Tensor, "batch src_len d_value"],
        mask: Bool[Tensor, "batch tgt_len src_len"],
    ) -> tuple[
        Float[Tensor, "batch tgt_len d_value"], Float[Tensor, "batch tgt_len src_len"]
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
        weights = masked_softmax(self.score(query, projected_key), mask)
        # The weights are float32 at least; the values may be bfloat16.
        context = weights.to(value.dtype) @ value
        return context, weights

    def forward(
        self,
        query: Float[Tensor, "batch tgt_len d_query"],
        key: Float[Tensor, "batch src_len d_key"],
        value: Float[Tensor, "batch src_len d_value"],
        mask: Bool[Tensor, "batch tgt_len src_len"],
    ) -> tuple[
        Float[Tensor, "batch tgt_len d_value"], Float[Tensor, "batch tgt_len src_len"]
    ]:
        """Attention from beginning to end.

        Args:
            query: what each target position asks for.
            key: what each source position offers to match.
            value: what each source position hands over.
            mask: True where attention is allowed.

        Returns:
            context, and weights in float32 at least (each row sums to 1, or to 0 if
            fully masked, where the context is zero too).
        """
        return self.attend(query, self.project_key(key), value, mask)


class DotAttention(Attention):
    """Dot-product attention: agreement is the dot product itself.

    score(q, k) = q . k, divided by sqrt(d_head) if scaled

    Queries and keys must live in the same space, d_query = d_key = d_head. There is
    nothing to learn here; what is to be compared must be learned elsewhere.

    Args:
        scaled: divide by sqrt(d_head), which keeps the variance of the scores of
            random vectors at 1 however wide they are.

    Source: Luong et al. 2015, section 3.1, "dot"; Vaswani et al. 2017, eq. 1, if
        scaled.
    """

    def __init__(self, *, scaled: bool = False):
        super().__init__()
        self.scaled = scaled

    def project_key(
        self, key: Float[Tensor, "batch src_len d_head"]
    ) -> Float[Tensor, "batch src_len d_head"]:
        """The keys as they are."""
        return key

    def score(
        self,
        query: Float[Tensor, "batch tgt_len d_head"],
        projected_key: Float[Tensor, "batch src_len d_head"],
    ) -> Float[Tensor, "batch tgt_len src_len"]:
        """score_ts = query_t . key_s, over sqrt(d_head) if scaled."""
        scores = query @ projected_key.transpose(-1, -2)
        return scores / math.sqrt(query.shape[-1]) if self.scaled else scores

    def extra_repr(self) -> str:
        """What `print(model)` shows between the brackets."""
        return f"scaled={self.scaled}"


class GeneralAttention(Attention):
    """Bilinear attention: a learned matrix carries keys into the space of queries.

    score(q, k) = q . (W k)

    W meets the keys, not the queries: there are as many queries as steps, and with
    beams many more, but a sentence's keys need be projected only once.

    Args:
        d_query: width of a query.
        d_key: width of a key.

    Parameters:
        weight: W, shape (d_query, d_key).

    Source: Luong et al. 2015, section 3.1, "general".
    """

    def __init__(self, d_query: int, d_key: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(d_query, d_key))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw W uniformly within 1 / sqrt(d_key)."""
        _uniform_by_fan_in(self.weight)

    def project_key(
        self, key: Float[Tensor, "batch src_len d_key"]
    ) -> Float[Tensor, "batch src_len d_query"]:
        """W key."""
        return F.linear(key, self.weight)

    def score(
        self,
        query: Float[Tensor, "batch tgt_len d_query"],
        projected_key: Float[Tensor, "batch src_len d_query"],
    ) -> Float[Tensor, "batch tgt_len src_len"]:
        """score_ts = query_t . (W key_s)."""
        return query @ projected_key.transpose(-1, -2)

    def extra_repr(self) -> str:
        """What `print(model)` shows between the brackets."""
        d_query, d_key = self.weight.shape
        return f"d_query={d_query}, d_key={d_key}"


class AdditiveAttention(Attention):
    """Additive attention: a layer of tanh units compares each query with each key.

    score(q, k) = v . tanh(W_q q + W_k k + b)

    Args:
        d_query: width of a query.
        d_key: width of a key.
        d_attention: number of tanh units.

    Parameters:
        weight_query: W_q, shape (d_attention, d_query).
        weight_key: W_k, shape (d_attention, d_key).
        bias: b, shape (d_attention,).
        weight_score: v, shape (d_attention,).

    Source: Bahdanau et al. 2014, appendix A.1.2, where b is absent.
    Paper names: W_q is W_a, W_k is U_a, v is v_a.
    """

    def __init__(self, d_query: int, d_key: int, d_attention: int):
        super().__init__()
        self.weight_query = nn.Parameter(torch.empty(d_attention, d_query))
        self.weight_key = nn.Parameter(torch.empty(d_attention, d_key))
        self.bias = nn.Parameter(torch.empty(d_attention))
        self.weight_score = nn.Parameter(torch.empty(d_attention))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw each weight uniformly within 1 / sqrt(fan_in); zero the bias."""
        for weight in (self.weight_query, self.weight_key, self.weight_score):
            _uniform_by_fan_in(weight)
        nn.init.zeros_(self.bias)

    def project_key(
        self, key: Float[Tensor, "batch src_len d_key"]
    ) -> Float[Tensor, "batch src_len d_attention"]:
        """W_k key + b: the bias, too, need be added only once."""
        return F.linear(key, self.weight_key, self.bias)

    def score(
        self,
        query: Float[Tensor, "batch tgt_len d_query"],
        projected_key: Float[Tensor, "batch src_len d_attention"],
    ) -> Float[Tensor, "batch tgt_len src_len"]:
        """score_ts = v . tanh(W_q query_t + W_k key_s + b)."""
        projected_query = F.linear(query, self.weight_query)
        pairs = projected_query[:, :, None, :] + projected_key[:, None, :, :]
        return torch.tanh(pairs) @ self.weight_score  # (batch, tgt_len, src_len)

    def extra_repr(self) -> str:
        """What `print(model)` shows between the brackets."""
        d_attention, d_query = self.weight_query.shape
        d_key = self.weight_key.shape[1]
        return f"d_query={d_query}, d_key={d_key}, d_attention={d_attention}"


def make_attention(
    name: str, d_query: int, d_key: int, *, d_attention: int, n_heads: int
) -> Attention | MultiHeadAttention:
    """Build an attention by its name, as a configuration gives it.

    Args:
        name: "additive", "dot", "general", "multi_head", or "scaled", which is the
            scaled "dot".
        d_query: width of a query.
        d_key: width of a key and of a value, and so of the context.
        d_attention: number of tanh units; only "additive" has any.
        n_heads: number of heads; only "multi_head" has any.

    Returns:
        the module, freshly initialised from torch's global random state.

    Raises:
        ValueError: if the name is unknown, the widths differ for a dot product, or the
            heads cannot share a key's width evenly.
    """
    if name == "additive":
        return AdditiveAttention(d_query, d_key, d_attention)
    if name == "general":
        return GeneralAttention(d_query, d_key)
    if name == "multi_head":
        return MultiHeadAttention(d_query, d_key, d_model=d_key, n_heads=n_heads)
    if name not in ("dot", "scaled"):
        choices = ", ".join(ATTENTION_NAMES)
        raise ValueError(f"attention: name must be one of {choices}, got {name!r}")
    if d_query != d_key:
        raise ValueError(
            f"attention: d_key must be {d_query} (d_query) for {name}, got "
            f"{d_key}; general takes different widths"
        )
    return DotAttention(scaled=name == "scaled")


def _uniform_by_fan_in(weight: Tensor) -> None:
    """Fill in place, uniformly within 1 / sqrt(fan_in), the last axis being fan in."""
    bound = 1 / math.sqrt(weight.shape[-1])
    nn.init.uniform_(weight, -bound, bound)

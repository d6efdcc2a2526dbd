"""What a Transformer is made of: sublayers, each with a norm and a way around it.

A sublayer is an attention or a feed-forward network. Its result is added to x, which
runs past it. `ResidualNorm` does the adding, and normalises before or after:

    pre-norm:   x + dropout(sublayer(norm(x)))
    post-norm:  norm(x + dropout(sublayer(x)))

An encoder layer is two sublayers, a decoder layer three. `forward` reads all positions
at once and `backward` goes the same way from the end. `DecoderLayer.step` reads one
position and what is kept of those before; it needs no way back.

Dropout acts on what a sublayer adds and nowhere else: not on attention weights, nor
inside the feed-forward network. It rests where no generator is passed.

Left out: activations other than the rectifier, and gated feed-forward networks.

Sources: Vaswani et al. 2017, arXiv:1706.03762 (all of it, with post-norm); Xiong et al.
    2020, arXiv:2002.04745 (why pre-norm trains without warm-up).

Twin: minis2s/torch_nn/transformer_layers.py.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from minis2s.config import TransformerConfig
from minis2s.numpy_ref.functional import (
    DropoutCache,
    LayerNormCache,
    LinearCache,
    relu_backward,
    relu_forward,
)
from minis2s.numpy_ref.layer import Dropout, Layer, LayerNorm, Linear
from minis2s.numpy_ref.multi_head import MultiHeadAttention

KeyValue = tuple[
    Float[np.ndarray, "batch n_heads _ d_head"],
    Float[np.ndarray, "batch n_heads _ d_head"],
]
"""Projected keys and values of one attention, at as many positions as it may see."""

# --- around every sublayer ---


class LeaveCache(NamedTuple):
    """What ResidualNorm.leave_backward needs to know."""

    gap: DropoutCache | None
    norm: LayerNormCache | None
    """of the sum; None for pre-norm"""


class SublayerCache(NamedTuple):
    """What the way back through a sublayer needs, and around it."""

    enter: LayerNormCache | None
    """of the input; None for post-norm"""
    inside: tuple
    """of the sublayer itself"""
    leave: LeaveCache


class ResidualNorm(LayerNorm):
    """A layer norm, and the way around the sublayer that it belongs to.

    pre-norm:   x + dropout(sublayer(norm(x)))
    post-norm:  norm(x + dropout(sublayer(x)))

    `enter` is what happens before the sublayer and `leave` what happens after it. In
    pre-norm nothing but sums lies on the way from the last layer back to the first.

    Args:
        config: the width, the place of the norm, and the rate of dropout.

    Source: Vaswani et al. 2017, sections 3.1 and 5.4 (post); Xiong et al. 2020,
        figure 1 (pre).
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config.d_model)
        self.pre = config.norm == "pre"
        self.dropout = Dropout(config.dropout)

    def enter(
        self, x: Float[np.ndarray, "batch len d_model"]
    ) -> tuple[Float[np.ndarray, "batch len d_model"], LayerNormCache | None]:
        """What the sublayer sees of x, and the cache for `enter_backward`."""
        return self.forward(x) if self.pre else (x, None)

    def leave(
        self,
        x: Float[np.ndarray, "batch len d_model"],
        added: Float[np.ndarray, "batch len d_model"],
        rng: np.random.Generator | None,
    ) -> tuple[Float[np.ndarray, "batch len d_model"], LeaveCache]:
        """The sum of x and what the sublayer adds, and the cache for the way back."""
        added, gap = self.dropout.forward(added, rng)
        out, norm = (x + added, None) if self.pre else self.forward(x + added)
        return out, LeaveCache(gap, norm)

    def leave_backward(
        self, grad_out: Float[np.ndarray, "batch len d_model"], cache: LeaveCache
    ) -> tuple[
        Float[np.ndarray, "batch len d_model"], Float[np.ndarray, "batch len d_model"]
    ]:
        """grad_x of the way around alone, and grad_added: a sum hands both the same.

        What dropout silenced gets no gradient.
        """
        grad = grad_out if self.pre else self.backward(grad_out, cache.norm)
        return grad, self.dropout.backward(grad, cache.gap)

    def enter_backward(
        self,
        grad_x: Float[np.ndarray, "batch len d_model"],
        grad_seen: Float[np.ndarray, "batch len d_model"],
        cache: LayerNormCache | None,
    ) -> Float[np.ndarray, "batch len d_model"]:
        """All of grad_x: x ran around the sublayer and into it, so two gradients add.

        Args:
            grad_x: what came back on the way around, from `leave_backward`.
            grad_seen: what came back through the sublayer.
            cache: from `enter`.
        """
        return grad_x + (self.backward(grad_seen, cache) if self.pre else grad_seen)


# --- the sublayer that is no attention ---


class FeedForwardCache(NamedTuple):
    """What FeedForward.backward needs to know."""

    expand: LinearCache
    is_active: Bool[np.ndarray, "batch len d_ff"]
    """where the rectifier let something through"""
    contract: LinearCache


class FeedForward(Layer):
    """Two linear maps with a rectifier between them, at each position by itself.

    FFN(x) = W_2 max(0, W_1 x + b_1) + b_2

    Args:
        d_model: width of x and of the result.
        d_ff: width in between.
        rng: draws weights and biases.

    Source: Vaswani et al. 2017, eq. 2, with x as a row.
    Paper names: expand is W_1 and b_1, contract is W_2 and b_2.
    """

    def __init__(self, d_model: int, d_ff: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.expand = Linear(d_model, d_ff, rng)
        self.contract = Linear(d_ff, d_model, rng)

    def forward(
        self, x: Float[np.ndarray, "batch len d_model"]
    ) -> tuple[Float[np.ndarray, "batch len d_model"], FeedForwardCache]:
        """FFN(x), and the cache for `backward`."""
        inner, expand_cache = self.expand.forward(x)  # (batch, len, d_ff)
        inner, is_active = relu_forward(inner)
        out, contract_cache = self.contract.forward(inner)
        return out, FeedForwardCache(expand_cache, is_active, contract_cache)

    def backward(
        self,
        grad_out: Float[np.ndarray, "batch len d_model"],
        cache: FeedForwardCache,
    ) -> Float[np.ndarray, "batch len d_model"]:
        """grad_x; the gradients of weights and biases are added up."""
        grad_inner = self.contract.backward(grad_out, cache.contract)
        grad_inner = relu_backward(grad_inner, cache.is_active)
        return self.expand.backward(grad_inner, cache.expand)


# --- a layer of the encoder ---


class EncoderLayerCache(NamedTuple):
    """What EncoderLayer.backward needs to know."""

    attention: SublayerCache
    feed_forward: SublayerCache


class EncoderLayer(Layer):
    """Every position looks at all positions, then is transformed by itself.

    Two sublayers: attention of x to x, and a feed-forward network.

    Args:
        config: sizes, the place of the norms, and the rate of dropout.
        rng: draws weights and biases.

    Source: Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, config: TransformerConfig, rng: np.random.Generator) -> None:
        super().__init__()
        d_model = config.d_model
        self.attention = MultiHeadAttention(
            d_model, d_model, d_model, config.n_heads, rng
        )
        self.norm_attention = ResidualNorm(config)
        self.feed_forward = FeedForward(d_model, config.d_ff, rng)
        self.norm_feed_forward = ResidualNorm(config)

    def forward(
        self,
        x: Float[np.ndarray, "batch src_len d_model"],
        mask: Bool[np.ndarray, "batch src_len src_len"],
        *,
        rng: np.random.Generator | None = None,
    ) -> tuple[
        Float[np.ndarray, "batch src_len d_model"],
        Float[np.ndarray, "batch n_heads src_len src_len"],
        EncoderLayerCache,
    ]:
        """What becomes of x, the attention, and the cache for `backward`.

        Args:
            x: one vector for each position.
            mask: True where a position (row) may look at another (column).
            rng: draws what dropout silences; None silences nothing.
        """
        seen, enter = self.norm_attention.enter(x)
        context, weights, inside = self.attention.forward(seen, seen, seen, mask)
        x, leave = self.norm_attention.leave(x, context, rng)
        attention = SublayerCache(enter, inside, leave)

        seen, enter = self.norm_feed_forward.enter(x)
        added, inside = self.feed_forward.forward(seen)
        x, leave = self.norm_feed_forward.leave(x, added, rng)
        feed_forward = SublayerCache(enter, inside, leave)
        return x, weights, EncoderLayerCache(attention, feed_forward)

    def backward(
        self,
        grad_out: Float[np.ndarray, "batch src_len d_model"],
        cache: EncoderLayerCache,
    ) -> Float[np.ndarray, "batch src_len d_model"]:
        """grad_x; the gradients of all parameters are added up.

        The sublayers from last to first. What follows a sublayer hands grad to the way
        around it and, through dropout, to the sublayer; what comes back is added:

        grad = grad + feed_forward.backward(grad)
        grad = grad + the sum of the three gradients of attention.backward(grad)

        The attention reads the same array as query, key and value: three gradients.
        The norm is on the way into the sublayer (pre) or where both ways meet (post).
        """
        enter, inside, leave = cache.feed_forward
        grad, grad_added = self.norm_feed_forward.leave_backward(grad_out, leave)
        grad_seen = self.feed_forward.backward(grad_added, inside)
        grad = self.norm_feed_forward.enter_backward(grad, grad_seen, enter)

        enter, inside, leave = cache.attention
        grad, grad_context = self.norm_attention.leave_backward(grad, leave)
        grad_seen = sum(self.attention.backward(grad_context, inside))
        return self.norm_attention.enter_backward(grad, grad_seen, enter)


# --- a layer of the decoder ---


class DecoderLayerCache(NamedTuple):
    """What DecoderLayer.backward needs to know."""

    self_attention: SublayerCache
    cross_attention: SublayerCache
    feed_forward: SublayerCache


class DecoderLayer(Layer):
    """A position looks at the target so far, then at the source, then is transformed.

    Three sublayers: attention of x to x, attention of x to the encoder's output, and
    a feed-forward network.

    Args:
        config: sizes, the place of the norms, and the rate of dropout.
        rng: draws weights and biases.

    Source: Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, config: TransformerConfig, rng: np.random.Generator) -> None:
        super().__init__()
        d_model, n_heads = config.d_model, config.n_heads
        self.self_attention = MultiHeadAttention(
            d_model, d_model, d_model, n_heads, rng
        )
        self.norm_self_attention = ResidualNorm(config)
        self.cross_attention = MultiHeadAttention(
            d_model, d_model, d_model, n_heads, rng
        )
        self.norm_cross_attention = ResidualNorm(config)
        self.feed_forward = FeedForward(d_model, config.d_ff, rng)
        self.norm_feed_forward = ResidualNorm(config)

    def forward(
        self,
        x: Float[np.ndarray, "batch tgt_len d_model"],
        memory: Float[np.ndarray, "batch src_len d_model"],
        tgt_mask: Bool[np.ndarray, "batch tgt_len tgt_len"],
        src_mask: Bool[np.ndarray, "batch tgt_len src_len"],
        *,
        rng: np.random.Generator | None = None,
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_model"],
        Float[np.ndarray, "batch n_heads tgt_len src_len"],
        Float[np.ndarray, "batch n_heads tgt_len tgt_len"],
        DecoderLayerCache,
    ]:
        """What becomes of x, attention to the source and to the target, and the cache.

        Args:
            x: one vector for each target position.
            memory: the encoder's output.
            tgt_mask: True where a target position may look at another.
            src_mask: True where a target position may look at a source position.
            rng: draws what dropout silences; None silences nothing.
        """
        seen, enter = self.norm_self_attention.enter(x)
        context, self_weights, inside = self.self_attention.forward(
            seen, seen, seen, tgt_mask
        )
        x, leave = self.norm_self_attention.leave(x, context, rng)
        self_attention = SublayerCache(enter, inside, leave)

        seen, enter = self.norm_cross_attention.enter(x)
        context, weights, inside = self.cross_attention.forward(
            seen, memory, memory, src_mask
        )
        x, leave = self.norm_cross_attention.leave(x, context, rng)
        cross_attention = SublayerCache(enter, inside, leave)

        seen, enter = self.norm_feed_forward.enter(x)
        added, inside = self.feed_forward.forward(seen)
        x, leave = self.norm_feed_forward.leave(x, added, rng)
        feed_forward = SublayerCache(enter, inside, leave)
        cache = DecoderLayerCache(self_attention, cross_attention, feed_forward)
        return x, weights, self_weights, cache

    def backward(
        self,
        grad_out: Float[np.ndarray, "batch tgt_len d_model"],
        cache: DecoderLayerCache,
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_model"],
        Float[np.ndarray, "batch src_len d_model"],
    ]:
        """grad_x and grad_memory; the gradients of all parameters are added up.

        As in EncoderLayer, from the last of the three sublayers to the first:

        grad = grad + feed_forward.backward(grad)
        grad = grad + grad_query of cross_attention.backward(grad)
        grad_memory = its grad_key + its grad_value: the memory is read as both
        grad = grad + the sum of the three gradients of self_attention.backward(grad)
        """
        enter, inside, leave = cache.feed_forward
        grad, grad_added = self.norm_feed_forward.leave_backward(grad_out, leave)
        grad_seen = self.feed_forward.backward(grad_added, inside)
        grad = self.norm_feed_forward.enter_backward(grad, grad_seen, enter)

        enter, inside, leave = cache.cross_attention
        grad, grad_context = self.norm_cross_attention.leave_backward(grad, leave)
        grad_seen, grad_key, grad_value = self.cross_attention.backward(
            grad_context, inside
        )
        grad = self.norm_cross_attention.enter_backward(grad, grad_seen, enter)

        enter, inside, leave = cache.self_attention
        grad, grad_context = self.norm_self_attention.leave_backward(grad, leave)
        grad_seen = sum(self.self_attention.backward(grad_context, inside))
        grad = self.norm_self_attention.enter_backward(grad, grad_seen, enter)
        return grad, grad_key + grad_value

    def step(
        self,
        x: Float[np.ndarray, "batch 1 d_model"],
        past: KeyValue,
        source: KeyValue,
        src_mask: Bool[np.ndarray, "batch src_len"],
    ) -> tuple[
        Float[np.ndarray, "batch 1 d_model"],
        Float[np.ndarray, "batch n_heads 1 src_len"],
        KeyValue,
    ]:
        """`forward` at one more position, which needs no other position's x.

        Args:
            x: the vector of the new position.
            past: projected keys and values of the target positions before it.
            source: those of the source positions, for the cross-attention.
            src_mask: True where there is a source token.

        Returns:
            what becomes of x, the attention to the source, and the past of the next
            position, which is longer by this one.
        """
        seen, _ = self.norm_self_attention.enter(x)
        now = self.self_attention.project(seen, seen)
        key, value = (
            np.concatenate(two, axis=2) for two in zip(past, now, strict=True)
        )
        # No causal mask is needed: what is kept is the past.
        everything = np.ones((len(x), 1, key.shape[2]), dtype=bool)
        context, _ = self.self_attention.attend(seen, key, value, everything)
        x, _ = self.norm_self_attention.leave(x, context, None)

        seen, _ = self.norm_cross_attention.enter(x)
        context, weights = self.cross_attention.attend(seen, *source, src_mask[:, None])
        x, _ = self.norm_cross_attention.leave(x, context, None)

        seen, _ = self.norm_feed_forward.enter(x)
        added, _ = self.feed_forward.forward(seen)
        x, _ = self.norm_feed_forward.leave(x, added, None)
        return x, weights, (key, value)

"""What a Transformer is made of: sublayers, each with a norm and a way around it.

A sublayer is an attention or a feed-forward network. Its result is added to x, which
runs past it. `ResidualNorm` does the adding, and normalises before or after:

    pre-norm:   x + dropout(sublayer(norm(x)))
    post-norm:  norm(x + dropout(sublayer(x)))

An encoder layer is two sublayers, a decoder layer three. `forward` reads all positions
at once; `DecoderLayer.step` reads one position and what is kept of those before.

Dropout acts on what a sublayer adds and nowhere else: not on attention weights, nor
inside the feed-forward network.

Left out: activations other than the rectifier, and gated feed-forward networks.

Sources: Vaswani et al. 2017, arXiv:1706.03762 (all of it, with post-norm); Xiong et al.
    2020, arXiv:2002.04745 (why pre-norm trains without warm-up).

Twin: minis2s/numpy_ref/transformer_layers.py.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from minis2s.config import TransformerConfig
from minis2s.torch_nn.dropout import Dropout
from minis2s.torch_nn.multi_head import MultiHeadAttention

KeyValue = tuple[
    Float[Tensor, "batch n_heads _ d_head"], Float[Tensor, "batch n_heads _ d_head"]
]
"""Projected keys and values of one attention, at as many positions as it may see."""


class ResidualNorm(nn.LayerNorm):
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
        self, x: Float[Tensor, "batch len d_model"]
    ) -> Float[Tensor, "batch len d_model"]:
        """What the sublayer sees of x."""
        return self(x) if self.pre else x

    def leave(
        self,
        x: Float[Tensor, "batch len d_model"],
        added: Float[Tensor, "batch len d_model"],
    ) -> Float[Tensor, "batch len d_model"]:
        """The sum of x and what the sublayer adds."""
        # Adding numbers of two types is slow; x is the finer one, and the sum's type.
        x = x + self.dropout(added).to(x.dtype)
        return x if self.pre else self(x)


class FeedForward(nn.Module):
    """Two linear maps with a rectifier between them, at each position by itself.

    FFN(x) = W_2 max(0, W_1 x + b_1) + b_2

    Args:
        d_model: width of x and of the result.
        d_ff: width in between.

    Source: Vaswani et al. 2017, eq. 2, with x as a row.
    Paper names: expand is W_1 and b_1, contract is W_2 and b_2.
    """

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.expand = nn.Linear(d_model, d_ff)
        self.contract = nn.Linear(d_ff, d_model)

    def forward(
        self, x: Float[Tensor, "batch len d_model"]
    ) -> Float[Tensor, "batch len d_model"]:
        """FFN(x)."""
        return self.contract(torch.relu(self.expand(x)))


class EncoderLayer(nn.Module):
    """Every position looks at all positions, then is transformed by itself.

    Two sublayers: attention of x to x, and a feed-forward network.

    Args:
        config: sizes, the place of the norms, and the rate of dropout.

    Source: Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        d_model = config.d_model
        self.attention = MultiHeadAttention(d_model, d_model, d_model, config.n_heads)
        self.norm_attention = ResidualNorm(config)
        self.feed_forward = FeedForward(d_model, config.d_ff)
        self.norm_feed_forward = ResidualNorm(config)

    def forward(
        self,
        x: Float[Tensor, "batch src_len d_model"],
        mask: Bool[Tensor, "batch src_len src_len"],
        *,
        fused: bool = False,
    ) -> tuple[
        Float[Tensor, "batch src_len d_model"],
        Float[Tensor, "batch n_maps src_len src_len"],
    ]:
        """What becomes of x, and the attention.

        Args:
            x: one vector for each position.
            mask: True where a position (row) may look at another (column).
            fused: use the library's kernel, which keeps no map of any head.
        """
        seen = self.norm_attention.enter(x)
        context, weights = self.attention(seen, seen, seen, mask, fused=fused)
        x = self.norm_attention.leave(x, context)
        added = self.feed_forward(self.norm_feed_forward.enter(x))
        return self.norm_feed_forward.leave(x, added), weights


class DecoderLayer(nn.Module):
    """A position looks at the target so far, then at the source, then is transformed.

    Three sublayers: attention of x to x, attention of x to the encoder's output, and
    a feed-forward network.

    Args:
        config: sizes, the place of the norms, and the rate of dropout.

    Source: Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        d_model, n_heads = config.d_model, config.n_heads
        self.self_attention = MultiHeadAttention(d_model, d_model, d_model, n_heads)
        self.norm_self_attention = ResidualNorm(config)
        self.cross_attention = MultiHeadAttention(d_model, d_model, d_model, n_heads)
        self.norm_cross_attention = ResidualNorm(config)
        self.feed_forward = FeedForward(d_model, config.d_ff)
        self.norm_feed_forward = ResidualNorm(config)

    def forward(
        self,
        x: Float[Tensor, "batch tgt_len d_model"],
        memory: Float[Tensor, "batch src_len d_model"],
        tgt_mask: Bool[Tensor, "batch tgt_len tgt_len"],
        src_mask: Bool[Tensor, "batch tgt_len src_len"],
        *,
        fused: bool = False,
    ) -> tuple[
        Float[Tensor, "batch tgt_len d_model"],
        Float[Tensor, "batch n_maps tgt_len src_len"],
        Float[Tensor, "batch n_maps tgt_len tgt_len"],
    ]:
        """What becomes of x, the attention to the source, and that to the target.

        Args:
            x: one vector for each target position.
            memory: the encoder's output.
            tgt_mask: True where a target position may look at another.
            src_mask: True where a target position may look at a source position.
            fused: use the library's kernel, which keeps no map of any head.
        """
        seen = self.norm_self_attention.enter(x)
        context, self_weights = self.self_attention(
            seen, seen, seen, tgt_mask, fused=fused
        )
        x = self.norm_self_attention.leave(x, context)
        seen = self.norm_cross_attention.enter(x)
        context, weights = self.cross_attention(
            seen, memory, memory, src_mask, fused=fused
        )
        x = self.norm_cross_attention.leave(x, context)
        added = self.feed_forward(self.norm_feed_forward.enter(x))
        return self.norm_feed_forward.leave(x, added), weights, self_weights

    def step(
        self,
        x: Float[Tensor, "batch 1 d_model"],
        past: KeyValue,
        source: KeyValue,
        src_mask: Bool[Tensor, "batch src_len"],
    ) -> tuple[
        Float[Tensor, "batch 1 d_model"],
        Float[Tensor, "batch n_heads 1 src_len"],
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
        seen = self.norm_self_attention.enter(x)
        now = self.self_attention.project(seen, seen)
        key, value = (torch.cat(two, dim=2) for two in zip(past, now, strict=True))
        # No causal mask is needed: what is kept is the past.
        everything = src_mask.new_ones(len(x), 1, key.shape[2])
        context, _ = self.self_attention.attend(seen, key, value, everything)
        x = self.norm_self_attention.leave(x, context)
        seen = self.norm_cross_attention.enter(x)
        context, weights = self.cross_attention.attend(
            seen, *source, src_mask.unsqueeze(1)
        )
        x = self.norm_cross_attention.leave(x, context)
        added = self.feed_forward(self.norm_feed_forward.enter(x))
        return self.norm_feed_forward.leave(x, added), weights, (key, value)

"""The Transformer: an encoder and a decoder without recurrence.

All positions are computed at once. What a position knows of the others it has from
attention; its own place it has from what was added to its token's vector.

`forward` reads a whole sentence pair (teacher forcing). `encode`, `initial_state` and
`decode_step` are for translating: the state is the projected keys and values of the
target so far, of each layer, so that a step computes one position and not all of them
again.

There are three masks. The encoder's positions see source tokens. The decoder's see
themselves and what stands before them; since a target is padded at its end, no token
sees padding, and what padding itself sees does not matter, as the loss leaves it out.
When the decoder looks at the encoder's output, it sees source tokens.

Dropout acts on embeddings and on what each sublayer adds. Tables are drawn from
N(0, 1/d_model), so that scaled vectors have variance 1; linear maps as nn.Linear draws
them. The layers are in transformer_layers.py.

Left out: attention over a window, relative positions, layers that share weights.

Sources: Vaswani et al. 2017, arXiv:1706.03762; Xiong et al. 2020, arXiv:2002.04745.

Twin: minis2s/numpy_ref/transformer.py.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from minis2s.config import TransformerConfig
from minis2s.torch_nn.dropout import Dropout
from minis2s.torch_nn.embedding import (
    Embedding,
    LearnedPositions,
    SinusoidalPositions,
)
from minis2s.torch_nn.masks import causal_mask
from minis2s.torch_nn.transformer_layers import DecoderLayer, EncoderLayer, KeyValue


class Memory(NamedTuple):
    """What the encoder hands to the decoder; every row belongs to one sentence."""

    value: Float[Tensor, "batch src_len d_model"]
    """The encoder's output."""
    projected: tuple[KeyValue, ...]
    """The same as keys and values of each decoder layer's cross-attention."""
    mask: Bool[Tensor, "batch src_len"]
    """True where there is a source token."""


class _Stack(nn.Module):
    """Tokens to vectors that know their place, and a last norm.

    x_t = dropout(sqrt(d_model) embedding(token_t) + position_t)

    Args:
        embedding: the table of tokens.
        config: the kind of positions, the place of the norms, and the rate of dropout.

    Source: Vaswani et al. 2017, sections 3.4, 3.5 and 5.4. The last norm: Xiong et al.
        2020, table 1; in pre-norm nothing else normalises the last layer's sum.
    """

    def __init__(self, embedding: Embedding, config: TransformerConfig) -> None:
        super().__init__()
        d_model = config.d_model
        self.embedding = embedding
        if config.positions == "learned":
            self.positions = LearnedPositions(config.max_len, d_model)
        else:
            self.positions = SinusoidalPositions(d_model)
        # Layers with post-norm end in a norm already.
        self.norm = nn.LayerNorm(d_model) if config.norm == "pre" else nn.Identity()
        self.scale = math.sqrt(d_model)
        self.dropout = Dropout(config.dropout)

    def _embed(
        self, tokens: Int[Tensor, "batch len"], *, start: int = 0
    ) -> Float[Tensor, "batch len d_model"]:
        """The vectors of tokens of which the first stands at `start`."""
        embedded = self.scale * self.embedding(tokens)
        return self.dropout(self.positions(embedded, start=start))


class TransformerEncoder(_Stack):
    """Encoder layers over embedded source tokens.

    Args:
        embedding: the table of source tokens.
        config: sizes, positions, the place of the norms, and the rate of dropout.
    """

    def __init__(self, embedding: Embedding, config: TransformerConfig) -> None:
        super().__init__(embedding, config)
        self.layers = nn.ModuleList(
            EncoderLayer(config) for _ in range(config.n_layers)
        )

    def forward(
        self,
        src: Int[Tensor, "batch src_len"],
        src_mask: Bool[Tensor, "batch src_len"],
        *,
        fused: bool = False,
    ) -> tuple[
        Float[Tensor, "batch src_len d_model"],
        Float[Tensor, "batch n_layers n_maps src_len src_len"],
    ]:
        """The outputs, and the self-attention of all layers; no maps if fused."""
        mask = src_mask.unsqueeze(1).expand(-1, src.shape[1], -1)
        x, weights = self._embed(src), []
        for layer in self.layers:
            x, layer_weights = layer(x, mask, fused=fused)
            weights.append(layer_weights)
        return self.norm(x), torch.stack(weights, dim=1)


class TransformerDecoder(_Stack):
    """Decoder layers over embedded target tokens, then a prediction.

    Args:
        embedding: the table of target tokens.
        config: sizes, and whether the output layer shares the table.
    """

    def __init__(self, embedding: Embedding, config: TransformerConfig) -> None:
        super().__init__(embedding, config)
        self.layers = nn.ModuleList(
            DecoderLayer(config) for _ in range(config.n_layers)
        )
        self.output = nn.Linear(config.d_model, config.vocab_size)
        if config.tie != "none":
            self.output.weight = embedding.weight

    def forward(
        self,
        tgt_in: Int[Tensor, "batch tgt_len"],
        memory: Float[Tensor, "batch src_len d_model"],
        src_mask: Bool[Tensor, "batch src_len"],
        *,
        fused: bool = False,
    ) -> tuple[
        Float[Tensor, "batch tgt_len vocab_size"],
        Float[Tensor, "batch n_layers n_maps tgt_len src_len"],
        Float[Tensor, "batch n_layers n_maps tgt_len tgt_len"],
    ]:
        """Logits, and cross- and self-attention of all layers; no maps if fused."""
        batch, tgt_len = tgt_in.shape
        tgt_mask = causal_mask(tgt_len, tgt_in.device).expand(batch, -1, -1)
        mask = src_mask.unsqueeze(1).expand(-1, tgt_len, -1)
        x, weights, self_weights = self._embed(tgt_in), [], []
        for layer in self.layers:
            x, cross, within = layer(x, memory, tgt_mask, mask, fused=fused)
            weights.append(cross)
            self_weights.append(within)
        logits = self.output(self.norm(x))
        return logits, torch.stack(weights, dim=1), torch.stack(self_weights, dim=1)

    def project(
        self, memory: Float[Tensor, "batch src_len d_model"]
    ) -> tuple[KeyValue, ...]:
        """The memory as keys and values of each layer's cross-attention."""
        return tuple(
            layer.cross_attention.project(memory, memory) for layer in self.layers
        )

    def step(
        self,
        token: Int[Tensor, " batch"],
        state: tuple[KeyValue, ...],
        memory: Memory,
    ) -> tuple[
        Float[Tensor, "batch vocab_size"],
        Float[Tensor, "batch n_layers n_heads src_len"],
        tuple[KeyValue, ...],
    ]:
        """Logits and attention after one more token, and the state that follows."""
        n_before = state[0][0].shape[2]
        x = self._embed(token.unsqueeze(1), start=n_before)  # (batch, 1, d_model)
        weights, following = [], []
        for layer, past, source in zip(
            self.layers, state, memory.projected, strict=True
        ):
            x, layer_weights, past = layer.step(x, past, source, memory.mask)
            weights.append(layer_weights.squeeze(2))
            following.append(past)
        logits = self.output(self.norm(x)).squeeze(1)
        return logits, torch.stack(weights, dim=1), tuple(following)


class Transformer(nn.Module):
    """Encoder and decoder, from source tokens to the logits of target tokens.

    Args:
        config: sizes, positions, norms, and which of the three token tables are one.
    """

    attention_kind = "scaled dot cross-attention"
    """Name of the attention that the maps show."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        embedding = Embedding(config.vocab_size, config.d_model)
        self.encoder = TransformerEncoder(embedding, config)
        if config.tie != "all":
            embedding = Embedding(config.vocab_size, config.d_model)
        self.decoder = TransformerDecoder(embedding, config)

    def encode(
        self,
        src: Int[Tensor, "batch src_len"],
        src_mask: Bool[Tensor, "batch src_len"],
    ) -> Memory:
        """Read the source once; the decoder may then ask as often as it likes."""
        value, _ = self.encoder(src, src_mask)
        return Memory(value, self.decoder.project(value), src_mask)

    def forward(
        self,
        src: Int[Tensor, "batch src_len"],
        src_mask: Bool[Tensor, "batch src_len"],
        tgt_in: Int[Tensor, "batch tgt_len"],
        *,
        fused: bool | None = None,
    ) -> tuple[
        Float[Tensor, "batch tgt_len vocab_size"],
        Float[Tensor, "batch n_layers n_maps tgt_len src_len"],
    ]:
        """Teacher forcing: logits_t and attention_t given the true tokens before t.

        Args:
            src: source tokens.
            src_mask: True where `src` is a token.
            tgt_in: what the decoder reads: BOS, then the target.
            fused: use the library's attention, which keeps no weights. None does so in
                training on a GPU, where it is faster and nobody looks at the weights.

        Returns:
            logits, and cross-attention weights: one map a head, or none if fused.
        """
        if fused is None:
            fused = self.training and src.is_cuda
        memory, _ = self.encoder(src, src_mask, fused=fused)
        logits, weights, _ = self.decoder(tgt_in, memory, src_mask, fused=fused)
        return logits, weights

    def initial_state(self, memory: Memory) -> tuple[KeyValue, ...]:
        """The decoder's state before the first target token: no keys, no values."""
        return tuple(
            (key[:, :, :0], value[:, :, :0]) for key, value in memory.projected
        )

    def decode_step(
        self,
        token: Int[Tensor, " batch"],
        state: tuple[KeyValue, ...],
        memory: Memory,
    ) -> tuple[
        Float[Tensor, "batch vocab_size"],
        Float[Tensor, "batch n_layers n_heads src_len"],
        tuple[KeyValue, ...],
    ]:
        """One target token further: logits, attention, and the next state."""
        return self.decoder.step(token, state, memory)

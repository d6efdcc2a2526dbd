"""The Transformer: an encoder and a decoder without recurrence.

All positions are computed at once. What a position knows of the others it has from
attention; its own place it has from what was added to its token's vector.

`forward` reads a whole sentence pair (teacher forcing) and `backward` carries the
gradient of the logits back to every parameter, part by part in the opposite order.
`encode`, `initial_state` and `decode_step` are for translating, and need no way back:
the state is the projected keys and values of the target so far, of each layer, so that
a step computes one position and not all of them again.

There are three masks. The encoder's positions see source tokens. The decoder's see
themselves and what stands before them; since a target is padded at its end, no token
sees padding, and what padding itself sees does not matter, as the loss leaves it out.
When the decoder looks at the encoder's output, it sees source tokens.

Dropout acts on embeddings and on what each sublayer adds, if a generator is passed.
Tables are drawn from N(0, 1/d_model), so that scaled vectors have variance 1; linear
maps as everywhere in the package. The layers are in transformer_layers.py.

Left out: attention over a window, relative positions, layers that share weights.

Sources: Vaswani et al. 2017, arXiv:1706.03762; Xiong et al. 2020, arXiv:2002.04745.

Twin: minis2s/torch_nn/transformer.py.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from minis2s.config import TransformerConfig
from minis2s.numpy_ref.checks import check_shape, check_source_mask
from minis2s.numpy_ref.embedding import (
    Embedding,
    EmbeddingCache,
    LearnedPositions,
    SinusoidalPositions,
)
from minis2s.numpy_ref.functional import (
    DropoutCache,
    LayerNormCache,
    LinearCache,
)
from minis2s.numpy_ref.layer import Dropout, Layer, LayerNorm, Linear
from minis2s.numpy_ref.masks import causal_mask
from minis2s.numpy_ref.transformer_layers import (
    DecoderLayer,
    DecoderLayerCache,
    EncoderLayer,
    EncoderLayerCache,
    KeyValue,
)


class Memory(NamedTuple):
    """What the encoder hands to the decoder; every row belongs to one sentence."""

    value: Float[np.ndarray, "batch src_len d_model"]
    """The encoder's output."""
    projected: tuple[KeyValue, ...]
    """The same as keys and values of each decoder layer's cross-attention."""
    mask: Bool[np.ndarray, "batch src_len"]
    """True where there is a source token."""


# --- what encoder and decoder share ---


class EmbedCache(NamedTuple):
    """What _Stack._embed_backward needs to know."""

    embedding: EmbeddingCache
    positions: tuple | None
    gap: DropoutCache | None


class _Stack(Layer):
    """Tokens to vectors that know their place, and a last norm.

    x_t = dropout(sqrt(d_model) embedding(token_t) + position_t)

    Args:
        embedding: the table of tokens.
        config: the kind of positions, the place of the norms, and the rate of dropout.
        rng: draws learned positions.

    Source: Vaswani et al. 2017, sections 3.4, 3.5 and 5.4. The last norm: Xiong et al.
        2020, table 1; in pre-norm nothing else normalises the last layer's sum.
    """

    def __init__(
        self, embedding: Embedding, config: TransformerConfig, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.embedding = embedding
        if config.positions == "learned":
            self.positions = LearnedPositions(config.max_len, config.d_model, rng)
        else:
            self.positions = SinusoidalPositions(config.d_model)
        self.norm = LayerNorm(config.d_model) if config.norm == "pre" else None
        self.scale = math.sqrt(config.d_model)
        self.dropout = Dropout(config.dropout)

    def _embed(
        self,
        tokens: Int[np.ndarray, "batch len"],
        rng: np.random.Generator | None,
        *,
        start: int = 0,
    ) -> tuple[Float[np.ndarray, "batch len d_model"], EmbedCache]:
        """The vectors of tokens of which the first stands at `start`."""
        embedded, embedding_cache = self.embedding.forward(tokens)
        x, positions_cache = self.positions.forward(self.scale * embedded, start=start)
        x, gap = self.dropout.forward(x, rng)
        return x, EmbedCache(embedding_cache, positions_cache, gap)

    def _embed_backward(
        self, grad_x: Float[np.ndarray, "batch len d_model"], cache: EmbedCache
    ) -> None:
        """Add up the gradients of both tables; token ids have none."""
        grad = self.dropout.backward(grad_x, cache.gap)
        grad_embedded = self.positions.backward(grad, cache.positions)
        self.embedding.backward(self.scale * grad_embedded, cache.embedding)

    def _finish(
        self, x: Float[np.ndarray, "batch len d_model"]
    ) -> tuple[Float[np.ndarray, "batch len d_model"], LayerNormCache | None]:
        """The last norm, which post-norm does not need: its layers end in one."""
        return (x, None) if self.norm is None else self.norm.forward(x)

    def _finish_backward(
        self,
        grad_out: Float[np.ndarray, "batch len d_model"],
        cache: LayerNormCache | None,
    ) -> Float[np.ndarray, "batch len d_model"]:
        return grad_out if self.norm is None else self.norm.backward(grad_out, cache)


# --- the encoder ---


class TransformerEncoderCache(NamedTuple):
    """What TransformerEncoder.backward needs to know."""

    embed: EmbedCache
    layers: tuple[EncoderLayerCache, ...]
    norm: LayerNormCache | None


class TransformerEncoder(_Stack):
    """Encoder layers over embedded source tokens.

    Args:
        embedding: the table of source tokens.
        config: sizes, positions, the place of the norms, and the rate of dropout.
        rng: draws the weights.
    """

    def __init__(
        self, embedding: Embedding, config: TransformerConfig, rng: np.random.Generator
    ) -> None:
        super().__init__(embedding, config, rng)
        self.layers = [EncoderLayer(config, rng) for _ in range(config.n_layers)]

    def forward(
        self,
        src: Int[np.ndarray, "batch src_len"],
        src_mask: Bool[np.ndarray, "batch src_len"],
        *,
        rng: np.random.Generator | None = None,
    ) -> tuple[
        Float[np.ndarray, "batch src_len d_model"],
        Float[np.ndarray, "batch n_layers n_heads src_len src_len"],
        TransformerEncoderCache,
    ]:
        """The outputs, the self-attention of all layers, and the cache."""
        mask = _every_row(src_mask, src.shape[1])
        x, embed_cache = self._embed(src, rng)
        weights, caches = [], []
        for layer in self.layers:
            x, layer_weights, cache = layer.forward(x, mask, rng=rng)
            weights.append(layer_weights)
            caches.append(cache)
        x, norm_cache = self._finish(x)
        cache = TransformerEncoderCache(embed_cache, tuple(caches), norm_cache)
        return x, np.stack(weights, axis=1), cache

    def backward(
        self,
        grad_outputs: Float[np.ndarray, "batch src_len d_model"],
        cache: TransformerEncoderCache,
    ) -> None:
        """Add up the gradients of all parameters; token ids have none."""
        grad = self._finish_backward(grad_outputs, cache.norm)
        for layer, layer_cache in zip(
            reversed(self.layers), reversed(cache.layers), strict=True
        ):
            grad = layer.backward(grad, layer_cache)
        self._embed_backward(grad, cache.embed)


def _every_row(
    src_mask: Bool[np.ndarray, "batch src_len"], length: int
) -> Bool[np.ndarray, "batch len src_len"]:
    """The same row of the mask for each of `length` positions that look."""
    batch, src_len = src_mask.shape
    return np.broadcast_to(src_mask[:, None], (batch, length, src_len))


# --- the decoder ---


class TransformerDecoderCache(NamedTuple):
    """What TransformerDecoder.backward needs to know."""

    embed: EmbedCache
    layers: tuple[DecoderLayerCache, ...]
    norm: LayerNormCache | None
    output: LinearCache


class TransformerDecoder(_Stack):
    """Decoder layers over embedded target tokens, then a prediction.

    Args:
        embedding: the table of target tokens.
        config: sizes, and whether the output layer shares the table.
        rng: draws the weights.
    """

    def __init__(
        self, embedding: Embedding, config: TransformerConfig, rng: np.random.Generator
    ) -> None:
        super().__init__(embedding, config, rng)
        self.layers = [DecoderLayer(config, rng) for _ in range(config.n_layers)]
        self.output = Linear(config.d_model, config.vocab_size, rng)
        if config.tie != "none":
            self.output.share("weight", embedding)

    def forward(
        self,
        tgt_in: Int[np.ndarray, "batch tgt_len"],
        memory: Float[np.ndarray, "batch src_len d_model"],
        src_mask: Bool[np.ndarray, "batch src_len"],
        *,
        rng: np.random.Generator | None = None,
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len vocab_size"],
        Float[np.ndarray, "batch n_layers n_heads tgt_len src_len"],
        Float[np.ndarray, "batch n_layers n_heads tgt_len tgt_len"],
        TransformerDecoderCache,
    ]:
        """Logits, cross-attention and self-attention of all layers, and the cache."""
        batch, tgt_len = tgt_in.shape
        tgt_mask = np.broadcast_to(causal_mask(tgt_len), (batch, tgt_len, tgt_len))
        mask = _every_row(src_mask, tgt_len)
        x, embed_cache = self._embed(tgt_in, rng)
        weights, self_weights, caches = [], [], []
        for layer in self.layers:
            x, cross, within, cache = layer.forward(x, memory, tgt_mask, mask, rng=rng)
            weights.append(cross)
            self_weights.append(within)
            caches.append(cache)
        x, norm_cache = self._finish(x)
        logits, output_cache = self.output.forward(x)
        cache = TransformerDecoderCache(
            embed_cache, tuple(caches), norm_cache, output_cache
        )
        return logits, np.stack(weights, axis=1), np.stack(self_weights, axis=1), cache

    def backward(
        self,
        grad_logits: Float[np.ndarray, "batch tgt_len vocab_size"],
        cache: TransformerDecoderCache,
    ) -> Float[np.ndarray, "batch src_len d_model"]:
        """grad_memory, to which every layer adds; all other gradients are added up."""
        grad = self.output.backward(grad_logits, cache.output)
        grad = self._finish_backward(grad, cache.norm)
        grad_memory = 0.0
        for layer, layer_cache in zip(
            reversed(self.layers), reversed(cache.layers), strict=True
        ):
            grad, grad_layer_memory = layer.backward(grad, layer_cache)
            grad_memory = grad_memory + grad_layer_memory
        self._embed_backward(grad, cache.embed)
        return grad_memory

    def project(
        self, memory: Float[np.ndarray, "batch src_len d_model"]
    ) -> tuple[KeyValue, ...]:
        """The memory as keys and values of each layer's cross-attention."""
        return tuple(
            layer.cross_attention.project(memory, memory) for layer in self.layers
        )

    def step(
        self,
        token: Int[np.ndarray, " batch"],
        state: tuple[KeyValue, ...],
        memory: Memory,
    ) -> tuple[
        Float[np.ndarray, "batch vocab_size"],
        Float[np.ndarray, "batch n_layers n_heads src_len"],
        tuple[KeyValue, ...],
    ]:
        """Logits and attention after one more token, and the state that follows."""
        n_before = state[0][0].shape[2]
        x, _ = self._embed(token[:, None], None, start=n_before)  # (batch, 1, d_model)
        weights, following = [], []
        for layer, past, source in zip(
            self.layers, state, memory.projected, strict=True
        ):
            x, layer_weights, past = layer.step(x, past, source, memory.mask)
            weights.append(layer_weights[:, :, 0])
            following.append(past)
        x, _ = self._finish(x)
        logits, _ = self.output.forward(x[:, 0])
        return logits, np.stack(weights, axis=1), tuple(following)


# --- the whole ---


class TransformerCache(NamedTuple):
    """What Transformer.backward needs to know."""

    encoder: TransformerEncoderCache
    decoder: TransformerDecoderCache


class Transformer(Layer):
    """Encoder and decoder, from source tokens to the logits of target tokens.

    Args:
        config: sizes, positions, norms, and which of the three token tables are one.
        rng: draws all parameters, in float64; `load` may bring float32.
    """

    attention_kind = "scaled dot cross-attention"
    """Name of the attention that the maps show."""

    def __init__(self, config: TransformerConfig, rng: np.random.Generator) -> None:
        super().__init__()
        self.config = config
        embedding = Embedding(config.vocab_size, config.d_model, rng)
        self.encoder = TransformerEncoder(embedding, config, rng)
        if config.tie != "all":
            embedding = Embedding(config.vocab_size, config.d_model, rng)
        self.decoder = TransformerDecoder(embedding, config, rng)

    def encode(
        self,
        src: Int[np.ndarray, "batch src_len"],
        src_mask: Bool[np.ndarray, "batch src_len"],
    ) -> Memory:
        """Read the source once; the decoder may then ask as often as it likes.

        Raises:
            ValueError, TypeError: as `forward` does.
        """
        check_source_mask(src, src_mask)
        value, _, _ = self.encoder.forward(src, src_mask)
        return Memory(value, self.decoder.project(value), src_mask)

    def forward(
        self,
        src: Int[np.ndarray, "batch src_len"],
        src_mask: Bool[np.ndarray, "batch src_len"],
        tgt_in: Int[np.ndarray, "batch tgt_len"],
        *,
        rng: np.random.Generator | None = None,
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len vocab_size"],
        Float[np.ndarray, "batch n_layers n_heads tgt_len src_len"],
        TransformerCache,
    ]:
        """Teacher forcing: logits_t and attention_t given the true tokens before t.

        Args:
            src: source tokens.
            src_mask: True where `src` is a token.
            tgt_in: what the decoder reads: BOS, then the target.
            rng: draws what dropout silences, in training; None silences nothing.

        Returns:
            logits, cross-attention weights, and the cache for `backward`.

        Raises:
            ValueError: if a rank or a shared axis disagrees, or an id or a position
                has no vector.
            TypeError: if the mask is not boolean, or the ids are no integers.
        """
        check_source_mask(src, src_mask)
        check_shape("tgt_in", tgt_in, batch=len(src), tgt_len=None)
        memory, _, encoder_cache = self.encoder.forward(src, src_mask, rng=rng)
        logits, weights, _, decoder_cache = self.decoder.forward(
            tgt_in, memory, src_mask, rng=rng
        )
        return logits, weights, TransformerCache(encoder_cache, decoder_cache)

    def backward(
        self,
        grad_logits: Float[np.ndarray, "batch tgt_len vocab_size"],
        cache: TransformerCache,
    ) -> None:
        """Add to the gradient of every parameter.

        Args:
            grad_logits: gradient of the loss with respect to the logits.
            cache: from `forward`.
        """
        grad_memory = self.decoder.backward(grad_logits, cache.decoder)
        self.encoder.backward(grad_memory, cache.encoder)

    def initial_state(self, memory: Memory) -> tuple[KeyValue, ...]:
        """The decoder's state before the first target token: no keys, no values."""
        return tuple(
            (key[:, :, :0], value[:, :, :0]) for key, value in memory.projected
        )

    def decode_step(
        self,
        token: Int[np.ndarray, " batch"],
        state: tuple[KeyValue, ...],
        memory: Memory,
    ) -> tuple[
        Float[np.ndarray, "batch vocab_size"],
        Float[np.ndarray, "batch n_layers n_heads src_len"],
        tuple[KeyValue, ...],
    ]:
        """One target token further: logits, attention, and the next state."""
        return self.decoder.step(token, state, memory)

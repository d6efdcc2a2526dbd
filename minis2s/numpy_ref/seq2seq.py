"""The recurrent translator as a whole: one encoder, and the decoder it is given.

`forward` reads a whole sentence pair (teacher forcing) and `backward` carries the
gradient of the logits back to every parameter, part by part in the opposite order.
`encode`, `initial_state` and `decode_step` are for translating, and need no way back.

Dropout acts if a generator is passed, and rests otherwise.

The parts: rnn_encoder.py, rnn_decoder.py and attentive_decoder.py, made of the layers
in rnn.py, gru.py, lstm.py, bidirectional.py, rnn_stack.py, attention.py and
multi_head.py.

Sources: see the parts.

Twin: minis2s/torch_nn/seq2seq.py.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from minis2s.config import RNNConfig
from minis2s.numpy_ref.attentive_decoder import (
    AttentiveDecoder,
    FedDecoderCache,
    FedState,
    InputFeedingDecoder,
)
from minis2s.numpy_ref.checks import check_padding, check_shape, check_source_mask
from minis2s.numpy_ref.embedding import Embedding
from minis2s.numpy_ref.layer import Layer
from minis2s.numpy_ref.rnn_decoder import Decoder, DecoderCache, FixedContextDecoder
from minis2s.numpy_ref.rnn_encoder import Encoder, EncoderCache, Memory
from minis2s.numpy_ref.rnn_stack import CellState

DecoderState = tuple[CellState, ...] | FedState
"""What the decoder remembers between two steps."""


def make_decoder(
    embedding: Embedding, config: RNNConfig, rng: np.random.Generator
) -> Decoder:
    """The decoder that a configuration describes.

    Args:
        embedding: the table of target tokens.
        config: `attention` and `input_feeding` choose; the rest is handed on.
        rng: draws the weights.
    """
    if config.input_feeding:
        return InputFeedingDecoder(embedding, config, rng)
    blind = {"none": Decoder, "fixed": FixedContextDecoder}
    return blind.get(config.attention, AttentiveDecoder)(embedding, config, rng)


class Seq2SeqCache(NamedTuple):
    """What Seq2Seq.backward needs to know."""

    encoder: EncoderCache
    decoder: DecoderCache | FedDecoderCache


class Seq2Seq(Layer):
    """Encoder and decoder, from source tokens to the logits of target tokens.

    Args:
        config: cell, sizes, attention, and which of the three token tables are one.
        rng: draws all parameters, in float64; `load` may bring float32.
    """

    def __init__(self, config: RNNConfig, rng: np.random.Generator) -> None:
        super().__init__()
        self.config = config
        embedding = Embedding(config.vocab_size, config.d_embed, rng)
        self.encoder = Encoder(embedding, config, rng)
        if config.tie != "all":
            embedding = Embedding(config.vocab_size, config.d_embed, rng)
        self.decoder = make_decoder(embedding, config, rng)

    @property
    def attention_kind(self) -> str:
        """Name of the attention that the maps show."""
        if self.config.attention in ("none", "fixed"):
            return "no attention"
        return f"{self.config.attention.replace('_', '-')} cross-attention"

    def encode(
        self,
        src: Int[np.ndarray, "batch src_len"],
        src_mask: Bool[np.ndarray, "batch src_len"],
    ) -> Memory:
        """Read the source once; the decoder may then ask as often as it likes.

        Raises:
            ValueError, TypeError: as `forward` does.
        """
        _check_source(src, src_mask)
        outputs, final, _ = self.encoder.forward(src, src_mask)
        key, value = self.decoder.project(outputs)
        return Memory(value, key, src_mask, final)

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
        Seq2SeqCache,
    ]:
        """Teacher forcing: logits_t and attention_t given the true tokens before t.

        Args:
            src: source tokens.
            src_mask: True where `src` is a token.
            tgt_in: what the decoder reads: BOS, then the target.
            rng: draws what dropout silences, in training; None silences nothing.

        Returns:
            logits, attention weights (n_layers is 1, and so is n_heads but for
            multi_head; a decoder that does not look has no layer that does, and
            n_layers is 0), and the cache for `backward`.

        Raises:
            ValueError: if a rank or a shared axis disagrees, an id has no vector, there
                is no source position, or a token stands behind padding.
            TypeError: if the mask is not boolean, or the ids are no integers.
        """
        _check_source(src, src_mask)
        check_shape("tgt_in", tgt_in, batch=len(src), tgt_len=None)
        outputs, final, encoder_cache = self.encoder.forward(src, src_mask, rng=rng)
        # Nothing is projected ahead: attention.forward does it, and so can go back.
        memory = Memory(outputs, outputs, src_mask, final)
        logits, weights, decoder_cache = self.decoder.forward(tgt_in, memory, rng=rng)
        return logits, weights, Seq2SeqCache(encoder_cache, decoder_cache)

    def backward(
        self,
        grad_logits: Float[np.ndarray, "batch tgt_len vocab_size"],
        cache: Seq2SeqCache,
    ) -> None:
        """Add to the gradient of every parameter.

        Args:
            grad_logits: gradient of the loss with respect to the logits.
            cache: from `forward`.
        """
        grad_value, grad_final = self.decoder.backward(grad_logits, cache.decoder)
        self.encoder.backward(grad_value, grad_final, cache.encoder)

    def initial_state(self, memory: Memory) -> DecoderState:
        """The decoder's state before the first target token."""
        return self.decoder.initial_state(memory)

    def decode_step(
        self, token: Int[np.ndarray, " batch"], state: DecoderState, memory: Memory
    ) -> tuple[
        Float[np.ndarray, "batch vocab_size"],
        Float[np.ndarray, "batch n_layers n_heads src_len"],
        DecoderState,
    ]:
        """One target token further: logits, attention, and the next state."""
        return self.decoder.step(token, state, memory)


def _check_source(src: np.ndarray, src_mask: np.ndarray) -> None:
    """Refuse a source that cannot be read in both directions."""
    check_source_mask(src, src_mask)
    check_padding("src_mask", src_mask)
    if not src.shape[1]:
        raise ValueError(
            f"src: must have at least 1 position (src_len), got shape {src.shape}"
        )

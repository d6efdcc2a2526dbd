"""The recurrent translator: a bidirectional encoder and an attentive decoder.

`forward` reads a whole sentence pair (teacher forcing) and `backward` carries the
gradient of the logits back to every parameter, part by part in the opposite order.
`encode`, `initial_state` and `decode_step` are for translating, and need no way back.

Dropout acts if a generator is passed, and rests otherwise.

Left out: input feeding, and decoders without attention.

Sources: Bahdanau, Cho and Bengio 2014, arXiv:1409.0473 (the bidirectional encoder);
    Luong, Pham and Manning 2015, arXiv:1508.04025 (attention after the decoder's
    recurrence, so that all steps of a known target are computed in one call).

Twin: minis2s/torch_nn/seq2seq.py.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from minis2s.config import RNNConfig
from minis2s.numpy_ref.attention import make_attention
from minis2s.numpy_ref.embedding import Embedding, EmbeddingCache
from minis2s.numpy_ref.functional import (
    DropoutCache,
    LinearCache,
    check_shape,
    tanh_backward,
    tanh_forward,
)
from minis2s.numpy_ref.layer import Dropout, Layer, Linear
from minis2s.numpy_ref.lstm import LSTM, BiLSTM, BiLSTMCache, LSTMCache, State
from minis2s.numpy_ref.masks import mask_lengths


class Memory(NamedTuple):
    """What the encoder hands to the decoder; every row belongs to one sentence."""

    value: Float[np.ndarray, "batch src_len d_memory"]
    """The encoder's output."""
    key: Float[np.ndarray, "batch src_len d_key"]
    """The same, projected once for the attention's score."""
    mask: Bool[np.ndarray, "batch src_len"]
    """True where there is a source token."""
    final: tuple[Float[np.ndarray, "batch d_memory"], ...]
    """[h_fwd at the last token; h_bwd at the first], for each encoder layer."""


# --- the encoder ---


class EncoderCache(NamedTuple):
    """What Encoder.backward needs to know."""

    embedding: EmbeddingCache
    layers: tuple[BiLSTMCache, ...]
    gaps: tuple[DropoutCache | None, ...]
    """what was dropped before each layer, and after the last"""
    last: Int[np.ndarray, " batch"]
    """where each sentence has its last token"""


class Encoder(Layer):
    """Bidirectional LSTM layers over embedded source tokens.

    Args:
        embedding: the table of source tokens.
        d_hidden: width of one direction.
        n_layers: how many layers.
        dropout: rate before each layer, and after the last.
        rng: draws the weights.
    """

    def __init__(
        self,
        embedding: Embedding,
        d_hidden: int,
        n_layers: int,
        dropout: float,
        rng: np.random.Generator,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        d_embed = embedding.params["weight"].shape[1]
        widths = [d_embed] + [2 * d_hidden] * (n_layers - 1)
        self.layers = [BiLSTM(width, d_hidden, rng) for width in widths]
        self.dropout = Dropout(dropout)

    def forward(
        self,
        src: Int[np.ndarray, "batch src_len"],
        src_mask: Bool[np.ndarray, "batch src_len"],
        *,
        rng: np.random.Generator | None = None,
    ) -> tuple[
        Float[np.ndarray, "batch src_len d_memory"],
        tuple[Float[np.ndarray, "batch d_memory"], ...],
        EncoderCache,
    ]:
        """The last layer's outputs, and where each layer's two readings ended."""
        last = mask_lengths(src_mask) - 1
        outputs, embedding_cache = self.embedding.forward(src)
        final, caches, gaps = [], [], []
        for layer in self.layers:
            outputs, gap = self.dropout.forward(outputs, rng)
            outputs, cache = layer.forward(outputs, src_mask)
            h_fwd, h_bwd = np.split(outputs, 2, axis=-1)
            end = h_fwd[np.arange(len(src)), last], h_bwd[:, 0]
            final.append(np.concatenate(end, axis=-1))  # (batch, d_memory)
            caches.append(cache)
            gaps.append(gap)
        outputs, gap = self.dropout.forward(outputs, rng)
        cache = EncoderCache(embedding_cache, tuple(caches), (*gaps, gap), last)
        return outputs, tuple(final), cache

    def backward(
        self,
        grad_outputs: Float[np.ndarray, "batch src_len d_memory"],
        grad_final: tuple[Float[np.ndarray, "batch d_memory"], ...],
        cache: EncoderCache,
    ) -> None:
        """Add up the gradients of all parameters; token ids have none.

        A layer's outputs are read from above, and at two places as its `final`.
        """
        rows = np.arange(len(grad_outputs))
        grad = self.dropout.backward(grad_outputs, cache.gaps[-1])
        for k in reversed(range(len(self.layers))):
            grad = grad.copy()
            grad_fwd, grad_bwd = np.split(grad, 2, axis=-1)  # views: adding writes grad
            end_fwd, end_bwd = np.split(grad_final[k], 2, axis=-1)
            grad_fwd[rows, cache.last] += end_fwd
            grad_bwd[:, 0] += end_bwd
            grad = self.layers[k].backward(grad, cache.layers[k])
            grad = self.dropout.backward(grad, cache.gaps[k])
        self.embedding.backward(grad, cache.embedding)


# --- the decoder ---


class InitialStateCache(NamedTuple):
    """What InitialState.backward needs to know."""

    hidden: LinearCache
    cell: LinearCache
    h: Float[np.ndarray, "batch d_hidden"]


class InitialState(Layer):
    """The state that one decoder layer starts from.

    h_0 = tanh(W_h [h_fwd; h_bwd] + b_h),  c_0 = W_c [h_fwd; h_bwd] + b_c

    Args:
        d_memory: width of [h_fwd; h_bwd].
        d_hidden: width of the state.
        rng: draws weights and biases.
    """

    def __init__(self, d_memory: int, d_hidden: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.hidden = Linear(d_memory, d_hidden, rng)
        self.cell = Linear(d_memory, d_hidden, rng)

    def forward(
        self, final: Float[np.ndarray, "batch d_memory"]
    ) -> tuple[State, InitialStateCache]:
        """(h, c) before the first target token, and the cache for `backward`."""
        h, hidden_cache = self.hidden.forward(final)
        h, _ = tanh_forward(h)
        c, cell_cache = self.cell.forward(final)
        return (h, c), InitialStateCache(hidden_cache, cell_cache, h)

    def backward(
        self, grad_state: State, cache: InitialStateCache
    ) -> Float[np.ndarray, "batch d_memory"]:
        """grad_final; the gradients of weights and biases are added up."""
        grad_h, grad_c = grad_state
        grad_final = self.hidden.backward(tanh_backward(grad_h, cache.h), cache.hidden)
        return grad_final + self.cell.backward(grad_c, cache.cell)


class PredictCache(NamedTuple):
    """What the way back from the logits to the LSTM needs to know."""

    combine: LinearCache
    combined: Float[np.ndarray, "batch tgt_len d_embed"]
    gap: DropoutCache | None
    output: LinearCache


class DecoderCache(NamedTuple):
    """What Decoder.backward needs to know."""

    embedding: EmbeddingCache
    initial: tuple[tuple[DropoutCache | None, InitialStateCache], ...]
    layers: tuple[tuple[DropoutCache | None, LSTMCache], ...]
    attention: tuple
    predict: PredictCache


class Decoder(Layer):
    """LSTM layers over the target, attention over the source, then a prediction.

    h_t = LSTM(embedding(y_{t-1}), h_{t-1})
    context_t, weights_t = attention(query=h_t, key=memory, value=memory)
    logits_t = W_o tanh(W_c [context_t; h_t] + b_c) + b_o

    Args:
        embedding: the table of target tokens.
        config: sizes, the attention, and whether the output layer shares the table.
        rng: draws the weights.
    """

    def __init__(
        self, embedding: Embedding, config: RNNConfig, rng: np.random.Generator
    ) -> None:
        super().__init__()
        d_memory, d_hidden = 2 * config.d_hidden, config.d_decoder
        self.embedding = embedding
        self.initial = [
            InitialState(d_memory, d_hidden, rng) for _ in range(config.n_layers)
        ]
        widths = [config.d_embed] + [d_hidden] * (config.n_layers - 1)
        self.layers = [LSTM(width, d_hidden, rng) for width in widths]
        self.attention = make_attention(
            config.attention, d_hidden, d_memory, d_attention=d_hidden, rng=rng
        )
        self.combine = Linear(d_memory + d_hidden, config.d_embed, rng)
        self.output = Linear(config.d_embed, config.vocab_size, rng)
        if config.tie != "none":
            self.output.share("weight", embedding)
        self.dropout = Dropout(config.dropout)

    def forward(
        self,
        tgt_in: Int[np.ndarray, "batch tgt_len"],
        memory: Memory,
        *,
        rng: np.random.Generator | None = None,
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len vocab_size"],
        Float[np.ndarray, "batch tgt_len src_len"],
        DecoderCache,
    ]:
        """Logits and attention for every position of a known target, and the cache."""
        states, initial_caches = self._start(memory.final, rng)
        outputs, embedding_cache = self.embedding.forward(tgt_in)
        caches = []
        for layer, state in zip(self.layers, states, strict=True):
            outputs, gap = self.dropout.forward(outputs, rng)
            outputs, _, cache = layer.forward(outputs, state)
            caches.append((gap, cache))
        tgt_len = tgt_in.shape[1]
        mask = memory.mask[:, None].repeat(tgt_len, axis=1)  # (batch, tgt_len, src_len)
        context, weights, attention_cache = self.attention.forward(
            outputs, memory.value, memory.value, mask
        )
        logits, predict_cache = self._predict(context, outputs, rng)
        cache = DecoderCache(
            embedding_cache,
            initial_caches,
            tuple(caches),
            attention_cache,
            predict_cache,
        )
        return logits, weights, cache

    def backward(
        self,
        grad_logits: Float[np.ndarray, "batch tgt_len vocab_size"],
        cache: DecoderCache,
    ) -> tuple[
        Float[np.ndarray, "batch src_len d_memory"],
        tuple[Float[np.ndarray, "batch d_memory"], ...],
    ]:
        """Gradients of memory.value and memory.final; the others are added up.

        The last layer's outputs are read twice: they ask as the query, and they go
        into `combine`. The memory, too: it is key and value. Their gradients add.
        """
        grad_context, grad = self._predict_backward(grad_logits, cache.predict)
        grad_query, grad_key, grad_value = self.attention.backward(
            grad_context, cache.attention
        )
        grad, grad_final = grad + grad_query, []
        for k in reversed(range(len(self.layers))):
            gap, layer_cache = cache.layers[k]
            grad, grad_state = self.layers[k].backward(grad, layer_cache)
            grad = self.dropout.backward(grad, gap)
            gap, initial_cache = cache.initial[k]
            grad_end = self.initial[k].backward(grad_state, initial_cache)
            grad_final.insert(0, self.dropout.backward(grad_end, gap))
        self.embedding.backward(grad, cache.embedding)
        return grad_key + grad_value, tuple(grad_final)

    def initial_state(self, memory: Memory) -> tuple[State, ...]:
        """(h, c) of each layer before the first target token."""
        return self._start(memory.final, None)[0]

    def _start(
        self,
        final: tuple[Float[np.ndarray, "batch d_memory"], ...],
        rng: np.random.Generator | None,
    ) -> tuple[tuple[State, ...], tuple]:
        """Each layer's first state, and the caches."""
        states, caches = [], []
        for layer, end in zip(self.initial, final, strict=True):
            end, gap = self.dropout.forward(end, rng)
            state, cache = layer.forward(end)
            states.append(state)
            caches.append((gap, cache))
        return tuple(states), tuple(caches)

    def step(
        self, token: Int[np.ndarray, " batch"], state: tuple[State, ...], memory: Memory
    ) -> tuple[
        Float[np.ndarray, "batch vocab_size"],
        Float[np.ndarray, "batch src_len"],
        tuple[State, ...],
    ]:
        """Logits and attention after one more token, and the state that follows."""
        output, _ = self.embedding.forward(token)
        following = []
        for layer, before in zip(self.layers, state, strict=True):
            after, _ = layer.step(output, before)
            output = after[0]
            following.append(after)
        query = output[:, None]  # (batch, 1, d_decoder)
        context, weights = self.attention.attend(
            query, memory.key, memory.value, memory.mask[:, None]
        )
        logits, _ = self._predict(context, query, None)
        return logits[:, 0], weights[:, 0], tuple(following)

    def _predict(
        self,
        context: Float[np.ndarray, "batch tgt_len d_memory"],
        outputs: Float[np.ndarray, "batch tgt_len d_decoder"],
        rng: np.random.Generator | None,
    ) -> tuple[Float[np.ndarray, "batch tgt_len vocab_size"], PredictCache]:
        """Name the next token, from what was seen and where the target stands."""
        both = np.concatenate([context, outputs], axis=-1)
        combined, combine_cache = self.combine.forward(both)
        combined, _ = tanh_forward(combined)
        kept, gap = self.dropout.forward(combined, rng)
        logits, output_cache = self.output.forward(kept)
        return logits, PredictCache(combine_cache, combined, gap, output_cache)

    def _predict_backward(
        self,
        grad_logits: Float[np.ndarray, "batch tgt_len vocab_size"],
        cache: PredictCache,
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_memory"],
        Float[np.ndarray, "batch tgt_len d_decoder"],
    ]:
        """grad_context and grad_outputs."""
        grad = self.output.backward(grad_logits, cache.output)
        grad = self.dropout.backward(grad, cache.gap)
        grad = self.combine.backward(tanh_backward(grad, cache.combined), cache.combine)
        d_memory = grad.shape[-1] - self.layers[-1].d_hidden
        return grad[..., :d_memory], grad[..., d_memory:]


# --- the whole ---


class Seq2SeqCache(NamedTuple):
    """What Seq2Seq.backward needs to know."""

    encoder: EncoderCache
    decoder: DecoderCache


class Seq2Seq(Layer):
    """Encoder and decoder, from source tokens to the logits of target tokens.

    Args:
        config: sizes, the attention, and which of the three token tables are one.
        rng: draws all parameters, in float64; `load` may bring float32.
    """

    def __init__(self, config: RNNConfig, rng: np.random.Generator) -> None:
        super().__init__()
        self.config = config
        embedding = Embedding(config.vocab_size, config.d_embed, rng)
        self.encoder = Encoder(
            embedding, config.d_hidden, config.n_layers, config.dropout, rng
        )
        if config.tie != "all":
            embedding = Embedding(config.vocab_size, config.d_embed, rng)
        self.decoder = Decoder(embedding, config, rng)

    @property
    def attention_kind(self) -> str:
        """Name of the attention that the maps show."""
        return f"{self.config.attention} cross-attention"

    def encode(
        self,
        src: Int[np.ndarray, "batch src_len"],
        src_mask: Bool[np.ndarray, "batch src_len"],
    ) -> Memory:
        """Read the source once; the decoder may then ask as often as it likes."""
        value, final, _ = self.encoder.forward(src, src_mask)
        return Memory(value, self.decoder.attention.project_key(value), src_mask, final)

    def forward(
        self,
        src: Int[np.ndarray, "batch src_len"],
        src_mask: Bool[np.ndarray, "batch src_len"],
        tgt_in: Int[np.ndarray, "batch tgt_len"],
        *,
        rng: np.random.Generator | None = None,
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len vocab_size"],
        Float[np.ndarray, "batch tgt_len src_len"],
        Seq2SeqCache,
    ]:
        """Teacher forcing: logits_t and attention_t given the true tokens before t.

        Args:
            src: source tokens.
            src_mask: True where `src` is a token.
            tgt_in: what the decoder reads: BOS, then the target.
            rng: draws what dropout silences, in training; None silences nothing.

        Returns:
            logits, attention weights, and the cache for `backward`.

        Raises:
            ValueError: if a rank or a shared axis disagrees, or an id has no vector.
        """
        check_shape("src", src, batch=None, src_len=None)
        check_shape("src_mask", src_mask, batch=len(src), src_len=src.shape[1])
        check_shape("tgt_in", tgt_in, batch=len(src), tgt_len=None)
        value, final, encoder_cache = self.encoder.forward(src, src_mask, rng=rng)
        # The attention projects the keys on its way, and so knows its way back.
        memory = Memory(value, value, src_mask, final)
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

    def initial_state(self, memory: Memory) -> tuple[State, ...]:
        """The decoder's state before the first target token."""
        return self.decoder.initial_state(memory)

    def decode_step(
        self, token: Int[np.ndarray, " batch"], state: tuple[State, ...], memory: Memory
    ) -> tuple[
        Float[np.ndarray, "batch vocab_size"],
        Float[np.ndarray, "batch n_layers n_heads src_len"],
        tuple[State, ...],
    ]:
        """One target token further: logits, attention, and the next state."""
        logits, weights, state = self.decoder.step(token, state, memory)
        return logits, weights[:, None, None, :], state

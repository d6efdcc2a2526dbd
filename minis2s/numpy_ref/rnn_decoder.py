"""Recurrent decoders that do not look at the source.

One knows of it by its first state alone, the other is given the encoder's end at every
step. Those that look derive from them, in minis2s/numpy_ref/attentive_decoder.py:

| class               | attention | the first layer reads    | context_t               |
|---------------------|-----------|--------------------------|-------------------------|
| Decoder             | none      | y_{t-1}                  | nothing                 |
| FixedContextDecoder | fixed     | y_{t-1}, the end         | the end, at every step  |
| AttentiveDecoder    | any other | y_{t-1}                  | attention, asked by h_t |
| InputFeedingDecoder | any other | y_{t-1}, combined_{t-1}  | attention, asked by h_t |

"The end" is [h_fwd; h_bwd] where the encoder's last layer stopped reading.

`forward` and `backward` are for training; `step` is for translating and needs no way
back. Dropout acts if a generator is passed, and rests otherwise.

Sources: Sutskever, Vinyals and Le 2014, arXiv:1409.3215 (none); Cho et al. 2014,
    arXiv:1406.1078 (fixed).

Twin: minis2s/torch_nn/rnn_decoder.py.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from minis2s.config import RNNConfig
from minis2s.numpy_ref.attention import ATTENTION_NAMES, make_attention
from minis2s.numpy_ref.embedding import Embedding, EmbeddingCache
from minis2s.numpy_ref.functional import (
    DropoutCache,
    LinearCache,
    tanh_backward,
    tanh_forward,
)
from minis2s.numpy_ref.layer import Dropout, Layer, Linear
from minis2s.numpy_ref.rnn_encoder import CELLS, Memory
from minis2s.numpy_ref.rnn_stack import (
    CellState,
    InitialState,
    InitialStateCache,
    StackCache,
    stack_backward,
    stack_forward,
    stack_step_forward,
    start_backward,
    start_forward,
)


class DecoderCache(NamedTuple):
    """What Decoder.backward needs to know: a part for each part of `forward`."""

    embedding: tuple[EmbeddingCache, DropoutCache | None]
    initial: tuple[InitialStateCache, ...]
    layers: StackCache
    look: tuple | np.ndarray
    combine: tuple[LinearCache, np.ndarray]
    output: tuple[DropoutCache | None, LinearCache]


class Decoder(Layer):
    """Recurrent layers over the target, which know the source by their first state.

    h_t = cell(embedding(y_{t-1}), h_{t-1})
    combined_t = tanh(W_c [context_t; h_t] + b_c), where context_t is empty here
    logits_t = W_o combined_t + b_o

    The paper's decoder takes over the encoder's last state. Ours starts from a learned
    map of it, InitialState, since the encoder has read from both sides.

    Args:
        embedding: the table of target tokens.
        config: cell, sizes, attention, and whether the output layer shares the table.
        rng: draws the weights.

    Source: Sutskever et al. 2014, section 2.
    """

    def __init__(
        self, embedding: Embedding, config: RNNConfig, rng: np.random.Generator
    ) -> None:
        super().__init__()
        cell, d_hidden = CELLS[config.cell], config.d_decoder
        d_memory = 2 * config.d_hidden
        d_read, d_context = self._widths(config)
        widths = [d_read] + [d_hidden] * (config.n_layers - 1)
        self.embedding = embedding
        self.initial = [InitialState(cell, d_memory, d_hidden, rng) for _ in widths]
        self.layers = [cell(width, d_hidden, rng) for width in widths]
        if config.attention in ATTENTION_NAMES:
            self.attention = make_attention(
                config.attention,
                d_hidden,
                d_memory,
                d_attention=d_hidden,
                n_heads=config.n_heads,
                rng=rng,
            )
        self.combine = Linear(d_context + d_hidden, config.d_embed, rng)
        self.output = Linear(config.d_embed, config.vocab_size, rng)
        if config.tie != "none":
            self.output.share("weight", embedding)
        self.dropout = Dropout(config.dropout)

    # A known target, there and back.

    def forward(
        self,
        tgt_in: Int[np.ndarray, "batch tgt_len"],
        memory: Memory,
        *,
        rng: np.random.Generator | None = None,
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len vocab_size"],
        Float[np.ndarray, "batch n_layers n_heads tgt_len src_len"],
        DecoderCache,
    ]:
        """Logits and attention for every position of a known target, and the cache."""
        states, initial_cache = start_forward(self.initial, memory.final)
        embedded, embedding_cache = self._embed(tgt_in, rng)
        outputs, layers_cache = stack_forward(
            self.layers, self.dropout, self._read(embedded, memory), states, rng
        )
        context, weights, look_cache = self._look(outputs, memory)
        combined, combine_cache = self._combine(context, outputs)
        logits, output_cache = self._to_logits(combined, rng)
        cache = DecoderCache(
            embedding_cache,
            initial_cache,
            layers_cache,
            look_cache,
            combine_cache,
            output_cache,
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
        """Gradients of memory.value and memory.final; the others are added up."""
        grad_value, grad_final, _, _ = self._way_back(grad_logits, cache)
        return grad_value, grad_final

    def _way_back(
        self,
        grad_logits: Float[np.ndarray, "batch tgt_len vocab_size"],
        cache: DecoderCache,
    ) -> tuple[
        Float[np.ndarray, "batch src_len d_memory"],
        tuple[Float[np.ndarray, "batch d_memory"], ...],
        Float[np.ndarray, "batch tgt_len d_read"],
        Float[np.ndarray, "batch tgt_len d_context"],
    ]:
        """grad_value, grad_final, grad_read and grad_context."""
        grad_combined = self._to_logits_backward(grad_logits, cache.output)
        grad_context, grad = self._combine_backward(grad_combined, cache.combine)
        grad, grad_value = self._look_backward(grad_context, grad, cache.look)
        grad_read, grad_states = stack_backward(
            self.layers, self.dropout, grad, cache.layers
        )
        self._embed_backward(grad_read, cache.embedding)
        grad_final = start_backward(self.initial, grad_states, cache.initial)
        return grad_value, grad_final, grad_read, grad_context

    # One token further.

    def initial_state(self, memory: Memory) -> tuple[CellState, ...]:
        """Each layer's state before the first target token."""
        return start_forward(self.initial, memory.final)[0]

    def step(
        self,
        token: Int[np.ndarray, " batch"],
        state: tuple[CellState, ...],
        memory: Memory,
    ) -> tuple[
        Float[np.ndarray, "batch vocab_size"],
        Float[np.ndarray, "batch n_layers n_heads src_len"],
        tuple[CellState, ...],
    ]:
        """Logits and attention after one more token, and the state that follows."""
        embedded, _ = self.embedding.forward(token)
        after, _ = stack_step_forward(
            self.layers, self.dropout, self._read(embedded, memory), state, None
        )
        logits, weights, _ = self._predict(after, memory)
        return logits, weights, after

    def _predict(
        self, states: tuple[CellState, ...], memory: Memory
    ) -> tuple[
        Float[np.ndarray, "batch vocab_size"],
        Float[np.ndarray, "batch n_layers n_heads src_len"],
        Float[np.ndarray, "batch d_embed"],
    ]:
        """From the layers' states to logits, attention and combined."""
        query = states[-1][0][:, None]  # (batch, 1, d_hidden)
        context, weights = self._glance(query, memory)
        combined, _ = self._combine(context, query)
        logits, _ = self._to_logits(combined, None)
        return logits[:, 0], weights[:, :, :, 0], combined[:, 0]

    # The parts, each with its way back.

    def _embed(
        self, tgt_in: Int[np.ndarray, "batch tgt_len"], rng: np.random.Generator | None
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_embed"],
        tuple[EmbeddingCache, DropoutCache | None],
    ]:
        """The target's vectors, after dropout; it acts on nothing else that is read."""
        embedded, cache = self.embedding.forward(tgt_in)
        embedded, gap = self.dropout.forward(embedded, rng)
        return embedded, (cache, gap)

    def _embed_backward(
        self,
        grad_read: Float[np.ndarray, "batch tgt_len d_read"],
        caches: tuple[EmbeddingCache, DropoutCache | None],
    ) -> None:
        """The table's gradient: the embedding is the first part of what is read."""
        cache, gap = caches
        d_embed = self.embedding.params["weight"].shape[1]
        grad = self.dropout.backward(grad_read[..., :d_embed], gap)
        self.embedding.backward(grad, cache)

    def _combine(
        self,
        context: Float[np.ndarray, "batch tgt_len d_context"],
        outputs: Float[np.ndarray, "batch tgt_len d_hidden"],
    ) -> tuple[Float[np.ndarray, "batch tgt_len d_embed"], tuple]:
        """One vector from what was seen of the source and the state of the target."""
        both = np.concatenate([context, outputs], axis=-1)
        combined, cache = self.combine.forward(both)
        combined, _ = tanh_forward(combined)
        return combined, (cache, combined)

    def _combine_backward(
        self, grad_combined: Float[np.ndarray, "batch tgt_len d_embed"], caches: tuple
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_context"],
        Float[np.ndarray, "batch tgt_len d_hidden"],
    ]:
        """grad_context and grad_outputs."""
        cache, combined = caches
        grad = self.combine.backward(tanh_backward(grad_combined, combined), cache)
        d_context = grad.shape[-1] - self.layers[-1].d_hidden
        return grad[..., :d_context], grad[..., d_context:]

    def _to_logits(
        self,
        combined: Float[np.ndarray, "batch tgt_len d_embed"],
        rng: np.random.Generator | None,
    ) -> tuple[Float[np.ndarray, "batch tgt_len vocab_size"], tuple]:
        """The next token's logits."""
        kept, gap = self.dropout.forward(combined, rng)
        logits, cache = self.output.forward(kept)
        return logits, (gap, cache)

    def _to_logits_backward(
        self, grad_logits: Float[np.ndarray, "batch tgt_len vocab_size"], caches: tuple
    ) -> Float[np.ndarray, "batch tgt_len d_embed"]:
        """grad_combined."""
        gap, cache = caches
        return self.dropout.backward(self.output.backward(grad_logits, cache), gap)

    # What the variants change.

    @staticmethod
    def _widths(config: RNNConfig) -> tuple[int, int]:
        """Width of what the first layer reads, and of the context."""
        return config.d_embed, 0

    def project(
        self, outputs: Float[np.ndarray, "batch src_len d_memory"]
    ) -> tuple[
        Float[np.ndarray, "batch *n_heads src_len d_key"],
        Float[np.ndarray, "batch *n_heads src_len d_value"],
    ]:
        """Memory.key and Memory.value: what of a look is the same at every step."""
        return outputs, outputs

    def _read(
        self, embedded: Float[np.ndarray, "*rows d_embed"], memory: Memory
    ) -> Float[np.ndarray, "*rows d_read"]:
        """What the first layer is given at each step."""
        return embedded

    def _look(
        self, outputs: Float[np.ndarray, "batch tgt_len d_hidden"], memory: Memory
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_context"],
        Float[np.ndarray, "batch n_layers n_heads tgt_len src_len"],
        tuple | np.ndarray,
    ]:
        """What each state sees of the source, how it looked, and the cache."""
        batch, tgt_len, _ = outputs.shape
        shape = batch, 0, 1, tgt_len, memory.mask.shape[1]  # no layer that looks
        return outputs[..., :0], np.zeros(shape, dtype=outputs.dtype), memory.value

    def _look_backward(
        self,
        grad_context: Float[np.ndarray, "batch tgt_len d_context"],
        grad_outputs: Float[np.ndarray, "batch tgt_len d_hidden"],
        cache: tuple | np.ndarray,
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_hidden"],
        Float[np.ndarray, "batch src_len d_memory"],
    ]:
        """grad_outputs with what the look adds to it, and grad_value."""
        return grad_outputs, np.zeros_like(cache)

    def _glance(
        self, query: Float[np.ndarray, "batch 1 d_hidden"], memory: Memory
    ) -> tuple[
        Float[np.ndarray, "batch 1 d_context"],
        Float[np.ndarray, "batch n_layers n_heads 1 src_len"],
    ]:
        """A look from one state, with the keys and values that `project` has made."""
        context, weights, _ = self._look(query, memory)
        return context, weights


class FixedContextDecoder(Decoder):
    """A decoder that is given the encoder's end again at every step.

    h_t = cell([embedding(y_{t-1}); end], h_{t-1}),  context_t = end

    In the paper the output layer reads y_{t-1} too; here it reads end and h_t. What
    dropout does to the end it has done in the encoder, once for each sentence.

    Source: Cho et al. 2014, section 2.2 and appendix A.1.2.
    """

    @staticmethod
    def _widths(config: RNNConfig) -> tuple[int, int]:
        d_memory = 2 * config.d_hidden
        return config.d_embed + d_memory, d_memory

    def _read(
        self, embedded: Float[np.ndarray, "*rows d_embed"], memory: Memory
    ) -> Float[np.ndarray, "*rows d_read"]:
        return np.concatenate([embedded, _repeated(memory.final[-1], embedded)], -1)

    def _look(
        self, outputs: Float[np.ndarray, "batch tgt_len d_hidden"], memory: Memory
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_context"],
        Float[np.ndarray, "batch n_layers n_heads tgt_len src_len"],
        np.ndarray,
    ]:
        _, weights, cache = super()._look(outputs, memory)
        return _repeated(memory.final[-1], outputs), weights, cache

    def backward(
        self,
        grad_logits: Float[np.ndarray, "batch tgt_len vocab_size"],
        cache: DecoderCache,
    ) -> tuple[
        Float[np.ndarray, "batch src_len d_memory"],
        tuple[Float[np.ndarray, "batch d_memory"], ...],
    ]:
        """As for Decoder; three read the end: first state, first layer, combine."""
        grad_value, grad_final, grad_read, grad_context = self._way_back(
            grad_logits, cache
        )
        d_memory = grad_context.shape[-1]
        grad_end = (grad_read[..., -d_memory:] + grad_context).sum(axis=1)
        return grad_value, (*grad_final[:-1], grad_final[-1] + grad_end)


def _repeated(
    end: Float[np.ndarray, "batch d_memory"], rows: Float[np.ndarray, "batch *len d"]
) -> Float[np.ndarray, "batch *len d_memory"]:
    """The same vector for each row of its sentence: one row, or one for each step."""
    if rows.ndim == end.ndim:
        return end
    return end[:, None].repeat(rows.shape[1], axis=1)

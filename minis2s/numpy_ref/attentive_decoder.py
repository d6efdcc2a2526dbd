"""Recurrent decoders that look at the source, by attention, at every step.

`AttentiveDecoder` looks once a state is there, so all states of a known target are
computed in one call, and all looks in another. `InputFeedingDecoder` tells each step
what the one before has seen; then no step can begin before the last one has ended, and
both ways are loops.

Left out: a look before the state is computed, as in Bahdanau et al. 2014.

Source: Luong, Pham and Manning 2015, arXiv:1508.04025.

Twin: minis2s/torch_nn/attentive_decoder.py.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from minis2s.config import RNNConfig
from minis2s.numpy_ref.embedding import EmbeddingCache
from minis2s.numpy_ref.functional import DropoutCache, LinearCache
from minis2s.numpy_ref.rnn_decoder import Decoder
from minis2s.numpy_ref.rnn_encoder import Memory
from minis2s.numpy_ref.rnn_stack import (
    CellState,
    InitialStateCache,
    StackCache,
    stack_step_backward,
    stack_step_forward,
    start_backward,
    start_forward,
)


class AttentiveDecoder(Decoder):
    """A decoder that looks at the whole source from each of its states.

    context_t, weights_t = attention(query=h_t, key=memory, value=memory)

    Source: Luong et al. 2015, section 3.
    """

    @staticmethod
    def _widths(config: RNNConfig) -> tuple[int, int]:
        return config.d_embed, 2 * config.d_hidden

    def project(
        self, outputs: Float[np.ndarray, "batch src_len d_memory"]
    ) -> tuple[
        Float[np.ndarray, "batch *n_heads src_len d_key"],
        Float[np.ndarray, "batch *n_heads src_len d_value"],
    ]:
        """Keys and values in the form that the attention takes: of each head, if any.

        Both begin as the encoder's outputs.
        """
        return self.attention.project(outputs, outputs)

    def _look(
        self, outputs: Float[np.ndarray, "batch tgt_len d_hidden"], memory: Memory
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_context"],
        Float[np.ndarray, "batch n_layers n_heads tgt_len src_len"],
        tuple,
    ]:
        mask = memory.mask[:, None].repeat(outputs.shape[1], axis=1)
        context, weights, cache = self.attention.forward(
            outputs, memory.value, memory.value, mask
        )
        return context, _as_map(weights), cache

    def _look_backward(
        self,
        grad_context: Float[np.ndarray, "batch tgt_len d_context"],
        grad_outputs: Float[np.ndarray, "batch tgt_len d_hidden"],
        cache: tuple,
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len d_hidden"],
        Float[np.ndarray, "batch src_len d_memory"],
    ]:
        """A state is read as query and by `combine`; the memory is key and value."""
        grad_query, grad_key, grad_value = self.attention.backward(grad_context, cache)
        return grad_outputs + grad_query, grad_key + grad_value

    def _glance(
        self, query: Float[np.ndarray, "batch 1 d_hidden"], memory: Memory
    ) -> tuple[
        Float[np.ndarray, "batch 1 d_context"],
        Float[np.ndarray, "batch n_layers n_heads 1 src_len"],
    ]:
        context, weights = self.attention.attend(
            query, memory.key, memory.value, memory.mask[:, None]
        )
        return context, _as_map(weights)


def _as_map(
    weights: Float[np.ndarray, "batch *n_heads tgt_len src_len"],
) -> Float[np.ndarray, "batch n_layers n_heads tgt_len src_len"]:
    """The axes that all models' weights have: one layer, and the heads or one."""
    heads = weights if weights.ndim == 4 else weights[:, None]
    return heads[:, None]


class FedState(NamedTuple):
    """What an InputFeedingDecoder remembers from step to step."""

    layers: tuple[CellState, ...]
    """each layer's state"""
    combined: Float[np.ndarray, "batch d_embed"]
    """what the output layer has just read"""


class FedStepCache(NamedTuple):
    """What the way back through one step needs to know."""

    layers: StackCache
    look: tuple
    combine: tuple[LinearCache, np.ndarray]


class FedDecoderCache(NamedTuple):
    """What InputFeedingDecoder.backward needs to know."""

    embedding: tuple[EmbeddingCache, DropoutCache | None]
    initial: tuple[InitialStateCache, ...]
    steps: tuple[FedStepCache, ...]
    last: FedState
    """what the last step left behind"""
    value: Float[np.ndarray, "batch src_len d_memory"]
    output: tuple[DropoutCache | None, LinearCache]


class InputFeedingDecoder(AttentiveDecoder):
    """An attentive decoder whose every step also reads combined of the step before.

    h_t = cell([embedding(y_{t-1}); combined_{t-1}], h_{t-1}),  combined_0 = 0
    combined_t = tanh(W_c [context_t; h_t] + b_c)

    So it can know where it has looked already. What is fed is combined_t before
    dropout: this is a path from step to step, and gaps in it would add up over the
    sentence (Zaremba et al. 2014, arXiv:1409.2329, too, apply none from step to step).
    The output layer reads it after dropout, as in every decoder here.

    Paper names: combined_t is the attentional vector, h with a tilde.

    Source: Luong et al. 2015, section 3.3 and eq. 5.
    """

    @staticmethod
    def _widths(config: RNNConfig) -> tuple[int, int]:
        return 2 * config.d_embed, 2 * config.d_hidden

    def forward(
        self,
        tgt_in: Int[np.ndarray, "batch tgt_len"],
        memory: Memory,
        *,
        rng: np.random.Generator | None = None,
    ) -> tuple[
        Float[np.ndarray, "batch tgt_len vocab_size"],
        Float[np.ndarray, "batch n_layers n_heads tgt_len src_len"],
        FedDecoderCache,
    ]:
        """Logits and attention for a known target, step by step, and the cache."""
        states, initial_cache = start_forward(self.initial, memory.final)
        embedded, embedding_cache = self._embed(tgt_in, rng)
        state = FedState(states, np.zeros_like(embedded[:, 0]))
        combined, weights, steps = [], [], []
        for t in range(tgt_in.shape[1]):
            state, looked, cache = self._advance(embedded[:, t], state, memory, rng)
            combined.append(state.combined)
            weights.append(looked)
            steps.append(cache)
        logits, output_cache = self._to_logits(np.stack(combined, axis=1), rng)
        cache = FedDecoderCache(
            embedding_cache,
            initial_cache,
            tuple(steps),
            state,
            memory.value,
            output_cache,
        )
        return logits, np.concatenate(weights, axis=3), cache

    def backward(
        self,
        grad_logits: Float[np.ndarray, "batch tgt_len vocab_size"],
        cache: FedDecoderCache,
    ) -> tuple[
        Float[np.ndarray, "batch src_len d_memory"],
        tuple[Float[np.ndarray, "batch d_memory"], ...],
    ]:
        """Gradients of memory.value and memory.final; the others are added up.

        From the last step to the first, where the cell reads embedding and combined:

        grad_combined_t comes from the output layer, and from the cell at step t + 1
        grad_context_t comes from combined_t
        grad_h_t comes from combined_t, from the query, and from the cell at step t + 1
        grad_embedded_t comes from the cell at step t
        grad_value comes from the keys and the values of all steps
        grad_final comes from the first state

        What comes from two places or more is their sum.
        """
        grad_combined = self._to_logits_backward(grad_logits, cache.output)
        grad_embedded = np.zeros_like(grad_combined)  # both are d_embed wide
        grad_value = np.zeros_like(cache.value)
        grad_layers, grad_fed = _zeros_like(cache.last)
        for t in reversed(range(len(cache.steps))):
            grad_state = FedState(grad_layers, grad_fed + grad_combined[:, t])
            grad_embedded[:, t], grad_value_t, (grad_layers, grad_fed) = (
                self._advance_backward(grad_state, cache.steps[t])
            )
            grad_value += grad_value_t
        self._embed_backward(grad_embedded, cache.embedding)
        return grad_value, start_backward(self.initial, grad_layers, cache.initial)

    def initial_state(self, memory: Memory) -> FedState:
        """Each layer's state before the first target token, and zeros to be fed."""
        d_embed = self.embedding.params["weight"].shape[1]
        zeros = np.zeros((len(memory.value), d_embed), dtype=memory.value.dtype)
        return FedState(super().initial_state(memory), zeros)

    def step(
        self, token: Int[np.ndarray, " batch"], state: FedState, memory: Memory
    ) -> tuple[
        Float[np.ndarray, "batch vocab_size"],
        Float[np.ndarray, "batch n_layers n_heads src_len"],
        FedState,
    ]:
        """Logits and attention after one more token, and the state that follows."""
        embedded, _ = self.embedding.forward(token)
        read = np.concatenate([embedded, state.combined], axis=-1)
        after, _ = stack_step_forward(
            self.layers, self.dropout, read, state.layers, None
        )
        logits, weights, combined = self._predict(after, memory)
        return logits, weights, FedState(after, combined)

    def _advance(
        self,
        embedded: Float[np.ndarray, "batch d_embed"],
        before: FedState,
        memory: Memory,
        rng: np.random.Generator | None,
    ) -> tuple[
        FedState, Float[np.ndarray, "batch n_layers n_heads 1 src_len"], FedStepCache
    ]:
        """One step of training: the state that follows, and where it looked."""
        read = np.concatenate([embedded, before.combined], axis=-1)
        layers, layers_cache = stack_step_forward(
            self.layers, self.dropout, read, before.layers, rng
        )
        query = layers[-1][0][:, None]  # (batch, 1, d_hidden)
        context, weights, look_cache = self._look(query, memory)
        combined, combine_cache = self._combine(context, query)
        cache = FedStepCache(layers_cache, look_cache, combine_cache)
        return FedState(layers, combined[:, 0]), weights, cache

    def _advance_backward(
        self, grad_after: FedState, cache: FedStepCache
    ) -> tuple[
        Float[np.ndarray, "batch d_embed"],
        Float[np.ndarray, "batch src_len d_memory"],
        FedState,
    ]:
        """grad_embedded, grad_value and the gradient of the state before."""
        grad_context, grad_query = self._combine_backward(
            grad_after.combined[:, None], cache.combine
        )
        grad_query, grad_value = self._look_backward(
            grad_context, grad_query, cache.look
        )
        (grad_h, *grad_rest), below = grad_after.layers[-1], grad_after.layers[:-1]
        grad_top = (grad_h + grad_query[:, 0], *grad_rest)
        grad_read, grad_layers = stack_step_backward(
            self.layers, self.dropout, (*below, grad_top), cache.layers
        )
        grad_embedded, grad_fed = np.split(grad_read, 2, axis=-1)
        return grad_embedded, grad_value, FedState(grad_layers, grad_fed)


def _zeros_like(state: FedState) -> FedState:
    """No gradient: nobody reads what the last step leaves behind."""
    layers = tuple(tuple(np.zeros_like(part) for part in cell) for cell in state.layers)
    return FedState(layers, np.zeros_like(state.combined))

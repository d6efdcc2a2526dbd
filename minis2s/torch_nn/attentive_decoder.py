"""Recurrent decoders that look at the source, by attention, at every step.

`AttentiveDecoder` looks once a state is there, so all states of a known target are
computed in one call, and all looks in another. `InputFeedingDecoder` tells each step
what the one before has seen; then no step can begin before the last one has ended, and
training is a loop too, for which there is no fused kernel.

Left out: a look before the state is computed, as in Bahdanau et al. 2014.

Source: Luong, Pham and Manning 2015, arXiv:1508.04025.

Twin: minis2s/numpy_ref/attentive_decoder.py.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minis2s.config import RNNConfig
from minis2s.torch_nn.rnn_decoder import Decoder
from minis2s.torch_nn.rnn_encoder import Memory
from minis2s.torch_nn.rnn_stack import CellState, stack_step, start


class AttentiveDecoder(Decoder):
    """A decoder that looks at the whole source from each of its states.

    context_t, weights_t = attention(query=h_t, key=memory, value=memory)

    Source: Luong et al. 2015, section 3.
    """

    @staticmethod
    def _widths(config: RNNConfig) -> tuple[int, int]:
        return config.d_embed, 2 * config.d_hidden

    def project(
        self, outputs: Float[Tensor, "batch src_len d_memory"]
    ) -> tuple[
        Float[Tensor, "batch *n_heads src_len d_key"],
        Float[Tensor, "batch *n_heads src_len d_value"],
    ]:
        """Keys and values in the form that the attention takes: of each head, if any.

        Both begin as the encoder's outputs.
        """
        return self.attention.project(outputs, outputs)

    def _look(
        self, outputs: Float[Tensor, "batch tgt_len d_hidden"], memory: Memory
    ) -> tuple[
        Float[Tensor, "batch tgt_len d_context"],
        Float[Tensor, "batch n_layers n_heads tgt_len src_len"],
    ]:
        mask = memory.mask.unsqueeze(1).expand(-1, outputs.shape[1], -1)
        context, weights = self.attention.attend(
            outputs, memory.key, memory.value, mask
        )
        return context, _as_map(weights)


def _as_map(
    weights: Float[Tensor, "batch *n_heads tgt_len src_len"],
) -> Float[Tensor, "batch n_layers n_heads tgt_len src_len"]:
    """The axes that all models' weights have: one layer, and the heads or one."""
    heads = weights if weights.ndim == 4 else weights.unsqueeze(1)
    return heads.unsqueeze(1)


class FedState(NamedTuple):
    """What an InputFeedingDecoder remembers from step to step."""

    layers: tuple[CellState, ...]
    """each layer's state"""
    combined: Float[Tensor, "batch d_embed"]
    """what the output layer has just read"""


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
        tgt_in: Int[Tensor, "batch tgt_len"],
        memory: Memory,
        *,
        fused: bool = True,
    ) -> tuple[
        Float[Tensor, "batch tgt_len vocab_size"],
        Float[Tensor, "batch n_layers n_heads tgt_len src_len"],
    ]:
        """Logits and attention for a known target, step by step.

        Args:
            tgt_in: what the decoder reads: BOS, then the target.
            memory: from the encoder.
            fused: changes nothing; steps that wait for one another cannot be fused.
        """
        state = self.initial_state(memory)
        embedded = self.dropout(self.embedding(tgt_in))
        combined, weights = [], []
        for t in range(tgt_in.shape[1]):
            state, looked = self._advance(embedded[:, t], state, memory)
            combined.append(state.combined)
            weights.append(looked)
        logits = self._to_logits(torch.stack(combined, dim=1))
        return logits, torch.cat(weights, dim=3)

    def initial_state(self, memory: Memory) -> FedState:
        """Each layer's state before the first target token, and zeros to be fed."""
        d_embed = self.embedding.weight.shape[1]
        zeros = memory.value.new_zeros(len(memory.value), d_embed)
        return FedState(start(self.initial, memory.final), zeros)

    def step(
        self, token: Int[Tensor, " batch"], state: FedState, memory: Memory
    ) -> tuple[
        Float[Tensor, "batch vocab_size"],
        Float[Tensor, "batch n_layers n_heads src_len"],
        FedState,
    ]:
        """Logits and attention after one more token, and the state that follows."""
        embedded = self.dropout(self.embedding(token.unsqueeze(1)).squeeze(1))
        state, weights = self._advance(embedded, state, memory)
        logits = self._to_logits(state.combined.unsqueeze(1))
        return logits.squeeze(1), weights.squeeze(3), state

    def _advance(
        self,
        embedded: Float[Tensor, "batch d_embed"],
        before: FedState,
        memory: Memory,
    ) -> tuple[FedState, Float[Tensor, "batch n_layers n_heads 1 src_len"]]:
        """The state that follows, and where it looked."""
        read = torch.cat([embedded, before.combined], dim=-1)
        layers = stack_step(self.layers, self.dropout, read, before.layers)
        query = layers[-1][0].unsqueeze(1)  # (batch, 1, d_hidden)
        context, weights = self._look(query, memory)
        return FedState(layers, self._combine(context, query).squeeze(1)), weights

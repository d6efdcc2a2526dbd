"""Recurrent decoders that do not look at the source.

One knows of it by its first state alone, the other is given the encoder's end at every
step. Those that look derive from them, in minis2s/torch_nn/attentive_decoder.py:

| class               | attention | the first layer reads    | context_t               |
|---------------------|-----------|--------------------------|-------------------------|
| Decoder             | none      | y_{t-1}                  | nothing                 |
| FixedContextDecoder | fixed     | y_{t-1}, the end         | the end, at every step  |
| AttentiveDecoder    | any other | y_{t-1}                  | attention, asked by h_t |
| InputFeedingDecoder | any other | y_{t-1}, combined_{t-1}  | attention, asked by h_t |

"The end" is [h_fwd; h_bwd] where the encoder's last layer stopped reading.

`forward` is for training, `step` for translating.

Sources: Sutskever, Vinyals and Le 2014, arXiv:1409.3215 (none); Cho et al. 2014,
    arXiv:1406.1078 (fixed).

Twin: minis2s/numpy_ref/rnn_decoder.py.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from minis2s.config import RNNConfig
from minis2s.torch_nn.attention import ATTENTION_NAMES, make_attention
from minis2s.torch_nn.dropout import Dropout
from minis2s.torch_nn.embedding import Embedding
from minis2s.torch_nn.rnn_encoder import CELLS, Memory
from minis2s.torch_nn.rnn_stack import (
    CellState,
    InitialState,
    stack_forward,
    stack_step,
    start,
)


class Decoder(nn.Module):
    """Recurrent layers over the target, which know the source by their first state.

    h_t = cell(embedding(y_{t-1}), h_{t-1})
    combined_t = tanh(W_c [context_t; h_t] + b_c), where context_t is empty here
    logits_t = W_o combined_t + b_o

    The paper's decoder takes over the encoder's last state. Ours starts from a learned
    map of it, InitialState, since the encoder has read from both sides.

    Args:
        embedding: the table of target tokens.
        config: cell, sizes, attention, and whether the output layer shares the table.

    Source: Sutskever et al. 2014, section 2.
    """

    def __init__(self, embedding: Embedding, config: RNNConfig) -> None:
        super().__init__()
        cell, d_hidden = CELLS[config.cell], config.d_decoder
        d_memory = 2 * config.d_hidden
        d_read, d_context = self._widths(config)
        widths = [d_read] + [d_hidden] * (config.n_layers - 1)
        self.embedding = embedding
        self.initial = nn.ModuleList(
            InitialState(cell, d_memory, d_hidden) for _ in widths
        )
        self.layers = nn.ModuleList(cell(width, d_hidden) for width in widths)
        if config.attention in ATTENTION_NAMES:
            self.attention = make_attention(
                config.attention,
                d_hidden,
                d_memory,
                d_attention=d_hidden,
                n_heads=config.n_heads,
            )
        self.combine = nn.Linear(d_context + d_hidden, config.d_embed)
        self.output = nn.Linear(config.d_embed, config.vocab_size)
        if config.tie != "none":
            self.output.weight = embedding.weight
        self.dropout = Dropout(config.dropout)

    # A known target, and one token further.

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
        """Logits and attention for every position of a known target, in one call."""
        states = start(self.initial, memory.final)
        embedded = self.dropout(self.embedding(tgt_in))
        read = self._read(embedded, memory)
        outputs = stack_forward(self.layers, self.dropout, read, states, fused=fused)
        context, weights = self._look(outputs, memory)
        return self._to_logits(self._combine(context, outputs)), weights

    def initial_state(self, memory: Memory) -> tuple[CellState, ...]:
        """Each layer's state before the first target token."""
        return start(self.initial, memory.final)

    def step(
        self,
        token: Int[Tensor, " batch"],
        state: tuple[CellState, ...],
        memory: Memory,
    ) -> tuple[
        Float[Tensor, "batch vocab_size"],
        Float[Tensor, "batch n_layers n_heads src_len"],
        tuple[CellState, ...],
    ]:
        """Logits and attention after one more token, and the state that follows."""
        embedded = self.embedding(token.unsqueeze(1)).squeeze(1)
        read = self._read(self.dropout(embedded), memory)
        after = stack_step(self.layers, self.dropout, read, state)
        query = after[-1][0].unsqueeze(1)  # (batch, 1, d_hidden)
        context, weights = self._look(query, memory)
        logits = self._to_logits(self._combine(context, query))
        return logits.squeeze(1), weights.squeeze(3), after

    def _combine(
        self,
        context: Float[Tensor, "batch tgt_len d_context"],
        outputs: Float[Tensor, "batch tgt_len d_hidden"],
    ) -> Float[Tensor, "batch tgt_len d_embed"]:
        """One vector from what was seen of the source and the state of the target."""
        return torch.tanh(self.combine(torch.cat([context, outputs], dim=-1)))

    def _to_logits(
        self, combined: Float[Tensor, "batch tgt_len d_embed"]
    ) -> Float[Tensor, "batch tgt_len vocab_size"]:
        """The next token's logits."""
        return self.output(self.dropout(combined))

    # What the variants change.

    @staticmethod
    def _widths(config: RNNConfig) -> tuple[int, int]:
        """Width of what the first layer reads, and of the context."""
        return config.d_embed, 0

    def project(
        self, outputs: Float[Tensor, "batch src_len d_memory"]
    ) -> tuple[
        Float[Tensor, "batch *n_heads src_len d_key"],
        Float[Tensor, "batch *n_heads src_len d_value"],
    ]:
        """Memory.key and Memory.value: what of a look is the same at every step."""
        return outputs, outputs

    def _read(
        self, embedded: Float[Tensor, "*rows d_embed"], memory: Memory
    ) -> Float[Tensor, "*rows d_read"]:
        """What the first layer is given at each step."""
        return embedded

    def _look(
        self, outputs: Float[Tensor, "batch tgt_len d_hidden"], memory: Memory
    ) -> tuple[
        Float[Tensor, "batch tgt_len d_context"],
        Float[Tensor, "batch n_layers n_heads tgt_len src_len"],
    ]:
        """What each state sees of the source, and how it looked."""
        batch, tgt_len, _ = outputs.shape
        shape = batch, 0, 1, tgt_len, memory.mask.shape[1]  # no layer that looks
        return outputs[..., :0], outputs.new_zeros(shape)


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
        self, embedded: Float[Tensor, "*rows d_embed"], memory: Memory
    ) -> Float[Tensor, "*rows d_read"]:
        return torch.cat([embedded, _repeated(memory.final[-1], embedded)], dim=-1)

    def _look(
        self, outputs: Float[Tensor, "batch tgt_len d_hidden"], memory: Memory
    ) -> tuple[
        Float[Tensor, "batch tgt_len d_context"],
        Float[Tensor, "batch n_layers n_heads tgt_len src_len"],
    ]:
        _, weights = super()._look(outputs, memory)
        return _repeated(memory.final[-1], outputs), weights


def _repeated(
    end: Float[Tensor, "batch d_memory"], rows: Float[Tensor, "batch *len d"]
) -> Float[Tensor, "batch *len d_memory"]:
    """The same vector for each row of its sentence: one row, or one for each step."""
    if rows.ndim == end.ndim:
        return end
    return end.unsqueeze(1).expand(-1, rows.shape[1], -1)

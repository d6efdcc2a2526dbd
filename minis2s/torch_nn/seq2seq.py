"""The recurrent translator: a bidirectional encoder and an attentive decoder.

Twin: minis2s/numpy_ref/seq2seq.py. Left out: input feeding, and decoders without
attention.

Sources: Bahdanau, Cho and Bengio 2014, arXiv:1409.0473 (the bidirectional encoder);
    Luong, Pham and Manning 2015, arXiv:1508.04025 (attention after the decoder's
    recurrence, so that all steps of a known target are computed in one call).
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from minis2s.config import RNNConfig
from minis2s.torch_nn.attention import make_attention
from minis2s.torch_nn.embedding import Embedding
from minis2s.torch_nn.lstm import LSTM, BiLSTM, State
from minis2s.torch_nn.masks import mask_lengths


class Memory(NamedTuple):
    """What the encoder hands to the decoder; every row belongs to one sentence."""

    value: Float[Tensor, "batch src_len d_memory"]
    """The encoder's output."""
    key: Float[Tensor, "batch src_len d_key"]
    """The same, projected once for the attention's score."""
    mask: Bool[Tensor, "batch src_len"]
    """True where there is a source token."""
    final: tuple[Float[Tensor, "batch d_memory"], ...]
    """[h_fwd at the last token; h_bwd at the first], for each encoder layer."""


class Encoder(nn.Module):
    """Bidirectional LSTM layers over embedded source tokens."""

    def __init__(
        self, embedding: Embedding, d_hidden: int, n_layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.embedding = embedding
        d_embed = embedding.weight.shape[1]
        widths = [d_embed] + [2 * d_hidden] * (n_layers - 1)
        self.layers = nn.ModuleList(BiLSTM(width, d_hidden) for width in widths)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        src: Int[Tensor, "batch src_len"],
        src_mask: Bool[Tensor, "batch src_len"],
        *,
        fused: bool = True,
    ) -> tuple[
        Float[Tensor, "batch src_len d_memory"],
        tuple[Float[Tensor, "batch d_memory"], ...],
    ]:
        """The last layer's outputs, and where each layer's two readings ended."""
        last = mask_lengths(src_mask) - 1
        rows = torch.arange(len(src), device=src.device)
        outputs, final = self.embedding(src), []
        for layer in self.layers:
            outputs = layer(self.dropout(outputs), src_mask, fused=fused)
            h_fwd, h_bwd = outputs.chunk(2, dim=-1)
            final.append(torch.cat([h_fwd[rows, last], h_bwd[:, 0]], dim=-1))
        return self.dropout(outputs), tuple(final)


class InitialState(nn.Module):
    """The state that one decoder layer starts from.

    h_0 = tanh(W_h [h_fwd; h_bwd] + b_h),  c_0 = W_c [h_fwd; h_bwd] + b_c
    """

    def __init__(self, d_memory: int, d_hidden: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(d_memory, d_hidden)
        self.cell = nn.Linear(d_memory, d_hidden)

    def forward(self, final: Float[Tensor, "batch d_memory"]) -> State:
        """(h, c) before the first target token."""
        return torch.tanh(self.hidden(final)), self.cell(final)


class Decoder(nn.Module):
    """LSTM layers over the target, attention over the source, then a prediction.

    h_t = LSTM(embedding(y_{t-1}), h_{t-1})
    context_t, weights_t = attention(query=h_t, key=memory, value=memory)
    logits_t = W_o tanh(W_c [context_t; h_t] + b_c) + b_o
    """

    def __init__(self, embedding: Embedding, config: RNNConfig) -> None:
        super().__init__()
        d_memory, d_hidden = 2 * config.d_hidden, config.d_decoder
        self.embedding = embedding
        self.initial = nn.ModuleList(
            InitialState(d_memory, d_hidden) for _ in range(config.n_layers)
        )
        widths = [config.d_embed] + [d_hidden] * (config.n_layers - 1)
        self.layers = nn.ModuleList(LSTM(width, d_hidden) for width in widths)
        self.attention = make_attention(
            config.attention, d_hidden, d_memory, d_attention=d_hidden
        )
        self.combine = nn.Linear(d_memory + d_hidden, config.d_embed)
        self.output = nn.Linear(config.d_embed, config.vocab_size)
        if config.tie != "none":
            self.output.weight = embedding.weight
        self.dropout = nn.Dropout(config.dropout)

    def initial_state(self, memory: Memory) -> tuple[State, ...]:
        """(h, c) of each layer before the first target token."""
        return tuple(
            layer(self.dropout(final))
            for layer, final in zip(self.initial, memory.final, strict=True)
        )

    def forward(
        self,
        tgt_in: Int[Tensor, "batch tgt_len"],
        memory: Memory,
        *,
        fused: bool = True,
    ) -> tuple[
        Float[Tensor, "batch tgt_len vocab_size"],
        Float[Tensor, "batch tgt_len src_len"],
    ]:
        """Logits and attention for every position of a known target, in one call."""
        outputs = self.embedding(tgt_in)
        for layer, state in zip(self.layers, self.initial_state(memory), strict=True):
            outputs, _ = layer(self.dropout(outputs), state, fused=fused)
        return self.predict(outputs, memory)

    def step(
        self, token: Int[Tensor, " batch"], state: tuple[State, ...], memory: Memory
    ) -> tuple[
        Float[Tensor, "batch vocab_size"],
        Float[Tensor, "batch src_len"],
        tuple[State, ...],
    ]:
        """Logits and attention after one more token, and the state that follows."""
        output = self.embedding(token.unsqueeze(1)).squeeze(1)
        following = []
        for layer, before in zip(self.layers, state, strict=True):
            after = layer.step(self.dropout(output), before)
            output = after[0]
            following.append(after)
        logits, weights = self.predict(output.unsqueeze(1), memory)
        return logits.squeeze(1), weights.squeeze(1), tuple(following)

    def predict(
        self, outputs: Float[Tensor, "batch tgt_len d_decoder"], memory: Memory
    ) -> tuple[
        Float[Tensor, "batch tgt_len vocab_size"],
        Float[Tensor, "batch tgt_len src_len"],
    ]:
        """Look at the source from each state, then name the next token."""
        mask = memory.mask.unsqueeze(1).expand(-1, outputs.shape[1], -1)
        context, weights = self.attention.attend(
            outputs, memory.key, memory.value, mask
        )
        combined = torch.tanh(self.combine(torch.cat([context, outputs], dim=-1)))
        return self.output(self.dropout(combined)), weights


class Seq2Seq(nn.Module):
    """Encoder and decoder, from source tokens to the logits of target tokens.

    Args:
        config: sizes, the attention, and which of the three token tables are one.
    """

    def __init__(self, config: RNNConfig) -> None:
        super().__init__()
        self.config = config
        embedding = Embedding(config.vocab_size, config.d_embed)
        self.encoder = Encoder(
            embedding, config.d_hidden, config.n_layers, config.dropout
        )
        if config.tie != "all":
            embedding = Embedding(config.vocab_size, config.d_embed)
        self.decoder = Decoder(embedding, config)

    @property
    def attention_kind(self) -> str:
        """Name of the attention that the maps show."""
        return f"{self.config.attention} cross-attention"

    def encode(
        self,
        src: Int[Tensor, "batch src_len"],
        src_mask: Bool[Tensor, "batch src_len"],
        *,
        fused: bool = True,
    ) -> Memory:
        """Read the source once; the decoder may then ask as often as it likes."""
        value, final = self.encoder(src, src_mask, fused=fused)
        key = self.decoder.attention.project_key(value)
        return Memory(value, key, src_mask, final)

    def forward(
        self,
        src: Int[Tensor, "batch src_len"],
        src_mask: Bool[Tensor, "batch src_len"],
        tgt_in: Int[Tensor, "batch tgt_len"],
        *,
        fused: bool = True,
    ) -> tuple[
        Float[Tensor, "batch tgt_len vocab_size"],
        Float[Tensor, "batch tgt_len src_len"],
    ]:
        """Teacher forcing: logits_t and attention_t given the true tokens before t."""
        memory = self.encode(src, src_mask, fused=fused)
        return self.decoder(tgt_in, memory, fused=fused)

    def initial_state(self, memory: Memory) -> tuple[State, ...]:
        """The decoder's state before the first target token."""
        return self.decoder.initial_state(memory)

    def decode_step(
        self, token: Int[Tensor, " batch"], state: tuple[State, ...], memory: Memory
    ) -> tuple[
        Float[Tensor, "batch vocab_size"],
        Float[Tensor, "batch n_layers n_heads src_len"],
        tuple[State, ...],
    ]:
        """One target token further: logits, attention, and the next state."""
        logits, weights, state = self.decoder.step(token, state, memory)
        return logits, weights[:, None, None, :], state

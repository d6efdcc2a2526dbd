"""The recurrent translator as a whole: one encoder, and the decoder it is given.

The parts: rnn_encoder.py, rnn_decoder.py and attentive_decoder.py, made of the layers
in rnn.py, gru.py, lstm.py, bidirectional.py, rnn_stack.py, attention.py and
multi_head.py.

Sources: see the parts.

Twin: minis2s/numpy_ref/seq2seq.py.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from minis2s.config import RNNConfig
from minis2s.torch_nn.attentive_decoder import (
    AttentiveDecoder,
    FedState,
    InputFeedingDecoder,
)
from minis2s.torch_nn.embedding import Embedding
from minis2s.torch_nn.rnn_decoder import Decoder, FixedContextDecoder
from minis2s.torch_nn.rnn_encoder import Encoder, Memory
from minis2s.torch_nn.rnn_stack import CellState

DecoderState = tuple[CellState, ...] | FedState
"""What the decoder remembers between two steps."""


def make_decoder(embedding: Embedding, config: RNNConfig) -> Decoder:
    """The decoder that a configuration describes.

    Args:
        embedding: the table of target tokens.
        config: `attention` and `input_feeding` choose; the rest is handed on.
    """
    if config.input_feeding:
        return InputFeedingDecoder(embedding, config)
    blind = {"none": Decoder, "fixed": FixedContextDecoder}
    return blind.get(config.attention, AttentiveDecoder)(embedding, config)


class Seq2Seq(nn.Module):
    """Encoder and decoder, from source tokens to the logits of target tokens.

    Args:
        config: cell, sizes, attention, and which of the three token tables are one.
    """

    def __init__(self, config: RNNConfig) -> None:
        super().__init__()
        self.config = config
        embedding = Embedding(config.vocab_size, config.d_embed)
        self.encoder = Encoder(embedding, config)
        if config.tie != "all":
            embedding = Embedding(config.vocab_size, config.d_embed)
        self.decoder = make_decoder(embedding, config)

    @property
    def attention_kind(self) -> str:
        """Name of the attention that the maps show."""
        if self.config.attention in ("none", "fixed"):
            return "no attention"
        return f"{self.config.attention.replace('_', '-')} cross-attention"

    def encode(
        self,
        src: Int[Tensor, "batch src_len"],
        src_mask: Bool[Tensor, "batch src_len"],
        *,
        fused: bool = True,
    ) -> Memory:
        """Read the source once; the decoder may then ask as often as it likes."""
        outputs, final = self.encoder(src, src_mask, fused=fused)
        key, value = self.decoder.project(outputs)
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
        Float[Tensor, "batch n_layers n_heads tgt_len src_len"],
    ]:
        """Teacher forcing: logits_t and attention_t given the true tokens before t.

        Args:
            src: source tokens.
            src_mask: True where `src` is a token.
            tgt_in: what the decoder reads: BOS, then the target.
            fused: use the library's kernels where there are any.

        Returns:
            logits, and attention weights (n_layers is 1, and so is n_heads but for
            multi_head; a decoder that does not look has no layer that does, and
            n_layers is 0).
        """
        memory = self.encode(src, src_mask, fused=fused)
        return self.decoder(tgt_in, memory, fused=fused)

    def initial_state(self, memory: Memory) -> DecoderState:
        """The decoder's state before the first target token."""
        return self.decoder.initial_state(memory)

    def decode_step(
        self, token: Int[Tensor, " batch"], state: DecoderState, memory: Memory
    ) -> tuple[
        Float[Tensor, "batch vocab_size"],
        Float[Tensor, "batch n_layers n_heads src_len"],
        DecoderState,
    ]:
        """One target token further: logits, attention, and the next state."""
        return self.decoder.step(token, state, memory)

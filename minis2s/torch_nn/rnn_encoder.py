"""The recurrent encoder: layers that read the source in both directions.

Here too are `Memory`, which it hands to the decoder, and the table of cells that both
are made of.

Left out: layers that read in one direction only, as in Sutskever et al. 2014.

Source: Bahdanau, Cho and Bengio 2014, arXiv:1409.0473, section 3.2.

Twin: minis2s/numpy_ref/rnn_encoder.py.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from minis2s.config import RNNConfig
from minis2s.torch_nn.bidirectional import Bidirectional
from minis2s.torch_nn.dropout import Dropout
from minis2s.torch_nn.embedding import Embedding
from minis2s.torch_nn.gru import GRU
from minis2s.torch_nn.lstm import LSTM
from minis2s.torch_nn.masks import mask_lengths
from minis2s.torch_nn.rnn import RNN

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
"""What a recurrent layer may be, by its name in the configuration."""


class Memory(NamedTuple):
    """What the encoder hands to the decoder; every row belongs to one sentence."""

    value: Float[Tensor, "batch *n_heads src_len d_value"]
    """The encoder's outputs; for several heads, projected once."""
    key: Float[Tensor, "batch *n_heads src_len d_key"]
    """The same, projected once for the attention's score."""
    mask: Bool[Tensor, "batch src_len"]
    """True where there is a source token."""
    final: tuple[Float[Tensor, "batch d_memory"], ...]
    """[h_fwd at the last token; h_bwd at the first], for each encoder layer."""


class Encoder(nn.Module):
    """Bidirectional layers over embedded source tokens.

    memory = [h_fwd; h_bwd] of the last layer, at every token
    final_k = [h_fwd at the last token; h_bwd at the first] of layer k

    Dropout acts before each layer, and on all that is handed over. For `final` it is
    drawn here, once for each sentence: all that read it, however often, read the same.

    Args:
        embedding: the table of source tokens.
        config: the cell, sizes and the rate of dropout.
    """

    def __init__(self, embedding: Embedding, config: RNNConfig) -> None:
        super().__init__()
        cell, d_hidden = CELLS[config.cell], config.d_hidden
        widths = [config.d_embed] + [2 * d_hidden] * (config.n_layers - 1)
        self.embedding = embedding
        self.layers = nn.ModuleList(
            Bidirectional(cell, width, d_hidden) for width in widths
        )
        self.dropout = Dropout(config.dropout)

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
        outputs, ends = self.embedding(src), []
        for layer in self.layers:
            outputs = layer(self.dropout(outputs), src_mask, fused=fused)
            ends.append(_ends(outputs, last))
        outputs = self.dropout(outputs)
        return outputs, tuple(self.dropout(end) for end in ends)


def _ends(
    outputs: Float[Tensor, "batch src_len d_memory"], last: Int[Tensor, " batch"]
) -> Float[Tensor, "batch d_memory"]:
    """[h_fwd at the last token; h_bwd at the first]."""
    h_fwd, h_bwd = outputs.chunk(2, dim=-1)
    rows = torch.arange(len(last), device=last.device)
    return torch.cat([h_fwd[rows, last], h_bwd[:, 0]], dim=-1)

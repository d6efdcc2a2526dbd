"""Two recurrent layers over one sentence: one reads forwards, the other backwards.

Any cell of this wing will do, since all share one interface.

Left out: a state from outside. Both layers begin at zero, as an encoder does.

Source: Schuster and Paliwal 1997, "Bidirectional Recurrent Neural Networks".

Twin: minis2s/numpy_ref/bidirectional.py.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from minis2s.torch_nn.masks import reversal_index


class Bidirectional(nn.Module):
    """Two layers side by side, one for each direction of reading.

    h_fwd_t = fwd(x_1, ..., x_t),  h_bwd_t = bwd(x_T, ..., x_t)

    The backward layer reads each sentence from its own last token, however much padding
    follows, so that a sentence is read alike in every batch.

    Args:
        cell: the class of both layers: RNN, GRU or LSTM.
        d_input: width of x_t.
        d_hidden: width of each layer's state.
    """

    def __init__(self, cell: type[nn.Module], d_input: int, d_hidden: int) -> None:
        super().__init__()
        self.fwd = cell(d_input, d_hidden)
        self.bwd = cell(d_input, d_hidden)

    def forward(
        self,
        x: Float[Tensor, "batch len d_input"],
        mask: Bool[Tensor, "batch len"],
        *,
        fused: bool = True,
    ) -> Float[Tensor, "batch len d_memory"]:
        """[h_fwd; h_bwd], 2 d_hidden wide, at every token; zeros on padding.

        Args:
            x: the inputs.
            mask: True at tokens; padding stands behind them.
            fused: use the library's kernel instead of a loop over `step`.
        """
        index = reversal_index(mask)
        h_fwd, _ = self.fwd(x, fused=fused)
        h_bwd, _ = self.bwd(_reorder(x, index), fused=fused)
        both = torch.cat([h_fwd, _reorder(h_bwd, index)], dim=-1)
        return both * mask.unsqueeze(-1)


def _reorder(
    x: Float[Tensor, "batch len d"], index: Int[Tensor, "batch len"]
) -> Float[Tensor, "batch len d"]:
    return x.gather(1, index.unsqueeze(-1).expand_as(x))

"""Recurrent layers one upon another: where they start, and how they go on.

What a decoder's layers have in common, whichever cell they are made of. `stack_forward`
takes a whole sequence through one layer after the other; `stack_step` takes one
position through all of them, where the next input depends on the result.
Dropout acts between the layers.

Source: Sutskever, Vinyals and Le 2014, arXiv:1409.3215, section 3.4 (layers one upon
    another); Zaremba, Sutskever and Vinyals 2014, arXiv:1409.2329 (dropout between
    them, and not from one position to the next).

Twin: minis2s/numpy_ref/rnn_stack.py.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from minis2s.torch_nn.lstm import LSTM

CellState = tuple[Float[Tensor, "batch d_hidden"], ...]
"""What one layer remembers: (h, c) for an LSTM, else (h,)."""


class InitialState(nn.Module):
    """The state that one decoder layer starts from.

    h_0 = tanh(W_h [h_fwd; h_bwd] + b_h),  and for an LSTM
    c_0 = W_c [h_fwd; h_bwd] + b_c

    Args:
        cell: the class of the decoder layer: RNN, GRU or LSTM.
        d_memory: width of [h_fwd; h_bwd].
        d_hidden: width of the state.
    """

    def __init__(self, cell: type[nn.Module], d_memory: int, d_hidden: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(d_memory, d_hidden)
        self.cell = nn.Linear(d_memory, d_hidden) if cell is LSTM else None

    def forward(self, final: Float[Tensor, "batch d_memory"]) -> CellState:
        """The state before the first target token."""
        h = torch.tanh(self.hidden(final))
        return (h,) if self.cell is None else (h, self.cell(final))


def start(
    initial: Iterable[nn.Module], final: tuple[Float[Tensor, "batch d_memory"], ...]
) -> tuple[CellState, ...]:
    """Each layer's first state, from where the encoder's layer of its height ended."""
    return tuple(layer(end) for layer, end in zip(initial, final, strict=True))


def stack_forward(
    layers: Iterable[nn.Module],
    dropout: nn.Module,
    x: Float[Tensor, "batch len d_input"],
    states: tuple[CellState, ...],
    *,
    fused: bool,
) -> Float[Tensor, "batch len d_hidden"]:
    """The last layer's h at every position, one layer after the other.

    Args:
        layers: recurrent layers of one kind, the lowest first.
        dropout: what acts between them.
        x: what the lowest layer reads.
        states: each layer's state before the first position.
        fused: use the library's kernel instead of a loop over `step`.
    """
    outputs = x
    for k, (layer, state) in enumerate(zip(layers, states, strict=True)):
        read = dropout(outputs) if k else outputs
        outputs, _ = layer(read, state, fused=fused)
    return outputs


def stack_step(
    layers: Iterable[nn.Module],
    dropout: nn.Module,
    x: Float[Tensor, "batch d_input"],
    states: tuple[CellState, ...],
) -> tuple[CellState, ...]:
    """Each layer's next state, of which the last one's h is the stack's output.

    Args:
        layers: recurrent layers of one kind, the lowest first.
        dropout: what acts between them.
        x: what the lowest layer reads.
        states: each layer's state before.
    """
    output, following = x, []
    for k, (layer, before) in enumerate(zip(layers, states, strict=True)):
        after = layer.step(dropout(output) if k else output, before)
        output = after[0]
        following.append(after)
    return tuple(following)

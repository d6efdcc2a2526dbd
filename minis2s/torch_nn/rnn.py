"""The simple recurrent network: one step, a whole sequence, and truncation in time.

Twin: minis2s/numpy_ref/rnn.py. The explicit path is the definition; the fused path
is the library's kernel for the same function, and a test holds the two together.
Left out: an output layer, and activations other than tanh.

Sources: Elman 1990, "Finding Structure in Time"; truncation after Williams and Peng
    1990.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from minis2s.torch_nn.device import in_one_block

State = tuple[Float[Tensor, "batch d_hidden"]]


class RNN(nn.Module):
    """One layer, read from left to right.

    h_t = tanh(weight_input x_t + weight_hidden h_{t-1} + bias)

    Args:
        d_input: width of x_t.
        d_hidden: width of h_t.
    """

    def __init__(self, d_input: int, d_hidden: int) -> None:
        super().__init__()
        bound = d_hidden**-0.5
        self.weight_input = nn.Parameter(
            torch.empty(d_hidden, d_input).uniform_(-bound, bound)
        )
        self.weight_hidden = nn.Parameter(
            torch.empty(d_hidden, d_hidden).uniform_(-bound, bound)
        )
        self.bias = nn.Parameter(torch.zeros(d_hidden))
        # The library's kernel adds a second bias that says nothing new: zero here.
        self.register_buffer("zero_bias", torch.zeros(d_hidden), persistent=False)

    @property
    def d_hidden(self) -> int:
        """Width of the state."""
        return self.weight_hidden.shape[1]

    def zero_state(self, x: Float[Tensor, "batch len d_input"]) -> State:
        """(h,) of zeros, one row for each sentence of `x`."""
        return (x.new_zeros(len(x), self.d_hidden),)

    def step(self, x: Float[Tensor, "batch d_input"], state: State) -> State:
        """The next (h,)."""
        (h,) = state
        a = nn.functional.linear(x, self.weight_input, self.bias)
        return (torch.tanh(a + nn.functional.linear(h, self.weight_hidden)),)

    def forward(
        self,
        x: Float[Tensor, "batch len d_input"],
        state: State | None = None,
        *,
        fused: bool = True,
        truncate: int | None = None,
    ) -> tuple[Float[Tensor, "batch len d_hidden"], State]:
        """All h_t, and the (h,) after the last position.

        Truncation reads piece by piece, and passes on the value of h alone: no gradient
        goes back from one piece to the one before.

        Args:
            x: the inputs; padding at the end changes no output before it.
            state: (h,) before the first position; zeros if None.
            fused: use the library's kernel instead of a loop over `step`.
            truncate: the length of a piece in positions; None never cuts.

        Raises:
            ValueError: if truncate is no whole number from 1.
        """
        is_whole = isinstance(truncate, int) and truncate is not True
        if truncate is not None and not (is_whole and truncate >= 1):
            raise ValueError(f"truncate: must be a whole number from 1, got {truncate}")
        state = self.zero_state(x) if state is None else state
        read = self._fused if fused else self._explicit
        if truncate is None:
            return read(x, state)
        pieces = []
        for piece in x.split(truncate, dim=1):
            # Cut before a piece, not behind it: the last h keeps its past.
            state = (state[0].detach(),) if pieces else state
            outputs, state = read(piece, state)
            pieces.append(outputs)
        return torch.cat(pieces, dim=1), state

    def _explicit(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        outputs = []
        for t in range(x.shape[1]):
            state = self.step(x[:, t], state)
            outputs.append(state[0])
        return torch.stack(outputs, dim=1), state

    def _fused(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        weights = [self.weight_input, self.weight_hidden, self.bias, self.zero_bias]
        outputs, h = torch.rnn_tanh(
            x,
            state[0].unsqueeze(0).contiguous(),
            in_one_block(weights),
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=self.training,
            bidirectional=False,
            batch_first=True,
        )
        return outputs, (h[0],)

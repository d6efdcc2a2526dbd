"""Long short-term memory: one step, and a whole sequence.

Twin: minis2s/numpy_ref/lstm.py. The explicit path is the definition; the fused path
is the library's kernel for the same function, and a test holds the two together.
Left out: peepholes and projections.

Sources: Hochreiter and Schmidhuber 1997; forget gate after Gers, Schmidhuber and
    Cummins 2000.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from minis2s.torch_nn.device import in_one_block

State = tuple[Float[Tensor, "batch d_hidden"], Float[Tensor, "batch d_hidden"]]


class LSTM(nn.Module):
    """One layer, read from left to right.

    i, f, g, o = split(weight_input x_t + weight_hidden h_{t-1} + bias)
    c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
    h_t = sigmoid(o) tanh(c_t)

    Three gates (input, forget, output) and a candidate g, stacked in the order
    i, f, g, o. The forget gate's bias starts at 1, so that a young cell keeps more
    than half of what it holds (Jozefowicz et al. 2015).

    Args:
        d_input: width of x_t.
        d_hidden: width of h_t and c_t.
    """

    def __init__(self, d_input: int, d_hidden: int) -> None:
        super().__init__()
        bound = d_hidden**-0.5
        self.weight_input = nn.Parameter(
            torch.empty(4 * d_hidden, d_input).uniform_(-bound, bound)
        )
        self.weight_hidden = nn.Parameter(
            torch.empty(4 * d_hidden, d_hidden).uniform_(-bound, bound)
        )
        self.bias = nn.Parameter(torch.zeros(4 * d_hidden))
        with torch.no_grad():
            self.bias[d_hidden : 2 * d_hidden] = 1.0
        # The library's kernel adds a second bias that says nothing new: zero here.
        self.register_buffer("zero_bias", torch.zeros(4 * d_hidden), persistent=False)

    @property
    def d_hidden(self) -> int:
        """Width of the state."""
        return self.weight_hidden.shape[1]

    def zero_state(self, x: Float[Tensor, "batch len d_input"]) -> State:
        """(h, c) of zeros, one row for each sentence of `x`."""
        zeros = x.new_zeros(len(x), self.d_hidden)
        return zeros, zeros

    def step(self, x: Float[Tensor, "batch d_input"], state: State) -> State:
        """The next (h, c)."""
        h, c = state
        gates = nn.functional.linear(x, self.weight_input, self.bias)
        gates = gates + nn.functional.linear(h, self.weight_hidden)
        i, f, g, o = gates.chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def forward(
        self,
        x: Float[Tensor, "batch len d_input"],
        state: State | None = None,
        *,
        fused: bool = True,
    ) -> tuple[Float[Tensor, "batch len d_hidden"], State]:
        """All h_t, and the (h, c) after the last position.

        Args:
            x: the inputs; padding at the end changes no output before it.
            state: (h, c) before the first position; zeros if None.
            fused: use the library's kernel instead of a loop over `step`.
        """
        state = self.zero_state(x) if state is None else state
        if fused:
            return self._fused(x, state)
        outputs = []
        for t in range(x.shape[1]):
            state = self.step(x[:, t], state)
            outputs.append(state[0])
        return torch.stack(outputs, dim=1), state

    def _fused(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = (part.unsqueeze(0).contiguous() for part in state)
        weights = [self.weight_input, self.weight_hidden, self.bias, self.zero_bias]
        outputs, h, c = torch.lstm(
            x,
            (h, c),
            in_one_block(weights),
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=self.training,
            bidirectional=False,
            batch_first=True,
        )
        return outputs, (h[0], c[0])

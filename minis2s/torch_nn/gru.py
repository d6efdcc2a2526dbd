"""The gated recurrent unit: one step, and a whole sequence.

Twin: minis2s/numpy_ref/gru.py. The explicit path is the definition; the fused path
is the library's kernel for the same function, and a test holds the two together.
Left out: the paper's own form, in which the reset comes first; specs.gru_step_paper has
it.

Source: Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder for
    Statistical Machine Translation", section 2.3, arXiv:1406.1078.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from minis2s.torch_nn.device import in_one_block

State = tuple[Float[Tensor, "batch d_hidden"]]


class GRU(nn.Module):
    """One layer, read from left to right.

    With W, U the rows of weight_input and weight_hidden, b_i, b_h those of the biases:
    r = sigmoid(W_r x_t + b_ir + U_r h_{t-1} + b_hr)
    z = sigmoid(W_z x_t + b_iz + U_z h_{t-1} + b_hz)
    n = tanh(W_n x_t + b_in + r (U_n h_{t-1} + b_hn))
    h_t = (1 - z) n + z h_{t-1}

    Two gates (reset, update) and a candidate n, stacked in the order r, z, n. In the
    paper's third version r acts on h, before U_n; here, as in PyTorch, it acts after
    U_n, so that all three products with h are one.

    Args:
        d_input: width of x_t.
        d_hidden: width of h_t.
    """

    def __init__(self, d_input: int, d_hidden: int) -> None:
        super().__init__()
        bound = d_hidden**-0.5
        self.weight_input = nn.Parameter(
            torch.empty(3 * d_hidden, d_input).uniform_(-bound, bound)
        )
        self.weight_hidden = nn.Parameter(
            torch.empty(3 * d_hidden, d_hidden).uniform_(-bound, bound)
        )
        self.bias_input = nn.Parameter(torch.zeros(3 * d_hidden))
        self.bias_hidden = nn.Parameter(torch.zeros(3 * d_hidden))

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
        from_x = nn.functional.linear(x, self.weight_input, self.bias_input)
        from_h = nn.functional.linear(h, self.weight_hidden, self.bias_hidden)
        x_r, x_z, x_n = from_x.chunk(3, dim=-1)
        h_r, h_z, recalled = from_h.chunk(3, dim=-1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * recalled)
        return ((1.0 - z) * n + z * h,)

    def forward(
        self,
        x: Float[Tensor, "batch len d_input"],
        state: State | None = None,
        *,
        fused: bool = True,
    ) -> tuple[Float[Tensor, "batch len d_hidden"], State]:
        """All h_t, and the (h,) after the last position.

        Args:
            x: the inputs; padding at the end changes no output before it.
            state: (h,) before the first position; zeros if None.
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
        biases = [self.bias_input, self.bias_hidden]
        outputs, h = torch.gru(
            x,
            state[0].unsqueeze(0).contiguous(),
            in_one_block([self.weight_input, self.weight_hidden, *biases]),
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=self.training,
            bidirectional=False,
            batch_first=True,
        )
        return outputs, (h[0],)

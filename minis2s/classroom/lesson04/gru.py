"""Repair: a GRU whose two biases were merged."""

import numpy as np

from minis2s.classroom.implement import Repair, Wrong
from minis2s.classroom.probes import Probe, primes


def _sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gru_step(x, h, weight_input, weight_hidden, bias_input, bias_hidden):
    """A share z of the old, a share 1 - z of the new."""
    from_x = x @ weight_input.T + bias_input
    from_h = h @ weight_hidden.T + bias_hidden
    x_r, x_z, x_n = np.split(from_x, 3, axis=-1)
    h_r, h_z, h_n = np.split(from_h, 3, axis=-1)
    r, z = _sigmoid(x_r + h_r), _sigmoid(x_z + h_z)
    n = np.tanh(x_n + r * h_n)
    return (1 - z) * n + z * h


def _step_with(
    mix=lambda z, n, h: (1 - z) * n + z * h,
    candidate=lambda x_n, r, h_n, bias_n: np.tanh(x_n + r * h_n),
    swapped=False,
):
    """The same with one part exchanged."""

    def step(x, h, weight_input, weight_hidden, bias_input, bias_hidden):
        from_x = x @ weight_input.T + bias_input
        from_h = h @ weight_hidden.T + bias_hidden
        x_r, x_z, x_n = np.split(from_x, 3, axis=-1)
        h_r, h_z, h_n = np.split(from_h, 3, axis=-1)
        r, z = _sigmoid(x_r + h_r), _sigmoid(x_z + h_z)
        r, z = (z, r) if swapped else (r, z)
        bias_n = np.split(bias_hidden, 3)[2]
        return mix(z, candidate(x_n, r, h_n, bias_n), h)

    return step


gru_step_exchanged = _step_with(mix=lambda z, n, h: z * n + (1 - z) * h)
gru_step_merged = _step_with(
    candidate=lambda x_n, r, h_n, bias_n: np.tanh(x_n + r * (h_n - bias_n) + bias_n)
)


def _paper(x, h, weight_input, weight_hidden, bias_input, bias_hidden):
    """The reset multiplies h before weight_hidden does."""
    u_r, u_z, u_n = np.split(weight_hidden, 3)
    b_r, b_z, b_n = np.split(bias_hidden, 3)
    x_r, x_z, x_n = np.split(x @ weight_input.T + bias_input, 3, axis=-1)
    r, z = _sigmoid(x_r + h @ u_r.T + b_r), _sigmoid(x_z + h @ u_z.T + b_z)
    n = np.tanh(x_n + (r * h) @ u_n.T + b_n)
    return (1 - z) * n + z * h


def _draw(batch=None):
    def draw(rng):
        rows, d_input, d_hidden = primes(rng, 3)
        return (
            rng.normal(size=(batch or rows, d_input)),
            np.tanh(rng.normal(size=(batch or rows, d_hidden))),
            rng.normal(size=(3 * d_hidden, d_input)),
            rng.normal(size=(3 * d_hidden, d_hidden)),
            rng.normal(size=3 * d_hidden),
            rng.normal(size=3 * d_hidden),
        )

    return draw


check_gru_step = Repair(
    name="gru_step",
    lesson=4,
    section="4",
    minutes=10,
    difficulty=3,
    task="""Judge one step of a GRU, in PyTorch's convention.

    h = answer(x, h, weight_input, weight_hidden, bias_input, bias_hidden), the weights
    stacked r, z, n: x (batch, d_input), h (batch, d_hidden), weight_input
    (3*d_hidden, d_input), weight_hidden (3*d_hidden, d_hidden), each bias (3*d_hidden).

    r and z are sigmoids of W x + b_i + U h + b_h; n = tanh(W_n x + b_in + r (U_n h +
    b_hn)); a share z of the old h stays.
    """,
    right=gru_step,
    returns=("h",),
    probes=(
        Probe("one row", "a batch of one", _draw(1)),
        Probe("batch", "a batch", _draw()),
    ),
    given="bias_outside",
    wrong={
        "exchanged": Wrong(
            gru_step_exchanged,
            broken="With z at 1 the state must stay as it is.",
            cause="z is the share of the new, as in the paper of Chung et al.; here it "
            "is the share of the old.",
            look="What does the last line return if z is 1?",
        ),
        "paper": Wrong(
            _paper,
            broken="It is PyTorch's only where r is 1, or weight_hidden is diagonal.",
            cause="r acts on h before weight_hidden does: the paper's form.",
            look="What stands beside r in the formula of n?",
        ),
        "no_reset": Wrong(
            _step_with(candidate=lambda x_n, r, h_n, bias_n: np.tanh(x_n + h_n)),
            broken="A candidate can be made without regard to the past.",
            cause="r has no effect.",
            look="Which of the three blocks is computed and never used?",
        ),
        "bias_outside": Wrong(
            gru_step_merged,
            broken="With r at 0 the candidate sees the input and its own bias alone.",
            cause="The second bias of n stands outside of the reset.",
            look="Which of the two biases of n belongs to h_n?",
        ),
        "order": Wrong(
            _step_with(swapped=True),
            broken="PyTorch stacks r, z, n.",
            cause="The first two blocks of the weights are read as z, r.",
            look="Which block has which name after the split?",
        ),
        "reset_all": Wrong(
            _step_with(candidate=lambda x_n, r, h_n, bias_n: np.tanh(r * (x_n + h_n))),
            broken="The reset is about the past, and the input is no past.",
            cause="r multiplies what comes from the input as well.",
            look="Where does the bracket behind r open?",
        ),
    },
    look="Set r to 0 in thought: what is left of n?",
    idea="z says how much stays, r how much of the past the candidate may see.",
    code="x_n + r * h_n, where h_n has its bias in it",
    news="z is a forget gate: with a bias b of its own it has a half-life as an LSTM's "
    "has. What enters is always the rest, 1 - z.",
)

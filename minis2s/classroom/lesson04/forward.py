"""Implement: one step of an LSTM."""

import numpy as np

from minis2s.classroom.implement import Implement, Wrong
from minis2s.classroom.probes import Probe, primes


def sigmoid(a):
    """The logistic function."""
    return 1 / (1 + np.exp(-a))


def lstm_step(x, h, c, weight_input, weight_hidden, bias):
    """Keep a share of the cell, add something new, and show a share of it."""
    gates = x @ weight_input.T + h @ weight_hidden.T + bias
    i, f, g, o = np.split(gates, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def step_with(
    cell=lambda i, f, g, c, h: f * c + i * g,
    shown=lambda o, c, before: o * np.tanh(c),
    order="ifgo",
    squash=np.tanh,
    bias_of=lambda bias: bias,
):
    """The same with one part exchanged.

    Args:
        cell: the next c, from gates after their activations.
        shown: the next h, from o and the cells after and before.
        order: in which the blocks of the weights are read.
        squash: the activation of the candidate.
        bias_of: what is added.
    """

    def step(x, h, c, weight_input, weight_hidden, bias):
        gates = x @ weight_input.T + h @ weight_hidden.T + bias_of(bias)
        part = dict(zip(order, np.split(gates, 4, axis=-1), strict=True))
        i, f, o = (sigmoid(part[name]) for name in "ifo")
        after = cell(i, f, squash(part["g"]), c, h)
        return shown(o, after, c), after

    return step


def _first_block_thrice(bias):
    """One bias, that of i, for all gates; the candidate keeps its own."""
    i, _, g, _ = np.split(bias, 4)
    return np.concatenate([i, i, g, i])


shared_bias = step_with(bias_of=_first_block_thrice)
order_ifog = step_with(order="ifog")
no_forget = step_with(cell=lambda i, f, g, c, h: c + i * g)
cell_lost = step_with(cell=lambda i, f, g, c, h: i * g)


def cell_not_updated(x, h, c, *weights):
    """The right h, and the cell as it was."""
    return lstm_step(x, h, c, *weights)[0], c


def first_sentence_cell(x, h, c, *weights):
    """Every sentence goes on from the first one's cell."""
    return lstm_step(x, h, np.broadcast_to(c[:1], c.shape), *weights)


def draw(rng, batch=None, zero_state=False):
    """Arguments of one step."""
    rows, d_input, d_hidden = primes(rng, 3)
    rows = batch or rows
    h = np.tanh(rng.normal(size=(rows, d_hidden))) * (not zero_state)
    return (
        rng.normal(size=(rows, d_input)),
        h,
        rng.normal(size=(rows, d_hidden)) * (not zero_state),
        rng.normal(size=(4 * d_hidden, d_input)),
        rng.normal(size=(4 * d_hidden, d_hidden)),
        rng.normal(size=4 * d_hidden),
    )


check_lstm_step = Implement(
    name="lstm_step",
    lesson=4,
    section="4",
    minutes=12,
    difficulty=2,
    task="""Judge one step of an LSTM: h, c = answer(x, h, c, weight_input, ...).

    Called as answer(x, h, c, weight_input, weight_hidden, bias), the weights stacked
    i, f, g, o: x (batch, d_input), h and c (batch, d_hidden), weight_input
    (4*d_hidden, d_input), weight_hidden (4*d_hidden, d_hidden), bias (4*d_hidden).

    c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g), and h_t = sigmoid(o) tanh(c_t)
    """,
    right=lstm_step,
    returns=("h", "c"),
    probes=(
        Probe("zero", "a state of zeros", lambda rng: draw(rng, 1, zero_state=True)),
        Probe("one row", "a batch of one", lambda rng: draw(rng, 1)),
        Probe("batch", "a batch", draw),
    ),
    wrong={
        "shared_bias": Wrong(
            shared_bias,
            broken="A forget gate that begins open needs a bias of its own.",
            cause="All three gates are given the bias of i.",
            look="Which quarter of the bias reaches f?",
        ),
        "order_ifog": Wrong(
            order_ifog,
            broken="The formulas are right; only the packing differs.",
            cause="The blocks are read as i, f, o, g; ours are i, f, g, o, PyTorch's "
            "order.",
            look="Compare the order of the names before the split.",
        ),
        "order_figo": Wrong(
            step_with(order="figo"),
            broken="The formulas are right; only the packing differs.",
            cause="The blocks are read as f, i, g, o; ours are i, f, g, o.",
            look="Compare the order of the names before the split.",
        ),
        "no_forget": Wrong(
            no_forget,
            broken="What a gate of 0 does not let through is gone.",
            cause="The old cell is added whole; f has no effect.",
            look="Which gate is computed and never used?",
        ),
        "cell_lost": Wrong(
            cell_lost,
            broken="What was in the cell has to be able to stay.",
            cause="The old cell does not enter the new one.",
            look="Count the terms of c_t.",
        ),
        "no_input_gate": Wrong(
            step_with(cell=lambda i, f, g, c, h: f * c + g),
            broken="A cell must be able to ignore what it reads.",
            cause="The candidate enters whole; i has no effect.",
            look="Which gate is computed and never used?",
        ),
        "coupled": Wrong(
            step_with(cell=lambda i, f, g, c, h: f * c + (1 - f) * g),
            broken="Holding the old and adding the new are two decisions here.",
            cause="The candidate enters by 1 - f, as in a GRU, not by i.",
            look="What multiplies the candidate?",
        ),
        "h_for_c": Wrong(
            step_with(cell=lambda i, f, g, c, h: f * h + i * g),
            broken="h has been through a gate and a tanh; c has not.",
            cause="The forget gate holds h instead of c.",
            look="Which of the two states does f multiply?",
        ),
        "no_tanh_of_c": Wrong(
            step_with(shown=lambda o, c, before: o * c),
            broken="h lies between -1 and 1, however much a cell has gathered.",
            cause="The cell is shown without its tanh.",
            look="What does o multiply?",
        ),
        "old_cell_shown": Wrong(
            step_with(shown=lambda o, c, before: o * np.tanh(before)),
            broken="h_t has to know of x_t's candidate.",
            cause="The cell that is shown is the one before the step.",
            look="In which order are c and h computed?",
        ),
        "candidate_sigmoid": Wrong(
            step_with(squash=sigmoid),
            broken="A cell must be able to count down as well as up.",
            cause="The candidate goes through a sigmoid, as if it were a gate.",
            look="Which of the four blocks is no gate?",
        ),
        "no_bias": Wrong(
            step_with(bias_of=lambda bias: 0 * bias),
            broken="With input and state at zero, a gate still has its bias.",
            cause="The bias is not added.",
            look="Count the terms that enter the gates.",
        ),
        "cell_not_updated": Wrong(
            cell_not_updated,
            broken="The next step goes on from the cell of this one.",
            cause="h is right, and the c that is returned is the old one.",
            look="Which cell does the last line hand on?",
        ),
        "swapped": Wrong(
            lambda *args: lstm_step(*args)[::-1],
            broken="Whoever takes h, c from a step gets the cell where h should be.",
            cause="h and c come back in the other order: c, h.",
            look="In which order does the last line name them?",
        ),
    },
    look="Take one unit by hand: four numbers, four squashings, two lines.",
    idea="One product for all four blocks, then cut it; c first, h from the new c.",
    code="i, f, g, o = np.split(gates, 4, axis=-1), gates (batch, 4*d_hidden).",
    news="between c_{t-1} and c_t stands one multiplication by f, and no weight. That "
    "is the whole invention.",
)

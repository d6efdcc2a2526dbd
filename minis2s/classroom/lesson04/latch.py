"""Invent: one cell, set by hand, that holds what it was told."""

import numpy as np

from minis2s.classroom.invent import Goal, Invent, Worked
from minis2s.numpy_ref.lstm import lstm_forward

N_STEPS, BATCH = 200, 32


def wide_open():
    """The flag opens the input gate and shuts the forget gate; large weights."""
    weight_input = np.array([[0.0, 20.0], [0.0, -20.0], [3.0, 0.0], [0.0, 0.0]])
    return weight_input, np.zeros((4, 1)), np.array([-10.0, 10.0, 0.0, 10.0])


def long_enough():
    """The same, with a forget gate that lasts about as long as it has to."""
    weight_input = np.array([[0.0, 14.0], [0.0, -9.0], [3.0, 0.0], [0.0, 0.0]])
    return weight_input, np.zeros((4, 1)), np.array([-9.0, np.log(400), 0.0, 2.0])


def _young():
    """What most libraries begin with: a forget bias of 1 at best."""
    weight_input = np.array([[0.0, 20.0], [0.0, -20.0], [3.0, 0.0], [0.0, 0.0]])
    return weight_input, np.zeros((4, 1)), np.array([-10.0, 1.0, 0.0, 10.0])


def _never_forgets():
    """It writes over nothing: the new is added to the old."""
    weight_input = np.array([[0.0, 20.0], [0.0, 0.0], [3.0, 0.0], [0.0, 0.0]])
    return weight_input, np.zeros((4, 1)), np.array([-10.0, 10.0, 0.0, 10.0])


def _three_cells():
    """The right cell, and two that do nothing."""
    weight_input, _, bias = wide_open()
    wide = np.zeros((4, 3, 2))
    wide[:, 0] = weight_input
    wide_bias = np.zeros((4, 3))
    wide_bias[:, 0] = bias
    return wide.reshape(12, 2), np.zeros((12, 3)), wide_bias.ravel()


def _measure(answer, rng):
    """Write +-1, hold through noise, write the opposite, hold again."""
    weights = [np.asarray(w, float) for w in answer()]
    d_hidden = len(weights[2]) // 4
    x = np.zeros((BATCH, 2 * N_STEPS, 2))
    x[..., 0] = rng.uniform(-1, 1, size=x.shape[:2])
    told = rng.choice([-1.0, 1.0], size=BATCH)
    x[:, 0], x[:, N_STEPS, 0] = np.stack([told, np.ones(BATCH)], axis=-1), -told
    x[:, N_STEPS, 1] = 1.0
    zeros = np.zeros((BATCH, d_hidden))
    outputs, _, cache = lstm_forward(x, (zeros, zeros), *weights)
    held, again = outputs[:, N_STEPS - 1, 0], outputs[:, -1, 0]
    cell = cache.c[:, :, 0]
    return {
        "held": float((held * told > 0.1).mean()),
        "left": float(np.median(cell[N_STEPS] / cell[1])),
        "again": float((again * -told > 0.1).mean()),
        "units": d_hidden,
    }


check_latch = Invent(
    name="latch",
    lesson=4,
    section="10",
    minutes=20,
    difficulty=4,
    task="""Judge the weights of an LSTM that is set by hand: answer().

    It returns weight_input (4*d_hidden, 2), weight_hidden (4*d_hidden, d_hidden) and
    bias (4*d_hidden), stacked i, f, g, o. At each step the cell reads a value and a
    flag. Where the flag is 1, the value is +1 or -1, and to be held; elsewhere the flag
    is 0 and the value is noise between -1 and 1. After 200 steps the sign of the first
    unit's h must be that of the value; then the opposite value is written over it.
    """,
    measure=_measure,
    goals={
        "held": Goal(
            "share of sequences with the right sign, h beyond 0.1, after 200 steps",
            0.99,
            at_least=True,
            broken="A cell that is not told to forget has to hold.",
            look="Which half-life has the forget gate while the flag is 0?",
            idea="A half-life of 200 steps needs a bias of about 5.7.",
            code="bias of f at 6 or more, of i at -9 or less.",
        ),
        "left": Goal(
            "share of the cell that is left after 200 steps, median",
            0.5,
            at_least=True,
            broken="A sign that hangs by a thread falls to the first noise.",
            look="Two things move the cell while it holds: which?",
            idea="Noise enters by i, and what was held leaks out by f.",
            code="Both gates nearly saturated while the flag is 0.",
        ),
        "again": Goal(
            "share right after the opposite was written and held as long",
            0.99,
            at_least=True,
            broken="What cannot be overwritten is no memory but a scar.",
            look="What is f at the step at which the flag is 1?",
            idea="The flag opens one gate and has to shut another.",
            code="A large negative weight from the flag to f.",
        ),
        "units": Goal(
            "cells",
            1,
            broken="One bit needs one cell.",
            look="Which rows of the weights have any effect?",
            idea="All four blocks may have one row each.",
            code="weight_input of shape (4, 2), weight_hidden of shape (4, 1).",
        ),
    },
    worked={
        "wide open": Worked(
            wide_open, {"held": 1.0, "left": 0.9910705084, "again": 1.0, "units": 1}
        ),
        "long enough": Worked(
            long_enough, {"held": 1.0, "left": 0.6086006083, "again": 1.0, "units": 1}
        ),
    },
    wrong={
        "held": _young,
        "again": _never_forgets,
        "units": _three_cells,
    },
    look="Take the four blocks in turn: what should each do while the flag is 0?",
    idea="Flag 0: i shut, f open. Flag 1: i open, f shut.",
    code="Biases of f and o large, of i very negative; the flag turns i and f round.",
    news="no weight looks at h: this cell remembers without reading itself. Training "
    "has to find the same four numbers from noise, which is why the first bias counts.",
)

"""Invent: weights through which a gradient survives a hundred steps."""

import numpy as np

from minis2s.classroom.invent import Goal, Invent, Worked
from minis2s.numpy_ref.rnn import rnn_backward, rnn_forward

N_STEPS, D_INPUT, D_HIDDEN = 100, 5, 32


def _orthogonal(size, rng):
    """A random rotation, perhaps with a reflection: it changes no length."""
    return np.linalg.qr(rng.normal(size=(size, size)))[0]


def rotation(d_input, d_hidden, rng):
    """A rotation, and inputs too quiet to bend the tanh."""
    weight_input = 0.01 * rng.normal(size=(d_hidden, d_input))
    return weight_input, _orthogonal(d_hidden, rng), np.zeros(d_hidden)


def conveyor(d_input, d_hidden, rng):
    """Half of the units read, and each hands on to the next: no weight but 0 and 1."""
    weight_input = np.zeros((d_hidden, d_input))
    weight_input[::2] = 0.01 * rng.choice([-1.0, 1.0], size=(len(weight_input[::2]), 1))
    weight_hidden = np.roll(np.eye(d_hidden), 1, axis=0)
    return weight_input, weight_hidden, np.zeros(d_hidden)


def _random(d_input, d_hidden, rng):
    """What a first attempt looks like: a spectral radius of about 1, loud inputs."""
    weight_hidden = rng.normal(size=(d_hidden, d_hidden)) / d_hidden**0.5
    return rng.normal(size=(d_hidden, d_input)), weight_hidden, np.zeros(d_hidden)


def _stretched(d_input, d_hidden, rng):
    """A rotation that lengthens what it turns, by a tenth."""
    weight_input, weight_hidden, bias = rotation(d_input, d_hidden, rng)
    return 1e-4 * weight_input, 1.1 * weight_hidden, bias


def _deaf(d_input, d_hidden, rng):
    """A rotation that hears nothing."""
    weights = rotation(d_input, d_hidden, rng)
    return 1e-6 * weights[0], *weights[1:]


def _measure(answer, rng):
    """How much of a gradient is left after 100 steps, at worst and at best."""
    kept, heard = [], []
    for _ in range(5):
        weights = [np.asarray(w, float) for w in answer(D_INPUT, D_HIDDEN, rng)]
        x = rng.normal(size=(7, N_STEPS, D_INPUT))
        outputs, _, cache = rnn_forward(x, (np.zeros((7, D_HIDDEN)),), *weights)
        grad_last = rng.normal(size=(7, D_HIDDEN))
        grads = rnn_backward(np.zeros_like(outputs), (grad_last,), cache)
        size = np.linalg.norm(grad_last)
        kept.append(float(np.linalg.norm(grads[1][0]) / size))
        heard.append(float(np.linalg.norm(grads[0][:, -1]) / size))
    return {"least": min(kept), "most": max(kept), "heard": min(heard)}


check_kept_gradient = Invent(
    name="kept_gradient",
    lesson=3,
    section="10",
    minutes=15,
    difficulty=4,
    task="""Judge weights through which a gradient survives a hundred steps.

    answer(d_input, d_hidden, rng) returns weight_input, weight_hidden and bias of a
    tanh network. It is drawn five times, with 32 units, and reads 100 steps of normal
    random input. How much of the gradient of the last state is left at the first one?
    """,
    measure=_measure,
    goals={
        "least": Goal(
            "share of the gradient left after 100 steps, the worst of 5",
            0.1,
            at_least=True,
            broken="What arrives as nothing teaches nothing.",
            look="Two things shrink it at each step: which two?",
            idea="A matrix need not change any length; a tanh near 0 has a slope near "
            "1.",
            code="np.linalg.qr of a random matrix has a rotation in it; keep h small.",
        ),
        "most": Goal(
            "share of the gradient left after 100 steps, the best of 5",
            10.0,
            broken="A gradient that explodes throws away what was learned.",
            look="By which factor does weight_hidden lengthen a vector, at most?",
            idea="1.1 to the power of 100 is 13,781.",
            code="All singular values of weight_hidden at 1, or a little below.",
        ),
        "heard": Goal(
            "gradient of the last input, beside that of the last state",
            0.003,
            at_least=True,
            broken="A network that hears nothing has nothing to keep.",
            look="How large is weight_input?",
            idea="Loud inputs bend the tanh, silent ones say nothing: there is room "
            "between.",
            code="Entries of weight_input of about 0.01.",
        ),
    },
    worked={
        "rotation": Worked(
            rotation,
            {"least": 0.2726130412, "most": 0.3419787267, "heard": 0.0190351968},
        ),
        "conveyor": Worked(
            conveyor,
            {"least": 0.5382569212, "most": 0.6059616668, "heard": 0.0078713606},
        ),
    },
    wrong={
        "least": _random,
        "most": _stretched,
        "heard": _deaf,
    },
    look="Print the largest and smallest singular value of weight_hidden, and the mean "
    "of 1 - h².",
    idea="Two factors a step: a matrix that keeps lengths, and a slope that is near 1.",
    code="weight_hidden a rotation, weight_input of about 0.01, bias zero.",
    news="it holds a gradient because it holds nothing firmly: every input stays, in a "
    "sum that noise moves. A latch keeps, and cannot learn to.",
)

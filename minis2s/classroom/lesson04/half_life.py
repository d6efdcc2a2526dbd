"""Trace: what a gate keeps, and for how long."""

import numpy as np

from minis2s.classroom.trace import Tempting, Trace


def _half_life(f):
    """Steps until a half is left, if f is left after each."""
    return np.log(2) / -np.log(f)


_F, _SLOW = 0.75, 0.99
_BIAS = np.log(_SLOW / (1 - _SLOW))

check_half_life = Trace(
    name="half_life",
    lesson=4,
    section="2",
    minutes=6,
    difficulty=1,
    task="""Judge five numbers: two forget gates that see nothing but their bias.

    sigmoid(b) = 1 / (1 + exp(-b)). The first gate has the bias ln 3. What is f, which
    share of c is left after 2 steps, and after how many steps is a half left? The
    second gate has f = 0.99. What is its bias, and its half-life? Each rounded to two
    decimals.
    """,
    entries=("f", "share after 2 steps", "half-life", "bias for 0.99", "its half-life"),
    expected=(_F, _F**2, _half_life(_F), _BIAS, _half_life(_SLOW)),
    tempting={
        "the_same_amount": Tempting(
            (_F, 1 - 2 * (1 - _F), 0.5 / (1 - _F), _BIAS, 0.5 / (1 - _SLOW)),
            cause="Each step takes the same amount away.",
            broken="A gate takes a share of what is still there, so the last crumb "
            "takes longest.",
            look="What is left of 1 after one step, and what is taken of that?",
        ),
        "time_constant": Tempting(
            (_F, _F**2, -1 / np.log(_F), _BIAS, -1 / np.log(_SLOW)),
            cause="The times are those until 37% is left, 1/e.",
            broken="After one half-life a half is left.",
            look="Which share stands on the left of the equation that was solved?",
        ),
        "odds": Tempting(
            (_F, _F**2, _half_life(_F), _SLOW / (1 - _SLOW), _half_life(_SLOW)),
            cause="The bias is 99, the odds of 0.99 against 0.01.",
            broken="The sigmoid of 99 is 1 but for 43 zeros.",
            look="Solve f = 1 / (1 + exp(-b)) for b, to the end.",
        ),
        "share_squared_twice": Tempting(
            (_F, _F**3, _half_life(_F), _BIAS, _half_life(_SLOW)),
            cause="Three steps have been counted.",
            broken="Two steps are two factors.",
            look="Which step is the first that multiplies?",
        ),
    },
    broken="After one half-life, f to that power is a half.",
    look="Write down c after one step, after two, after n.",
    idea="c_n = f to the power n, and the half-life solves f^n = 1/2.",
    code="n = ln 2 / -ln f; and b = ln(f / (1 - f)).",
    news="for f near 1 the half-life is about 0.69 times exp(b): three more in the "
    "bias remember twenty times as long.",
)

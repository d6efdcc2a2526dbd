"""Test: is this an LSTM step?"""

import numpy as np

from minis2s import specs
from minis2s.classroom.lesson04.forward import (
    cell_not_updated,
    first_sentence_cell,
    lstm_step,
    no_forget,
    order_ifog,
    shared_bias,
    step_with,
)
from minis2s.classroom.write_test import Faulty, WriteTest
from minis2s.numpy_ref import lstm


def _package(x, h, c, *weights):
    return lstm.lstm_step_forward(x, (h, c), *weights)[0]


def _deaf(x, h, c, *weights):
    """The gates hear x alone."""
    return lstm_step(x, np.zeros_like(h), c, *weights)


def _two_orders(x, h, c, weight_input, *rest):
    """The weights of x are read as i, f, o, g, all others as i, f, g, o."""
    i, f, g, o = np.split(weight_input, 4)
    return lstm_step(x, h, c, np.concatenate([i, f, o, g]), *rest)


def _test(batch=2, x=1.0, h=1.0, c=1.0, bias=1.0, looked_at=(0, 1), tolerance=1e-9):
    """A step beside the loop specification, one sentence after the other."""

    def step_is_right(step):
        rng = np.random.default_rng(0)
        shapes = (batch, 3), (batch, 5), (batch, 5), (20, 3), (20, 5), (20,)
        scales = (x, h, c, 1.0, 1.0, bias)
        args = [
            s * rng.normal(size=shape) for s, shape in zip(scales, shapes, strict=True)
        ]
        got = step(*args)
        rows, shared = args[:3], args[3:]
        for b in range(batch):
            want = specs.recurrence.lstm_step(*(row[b] for row in rows), *shared)
            for k in looked_at:
                if np.abs(got[k][b] - want[k]).max() > tolerance:
                    return False
        return True

    return step_is_right


step_is_right = _test()
"""The published solution."""

check_step_test = WriteTest(
    name="step_test",
    lesson=4,
    section="10",
    minutes=12,
    difficulty=3,
    task="""Judge a test of an LSTM step: answer(step).

    h, c = step(x, h, c, weight_input, weight_hidden, bias), as in lstm_step. The test
    may compare with specs.recurrence.lstm_step, which takes one sentence at a time, or
    with torch.nn.LSTMCell. It accepts by returning True or nothing, and rejects by
    returning False or raising an AssertionError.
    """,
    answer=step_is_right,
    right={"in four lines": (lstm_step,), "the package's": (_package,)},
    faulty={
        "shared_bias": Faulty(
            (shared_bias,),
            "gives all three gates the same bias",
            look="What are the biases of the test?",
            idea="Where biases are zero, they are all alike.",
            code="bias = rng.normal(size=4 * d_hidden)",
        ),
        "no_forget": Faulty(
            (no_forget,),
            "never forgets: the old cell is added whole",
            look="Which cell does the step of the test begin with?",
            idea="An empty cell has nothing to forget.",
            code="Draw c at random instead of taking zeros.",
        ),
        "first_sentence_cell": Faulty(
            (first_sentence_cell,),
            "goes on from the first sentence's cell in every row",
            look="How many sentences has the batch of the test?",
            idea="One sentence cannot show what happens to a second.",
            code="A batch of two or more.",
        ),
        "cell_not_updated": Faulty(
            (cell_not_updated,),
            "shows the right h and hands on the cell as it was",
            look="Which of the two results does the test look at?",
            idea="h can be right at this step and wrong at the next.",
            code="Compare c as well as h.",
        ),
        "order_ifog": Faulty(
            (order_ifog,),
            "reads the blocks of the weights as i, f, o, g",
            look="Are the four blocks of weights different from one another?",
            idea="Where blocks are equal, their order cannot be seen.",
            code="Draw every entry of both weight matrices at random.",
        ),
        "h_without_tanh": Faulty(
            (step_with(shown=lambda o, c, before: o * c),),
            "hands on the right cell and shows it without its tanh",
            look="Which of the two results does the test look at?",
            idea="c can be right and what the others see of it wrong.",
            code="Compare h as well as c.",
        ),
        "deaf": Faulty(
            (_deaf,),
            "never hears the h of the step before",
            look="Which h does the step of the test begin with?",
            idea="Where h is zero, weight_hidden has nothing to multiply.",
            code="Draw h at random instead of taking zeros.",
        ),
        "two_orders": Faulty(
            (_two_orders,),
            "reads the blocks of weight_input alone as i, f, o, g",
            look="What does the step of the test read?",
            idea="Where x is zero, weight_input has nothing to multiply.",
            code="Draw x at random instead of taking zeros.",
        ),
    },
    wrong={
        "accepts_all": lambda step: None,
        "rejects_right": _test(tolerance=-1.0),
        "shared_bias": _test(bias=0.0),
        "no_forget": _test(h=0.0, c=0.0),
        "first_sentence_cell": _test(batch=1),
        "cell_not_updated": _test(looked_at=(0,)),
        "h_without_tanh": _test(looked_at=(1,)),
        "deaf": _test(x=0.0, h=0.0),
        "two_orders": _test(x=0.0),
    },
    look="Six arguments, two results: is each of them there, and none of them zero?",
    idea="Draw everything at random, and compare with somebody else's mathematics.",
    code="specs.recurrence.lstm_step(x[b], h[b], c[b], weight_input, weight_hidden, "
    "bias), for every b.",
    news="numpy-ml had tests that compared with PyTorch, and #42 passed them: three "
    "gates shared one bias.",
)

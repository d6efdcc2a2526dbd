"""Test: does a backward pass through time hold?"""

import numpy as np

from minis2s.classroom.lesson03.backward import (
    lost_path,
    outside_lost,
    replaced,
    rnn_backward,
    transposed,
    zero_start,
)
from minis2s.classroom.lesson03.forward import rnn_forward
from minis2s.classroom.write_test import Faulty, WriteTest
from minis2s.numpy_ref import rnn

# --- implementations under test ---


def _package_forward(x, h, *weights):
    return rnn.rnn_forward(x, (h,), *weights)[0]


def _package_backward(grad_outputs, outputs, x, h, weight_input, weight_hidden):
    states = np.concatenate([h[:, None], outputs], axis=1)
    cache = rnn.RNNCache(x, weight_input, weight_hidden, states)
    grad_x, (grad_h,), *grads = rnn.rnn_backward(grad_outputs, None, cache)
    return grad_x, grad_h, *grads


def _first_sentence_alone(grad_outputs, *args):
    """The weights learn from the first sentence of the batch."""
    grad_x, grad_h, *_ = rnn_backward(grad_outputs, *args)
    masked = np.zeros_like(grad_outputs)
    masked[0] = grad_outputs[0]
    return grad_x, grad_h, *rnn_backward(masked, *args)[2:]


# --- tests of them ---


def _test(
    batch=2,
    length=3,
    start=1.0,
    upstream=lambda rng, shape: rng.normal(size=shape),
    recurrent=lambda rng, n: rng.normal(size=(n, n)),
    looked_at=range(5),
    tolerance=1e-6,
):
    """Slopes along a random direction of each argument, beside its gradient."""

    def bptt_is_right(forward, backward):
        rng = np.random.default_rng(0)
        shapes = (batch, length, 5), (batch, 7), (7, 5), (7, 7), (7,)
        args = [0.3 * rng.normal(size=shape) for shape in shapes]
        args[1] = start * args[1]
        args[3] = 0.3 * recurrent(rng, 7)
        outputs = forward(*args)
        grad_outputs = upstream(rng, outputs.shape)
        grads = backward(grad_outputs, outputs, *args[:4])
        for i in looked_at:
            direction = rng.normal(size=args[i].shape)
            ends = [[*args], [*args]]
            ends[0][i] = args[i] - 1e-6 * direction
            ends[1][i] = args[i] + 1e-6 * direction
            behind, ahead = ((grad_outputs * forward(*end)).sum() for end in ends)
            slope = (ahead - behind) / 2e-6
            if abs((grads[i] * direction).sum() - slope) > tolerance:
                return False
        return True

    return bptt_is_right


bptt_is_right = _test()
"""The published solution."""


def _last_alone(rng, shape):
    upstream = np.zeros(shape)
    upstream[:, -1] = rng.normal(size=upstream[:, -1].shape)
    return upstream


check_bptt_test = WriteTest(
    name="bptt_test",
    lesson=3,
    section="10",
    minutes=12,
    difficulty=3,
    task="""Judge a test of backpropagation through time: answer(forward, backward).

    outputs = forward(x, h, weight_input, weight_hidden, bias), and backward(
    grad_outputs, outputs, x, h, weight_input, weight_hidden) returns grad_x, grad_h,
    grad_weight_input, grad_weight_hidden, grad_bias. The test accepts by returning True
    or nothing, and rejects by returning False or raising an AssertionError.
    """,
    answer=bptt_is_right,
    right={
        "by steps": (rnn_forward, rnn_backward),
        "the package's": (_package_forward, _package_backward),
    },
    faulty={
        "lost_path": Faulty(
            (rnn_forward, lost_path),
            "hands nothing back from a step to the one before it",
            look="How many steps has the sequence of the test?",
            idea="One step has no step before it, and so nothing to lose.",
            code="x of a shape such as (2, 3, 5): three steps.",
        ),
        "replaced": Faulty(
            (rnn_forward, replaced),
            "has weight gradients that are those of step 1 alone",
            look="Which of the five results does the test look at?",
            idea="grad_x and grad_h can be right while no weight learns as it should.",
            code="Loop over all five, each with a slope of its own.",
        ),
        "outside_lost": Faulty(
            (rnn_forward, outside_lost),
            "lets the loss enter at the last step alone",
            look="At which steps is the upstream gradient of the test not zero?",
            idea="A language model is judged at every step.",
            code="grad_outputs = rng.normal(size=outputs.shape)",
        ),
        "transposed": Faulty(
            (rnn_forward, transposed),
            "goes back through weight_hidden on its side",
            look="Is weight_hidden of the test equal to its transpose?",
            idea="Identity and diagonal matrices look the same from both sides.",
            code="Draw every entry of weight_hidden at random.",
        ),
        "zero_start": Faulty(
            (rnn_forward, zero_start),
            "takes the initial state to be zero in grad_weight_hidden",
            look="Which state does the sequence of the test begin with?",
            idea="A share that is multiplied by zero cannot be missed.",
            code="Draw h at random instead of taking zeros.",
        ),
        "first_sentence": Faulty(
            (rnn_forward, _first_sentence_alone),
            "lets the weights learn from the first sentence of a batch alone",
            look="How many sentences has the batch of the test?",
            idea="One sentence cannot show that others are left out.",
            code="A batch of two or more.",
        ),
    },
    wrong={
        "accepts_all": lambda forward, backward: None,
        "rejects_right": _test(tolerance=0.0),
        "lost_path": _test(length=1),
        "replaced": _test(looked_at=(0, 1)),
        "outside_lost": _test(upstream=_last_alone),
        "transposed": _test(recurrent=lambda rng, n: np.diag(rng.normal(size=n))),
        "zero_start": _test(start=0.0),
        "first_sentence": _test(batch=1),
    },
    look="Arguments, an upstream gradient, five gradients, five slopes: are all there?",
    idea="Move one argument along a random direction, and see how the loss moves.",
    code="loss = (grad_outputs * forward(*args)).sum(), at arg + step * u and arg - "
    "step * u, beside (grad * u).sum().",
    news="five slopes were enough for 5 d + d² numbers. Each direction mixes all "
    "entries of its argument, so whichever is wrong shows.",
)

"""Two exercises about proof: a test that catches wrong gradients, and a cheap one."""

import numpy as np

from minis2s.classroom.invent import Goal, Invent, Worked
from minis2s.classroom.lesson02.backward import softmax_backward
from minis2s.classroom.lesson02.forward import softmax
from minis2s.classroom.results import try_out
from minis2s.classroom.write_test import Faulty, WriteTest, accepts

# --- implementations under test ---


def _softmax_by_logs(scores):
    """Right, on a way of its own."""
    top = scores.max(axis=-1, keepdims=True)
    total = np.exp(scores - top).sum(axis=-1, keepdims=True)
    return np.exp(scores - top - np.log(total))


def _backward_by_jacobian(grad_weights, weights):
    """Right, by the whole Jacobian of every row."""
    eye = np.eye(weights.shape[-1])
    jacobian = weights[..., None] * (eye - weights[..., None, :])
    return (jacobian @ grad_weights[..., None])[..., 0]


def _zeros(grad_weights, weights):
    return np.zeros_like(weights)


def _twice(grad_weights, weights):
    return 2 * softmax_backward(grad_weights, weights)


def _first_row_alone(grad_weights, weights):
    grad = softmax_backward(grad_weights, weights)
    grad[1:] = 0.0
    return grad


def _rows_coupled(grad_weights, weights):
    return weights * (grad_weights - (grad_weights * weights).sum())


def _last_column_negated(grad_weights, weights):
    grad = softmax_backward(grad_weights, weights)
    grad[..., -1] *= -1
    return grad


def _slightly_off(grad_weights, weights):
    return 1.001 * softmax_backward(grad_weights, weights)


# --- tests of them ---


def _slopes(forward, scores, grad_weights, step=1e-6):
    """Central differences of sum(grad_weights * weights), entry by entry."""
    slopes = np.zeros_like(scores)
    for index in np.ndindex(scores.shape):
        there, back = scores.copy(), scores.copy()
        there[index] += step
        back[index] -= step
        gap = forward(there) - forward(back)
        slopes[index] = (grad_weights * gap).sum() / (2 * step)
    return slopes


def _test(shape=(2, 3), upstream=None, close=np.allclose):
    """A gradient check of every entry."""

    def gradient_is_right(forward, backward):
        rng = np.random.default_rng(0)
        scores = rng.normal(size=shape)
        grad_weights = upstream(shape) if upstream else rng.normal(size=shape)
        grad = backward(grad_weights, forward(scores))
        return bool(close(grad, _slopes(forward, scores, grad_weights)))

    return gradient_is_right


gradient_is_right = _test()
"""The published solution."""


def _sums_alone(forward, backward):
    """Only a property is asked for, which a factor does not touch."""
    scores, grad_weights = np.random.default_rng(0).normal(size=(2, 2, 3))
    grad = backward(grad_weights, forward(scores))
    return bool(grad.any() and np.allclose(grad.sum(axis=-1), 0.0))


check_gradient_test = WriteTest(
    name="gradient_test",
    lesson=2,
    section="6",
    minutes=12,
    difficulty=3,
    task="""Judge a test of a softmax's backward pass: answer(forward, backward).

    weights = forward(scores) and grad_scores = backward(grad_weights, weights), of any
    shape, over the last axis. The test accepts by returning True or nothing, and
    rejects by returning False or raising an AssertionError.
    """,
    answer=gradient_is_right,
    right={
        "by the formula": (softmax, softmax_backward),
        "by the Jacobian": (_softmax_by_logs, _backward_by_jacobian),
    },
    faulty={
        "zeros": Faulty(
            (softmax, _zeros),
            "returns zeros",
            look="For which upstream gradient are zeros the truth?",
            idea="A row sums to 1 whatever its scores, so a loss that sums it is flat.",
            code="Draw grad_weights at random instead of taking np.ones.",
        ),
        "twice": Faulty(
            (softmax, _twice),
            "returns gradients that are twice too long",
            look="Does the test know any number that the gradient should have?",
            idea="The slope between two neighbouring points is such a number.",
            code="(loss(scores + step) - loss(scores - step)) / (2 * step)",
        ),
        "rows_coupled": Faulty(
            (softmax, _rows_coupled),
            "lets the rows of a batch leak into each other",
            look="How many rows have the scores of the test?",
            idea="One row cannot show that it depends on another.",
            code="Scores of a shape like (2, 3), with no axis of length 1.",
        ),
        "first_row_alone": Faulty(
            (softmax, _first_row_alone),
            "is right in row 0 and returns zeros in all other rows",
            look="Which rows and which entries does the test look at?",
            idea="Every entry can be wrong alone, so every entry has to enter.",
            code="Loop over np.ndindex(scores.shape), or take a random direction.",
        ),
        "last_column_negated": Faulty(
            (softmax, _last_column_negated),
            "has the wrong sign in the last column alone",
            look="Is anything squared, or made positive, before it is compared?",
            idea="Compare the differences, entry by entry, not the lengths.",
            code="np.allclose(grad, slopes), signs and all.",
        ),
        "slightly_off": Faulty(
            (softmax, _slightly_off),
            "is a thousandth too long",
            look="How far apart may two numbers be and still count as equal?",
            idea="Central differences are good to nine digits here; ask for six.",
            code="np.allclose has tolerances of its own; rtol=1e-6 is enough.",
        ),
    },
    wrong={
        "accepts_all": lambda forward, backward: None,
        "rejects_right": _test(close=np.array_equal),
        "zeros": _test(upstream=np.ones),
        "twice": _sums_alone,
        "rows_coupled": _test(shape=(1, 3)),
        "first_row_alone": _test(close=lambda a, b: np.allclose(a[0], b[0])),
        "last_column_negated": _test(close=lambda a, b: np.allclose(abs(a), abs(b))),
        "slightly_off": _test(close=lambda a, b: np.allclose(a, b, rtol=1e-2)),
    },
    look="Scores, an upstream gradient, a slope: are there all three?",
    idea="Two evaluations of a loss, close to each other, give a slope that needs no "
    "derivation.",
    code="loss = (grad_weights * forward(scores)).sum(), at scores + step and - step.",
    news="a test is a claim as well: it has been tested here on six faults, which is "
    "how the museum of this course tests its tests.",
)


# --- invent: the cheapest such test ---


def _along(direction_of, back):
    """A test along one direction; `back` is 1 for central differences, 0 for one-sided.

    One-sided, the point itself is the second point, so one evaluation serves twice.
    """

    def test(forward, backward, rng):
        scores, grad_weights = rng.normal(size=(2, 3, 5))
        direction, step = direction_of(rng, scores.shape), 1e-7
        weights = forward(scores)
        behind = forward(scores - step * direction) if back else weights
        gap = forward(scores + step * direction) - behind
        slope = (grad_weights * gap).sum() / (step * (1 + back))
        grad = backward(grad_weights, weights)
        return bool(abs((grad * direction).sum() - slope) < 1e-6 * np.abs(grad).max())

    return test


def _random(rng, shape):
    return rng.normal(size=shape)


def _one_entry(rng, shape):
    direction = np.zeros(shape)
    direction[0, 0] = 1.0
    return direction


def _every_entry(forward, backward, rng):
    return gradient_is_right(forward, backward)


def _hasty(forward, backward, rng):
    """No tolerance worth the name."""
    scores, grad_weights, direction = rng.normal(size=(3, 3, 5))
    weights = forward(scores)
    gap = forward(scores + 1e-6 * direction) - weights
    slope = (grad_weights * gap).sum() / 1e-6
    return bool((backward(grad_weights, weights) * direction).sum() == slope)


_ROUNDS = 20


def _measure(answer, rng):
    """False alarms, how surely the most evasive fault is caught, and the cost."""
    n_calls, alarms, caught = 0, 0, []

    def counted(forward):
        def call(scores):
            nonlocal n_calls
            n_calls += 1
            return forward(scores)

        return call

    def verdict(forward, backward):
        generator = np.random.default_rng(int(rng.integers(2**32)))
        trial = try_out(answer, (counted(forward), backward, generator))
        if isinstance(trial.error, NotImplementedError):
            raise trial.error
        return accepts(trial)

    for _ in range(_ROUNDS):
        alarms += sum(not verdict(*pair) for pair in check_gradient_test.right.values())
    evaluations = n_calls / (_ROUNDS * len(check_gradient_test.right))
    for faulty in check_gradient_test.faulty.values():
        caught.append(sum(not verdict(*faulty.args) for _ in range(_ROUNDS)))
    return {
        "alarms": float(alarms),
        "caught": float(min(caught)),
        "evaluations": evaluations,
    }


check_cheap_test = Invent(
    name="cheap_test",
    lesson=2,
    section="6",
    minutes=15,
    difficulty=4,
    task="""Judge a cheap test of a softmax's backward pass.

    answer(forward, backward, rng), as in check_gradient_test, draws from rng. It is
    tried 20 times on two right implementations and on each of the six faulty ones. How
    few evaluations of forward does it take to catch all six, and never to cry wolf?
    """,
    measure=_measure,
    goals={
        "alarms": Goal(
            "false alarms in 40 tests of right code",
            0,
            broken="A test that cries wolf is switched off.",
            look="How exact is a difference of two numbers that agree to six digits?",
            idea="Rounding costs digits when close numbers are subtracted.",
            code="Allow an error of 1e-6 of the gradient; a thousandth still shows.",
        ),
        "caught": Goal(
            "tests of 20 that catch the fault which hides best",
            19,
            at_least=True,
            broken="Each fault shows in some entries, for almost every upstream "
            "gradient.",
            look="Which entries have a say in what the test compares?",
            idea="One number can mix all entries, each with a weight of its own.",
            code="(grad * direction).sum() is the slope along a random direction.",
        ),
        "evaluations": Goal(
            "evaluations of forward in one test",
            3,
            broken="Two for each entry is too many where there are a million entries.",
            look="How many slopes are measured, and in how many directions?",
            idea="One slope, along a direction that mixes all entries, is enough.",
            code="loss(scores + step * u) and loss(scores - step * u), once.",
        ),
    },
    worked={
        "central": Worked(
            _along(_random, back=1), {"alarms": 0.0, "caught": 20.0, "evaluations": 3.0}
        ),
        "one-sided": Worked(
            _along(_random, back=0), {"alarms": 0.0, "caught": 20.0, "evaluations": 2.0}
        ),
    },
    wrong={
        "alarms": _hasty,
        "caught": _along(_one_entry, back=1),
        "evaluations": _every_entry,
    },
    look="Begin with the test of the last exercise, and count.",
    idea="A gradient tells the slope along any direction, not only along the axes.",
    code="Draw u; compare (grad * u).sum() with the slope of the loss along u.",
    news="the cost does not grow with the number of parameters, and that is why "
    "numpy_ref.gradcheck can check a whole model.",
)

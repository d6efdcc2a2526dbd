"""Implement: the softmax backwards."""

import numpy as np

from minis2s.classroom.evidence import Evidence
from minis2s.classroom.implement import Implement, Wrong
from minis2s.classroom.lesson02.forward import softmax
from minis2s.classroom.probes import Probe, primes


def softmax_backward(grad_weights, weights):
    """Each weight times what its own gradient exceeds the row's mean by."""
    row_mean = (grad_weights * weights).sum(axis=-1, keepdims=True)
    return weights * (grad_weights - row_mean)


def _coupled(axis, reduce=np.sum):
    """The same with another sum in the coupling."""

    def backward(grad_weights, weights):
        product = grad_weights * weights
        return weights * (grad_weights - reduce(product, axis=axis, keepdims=True))

    return backward


def _of_log_softmax(grad_weights, weights):
    """The backward pass of another function."""
    return grad_weights - weights * grad_weights.sum(axis=-1, keepdims=True)


def _unweighted(grad_weights, weights):
    """The coupling sums the gradients alone."""
    return weights * (grad_weights - grad_weights.sum(axis=-1, keepdims=True))


def _plain_mean(grad_weights, weights):
    """The mean that is taken off is not one by weight."""
    return weights * (grad_weights - grad_weights.mean(axis=-1, keepdims=True))


def _weights_of(n_axes, *shape):
    """Draw a random upstream gradient, and softmax weights of its shape."""

    def draw(rng):
        sizes = shape or primes(rng, n_axes)
        return rng.normal(size=sizes), softmax(rng.normal(size=sizes))

    return draw


def _row_sum(e: Evidence) -> str:
    """What the row that is farthest from 0 sums to."""
    sums = e.got.sum(axis=-1)
    row = np.unravel_index(np.abs(sums).argmax(), sums.shape)
    place = ", ".join(map(str, row))
    return f"But grad_scores[{place}] sums to {sums[row]:.3f}."


def _rows_sum_to_zero(e: Evidence) -> str:
    """The property that shows most faults, if it does not hold."""
    broken = np.abs(e.got.sum(axis=-1)).max() > 1e-9
    return f"{_row_sum(e)[4:]} {_SUMS_TO_ZERO}" if broken else ""


_SUMS_TO_ZERO = (
    "It should be 0: a constant added to all scores of a row changes no weight."
)

check_softmax_backward = Implement(
    name="softmax_backward",
    lesson=2,
    section="4",
    minutes=15,
    difficulty=3,
    task="""Judge a backward pass of the softmax over the last axis.

    grad_scores = answer(grad_weights, weights), where weights = softmax(scores) and
    grad_weights is the gradient of a loss with respect to them, all of one shape.

    d weights_r / d scores_s = weights_r (1[r = s] - weights_s)
    """,
    right=softmax_backward,
    returns=("grad_scores",),
    probes=(
        Probe("row", "a single row of three", _weights_of(2, 1, 3)),
        Probe("rows", "several rows", _weights_of(2)),
        Probe("batch", "an axis more, for sentences", _weights_of(3)),
    ),
    wrong={
        "no_coupling": Wrong(
            lambda grad_weights, weights: weights * grad_weights,
            case=_row_sum,
            broken=_SUMS_TO_ZERO,
            cause="What the other weights of the row lose is missing.",
            look="Raise one score: which weights change, and in which direction?",
            idea="Each weight depends on every score of its row, not on its own alone.",
        ),
        "elementwise": Wrong(
            lambda grad_weights, weights: grad_weights * weights * (1 - weights),
            case=_row_sum,
            broken=_SUMS_TO_ZERO,
            cause="Only what each weight owes to its own score is there, w (1 - w).",
            look="How does weight 1 change when score 0 is raised?",
            idea="By another score s, weight r changes by -w_r w_s, not by 0.",
        ),
        "zeros": Wrong(
            lambda grad_weights, weights: np.zeros_like(weights),
            broken="The rows sum to 0, and nothing would be learned from them.",
            cause="All entries are 0, whatever the upstream gradient.",
            look="For which upstream gradient alone is that right?",
        ),
        "sign": Wrong(
            lambda grad_weights, weights: -softmax_backward(grad_weights, weights),
            broken="The rows sum to 0, and every entry has the size it should have.",
            cause="Each is the negative of what it should be.",
            look="Which of the two terms has the minus sign?",
            idea="A score whose weight the loss wants higher than the mean is raised.",
        ),
        "of_log_softmax": Wrong(
            _of_log_softmax,
            broken="The rows sum to 0, but an entry whose weight is near 0 must have a "
            "gradient near 0, and here it keeps its own.",
            cause="This is the backward pass of the logarithm of the softmax.",
            look="Compare what stands in front of the bracket.",
            idea="d log w = dw / w: the two derivatives differ by a factor of w_r.",
        ),
        "unweighted": Wrong(
            _unweighted,
            case=_row_sum,
            broken=_SUMS_TO_ZERO,
            cause="The coupling sums the upstream gradients as if all weights were 1.",
            look="Whose change is it that each upstream gradient is multiplied with?",
        ),
        "mean": Wrong(
            _coupled(-1, np.mean),
            case=_row_sum,
            broken=_SUMS_TO_ZERO,
            cause="The coupling is too small by the length of the row: a mean over its "
            "entries in place of their sum.",
            look="The weights make a mean of it already: what do they sum to?",
        ),
        "plain_mean": Wrong(
            _plain_mean,
            case=_row_sum,
            broken=_SUMS_TO_ZERO,
            cause="The mean that is taken off counts every entry alike.",
            look="Whose share is it that each upstream gradient moves?",
            idea="The mean is one by weight: a word of no weight has no say in it.",
        ),
        "no_weight_in_front": Wrong(
            lambda grad_weights, weights: (
                grad_weights - (grad_weights * weights).sum(axis=-1, keepdims=True)
            ),
            case=_row_sum,
            broken=_SUMS_TO_ZERO,
            cause="The bracket is right; the weight in front of it is missing.",
            look="A score whose weight is 0: what should its gradient be?",
        ),
        "weights_as_scores": Wrong(
            lambda grad_weights, weights: softmax_backward(
                grad_weights, softmax(weights)
            ),
            broken="The rows sum to 0, but they belong to flatter weights.",
            cause="A softmax is taken of `weights`, which have been through one.",
            look="Look at what the second argument is.",
            idea="The cache holds the result of the forward pass, not its input.",
        ),
        "coupled_down_the_column": Wrong(
            _coupled(0),
            case=_row_sum,
            broken=_SUMS_TO_ZERO,
            cause="The coupling runs over axis 0, down the columns.",
            look="Which entries share out one unit among them?",
        ),
        "coupled_over_everything": Wrong(
            _coupled(None),
            case=_row_sum,
            broken=_SUMS_TO_ZERO,
            cause="One number couples all rows; each should have its own.",
            look="Along which axis does the sum run?",
            idea="Without an axis, NumPy sums everything that there is.",
        ),
        "coupled_over_axis_1": Wrong(
            _coupled(1),
            case=_row_sum,
            broken=_SUMS_TO_ZERO,
            cause="The coupling runs over axis 1, which is the last one only of two.",
            look="Count the axes: along which one do the weights sum to 1?",
        ),
        "transposed": Wrong(
            lambda grad_weights, weights: softmax_backward(
                grad_weights, weights
            ).swapaxes(-1, -2),
            broken="A gradient has the shape of what it is the gradient of.",
            cause="The values are right, and lie on their side.",
            look="Look at what is done after the bracket.",
        ),
    },
    properties=(_rows_sum_to_zero,),
    look="Compute one entry by hand, as a sum over r of grad_weights_r times the "
    "derivative of weights_r.",
    idea="Two terms: the entry's own, and one number for the whole row.",
    code="The row's number is the sum of grad_weights * weights over the last axis.",
    news="an upstream gradient of all ones gives zeros, since a row always sums to 1. "
    "A test that uses it would accept `return zeros`.",
)

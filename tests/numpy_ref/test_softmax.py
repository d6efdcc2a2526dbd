"""Softmax, masked softmax, log-softmax: loop specification, differences, edge cases."""

import inspect
import warnings

import numpy as np
import pytest

from minis2s import specs
from minis2s.numpy_ref import softmax
from minis2s.numpy_ref.gradcheck import (
    check_gradient,
    numerical_gradient,
    relative_error,
)

BATCH, TGT_LEN, SRC_LEN = 2, 3, 5
SPEC = {"rtol": 1e-12, "atol": 1e-12}
GRADIENT = 1e-6


@pytest.fixture
def rng():
    """A fresh generator for every test."""
    return np.random.default_rng(20)


@pytest.fixture
def scores(rng):
    """Unit normal scores."""
    return rng.normal(size=(BATCH, TGT_LEN, SRC_LEN))


@pytest.fixture
def mask():
    """Ragged lengths 5 and 3, and one row that may attend to nothing."""
    mask = np.ones((BATCH, TGT_LEN, SRC_LEN), dtype=bool)
    mask[1, :, 3:] = False
    mask[0, 1] = False
    return mask


# --- softmax ---


@pytest.mark.parametrize("offset", [0.0, -30.0, 1e4, -1e4])
def test_softmax_agrees_with_the_loop(scores, offset):
    """Rung 1: the softmax is the loop's, wherever the scores lie."""
    scores = scores + offset
    weights, _ = softmax.softmax_forward(scores)
    nothing_hidden = np.ones(SRC_LEN, dtype=bool)
    for b, t in np.ndindex(BATCH, TGT_LEN):
        expected = specs.softmax(scores[b, t], nothing_hidden)
        np.testing.assert_allclose(weights[b, t], expected, **SPEC)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_softmax_sums_to_one_along_its_axis(scores, axis):
    """The weights sum to 1 along the axis that was asked for."""
    weights, _ = softmax.softmax_forward(scores, axis=axis)
    np.testing.assert_allclose(weights.sum(axis=axis), 1.0, **SPEC)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_softmax_gradient(rng, scores, axis):
    """Rung 2: the hand-written gradient agrees with central differences."""
    grad_weights = rng.normal(size=scores.shape)

    def loss(scores):
        return (softmax.softmax_forward(scores, axis=axis)[0] * grad_weights).sum()

    _, cache = softmax.softmax_forward(scores, axis=axis)
    grad_scores = softmax.softmax_backward(grad_weights, cache)
    assert relative_error(grad_scores, numerical_gradient(loss, scores)) < GRADIENT
    assert check_gradient(loss, scores, grad_scores, rng) < GRADIENT


# --- masked softmax ---


@pytest.mark.parametrize("offset", [0.0, -30.0, 1e4, -1e4])
def test_masked_softmax_agrees_with_the_loop(scores, mask, offset):
    """Rung 1: the same, with ragged lengths and a fully masked row.

    The hidden scores stay near 0, so that -30 is low and 1e4 high beside them.
    """
    scores = scores + np.where(mask, offset, 0.0)
    weights, _ = softmax.masked_softmax_forward(scores, mask)
    for b, t in np.ndindex(BATCH, TGT_LEN):
        expected = specs.softmax(scores[b, t], mask[b, t])
        np.testing.assert_allclose(weights[b, t], expected, **SPEC)


def test_masked_softmax_gives_hidden_positions_exactly_nothing(scores, mask):
    """A hidden position has the weight 0.0, not a small number."""
    weights, _ = softmax.masked_softmax_forward(scores, mask)
    assert (weights[~mask] == 0.0).all()


def test_masked_softmax_of_an_empty_row_is_zero(scores, mask):
    """A fully masked row yields zeros, never NaN."""
    weights, _ = softmax.masked_softmax_forward(scores, mask)
    assert (weights[0, 1] == 0.0).all()


@pytest.mark.parametrize("offset", [0.0, -30.0, 1e4, -1e4])
def test_masked_softmax_is_silent(scores, mask, offset):
    """No floating-point warning is raised, forward or backward, at any score."""
    with warnings.catch_warnings(), np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("error")
        weights, cache = softmax.masked_softmax_forward(scores + offset, mask)
        softmax.masked_softmax_backward(weights, cache)


def test_masked_softmax_mask_may_broadcast(scores, mask):
    """A mask with an axis of size 1 serves all rows of that axis."""
    narrow = mask[:, 2:, :]
    wide = np.broadcast_to(narrow, scores.shape)
    from_narrow, _ = softmax.masked_softmax_forward(scores, narrow)
    from_wide, _ = softmax.masked_softmax_forward(scores, wide)
    np.testing.assert_array_equal(from_narrow, from_wide)


def test_masked_softmax_gradient(rng, scores, mask):
    """Rung 2: the hand-written gradient agrees with central differences."""
    grad_weights = rng.normal(size=scores.shape)

    def loss(scores):
        return (softmax.masked_softmax_forward(scores, mask)[0] * grad_weights).sum()

    _, cache = softmax.masked_softmax_forward(scores, mask)
    grad_scores = softmax.masked_softmax_backward(grad_weights, cache)
    assert relative_error(grad_scores, numerical_gradient(loss, scores)) < GRADIENT
    assert check_gradient(loss, scores, grad_scores, rng) < GRADIENT


def test_masked_softmax_gradient_of_hidden_scores_is_exactly_zero(rng, scores, mask):
    """No gradient reaches a hidden score, nor any score of an empty row."""
    _, cache = softmax.masked_softmax_forward(scores, mask)
    grad_weights = rng.normal(size=scores.shape)
    grad_scores = softmax.masked_softmax_backward(grad_weights, cache)
    assert (grad_scores[~mask] == 0.0).all()


# --- log-softmax ---


@pytest.mark.parametrize("offset", [0.0, -30.0, 1e4, -1e4])
def test_log_softmax_agrees_with_the_loop(scores, offset):
    """Rung 1: the log-softmax is the loop's, wherever the logits lie."""
    log_prob, _ = softmax.log_softmax_forward(scores + offset)
    for b, t in np.ndindex(BATCH, TGT_LEN):
        expected = specs.log_softmax(scores[b, t] + offset)
        np.testing.assert_allclose(log_prob[b, t], expected, **SPEC)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_log_softmax_gradient(rng, scores, axis):
    """Rung 2: the hand-written gradient agrees with central differences."""
    grad_log_prob = rng.normal(size=scores.shape)

    def loss(scores):
        return (softmax.log_softmax(scores, axis=axis) * grad_log_prob).sum()

    _, cache = softmax.log_softmax_forward(scores, axis=axis)
    grad_scores = softmax.log_softmax_backward(grad_log_prob, cache)
    assert relative_error(grad_scores, numerical_gradient(loss, scores)) < GRADIENT
    assert check_gradient(loss, scores, grad_scores, rng) < GRADIENT


def test_log_softmax_takes_impossible_tokens(rng):
    """A logit of -inf stays -inf, the rest sums to one, and no NaN comes back."""
    logits = np.array([[0.5, -np.inf, 1.5]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        log_prob, cache = softmax.log_softmax_forward(logits)
        grad_logits = softmax.log_softmax_backward(rng.normal(size=(1, 3)), cache)
    assert log_prob[0, 1] == -np.inf
    np.testing.assert_allclose(np.exp(log_prob).sum(), 1.0, **SPEC)
    assert np.isfinite(grad_logits).all()


def test_log_softmax_is_silent_at_huge_logits(rng, scores):
    """At +-1e4 nothing overflows, forward or backward, and nothing warns."""
    with np.errstate(all="raise", under="ignore"):
        log_prob, cache = softmax.log_softmax_forward(1e4 * scores)
        grad = softmax.log_softmax_backward(rng.normal(size=scores.shape), cache)
    assert np.isfinite(log_prob).all()
    assert np.isfinite(grad).all()


# --- what holds for all of them ---


@pytest.fixture
def read_only(scores, mask):
    """What each function takes, the scores in float32; all of it to be read only."""
    scores = scores.astype(np.float32)
    for array in (scores, mask):
        array.setflags(write=False)
    return {
        "softmax": [scores],
        "masked_softmax": [scores, mask],
        "log_softmax": [scores],
    }


@pytest.mark.parametrize("name", ["softmax", "masked_softmax", "log_softmax"])
def test_float32_stays_float32_and_is_not_written_to(read_only, name):
    """Forward and backward, of arrays that may only be read."""
    out, cache = getattr(softmax, f"{name}_forward")(*read_only[name])
    out.setflags(write=False)
    grad_scores = getattr(softmax, f"{name}_backward")(out, cache)
    assert {out.dtype, grad_scores.dtype} == {np.dtype(np.float32)}


def test_masked_softmax_refuses_a_mask_of_numbers():
    """Ones and zeros could mean either sense, so only bool is taken."""
    forward = inspect.unwrap(softmax.masked_softmax_forward)
    with pytest.raises(TypeError, match=r"mask: must be bool .*, got int64"):
        forward(np.zeros((2, 3)), np.ones((2, 3), dtype=np.int64))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_masked_softmax_of_no_positions_has_no_weights(dtype):
    """Rows without a column: there is nothing to share out, forward and backward."""
    scores = np.zeros((2, 3, 0), dtype=dtype)
    weights, cache = softmax.masked_softmax_forward(scores, scores > 0)
    grad_scores = softmax.masked_softmax_backward(weights, cache)
    assert weights.shape == grad_scores.shape == (2, 3, 0)
    assert weights.dtype == grad_scores.dtype == dtype

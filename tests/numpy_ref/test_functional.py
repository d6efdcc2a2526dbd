"""The parts of layers: loop specification, finite differences, edge cases."""

import inspect
import math

import numpy as np
import pytest

from minis2s import specs
from minis2s.numpy_ref import functional
from minis2s.numpy_ref.gradcheck import (
    check_gradient,
    numerical_gradient,
    relative_error,
)

BATCH, TGT_LEN, SRC_LEN, D_IN, D_OUT = 2, 3, 5, 7, 11
SPEC = {"rtol": 1e-12, "atol": 1e-12}
GRADIENT = 1e-6


@pytest.fixture
def rng():
    """A fresh generator for every test."""
    return np.random.default_rng(20)


@pytest.fixture
def scores(rng):
    """Unit normal numbers."""
    return rng.normal(size=(BATCH, TGT_LEN, SRC_LEN))


@pytest.fixture
def mask():
    """Ragged lengths 5 and 3, and one row that may attend to nothing."""
    mask = np.ones((BATCH, TGT_LEN, SRC_LEN), dtype=bool)
    mask[1, :, 3:] = False
    mask[0, 1] = False
    return mask


# --- relu ---


def test_relu_agrees_with_the_loop(scores):
    """Rung 1: what is negative becomes 0, and the rest is left alone."""
    out, _ = functional.relu_forward(scores)
    np.testing.assert_array_equal(out, specs.relu(scores))


def test_relu_gradient(rng, scores):
    """Rung 2: no score is so near 0 that a central difference would straddle it."""
    grad_out = rng.normal(size=scores.shape)

    def loss(scores):
        return (functional.relu_forward(scores)[0] * grad_out).sum()

    _, cache = functional.relu_forward(scores)
    grad_scores = functional.relu_backward(grad_out, cache)
    assert relative_error(grad_scores, numerical_gradient(loss, scores)) < GRADIENT
    assert check_gradient(loss, scores, grad_scores, rng) < GRADIENT


def test_relu_has_no_gradient_at_zero():
    """At exactly 0 the gradient is that of the negative side."""
    _, cache = functional.relu_forward(np.array([-3.0, -0.0, 0.0, 3.0]))
    assert functional.relu_backward(np.full(4, 7.0), cache).tolist() == [0, 0, 0, 7]


# --- tanh ---


def test_tanh_gradient(rng, scores):
    """Rung 2: the hand-written gradient agrees with central differences."""
    grad_out = rng.normal(size=scores.shape)

    def loss(scores):
        return (functional.tanh_forward(scores)[0] * grad_out).sum()

    _, cache = functional.tanh_forward(scores)
    grad_scores = functional.tanh_backward(grad_out, cache)
    assert relative_error(grad_scores, numerical_gradient(loss, scores)) < GRADIENT


# --- sigmoid ---


def test_sigmoid_agrees_with_the_textbook(scores):
    """Rung 1: 1 / (1 + exp(-x)), one number at a time."""
    out, _ = functional.sigmoid_forward(scores)
    for index in np.ndindex(scores.shape):
        expected = 1 / (1 + math.exp(-scores[index]))
        np.testing.assert_allclose(out[index], expected, **SPEC)


def test_sigmoid_is_silent_at_any_size():
    """Far out it is 0 and 1, and nothing overflows on the way."""
    with np.errstate(all="raise", under="ignore"):
        out, _ = functional.sigmoid_forward(np.array([-1e4, 0.0, 1e4]))
    assert out.tolist() == [0.0, 0.5, 1.0]


def test_sigmoid_gradient(rng, scores):
    """Rung 2: the hand-written gradient agrees with central differences."""
    grad_out = rng.normal(size=scores.shape)

    def loss(scores):
        return (functional.sigmoid_forward(scores)[0] * grad_out).sum()

    _, cache = functional.sigmoid_forward(scores)
    grad_scores = functional.sigmoid_backward(grad_out, cache)
    assert relative_error(grad_scores, numerical_gradient(loss, scores)) < GRADIENT


# --- dropout ---


def test_dropout_agrees_with_the_loop(scores, mask):
    """Rung 1: what is kept is divided by the share that is kept."""
    out, _ = functional.dropout_forward(scores, mask, 0.3)
    for index in np.ndindex(scores.shape):
        expected = scores[index] / 0.7 if mask[index] else 0.0
        np.testing.assert_allclose(out[index], expected, **SPEC)


def test_dropout_keeps_the_mean(rng):
    """Over many entries the mean is what it was."""
    keep = rng.random(100_000) >= 0.3
    out, _ = functional.dropout_forward(np.ones(100_000), keep, 0.3)
    assert abs(out.mean() - 1.0) < 0.01


def test_dropout_gradient(rng, scores, mask):
    """Rung 2: the hand-written gradient agrees with central differences."""
    grad_out = rng.normal(size=scores.shape)

    def loss(scores):
        return (functional.dropout_forward(scores, mask, 0.3)[0] * grad_out).sum()

    _, cache = functional.dropout_forward(scores, mask, 0.3)
    grad_scores = functional.dropout_backward(grad_out, cache)
    assert relative_error(grad_scores, numerical_gradient(loss, scores)) < GRADIENT


# --- layer normalisation ---


@pytest.fixture
def norm_inputs(rng):
    """Rows that are neither centred nor of unit variance, a weight and a bias."""
    x = rng.normal(size=(BATCH, TGT_LEN, D_IN))
    return {
        "x": 3.0 * x + 2.0,
        "weight": rng.normal(size=D_IN),
        "bias": rng.normal(size=D_IN),
    }


@pytest.mark.parametrize("eps", [1e-5, 0.3])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_layer_norm_agrees_with_the_loop(norm_inputs, scale, eps):
    """Rung 1: whether eps is small beside the variance or not."""
    norm_inputs["x"] *= scale
    out, _ = functional.layer_norm_forward(**norm_inputs, eps=eps)
    np.testing.assert_allclose(out, specs.layer_norm(**norm_inputs, eps=eps), **SPEC)


@pytest.mark.parametrize("eps", [1e-5, 0.3])
@pytest.mark.parametrize("name", ["x", "weight", "bias"])
def test_layer_norm_gradient(rng, norm_inputs, name, eps):
    """Rung 2: each gradient, entry by entry and along random directions."""
    out, cache = functional.layer_norm_forward(**norm_inputs, eps=eps)
    grad_out = rng.normal(size=out.shape)

    def loss(array):
        inputs = norm_inputs | {name: array}
        return (functional.layer_norm_forward(**inputs, eps=eps)[0] * grad_out).sum()

    grads = functional.layer_norm_backward(grad_out, cache)
    grad = dict(zip(norm_inputs, grads, strict=True))[name]
    expected = numerical_gradient(loss, norm_inputs[name])
    assert relative_error(grad, expected) < GRADIENT
    assert check_gradient(loss, norm_inputs[name], grad, rng) < GRADIENT


def test_layer_norm_centres_and_scales(norm_inputs):
    """With weight 1 and bias 0 a row has mean 0 and (biased) variance 1."""
    ones, zeros = np.ones(D_IN), np.zeros(D_IN)
    out, _ = functional.layer_norm_forward(norm_inputs["x"], ones, zeros, eps=0.0)
    np.testing.assert_allclose(out.mean(axis=-1), 0.0, **SPEC)
    np.testing.assert_allclose(out.var(axis=-1), 1.0, **SPEC)


def test_layer_norm_forgets_place_and_size(norm_inputs):
    """A row moved and stretched gives what it gave before, but for eps."""
    before, _ = functional.layer_norm_forward(**norm_inputs, eps=0.0)
    norm_inputs["x"] = 7.0 * norm_inputs["x"] - 11.0
    after, _ = functional.layer_norm_forward(**norm_inputs, eps=0.0)
    np.testing.assert_allclose(after, before, **SPEC)


def test_layer_norm_gradient_neither_shifts_nor_stretches(rng, norm_inputs):
    """With eps 0 the gradient of a row is at right angles to ones and to the row."""
    out, cache = functional.layer_norm_forward(**norm_inputs, eps=0.0)
    grad_x, _, _ = functional.layer_norm_backward(rng.normal(size=out.shape), cache)
    np.testing.assert_allclose(grad_x.sum(axis=-1), 0.0, **SPEC)
    np.testing.assert_allclose((grad_x * norm_inputs["x"]).sum(axis=-1), 0.0, **SPEC)


def test_layer_norm_of_equal_numbers_is_the_bias(rng, norm_inputs):
    """A row without variance becomes the bias, and its gradient is finite."""
    norm_inputs["x"][0, 1] = 4.0
    out, cache = functional.layer_norm_forward(**norm_inputs)
    np.testing.assert_array_equal(out[0, 1], norm_inputs["bias"])
    grads = functional.layer_norm_backward(rng.normal(size=out.shape), cache)
    assert all(np.isfinite(grad).all() for grad in grads)


# --- linear ---


@pytest.fixture
def linear_inputs(rng):
    """Rows, a weight and a bias, none of them zero."""
    return {
        "x": rng.normal(size=(BATCH, TGT_LEN, D_IN)),
        "weight": rng.normal(size=(D_OUT, D_IN)),
        "bias": rng.normal(size=D_OUT),
    }


@pytest.mark.parametrize("has_bias", [True, False])
def test_linear_agrees_with_the_loop(linear_inputs, has_bias):
    """Rung 1: one sum of products for each row and output."""
    x, weight, bias = linear_inputs.values()
    out, _ = functional.linear_forward(x, weight, bias if has_bias else None)
    for b, t, o in np.ndindex(out.shape):
        products = [weight[o, i] * x[b, t, i] for i in range(D_IN)]
        expected = sum(products) + (bias[o] if has_bias else 0.0)
        np.testing.assert_allclose(out[b, t, o], expected, **SPEC)


@pytest.mark.parametrize("name", ["x", "weight", "bias"])
def test_linear_gradient(rng, linear_inputs, name):
    """Rung 2: each hand-written gradient agrees with central differences."""
    out, cache = functional.linear_forward(**linear_inputs)
    grad_out = rng.normal(size=out.shape)

    def loss(array):
        inputs = linear_inputs | {name: array}
        return (functional.linear_forward(**inputs)[0] * grad_out).sum()

    grads = functional.linear_backward(grad_out, cache)
    grad = dict(zip(linear_inputs, grads, strict=True))[name]
    expected = numerical_gradient(loss, linear_inputs[name])
    assert relative_error(grad, expected) < GRADIENT


def test_linear_without_bias_has_no_bias_gradient(rng, linear_inputs):
    """What was not there gets None, not an array of zeros."""
    out, cache = functional.linear_forward(
        linear_inputs["x"], linear_inputs["weight"], None
    )
    assert functional.linear_backward(out, cache)[2] is None


# --- what holds for all of them ---


def test_float32_stays_float32(scores, mask, linear_inputs):
    """No function promotes float32 to float64 on the way."""
    scores = scores.astype(np.float32)
    inputs = {name: a.astype(np.float32) for name, a in linear_inputs.items()}
    results = [
        functional.tanh_backward(scores, functional.tanh_forward(scores)[1]),
        functional.sigmoid_backward(scores, functional.sigmoid_forward(scores)[1]),
        functional.dropout_backward(
            scores, functional.dropout_forward(scores, mask, 0.3)[1]
        ),
        functional.linear_forward(**inputs)[0],
    ]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


@pytest.fixture
def read_only(scores, norm_inputs):
    """What each function takes, in float32 and to be read only."""
    arrays = [a.astype(np.float32) for a in (scores, *norm_inputs.values())]
    for array in arrays:
        array.setflags(write=False)
    return {
        "relu": arrays[:1],
        "layer_norm": arrays[1:],
    }


@pytest.mark.parametrize("name", ["relu", "layer_norm"])
def test_float32_stays_float32_and_is_not_written_to(read_only, name):
    """Forward and backward, of arrays that may only be read."""
    out, cache = getattr(functional, f"{name}_forward")(*read_only[name])
    out.setflags(write=False)
    grads = getattr(functional, f"{name}_backward")(out, cache)
    grads = grads if isinstance(grads, tuple) else (grads,)
    assert {array.dtype for array in (out, *grads)} == {np.dtype(np.float32)}


def test_inputs_are_not_written_to(scores):
    """An array that was passed in can be passed in again."""
    scores.setflags(write=False)
    functional.tanh_forward(scores)


# --- what is refused ---


def test_linear_refuses_another_width(linear_inputs):
    """NumPy would try to arrange the numbers anew, and say so."""
    linear_inputs["x"] = np.zeros((TGT_LEN, 13))
    message = r"x: axis d_in must be 7, got 13 \(shape \(3, 13\)\)"
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(functional.linear_forward)(**linear_inputs)


@pytest.mark.parametrize("width", [1, 13])
def test_layer_norm_refuses_another_width(norm_inputs, width):
    """Also width 1, which NumPy would stretch without a word."""
    norm_inputs["x"] = np.zeros((BATCH, width))
    message = f"x: axis d_model must be 7, got {width}"
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(functional.layer_norm_forward)(**norm_inputs)

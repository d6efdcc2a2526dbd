"""The judge of all gradients, judged on functions whose gradient is known."""

import inspect

import numpy as np
import pytest

from minis2s.numpy_ref.gradcheck import (
    check_gradient,
    numerical_gradient,
    relative_error,
)

POINT = np.array([[0.5, -1.5, 2.0], [1.0, 0.25, -3.0]])


def cubes(array):
    """Sum of cubes; its gradient is 3 array²."""
    return float((array**3).sum())


def test_numerical_gradient_of_cubes():
    """Central differences find 3 array²."""
    np.testing.assert_allclose(
        numerical_gradient(cubes, POINT), 3 * POINT**2, rtol=1e-8
    )


def test_numerical_gradient_of_a_number():
    """An array without axes is a function of one variable."""
    grad = numerical_gradient(lambda x: float(x**2), np.array(3.0))
    np.testing.assert_allclose(grad, 6.0, rtol=1e-8)


def test_the_point_is_left_alone():
    """Neither check writes into the array that it is given."""
    point = POINT.copy()
    point.setflags(write=False)
    numerical_gradient(cubes, point)
    check_gradient(cubes, point, 3 * POINT**2, np.random.default_rng(0))


def test_check_gradient_accepts_the_right_one():
    """The right gradient agrees along every direction."""
    error = check_gradient(cubes, POINT, 3 * POINT**2, np.random.default_rng(1))
    assert error < 1e-6


@pytest.mark.parametrize("index", list(np.ndindex(POINT.shape)))
def test_check_gradient_sees_one_wrong_entry(index):
    """Random directions mix all entries, so no wrong one can hide."""
    grad = 3 * POINT**2
    grad[index] += 0.01
    assert check_gradient(cubes, POINT, grad, np.random.default_rng(2)) > 1e-6


def test_relative_error_of_opposites_is_one():
    """A gradient with the wrong sign is as wrong as can be."""
    assert relative_error(POINT, -POINT) == pytest.approx(1.0)


def test_relative_error_does_not_depend_on_the_unit():
    """Measuring the loss in other units changes nothing."""
    small = relative_error(1e-6 * POINT, 1.1e-6 * POINT)
    assert small == pytest.approx(relative_error(POINT, 1.1 * POINT))


def test_two_vanishing_gradients_are_equal():
    """Norms under 1e-12 are rounding, and roundings count as equal."""
    assert relative_error(np.full(3, 1e-13), np.zeros(3)) == 0.0


def test_one_vanishing_gradient_is_not_equal():
    """All zeros is no answer where there is a gradient."""
    assert relative_error(POINT, np.zeros_like(POINT)) == 1.0


@pytest.mark.parametrize("swap", [False, True])
def test_nan_never_passes(swap):
    """A NaN on either side makes the error NaN, which no comparison accepts."""
    pair = (np.zeros(2), np.array([0.0, np.nan]))
    error = relative_error(*(pair[::-1] if swap else pair))
    assert not error < 1e-6


@pytest.mark.parametrize("check", [numerical_gradient, check_gradient])
def test_float32_is_refused(check):
    """At a step of 1e-6 float32 has no digits left, so it is not accepted.

    Under jaxtyping's import hook the annotation refuses first; `unwrap` gives the
    function as a learner meets it.
    """
    arguments = {"fn": cubes, "array": POINT.astype(np.float32)}
    if check is check_gradient:
        arguments |= {"grad": POINT, "rng": np.random.default_rng(3)}
    with pytest.raises(TypeError, match="array: must be float64, got float32"):
        inspect.unwrap(check)(**arguments)


@pytest.mark.parametrize("shape", [(), (3,), (3, 2), (2, 1)])
def test_a_gradient_of_another_shape_is_refused(shape):
    """Broadcasting would let a row stand for all rows."""
    grad = np.full(shape, 2.0)
    with pytest.raises(
        ValueError, match=r"^grad: must have the shape of array, \(2, 3\)"
    ):
        inspect.unwrap(check_gradient)(cubes, POINT, grad, np.random.default_rng(0))
    with pytest.raises(
        ValueError, match=r"^a: must have the shape of b, \(2, 3\), got"
    ):
        inspect.unwrap(relative_error)(grad, POINT)


def test_no_direction_proves_nothing():
    """Of zero directions none disagrees."""
    with pytest.raises(ValueError, match=r"^n_directions: must be at least 1, got 0$"):
        check_gradient(cubes, POINT, POINT, np.random.default_rng(0), n_directions=0)

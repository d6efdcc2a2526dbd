"""Does a derivative written by hand agree with two evaluations of the function?

A derivative is the slope between two neighbouring points, so two numbers can refute
any derivation. Three functions: the slope in every entry, the slope along random
directions (cheap enough for large arrays), and how to compare two gradients.

Everything here wants float64: at a step of 1e-6, float32 would lose all digits.

Left out: complex steps and higher orders. No twin: autograd needs no such proof.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float64


def numerical_gradient(
    fn: Callable[[np.ndarray], float],
    array: Float64[np.ndarray, "*axes"],
    step: float = 1e-6,
) -> Float64[np.ndarray, "*axes"]:
    """Gradient of fn at array by central differences, one entry at a time.

    grad_i = (fn(array + step e_i) - fn(array - step e_i)) / (2 step)

    Args:
        fn: takes an array like `array` and returns one number, the loss.
        array: where the gradient is wanted; it is not changed.
        step: half the distance between the two points.

    Returns:
        the gradient. Its error shrinks with step², until rounding grows as 1 / step.

    Raises:
        TypeError: if array is not float64.

    >>> grad = numerical_gradient(lambda a: float(a @ a), np.array([1.0, -3.0]))
    >>> grad.round(6)
    array([ 2., -6.])
    """
    _check_float64(array)
    grad = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        direction = np.zeros_like(array)
        direction[index] = 1.0
        grad[index] = _slope(fn, array, direction, step)
    return grad


def relative_error(
    a: Float[np.ndarray, "*axes"], b: Float[np.ndarray, "*axes"]
) -> float:
    """How far apart two gradients are, from 0 (equal) to 1 (opposite or unrelated).

    error = ||a - b|| / (||a|| + ||b||)

    Two gradients whose norms are both under 1e-12 count as equal: at a stationary
    point finite differences return rounding, and a quotient of roundings says nothing.

    Args:
        a: one gradient.
        b: the other.

    Returns:
        the error; NaN if either holds a NaN, so that no comparison with it passes.

    Raises:
        ValueError: if the shapes differ; broadcasting would compare what is not alike.

    >>> relative_error(np.array([3.0, 4.0]), np.array([3.0, 4.0]))
    0.0
    >>> relative_error(np.array([3.0, 4.0]), np.array([0.0, 0.0]))
    1.0
    """
    if np.shape(a) != np.shape(b):
        raise ValueError(
            f"a: must have the shape of b, {np.shape(b)}, got {np.shape(a)}"
        )
    norm_a, norm_b = np.linalg.norm(a), np.linalg.norm(b)
    if norm_a < 1e-12 and norm_b < 1e-12:
        return 0.0
    return float(np.linalg.norm(a - b) / (norm_a + norm_b))


def check_gradient(
    fn: Callable[[np.ndarray], float],
    array: Float64[np.ndarray, "*axes"],
    grad: Float64[np.ndarray, "*axes"],
    rng: np.random.Generator,
    *,
    n_directions: int = 5,
    step: float = 1e-6,
) -> float:
    """Compare a gradient with the slope of fn along random directions.

    slope_k = (fn(array + step u_k) - fn(array - step u_k)) / (2 step)
    compared with grad . u_k, for random unit vectors u_k.

    The directions mix all entries, so a wrong one shows whichever it is, at a cost
    that does not grow with their number.

    Args:
        fn: takes an array like `array` and returns one number, the loss.
        array: where the gradient was computed; it is not changed.
        grad: the gradient in question.
        rng: draws the directions.
        n_directions: how many.
        step: half the distance between the two points.

    Returns:
        relative_error of the slopes; under 1e-6 if the gradient is right.

    Raises:
        TypeError: if array is not float64.
        ValueError: if grad has another shape than array, or no direction is asked for.
    """
    _check_float64(array)
    if np.shape(grad) != array.shape:
        raise ValueError(
            f"grad: must have the shape of array, {array.shape}, got {np.shape(grad)}"
        )
    if n_directions < 1:
        raise ValueError(f"n_directions: must be at least 1, got {n_directions}")
    slopes = np.zeros(n_directions)
    expected = np.zeros(n_directions)
    for k in range(n_directions):
        direction = rng.normal(size=array.shape)
        direction /= np.linalg.norm(direction)
        slopes[k] = _slope(fn, array, direction, step)
        expected[k] = (grad * direction).sum()
    return relative_error(slopes, expected)


def _slope(
    fn: Callable, array: np.ndarray, direction: np.ndarray, step: float
) -> float:
    """Central difference of fn at array along direction."""
    ahead = fn(array + step * direction)
    behind = fn(array - step * direction)
    return (ahead - behind) / (2 * step)


def _check_float64(array: np.ndarray) -> None:
    """Refuse an array whose precision drowns the differences."""
    if array.dtype != np.float64:
        raise TypeError(f"array: must be float64, got {array.dtype}")

"""The small functions that layers are made of, each with its derivative by hand.

Every function is a pair: `x_forward(...)` returns its result and a cache, and
`x_backward(grad_result, cache)` turns the gradient of a loss with respect to the
result into its gradients with respect to the inputs, in the order of the inputs.
Nothing is stored between calls and no array that was passed in is written to.

float32 stays float32 and float64 stays float64.

Left out: the softmax and its kin, which are in softmax.py, and everything that no
layer needs.

No twin: torch.nn and torch.nn.functional bring all of these.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from minis2s.numpy_ref.checks import check_width


class LayerNormCache(NamedTuple):
    """What the backward pass of a layer normalisation needs to know."""

    normed: Float[np.ndarray, "*rows d_model"]
    """the rows with mean 0 and variance 1, before weight and bias"""
    inverse_std: Float[np.ndarray, "*rows 1"]
    """what the centred rows were multiplied by"""
    weight: Float[np.ndarray, " d_model"]
    """one factor for each feature"""


class LinearCache(NamedTuple):
    """What the backward pass of a linear map needs to know."""

    x: Float[np.ndarray, "*rows d_in"]
    """the input"""
    weight: Float[np.ndarray, "d_out d_in"]
    """the matrix"""
    has_bias: bool
    """whether a bias was added"""


class DropoutCache(NamedTuple):
    """What the backward pass of dropout needs to know."""

    keep: Bool[np.ndarray, "..."]
    """True where an entry was kept"""
    rate: float
    """share of the entries that are silenced, on average"""


# --- one number at a time ---


def relu_forward(
    x: Float[np.ndarray, "*axes"],
) -> tuple[Float[np.ndarray, "*axes"], Bool[np.ndarray, "*axes"]]:
    """Rectifier, entry by entry: what is negative becomes 0.

    Args:
        x: any numbers.

    Returns:
        out = max(x, 0), and the cache for relu_backward, which says where x > 0.
    """
    return np.maximum(x, 0.0), x > 0.0


def relu_backward(
    grad_out: Float[np.ndarray, "*axes"], cache: Bool[np.ndarray, "*axes"]
) -> Float[np.ndarray, "*axes"]:
    """Gradient of the rectifier.

    d max(x, 0) / dx = 1 where x > 0, and 0 where x < 0

    At exactly 0 there is no derivative: slopes from 0 to 1 would all do. Ours is 0, as
    PyTorch's is.

    Args:
        grad_out: gradient of the loss with respect to the result.
        cache: from relu_forward.

    Returns:
        grad_x.
    """
    return np.where(cache, grad_out, 0.0)


def tanh_forward(
    x: Float[np.ndarray, "..."],
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Hyperbolic tangent, entry by entry.

    Args:
        x: any numbers.

    Returns:
        out = tanh(x), and the cache for tanh_backward, which is out itself.
    """
    out = np.tanh(x)
    return out, out


def tanh_backward(
    grad_out: Float[np.ndarray, "..."], cache: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """Gradient of the hyperbolic tangent.

    d tanh(x) / dx = 1 - tanh(x)^2

    Args:
        grad_out: gradient of the loss with respect to the result.
        cache: from tanh_forward.

    Returns:
        grad_x.
    """
    return grad_out * (1.0 - cache * cache)


def sigmoid_forward(
    x: Float[np.ndarray, "..."],
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Logistic sigmoid, entry by entry.

    sigmoid(x) = 1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2

    The second form is the one computed: it overflows nowhere.

    Args:
        x: any numbers.

    Returns:
        out = sigmoid(x), and the cache for sigmoid_backward, which is out itself.
    """
    out = 0.5 * (1.0 + np.tanh(0.5 * x))
    return out, out


def sigmoid_backward(
    grad_out: Float[np.ndarray, "..."], cache: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """Gradient of the logistic sigmoid.

    d sigmoid(x) / dx = sigmoid(x) (1 - sigmoid(x))

    Args:
        grad_out: gradient of the loss with respect to the result.
        cache: from sigmoid_forward.

    Returns:
        grad_x.
    """
    return grad_out * cache * (1.0 - cache)


# --- dropout ---


def dropout_forward(
    x: Float[np.ndarray, "*axes"], keep: Bool[np.ndarray, "*axes"], rate: float
) -> tuple[Float[np.ndarray, "*axes"], DropoutCache]:
    """Silence the entries outside a given mask, and raise the others to make up.

    out = x / (1 - rate) where keep is True, else 0

    If keep was drawn with that rate, the mean of out over all draws is x; so nothing
    need be done when nothing is dropped (the "inverted" form).

    Args:
        x: any numbers.
        keep: True where an entry stays.
        rate: share of the entries that are silenced, on average; below 1.

    Returns:
        out, and the cache for dropout_backward.

    Source: Srivastava et al. 2014, "Dropout", section 4, which scales at test time.
    """
    return np.where(keep, x / (1.0 - rate), 0.0), DropoutCache(keep, rate)


def dropout_backward(
    grad_out: Float[np.ndarray, "*axes"], cache: DropoutCache
) -> Float[np.ndarray, "*axes"]:
    """Gradient of dropout.

    grad_x = grad_out / (1 - rate) where keep is True, else 0

    Args:
        grad_out: gradient of the loss with respect to the result.
        cache: from dropout_forward.

    Returns:
        grad_x.
    """
    keep, rate = cache
    return np.where(keep, grad_out / (1.0 - rate), 0.0)


# --- layer normalisation ---


def layer_norm_forward(
    x: Float[np.ndarray, "*rows d_model"],
    weight: Float[np.ndarray, " d_model"],
    bias: Float[np.ndarray, " d_model"],
    eps: float = 1e-5,
) -> tuple[Float[np.ndarray, "*rows d_model"], LayerNormCache]:
    """Layer normalisation: each row with mean 0 and variance 1, then rescaled.

    mean = sum_i x_i / d_model
    variance = sum_i (x_i - mean)² / d_model
    normed = (x - mean) / sqrt(variance + eps)
    out = weight normed + bias, feature by feature

    This is PyTorch's form. Some tutorials divide by (s + eps) instead, where s is the
    unbiased standard deviation, with d_model - 1 under the sum; their weights do not
    fit here exactly.

    Args:
        x: the rows; each is normalised alone.
        weight: one factor for each feature.
        bias: what is added to each feature.
        eps: added to the variance, so that a row of equal numbers becomes 0, not NaN.

    Returns:
        out, and the cache for layer_norm_backward.

    Raises:
        ValueError: if x has another width than the weight.

    Source: Ba, Kiros and Hinton 2016, "Layer Normalization", eqs. 3 and 4,
        arXiv:1607.06450, where eps is absent.
    Paper names: weight is g, bias is b, mean is mu, the root of the variance is sigma.
    """
    check_width("x", x, d_model=len(weight))
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)  # (*rows, 1)
    inverse_std = 1.0 / np.sqrt(variance + eps)
    normed = inverse_std * centred
    return weight * normed + bias, LayerNormCache(normed, inverse_std, weight)


def layer_norm_backward(
    grad_out: Float[np.ndarray, "*rows d_model"], cache: LayerNormCache
) -> tuple[
    Float[np.ndarray, "*rows d_model"],
    Float[np.ndarray, " d_model"],
    Float[np.ndarray, " d_model"],
]:
    """Gradient of layer normalisation.

    Weight and bias serve every row, so their gradients are sums over rows:

    grad_bias = sum of grad_out
    grad_weight = sum of grad_out normed
    grad_normed = weight grad_out

    A feature x_j moves normed_i in three ways: directly if i = j, through the mean,
    and through inverse_std = (variance + eps)^(-1/2). With d for d_model,

    d mean / d x_j = 1 / d
    d variance / d x_j = 2 (x_j - mean) / d, as the centred row sums to 0
    d inverse_std / d x_j = -1/2 inverse_std³ d variance / d x_j
                          = -inverse_std² normed_j / d
    d normed_i / d x_j = inverse_std (1[i = j] - 1 / d - normed_i normed_j / d)

    Multiplied by grad_normed_i and summed over i:

    along_mean = sum_i grad_normed_i / d
    along_normed = sum_i grad_normed_i normed_i / d
    grad_x_j = inverse_std (grad_normed_j - along_mean - normed_j along_normed)

    So the gradient keeps nothing that would only shift the row, nor (but for eps)
    anything that would only stretch it.

    Args:
        grad_out: gradient of the loss with respect to the result.
        cache: from layer_norm_forward.

    Returns:
        grad_x, grad_weight, grad_bias.
    """
    normed, inverse_std, weight = cache
    rows = tuple(range(grad_out.ndim - 1))  # every axis but the last
    grad_bias = grad_out.sum(axis=rows)
    grad_weight = (grad_out * normed).sum(axis=rows)
    grad_normed = weight * grad_out
    along_mean = grad_normed.mean(axis=-1, keepdims=True)
    along_normed = (grad_normed * normed).mean(axis=-1, keepdims=True)
    grad_x = inverse_std * (grad_normed - along_mean - normed * along_normed)
    return grad_x, grad_weight, grad_bias


# --- linear ---


def linear_forward(
    x: Float[np.ndarray, "*rows d_in"],
    weight: Float[np.ndarray, "d_out d_in"],
    bias: Float[np.ndarray, " d_out"] | None,
) -> tuple[Float[np.ndarray, "*rows d_out"], LinearCache]:
    """Linear map of the last axis.

    out = weight x + bias, for every row x.

    Args:
        x: the rows.
        weight: the matrix, one row for each output.
        bias: what is added to every result, or None.

    Returns:
        out, and the cache for linear_backward.

    Raises:
        ValueError: if x has another width than the weight takes.
    """
    d_out, d_in = weight.shape
    check_width("x", x, d_in=d_in)
    # One product for all rows; NumPy would make one for each sentence.
    out = (x.reshape(-1, d_in) @ weight.T).reshape(*x.shape[:-1], d_out)
    if bias is not None:
        out = out + bias
    return out, LinearCache(x, weight, has_bias=bias is not None)


def linear_backward(
    grad_out: Float[np.ndarray, "*rows d_out"], cache: LinearCache
) -> tuple[
    Float[np.ndarray, "*rows d_in"],
    Float[np.ndarray, "d_out d_in"],
    Float[np.ndarray, " d_out"] | None,
]:
    """Gradient of the linear map.

    grad_x = weightᵀ grad_out, for every row
    grad_weight = sum over rows of grad_out xᵀ
    grad_bias = sum over rows of grad_out

    Args:
        grad_out: gradient of the loss with respect to the result.
        cache: from linear_forward.

    Returns:
        grad_x, grad_weight, and grad_bias (None if there was no bias).
    """
    x, weight, has_bias = cache
    d_out, d_in = weight.shape
    grad_rows = grad_out.reshape(-1, d_out)  # all rows in one axis
    grad_x = (grad_rows @ weight).reshape(x.shape)
    grad_weight = grad_rows.T @ x.reshape(-1, d_in)
    grad_bias = grad_rows.sum(axis=0) if has_bias else None
    return grad_x, grad_weight, grad_bias

"""Names, sharing and loading, on a small tree of layers."""

import numpy as np
import pytest

from minis2s.numpy_ref.functional import layer_norm_backward, layer_norm_forward
from minis2s.numpy_ref.gradcheck import numerical_gradient, relative_error
from minis2s.numpy_ref.layer import Dropout, Layer, LayerNorm, Linear

BATCH, D_IN, D_OUT = 2, 3, 5


class Tree(Layer):
    """A parameter of its own, two layers in a list, and one that shares."""

    def __init__(self, rng):
        super().__init__(scale=rng.normal(size=1))
        self.branches = [Linear(D_IN, D_OUT, rng), Linear(D_IN, D_OUT, rng)]
        self.twin = Linear(D_IN, D_OUT, rng)
        self.twin.share("weight", self.branches[0])


NAMES = [
    *("scale", "branches.0.weight", "branches.0.bias"),
    *("branches.1.weight", "branches.1.bias", "twin.bias"),
]


@pytest.fixture
def tree(rng):
    """A fresh tree."""
    return Tree(rng)


def test_names_are_dotted_paths_and_shared_arrays_have_one(tree):
    """Own parameters first, then those inside; a shared one under its first name."""
    assert [name for name, _ in tree.named_parameters()] == NAMES


def test_gradients_go_by_the_same_names_and_shapes(tree):
    """One gradient for each parameter, zero at first."""
    pairs = zip(tree.named_parameters(), tree.named_gradients(), strict=True)
    for (name, param), (grad_name, grad) in pairs:
        assert name == grad_name
        np.testing.assert_array_equal(grad, np.zeros_like(param))


def test_a_shared_parameter_gathers_both_gradients(tree, rng):
    """What either layer adds lands in the one gradient."""
    x, grad_out = rng.normal(size=(BATCH, D_IN)), rng.normal(size=(BATCH, D_OUT))
    for layer in (tree.branches[0], tree.twin):
        _, cache = layer.forward(x)
        layer.backward(grad_out, cache)
    grad = dict(tree.named_gradients())["branches.0.weight"]
    np.testing.assert_allclose(grad, 2 * grad_out.T @ x, rtol=1e-12)


def test_zero_gradients_forgets(tree, rng):
    """After it, every gradient is zero again."""
    for _, grad in tree.named_gradients():
        grad += 1.0
    tree.zero_gradients()
    assert not any(grad.any() for _, grad in tree.named_gradients())


def test_loading_copies_values_and_precision(tree):
    """The model takes float32 weights as they are, and keeps no hold on the source."""
    weights = {n: p.astype(np.float32) + 1 for n, p in tree.named_parameters()}
    tree.load(weights)
    for name, param in tree.named_parameters():
        np.testing.assert_array_equal(param, weights[name])
        assert param.dtype == np.float32
        assert not np.shares_memory(param, weights[name])
    assert {grad.dtype for _, grad in tree.named_gradients()} == {np.dtype(np.float32)}


def test_what_is_shared_stays_shared_when_loaded(tree):
    """One array before, one array after; likewise its gradient."""
    tree.load({name: param + 1 for name, param in tree.named_parameters()})
    assert tree.twin.params["weight"] is tree.branches[0].params["weight"]
    assert tree.twin.grads["weight"] is tree.branches[0].grads["weight"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": None}, "names missing or unknown: scale"),
        ({"scael": np.zeros(1)}, "names missing or unknown: scael"),
        ({"twin.bias": np.zeros(7)}, r"twin.bias must have shape \(5,\), got \(7,\)"),
    ],
)
def test_weights_that_do_not_fit_are_named(tree, change, message):
    """A missing, unknown or misshapen weight is refused, and none is taken."""
    weights = {**dict(tree.named_parameters()), **change}
    weights = {name: array for name, array in weights.items() if array is not None}
    before = dict(tree.named_parameters())
    with pytest.raises(ValueError, match=message):
        tree.load(weights)
    assert all(param is before[name] for name, param in tree.named_parameters())


def test_linear_backward_adds_up_what_differences_say(rng):
    """The class calls its pair and keeps the gradients of weight and bias."""
    layer, x = Linear(D_IN, D_OUT, rng), rng.normal(size=(BATCH, D_IN))
    grad_out = rng.normal(size=(BATCH, D_OUT))
    grad_x = layer.backward(grad_out, layer.forward(x)[1])

    def loss(name, array):
        held, layer.params[name] = layer.params[name], array
        out, _ = layer.forward(x)
        layer.params[name] = held
        return float((out * grad_out).sum())

    for name, param in dict(layer.params).items():
        slope = numerical_gradient(lambda a, name=name: loss(name, a), param)
        assert relative_error(layer.grads[name], slope) < 1e-6
    np.testing.assert_allclose(grad_x, grad_out @ layer.params["weight"], rtol=1e-12)


def test_layer_norm_backward_adds_up(rng):
    """Two calls leave twice the gradients of the pair, under its parameters' names."""
    layer, x = LayerNorm(D_OUT), rng.normal(size=(BATCH, D_IN, D_OUT))
    layer.load({name: rng.normal(size=D_OUT) for name in ("weight", "bias")})
    grad_out = rng.normal(size=x.shape)
    out, cache = layer.forward(x)
    grad_x = [layer.backward(grad_out, cache) for _ in range(2)][1]
    expected, grad_weight, grad_bias = layer_norm_backward(grad_out, cache)
    np.testing.assert_array_equal(out, layer_norm_forward(x, **layer.params)[0])
    np.testing.assert_array_equal(grad_x, expected)
    np.testing.assert_allclose(layer.grads["weight"], 2 * grad_weight, rtol=1e-12)
    np.testing.assert_allclose(layer.grads["bias"], 2 * grad_bias, rtol=1e-12)


def test_layer_norm_begins_by_only_normalising():
    """The weight is 1 and the bias 0."""
    params = LayerNorm(3).params
    assert params["weight"].tolist() == [1.0, 1.0, 1.0]
    assert params["bias"].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(("rate", "with_rng"), [(0.3, False), (0.0, True)])
def test_dropout_rests_outside_training(rng, rate, with_rng):
    """Without a generator, or at rate 0, it hands on what it was given, both ways."""
    layer, x = Dropout(rate), rng.normal(size=(BATCH, D_IN))
    out, cache = layer.forward(x, rng if with_rng else None)
    assert out is x
    assert layer.backward(x, cache) is x


def test_dropout_silences_at_its_rate_both_ways(rng):
    """About 30% of the entries are zero, and the same ones hear nothing back."""
    layer, x = Dropout(0.3), np.ones((100, 1000), dtype=np.float32)
    out, cache = layer.forward(x, rng)
    assert abs((out == 0.0).mean() - 0.3) < 0.01
    assert out.dtype == np.float32
    np.testing.assert_array_equal(layer.backward(x, cache), out)


@pytest.mark.parametrize("rate", [1.5, 1.0, -0.1, float("nan")])
def test_a_rate_that_leaves_nothing_is_refused(rate):
    """Nor may it be less than nothing."""
    message = f"rate: must be from 0 to below 1, got {rate}"
    with pytest.raises(ValueError, match=message):
        Dropout(rate)

"""The LSTM climbs the first two rungs: loop specification, finite differences.

Three sentences of 5 tokens; every bias, initial state and upstream gradient
is random.
"""

import inspect
import warnings

import numpy as np
import pytest

from minis2s import specs
from minis2s.numpy_ref import lstm
from minis2s.numpy_ref.gradcheck import (
    check_gradient,
    numerical_gradient,
    relative_error,
)

BATCH, LENGTH, D_INPUT, D_HIDDEN = 3, 5, 2, 7
SPEC = {"rtol": 1e-12, "atol": 1e-12}
GRADIENT = 1e-6

WEIGHTS = ("weight_input", "weight_hidden", "bias")
INPUTS = ("x", "h", "c", *WEIGHTS)


def make_weights(rng, scale=0.5):
    """Random weights and a random bias."""
    shapes = [(4 * D_HIDDEN, D_INPUT), (4 * D_HIDDEN, D_HIDDEN), (4 * D_HIDDEN,)]
    return dict(zip(WEIGHTS, (scale * rng.normal(size=s) for s in shapes), strict=True))


@pytest.fixture
def case(rng):
    """Everything that the sequence takes."""
    state = {name: rng.normal(size=(BATCH, D_HIDDEN)) for name in "hc"}
    return {"x": rng.normal(size=(BATCH, LENGTH, D_INPUT)), **state} | make_weights(rng)


@pytest.fixture
def upstream(rng):
    """Random gradients of the outputs and of the last h and c."""
    outputs = rng.normal(size=(BATCH, LENGTH, D_HIDDEN))
    return outputs, *(rng.normal(size=(BATCH, D_HIDDEN)) for _ in "hc")


def run(case):
    """Outputs, last h, last c and cache of the sequence."""
    weights = [case[name] for name in WEIGHTS]
    outputs, (h, c), cache = lstm.lstm_forward(
        case["x"], (case["h"], case["c"]), *weights
    )
    return outputs, h, c, cache


def gradients(case, upstream):
    """All gradients of the sequence by name."""
    grad_outputs, grad_h, grad_c = upstream
    *_, cache = run(case)
    grad_x, (grad_h, grad_c), *grads = lstm.lstm_backward(
        grad_outputs, (grad_h, grad_c), cache
    )
    return dict(zip(INPUTS, (grad_x, grad_h, grad_c, *grads), strict=True))


def loss_of(case, upstream, name):
    """A number that depends on one array of the case."""

    def loss(array):
        results = run(case | {name: array})[:3]
        return float(sum((r * g).sum() for r, g in zip(results, upstream, strict=True)))

    return loss


# --- one step ---


def test_step_agrees_with_the_loop(case):
    """Rung 1: the next h and c are the specification's, row by row."""
    weights = [case[name] for name in WEIGHTS]
    x = case["x"][:, 0]
    (h, c), _ = lstm.lstm_step_forward(x, (case["h"], case["c"]), *weights)
    for b in range(BATCH):
        expected = specs.lstm_step(x[b], case["h"][b], case["c"][b], *weights)
        np.testing.assert_allclose((h[b], c[b]), expected, **SPEC)


@pytest.mark.parametrize("name", INPUTS)
def test_step_gradient_agrees_with_differences(case, upstream, name):
    """Rung 2: every entry of every gradient, by central differences."""
    case["x"] = case["x"][:, 0]
    grad_state = upstream[1:]

    def forward(case):
        weights = [case[name] for name in WEIGHTS]
        return lstm.lstm_step_forward(case["x"], (case["h"], case["c"]), *weights)

    def loss(array):
        state, _ = forward(case | {name: array})
        return float(sum((s * g).sum() for s, g in zip(state, grad_state, strict=True)))

    _, cache = forward(case)
    grad_x, grad_before, *grads = lstm.lstm_step_backward(grad_state, cache)
    found = dict(zip(INPUTS, (grad_x, *grad_before, *grads), strict=True))
    expected = numerical_gradient(loss, case[name])
    assert relative_error(found[name], expected) < GRADIENT


# --- a whole sequence ---


def test_sequence_agrees_with_the_loop(case):
    """Rung 1: all outputs and the last state are the specification's."""
    outputs, h, c, _ = run(case)
    weights = [case[name] for name in WEIGHTS]
    expected, state = specs.lstm(case["x"], (case["h"], case["c"]), *weights)
    np.testing.assert_allclose(outputs, expected, **SPEC)
    np.testing.assert_allclose((h, c), state, **SPEC)


@pytest.mark.parametrize("name", INPUTS)
def test_sequence_gradient_agrees_with_differences(case, upstream, name):
    """Rung 2: every entry of every gradient, the initial state's too."""
    grad = gradients(case, upstream)[name]
    loss = loss_of(case, upstream, name)
    assert relative_error(grad, numerical_gradient(loss, case[name])) < GRADIENT


@pytest.mark.parametrize("name", INPUTS)
def test_sequence_gradient_agrees_along_directions(case, upstream, name, rng):
    """Rung 2: and so does the slope when all entries move at once."""
    grad = gradients(case, upstream)[name]
    loss = loss_of(case, upstream, name)
    assert check_gradient(loss, case[name], grad, rng) < GRADIENT


def test_the_fast_sequence_is_the_plain_step_repeated(case):
    """Forward, one call equals a step at every position."""
    weights = [case[name] for name in WEIGHTS]
    state = case["h"], case["c"]
    outputs, h, c, _ = run(case)
    for t in range(LENGTH):
        state, _ = lstm.lstm_step_forward(case["x"][:, t], state, *weights)
        np.testing.assert_allclose(outputs[:, t], state[0], **SPEC)
    np.testing.assert_allclose((h, c), state, **SPEC)


def test_the_fast_backward_is_the_plain_step_repeated(case, upstream):
    """Backward likewise, for the input, the state before and every weight."""
    weights = [case[name] for name in WEIGHTS]
    state, caches = (case["h"], case["c"]), []
    for t in range(LENGTH):
        state, cache = lstm.lstm_step_forward(case["x"][:, t], state, *weights)
        caches.append(cache)
    grad_outputs, grad_h, grad_c = upstream
    want = {name: np.zeros_like(case[name]) for name in INPUTS}
    for t in reversed(range(LENGTH)):
        grad_h = grad_h + grad_outputs[:, t]
        want["x"][:, t], (grad_h, grad_c), *grads = lstm.lstm_step_backward(
            (grad_h, grad_c), caches[t]
        )
        for name, grad in zip(WEIGHTS, grads, strict=True):
            want[name] += grad
    want |= {"h": grad_h, "c": grad_c}
    for name, grad in gradients(case, upstream).items():
        np.testing.assert_allclose(grad, want[name], **SPEC, err_msg=name)


def test_no_gradient_for_the_last_state_is_zeros(case, upstream):
    """None stands for a state that nobody reads."""
    *_, cache = run(case)
    zeros = np.zeros((BATCH, D_HIDDEN))
    without = lstm.lstm_backward(upstream[0], None, cache)
    with_zeros = lstm.lstm_backward(upstream[0], (zeros, zeros), cache)
    np.testing.assert_array_equal(without[0], with_zeros[0])


def test_saturated_gates_stay_finite_and_silent(case, upstream):
    """With pre-activations of +-1e4 nothing overflows, forward or backward."""
    case["bias"] *= 1e4
    with warnings.catch_warnings(), np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("error")
        grads = gradients(case, upstream)
    assert all(np.isfinite(grad).all() for grad in grads.values())


def test_an_open_cell_hands_its_gradient_back_whole(case):
    """With f = 1, i = 0, o = 1 the cell state, and its gradient, pass unchanged."""
    for name in ("weight_input", "weight_hidden"):
        case[name] *= 0.0
    case["bias"] = np.repeat([-1e3, 1e3, 0.0, 1e3], D_HIDDEN)
    _, _, c, cache = run(case)
    np.testing.assert_allclose(c, case["c"], **SPEC)
    ones = np.ones((BATCH, D_HIDDEN))
    nothing = np.zeros((BATCH, LENGTH, D_HIDDEN))
    _, (_, grad_c), *_ = lstm.lstm_backward(nothing, (0 * ones, ones), cache)
    np.testing.assert_allclose(grad_c, ones, **SPEC)


def test_float32_stays_float32(case, upstream):
    """Neither results nor gradients are promoted to float64."""
    case = {name: array.astype(np.float32) for name, array in case.items()}
    upstream = [grad.astype(np.float32) for grad in upstream]
    outputs, h, c, _ = run(case)
    arrays = [outputs, h, c, *gradients(case, upstream).values()]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_nothing_passed_in_is_written_to(case, upstream):
    """Arrays that may only be read are good enough, forward and backward."""
    for array in [*case.values(), *upstream]:
        array.setflags(write=False)
    gradients(case, upstream)


BAD_INPUTS = [
    ("x", (BATCH, LENGTH, 11), "x: axis d_input must be 2, got 11"),
    ("x", (BATCH, D_INPUT), r"x: must have axes \(batch, len, d_input\)"),
    ("h", (11, D_HIDDEN), "state h: axis batch must be 3, got 11"),
    ("c", (BATCH, 11), "state c: axis d_hidden must be 7, got 11"),
    ("weight_input", (11, D_INPUT), "weight_input: axis d_gates must be 28, got 11"),
    ("weight_hidden", (11, D_HIDDEN), "weight_hidden: axis d_gates must be 28, got 11"),
    ("bias", (D_HIDDEN,), "bias: axis d_gates must be 28, got 7"),
]


@pytest.mark.parametrize(("name", "shape", "message"), BAD_INPUTS)
def test_a_wrong_shape_is_named(case, name, shape, message):
    """The error names argument, axis, expected and received size."""
    case[name] = np.zeros(shape)
    weights = [case[name] for name in WEIGHTS]
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(lstm.lstm_forward)(case["x"], (case["h"], case["c"]), *weights)


# --- the classes ---


def make_layer(rng):
    """A layer whose biases are random too."""
    layer = lstm.LSTM(D_INPUT, D_HIDDEN, rng)
    layer.load({n: 0.5 * rng.normal(size=p.shape) for n, p in layer.named_parameters()})
    return layer


def test_forget_gates_begin_open(rng):
    """A fresh cell has bias 1 on its forget gate and 0 elsewhere."""
    bias = lstm.LSTM(D_INPUT, D_HIDDEN, rng).params["bias"]
    np.testing.assert_array_equal(bias, np.repeat([0.0, 1.0, 0.0, 0.0], D_HIDDEN))


def test_weights_begin_within_their_bound(rng):
    """Uniform within 1 / sqrt(d_hidden), close to the edge."""
    for name in ("weight_input", "weight_hidden"):
        weight = lstm.LSTM(53, 97, rng).params[name]
        assert 0.99 < np.abs(weight).max() * 97**0.5 <= 1.0


def test_class_calls_its_pair_and_adds_up(case, upstream, rng):
    """Two calls of backward leave twice the gradient of the pair."""
    layer = lstm.LSTM(D_INPUT, D_HIDDEN, rng)
    layer.load({name: case[name] for name in WEIGHTS})
    *_, cache = layer.forward(case["x"], (case["h"], case["c"]))
    for _ in range(2):
        grad_x, (grad_h, _) = layer.backward(upstream[0], cache, upstream[1:])
    expected = gradients(case, upstream)
    np.testing.assert_array_equal(grad_x, expected["x"])
    np.testing.assert_array_equal(grad_h, expected["h"])
    for name in WEIGHTS:
        np.testing.assert_allclose(layer.grads[name], 2 * expected[name], **SPEC)


def test_a_step_of_the_class_calls_its_pair_and_adds_up(case, upstream, rng):
    """Likewise for single steps, as a decoder takes them."""
    weights = {name: case[name] for name in WEIGHTS}
    layer = lstm.LSTM(D_INPUT, D_HIDDEN, rng)
    layer.load(weights)
    x, state = case["x"][:, 0], (case["h"], case["c"])
    _, cache = layer.step(x, state)
    for _ in range(2):
        found = layer.step_backward(upstream[1:], cache)
    _, cache = lstm.lstm_step_forward(x, state, **weights)
    *expected, grad_input, grad_hidden, grad_bias = lstm.lstm_step_backward(
        upstream[1:], cache
    )
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])
    for name, grad in zip(WEIGHTS, (grad_input, grad_hidden, grad_bias), strict=True):
        np.testing.assert_allclose(layer.grads[name], 2 * grad, **SPEC)


def test_no_state_is_a_state_of_zeros(case, rng):
    """What is not said is zero."""
    layer = make_layer(rng)
    zeros = np.zeros((BATCH, D_HIDDEN))
    without, _, _ = layer.forward(case["x"])
    with_zeros, _, _ = layer.forward(case["x"], (zeros, zeros))
    np.testing.assert_array_equal(without, with_zeros)

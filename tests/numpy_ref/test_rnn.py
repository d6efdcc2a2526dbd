"""The simple network climbs the first two rungs: loop specification, differences.

Every bias, initial state and upstream gradient is random.
"""

import inspect
import warnings

import numpy as np
import pytest

from minis2s import specs
from minis2s.numpy_ref import rnn
from minis2s.numpy_ref.gradcheck import (
    check_gradient,
    numerical_gradient,
    relative_error,
)

BATCH, LENGTH, D_INPUT, D_HIDDEN = 3, 5, 2, 7
SPEC = {"rtol": 1e-12, "atol": 1e-12}
GRADIENT = 1e-6

WEIGHTS = ("weight_input", "weight_hidden", "bias")
INPUTS = ("x", "h", *WEIGHTS)
SHAPES = {
    "x": (BATCH, LENGTH, D_INPUT),
    "h": (BATCH, D_HIDDEN),
    "weight_input": (D_HIDDEN, D_INPUT),
    "weight_hidden": (D_HIDDEN, D_HIDDEN),
    "bias": (D_HIDDEN,),
}


@pytest.fixture
def case(rng):
    """Everything that the sequence takes."""
    return {name: 0.5 * rng.normal(size=shape) for name, shape in SHAPES.items()}


@pytest.fixture
def upstream(rng):
    """Random gradients of the outputs and of the last h."""
    return rng.normal(size=(BATCH, LENGTH, D_HIDDEN)), rng.normal(size=SHAPES["h"])


def weights_of(case):
    """The parameters alone, in order."""
    return [case[name] for name in WEIGHTS]


def run(case):
    """Outputs, last h and cache of the sequence."""
    outputs, (h,), cache = rnn.rnn_forward(case["x"], (case["h"],), *weights_of(case))
    return outputs, h, cache


def gradients(case, upstream, truncate=None):
    """All gradients of the sequence by name."""
    grad_outputs, grad_h = upstream
    *_, cache = run(case)
    grad_x, (grad_h,), *grads = rnn.rnn_backward(
        grad_outputs, (grad_h,), cache, truncate
    )
    return dict(zip(INPUTS, (grad_x, grad_h, *grads), strict=True))


def loss_of(case, upstream, name):
    """A number that depends on one array of the case."""

    def loss(array):
        results = run(case | {name: array})[:2]
        return float(sum((r * g).sum() for r, g in zip(results, upstream, strict=True)))

    return loss


# --- one step ---


def test_step_agrees_with_the_loop(case):
    """Rung 1: the next h is the specification's, row by row."""
    x, weights = case["x"][:, 0], weights_of(case)
    (h,), _ = rnn.rnn_step_forward(x, (case["h"],), *weights)
    for b in range(BATCH):
        expected = specs.rnn_step(x[b], case["h"][b], *weights)
        np.testing.assert_allclose(h[b], expected, **SPEC)


@pytest.mark.parametrize("name", INPUTS)
def test_step_gradient_agrees_with_differences(case, upstream, name):
    """Rung 2: every entry of every gradient, by central differences."""
    case["x"] = case["x"][:, 0]

    def forward(case):
        return rnn.rnn_step_forward(case["x"], (case["h"],), *weights_of(case))

    def loss(array):
        (h,), _ = forward(case | {name: array})
        return float((h * upstream[1]).sum())

    _, cache = forward(case)
    grad_x, (grad_h,), *grads = rnn.rnn_step_backward(upstream[1:], cache)
    found = dict(zip(INPUTS, (grad_x, grad_h, *grads), strict=True))
    expected = numerical_gradient(loss, case[name])
    assert relative_error(found[name], expected) < GRADIENT


# --- a whole sequence ---


def test_sequence_agrees_with_the_loop(case):
    """Rung 1: all outputs and the last state are the specification's."""
    outputs, h, _ = run(case)
    expected, (last,) = specs.rnn(case["x"], (case["h"],), *weights_of(case))
    np.testing.assert_allclose(outputs, expected, **SPEC)
    np.testing.assert_allclose(h, last, **SPEC)


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
    state = (case["h"],)
    outputs, h, _ = run(case)
    for t in range(LENGTH):
        state, _ = rnn.rnn_step_forward(case["x"][:, t], state, *weights_of(case))
        np.testing.assert_allclose(outputs[:, t], state[0], **SPEC)
    np.testing.assert_allclose(h, state[0], **SPEC)


def test_the_fast_backward_is_the_plain_step_repeated(case, upstream):
    """Backward likewise, for the input, the state before and every weight."""
    state, caches = (case["h"],), []
    for t in range(LENGTH):
        state, cache = rnn.rnn_step_forward(case["x"][:, t], state, *weights_of(case))
        caches.append(cache)
    grad_outputs, grad_h = upstream
    want = {name: np.zeros_like(case[name]) for name in INPUTS}
    for t in reversed(range(LENGTH)):
        want["x"][:, t], (grad_h,), *grads = rnn.rnn_step_backward(
            (grad_h + grad_outputs[:, t],), caches[t]
        )
        for name, grad in zip(WEIGHTS, grads, strict=True):
            want[name] += grad
    want["h"] = grad_h
    for name, grad in gradients(case, upstream).items():
        np.testing.assert_allclose(grad, want[name], **SPEC, err_msg=name)


def test_no_gradient_for_the_last_state_is_zeros(case, upstream):
    """None stands for a state that nobody reads."""
    *_, cache = run(case)
    without = rnn.rnn_backward(upstream[0], None, cache)
    with_zeros = rnn.rnn_backward(upstream[0], (np.zeros_like(case["h"]),), cache)
    np.testing.assert_array_equal(without[0], with_zeros[0])


def test_the_far_gradient_is_a_product_of_jacobians(case, rng):
    """What h_T tells h_0 is J_T ... J_1, J_t = diag(1 - h_t^2) weight_hidden."""
    case["weight_input"][...] = 0.0  # the inputs say nothing; the state goes its way
    outputs, _, cache = run(case)
    product = np.broadcast_to(np.eye(D_HIDDEN), (BATCH, D_HIDDEN, D_HIDDEN))
    for t in range(LENGTH):
        jacobian = (1.0 - outputs[:, t, :, None] ** 2) * case["weight_hidden"]
        product = jacobian @ product
    grad_last = rng.normal(size=(BATCH, D_HIDDEN))
    nothing = np.zeros_like(outputs)
    _, (grad_first,), *_ = rnn.rnn_backward(nothing, (grad_last,), cache)
    expected = np.einsum("bi,bij->bj", grad_last, product)
    np.testing.assert_allclose(grad_first, expected, **SPEC)


@pytest.mark.parametrize(("scale", "factor"), [(0.5, 0.5**50), (1.5, 1.5**50)])
def test_the_far_gradient_dies_or_explodes(scale, factor):
    """Near h = 0 the tanh is a line, and 50 steps multiply the gradient 50 times."""
    nothing = np.zeros((1, 50, D_HIDDEN))
    weights = np.zeros((D_HIDDEN, D_HIDDEN)), scale * np.eye(D_HIDDEN)
    h = np.zeros((1, D_HIDDEN))
    *_, cache = rnn.rnn_forward(nothing, (h,), *weights, h[0])
    _, (grad_h,), *_ = rnn.rnn_backward(nothing, (h + 1.0,), cache)
    np.testing.assert_allclose(grad_h, factor, rtol=1e-12)


def test_saturated_units_agree_with_the_loop_silently(case, upstream):
    """With pre-activations of +-1e4 nothing overflows, forward or backward."""
    case["bias"] = 1e4 * np.sign(case["bias"])
    with warnings.catch_warnings(), np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("error")
        outputs, *_ = run(case)
        grads = gradients(case, upstream)
    expected, _ = specs.rnn(case["x"], (case["h"],), *weights_of(case))
    np.testing.assert_allclose(outputs, expected, **SPEC)
    assert all(np.isfinite(grad).all() for grad in grads.values())


def test_float32_stays_float32(case, upstream):
    """Neither results nor gradients are promoted to float64."""
    case = {name: array.astype(np.float32) for name, array in case.items()}
    upstream = [grad.astype(np.float32) for grad in upstream]
    outputs, h, _ = run(case)
    arrays = [outputs, h, *gradients(case, upstream).values()]
    arrays += gradients(case, upstream, truncate=2).values()
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_nothing_passed_in_is_written_to(case, upstream):
    """Arrays that may only be read are good enough, forward and backward."""
    for array in [*case.values(), *upstream]:
        array.setflags(write=False)
    gradients(case, upstream)
    gradients(case, upstream, truncate=2)


BAD_INPUTS = [
    ("x", (BATCH, LENGTH, 11), "x: axis d_input must be 2, got 11"),
    ("x", (BATCH, D_INPUT), r"x: must have axes \(batch, len, d_input\)"),
    ("h", (11, D_HIDDEN), "state h: axis batch must be 3, got 11"),
    ("h", (BATCH, 11), "state h: axis d_hidden must be 7, got 11"),
    ("weight_input", (11, D_INPUT), "weight_input: axis d_hidden must be 7, got 11"),
    (
        "weight_hidden",
        (D_HIDDEN, 11),
        "weight_hidden: axis d_hidden_before must be 7, got 11",
    ),
    ("bias", (11,), "bias: axis d_hidden must be 7, got 11"),
]


@pytest.mark.parametrize(("name", "shape", "message"), BAD_INPUTS)
def test_a_wrong_shape_is_named(case, name, shape, message):
    """The error names argument, axis, expected and received size."""
    case[name] = np.zeros(shape)
    forward = inspect.unwrap(rnn.rnn_forward)
    with pytest.raises(ValueError, match=message):
        forward(case["x"], (case["h"],), *weights_of(case))


# --- truncation in time ---


def gradients_by_pieces(case, upstream, truncate):
    """All gradients from pieces read one by one, each told the value of h alone."""
    grad_outputs, grad_h = upstream
    grads = {name: np.zeros_like(case[name]) for name in INPUTS}
    h = case["h"]
    for start in range(0, LENGTH, truncate):
        piece = slice(start, start + truncate)
        part = case | {"x": case["x"][:, piece], "h": h}
        _, h, _ = run(part)
        last = start + truncate >= LENGTH
        above = grad_outputs[:, piece], grad_h if last else np.zeros_like(grad_h)
        found = gradients(part, above)
        grads["x"][:, piece] = found["x"]
        grads["h"] += found["h"] if start == 0 else 0.0
        for name in WEIGHTS:
            grads[name] += found[name]
    return grads


@pytest.mark.parametrize("truncate", range(1, LENGTH + 2))
def test_truncation_is_reading_piece_by_piece(case, upstream, truncate):
    """Whether the pieces divide the length or not."""
    want = gradients_by_pieces(case, upstream, truncate)
    for name, grad in gradients(case, upstream, truncate).items():
        np.testing.assert_allclose(grad, want[name], **SPEC, err_msg=name)


@pytest.mark.parametrize("truncate", [LENGTH, LENGTH + 1])
def test_a_piece_as_long_as_the_sequence_cuts_nothing(case, upstream, truncate):
    """Then the gradient is whole."""
    whole = gradients(case, upstream)
    for name, grad in gradients(case, upstream, truncate).items():
        np.testing.assert_array_equal(grad, whole[name], err_msg=name)


def test_pieces_of_one_position_know_no_past(case, upstream):
    """Each step's error meets h_{t-1} as a constant, and goes no further back."""
    outputs, _, cache = run(case)
    grad_h = upstream[0].copy()
    grad_h[:, -1] += upstream[1]
    grad_a = grad_h * (1.0 - outputs**2)
    before = np.concatenate([case["h"][:, None], outputs[:, :-1]], axis=1)
    want = np.einsum("bti,btj->ij", grad_a, before)
    found = gradients(case, upstream, truncate=1)
    np.testing.assert_allclose(found["weight_hidden"], want, **SPEC)
    np.testing.assert_allclose(found["h"], grad_a[:, 0] @ cache.weight_hidden, **SPEC)


def test_truncation_leaves_something_out(case, upstream):
    """A cut sequence has another gradient for everything that time runs through."""
    whole, cut = gradients(case, upstream), gradients(case, upstream, truncate=2)
    for name in INPUTS:
        assert relative_error(cut[name], whole[name]) > 1e-3, name
    np.testing.assert_array_equal(cut["x"][:, 4:], whole["x"][:, 4:])


@pytest.mark.parametrize("truncate", [0, -1, 2.5, True])
def test_pieces_without_a_position_are_refused(case, upstream, truncate):
    """One sentence says what is the least."""
    message = f"truncate: must be a whole number from 1, got {truncate}"
    *_, cache = run(case)
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(rnn.rnn_backward)(upstream[0], None, cache, truncate)


# --- the class ---


@pytest.fixture
def layer(case, rng):
    """A layer with the weights of the case."""
    layer = rnn.RNN(D_INPUT, D_HIDDEN, rng)
    layer.load({name: case[name] for name in WEIGHTS})
    return layer


def test_weights_begin_within_their_bound_and_the_bias_at_zero(rng):
    """Uniform within 1 / sqrt(d_hidden), close to the edge."""
    params = rnn.RNN(53, 97, rng).params
    for name in ("weight_input", "weight_hidden"):
        assert 0.99 < np.abs(params[name]).max() * 97**0.5 <= 1.0
    assert not params["bias"].any()


@pytest.mark.parametrize("truncate", [None, 2])
def test_class_calls_its_pair_and_adds_up(layer, case, upstream, truncate):
    """Two calls of backward leave twice the gradient of the pair."""
    *_, cache = layer.forward(case["x"], (case["h"],))
    for _ in range(2):
        grad_x, (grad_h,) = layer.backward(
            upstream[0], cache, upstream[1:], truncate=truncate
        )
    expected = gradients(case, upstream, truncate)
    np.testing.assert_array_equal(grad_x, expected["x"])
    np.testing.assert_array_equal(grad_h, expected["h"])
    for name in WEIGHTS:
        np.testing.assert_allclose(layer.grads[name], 2 * expected[name], **SPEC)


def test_a_step_of_the_class_calls_its_pair_and_adds_up(layer, case, upstream):
    """Likewise for single steps, as a decoder takes them."""
    x = case["x"][:, 0]
    state, cache = layer.step(x, (case["h"],))
    for _ in range(2):
        grad_x, (grad_h,) = layer.step_backward(upstream[1:], cache)
    expected, cache = rnn.rnn_step_forward(x, (case["h"],), *weights_of(case))
    np.testing.assert_array_equal(state, expected)
    want_x, (want_h,), *want = rnn.rnn_step_backward(upstream[1:], cache)
    np.testing.assert_array_equal(grad_x, want_x)
    np.testing.assert_array_equal(grad_h, want_h)
    for name, grad in zip(WEIGHTS, want, strict=True):
        np.testing.assert_allclose(layer.grads[name], 2 * grad, **SPEC)


def test_no_state_is_a_state_of_zeros(layer, case):
    """What is not said is zero."""
    without, _, _ = layer.forward(case["x"])
    with_zeros, _, _ = layer.forward(case["x"], (np.zeros((BATCH, D_HIDDEN)),))
    np.testing.assert_array_equal(without, with_zeros)


def test_the_zero_state_fits_its_input(layer, case):
    """One row of d_hidden zeros for each sentence, in the input's precision."""
    (h,) = layer.zero_state(case["x"].astype(np.float32))
    assert h.shape == (BATCH, layer.d_hidden) == (BATCH, D_HIDDEN)
    assert h.dtype == np.float32
    assert not h.any()

"""The GRU climbs the first two rungs, and is compared with the paper's form.

Every bias, initial state and upstream gradient is random.
"""

import inspect
import warnings

import numpy as np
import pytest

from minis2s import specs
from minis2s.numpy_ref import gru
from minis2s.numpy_ref.gradcheck import (
    check_gradient,
    numerical_gradient,
    relative_error,
)

BATCH, LENGTH, D_INPUT, D_HIDDEN = 3, 5, 2, 7
SPEC = {"rtol": 1e-12, "atol": 1e-12}
GRADIENT = 1e-6

WEIGHTS = ("weight_input", "weight_hidden", "bias_input", "bias_hidden")
INPUTS = ("x", "h", *WEIGHTS)
SHAPES = {
    "x": (BATCH, LENGTH, D_INPUT),
    "h": (BATCH, D_HIDDEN),
    "weight_input": (3 * D_HIDDEN, D_INPUT),
    "weight_hidden": (3 * D_HIDDEN, D_HIDDEN),
    "bias_input": (3 * D_HIDDEN,),
    "bias_hidden": (3 * D_HIDDEN,),
}
R, Z, N = (slice(gate * D_HIDDEN, (gate + 1) * D_HIDDEN) for gate in range(3))
"""Rows of each gate."""


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
    outputs, (h,), cache = gru.gru_forward(case["x"], (case["h"],), *weights_of(case))
    return outputs, h, cache


def gradients(case, upstream):
    """All gradients of the sequence by name."""
    grad_outputs, grad_h = upstream
    *_, cache = run(case)
    grad_x, (grad_h,), *grads = gru.gru_backward(grad_outputs, (grad_h,), cache)
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
    (h,), _ = gru.gru_step_forward(x, (case["h"],), *weights)
    for b in range(BATCH):
        expected = specs.gru_step(x[b], case["h"][b], *weights)
        np.testing.assert_allclose(h[b], expected, **SPEC)


@pytest.mark.parametrize("name", INPUTS)
def test_step_gradient_agrees_with_differences(case, upstream, name):
    """Rung 2: every entry of every gradient, by central differences."""
    case["x"] = case["x"][:, 0]

    def forward(case):
        return gru.gru_step_forward(case["x"], (case["h"],), *weights_of(case))

    def loss(array):
        (h,), _ = forward(case | {name: array})
        return float((h * upstream[1]).sum())

    _, cache = forward(case)
    grad_x, (grad_h,), *grads = gru.gru_step_backward(upstream[1:], cache)
    found = dict(zip(INPUTS, (grad_x, grad_h, *grads), strict=True))
    expected = numerical_gradient(loss, case[name])
    assert relative_error(found[name], expected) < GRADIENT


# --- a whole sequence ---


def test_sequence_agrees_with_the_loop(case):
    """Rung 1: all outputs and the last state are the specification's."""
    outputs, h, _ = run(case)
    expected, (last,) = specs.gru(case["x"], (case["h"],), *weights_of(case))
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
        state, _ = gru.gru_step_forward(case["x"][:, t], state, *weights_of(case))
        np.testing.assert_allclose(outputs[:, t], state[0], **SPEC)
    np.testing.assert_allclose(h, state[0], **SPEC)


def test_the_fast_backward_is_the_plain_step_repeated(case, upstream):
    """Backward likewise, for the input, the state before and every weight."""
    state, caches = (case["h"],), []
    for t in range(LENGTH):
        state, cache = gru.gru_step_forward(case["x"][:, t], state, *weights_of(case))
        caches.append(cache)
    grad_outputs, grad_h = upstream
    want = {name: np.zeros_like(case[name]) for name in INPUTS}
    for t in reversed(range(LENGTH)):
        want["x"][:, t], (grad_h,), *grads = gru.gru_step_backward(
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
    without = gru.gru_backward(upstream[0], None, cache)
    with_zeros = gru.gru_backward(upstream[0], (np.zeros_like(case["h"]),), cache)
    np.testing.assert_array_equal(without[0], with_zeros[0])


def test_saturated_gates_agree_with_the_loop_silently(case, upstream, rng):
    """With pre-activations of +-1e4 nothing overflows, forward or backward."""
    for name in ("bias_input", "bias_hidden"):
        case[name] = rng.choice([-1e4, 1e4], size=3 * D_HIDDEN)
    with warnings.catch_warnings(), np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("error")
        outputs, *_ = run(case)
        grads = gradients(case, upstream)
    expected, _ = specs.gru(case["x"], (case["h"],), *weights_of(case))
    np.testing.assert_allclose(outputs, expected, **SPEC)
    assert all(np.isfinite(grad).all() for grad in grads.values())


def test_a_closed_cell_hands_state_and_gradient_on_whole(case):
    """With z = 1 the state, and its gradient, pass all steps unchanged."""
    for name in WEIGHTS:
        case[name][Z] = 0.0
    case["bias_input"][Z] = 1e3
    _, h, cache = run(case)
    np.testing.assert_allclose(h, case["h"], **SPEC)
    ones = np.ones((BATCH, D_HIDDEN))
    nothing = np.zeros((BATCH, LENGTH, D_HIDDEN))
    _, (grad_h,), *_ = gru.gru_backward(nothing, (ones,), cache)
    np.testing.assert_allclose(grad_h, ones, **SPEC)


def test_a_cell_that_is_open_and_reset_forgets(case):
    """With z = 0 and r = 0 each output knows its own input alone."""
    case["bias_input"][R] = case["bias_input"][Z] = -1e3
    outputs, *_ = run(case)
    seen = case["x"] @ case["weight_input"][N].T + case["bias_input"][N]
    np.testing.assert_allclose(outputs, np.tanh(seen), **SPEC)


def test_float32_stays_float32(case, upstream):
    """Neither results nor gradients are promoted to float64."""
    case = {name: array.astype(np.float32) for name, array in case.items()}
    upstream = [grad.astype(np.float32) for grad in upstream]
    outputs, h, _ = run(case)
    arrays = [outputs, h, *gradients(case, upstream).values()]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_nothing_passed_in_is_written_to(case, upstream):
    """Arrays that may only be read are good enough, forward and backward."""
    for array in [*case.values(), *upstream]:
        array.setflags(write=False)
    gradients(case, upstream)


def test_backward_may_be_called_twice(case, upstream):
    """A cache is read and not used up."""
    *_, cache = run(case)
    first = gru.gru_backward(upstream[0], upstream[1:], cache)
    second = gru.gru_backward(upstream[0], upstream[1:], cache)
    np.testing.assert_array_equal(first[0], second[0])


BAD_INPUTS = [
    ("x", (BATCH, LENGTH, 11), "x: axis d_input must be 2, got 11"),
    ("x", (BATCH, D_INPUT), r"x: must have axes \(batch, len, d_input\)"),
    ("h", (11, D_HIDDEN), "state h: axis batch must be 3, got 11"),
    ("h", (BATCH, 11), "state h: axis d_hidden must be 7, got 11"),
    ("weight_input", (11, D_INPUT), "weight_input: axis d_gates must be 21, got 11"),
    ("weight_hidden", (11, D_HIDDEN), "weight_hidden: axis d_gates must be 21, got 11"),
    ("bias_input", (D_HIDDEN,), "bias_input: axis d_gates must be 21, got 7"),
    ("bias_hidden", (D_HIDDEN,), "bias_hidden: axis d_gates must be 21, got 7"),
]


@pytest.mark.parametrize(("name", "shape", "message"), BAD_INPUTS)
def test_a_wrong_shape_is_named(case, name, shape, message):
    """The error names argument, axis, expected and received size."""
    case[name] = np.zeros(shape)
    forward = inspect.unwrap(gru.gru_forward)
    with pytest.raises(ValueError, match=message):
        forward(case["x"], (case["h"],), *weights_of(case))


# --- the paper's form: reset before weighing instead of after ---


def both_forms(case):
    """The next h of the first sentence: reset after weighing, and before."""
    arguments = case["x"][0, 0], case["h"][0], *weights_of(case)
    return specs.gru_step(*arguments), specs.gru_step_paper(*arguments)


def make_diagonal(case):
    """Let each unit recall itself alone."""
    case["weight_hidden"][N] *= np.eye(D_HIDDEN)


def test_the_papers_form_resets_before_weighing(case):
    """Its loop is eq. 5-8 of Cho et al. 2014, with our biases."""
    x, h = case["x"][0, 0], case["h"][0]
    weight_input, weight_hidden, bias_input, bias_hidden = weights_of(case)
    from_x, biases = weight_input @ x, bias_input + bias_hidden
    gates = 1.0 / (1.0 + np.exp(-(from_x + weight_hidden @ h + biases)))
    r, z = gates[R], gates[Z]
    n = np.tanh(from_x[N] + weight_hidden[N] @ (r * h) + biases[N])
    np.testing.assert_allclose(both_forms(case)[1], z * h + (1.0 - z) * n, **SPEC)


def test_reset_after_weighing_is_another_function(case):
    """In general the two forms differ, even without the candidate's second bias."""
    case["bias_hidden"][N] = 0.0
    after, before = both_forms(case)
    assert np.abs(after - before).min() > 1e-4


def test_the_two_forms_meet_where_nothing_is_reset(case):
    """With r = 1 they are equal, whatever U_n and b_hn."""
    case["bias_input"][R] = 1e3
    np.testing.assert_allclose(*both_forms(case), **SPEC)


def test_the_two_forms_meet_where_units_recall_themselves_alone(case):
    """With U_n diagonal and b_hn = 0, U_n (r h) = r (U_n h)."""
    make_diagonal(case)
    case["bias_hidden"][N] = 0.0
    np.testing.assert_allclose(*both_forms(case), **SPEC)


def test_the_two_forms_meet_where_all_resets_are_equal(case):
    """One r for all units may be drawn out of any product with U_n, if b_hn = 0."""
    for name in WEIGHTS:
        case[name][R] = case[name][:1]
    case["bias_hidden"][N] = 0.0
    np.testing.assert_allclose(*both_forms(case), **SPEC)


def test_the_second_bias_keeps_the_two_forms_apart(case):
    """The reset after weighing scales b_hn too; the one before does not reach it."""
    make_diagonal(case)
    after, before = both_forms(case)
    assert np.abs(after - before).min() > 1e-4


def test_negating_the_rows_of_z_swaps_old_and_new(case):
    """1 - sigmoid(a) = sigmoid(-a): so other papers' z is ours with another sign."""
    arguments = case["x"][0, 0], case["h"][0]
    h = specs.gru_step(*arguments, *weights_of(case))
    for name in WEIGHTS:
        case[name][Z] *= -1.0
    swapped = specs.gru_step(*arguments, *weights_of(case))
    case["bias_input"][Z] = -1e3  # z = 0 leaves the candidate n
    n = specs.gru_step(*arguments, *weights_of(case))
    # (1 - z) n + z h and z n + (1 - z) h are n + h together.
    np.testing.assert_allclose(h + swapped, n + case["h"][0], **SPEC)


# --- the class ---


@pytest.fixture
def layer(case, rng):
    """A layer with the weights of the case."""
    layer = gru.GRU(D_INPUT, D_HIDDEN, rng)
    layer.load({name: case[name] for name in WEIGHTS})
    return layer


def test_weights_begin_within_their_bound_and_biases_at_zero(rng):
    """Uniform within 1 / sqrt(d_hidden), close to the edge."""
    params = gru.GRU(53, 97, rng).params
    for name in ("weight_input", "weight_hidden"):
        assert 0.99 < np.abs(params[name]).max() * 97**0.5 <= 1.0
    assert not params["bias_input"].any()
    assert not params["bias_hidden"].any()


def test_class_calls_its_pair_and_adds_up(layer, case, upstream):
    """Two calls of backward leave twice the gradient of the pair."""
    *_, cache = layer.forward(case["x"], (case["h"],))
    for _ in range(2):
        grad_x, (grad_h,) = layer.backward(upstream[0], cache, upstream[1:])
    expected = gradients(case, upstream)
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
    expected, cache = gru.gru_step_forward(x, (case["h"],), *weights_of(case))
    np.testing.assert_array_equal(state, expected)
    want_x, (want_h,), *want = gru.gru_step_backward(upstream[1:], cache)
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

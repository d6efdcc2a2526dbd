"""Both directions climb the first two rungs, with every cell.

Five sentences of 3, 2, 1, 0 and 2 tokens; every parameter is random.
"""

import inspect

import numpy as np
import pytest

from minis2s import specs
from minis2s.numpy_ref.bidirectional import Bidirectional
from minis2s.numpy_ref.gradcheck import numerical_gradient, relative_error
from minis2s.numpy_ref.gru import GRU
from minis2s.numpy_ref.lstm import LSTM
from minis2s.numpy_ref.rnn import RNN

BATCH, LENGTH, D_INPUT, D_HIDDEN = 5, 3, 2, 7
LENGTHS = np.array([3, 2, 1, 0, 2])
MASK = np.arange(LENGTH) < LENGTHS[:, None]
SPEC = {"rtol": 1e-12, "atol": 1e-12}
GRADIENT = 1e-6

LOOPS = {LSTM: (specs.lstm, 2), GRU: (specs.gru, 1), RNN: (specs.rnn, 1)}
"""Cell -> what it computes, and how many arrays its state has."""


@pytest.fixture(params=LOOPS, ids=lambda cell: cell.__name__)
def cell(request):
    """Every cell in turn."""
    return request.param


@pytest.fixture
def layer(cell, rng):
    """Two such cells whose biases are random too."""
    layer = Bidirectional(cell, D_INPUT, D_HIDDEN, rng)
    layer.load({n: 0.5 * rng.normal(size=p.shape) for n, p in layer.named_parameters()})
    return layer


@pytest.fixture
def x(rng):
    """Random inputs, on padding too."""
    return rng.normal(size=(BATCH, LENGTH, D_INPUT))


@pytest.fixture
def grad_both(rng):
    """Random gradients of the outputs, on padding too."""
    return rng.normal(size=(BATCH, LENGTH, 2 * D_HIDDEN))


def test_both_directions_agree_with_the_loop(cell, layer, x):
    """Rung 1: each sentence is read without its padding, from both its ends."""
    loop, n_states = LOOPS[cell]
    state = (np.zeros((1, D_HIDDEN)),) * n_states
    sides = (tuple(side.params.values()) for side in (layer.fwd, layer.bwd))
    expected = specs.bidirectional(x, MASK, loop, state, *sides)
    np.testing.assert_allclose(layer.forward(x, MASK)[0], expected, **SPEC)


def test_gradient_agrees_with_differences(layer, x, grad_both):
    """Rung 2: for the input and all parameters, on ragged sentences."""
    weights = dict(layer.named_parameters())

    def loss(name, array):
        layer.load({**weights, name: array} if name != "x" else weights)
        both, _ = layer.forward(array if name == "x" else x, MASK)
        return float((both * grad_both).sum())

    grads = {"x": layer.backward(grad_both, layer.forward(x, MASK)[1])}
    grads |= dict(layer.named_gradients())
    for name, array in {"x": x, **weights}.items():
        expected = numerical_gradient(lambda a, name=name: loss(name, a), array)
        assert relative_error(grads[name], expected) < GRADIENT, name


def test_two_calls_of_backward_add_up(layer, x, grad_both):
    """What a layer has gathered is the sum over its calls."""
    _, cache = layer.forward(x, MASK)
    layer.backward(grad_both, cache)
    once = {name: grad.copy() for name, grad in layer.named_gradients()}
    layer.backward(grad_both, cache)
    for name, grad in layer.named_gradients():
        np.testing.assert_allclose(grad, 2 * once[name], **SPEC, err_msg=name)


def test_a_sentence_alone_is_what_it_is_in_a_batch(layer, x):
    """Neither its neighbours nor its padding change what a sentence becomes."""
    both, _ = layer.forward(x, MASK)
    for b, length in enumerate(map(int, LENGTHS)):
        alone = x[b : b + 1, :length]
        expected, _ = layer.forward(alone, np.ones((1, length), dtype=bool))
        np.testing.assert_allclose(both[b, :length], expected[0], **SPEC)


def test_padding_reaches_no_token(layer, x):
    """Changing what stands on padding changes no output, and it says nothing itself."""
    changed = np.where(MASK[..., None], x, 100.0)
    both, _ = layer.forward(x, MASK)
    np.testing.assert_array_equal(both, layer.forward(changed, MASK)[0])
    assert not both[~MASK].any()


def test_no_gradient_reaches_padding(layer, x, grad_both):
    """Whatever comes from above, the gradient of a padded input is exactly zero."""
    grad_x = layer.backward(grad_both, layer.forward(x, MASK)[1])
    assert not grad_x[~MASK].any()
    assert grad_x[MASK].all()


def test_what_stands_above_padding_changes_no_gradient(layer, x, grad_both):
    """Upstream gradients on padding reach no parameter."""
    found = []
    for upstream in (grad_both, grad_both * MASK[..., None]):
        layer.zero_gradients()
        layer.backward(upstream, layer.forward(x, MASK)[1])
        found.append({name: grad.copy() for name, grad in layer.named_gradients()})
    for name, grad in found[0].items():
        np.testing.assert_array_equal(grad, found[1][name], err_msg=name)


def test_every_token_hears_both_sides(layer, x):
    """A changed token changes the forward half after it, the backward half before."""
    changed = x.copy()
    changed[0, 1] += 1.0
    moved = layer.forward(changed, MASK)[0] - layer.forward(x, MASK)[0]
    fwd, bwd = (half.any(axis=-1) for half in np.split(moved[0], 2, axis=-1))
    assert fwd.tolist() == [False, True, True]
    assert bwd.tolist() == [True, True, False]
    assert not moved[1:].any()


def test_names_say_which_side(cell, rng):
    """Each parameter of the cell stands under `fwd.` and again under `bwd.`."""
    layer = Bidirectional(cell, D_INPUT, D_HIDDEN, rng)
    inside = list(cell(D_INPUT, D_HIDDEN, rng).params)
    names = [name for name, _ in layer.named_parameters()]
    assert names == [f"{side}.{name}" for side in ("fwd", "bwd") for name in inside]


def test_the_two_sides_begin_differently(cell, rng):
    """Each side draws weights of its own."""
    layer = Bidirectional(cell, D_INPUT, D_HIDDEN, rng)
    for name in ("weight_input", "weight_hidden"):
        assert (layer.fwd.params[name] != layer.bwd.params[name]).all()


def test_float32_stays_float32(layer, x, grad_both):
    """Neither results nor gradients are promoted to float64."""
    layer.load({n: p.astype(np.float32) for n, p in layer.named_parameters()})
    both, cache = layer.forward(x.astype(np.float32), MASK)
    grad_x = layer.backward(grad_both.astype(np.float32), cache)
    arrays = [both, grad_x, *dict(layer.named_gradients()).values()]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_nothing_passed_in_is_written_to(layer, x, grad_both):
    """Arrays that may only be read are good enough, forward and backward."""
    mask = MASK.copy()
    for array in (x, mask, grad_both, *dict(layer.named_parameters()).values()):
        array.setflags(write=False)
    layer.backward(grad_both, layer.forward(x, mask)[1])


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (MASK[:, :2], ValueError, "mask: axis len must be 3, got 2"),
        (MASK[:1], ValueError, "mask: axis batch must be 5, got 1"),
        (MASK.astype(int), TypeError, "mask: must be bool .*, got int64"),
        (MASK[:, ::-1], ValueError, "mask: tokens must stand before padding"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(layer, x, mask, error, message):
    """With padding in front, a reversed sentence would begin somewhere inside."""
    with pytest.raises(error, match=message):
        inspect.unwrap(Bidirectional.forward)(layer, x, mask)

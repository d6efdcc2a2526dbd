"""What the three cells have in common: what they take, and what they refuse."""

import inspect
from functools import partial

import numpy as np
import pytest

from minis2s.numpy_ref import gru, lstm, rnn

BATCH, LENGTH, D_INPUT, D_HIDDEN = 3, 5, 2, 7
SPEC = {"rtol": 1e-12, "atol": 1e-12}
CELLS = {"LSTM": (lstm, 2), "GRU": (gru, 1), "RNN": (rnn, 1)}
"""Class -> its module, and how many arrays its state has."""


class Cell:
    """A cell's functions without the shapes in their signatures, and random arrays."""

    def __init__(self, name, rng):
        self.module, self.n_parts = CELLS[name]
        self.layer = getattr(self.module, name)(D_INPUT, D_HIDDEN, rng)
        for param in self.layer.params.values():
            param[...] = 0.5 * rng.normal(size=param.shape)
        self.x = rng.normal(size=(BATCH, LENGTH, D_INPUT))
        self.state = self.n_parts * (rng.normal(size=(BATCH, D_HIDDEN)),)
        self.forward, self.step, self.backward = map(
            self.function, ("forward", "step_forward", "backward")
        )

    def function(self, part):
        """A pure function, with the parameters of the layer if it goes forward."""
        name = self.module.__name__.rpartition(".")[2]
        plain = inspect.unwrap(getattr(self.module, f"{name}_{part}"))
        return plain if part == "backward" else partial(plain, **self.layer.params)


@pytest.fixture(params=CELLS)
def cell(request, rng, monkeypatch):
    """Each cell in turn."""
    module, _ = CELLS[request.param]
    if hasattr(module, "linear_forward"):
        plain = inspect.unwrap(module.linear_forward)
        monkeypatch.setattr(module, "linear_forward", plain)
    return Cell(request.param, rng)


@pytest.mark.parametrize("dtype", [np.int64, bool])
def test_a_sequence_of_integers_is_the_step_repeated(cell, dtype):
    """One-hot vectors need not be floats: no half of anything becomes 0."""
    x, state = (2 * cell.x).astype(dtype), cell.state
    outputs, last, cache = cell.forward(x, state)
    for t in range(LENGTH):
        state, _ = cell.step(x[:, t], state)
        np.testing.assert_allclose(outputs[:, t], state[0], **SPEC)
    np.testing.assert_allclose(last, state, **SPEC)
    _, _, of_floats = cell.forward(x.astype(float), cell.state)
    found, want = (cell.backward(outputs, None, c) for c in (cache, of_floats))
    np.testing.assert_allclose(found[2], want[2], **SPEC)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_state_of_other_arrays_is_refused(cell, change):
    """One too many would be ignored, by the sequence and by a step."""
    state = (cell.state * 3)[: cell.n_parts + change]
    message = rf"state: must be \(h,( c)?\), got {len(state)} arrays"
    with pytest.raises(ValueError, match=message):
        cell.forward(cell.x, state)
    with pytest.raises(ValueError, match=message):
        cell.step(cell.x[:, 0], state)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((D_INPUT,), r"x: must have axes \(batch, d_input\), got shape \(2,\)"),
        ((BATCH, 11), "x: axis d_input must be 2, got 11"),
        ((1, D_INPUT), "state h: axis batch must be 1, got 3"),
    ],
)
def test_a_step_names_a_wrong_shape(cell, shape, message):
    """Also one row for several states, which NumPy would stretch."""
    with pytest.raises(ValueError, match=message):
        cell.step(np.zeros(shape), cell.state)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((BATCH, LENGTH + 1, D_HIDDEN), "grad_outputs: axis len must be 5, got 6"),
        ((BATCH, LENGTH, 1), "grad_outputs: axis d_hidden must be 7, got 1"),
        ((1, LENGTH, D_HIDDEN), "grad_outputs: axis batch must be 3, got 1"),
    ],
)
def test_gradients_of_another_shape_are_refused(cell, shape, message):
    """What is too long would be cut, what is 1 would be stretched."""
    *_, cache = cell.forward(cell.x, cell.state)
    with pytest.raises(ValueError, match=message):
        cell.backward(np.zeros(shape), None, cache)


def test_a_gradient_for_another_state_is_refused(cell):
    """The last state's gradient has as many arrays as the state."""
    outputs, _, cache = cell.forward(cell.x, cell.state)
    with pytest.raises(ValueError, match=r"grad_state: must be \(h,( c)?\), got 3 arr"):
        cell.backward(outputs, 3 * cell.state[:1], cache)


@pytest.mark.parametrize(("batch", "length"), [(0, LENGTH), (BATCH, 0), (0, 0)])
def test_nothing_read_has_a_gradient_of_zero(cell, batch, length):
    """No sentence, or no position: the state's gradient passes, the rest is zero."""
    state = tuple(part[:batch] for part in cell.state)
    outputs, last, cache = cell.forward(cell.x[:batch, :length], state)
    grad_x, grad_state, *grads = cell.backward(outputs, last, cache)
    assert outputs.shape == (batch, length, D_HIDDEN)
    assert grad_x.shape == (batch, length, D_INPUT)
    np.testing.assert_array_equal(grad_state, state)
    for grad, param in zip(grads, cell.layer.params.values(), strict=True):
        np.testing.assert_array_equal(grad, np.zeros_like(param))


@pytest.mark.parametrize("sizes", [(0, 7), (2, 0), (2, -1)])
def test_a_width_of_nothing_is_refused(cell, sizes, rng):
    """The sentence names the width."""
    name, size = ("d_input", 0) if sizes[0] < 1 else ("d_hidden", sizes[1])
    with pytest.raises(ValueError, match=f"{name}: must be above 0, got {size}"):
        type(cell.layer)(*sizes, rng)

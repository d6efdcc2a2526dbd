"""Every refusal is one sentence: the argument, what it must be, what was received."""

import inspect

import numpy as np
import pytest

from minis2s.numpy_ref import checks

H = np.zeros((2, 3))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((8, 20, 32), r"key: axis d_head must be 64, got 32 \(shape \(8, 20, 32\)\)"),
        ((9, 20, 64), r"key: axis batch must be 8, got 9 \(shape \(9, 20, 64\)\)"),
        ((20, 64), r"key: must have axes \(batch, src_len, d_head\), got shape \(20, "),
    ],
)
def test_check_shape_names_argument_and_axis(shape, message):
    """The sentence holds the argument, the axis, the expected size and the shape."""
    with pytest.raises(ValueError, match=message):
        checks.check_shape("key", np.zeros(shape), batch=8, src_len=None, d_head=64)


@pytest.mark.parametrize("shape", [(4,), (5, 4), (2, 0, 4)])
def test_rows_may_be_arranged_in_any_axes(shape):
    """One row, a batch of them, none."""
    checks.check_width("x", np.zeros(shape), d_in=4)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((4, 5), r"must be 4, got 5 \(shape \(4, 5\)\)"), ((), "must be 4, got none")],
)
def test_another_width_is_refused(shape, message):
    """Also a number alone, which has none."""
    with pytest.raises(ValueError, match=f"x: axis d_in {message}"):
        checks.check_width("x", np.zeros(shape), d_in=4)


@pytest.mark.parametrize(
    ("state", "parts", "message"),
    [
        ((H, H, H), "h", r"state: must be \(h,\), got 3 arrays"),
        ((), "h", r"state: must be \(h,\), got 0 arrays"),
        ((H, H, H), "hc", r"state: must be \(h, c\), got 3 arrays"),
        ((H,), "hc", r"state: must be \(h, c\), got 1 arrays"),
        ((H, H.T), "hc", "state c: axis batch must be 2, got 3"),
    ],
)
def test_a_state_of_other_arrays_is_refused(state, parts, message):
    """One array too many would be ignored."""
    with pytest.raises(ValueError, match=message):
        checks.check_state("state", state, *parts, batch=2, d_hidden=3)


@pytest.mark.parametrize(
    ("shape", "state", "message"),
    [
        ((2, 4, 3), (H,), "grad_outputs: axis len must be 5, got 4"),
        ((2, 5, 1), None, "grad_outputs: axis d_hidden must be 3, got 1"),
        ((2, 5, 3), (H.T,), "grad_state h: axis batch must be 2, got 3"),
        ((2, 5, 3), (H, H), r"grad_state: must be \(h,\), got 2 arrays"),
    ],
)
def test_gradients_of_another_shape_are_refused(shape, state, message):
    """NumPy would leave positions out, or stretch what is there."""
    axes = {"batch": 2, "len": 5, "d_hidden": 3}
    with pytest.raises(ValueError, match=message):
        checks.check_gradients(np.zeros(shape), state, "h", **axes)


@pytest.mark.parametrize("size", [0, -1])
def test_a_width_of_nothing_is_refused(size):
    """The sentence names the first that is."""
    with pytest.raises(ValueError, match=f"d_hidden: must be above 0, got {size}"):
        checks.check_sizes(d_input=2, d_hidden=size)


@pytest.mark.parametrize("odd", [-1, 5])
def test_ids_outside_the_vocabulary_are_refused(odd):
    """-1 would count from the end."""
    message = f"following: ids must be from 0 to 4, got {odd}"
    with pytest.raises(ValueError, match=message):
        checks.check_ids("following", np.array([[0, 4], [odd, 7]]), 5)


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_a_mask_of_numbers_is_refused(dtype):
    """Ones and zeros could mean either sense."""
    message = rf"mask: must be bool \(.*\), got {np.dtype(dtype)}"
    with pytest.raises(TypeError, match=message):
        checks.check_bool("mask", np.ones(3, dtype=dtype))


@pytest.mark.parametrize("row", [(True, False, True), (False, True, True)])
def test_padding_before_a_token_is_refused(row):
    """In front or in between; the sentence counts from 0."""
    mask = np.array([(True, True, False), row])
    message = "src_mask: tokens must stand before padding, not so in sentence 1"
    with pytest.raises(ValueError, match=message):
        checks.check_padding("src_mask", mask)


def test_padding_behind_tokens_will_do():
    """Ragged lengths down to 0, and masks of no size at all."""
    for shape in ((5, 4), (5, 0), (0, 4)):
        mask = np.arange(shape[1]) < np.arange(shape[0])[:, None]
        checks.check_padding("src_mask", mask)


def test_a_source_and_its_mask_must_fit():
    """Shape first, then the kind."""
    src = np.ones((2, 3), dtype=int)
    check = inspect.unwrap(checks.check_source_mask)
    with pytest.raises(ValueError, match="src_mask: axis src_len must be 3, got 4"):
        check(src, np.ones((2, 4), dtype=bool))
    with pytest.raises(TypeError, match="src_mask: must be bool"):
        check(src, src)

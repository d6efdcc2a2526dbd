"""NumPy cross-entropy climbs the first two rungs: loop specification, differences.

Regimes of logits: "unit" is ordinary; in "low" every logit lies near -30; in "huge"
they reach +-1e4, where rung 2 is not asked (STYLE.md, section 6).
"""

import inspect
import math
import warnings

import numpy as np
import pytest

from minis2s import specs
from minis2s.numpy_ref.gradcheck import (
    check_gradient,
    numerical_gradient,
    relative_error,
)
from minis2s.numpy_ref.loss import (
    cross_entropy,
    cross_entropy_backward,
    cross_entropy_forward,
)
from minis2s.text.tokenizers import EOS_ID, PAD_ID

BATCH, TGT_LEN, VOCAB_SIZE = 2, 3, 7
TGT_OUT = np.array([[4, 6, EOS_ID], [5, EOS_ID, PAD_ID]])
SPEC = {"rtol": 1e-12, "atol": 1e-12}
GRADIENT = 1e-6
each_smoothing = pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
each_regime = pytest.mark.parametrize("regime", ["unit", "low", "huge"])


def make_logits(regime="unit"):
    """Random logits of the given size."""
    logits = np.random.default_rng(2).normal(size=(BATCH, TGT_LEN, VOCAB_SIZE))
    return {"unit": logits, "low": logits - 30.0, "huge": 1e4 * logits}[regime]


# --- the ladder ---


@each_smoothing
@each_regime
def test_loss_agrees_with_the_loop(regime, smoothing):
    """Rung 1: the loss is the specification's."""
    logits = make_logits(regime)
    want = specs.cross_entropy(logits, TGT_OUT, smoothing)
    np.testing.assert_allclose(cross_entropy(logits, TGT_OUT, smoothing), want, **SPEC)


def test_the_loop_is_the_definition():
    """The specification itself, on one token that two words could be: log 2."""
    loss = specs.cross_entropy(np.zeros((1, 1, 2)), np.array([[1]]), 0.3)
    assert loss == pytest.approx(math.log(2), abs=1e-15)


@each_smoothing
@pytest.mark.parametrize("regime", ["unit", "low"])
def test_gradient_agrees_with_differences(regime, smoothing):
    """Rung 2: every entry, and the slope when all entries move at once."""
    logits, grad_loss = make_logits(regime), -1.7
    _, cache = cross_entropy_forward(logits, TGT_OUT, smoothing)
    grad = cross_entropy_backward(grad_loss, cache)

    def objective(array):
        return grad_loss * cross_entropy(array, TGT_OUT, smoothing)

    expected = numerical_gradient(objective, logits)
    assert relative_error(grad, expected) < GRADIENT
    rng = np.random.default_rng(20)
    assert check_gradient(objective, logits, grad, rng) < GRADIENT


@each_smoothing
def test_huge_logits_stay_finite_and_silent(smoothing):
    """At logits of +-1e4 nothing overflows, forward or backward, and nothing warns."""
    with warnings.catch_warnings(), np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("error")
        loss, cache = cross_entropy_forward(make_logits("huge"), TGT_OUT, smoothing)
        grad = cross_entropy_backward(0.3, cache)
    assert math.isfinite(loss)
    assert np.isfinite(grad).all()


# --- what must hold ---


def test_padding_is_not_asked():
    """Whatever the model says at PAD, loss and gradient are equal to the last bit."""
    logits = make_logits()
    loss, cache = cross_entropy_forward(logits, TGT_OUT, 0.1)
    logits[TGT_OUT == PAD_ID] += np.arange(VOCAB_SIZE) * 100.0
    changed_loss, changed_cache = cross_entropy_forward(logits, TGT_OUT, 0.1)
    assert changed_loss == loss
    grads = [cross_entropy_backward(0.3, c) for c in (cache, changed_cache)]
    np.testing.assert_array_equal(*grads)
    assert (grads[0][TGT_OUT == PAD_ID] == 0.0).all()


def test_nothing_but_padding_costs_nothing():
    """Without a real token the loss is 0, never NaN, and so is every gradient."""
    tgt_out = np.full((BATCH, TGT_LEN), PAD_ID)
    loss, cache = cross_entropy_forward(make_logits(), tgt_out, 0.1)
    assert loss == 0.0
    assert not cross_entropy_backward(0.3, cache).any()


def test_gradient_of_a_token_sums_to_zero():
    """A constant added to all logits changes nothing."""
    _, cache = cross_entropy_forward(make_logits(), TGT_OUT, 0.1)
    np.testing.assert_allclose(cross_entropy_backward(0.3, cache).sum(-1), 0.0, **SPEC)


def test_knowing_nothing_costs_log_of_the_vocabulary():
    """Equal logits cost log V for each of five real tokens, smoothed or not."""
    logits = np.full((BATCH, TGT_LEN, VOCAB_SIZE), 4.2)
    for smoothing in (0.0, 0.3):
        loss = cross_entropy(logits, TGT_OUT, smoothing)
        assert loss == pytest.approx(5 * math.log(VOCAB_SIZE), abs=1e-12)


def test_parts_add_up_to_the_whole():
    """The sum over a batch is the sum over its parts, whatever their padding."""
    logits = make_logits()
    parts = (
        cross_entropy(logits[:1], TGT_OUT[:1]),
        cross_entropy(logits[1:, :2], TGT_OUT[1:, :2]),
    )
    np.testing.assert_allclose(sum(parts), cross_entropy(logits, TGT_OUT), **SPEC)


def test_float32_stays_float32():
    """The gradient is not promoted to float64."""
    logits = make_logits().astype(np.float32)
    _, cache = cross_entropy_forward(logits, TGT_OUT, 0.1)
    assert cross_entropy_backward(1 / 3, cache).dtype == np.float32


def test_nothing_passed_in_is_written_to():
    """Arrays that may only be read are good enough, forward and backward."""
    logits, tgt_out = make_logits(), TGT_OUT.copy()
    for array in (logits, tgt_out):
        array.setflags(write=False)
    _, cache = cross_entropy_forward(logits, tgt_out, 0.1)
    cross_entropy_backward(0.3, cache)


# --- bad input ---


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"logits": np.zeros((2, 7))}, r"logits: must have axes \(batch, tgt_len, voc"),
        ({"tgt_out": TGT_OUT[:1]}, "tgt_out: axis batch must be 2, got 1"),
        ({"tgt_out": TGT_OUT[:, :2]}, "tgt_out: axis tgt_len must be 3, got 2"),
        ({"tgt_out": TGT_OUT + 1}, "tgt_out: ids must be from 0 to 6, got 7"),
        ({"tgt_out": TGT_OUT - 1}, "tgt_out: ids must be from 0 to 6, got -1"),
        ({"label_smoothing": 1.1}, "label_smoothing: must be from 0 to 1, got 1.1"),
    ],
)
def test_bad_input_is_named(change, message):
    """One sentence says what was wrong; `unwrap` takes the import hook away."""
    case = {"logits": make_logits(), "tgt_out": TGT_OUT, "label_smoothing": 0.1}
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(cross_entropy_forward)(**case | change)

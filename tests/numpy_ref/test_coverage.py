"""What is not looked at costs, and no more than the loop says."""

import numpy as np
import pytest

from minis2s import specs
from minis2s.config import InputError
from minis2s.numpy_ref.coverage import cover, coverage_penalty, last_map

ROWS, N_LAYERS, N_HEADS, TGT_LEN, SRC_LEN = 2, 3, 5, 11, 7


@pytest.fixture
def weights(rng):
    """Attention of eleven steps; together they look at some tokens, not at others."""
    size = TGT_LEN, ROWS, N_LAYERS, N_HEADS
    return rng.dirichlet(np.linspace(0.1, 1.0, SRC_LEN), size=size)


def cover_all(weights, covered, coverage):
    """Covered, and the penalty, after all steps."""
    for step in weights:
        covered, penalty = cover(covered, step, coverage)
    return covered, penalty


def test_the_penalty_is_the_loop_s(weights):
    """Rung 1: step after step, with layers and heads, as the sum over one map."""
    covered, penalty = cover_all(weights, np.zeros((ROWS, SRC_LEN)), 0.3)
    maps = weights[:, :, -1].mean(axis=2)  # (tgt_len, rows, src_len)
    want = [specs.coverage_penalty(maps[:, row], 0.3) for row in range(ROWS)]
    np.testing.assert_allclose(penalty, want, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(covered, maps.sum(axis=0), rtol=1e-12, atol=1e-12)
    assert covered.min() < 1 < covered.max()  # so that the minimum decides


def test_no_penalty_is_above_zero(rng):
    """Whatever was looked at, and how often: the bound of a search stays a bound."""
    covered = rng.exponential(size=(10_000, SRC_LEN)).astype(np.float32)
    assert (coverage_penalty(covered, 0.7) <= 0).all()


def test_what_is_covered_is_free():
    """Where each source token had the attention of one token or more, it is 0."""
    covered = np.array([[1.0, 1.0, 9.5], [1.0, 0.5, 9.5]])
    np.testing.assert_allclose(coverage_penalty(covered, 1.0), [0.0, -np.log(2)])


def test_padding_is_free(weights):
    """Covered from the start, it costs as little as if it were not there."""
    padded = np.pad(weights, [(0, 0)] * 4 + [(0, 3)])
    covered = np.pad(np.zeros((ROWS, SRC_LEN)), [(0, 0), (0, 3)], constant_values=1)
    penalty = cover_all(weights, np.zeros((ROWS, SRC_LEN)), 0.3)[1]
    np.testing.assert_allclose(cover_all(padded, covered, 0.3)[1], penalty, rtol=1e-12)


def test_nothing_is_added_up_for_nothing():
    """With 0 there is no penalty, and attention need not even exist."""
    covered = np.full((ROWS, SRC_LEN), 0.5, np.float32)
    after, penalty = cover(covered, np.ones((ROWS, 0, 0, SRC_LEN)), 0.0)
    np.testing.assert_array_equal(after, covered)
    np.testing.assert_array_equal(penalty, np.zeros(ROWS))


def test_a_penalty_is_finite_where_nothing_looked():
    """It is great, but hypotheses that pay it can still be compared."""
    covered = np.zeros((1, SRC_LEN), np.float32)
    covered[0, 0] = 1.0
    want = specs.coverage_penalty(covered, 0.2)
    np.testing.assert_allclose(coverage_penalty(covered, 0.2), want, rtol=1e-6)


def test_no_attention_covers_nothing():
    """A model without attention is told so in one sentence."""
    message = "^coverage must be 0 for a model without attention$"
    with pytest.raises(InputError, match=message):
        last_map(np.ones((ROWS, 0, 0, SRC_LEN)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_stays_and_nothing_is_written_to(weights, dtype):
    """What was covered before a step is still there after it."""
    weights, covered = weights.astype(dtype), np.zeros((ROWS, SRC_LEN), dtype)
    weights.setflags(write=False)
    covered.setflags(write=False)
    after, penalty = cover(covered, weights[0], 0.3)
    assert (after.dtype, penalty.dtype) == (dtype, dtype)

"""Means of weights over a training."""

import numpy as np
import pytest

from minis2s.numpy_ref.averaging import ema_decay, ema_update, mean_weights


def make_weights(n, seed=0):
    """The weights of a little model at n moments."""
    rng = np.random.default_rng(seed)
    return [{"a": rng.normal(size=(2, 3)), "b": rng.normal(size=5)} for _ in range(n)]


@pytest.mark.parametrize("decay", [0.3, 0.9, 0.999])
def test_the_running_mean_is_a_weighted_sum(decay):
    """Rung 1: each moment counts (1 - d) times the d of all that came after it."""
    first, *later = moments = make_weights(14)
    average = {name: value.copy() for name, value in first.items()}
    for step, weights in enumerate(later, 1):
        ema_update(average, weights, decay, step)
    d = [min(decay, (1 + step) / (10 + step)) for step in range(1, 14)]
    shares = [np.prod(d), *((1 - d[i]) * np.prod(d[i + 1 :]) for i in range(13))]
    assert sum(shares) == pytest.approx(1)
    for name, value in average.items():
        want = sum(s * m[name] for s, m in zip(shares, moments, strict=True))
        np.testing.assert_allclose(value, want, rtol=1e-12, atol=1e-12)


def test_the_first_weights_are_soon_forgotten():
    """Fifty updates on, they count for nothing, although 0.999^50 is 0.95."""
    assert np.prod([ema_decay(0.999, step) for step in range(1, 51)]) < 1e-7


def test_the_mean_moves_and_nothing_else():
    """What it moves towards stays, and float32 stays float32."""
    before, now = (
        {name: value.astype(np.float32) for name, value in weights.items()}
        for weights in make_weights(2)
    )
    held = now["a"].copy()
    mean = before["a"]
    ema_update(before, now, 0.9, 1)
    np.testing.assert_array_equal(now["a"], held)
    assert before["a"] is mean
    assert mean.dtype == np.float32


def test_every_moment_counts_alike_in_the_plain_mean():
    """Rung 1: the sum over the moments, divided by their number; nothing is changed."""
    moments = make_weights(3)
    first = moments[0]["a"].copy()
    mean = mean_weights(moments)
    for name in ("a", "b"):
        want = sum(weights[name] for weights in moments) / 3
        np.testing.assert_allclose(mean[name], want, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(moments[0]["a"], first)

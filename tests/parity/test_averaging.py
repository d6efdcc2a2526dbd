"""Rung 3: both wings average alike."""

import numpy as np
import pytest
import torch

from minis2s.numpy_ref import averaging as ours
from minis2s.torch_nn import averaging as theirs

PARITY = {"rtol": 1e-9, "atol": 1e-12}


@pytest.mark.parametrize("step", [1, 2, 17, 9000])
@pytest.mark.parametrize("decay", [0.1, 0.9, 0.999])
def test_both_wings_forget_alike(decay, step):
    """The decay is the same number."""
    assert ours.ema_decay(decay, step) == theirs.ema_decay(decay, step)


def test_both_running_means_are_alike():
    """Thirty updates in float64 end in the same place."""
    rng = np.random.default_rng(0)
    a = {"w": rng.normal(size=(3, 5))}
    b = {"w": torch.from_numpy(a["w"].copy())}
    for step in range(1, 31):
        now = rng.normal(size=(3, 5))
        ours.ema_update(a, {"w": now}, 0.7, step)
        theirs.ema_update(b, {"w": torch.from_numpy(now)}, 0.7, step)
    np.testing.assert_allclose(a["w"], b["w"].numpy(), **PARITY)


def test_both_plain_means_are_alike():
    """In float64, and float32 stays float32 in both."""
    rng = np.random.default_rng(0)
    for dtype in (np.float64, np.float32):
        moments = [{"w": rng.normal(size=(3, 5)).astype(dtype)} for _ in range(3)]
        a, b = ours.mean_weights(moments)["w"], theirs.mean_weights(moments)["w"]
        assert a.dtype == b.numpy().dtype == dtype
        np.testing.assert_allclose(a, b.numpy(), **PARITY)

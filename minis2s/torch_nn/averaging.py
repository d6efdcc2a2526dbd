"""The mean of a model's weights over its training, which is often better than its end.

Twin: minis2s/numpy_ref/averaging.py, which says why.
"""

import numpy as np
import torch
from torch import Tensor

Weights = dict[str, Tensor]


def ema_decay(decay: float, step: int) -> float:
    """The share of the running mean that an update keeps.

    d = min(decay, (1 + step) / (10 + step))

    Args:
        decay: what d rises to.
        step: updates made so far, this one included; at least 1.

    Source: common practice; so TensorFlow's `ExponentialMovingAverage` has it where it
        is told the number of updates.
    """
    return min(decay, (1 + step) / (10 + step))


@torch.no_grad()
def ema_update(average: Weights, weights: Weights, decay: float, step: int) -> None:
    """Move the running mean a little towards the weights, in place.

    average <- d average + (1 - d) weights, d of `ema_decay`
    """
    share = ema_decay(decay, step)
    for name, mean in average.items():
        mean.mul_(share).add_(weights[name], alpha=1.0 - share)


def mean_weights(moments: list[dict[str, np.ndarray]]) -> Weights:
    """The plain mean of a model's weights at several moments.

    Source: Vaswani et al. 2017, section 6.1, arXiv:1706.03762, which averages the last
        5 checkpoints of a training, or the last 20.
    """
    return {
        name: torch.from_numpy(np.mean([weights[name] for weights in moments], axis=0))
        for name in moments[0]
    }

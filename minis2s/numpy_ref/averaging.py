"""The mean of a model's weights over its training, which is often better than its end.

Each update leaves the weights somewhere around a good place; the mean of many is
nearer to it than any one. Two means: a running one, of all updates, and a plain one,
of the weights at the last few validations.

Paper: Polyak and Juditsky 1992, "Acceleration of Stochastic Approximation by
Averaging".

Twin: minis2s/torch_nn/averaging.py.
"""

import numpy as np

Weights = dict[str, np.ndarray]


def ema_decay(decay: float, step: int) -> float:
    """The share of the running mean that an update keeps.

    d = min(decay, (1 + step) / (10 + step))

    The mean begins at the first weights, which nothing was learned in yet; a decay that
    is small at first forgets them soon.

    >>> [round(ema_decay(0.999, step), 3) for step in (1, 10, 1000, 10_000)]
    [0.182, 0.55, 0.991, 0.999]

    Args:
        decay: what d rises to.
        step: updates made so far, this one included; at least 1.

    Source: common practice; so TensorFlow's `ExponentialMovingAverage` has it where it
        is told the number of updates.
    """
    return min(decay, (1 + step) / (10 + step))


def ema_update(average: Weights, weights: Weights, decay: float, step: int) -> None:
    """Move the running mean a little towards the weights, in place.

    average <- d average + (1 - d) weights, d of `ema_decay`

    Args:
        average: by parameter name; changed.
        weights: by the same names.
        decay: what d rises to.
        step: updates made so far, this one included.
    """
    share = ema_decay(decay, step)
    for name, mean in average.items():
        mean[...] = share * mean + (1.0 - share) * weights[name]


def mean_weights(moments: list[Weights]) -> Weights:
    """The plain mean of a model's weights at several moments.

    Args:
        moments: weights by parameter name, the same names at each moment.

    Source: Vaswani et al. 2017, section 6.1, arXiv:1706.03762, which averages the last
        5 checkpoints of a training, or the last 20.
    """
    return {
        name: np.mean([weights[name] for weights in moments], axis=0)
        for name in moments[0]
    }

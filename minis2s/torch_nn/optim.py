"""Optimizers, learning-rate schedules and gradient clipping.

Twin: minis2s/numpy_ref/optim.py, which writes the update rules out. Here they are
the library's; the schedule of the rate is ours.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from minis2s.config import TrainConfig


def make_optimizer(
    parameters: Iterable[nn.Parameter], config: TrainConfig
) -> torch.optim.Optimizer:
    """The optimizer that the configuration names; the loop sets its rate."""
    parameters = list(parameters)
    lr, decay = config.lr, config.weight_decay
    match config.optimizer:
        case "sgd":
            return torch.optim.SGD(parameters, lr=lr, weight_decay=decay)
        case "momentum":
            return torch.optim.SGD(parameters, lr=lr, momentum=0.9, weight_decay=decay)
        case "adam":
            rule = torch.optim.Adam
        case "adamw":
            rule = torch.optim.AdamW
    return rule(parameters, lr=lr, weight_decay=decay, betas=(0.9, 0.98), fused=True)


def learning_rate(step: int, progress: float, config: TrainConfig) -> float:
    """The rate of one step.

    warm-up:      lr (step + 1) / warmup_steps, while step < warmup_steps; afterwards
    constant:     lr
    inverse_sqrt: lr sqrt(warmup_steps / (step + 1))
    cosine:       lr (1 + cos(pi progress)) / 2
    linear:       lr (1 - progress)

    Args:
        step: updates made so far.
        progress: share of the training that is done, from 0 to 1.
        config: the schedule, its peak and its warm-up.

    Source: Vaswani et al. 2017, section 5.3, arXiv:1706.03762 (inverse_sqrt);
        Loshchilov and Hutter 2016, arXiv:1608.03983 (cosine, there with restarts).
    """
    warmup = config.warmup_steps
    if step < warmup:
        return config.lr * (step + 1) / warmup
    match config.schedule:
        case "inverse_sqrt":
            return config.lr * math.sqrt(max(warmup, 1) / (step + 1))
        case "cosine":
            return config.lr * (1 + math.cos(math.pi * progress)) / 2
        case "linear":
            return config.lr * (1 - progress)
    return config.lr


def clip_gradient(parameters: Iterable[nn.Parameter], max_norm: float) -> Tensor:
    """Shorten the whole gradient to `max_norm` if it is longer; 0 only measures.

    Args:
        parameters: all of them; their gradients are changed in place.
        max_norm: the greatest norm that is left as it is.

    Returns:
        the norm before clipping.

    Source: Pascanu et al. 2013, algorithm 1, arXiv:1211.5063.
    """
    limit = max_norm if max_norm > 0 else math.inf
    return nn.utils.clip_grad_norm_(parameters, limit)

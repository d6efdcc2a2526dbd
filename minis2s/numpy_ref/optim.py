"""Update rules written out, learning-rate schedules and gradient clipping.

Four rules, each a pure function from a parameter, its gradient and what is remembered
of earlier gradients to the new parameter and the new memory. `make_optimizer` binds
one of them to all parameters of a model, by name.

Left out: Nesterov's momentum, dampening, AMSGrad, a rate for each group of parameters.

Sources: Robbins and Monro 1951 (sgd); Polyak 1964 (momentum); Kingma and Ba 2014,
    arXiv:1412.6980 (adam); Loshchilov and Hutter 2017, arXiv:1711.05101 (adamw).

Twin: minis2s/torch_nn/optim.py, whose rules are the library's.
"""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from minis2s.config import TrainConfig

MOMENTUM = 0.9
"""Share of the velocity that is kept from one update to the next."""
BETA_1, BETA_2 = 0.9, 0.98
"""Shares of Adam's two running means that are kept; 0.98 as in Vaswani et al. 2017."""
EPSILON = 1e-8
"""Keeps Adam from dividing by zero where no gradient was ever seen."""

Moments = tuple[np.ndarray, ...]
"""What a rule remembers of one parameter: arrays of its shape, zero at first."""

# --- the rules: `step` counts this update too, so that the first is 1 ---


def sgd_update(
    parameter: Float[np.ndarray, "*axes"],
    gradient: Float[np.ndarray, "*axes"],
    moments: Moments,
    *,
    lr: float,
    weight_decay: float,
    step: int,
) -> tuple[Float[np.ndarray, "*axes"], Moments]:
    """Stochastic gradient descent: a step downhill, in proportion to the slope.

    g = gradient + weight_decay parameter
    parameter <- parameter - lr g

    Source: Robbins and Monro 1951, doi:10.1214/aoms/1177729586.
    """
    gradient = gradient + weight_decay * parameter
    return parameter - lr * gradient, moments


def momentum_update(
    parameter: Float[np.ndarray, "*axes"],
    gradient: Float[np.ndarray, "*axes"],
    moments: Moments,
    *,
    lr: float,
    weight_decay: float,
    step: int,
) -> tuple[Float[np.ndarray, "*axes"], Moments]:
    """The heavy ball: the steps before still push in their direction.

    g = gradient + weight_decay parameter
    velocity <- 0.9 velocity + g
    parameter <- parameter - lr velocity

    Source: Polyak 1964, doi:10.1016/0041-5553(64)90137-5; in the form of Sutskever et
        al. 2013, eq. 1-2, but for lr, which here multiplies the whole velocity.
    """
    (velocity,) = moments
    gradient = gradient + weight_decay * parameter
    velocity = MOMENTUM * velocity + gradient
    return parameter - lr * velocity, (velocity,)


def adam_update(
    parameter: Float[np.ndarray, "*axes"],
    gradient: Float[np.ndarray, "*axes"],
    moments: Moments,
    *,
    lr: float,
    weight_decay: float,
    step: int,
) -> tuple[Float[np.ndarray, "*axes"], Moments]:
    """Adam: each entry moves by about lr, whatever the size of its gradients.

    g = gradient + weight_decay parameter
    mean <- 0.9 mean + 0.1 g
    square <- 0.98 square + 0.02 g²
    parameter <- parameter - lr (mean / (1 - 0.9^step))
                             / (sqrt(square / (1 - 0.98^step)) + 1e-8)

    Both means begin at zero and so are too small at first; the divisions correct that.

    Source: Kingma and Ba 2014, algorithm 1.
    Paper names: mean is m, square is v, lr is alpha, step is t.
    """
    mean, square = moments
    gradient = gradient + weight_decay * parameter
    mean = BETA_1 * mean + (1.0 - BETA_1) * gradient
    square = BETA_2 * square + (1.0 - BETA_2) * gradient**2
    unbiased_mean = mean / (1.0 - BETA_1**step)
    unbiased_square = square / (1.0 - BETA_2**step)
    change = unbiased_mean / (np.sqrt(unbiased_square) + EPSILON)
    return parameter - lr * change, (mean, square)


def adamw_update(
    parameter: Float[np.ndarray, "*axes"],
    gradient: Float[np.ndarray, "*axes"],
    moments: Moments,
    *,
    lr: float,
    weight_decay: float,
    step: int,
) -> tuple[Float[np.ndarray, "*axes"], Moments]:
    """Adam whose weight decay is not scaled by the size of the gradients.

    parameter <- (1 - lr weight_decay) parameter, then as Adam without decay.

    Source: Loshchilov and Hutter 2017, algorithm 2, where the schedule alone scales
        the decay; here, as in PyTorch, all of lr does.
    """
    decayed = (1.0 - lr * weight_decay) * parameter
    return adam_update(decayed, gradient, moments, lr=lr, weight_decay=0.0, step=step)


RULES: dict[str, tuple[Callable, int]] = {
    "sgd": (sgd_update, 0),
    "momentum": (momentum_update, 1),
    "adam": (adam_update, 2),
    "adamw": (adamw_update, 2),
}
"""Name in the configuration -> rule, and how many arrays it remembers."""

# --- a rule for all parameters of a model ---


class Optimizer:
    """One rule, bound to all parameters of a model.

    Args:
        parameters: by name; `step` changes these very arrays.
        rule: one of the functions above.
        n_moments: how many arrays it remembers of each parameter.
        weight_decay: pull of each weight towards zero.

    Attributes:
        moments: for each parameter what the rule remembers of it.
        n_steps: updates made so far.
    """

    def __init__(
        self,
        parameters: dict[str, np.ndarray],
        rule: Callable,
        n_moments: int,
        weight_decay: float,
    ) -> None:
        self.parameters, self.rule = parameters, rule
        self.weight_decay = weight_decay
        self.moments: dict[str, Moments] = {
            name: tuple(np.zeros_like(parameter) for _ in range(n_moments))
            for name, parameter in parameters.items()
        }
        self.n_steps = 0

    def step(self, gradients: dict[str, np.ndarray], lr: float) -> None:
        """Move every parameter, in place.

        Args:
            gradients: by the same names; they are not changed.
            lr: the learning rate of this update.

        Raises:
            ValueError: if a name is missing or unknown.
        """
        if odd := gradients.keys() ^ self.parameters.keys():
            raise ValueError(
                f"gradients: names differ from the parameters': {sorted(odd)}"
            )
        self.n_steps += 1
        for name, parameter in self.parameters.items():
            parameter[...], self.moments[name] = self.rule(
                parameter,
                gradients[name],
                self.moments[name],
                lr=lr,
                weight_decay=self.weight_decay,
                step=self.n_steps,
            )


def make_optimizer(parameters: dict[str, np.ndarray], config: TrainConfig) -> Optimizer:
    """The optimizer that the configuration names; the loop sets its rate."""
    rule, n_moments = RULES[config.optimizer]
    return Optimizer(parameters, rule, n_moments, config.weight_decay)


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


def clip_gradient(gradients: dict[str, np.ndarray], max_norm: float) -> float:
    """Shorten the whole gradient to `max_norm` if it is longer; 0 only measures.

    norm = sqrt(sum over all arrays and entries of gradient²)
    gradient <- gradient min(1, max_norm / (norm + 1e-6)), in place

    The direction stays. The 1e-6 is PyTorch's and guards against a norm of zero.

    Args:
        gradients: of all parameters, by name; changed in place.
        max_norm: the greatest norm that is left as it is.

    Returns:
        the norm before clipping.

    Source: Pascanu et al. 2013, algorithm 1, arXiv:1211.5063.
    """
    norm = math.hypot(*(float(np.linalg.norm(grad)) for grad in gradients.values()))
    limit = max_norm if max_norm > 0 else math.inf
    scale = min(1.0, limit / (norm + 1e-6))
    for grad in gradients.values():
        grad *= scale
    return norm

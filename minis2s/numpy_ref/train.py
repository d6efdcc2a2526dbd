"""The training loop, and the state that makes it resumable.

Twin: minis2s/torch_nn/train.py. The loop yields a small record after every step and
every validation, and knows nothing of files, progress bars, logs or scores: those are
for whoever iterates over it. Between two records the state may be saved; a training
that continues from it takes the same steps, bit for bit, as one that was never
interrupted.

In short: batch -> lr -> forward -> loss -> backward -> clip -> step -> record ->
validate.

A model is any layer whose `forward(src, src_mask, tgt_in, rng=rng)` returns logits,
attention and a cache, and whose `backward(grad_logits, cache)` adds up gradients. It
is trained in the precision of its parameters.

Left out: bfloat16, which NumPy does not know, and several machines.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from minis2s.config import InputError, TrainConfig
from minis2s.numpy_ref.averaging import Weights, ema_update, mean_weights
from minis2s.numpy_ref.loss import (
    cross_entropy,
    cross_entropy_backward,
    cross_entropy_forward,
)
from minis2s.numpy_ref.optim import clip_gradient, learning_rate, make_optimizer
from minis2s.text.batching import (
    Batch,
    EncodedPairs,
    TrainingPairs,
    iterate_batches,
    make_batch,
    plan_batches,
)

Validate = Callable[[Any], dict[str, float]]

_DROPOUT = 1  # ends the seed of a step's generator; that of a batch plan has no third


@dataclass(frozen=True)
class StepRecord:
    """What one update was like."""

    step: int
    epoch: int
    loss: float
    """Nats per target token, label smoothing included, before the update."""
    lr: float
    grad_norm: float
    """Before clipping."""
    n_tokens: int
    """Real target tokens of its batches."""


@dataclass(frozen=True)
class Validation:
    """What a validation found."""

    step: int
    epoch: int
    """The pass in which it took place, counted from 0."""
    metrics: dict[str, float]
    is_best: bool
    n_averaged: int = 1
    """Validations whose weights it is the mean of; of the present ones alone if 1."""


@dataclass
class Counters:
    """Where a training stands."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    """Batches of this epoch that are done."""
    best: float = -np.inf
    best_step: int = 0
    valid_step: int = 0
    """Step of the last validation."""
    n_without_best: int = 0
    """Validations since the best one."""
    n_tokens: int = 0
    seconds: float = 0.0
    """Spent on steps alone, without validations and saving."""


class TrainState:
    """A model in training: weights, their mean, moments, the best so far, counters.

    No generator is among them: the one that dropout draws from is made anew for every
    step, from (seed, step).

    Args:
        make_model: makes the model with the parameters that a generator draws.
        config: how it is trained.
        seed: decides first weights, order of batches, and dropout.

    Raises:
        InputError: if the configuration asks for bfloat16.
    """

    def __init__(
        self,
        make_model: Callable[[np.random.Generator], Any],
        config: TrainConfig,
        *,
        seed: int,
    ) -> None:
        if config.precision != "float32":
            raise InputError(f"precision: NumPy has no {config.precision}")
        self.config, self.seed = config, seed
        self.model = make_model(np.random.default_rng(seed))
        self.optimizer = make_optimizer(dict(self.model.named_parameters()), config)
        self.counters = Counters()
        self.best_weights = self.weights()
        self.ema = self.weights() if config.ema else {}  # empty: no running mean
        self.recent: list[dict[str, np.ndarray]] = []

    def weights(self) -> dict[str, np.ndarray]:
        """A copy of every parameter; one that is shared stands here once."""
        return {name: value.copy() for name, value in self.model.named_parameters()}

    def snapshot(self) -> tuple[dict[str, np.ndarray], dict[str, int | float]]:
        """Arrays and numbers that `restore` needs."""
        arrays = {f"model.{name}": value for name, value in self.weights().items()}
        arrays |= {f"best.{name}": value for name, value in self.best_weights.items()}
        for i, weights in enumerate(self.recent):
            arrays |= {f"recent.{i}.{name}": value for name, value in weights.items()}
        arrays |= {f"ema.{name}": mean.copy() for name, mean in self.ema.items()}
        for name, moments in self.optimizer.moments.items():
            for i, moment in enumerate(moments):
                arrays[f"optimizer.{i}.{name}"] = moment
        return arrays, asdict(self.counters)

    def restore(
        self, arrays: dict[str, np.ndarray], counters: dict[str, int | float]
    ) -> None:
        """Continue where `snapshot` was taken."""
        self.model.load(_under("model.", arrays))
        self.best_weights = _under("best.", arrays)
        self.recent = [
            found
            for i in range(self.config.average)
            if (found := _under(f"recent.{i}.", arrays))
        ]
        for name, mean in self.ema.items():
            mean[...] = arrays[f"ema.{name}"]
        self.counters = Counters(**counters)
        # Loading gave the model new arrays; the old optimizer holds the old ones.
        parameters = dict(self.model.named_parameters())
        self.optimizer = make_optimizer(parameters, self.config)
        self.optimizer.n_steps = self.counters.step
        for name, moments in self.optimizer.moments.items():
            for i, moment in enumerate(moments):
                moment[...] = arrays[f"optimizer.{i}.{name}"]


def _under(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        key.removeprefix(prefix): value
        for key, value in arrays.items()
        if key.startswith(prefix)
    }


def train(
    state: TrainState, pairs: TrainingPairs, validate: Validate
) -> Iterator[StepRecord | Validation]:
    """Train until the epochs, or the patience, are used up; yields what happened.

    If the configuration asks for an average, the last record is a validation of the
    mean of the weights at the last so many validations.

    Args:
        state: advanced in place; may come from `restore`.
        pairs: the training pairs, which may be cut otherwise in every epoch.
        validate: scores the model; must return the configuration's `select`.
    """
    config, counters = state.config, state.counters
    while counters.epoch < config.epochs and not _out_of_patience(counters, config):
        now = pairs.at(counters.epoch)
        plan = plan_batches(now, config.batch_tokens, state.seed, counters.epoch)
        # The counters alone say what comes next, also after `restore`.
        while not _out_of_patience(counters, config):
            if _validation_is_due(counters, config, len(plan)):
                yield _validate(state, validate, state.ema)
            elif counters.batch < len(plan):
                group = plan[counters.batch : counters.batch + config.accumulate]
                batches = [make_batch(now, indices) for indices in group]
                yield _step(state, batches, len(plan))
            else:
                break
        counters.epoch, counters.batch = counters.epoch + 1, 0
    if len(state.recent) > 1:
        record = _validate_mean(state, validate)
        counters.epoch = config.epochs  # it is over, also after `restore`
        yield record


def _step(state: TrainState, batches: list[Batch], n_batches: int) -> StepRecord:
    """Set the rate, update, and count."""
    config, counters = state.config, state.counters
    started = time.perf_counter()
    progress = (counters.epoch + counters.batch / n_batches) / config.epochs
    lr = learning_rate(counters.step, progress, config)
    loss, grad_norm = update(state, batches, lr)
    n_tokens = sum(batch.n_tokens for batch in batches)
    counters.step += 1
    counters.batch += len(batches)
    counters.n_tokens += n_tokens
    counters.seconds += time.perf_counter() - started
    return StepRecord(counters.step, counters.epoch, loss, lr, grad_norm, n_tokens)


def update(state: TrainState, batches: list[Batch], lr: float) -> tuple[float, float]:
    """One step of the optimizer, after so many batches as if they were one.

    Returns:
        loss per token of all of them, and the norm of the gradient.
    """
    config, model = state.config, state.model
    rng = np.random.default_rng((state.seed, state.counters.step, _DROPOUT))
    model.zero_gradients()
    n_tokens = sum(batch.n_tokens for batch in batches)
    loss = sum(_add_gradients(state, batch, n_tokens, rng) for batch in batches)
    gradients = dict(model.named_gradients())
    grad_norm = clip_gradient(gradients, config.clip_norm)
    state.optimizer.step(gradients, lr)
    if state.ema:
        weights = dict(model.named_parameters())
        ema_update(state.ema, weights, config.ema, state.counters.step + 1)
    return loss, grad_norm


def _add_gradients(
    state: TrainState, batch: Batch, n_tokens: int, rng: np.random.Generator
) -> float:
    """One batch forward and backward; returns its share of the loss per token."""
    config, model = state.config, state.model
    logits, _, cache = model.forward(batch.src, batch.src_mask, batch.tgt_in, rng=rng)
    loss, loss_cache = cross_entropy_forward(
        logits, batch.tgt_out, config.label_smoothing
    )
    # Divided by the tokens of all: every token counts alike, whatever its batch.
    model.backward(cross_entropy_backward(1.0 / n_tokens, loss_cache), cache)
    return loss / n_tokens


def validation_loss(model: Any, pairs: EncodedPairs, batch_tokens: int) -> float:
    """Teacher-forced cross-entropy in nats per target token, without smoothing."""
    total, n_tokens = 0.0, 0
    for batch in iterate_batches(pairs, batch_tokens):
        logits, _, _ = model.forward(batch.src, batch.src_mask, batch.tgt_in, rng=None)
        total += cross_entropy(logits, batch.tgt_out)
        n_tokens += batch.n_tokens
    return total / n_tokens


@contextmanager
def _exchanged(model: Any, others: Weights) -> Iterator[None]:
    """Inside, the model has other weights, where any are given."""
    _exchange(model, others)
    try:
        yield
    finally:
        _exchange(model, others)


def _exchange(model: Any, others: Weights) -> None:
    weights = dict(model.named_parameters())
    for name, other in others.items():
        held = weights[name].copy()
        weights[name][...] = other
        other[...] = held


def _validate(state: TrainState, validate: Validate, others: Weights) -> Validation:
    """Score the model with other weights in it, or with its own if there are none."""
    counters, config = state.counters, state.config
    with _exchanged(state.model, others):
        metrics = validate(state.model)
        weights = state.weights()
    if config.average > 1:
        state.recent = [*state.recent, weights][-config.average :]
    score = -metrics["loss"] if config.select == "loss" else metrics[config.select]
    is_best = score > counters.best
    counters.valid_step = counters.step
    if is_best:
        counters.best, counters.best_step = score, counters.step
        counters.n_without_best = 0
        state.best_weights = weights
    else:
        counters.n_without_best += 1
    return Validation(counters.step, counters.epoch, metrics, is_best)


def _validate_mean(state: TrainState, validate: Validate) -> Validation:
    """Score the mean of the last weights; it is the best only if it beats each one."""
    n_averaged = len(state.recent)
    record = _validate(state, validate, mean_weights(state.recent))
    state.recent = []  # so that it is done once, also after `restore`
    # The pass has been counted as done, unless the training was restored at its end.
    epoch = state.counters.epoch - (state.counters.batch == 0)
    return replace(record, epoch=epoch, n_averaged=n_averaged)


def _validation_is_due(counters: Counters, config: TrainConfig, n_batches: int) -> bool:
    if counters.valid_step == counters.step:
        return False
    epoch_ends = counters.batch == n_batches
    if not config.valid_every:
        return epoch_ends
    training_ends = epoch_ends and counters.epoch + 1 == config.epochs
    return training_ends or counters.step % config.valid_every == 0


def _out_of_patience(counters: Counters, config: TrainConfig) -> bool:
    return 0 < config.patience <= counters.n_without_best

"""Update rules against their unrolled sums; schedules and clipping by the formula."""

import math

import numpy as np
import pytest

from minis2s.config import TrainConfig
from minis2s.numpy_ref.optim import (
    RULES,
    clip_gradient,
    learning_rate,
    make_optimizer,
)

SPEC = {"rtol": 1e-12, "atol": 1e-12}
N_STEPS, LR, DECAY = 7, 0.3, 0.11
each_rule = pytest.mark.parametrize("name", list(RULES))


def make(name, parameters, weight_decay=0.0):
    """The named optimizer on some parameters."""
    config = TrainConfig(optimizer=name, weight_decay=weight_decay)
    return make_optimizer(parameters, config)


def walk(name, gradients, start, weight_decay=0.0):
    """Where a parameter is after each of some gradients."""
    parameter = np.array([start])
    optimizer = make(name, {"p": parameter}, weight_decay)
    found = []
    for gradient in gradients:
        optimizer.step({"p": np.array([gradient])}, LR)
        found.append(float(parameter[0]))
    return np.array(found)


# --- the rules are what their sums say ---


def unrolled(name, gradients, start):
    """The same walk without decay, each step a sum over all gradients so far."""
    found, position = [], start
    for t in range(1, len(gradients) + 1):
        past = [(t - i, gradients[i - 1]) for i in range(1, t + 1)]  # age, gradient
        if name == "sgd":
            position -= LR * past[-1][1]
        elif name == "momentum":
            position -= LR * sum(0.9**age * g for age, g in past)
        else:  # two weighted means, of gradients and of their squares
            mean = sum(0.9**age * g for age, g in past)
            mean /= sum(0.9**age for age, _ in past)
            square = sum(0.98**age * g * g for age, g in past)
            square /= sum(0.98**age for age, _ in past)
            position -= LR * mean / (math.sqrt(square) + 1e-8)
        found.append(position)
    return np.array(found)


@each_rule
def test_a_walk_equals_its_unrolled_sums(name, rng):
    """Rung 1: recurrences, and bias corrections too, are weighted sums and means."""
    gradients = rng.normal(size=N_STEPS)
    want = unrolled(name, gradients, 1.7)
    np.testing.assert_allclose(walk(name, gradients, 1.7), want, **SPEC)


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_coupled_decay_is_a_part_of_the_gradient(name, rng):
    """Decay is as if the loss held weight_decay / 2 times the squared weight."""
    gradients, position, added = rng.normal(size=N_STEPS), 1.7, []
    for i in range(N_STEPS):
        added.append(gradients[i] + DECAY * position)
        position = unrolled(name, added, 1.7)[-1]
    found = walk(name, gradients, 1.7, DECAY)
    np.testing.assert_allclose(found[-1], position, **SPEC)


def test_decoupled_decay_shrinks_whatever_the_gradient_is():
    """AdamW takes the same share of a weight at every step, even if all is at rest."""
    found = walk("adamw", [0.0] * N_STEPS, 1.7, DECAY)
    want = 1.7 * (1 - LR * DECAY) ** np.arange(1, N_STEPS + 1)
    np.testing.assert_allclose(found, want, **SPEC)


@pytest.mark.parametrize("name", ["adam", "adamw"])
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_the_first_step_of_adam_has_the_size_of_the_rate(name, size):
    """Large or small, a gradient at first moves a weight by lr."""
    found = walk(name, [-size], 0.0)
    np.testing.assert_allclose(found, LR, rtol=1e-3)


def test_momentum_gathers_speed():
    """Under a constant slope the steps grow to 1 / (1 - 0.9) = 10 times lr."""
    steps = np.diff(walk("momentum", np.ones(200), 0.0))
    np.testing.assert_allclose(steps[-1], -10 * LR, rtol=1e-8)


# --- the optimizer ---


@each_rule
def test_each_optimizer_descends(name):
    """Fifty steps on a bowl end nearer to its bottom."""
    parameter = np.array([3.0, -2.0])
    optimizer = make(name, {"p": parameter})
    for _ in range(50):
        optimizer.step({"p": 2 * parameter}, 0.05)
    assert np.linalg.norm(parameter) < 2.0


@each_rule
def test_parameters_do_not_know_of_each_other(name, rng):
    """Two parameters in one optimizer move as each would alone."""
    start = {"a": rng.normal(size=(2, 3)), "b": rng.normal(size=5)}
    gradients = {key: rng.normal(size=value.shape) for key, value in start.items()}
    together = {key: value.copy() for key, value in start.items()}
    optimizer = make(name, together, DECAY)
    for _ in range(3):
        optimizer.step(gradients, LR)
    for key, value in start.items():
        alone = make(name, {key: value}, DECAY)
        for _ in range(3):
            alone.step({key: gradients[key]}, LR)
        np.testing.assert_array_equal(value, together[key])


@each_rule
def test_float32_stays_float32(name):
    """Neither parameters nor moments are promoted to float64."""
    parameter = np.ones(3, dtype=np.float32)
    optimizer = make(name, {"p": parameter}, DECAY)
    optimizer.step({"p": np.ones(3, dtype=np.float32)}, LR)
    assert {a.dtype for a in (parameter, *optimizer.moments["p"])} == {parameter.dtype}
    assert parameter.dtype == np.float32


@each_rule
def test_gradients_are_not_written_to(name):
    """Arrays that may only be read are good enough."""
    gradient = np.ones(3)
    gradient.setflags(write=False)
    make(name, {"p": np.ones(3)}, DECAY).step({"p": gradient}, LR)


@pytest.mark.parametrize("names", ["a", "abc", "ac"])
def test_foreign_gradients_are_refused(names):
    """A gradient too few or too many is an error, and nothing has moved."""
    parameters = {"a": np.ones(2), "b": np.ones(2)}
    optimizer = make("sgd", parameters)
    with pytest.raises(ValueError, match="gradients: names differ from the parameters"):
        optimizer.step({name: np.ones(2) for name in names}, LR)
    assert (parameters["a"] == 1.0).all()


# --- schedules and clipping ---


@pytest.mark.parametrize("schedule", ["constant", "inverse_sqrt", "cosine", "linear"])
def test_every_schedule_warms_up_linearly(schedule):
    """The first steps rise in equal parts to the peak."""
    config = TrainConfig(schedule=schedule, lr=0.8, warmup_steps=4)
    rates = [learning_rate(step, 0.0, config) for step in range(4)]
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8])


@pytest.mark.parametrize(
    ("schedule", "want"),
    [("constant", 0.8), ("cosine", 0.4), ("linear", 0.4), ("inverse_sqrt", 0.4)],
)
def test_half_way(schedule, want):
    """At half of the training, and step 15 after a warm-up of 4, by the formula."""
    config = TrainConfig(schedule=schedule, lr=0.8, warmup_steps=4)
    assert math.isclose(learning_rate(15, 0.5, config), want)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_decays_end_at_zero(schedule):
    """At the end of the training nothing is changed any more."""
    config = TrainConfig(schedule=schedule, warmup_steps=0)
    assert learning_rate(99, 1.0, config) == pytest.approx(0.0)


@pytest.mark.parametrize(("limit", "after"), [(1.0, 1.0), (10.0, 5.0), (0.0, 5.0)])
def test_clipping(limit, after):
    """A longer gradient is shortened, a shorter one kept, and 0 only measures."""
    gradients = {"a": np.array([3.0]), "b": np.array([[4.0]])}
    assert clip_gradient(gradients, limit) == pytest.approx(5.0)
    norm = math.hypot(gradients["a"].item(), gradients["b"].item())
    assert norm == pytest.approx(after, rel=1e-6)
    assert gradients["b"].item() / gradients["a"].item() == pytest.approx(4 / 3)


def test_a_gradient_of_zero_is_left_alone():
    """No division by zero, and no NaN."""
    gradients = {"a": np.zeros(3, dtype=np.float32)}
    assert clip_gradient(gradients, 1.0) == 0.0
    assert not gradients["a"].any()
    assert gradients["a"].dtype == np.float32

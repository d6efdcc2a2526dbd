"""Optimizers, schedules and clipping."""

import math

import pytest
import torch

from minis2s.config import TrainConfig
from minis2s.torch_nn.optim import clip_gradient, learning_rate, make_optimizer


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
def test_each_optimizer_descends(name):
    """Fifty steps on a bowl end nearer to its bottom."""
    weight = torch.nn.Parameter(torch.tensor([3.0, -2.0]))
    optimizer = make_optimizer([weight], TrainConfig(optimizer=name, lr=0.05))
    for _ in range(50):
        optimizer.zero_grad()
        weight.square().sum().backward()
        optimizer.step()
    assert weight.norm() < 2.0


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
    weight = torch.nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, 4.0])
    assert clip_gradient([weight], limit) == pytest.approx(5.0)
    assert weight.grad.norm() == pytest.approx(after, rel=1e-4)

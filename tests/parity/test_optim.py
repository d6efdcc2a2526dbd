"""Rung 3: both wings take the same steps at the same rates, clipped alike."""

import numpy as np
import pytest
import torch

from minis2s.config import TrainConfig
from minis2s.numpy_ref import optim as numpy_optim
from minis2s.torch_nn import optim as torch_optim

PARITY = {"rtol": 1e-9, "atol": 1e-12}
SHAPES = {"weight": (3, 5), "bias": (7,)}


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_thirty_steps_end_in_the_same_place(optimizer, weight_decay, rng):
    """Random gradients, a rate that changes: the parameters agree after each step."""
    config = TrainConfig(optimizer=optimizer, weight_decay=weight_decay, lr=0.05)
    arrays = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
    leaves = {
        name: torch.nn.Parameter(torch.from_numpy(array.copy()))
        for name, array in arrays.items()
    }
    ours = numpy_optim.make_optimizer(arrays, config)
    theirs = torch_optim.make_optimizer(leaves.values(), config)
    for step in range(30):
        lr = 0.05 / (step + 1)
        gradients = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
        ours.step(gradients, lr)
        theirs.param_groups[0]["lr"] = lr
        for name, leaf in leaves.items():
            leaf.grad = torch.from_numpy(gradients[name])
        theirs.step()
        for name, leaf in leaves.items():
            np.testing.assert_allclose(arrays[name], leaf.detach().numpy(), **PARITY)


@pytest.mark.parametrize("max_norm", [0.0, 0.5, 100.0])
def test_both_wings_clip_alike(max_norm, rng):
    """The norm before, and every entry after."""
    gradients = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
    leaves = {name: torch.nn.Parameter(torch.zeros(SHAPES[name])) for name in SHAPES}
    for name, leaf in leaves.items():
        leaf.data = leaf.data.double()
        leaf.grad = torch.from_numpy(gradients[name].copy())
    norm = torch_optim.clip_gradient(leaves.values(), max_norm)
    found = numpy_optim.clip_gradient(gradients, max_norm)
    np.testing.assert_allclose(found, norm.item(), **PARITY)
    for name, leaf in leaves.items():
        np.testing.assert_allclose(gradients[name], leaf.grad.numpy(), **PARITY)


@pytest.mark.parametrize("warmup_steps", [0, 5])
@pytest.mark.parametrize("schedule", ["constant", "inverse_sqrt", "cosine", "linear"])
def test_both_wings_keep_the_same_schedule(schedule, warmup_steps):
    """The rate of each of 20 steps is the same number."""
    config = TrainConfig(schedule=schedule, warmup_steps=warmup_steps)
    for step in range(20):
        rates = [
            wing.learning_rate(step, step / 20, config)
            for wing in (numpy_optim, torch_optim)
        ]
        assert rates[0] == rates[1]

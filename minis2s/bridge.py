"""Hands parameters from one wing's model to the other's.

Twins give their parameters the same dotted names and shapes, so a name is all that is
needed to know where an array belongs. Arrays are copied: what happens to one twin
afterwards does not happen to the other. Precision goes with them: a float64 model makes
a float64 twin.

What is no parameter is not handed over: a rate of dropout, a number of heads, what an
optimizer remembers. Parameters may be on a GPU in the PyTorch model; they are copied
from it, or to it.

Twin: none; this is what stands between twins.
"""

import importlib
from collections.abc import Mapping
from functools import reduce

import numpy as np
import torch
from torch import nn

from minis2s.numpy_ref.layer import Layer

# --- reading either wing ---


def parameters(model: Layer | nn.Module) -> dict[str, np.ndarray]:
    """A copy of every parameter by its dotted name; a shared one has one name.

    Raises:
        TypeError: if it is a model of neither wing.
    """
    if _is_numpy(model):
        return {name: param.copy() for name, param in model.named_parameters()}
    return {name: _to_array(param) for name, param in model.named_parameters()}


def gradients(model: Layer | nn.Module) -> dict[str, np.ndarray]:
    """A copy of the gradient of every parameter, under the same names.

    Before the first backward pass it is zero, in both wings.

    Raises:
        TypeError: if it is a model of neither wing.
    """
    if _is_numpy(model):
        return {name: grad.copy() for name, grad in model.named_gradients()}
    return {
        name: _to_array(torch.zeros_like(param) if param.grad is None else param.grad)
        for name, param in model.named_parameters()
    }


# --- handing over ---


def hand_over(source: Layer | nn.Module, target: Layer | nn.Module) -> None:
    """Copy all parameters of a model or a layer into its twin, in place.

    Both may also be of one wing. The target takes the source's precision, and its
    gradients begin anew. Parameters that it shares between layers stay shared.

    Args:
        source: what is copied; nothing in it changes.
        target: of the same class, in either wing, with the same names and shapes.

    Raises:
        TypeError: if one is a model of neither wing, or the classes differ.
        ValueError: if a name or a shape differs.
    """
    weights, held = parameters(source), parameters(target)
    wanted, got = type(source).__name__, type(target).__name__
    if wanted != got:
        raise TypeError(f"target: must be of class {wanted}, as source is, got {got}")
    _check_same(weights, held)
    if isinstance(target, Layer):
        target.load(weights)
    else:
        _load(target, weights)


def to_numpy(model: nn.Module) -> Layer:
    """The NumPy twin of a whole PyTorch model, made from its `config`.

    Raises:
        TypeError: if it is no model of minis2s.torch_nn, or has no config.
    """
    twin = _twin_class(model, "torch_nn", "numpy_ref")
    made = twin(model.config, np.random.default_rng(0))  # draws are overwritten
    hand_over(model, made)
    return made


def to_torch(model: Layer) -> nn.Module:
    """The PyTorch twin of a whole NumPy model, made from its `config`, on the CPU.

    It is in evaluation mode, so that it computes what the NumPy model computes without
    a generator; `.train()` turns dropout on. Nothing is drawn from torch's generator.

    Raises:
        TypeError: if it is no model of minis2s.numpy_ref, or has no config.
    """
    twin = _twin_class(model, "numpy_ref", "torch_nn")
    with torch.random.fork_rng(devices=[]):
        made = twin(model.config).eval()
    hand_over(model, made)
    return made


# --- helpers ---


def _is_numpy(model: object) -> bool:
    """Which wing a model is of: True for NumPy, False for PyTorch."""
    if not isinstance(model, Layer | nn.Module):
        raise TypeError(
            f"model: must be a numpy_ref Layer or a torch Module, got "
            f"{type(model).__name__}"
        )
    return isinstance(model, Layer)


def _to_array(tensor: torch.Tensor) -> np.ndarray:
    """The same numbers in memory of their own."""
    return tensor.detach().cpu().numpy().copy()


def _check_same(
    weights: Mapping[str, np.ndarray], held: Mapping[str, np.ndarray]
) -> None:
    """Refuse twins whose names or shapes differ."""
    for side, extra in (
        ("source", weights.keys() - held.keys()),
        ("target", held.keys() - weights.keys()),
    ):
        if extra:
            raise ValueError(f"names: only {side} has {', '.join(sorted(extra))}")
    for name, weight in weights.items():
        if weight.shape != held[name].shape:
            raise ValueError(
                f"{name}: target must have shape {weight.shape}, as source has, got "
                f"{held[name].shape}"
            )


def _load(target: nn.Module, weights: Mapping[str, np.ndarray]) -> None:
    """What Layer.load does, for a Module: its tensors stay the ones they are."""
    tensors = {name: torch.from_numpy(weight) for name, weight in weights.items()}
    if tensors:
        # Constants that a layer keeps beside its parameters must follow them.
        target.to(reduce(torch.promote_types, (t.dtype for t in tensors.values())))
    target.zero_grad(set_to_none=True)
    with torch.no_grad():
        for name, param in target.named_parameters():
            param.copy_(tensors[name])


def _twin_class(model: Layer | nn.Module, wing: str, other: str) -> type:
    """The class of the same name in the file of the same name of the other wing."""
    kind = type(model)
    package, _, file = kind.__module__.rpartition(".")
    if package != f"minis2s.{wing}" or not hasattr(model, "config"):
        raise TypeError(
            f"model: must be a whole model of minis2s.{wing} that has a config, got "
            f"{kind.__module__}.{kind.__name__}; for a layer, make its twin and use "
            f"hand_over"
        )
    return getattr(importlib.import_module(f"minis2s.{other}.{file}"), kind.__name__)

"""Which device to compute on, and what it asks for. No twin: NumPy has one."""

import torch
from torch import Tensor

from minis2s.config import InputError


def pick_device(name: str = "auto") -> torch.device:
    """A device by name: cpu, cuda, or auto, which takes a GPU if there is one.

    Raises:
        InputError: if the name is another, or there is no GPU and one was asked for.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device must be auto, cpu or cuda, got {name!r}")
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise InputError("no GPU was found; use --device cpu, or install CUDA's build")
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def describe_device(device: torch.device) -> str:
    """The device's name, for a receipt."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu, {torch.get_num_threads()} threads"


def in_one_block(weights: list[Tensor]) -> list[Tensor]:
    """The weights of a recurrent kernel, in one piece of memory if they are on a GPU.

    cuDNN wants them so, in the order given, and warns where it has to gather them
    itself. The copy is differentiable, and small beside what the kernel computes.
    """
    if not weights[0].is_cuda:
        return weights
    block = torch.cat([weight.flatten() for weight in weights])
    parts = block.split([weight.numel() for weight in weights])
    return [part.view_as(w) for part, w in zip(parts, weights, strict=True)]

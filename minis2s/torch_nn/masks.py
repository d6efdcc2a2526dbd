"""Which positions may be looked at. True means "may be attended to", everywhere.

Two things hide a position: that it holds no token, and that it lies in the future. Two
functions read a padding mask for other ends: how many tokens there are, and in which
order a sentence runs backwards.

Twin: minis2s/numpy_ref/masks.py.
"""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from minis2s.text.tokenizers import PAD_ID


def padding_mask(ids: Int[Tensor, "batch len"]) -> Bool[Tensor, "batch len"]:
    """True where there is a token, False where there is padding."""
    return ids != PAD_ID


def mask_lengths(mask: Bool[Tensor, "batch len"]) -> Int[Tensor, " batch"]:
    """How many tokens each sentence has."""
    return mask.sum(dim=1)


def reversal_index(mask: Bool[Tensor, "batch len"]) -> Int[Tensor, "batch len"]:
    """For each position the one to read so that a sentence runs backwards.

    Only the tokens change places; padding stays where it is. Reading twice gives the
    original order again. For a sentence of 3 tokens in 5 places: 2, 1, 0, 3, 4.
    All this holds only if the padding stands behind the tokens, which is not checked:
    to ask would wait for the device.
    """
    position = torch.arange(mask.shape[1], device=mask.device)
    mirrored = mask_lengths(mask)[:, None] - 1 - position
    return torch.where(mask, mirrored, position)


def causal_mask(
    length: int, device: torch.device | str | None = None
) -> Bool[Tensor, "length length"]:
    """True at and below the diagonal: a position may attend to itself and those before.

    Joined with a padding mask by `&`, whose axes broadcast.
    """
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()

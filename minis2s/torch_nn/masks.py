"""Which positions hold a token. True means "may be attended to", everywhere.

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
    """
    position = torch.arange(mask.shape[1], device=mask.device)
    mirrored = mask_lengths(mask)[:, None] - 1 - position
    return torch.where(mask, mirrored, position)

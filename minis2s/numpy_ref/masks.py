"""Which positions may be looked at. True means "may be attended to", everywhere.

Two things hide a position: that it holds no token, and that it lies in the future. Two
functions read a padding mask for other ends: how many tokens there are, and in which
order a sentence runs backwards.

Twin: minis2s/torch_nn/masks.py.
"""

import numpy as np
from jaxtyping import Bool, Int

from minis2s.text.tokenizers import PAD_ID


def padding_mask(ids: Int[np.ndarray, "batch len"]) -> Bool[np.ndarray, "batch len"]:
    """True where there is a token, False where there is padding.

    >>> padding_mask(np.array([[7, 9, 3, 0, 0]]))
    array([[ True,  True,  True, False, False]])
    """
    return ids != PAD_ID


def mask_lengths(mask: Bool[np.ndarray, "batch len"]) -> Int[np.ndarray, " batch"]:
    """How many tokens each sentence has.

    >>> mask_lengths(np.array([[True, True, True, False, False]]))
    array([3])
    """
    return mask.sum(axis=1)


def reversal_index(
    mask: Bool[np.ndarray, "batch len"],
) -> Int[np.ndarray, "batch len"]:
    """For each position the one to read so that a sentence runs backwards.

    Only the tokens change places; padding stays where it is. Reading twice gives the
    original order again. All this holds only if the padding stands behind the tokens,
    which is not checked here.

    >>> reversal_index(np.array([[True, True, True, False, False]]))
    array([[2, 1, 0, 3, 4]])
    """
    position = np.arange(mask.shape[1])
    mirrored = mask_lengths(mask)[:, None] - 1 - position
    return np.where(mask, mirrored, position)


def causal_mask(length: int) -> Bool[np.ndarray, "length length"]:
    """True at and below the diagonal: a position may attend to itself and those before.

    Joined with a padding mask by `&`, whose axes broadcast.

    >>> causal_mask(3)
    array([[ True, False, False],
           [ True,  True, False],
           [ True,  True,  True]])
    """
    return np.tri(length, dtype=bool)

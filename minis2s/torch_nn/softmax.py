"""Masked softmax, on which every attention stands.

Left out: softmax and log-softmax without a mask, which `torch` already does well.

Twin: minis2s/numpy_ref/softmax.py, where the backward is written by hand.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def masked_softmax(
    scores: Float[Tensor, "*rows src_len"],
    mask: Bool[Tensor, "*#rows src_len"],
) -> Float[Tensor, "*rows src_len"]:
    """Softmax over the last axis, in which only unmasked positions take part.

    weights_s = exp(scores_s) / sum_r exp(scores_r), s and r over positions where mask
    is True; zero elsewhere.

    A masked score is -inf, so its vote is exp(-inf) = 0. A row in which nothing may be
    attended to would be 0/0; it keeps its scores through the softmax and is zeroed
    after it, so that neither the forward nor the backward pass ever holds a NaN.

    Args:
        scores: any finite numbers, of any float type.
        mask: True where attention is allowed; its leading axes may broadcast.

    Returns:
        weights, in float32 at least, since bfloat16 keeps too few digits to share
        out one unit. Each row sums to 1, or to 0 if it is fully masked.
    """
    hidden = ~mask
    empty = hidden.all(dim=-1, keepdim=True)
    scores = scores.masked_fill(hidden & ~empty, float("-inf"))
    dtype = torch.promote_types(scores.dtype, torch.float32)
    return torch.softmax(scores, dim=-1, dtype=dtype).masked_fill(empty, 0.0)

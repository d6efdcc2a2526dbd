"""Cross-entropy over the real tokens, with label smoothing.

Twin: minis2s/numpy_ref/loss.py.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from minis2s.text.tokenizers import PAD_ID


def cross_entropy(
    logits: Float[Tensor, "batch tgt_len vocab_size"],
    tgt_out: Int[Tensor, "batch tgt_len"],
    label_smoothing: float = 0.0,
) -> Float[Tensor, ""]:
    """Summed over real target tokens, in nats; the caller divides by their number.

    loss = -sum_t [(1 - eps) log p(y_t) + eps / V sum_v log p(v)]

    The division is left to the caller, since a batch may come in parts, and then the
    number of tokens is that of the whole batch.

    Args:
        logits: unnormalised log-probabilities.
        tgt_out: the reference; PAD is not counted.
        label_smoothing: eps, the share spread evenly over the vocabulary.

    Source: Szegedy et al. 2016, section 7, arXiv:1512.00567.
    """
    dtype = torch.promote_types(logits.dtype, torch.float32)  # bfloat16 is too coarse
    return nn.functional.cross_entropy(
        logits.flatten(0, 1).to(dtype),
        tgt_out.flatten(),
        ignore_index=PAD_ID,
        reduction="sum",
        label_smoothing=label_smoothing,
    )

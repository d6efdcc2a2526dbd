"""The loss, one token of the vocabulary at a time."""

import math

import numpy as np
from jaxtyping import Float, Int

from minis2s.text.tokenizers import PAD_ID


def cross_entropy(
    logits: Float[np.ndarray, "batch tgt_len vocab_size"],
    tgt_out: Int[np.ndarray, "batch tgt_len"],
    label_smoothing: float,
) -> float:
    """Cross-entropy summed over real tokens, one token of the vocabulary at a time.

    loss = -sum_t [(1 - eps) log p(y_t) + eps / V sum_v log p(v)]
    log p(v) = logits_v - log sum_u exp(logits_u)

    Args:
        logits: unnormalised log-probabilities.
        tgt_out: the reference; PAD is not counted.
        label_smoothing: eps, the share spread evenly over the vocabulary.

    Returns:
        loss, in nats.

    Source: Szegedy et al. 2016, section 7, arXiv:1512.00567.
    """
    batch, tgt_len, vocab_size = logits.shape
    loss = 0.0
    for b, t in np.ndindex(batch, tgt_len):
        if tgt_out[b, t] == PAD_ID:
            continue
        highest = max(logits[b, t])
        total = 0.0
        for v in range(vocab_size):
            total += math.exp(logits[b, t, v] - highest)
        for v in range(vocab_size):
            log_prob = logits[b, t, v] - highest - math.log(total)
            wanted = label_smoothing / vocab_size
            if v == tgt_out[b, t]:
                wanted += 1.0 - label_smoothing
            loss -= wanted * log_prob
    return float(loss)

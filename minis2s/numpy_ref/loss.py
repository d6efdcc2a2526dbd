"""Cross-entropy over the real tokens, with label smoothing, forward and backward.

Left out: the mean over tokens. The caller divides by their number, since a batch may
come in parts, and then the number of tokens is that of the whole batch.

Source: Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer
    Vision", section 7, arXiv:1512.00567.

Twin: minis2s/torch_nn/loss.py.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from minis2s.numpy_ref.checks import check_ids, check_shape
from minis2s.numpy_ref.softmax import log_softmax
from minis2s.text.tokenizers import PAD_ID


class CrossEntropyCache(NamedTuple):
    """What cross_entropy_backward needs to know."""

    log_prob: Float[np.ndarray, "batch tgt_len vocab_size"]
    """log p(v), the model's log-probability of every token"""
    wanted: Float[np.ndarray, "batch tgt_len vocab_size"]
    """q(v), the probability that every token should have had"""
    is_real: Bool[np.ndarray, "batch tgt_len"]
    """True where the reference is a token, False where it is PAD"""


def cross_entropy(
    logits: Float[np.ndarray, "batch tgt_len vocab_size"],
    tgt_out: Int[np.ndarray, "batch tgt_len"],
    label_smoothing: float = 0.0,
) -> float:
    """The loss alone, where no gradient is wanted: see cross_entropy_forward."""
    return cross_entropy_forward(logits, tgt_out, label_smoothing)[0]


def cross_entropy_forward(
    logits: Float[np.ndarray, "batch tgt_len vocab_size"],
    tgt_out: Int[np.ndarray, "batch tgt_len"],
    label_smoothing: float = 0.0,
) -> tuple[float, CrossEntropyCache]:
    """Summed over real target tokens, in nats; the caller divides by their number.

    loss = -sum_t sum_v q_t(v) log p_t(v)
    q_t(v) = (1 - eps) 1[v = y_t] + eps / V

    Args:
        logits: unnormalised log-probabilities.
        tgt_out: the reference; PAD is not counted.
        label_smoothing: eps, the share spread evenly over the vocabulary, from 0 to 1.

    Returns:
        loss, and the cache for cross_entropy_backward.

    Raises:
        ValueError: if a rank or a shared axis disagrees, if a reference is no id of
            the vocabulary, or if eps is no share.

    Source: Szegedy et al. 2016, section 7.
    Paper names: y_t is the label, u(v) = 1 / V the distribution it is mixed with.
    """
    check_shape("logits", logits, batch=None, tgt_len=None, vocab_size=None)
    batch, tgt_len, vocab_size = logits.shape
    check_shape("tgt_out", tgt_out, batch=batch, tgt_len=tgt_len)
    check_ids("tgt_out", tgt_out, vocab_size)
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"label_smoothing: must be from 0 to 1, got {label_smoothing}")
    log_prob = log_softmax(logits)
    wanted = np.full_like(logits, label_smoothing / vocab_size)
    wanted[(*np.indices(tgt_out.shape), tgt_out)] += 1.0 - label_smoothing
    is_real = tgt_out != PAD_ID
    loss = -(wanted * log_prob).sum(axis=-1)  # (batch, tgt_len)
    return float(loss[is_real].sum()), CrossEntropyCache(log_prob, wanted, is_real)


def cross_entropy_backward(
    grad_loss: float, cache: CrossEntropyCache
) -> Float[np.ndarray, "batch tgt_len vocab_size"]:
    """Gradient of the cross-entropy: what the model said, less what it should have.

    d log p(u) / d logits_v = 1[u = v] - p(v), and q sums to 1, hence
    grad_logits_v = grad_loss (p(v) - q(v)) at real tokens, and 0 at PAD

    Args:
        grad_loss: gradient of what is minimised with respect to the loss; for a mean
            over n tokens 1 / n.
        cache: from cross_entropy_forward.

    Returns:
        grad_logits.
    """
    log_prob, wanted, is_real = cache
    grad_logits = grad_loss * (np.exp(log_prob) - wanted)
    return grad_logits * is_real[..., None]

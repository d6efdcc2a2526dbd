"""What a decoder returns, in either wing: tokens, a score, and where it looked.

Decoders make it; plot, metrics and the command line read it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Hypothesis:
    """One candidate translation."""

    tokens: list[int]
    """Target ids; the last one is EOS unless the length limit came first."""
    score: float
    """Sum of the tokens' log-probabilities over len(tokens)^alpha, in nats."""
    attention: Float[np.ndarray, "n_layers n_heads tgt_len src_len"]
    """Row t: how token t shared its attention over the source; each sums to 1."""
    attention_kind: str
    """What was attended to and how, e.g. "general cross-attention"."""


def merge_attention(
    weights: Float[np.ndarray, "tgt_len src_len"],
    tgt_group: Sequence[int],
    src_group: Sequence[int],
) -> Float[np.ndarray, "n_tgt_words n_src_words"]:
    """Attention between tokens made into attention between words.

    What falls on the parts of a source word is added up; what goes out from the parts
    of a target word is averaged. So each row still sums to 1.

    >>> weights = np.array([[0.2, 0.3, 0.5], [0.0, 0.4, 0.6]])
    >>> merge_attention(weights, tgt_group=[0, 0], src_group=[0, 0, 1])
    array([[0.45, 0.55]])

    Args:
        weights: one head's attention, token by token.
        tgt_group: for each target token the number of its word, counted from 0.
        src_group: likewise for each source token.

    Raises:
        ValueError: if a group does not number the words of as many tokens as there
            are.

    Source: Clark et al. 2019, section 4.1, arXiv:1906.04341.
    """
    tgt_len, src_len = weights.shape
    _check_group("tgt_group", tgt_group, tgt_len)
    _check_group("src_group", src_group, src_len)
    to_word = np.eye(max(src_group) + 1)[list(src_group)]
    from_word = np.eye(max(tgt_group) + 1)[list(tgt_group)]
    from_word /= from_word.sum(axis=0)
    return from_word.T @ weights @ to_word


def _check_group(name: str, group: Sequence[int], n_tokens: int) -> None:
    if len(group) != n_tokens:
        raise ValueError(
            f"{name}: must have one entry for each of {n_tokens} tokens, got "
            f"{len(group)}"
        )
    if set(group) != {*range(len(set(group)))}:
        raise ValueError(
            f"{name}: must number the words from 0 without a gap, got {group}"
        )

"""What a decoder returns, in either wing: tokens, a score, and where it looked.

Decoders make it; plot, metrics and the command line read it. Here too is the part of
beam search that has nothing to compute: what grew from what, and what has ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from minis2s.text.tokenizers import EOS_ID

NOT_A_NUMBER = (
    "the model answers with NaN or infinity: its training diverged, or its weights "
    "are damaged"
)
"""What a search says of logits that cannot be compared."""


@dataclass(frozen=True)
class Hypothesis:
    """One candidate translation."""

    tokens: list[int]
    """Target ids; the last one is EOS unless the length limit came first."""
    score: float
    """Sum of the tokens' log-probabilities over len(tokens)^alpha, in nats, and what
    is paid for source words left out, if the search was told to (coverage)."""
    attention: Float[np.ndarray, "n_layers n_heads tgt_len src_len"]
    """Row t: how token t shared its attention over the source; each sums to 1."""
    attention_kind: str
    """What was attended to and how, e.g. "general cross-attention"."""


class Beam:
    """The hypotheses of one sentence: what grew from what, and what has ended.

    Either wing hands it the candidates of each step, as plain numbers, and its own
    arrays of attention, which are only kept and given back.

    >>> beam, none = Beam(limit=9, n_beams=2, alpha=1.0, n_best=1), [0.0, 0.0]
    >>> beam.grow([-0.1, -0.4], [0, 0], tokens=[7, 5], weights=["a", "a"], costs=none)
    >>> beam.grow([-0.5, -0.6], [0, 1], tokens=[3, 6], weights=["b", "c"], costs=none)
    >>> beam.done, beam.live  # slot 0 has ended in 3, EOS; slot 1 may yet end above
    (False, [-inf, -0.6])
    >>> beam.best_paths()
    [(-0.25, [7, 3], ['a', 'b'])]

    Args:
        limit: most tokens of a translation, EOS counted.
        n_beams: hypotheses kept at each step; one that has ended keeps its place.
        alpha: exponent of the length that a log-probability is divided by.
        n_best: hypotheses wanted in the end, at most n_beams.

    Attributes:
        live: for each slot the sum of log-probabilities so far; -inf if it is free.
    """

    def __init__(self, limit: int, n_beams: int, alpha: float, n_best: int) -> None:
        self.limit, self.n_beams, self.alpha = limit, n_beams, alpha
        self.n_best = n_best
        self.live: list[float] = []
        self._steps: list[tuple[list[int], list[int], Any]] = []
        self._ended: list[tuple[float, int, int]] = []  # score, step, slot
        self._cut: list[tuple[float, int, int]] = []

    def grow(
        self,
        totals: list[float],
        parents: list[int],
        tokens: list[int],
        weights: Any,
        costs: list[float],
    ) -> None:
        """Take the best candidates of one step, as many as there are open places.

        Args:
            totals: sum of log-probabilities of each candidate, best first.
            parents: slot that each has grown from.
            tokens: what each has grown by.
            weights: attention of this step, by slot of the parent.
            costs: what is added to the score of one that ends now, by slot of the
                parent; never above 0, or `done` would come too early.
        """
        n_open = self.n_beams - len(self._ended)
        self._steps.append((parents, tokens, weights))
        step = len(self._steps) - 1
        self.live = [-np.inf] * self.n_beams
        for slot, (total, parent, token) in enumerate(
            zip(totals[:n_open], parents, tokens, strict=False)
        ):
            score = total / (step + 1) ** self.alpha + costs[parent]
            entry = (score, step, slot)
            if total == -np.inf:
                continue
            if token == EOS_ID:
                self._ended.append(entry)
            elif step + 1 == self.limit:
                self._cut.append(entry)
            else:
                self.live[slot] = total

    @property
    def done(self) -> bool:
        """Whether nothing that still lives could end above the n_best that have ended.

        Log-probabilities and costs are at most 0, so that a beginning cannot end above
        its sum so far over the greatest length it may reach.
        """
        best_hope = max(self.live) / self.limit**self.alpha
        ended = sorted((score for score, _, _ in self._ended), reverse=True)
        to_beat = ended[self.n_best - 1] if len(ended) >= self.n_best else -np.inf
        return best_hope <= to_beat

    def best_paths(self) -> list[tuple[float, list[int], list[Any]]]:
        """Score, tokens and attention of the n_best; fewer if fewer have ended.

        Best first, and of equals that which ended first. Those that the limit cut off
        are returned only if none ended by itself.
        """
        ranked = sorted(
            self._ended or self._cut,
            key=lambda entry: (-entry[0], entry[1], entry[2]),
        )
        return [
            (score, *self._path(step, slot))
            for score, step, slot in ranked[: self.n_best]
        ]

    def _path(self, step: int, slot: int) -> tuple[list[int], list[Any]]:
        tokens, weights = [], []
        while step >= 0:
            parents, said, looked = self._steps[step]
            parent = parents[slot]
            tokens.append(said[slot])
            weights.append(looked[parent])
            step, slot = step - 1, parent
        return tokens[::-1], weights[::-1]


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

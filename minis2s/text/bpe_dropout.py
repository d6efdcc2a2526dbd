"""BPE dropout: a training text that is cut into other pieces in every epoch.

A model that always meets a word in the same pieces learns those pieces and little of
what is inside them. If some merges are left out at random, it meets each word in many
pieces, the ordinary ones most often.

The paper cuts every occurrence of a word anew. Here each distinct word is cut up to 32
times an epoch, and each occurrence takes one of those cuts. A word that occurs no more
often than that gets one cut for each occurrence, as in the paper. A more frequent word
has the same chances, but its occurrences share cuts, so how often it is cut in which
way varies more from one epoch to the next than in the paper.

Left out: dropout when a model translates, where the ordinary pieces are what it needs.

Source: Provilkov, Emelianenko and Voita 2020, "BPE-Dropout: Simple and Effective
    Subword Regularization", arXiv:1910.13267.
"""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Int

from minis2s.text.bpe import BPE, check_dropout, mark_words
from minis2s.text.tokenizers import EOS_ID, SentencePieceTokenizer, normalize

MAX_CUTS = 32
"""How often a word is cut anew in one epoch at most."""


class DroppedText:
    """Lines that were split into words once, and are cut into pieces once an epoch.

    Args:
        lines: one side of the training text.
        tokenizer: whose merges and ids are used.

    Raises:
        InputError: if the tokenizer's model has no byte-pair merges or no bytes.
    """

    def __init__(self, lines: Iterable[str], tokenizer: SentencePieceTokenizer) -> None:
        self._bpe = BPE.from_sentencepiece(tokenizer)
        self._ids = {piece: i for i, piece in enumerate(tokenizer.pieces)}
        types = {"": 0}  # word -> number of its type; the word "" ends a line
        words, line_start = [], [0]
        for line in lines:
            marked = mark_words(normalize(line, tokenizer.lower))
            words += [types.setdefault(word, len(types)) for word in (*marked, "")]
            line_start.append(len(words))
        self._types = list(types)
        self._words = np.array(words, dtype=np.int64)
        self._line_start = np.array(line_start)
        self._count = np.bincount(self._words, minlength=len(types))
        self._occurrence = _occurrences(self._words, self._count)

    def encode(
        self, dropout: float, rng: np.random.Generator
    ) -> tuple[Int[np.ndarray, " n_tokens"], Int[np.ndarray, " n_lines_plus_1"]]:
        """The ids of all lines for one epoch, each line ending in EOS.

        Args:
            dropout: probability that a merge is left out of a step, from 0 to 1; with
                0 the ids are the tokenizer's own.
            rng: where all draws come from, so that its seed decides the whole epoch.

        Returns:
            the ids in one flat array, and the offset where each line begins.

        Raises:
            InputError: if dropout is no probability.
        """
        check_dropout(dropout)
        n_cuts = np.minimum(self._count, MAX_CUTS if dropout else 1)
        ids, cut_start = self._draw_cuts(n_cuts, dropout, rng)
        chosen = self._choose_cuts(n_cuts, rng)
        length = np.diff(cut_start)[chosen]
        word_start = np.append(0, np.cumsum(length))
        # Token k of the text is token k - word_start of its word's cut.
        shift = np.repeat(cut_start[chosen] - word_start[:-1], length)
        return ids[np.arange(len(shift)) + shift], word_start[self._line_start]

    def _draw_cuts(
        self,
        n_cuts: Int[np.ndarray, " n_types"],
        dropout: float,
        rng: np.random.Generator,
    ) -> tuple[Int[np.ndarray, " n_cut_tokens"], Int[np.ndarray, " n_cuts_plus_1"]]:
        """Every type cut as often as asked, as flat ids and offsets."""
        ids: list[int] = []
        start = [0]
        for word, n in zip(self._types, n_cuts, strict=True):
            for _ in range(n):
                pieces = self._bpe.encode_word(word, dropout, rng)
                ids += [self._ids[piece] for piece in pieces] if word else [EOS_ID]
                start.append(len(ids))
        return np.array(ids, dtype=np.int32), np.array(start)

    def _choose_cuts(
        self, n_cuts: Int[np.ndarray, " n_types"], rng: np.random.Generator
    ) -> Int[np.ndarray, " n_words"]:
        """Which cut each word takes: one of its own if there are enough."""
        first = np.append(0, np.cumsum(n_cuts)[:-1])
        n = n_cuts[self._words]
        own = n == self._count[self._words]
        return first[self._words] + np.where(own, self._occurrence, rng.integers(n))


def _occurrences(
    words: Int[np.ndarray, " n_words"], count: Int[np.ndarray, " n_types"]
) -> Int[np.ndarray, " n_words"]:
    """How often each word occurred before.

    >>> _occurrences(np.array([2, 0, 2, 2]), np.array([1, 0, 3])).tolist()
    [0, 0, 1, 2]
    """
    order = np.argsort(words, kind="stable")
    first = np.repeat(np.cumsum(count) - count, count)
    occurrence = np.empty_like(words)
    occurrence[order] = np.arange(len(words)) - first
    return occurrence

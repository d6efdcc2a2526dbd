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
from jaxtyping import Bool, Int

from minis2s.text.batching import EncodedPairs
from minis2s.text.bpe import BPE, check_dropout
from minis2s.text.bpe_learning import mark_words
from minis2s.text.corpora import ParallelText
from minis2s.text.tokenizers import EOS_ID, SentencePieceTokenizer, normalize

Flat = tuple[Int[np.ndarray, " _"], Int[np.ndarray, " n_lines_plus_1"]]
"""The ids of many lines in one array, and the offset where each line begins."""

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

    def encode(self, dropout: float, rng: np.random.Generator) -> Flat:
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


class DroppedPairs:
    """Training pairs that are cut anew in every epoch.

    The cuts of an epoch are a pure function of (seed, epoch), so a training that
    resumes needs no stored text. A pair that would grow beyond `max_len` tokens keeps
    its ordinary pieces.

    Args:
        pairs: the same text in ordinary pieces; says which pairs are trained on.
        text: where they come from.
        tokenizer: whose merges and ids are used.
        dropout: probability that a merge is left out of a step, from 0 to 1.
        max_len: most tokens that a side may have, EOS not counted.
        seed: with the epoch decides all cuts.

    Raises:
        InputError: if the tokenizer's model has no byte-pair merges or no bytes.
    """

    def __init__(
        self,
        pairs: EncodedPairs,
        text: ParallelText,
        tokenizer: SentencePieceTokenizer,
        *,
        dropout: float,
        max_len: int,
        seed: int,
    ) -> None:
        self.ordinary = pairs
        self._sides = [
            DroppedText((lines[i] for i in pairs.lines), tokenizer)
            for lines in (text.src, text.tgt)
        ]
        self._dropout, self._max_len, self._seed = dropout, max_len, seed

    def __len__(self) -> int:
        return len(self.ordinary)

    def at(self, epoch: int) -> EncodedPairs:
        """The pairs as they are cut in an epoch, counted from 0."""
        # The third number keeps these draws apart from those of the batches' order.
        rng = np.random.default_rng((self._seed, epoch, 1))
        src, tgt = (side.encode(self._dropout, rng) for side in self._sides)
        longest = np.maximum(np.diff(src[1]), np.diff(tgt[1]))
        fits = longest <= self._max_len + 1  # EOS is counted here
        plain = self.ordinary
        return EncodedPairs(
            *_choose_lines(src, (plain.src, plain.src_start), fits),
            *_choose_lines(tgt, (plain.tgt, plain.tgt_start), fits),
            lines=plain.lines,
        )


def _choose_lines(
    first: Flat, second: Flat, is_first: Bool[np.ndarray, " n_lines"]
) -> Flat:
    """Line by line that of the first text, or that of the second.

    >>> first = np.array([4, 5, 6]), np.array([0, 2, 3])
    >>> second = np.array([7, 8, 9]), np.array([0, 1, 3])
    >>> ids, start = _choose_lines(first, second, np.array([True, False]))
    >>> ids.tolist(), start.tolist()
    ([4, 5, 8, 9], [0, 2, 4])
    """
    ids = np.concatenate([first[0], second[0]])
    lines_at = np.where(is_first, first[1][:-1], len(first[0]) + second[1][:-1])
    length = np.where(is_first, np.diff(first[1]), np.diff(second[1]))
    start = np.append(0, np.cumsum(length))
    shift = np.repeat(lines_at - start[:-1], length)
    return ids[np.arange(len(shift)) + shift], start


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

"""Learning byte-pair merges from text: the most frequent pair is joined, and again.

By definition all pairs are counted anew after each merge (`specs.learn_bpe`), which is
slow. But a merge changes only the words that hold its pair. So the counts are kept,
each pair knows its words, and a heap knows the best pair.

The text is first cut into words, and pairs are counted within a word alone. A space
begins a new word, and so does the edge between letters, digits and other marks: "▁Hund"
and "." are two, so that "▁Hund" need not be learned again before every comma.

Left out: SentencePiece's further rules. It lets no piece mix scripts, Latin with Greek
for one, or grow beyond 16 characters.

Source: Sennrich, Haddow and Birch 2016, "Neural Machine Translation of Rare Words with
    Subword Units", section 3.2, arXiv:1508.07909.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import groupby, pairwise

from minis2s.config import InputError
from minis2s.text.tokenizers import SPACE_MARK, SentencePieceTokenizer, normalize

Pair = tuple[str, str]
"""Two pieces that stand side by side."""

_MARKED_WORD = re.compile(f"{SPACE_MARK}[^{SPACE_MARK}]*")


def mark_words(text: str) -> list[str]:
    """The words between spaces, each with the space mark in front.

    Runs of spaces count as one, and spaces at the ends as none. A mark that the text
    itself holds is taken for a space of its own, as SentencePiece takes it.

    >>> mark_words(" Zwei  Hunde. ")
    ['▁Zwei', '▁Hunde.']
    """
    words = SPACE_MARK + SPACE_MARK.join(filter(None, text.split(" ")))
    return _MARKED_WORD.findall(words.rstrip(SPACE_MARK))


def count_words(lines: Iterable[str], *, lower: bool = False) -> Counter[str]:
    """How often each word occurs, cut where letters, digits and other marks meet.

    >>> count_words(["Ein Hund, ein Hut."], lower=True)
    Counter({'▁ein': 2, '▁hund': 1, ',': 1, '▁hut': 1, '.': 1})
    """
    count: Counter[str] = Counter()
    for line in lines:
        count.update(mark_words(normalize(line, lower)))
    parts: Counter[str] = Counter()
    for word, n in count.items():
        for part in _cut_by_kind(word):
            parts[part] += n
    return parts


def _cut_by_kind(word: str) -> list[str]:
    """Runs of letters, digits and other marks; the space mark goes with the first."""
    runs = ["".join(run) for _, run in groupby(word[1:], _kind)] or [""]
    return [SPACE_MARK + runs[0], *runs[1:]]


def _kind(char: str) -> str:
    """Letter, digit or other; an accent that stands alone belongs to its letter."""
    category = unicodedata.category(char)[0]
    return {"L": "letter", "M": "letter", "N": "digit"}.get(category, "other")


def learn_bpe(counts: Mapping[str, int], n_merges: int) -> list[Pair]:
    """The merges that join the most frequent pair of pieces, one after the other.

    The pair joined next is the most frequent one in the words as they are cut by then;
    of equals the shortest, then the first by code point.

    >>> learn_bpe({"▁lower": 2, "▁low": 5, "▁new": 3}, 3)
    [('l', 'o'), ('lo', 'w'), ('▁', 'low')]

    Args:
        counts: word -> how often it occurs.
        n_merges: how many to learn; fewer if there is nothing left to join.

    Raises:
        InputError: if n_merges is below 0.

    Source: Sennrich et al. 2016, algorithm 1.
    """
    if n_merges < 0:
        raise InputError(f"n_merges must be 0 or more, got {n_merges}")
    pairs = _PairCounts(counts)
    merges: list[Pair] = []
    while len(merges) < n_merges and (pair := pairs.pop_best()):
        merges.append(pair)
        pairs.join(pair)
    return merges


def priority(pair: Pair, count: int) -> tuple[int, int, str, Pair]:
    """What pairs are sorted by, best first: frequent, short, first by code point.

    >>> priority(("lo", "w"), 7)
    (-7, 3, 'low', ('lo', 'w'))
    """
    joined = "".join(pair)
    return -count, len(joined), joined, pair


def join_pair(pieces: Sequence[str], pair: Pair) -> list[str]:
    """The pieces with every occurrence of a pair joined, from the left.

    >>> join_pair(["a", "a", "a", "b"], ("a", "a"))
    ['aa', 'a', 'b']
    """
    joined: list[str] = []
    for piece in pieces:
        if joined and (joined[-1], piece) == pair:
            joined[-1] += piece  # now too long to be the left half again
        else:
            joined.append(piece)
    return joined


class _PairCounts:
    """How often each pair occurs, kept right while pairs are joined."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._words = [list(word) for word in counts]
        self._weight = list(counts.values())
        self._count: Counter[Pair] = Counter()
        self._holders: dict[Pair, set[int]] = defaultdict(set)
        for w, (word, weight) in enumerate(zip(self._words, self._weight, strict=True)):
            for pair in pairwise(word):
                self._count[pair] += weight
                self._holders[pair].add(w)
        self._heap = [priority(pair, n) for pair, n in self._count.items()]
        heapify(self._heap)

    def pop_best(self) -> Pair | None:
        """The best pair, if there is any left."""
        while self._heap:
            negative_count, _, _, pair = heappop(self._heap)
            # A count that has changed since was pushed again when it changed.
            if negative_count and -negative_count == self._count[pair]:
                return pair
        return None

    def join(self, pair: Pair) -> None:
        """Join a pair wherever it occurs, and count what that changes."""
        change: Counter[Pair] = Counter()
        for w in self._holders.pop(pair):
            before, weight = self._words[w], self._weight[w]
            after = self._words[w] = join_pair(before, pair)
            for old in pairwise(before):
                change[old] -= weight
            for new in pairwise(after):
                change[new] += weight
                self._holders[new].add(w)
        for changed, n in change.items():
            if n:
                self._count[changed] += n
                heappush(self._heap, priority(changed, self._count[changed]))


def shared_merges(merges: Iterable[Pair], tokenizer: SentencePieceTokenizer) -> float:
    """Which share of the pieces that merges make SentencePiece has too, from 0 to 1.

    Pieces are compared, not pairs, because SentencePiece keeps no pairs.

    Raises:
        InputError: if there are no merges.
    """
    made = {left + right for left, right in merges}
    if not made:
        raise InputError("merges must hold at least one pair, got none")
    return len(made & tokenizer.scores.keys()) / len(made)

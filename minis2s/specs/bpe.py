"""Byte-pair encoding by counting everything anew, and by trying every dropout."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise, product

Pair = tuple[str, str]


def cut_probabilities(
    word: Sequence[str], ranks: Mapping[Pair, int], dropout: float
) -> dict[tuple[str, ...], float]:
    """How probable each cut of a word is under BPE dropout.

    P(cut) = sum over S of p^n_dropped (1 - p)^n_staying P(cut | best pair of S joined)

    Here S are the pairs of neighbours that stay, of those that could be joined in this
    step. If none stays, the word is cut as it stands.

    >>> cut_probabilities("ab", {("a", "b"): 0}, 0.25)
    {('ab',): 0.75, ('a', 'b'): 0.25}

    Args:
        word: its pieces so far.
        ranks: pair -> rank; the lowest is joined first, of equals the leftmost.
        dropout: p, the probability that a merge is left out of a step.

    Source: Provilkov et al. 2020, algorithm 1, arXiv:1910.13267.
    """
    total: dict[tuple[str, ...], float] = defaultdict(float)
    places = [i for i, pair in enumerate(pairwise(word)) if pair in ranks]
    for stays in product([True, False], repeat=len(places)):
        share = 1.0
        for stay in stays:
            share *= 1 - dropout if stay else dropout
        staying = [i for i, stay in zip(places, stays, strict=True) if stay]
        if not staying:
            total[tuple(word)] += share
            continue
        best = min(staying, key=lambda i: (ranks[word[i], word[i + 1]], i))
        joined = [*word[:best], word[best] + word[best + 1], *word[best + 2 :]]
        for cut, rest in cut_probabilities(joined, ranks, dropout).items():
            total[cut] += share * rest
    return dict(total)

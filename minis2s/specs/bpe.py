"""Byte-pair encoding by counting everything anew, and by trying every dropout."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise, product

Pair = tuple[str, str]


def learn_bpe(counts: Mapping[str, int], n_merges: int) -> list[Pair]:
    """The merges that join the most frequent pair, all pairs counted before each.

    Args:
        counts: word -> how often it occurs.
        n_merges: how many to learn; fewer if there is nothing left to join.

    Source: Sennrich et al. 2016, algorithm 1, arXiv:1508.07909.
    """
    cuts = {word: list(word) for word in counts}
    merges: list[Pair] = []
    while len(merges) < n_merges:
        total: Counter[Pair] = Counter()
        for word, cut in cuts.items():
            for pair in pairwise(cut):
                total[pair] += counts[word]
        if not total:
            break
        best = min(total, key=lambda p: (-total[p], len(p[0] + p[1]), p[0] + p[1], p))
        merges.append(best)
        cuts = {word: join_pair(cut, best) for word, cut in cuts.items()}
    return merges


def join_pair(cut: Sequence[str], pair: Pair) -> list[str]:
    """A cut in which a pair is joined wherever it stands, the leftmost first.

    >>> join_pair(["a", "a", "a", "b"], ("a", "a"))
    ['aa', 'a', 'b']
    """
    joined: list[str] = []
    i = 0
    while i < len(cut):
        width = 2 if tuple(cut[i : i + 2]) == pair else 1
        joined.append("".join(cut[i : i + width]))
        i += width
    return joined


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

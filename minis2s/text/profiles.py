"""Which lines of a text stand on the wrong side: letter trigrams tell.

Each side has a profile, the counts of its letter trigrams. Under a profile a line has a
probability, and the log of the ratio of the two says which side it fits, and how
strongly: the evidence, in nats. No language need be known for it, but most of the text
must be in order. From each count one is taken first: the trigram itself on its own
side, and on the other side the partner of the line, which may have the same name in
it. What stands in one pair alone is no evidence.

Left out: weighing trigrams against longer ones, which a line of two or three words
would profit from.

Source: Dunning 1994, "Statistical Identification of Language", section 3, is this naive
    Bayes classifier of letter n-grams, with profiles of known languages.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, UInt64

N_BUCKETS = 2**18
"""Entries of a profile; trigrams that share an entry are counted as one."""
CHUNK = 10_000
"""Lines whose trigrams are in memory at a time."""
SMOOTHING = 0.5
"""What is added to each count."""
PAIR_EVIDENCE = 7.0
"""Nats, for both lines together, from which a pair is swapped: e^7 is 1,000 to 1."""
LINE_EVIDENCE = 20.0
"""Nats from which one line alone is said to stand on the wrong side."""
LEAST_IN_ORDER = 0.6
"""Share of pairs whose lines must both fit their sides; below it, the sides are too
much alike to be told apart."""

Mask = Bool[np.ndarray, " n_pairs"]


def compare_sides(src: Sequence[str], tgt: Sequence[str]) -> tuple[Mask, Mask]:
    """Which pairs are swapped, and which have both sides in the language of one.

    Nothing is found where the sides are too much alike, as those of one language are.

    Args:
        src: lines of one side.
        tgt: lines of the other.
    """
    counts = [_profile(side) for side in (src, tgt)]
    fit_src, fit_tgt = _evidence(src, *counts), _evidence(tgt, *counts[::-1])
    both = (fit_src > 0) & (fit_tgt > 0)
    nothing = np.zeros(len(src), dtype=bool)
    if both.sum() < LEAST_IN_ORDER * len(src):
        return nothing, nothing
    swapped = (fit_src < 0) & (fit_tgt < 0) & (fit_src + fit_tgt < -PAIR_EVIDENCE)
    return swapped, (np.minimum(fit_src, fit_tgt) < -LINE_EVIDENCE) & ~swapped


def _profile(lines: Sequence[str]) -> Float[np.ndarray, " n_buckets"]:
    """How often each trigram stands in the lines."""
    counts = np.zeros(N_BUCKETS)
    for buckets, _ in _trigrams(lines):
        counts += np.bincount(buckets, minlength=N_BUCKETS)
    return counts


def _evidence(
    lines: Sequence[str],
    own: Float[np.ndarray, " n_buckets"],
    other: Float[np.ndarray, " n_buckets"],
) -> Float[np.ndarray, " n_lines"]:
    """Evidence = log p(line | own side) - log p(line | other side), in nats."""
    seen, seen_there = (
        np.maximum(counts - 1, 0) + SMOOTHING for counts in (own, other)
    )
    gain = np.log(seen / max(own.sum(), 1)) - np.log(seen_there / max(other.sum(), 1))
    parts = [
        np.add.reduceat(gain[buckets], start) for buckets, start in _trigrams(lines)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _trigrams(
    lines: Sequence[str],
) -> Iterator[tuple[Int[np.ndarray, " n_trigrams"], Int[np.ndarray, " n_lines"]]]:
    r"""For each chunk of lines the entry of every trigram, and where a line begins.

    Two "\n" stand before each line and after it, so that a line of n characters has
    n + 2 trigrams, and none reaches into another line.
    """
    for first in range(0, len(lines), CHUNK):
        chunk = [line.lower() for line in lines[first : first + CHUNK]]
        text = "".join(f"\n\n{line}" for line in chunk) + "\n\n"
        letters = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.uint64)
        length = np.array([len(line) + 2 for line in chunk])
        yield _bucket(letters), np.cumsum(length) - length


def _bucket(
    letters: UInt64[np.ndarray, " n_letters"],
) -> Int[np.ndarray, " n_trigrams"]:
    """Entry of each trigram: its code points as one number, mixed by multiplication."""
    number = letters[:-2] << 42 | letters[1:-1] << 21 | letters[2:]  # 21 bits each
    number ^= number >> 32
    number *= 0x9E3779B97F4A7C15
    return (number >> np.uint64(64 - 18)).astype(np.int64)

"""Strings of letters in another order: each target character is one of the source's."""

from collections.abc import Callable, Sequence

import numpy as np

from minis2s.text.tasks.pair import Pair

LETTERS = "abcdefghijklmnopqrstuvwxyz"
MIN_LEN, MAX_LEN = 3, 12

Order = Callable[[str], Sequence[int]]
"""From a string to the source positions that the target takes its characters from."""


def forwards(text: str) -> Sequence[int]:
    """Every position in its place."""
    return range(len(text))


def backwards(text: str) -> Sequence[int]:
    """The last position first."""
    return range(len(text) - 1, -1, -1)


def alphabetical(text: str) -> Sequence[int]:
    """Positions by their letter; of equal letters the earlier comes first.

    >>> alphabetical("banana")
    [1, 3, 5, 0, 2, 4]
    """
    return sorted(range(len(text)), key=text.__getitem__)


def reorder(text: str, order: Order) -> Pair:
    """A string and its letters in the order of the task.

    >>> reorder("cab", alphabetical)
    Pair(src='cab', tgt='abc', links=[(1, 0), (2, 1), (0, 2)])
    """
    positions = order(text)
    tgt = "".join(text[s] for s in positions)
    return Pair(text, tgt, [(s, t) for t, s in enumerate(positions)])


def draw_letters(rng: np.random.Generator, order: Order) -> Pair:
    """A random string of letters of a random length, and its target."""
    length = rng.integers(MIN_LEN, MAX_LEN + 1)
    text = "".join(LETTERS[i] for i in rng.integers(len(LETTERS), size=length))
    return reorder(text, order)

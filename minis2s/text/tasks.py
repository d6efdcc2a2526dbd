"""Generated tasks: as many pairs as wanted, with alignments known by construction.

A task is a rule from a source string to a target string. Because the rule is known,
so is the source character that each target character comes from, and an attention
map can be scored instead of admired. The pairs are a pure function of (task, split,
seed): no file is needed, and no source string stands in two splits.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minis2s.config import InputError

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SPLIT_SIZES = {"train": 10_000, "valid": 500, "test": 1_000}


@dataclass(frozen=True)
class Task:
    """A rule: the target as positions of the source, one for each target character."""

    name: str
    about: str
    order: Callable[[int], range]
    min_len: int = 3
    max_len: int = 12


def _forwards(length: int) -> range:
    return range(length)


def _backwards(length: int) -> range:
    return range(length - 1, -1, -1)


TASKS = {
    "copy": Task("copy", "a string of letters, again", _forwards),
    "reverse": Task("reverse", "a string of letters, last letter first", _backwards),
}


def make_pairs(
    name: str, split: str, seed: int = 0
) -> tuple[list[str], list[str], list[list[tuple[int, int]]]]:
    """All pairs of one split of a task.

    >>> src, tgt, alignment = make_pairs("reverse", "test")
    >>> src[1], tgt[1], alignment[1][:2]
    ('pzsqooyh', 'hyooqszp', [(7, 0), (6, 1)])

    Args:
        name: a key of `TASKS`.
        split: a key of `SPLIT_SIZES`.
        seed: another seed gives another draw of all splits.

    Returns:
        source strings, target strings, and for each pair its (source position,
        target position) links.

    Raises:
        InputError: if there is no such task or split.
    """
    for known, word, asked in ((TASKS, "task", name), (SPLIT_SIZES, "split", split)):
        if asked not in known:
            raise InputError(f"unknown {word} {asked!r}; there are {', '.join(known)}")
    task = TASKS[name]
    rng = np.random.default_rng(seed)
    seen: set[str] = set()
    for part in ("test", "valid", "train"):  # the small ones first, always alike
        src = _draw(task, SPLIT_SIZES[part], seen, rng)
        if part == split:
            break
    orders = [task.order(len(text)) for text in src]
    tgt = [
        "".join(text[s] for s in order) for text, order in zip(src, orders, strict=True)
    ]
    return src, tgt, [[(s, t) for t, s in enumerate(order)] for order in orders]


def _draw(
    task: Task, n_pairs: int, seen: set[str], rng: np.random.Generator
) -> list[str]:
    """Distinct strings that are not in `seen` yet; they are added to it."""
    drawn: list[str] = []
    while len(drawn) < n_pairs:
        length = rng.integers(task.min_len, task.max_len + 1)
        text = "".join(LETTERS[i] for i in rng.integers(len(LETTERS), size=length))
        if text not in seen:
            seen.add(text)
            drawn.append(text)
    return drawn

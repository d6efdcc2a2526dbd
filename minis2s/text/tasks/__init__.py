"""Generated tasks: as many pairs as wanted, with alignments known by construction.

A task is a rule from a source string to a target string. Because the rule is known,
so are the source characters that decide each target character, and an attention map
can be scored instead of admired. The pairs are a pure function of (task, split, seed):
no file is needed, and no source string stands in two splits.

letters.py reorders strings, dates.py reads written dates, numbers.py numbers in words.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Literal

import numpy as np

from minis2s.config import InputError
from minis2s.text.tasks import dates, letters, numbers
from minis2s.text.tasks.pair import Links, Pair

SPLIT_SIZES = {"train": 10_000, "valid": 500, "test": 1_000}
_ORDER = ("test", "valid", "train")  # in which pairs are dealt out


@dataclass(frozen=True, kw_only=True)
class Task:
    """A rule, and where its sources come from."""

    about: str
    draw: Callable[[np.random.Generator], Pair]
    """One random pair."""
    languages: tuple[str, ...] = ()
    """Of the sources, mixed; none if they are not language."""
    once: Literal["src", "tgt"] = "src"
    """The side of which no string occurs twice, in any split."""
    shuffled: bool = False
    """Whether pairs are shuffled before they are split: needed where a kind of source
    has so few strings that the split drawn first would take most of them."""


def _reordered(about: str, order: letters.Order) -> Task:
    return Task(about=about, draw=partial(letters.draw_letters, order=order))


TASKS = {
    "copy": _reordered("a string of letters, again", letters.forwards),
    "reverse": _reordered("a string of letters, last letter first", letters.backwards),
    "sort": _reordered(
        "a string of letters, in alphabetical order", letters.alphabetical
    ),
    "dates": Task(
        about="dates as people write them, to 2021-03-03",
        draw=dates.draw_date,
        languages=tuple(dates.PATTERNS),
        once="tgt",  # a date of the test was never seen in another form either
    ),
    "numbers": Task(
        about="numbers in words from 1 to 99,999, to digits",
        draw=numbers.draw_number,
        languages=numbers.LANGUAGES,
        shuffled=True,  # there are only 27 names of one digit
    ),
}


def make_pairs(
    name: str, split: str, seed: int = 0
) -> tuple[list[str], list[str], list[Links]]:
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
    pairs = iter(_draw(TASKS[name], np.random.default_rng(seed)))
    parts = {part: [*islice(pairs, SPLIT_SIZES[part])] for part in _ORDER}
    src, tgt, links = zip(*parts[split], strict=True)
    return list(src), list(tgt), list(links)


def _draw(task: Task, rng: np.random.Generator) -> list[Pair]:
    """The pairs of all splits, no two of which share the text of the task's side."""
    drawn: list[Pair] = []
    seen: set[str] = set()
    while len(drawn) < sum(SPLIT_SIZES.values()):
        pair = task.draw(rng)
        text = getattr(pair, task.once)
        if text not in seen:
            seen.add(text)
            drawn.append(pair)
    if task.shuffled:
        return [drawn[i] for i in rng.permutation(len(drawn))]
    return drawn

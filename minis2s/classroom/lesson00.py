"""The exercise of lesson 00 in the registry; its check was written before the engine.

check_attention says more of a wrong answer than the engine would: it estimates a fill
or a scale from the learner's weights. So it keeps its own files, attention*.py and
wrong_attention.py, and is only made known here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from minis2s.classroom.attention import check_attention, find_fault
from minis2s.classroom.exercise import Exercise
from minis2s.classroom.messages import Fault
from minis2s.classroom.wrong_attention import CATALOGUE, right


@dataclass(frozen=True, kw_only=True, eq=False)
class Attention(Exercise):
    """The exercise behind check_attention."""

    kind: ClassVar[str] = "implement"
    n_wrong: ClassVar[int] = 8

    @property
    def solution(self) -> Callable:
        """The package's own."""
        return right

    def wrong_answers(self) -> Iterator[tuple[str, Callable]]:
        """Every shape of every wrong answer, after its name."""
        for faults in CATALOGUE.values():
            for name, variants in faults.items():
                yield from ((name, wrong) for wrong in variants)

    def find_fault(self, answer: Callable, rng: np.random.Generator) -> Fault | None:
        """What check_attention finds."""
        return find_fault(answer, rng)

    def passed(self, answer: Callable) -> str:
        """What check_attention says of success, the new thing aside."""
        return check_attention(answer).split("\nNew: ")[0]


attention = Attention(
    name="attention",
    lesson=0,
    section="4",
    minutes=12,
    difficulty=2,
    task=check_attention.__doc__,
    look="",
    idea="",
    code="",
    news=lambda answer: check_attention(answer).split("\nNew: ")[1],
)

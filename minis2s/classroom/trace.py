"""Exercises in which numbers, or words, are found by hand.

The answer is a sequence of entries. A message says which are right and on which side
the first wrong one lies, and never the right one. A cause is named if the answer agrees
with exactly one of the tempting wrong answers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from minis2s.classroom.exercise import Exercise
from minis2s.classroom.messages import Advice, Fault
from minis2s.classroom.results import is_number, write

Entries = Sequence | np.ndarray


@dataclass(frozen=True)
class Tempting:
    """A wrong answer that is easily come by, and the words for it."""

    entries: Entries
    """what it looks like"""
    cause: str
    broken: str
    look: str
    idea: str = ""
    """the first hint; the exercise's own if it is empty"""
    code: str = ""
    """the second hint; the exercise's own if it is empty"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace(Exercise):
    """Entries are found by hand."""

    entries: tuple[str, ...]
    """what each is called"""
    expected: Entries
    """the right ones, computed"""
    tempting: Mapping[str, Tempting]
    broken: str
    """what holds of the right entries, so that they can be tested unseen"""
    by_entry: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """what holds of one entry alone, and where to look, by what the entry is called"""
    tolerance: float = 0.0051
    """up to which a number counts as right; here, if it is rounded to two decimals"""

    kind: ClassVar[str] = "trace"

    @property
    def solution(self) -> Entries:
        """The right entries."""
        return self.expected

    @property
    def stub(self) -> tuple:
        """Nothing but dots."""
        return (...,) * len(self.entries)

    def wrong_answers(self) -> Iterator[tuple[str, Entries]]:
        """Every tempting answer, after its name."""
        for name, tempting in self.tempting.items():
            yield name, tempting.entries

    def check_type(self, answer: object) -> None:
        """Refuse what has no entries."""
        single = answer is ... or is_number(answer) or isinstance(answer, str)
        if not (single or isinstance(answer, tuple | list | np.ndarray)):
            raise TypeError(
                f"answer: must be {len(self.entries)} entries in a row, as in "
                f"{self.__name__}([...]), got {type(answer).__name__}"
            )

    def find_fault(self, answer: object, rng: np.random.Generator) -> Fault | None:
        """What is wrong with the entries, or None."""
        entries = [_plain(entry) for entry in _flat(answer)]
        right = self._compare(entries, self.expected)
        if len(entries) == len(self.entries) and all(right):
            return None
        name, advice = self._explain(entries, right)
        works = self._what_works(entries, right)
        return Fault(name, works, advice, "", self.where)

    def passed(self, answer: object) -> str:
        """How many entries are right."""
        return f"All {len(self.entries)} entries are right."

    def _explain(self, entries: list, right: list[bool]) -> tuple[str, Advice]:
        """The cause if there is one, else the plainest symptom."""
        if len(entries) != len(self.entries):
            names = ", ".join(self.entries)
            return "wrong_number", self._advice(
                f"But the entries asked for are {names}."
            )
        if any(map(_is_open, entries)):
            first = self.entries[[*map(_is_open, entries)].index(True)]
            return "stub", self._advice(f"The next to fill in is {first}.")
        names = [n for n, t in self.tempting.items() if self._is(entries, t)]
        if len(names) == 1:
            return names[0], self._advice(
                self._case(entries, right), self.tempting[names[0]]
            )
        advice = self._advice(self._case(entries, right))
        entry = self.entries[right.index(False)]
        if entry in self.by_entry:
            broken, look = self.by_entry[entry]
            advice = advice._replace(broken=broken, look=look)
        return "wrong_entries", advice

    def _is(self, entries: list, tempting: Tempting) -> bool:
        return all(self._compare(entries, tempting.entries))

    def _compare(self, entries: list, others: Entries) -> list[bool]:
        """Which entries are those, numbers up to the tolerance."""
        return [
            abs(a - b) <= self.tolerance if is_number(a) and is_number(b) else a == b
            for a, b in zip(entries, map(_plain, _flat(others)), strict=False)
        ]

    def _case(self, entries: list, right: list[bool]) -> str:
        """The first entry that is not right, without the one that is."""
        i = right.index(False)
        got, want = entries[i], list(_flat(self.expected))[i]
        numbers = is_number(got) and is_number(want)
        side = "small" if numbers and got < want else "large"
        no_number = is_number(want) and not is_number(got)
        words = "which is no number" if no_number else "which it is not"
        fault = f"which is too {side}" if numbers else words
        return f"But {self.entries[i]} is given as {write(got)}, {fault}."

    def _what_works(self, entries: list, right: list[bool]) -> str:
        filled = sum(not _is_open(entry) for entry in entries)
        if len(entries) != len(self.entries) or filled < len(entries):
            return f"{filled} of {len(self.entries)} entries are filled in."
        names = [self.entries[i] for i, is_right in enumerate(right) if is_right]
        return f"Right: {', '.join(names)}." if names else "Every entry is filled in."

    def _advice(self, case: str, tempting: Tempting | None = None) -> Advice:
        return Advice(
            case=case,
            broken=tempting.broken if tempting else self.broken,
            cause=tempting.cause if tempting else "",
            look=tempting.look if tempting else self.look,
            idea=(tempting and tempting.idea) or self.idea,
            code=(tempting and tempting.code) or self.code,
        )


def _plain(entry: object) -> object:
    """A number of Python's in place of one of NumPy's."""
    return entry.item() if isinstance(entry, np.generic | np.ndarray) else entry


def _is_open(entry: object) -> bool:
    """Whether an entry is still to be filled in."""
    return entry is None or entry is ...


def _flat(entries: object) -> Iterator[object]:
    """The entries of nested sequences, one after the other."""
    if isinstance(entries, tuple | list) or getattr(entries, "ndim", 0):
        for entry in entries:
            yield from _flat(entry)
    else:
        yield entries

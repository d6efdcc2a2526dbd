"""What a message about an implementation may speak of."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from minis2s.classroom.exercise import Exercise, name_of
from minis2s.classroom.probes import Probe
from minis2s.classroom.results import (
    Part,
    Trial,
    alike,
    first_difference,
    parts,
    same,
)


class Evidence(NamedTuple):
    """What a message may speak of: an answer, on the probe that it fails."""

    exercise: Exercise
    """the one of implement.py that asked for it"""
    answer: Callable
    probe: Probe
    trial: Trial
    want: object

    @property
    def name(self) -> str:
        """What the answer is called."""
        return name_of(self.answer)

    @property
    def args(self) -> tuple:
        """The arguments of the failing call."""
        return self.trial.args

    @property
    def got(self) -> object:
        """What the answer returned."""
        return self.trial.result

    @property
    def parts(self) -> list[Part]:
        """The results one by one; none if they are not of the kind asked for."""
        if not alike(self.got, self.want):
            return []
        whole = parts(self.got, self.want, self.exercise.returns)
        return [block for part in whole for block in self._blocks(part)]

    @property
    def agreeing(self) -> list[str]:
        """The names of the results that are right."""
        return [p.name for p in self.parts if same(p.got, p.want, self.tolerance)]

    @property
    def differing(self) -> list[Part]:
        """The results that are not."""
        return [p for p in self.parts if not same(p.got, p.want, self.tolerance)]

    @property
    def first(self) -> str:
        """The first entry that differs, with both numbers, as a sentence."""
        return f"But {first_difference(self.differing[0], self.tolerance)}."

    @property
    def tolerance(self) -> float:
        """Up to which numbers count as equal."""
        return self.exercise.tolerance

    def _blocks(self, part: Part) -> Iterator[Part]:
        """The blocks of a stacked array under their own names."""
        axis, names = self.exercise.blocks.get(part.name, (0, ()))
        if not names or np.shape(part.got) != np.shape(part.want):
            yield part
            return
        halves = (np.split(a, len(names), axis) for a in (part.got, part.want))
        for name, got, want in zip(names, *halves, strict=True):
            yield Part(f"{part.name} ({name})", got, want)

"""Exercises in which a test is written.

The answer is called with an implementation. It accepts by returning True or nothing,
and rejects by returning False or raising an error, as an assertion does. It must accept
every right implementation and reject every faulty one. A message speaks of the first
faulty one that is let through, by its symptom; the learner finds the test that sees it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from minis2s.classroom.exercise import Exercise, name_of
from minis2s.classroom.messages import Advice, Fault
from minis2s.classroom.results import Trial, describe, try_out


@dataclass(frozen=True)
class Faulty:
    """A faulty implementation that a test has to reject, and the words for it."""

    args: tuple
    """what the test is called with"""
    symptom: str
    """what it does wrong, seen from outside, as in "returns zeros"; a verb first"""
    look: str
    idea: str
    code: str


@dataclass(frozen=True, kw_only=True, eq=False)
class WriteTest(Exercise):
    """A test is written that tells right from faulty."""

    answer: Callable
    """the published solution"""
    right: Mapping[str, tuple]
    """right implementations, as arguments of the test, after what they are"""
    faulty: Mapping[str, Faulty]
    """faulty ones; the first that is let through is spoken of"""
    wrong: Mapping[str, Callable]
    """tests that are not good enough, after the name of what they let through"""

    kind: ClassVar[str] = "test"

    @property
    def solution(self) -> Callable:
        """The published solution."""
        return self.answer

    def wrong_answers(self) -> Iterator[tuple[str, Callable]]:
        """Every test that is not good enough, after the name of its message."""
        yield from self.wrong.items()

    def find_fault(self, answer: Callable, rng: np.random.Generator) -> Fault | None:
        """What the test does wrong, or None."""
        for what, args in self.right.items():
            trial = try_out(answer, args)
            if not accepts(trial):
                name, advice = self._explain(answer, trial, what)
                return self._fault(name, f"`{name_of(answer)}` can be called.", advice)
        missed = {
            name: faulty
            for name, faulty in self.faulty.items()
            if accepts(try_out(answer, faulty.args))
        }
        if not missed:
            return None
        works = "Right code is accepted."
        if len(missed) == len(self.faulty):
            return self._fault("accepts_all", works, self._accepts_all())
        rejected = f"{len(self.faulty) - len(missed)} of {len(self.faulty)} faulty ones"
        name, first = next(iter(missed.items()))
        works = f"{works[:-1]} and {rejected} rejected."
        return self._fault(name, works, self._lets_through(first))

    def passed(self, answer: object) -> str:
        """How many implementations are judged as they should be."""
        return (
            f"Right implementations are accepted ({len(self.right)}), faulty ones "
            f"rejected (all {len(self.faulty)})."
        )

    def _explain(self, answer: Callable, trial: Trial, what: str) -> tuple[str, Advice]:
        """Why a right implementation is not accepted."""
        if isinstance(trial.error, NotImplementedError):
            case = "It raises NotImplementedError, so it judges nothing yet."
            broken = "A first step: call what is given, and compare one number."
            return "stub", self._advice(case, broken)
        if trial.error is None and not isinstance(trial.result, bool | np.bool_):
            case = f"But it returned {describe(trial.result)}."
            broken = "A test returns True or False, or raises an AssertionError."
            return "wrong_type", self._advice(case, broken)
        told = type(trial.error).__name__ if trial.error else "False"
        text = f" ({trial.error})"[:60] if trial.error and str(trial.error) else ""
        case = f"But it rejects a right implementation, {what}, with {told}{text}."
        broken = "Whoever is right and fails loses trust in the test."
        return "rejects_right", self._advice(case, broken)

    def _accepts_all(self) -> Advice:
        return self._advice(
            f"But so are all {len(self.faulty)} faulty ones.",
            "A test that cannot fail says nothing when it passes.",
        )

    def _lets_through(self, faulty: Faulty) -> Advice:
        case = f"But one is let through that {faulty.symptom}."
        broken = "What a test does not look at may be anything."
        return Advice(case, broken, faulty.look, faulty.idea, faulty.code)

    def _advice(self, case: str, broken: str) -> Advice:
        return Advice(case, broken, self.look, self.idea, self.code)

    def _fault(self, name: str, works: str, advice: Advice) -> Fault:
        return Fault(name, works, advice, "", self.where)


def accepts(trial: Trial) -> bool:
    """Whether a test let an implementation through."""
    if trial.error is not None:
        return False
    verdict = trial.result
    return verdict is None or (isinstance(verdict, bool | np.bool_) and bool(verdict))

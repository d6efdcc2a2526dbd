"""Open exercises: anything goes that a measurement finds good enough.

A measurement turns the answer into numbers, and each goal is a bound on one of them.
Two worked answers show that there is more than one way; what they reach is measured by
the tests again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from minis2s.classroom.exercise import Exercise, name_of
from minis2s.classroom.messages import Advice, Fault

Measure = Callable[[Callable, np.random.Generator], Mapping[str, float | int]]


@dataclass(frozen=True)
class Goal:
    """A bound on one of the numbers, and the words for missing it."""

    what: str
    """the number in words, as in: forward passes in one test"""
    bound: float | int
    broken: str
    """why the bound matters"""
    look: str
    idea: str
    code: str
    at_least: bool = False
    """whether the bound is a lower one"""

    def reached(self, number: float | int) -> bool:
        """Whether a number is on the right side; NaN is on none."""
        return number >= self.bound if self.at_least else number <= self.bound

    def __str__(self) -> str:
        """As a message says it."""
        return f"at {'least' if self.at_least else 'most'} {self.bound:g}"


@dataclass(frozen=True)
class Worked:
    """A worked answer, and what it reaches with the generator of seed 0."""

    answer: Callable
    measured: Mapping[str, float | int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Invent(Exercise):
    """Something is invented, and measured."""

    measure: Measure
    """measure(answer, rng) returns the numbers, by name"""
    goals: Mapping[str, Goal]
    """number -> its bound, in the order in which they are looked at"""
    worked: Mapping[str, Worked]
    """two answers of ours, by what they are"""
    wrong: Mapping[str, Callable]
    """answers that miss a goal, by the name of the first that they miss"""

    kind: ClassVar[str] = "invent"
    n_wrong: ClassVar[int] = 2

    @property
    def solution(self) -> Callable:
        """The first of the worked answers."""
        return next(iter(self.worked.values())).answer

    def wrong_answers(self) -> Iterator[tuple[str, Callable]]:
        """Every answer that is not good enough, after the goal that it misses."""
        yield from self.wrong.items()

    def find_fault(self, answer: Callable, rng: np.random.Generator) -> Fault | None:
        """The first goal that is missed, or None."""
        try:
            with np.errstate(all="ignore"):
                numbers = self.measure(answer, rng)
        except NotImplementedError:
            return self._failed("stub", answer, "It raises NotImplementedError.")
        except Exception as error:
            told = f"{type(error).__name__}: {error}"[:110]
            return self._failed("raised", answer, f"But it stopped with {told}.")
        n_reached = sum(
            goal.reached(numbers[name]) for name, goal in self.goals.items()
        )
        for name, goal in self.goals.items():
            if not goal.reached(numbers[name]):
                case = (
                    f"But {goal.what}: {numbers[name]:.4g}, where {goal} is asked for."
                )
                works = f"{n_reached} of {len(self.goals)} goals are reached."
                advice = Advice(case, goal.broken, goal.look, goal.idea, goal.code)
                return Fault(name, works, advice, "", self.where)
        return None

    def passed(self, answer: Callable) -> str:
        """What was reached, beside what the worked answers reach."""
        rng = np.random.default_rng(0)
        rows = {"this": self.measure(answer, rng)}
        rows |= {name: worked.measured for name, worked in self.worked.items()}
        lines = [f"All {len(self.goals)} goals are reached."]
        for name, goal in self.goals.items():
            reached = ", ".join(f"{who} {row[name]:.4g}" for who, row in rows.items())
            lines.append(f"{goal.what} ({goal}): {reached}.")
        return "\n".join(lines)

    def _failed(self, name: str, answer: Callable, case: str) -> Fault:
        """What there is to say where nothing could be measured."""
        goals = "; ".join(f"{goal.what}, {goal}" for goal in self.goals.values())
        advice = Advice(
            case, f"Goals: {goals}.", look=self.look, idea=self.idea, code=self.code
        )
        return Fault(
            name, f"`{name_of(answer)}` can be called.", advice, "", self.where
        )

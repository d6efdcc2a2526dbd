"""Exercises in which a function is written, or repaired.

The answer is called with the arguments of every probe and compared with `right`. At
the first disagreement the check stops. It names a cause if, on this probe and on its
sibling, the answer returns what exactly one wrong answer of the catalogue returns;
where several do, the other probes have to tell them apart. Otherwise symptoms.py
says what can be seen.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from minis2s.classroom import symptoms
from minis2s.classroom.evidence import Evidence
from minis2s.classroom.exercise import Exercise
from minis2s.classroom.messages import Advice, Fault
from minis2s.classroom.probes import Probe
from minis2s.classroom.results import TOLERANCE, Trial, alike, same, try_out


@dataclass(frozen=True)
class Wrong:
    """A wrong implementation, in one or several shapes, and the words for it."""

    answers: Callable | tuple[Callable, ...]
    cause: str
    """what was done, in one sentence"""
    broken: str
    """the property that does not hold"""
    look: str
    """where to look next; never the corrected line"""
    idea: str = ""
    """the first hint; the exercise's own if it is empty"""
    code: str = ""
    """the second hint; the exercise's own if it is empty"""
    case: Callable[[Evidence], str] | None = None
    """says the smallest case that fails, "But ..."; without it, the first entry that
    differs is said"""
    works: str = ""
    """what works; found out if it is empty"""

    @property
    def shapes(self) -> tuple[Callable, ...]:
        """All its shapes, which one message fits."""
        return self.answers if isinstance(self.answers, tuple) else (self.answers,)


@dataclass(frozen=True, kw_only=True, eq=False)
class Implement(Exercise):
    """A function is written, forward or backward."""

    right: Callable
    """the published solution"""
    returns: tuple[str, ...]
    """the names of the results; one, unless a tuple is returned"""
    probes: tuple[Probe, ...]
    """in the order in which they are tried, the smallest first"""
    wrong: Mapping[str, Wrong]
    """the catalogue of wrong answers"""
    blocks: Mapping[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    """result -> the axis along which named blocks of equal size, as gates, are stacked
    in it, and their names"""
    properties: tuple[Callable[[Evidence], str], ...] = ()
    """for a fault that is not in `wrong`: each says in a sentence that a property does
    not hold, or nothing, an empty text"""
    tolerance: float = TOLERANCE
    """up to which an answer counts as right"""

    kind: ClassVar[str] = "implement"
    n_wrong: ClassVar[int] = 8

    @property
    def solution(self) -> Callable:
        """The published solution."""
        return self.right

    def wrong_answers(self) -> Iterator[tuple[str, Callable]]:
        """Every shape of every wrong answer, after its name."""
        for name, wrong in self.wrong.items():
            for answer in wrong.shapes:
                yield name, answer

    def probe(self, name: str, sibling: int = 0) -> tuple:
        """The arguments that a message speaks of, for looking at them oneself.

        Args:
            name: of the probe.
            sibling: 0 for the first, 1 for the one with other numbers.

        Raises:
            ValueError: if there is no such probe.
        """
        found = {probe.name: probe for probe in self.probes}
        if name not in found or sibling not in (0, 1):
            raise ValueError(
                f"{self.__name__}.probe: want one of {', '.join(found)}, and 0 or 1; "
                f"got {name!r}, {sibling!r}"
            )
        return found[name].sibling(sibling)

    def find_fault(self, answer: Callable, rng: np.random.Generator) -> Fault | None:
        """The first probe on which an answer goes wrong, and what there is to say."""
        for number, (probe, new) in enumerate(self._rounds(rng)):
            pair = probe.pair(rng if new else None)
            trials = [try_out(answer, args) for args in pair]
            for sibling, trial in enumerate(trials):
                want = self._right(trial.args)
                if self._agrees(trial, want) and not trial.changed:
                    continue
                evidence = Evidence(self, answer, probe, trial, want)
                name, advice = self._explain(evidence, trials, number)
                source = "" if new else self._source(probe, sibling)
                works = advice.works or self._what_works(evidence, number, new)
                return Fault(name, works, advice, source, self.where)
        return None

    def passed(self, answer: object) -> str:
        """How many checks passed."""
        return (
            f"All {len(self.probes) + 1} checks pass, the last on numbers that are "
            "new at each call."
        )

    def _rounds(self, rng: np.random.Generator) -> Iterator[tuple[Probe, bool]]:
        """Every probe as it is known, then those that can be drawn, drawn anew."""
        yield from ((probe, False) for probe in self.probes)
        yield from ((probe, True) for probe in self.probes if callable(probe.draw))

    def _agrees(self, trial: Trial, want: object) -> bool:
        return trial.error is None and (
            alike(trial.result, want) and same(trial.result, want, self.tolerance)
        )

    def _explain(
        self, e: Evidence, trials: list[Trial], number: int
    ) -> tuple[str, Advice]:
        """The cause if it is sure, else the plainest symptom."""
        if e.trial.error is None and not self._agrees(e.trial, e.want):
            cause = self._diagnose(e.answer, trials, number)
            if cause is not None:
                return cause, self._advice(e, self.wrong[cause])
        return symptoms.explain(e)

    def _diagnose(
        self, answer: Callable, trials: list[Trial], number: int
    ) -> str | None:
        """The one wrong answer that does the same, or None.

        Args:
            answer: the answer under suspicion.
            trials: what it did on the failing probe and on its sibling.
            number: of the failing probe; the others separate what it cannot.
        """
        suspects = self._who_does(trials, set(self.wrong), wrong_twice=True)
        for probe in (*self.probes[number + 1 :], *self.probes[:number]):
            if len(suspects) < 2:
                break
            more = [try_out(answer, args) for args in probe.pair()]
            suspects = self._who_does(more, suspects)
        return suspects.pop() if len(suspects) == 1 else None

    def _who_does(
        self, trials: list[Trial], names: set[str], wrong_twice: bool = False
    ) -> set[str]:
        """Which wrong answers return the same as all of these trials.

        With wrong_twice they have to be wrong each time: two right results are no
        evidence of a fault.
        """
        return {
            name
            for name in names
            if any(
                self._does(shape, trials, wrong_twice)
                for shape in self.wrong[name].shapes
            )
        }

    def _does(self, wrong: Callable, trials: list[Trial], wrong_twice: bool) -> bool:
        """Whether a wrong answer returns, each time, what was returned."""
        for trial in trials:
            other = try_out(wrong, trial.args)
            if trial.error or other.error or not same(other.result, trial.result):
                return False
            if wrong_twice and self._agrees(other, self._right(trial.args)):
                return False
        return True

    def _right(self, args: tuple) -> object:
        """What the published solution returns."""
        return try_out(self.right, args).result

    def _advice(self, e: Evidence, wrong: Wrong) -> Advice:
        """The words for a known fault, with the learner's own numbers."""
        case = wrong.case or symptoms.plainest_case
        return Advice(
            case=case(e),
            broken=wrong.broken,
            cause=wrong.cause,
            look=wrong.look,
            idea=wrong.idea or self.idea,
            code=wrong.code or self.code,
            works=wrong.works,
        )

    def _what_works(self, e: Evidence, number: int, new: bool) -> str:
        """What can be said in favour of the answer so far."""
        story = []
        if number:
            done, verb = (
                min(number, len(self.probes)),
                "pass" if number > 1 else "passes",
            )
            about = "numbers drawn at this call" if new else e.probe.about
            checks = f"{done} of {len(self.probes) + 1} checks {verb}."
            story.append(f"{checks} The next: {about}.")
        if e.differing and e.agreeing:
            verb = "agree" if len(e.agreeing) > 1 else "agrees"
            story.append(f"{', '.join(e.agreeing)} {verb}.")
        elif not number:
            right = bool(e.differing) and not symptoms.misshapen(e)
            runs = f"`{e.name}` can be called."
            story.append("Type and shape are right." if right else runs)
        return " ".join(story)

    def _source(self, probe: Probe, sibling: int) -> str:
        """How the learner gets the arguments of the failing case."""
        number = ", 1" if sibling else ""
        check = f"lesson{self.lesson:02}.{self.__name__}"
        return f'Input: {check}.probe("{probe.name}"{number}).'


@dataclass(frozen=True, kw_only=True, eq=False)
class Repair(Implement):
    """Code with one bug is handed out, and repaired."""

    given: str
    """the name, in `wrong`, of the code that is handed out"""

    kind: ClassVar[str] = "repair"
    n_wrong: ClassVar[int] = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.given not in self.wrong:
            raise ValueError(
                f"given: must be one of {', '.join(self.wrong)}, got {self.given!r}"
            )

    @property
    def broken(self) -> Callable:
        """The code that is handed out."""
        return self.wrong[self.given].shapes[0]

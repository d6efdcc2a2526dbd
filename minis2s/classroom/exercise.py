"""An exercise: what is asked, and a check that says what it saw in an answer.

How to write one. A lesson's exercises stand in lessonNN.py (or in the files of a folder
of that name, if they fill more than one), each as one object named check_<name>, which
is at once the description and the check that learners call:

    check_softmax_backward = Implement(
        name="softmax_backward",
        lesson=2, section="4", minutes=15, difficulty=3,
        task="What the function takes and returns; it becomes the check's docstring.",
        right=softmax_backward,               # the published solution
        returns=("grad_scores",),             # names of the results
        probes=(Probe("plain", "three rows of five", draw),),    # in the order tried
        wrong={"no_coupling": Wrong(no_coupling, cause=..., broken=..., look=...)},
        look=..., idea=..., code=...,         # for a fault that is not in `wrong`
        news="One thing that is new, said after success.",
    )

There are five kinds, each in the file of its name:

    Trace      numbers found by hand, with tempting wrong ones       trace.py
    Implement  a function, forward or backward                       implement.py
    Repair     the same, begun from code with one bug                implement.py
    WriteTest  a test that passes right code and fails faulty code   write_test.py
    Invent     something open, scored by a measurement               invent.py

What an author writes is the numbers, the wrong answers and the words. The engine tries
the answer on every probe and on its sibling with other numbers, names a cause only if
the answer does exactly what one wrong answer of the catalogue does on both, reports
what can be seen otherwise (a shape, a NaN, the first entry that differs), and puts the
words in order. A message has at most 8 lines of 88 with both hints, speaks of the code
and not of its author, and without a hint gives no code away: tests/classroom/
test_exercises.py holds all of that true for every exercise there is. Nothing needs
registering; `python -m minis2s.classroom` writes the table of all of them. lesson02
has one of each kind.

Rules of thumb: the smallest probe first; sizes that are distinct primes (`primes`);
ragged lengths, non-zero biases, a random upstream gradient; at least 8 wrong answers
for Implement, 3 for the others. For a backward pass in time see `staircase`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from minis2s.classroom.messages import Fault, Report, wrap


@dataclass(frozen=True, kw_only=True, eq=False)
class Exercise(ABC):
    """What all kinds of exercises have in common."""

    name: str
    """as in check_<name>, of which the check is called"""
    lesson: int
    section: str
    """the section of the lesson that a message sends back to"""
    task: str
    """what is asked; the docstring of the check"""
    minutes: int
    difficulty: int
    """out of 5"""
    look: str
    """where to look next, for a fault that has no words of its own"""
    idea: str
    """the first hint, for the same"""
    code: str
    """the second hint, almost the code"""
    news: str | Callable[[object], str]
    """one thing that is new, said after success; may look at the answer"""

    kind: ClassVar[str]
    n_wrong: ClassVar[int] = 3
    """how many different wrong answers the catalogue needs at least"""

    def __post_init__(self) -> None:
        if not 1 <= self.difficulty <= 5:
            raise ValueError(f"difficulty: must be from 1 to 5, got {self.difficulty}")
        object.__setattr__(self, "__doc__", self.task)

    def __call__(
        self, answer: object, hint: int = 0, *, rng: np.random.Generator | None = None
    ) -> Report:
        """Judge an answer.

        Args:
            answer: the learner's.
            hint: 0 for symptom and place, 1 for the idea as well, 2 for almost the
                code.
            rng: draws what is new at each call; without it, that cannot be repeated.

        Returns:
            a report of success, which says one new thing.

        Raises:
            AssertionError: if the answer is not right; the message says in what.
            TypeError: if it is not the kind of thing that is asked for.
            ValueError: if hint is not 0, 1 or 2.
        """
        if hint not in (0, 1, 2):
            raise ValueError(f"hint: must be 0, 1 or 2, got {hint!r}")
        self.check_type(answer)
        rng = rng if rng is not None else np.random.default_rng()
        fault = self.find_fault(answer, rng)
        if fault is not None:
            raise AssertionError(fault.message(hint))
        news = self.news if isinstance(self.news, str) else self.news(answer)
        story = [*self.passed(answer).splitlines(), f"New: {news}"]
        return Report("\n".join(line for part in story for line in wrap(part)))

    @property
    def where(self) -> str:
        """The lesson and its section."""
        return f"lesson {self.lesson:02}, section {self.section}"

    @property
    def __name__(self) -> str:
        """The name of the check."""
        return f"check_{self.name}"

    @property
    @abstractmethod
    def solution(self) -> object:
        """The published solution."""

    @property
    def stub(self) -> object:
        """What a learner begins with."""
        return _stub

    @abstractmethod
    def wrong_answers(self) -> Iterator[tuple[str, object]]:
        """Every wrong answer of the catalogue, after the name of its message."""

    @abstractmethod
    def find_fault(self, answer: object, rng: np.random.Generator) -> Fault | None:
        """The first thing that is wrong with an answer, or None."""

    @abstractmethod
    def passed(self, answer: object) -> str:
        """The first sentence of success."""

    def check_type(self, answer: object) -> None:
        """Refuse what is not a function, for the kinds that ask for one."""
        if not callable(answer):
            raise TypeError(
                f"answer: must be the function itself, as in {self.__name__}"
                f"({self.name}), got {type(answer).__name__}"
            )


def name_of(answer: object) -> str:
    """What an answer is called in a message."""
    return getattr(answer, "__name__", type(answer).__name__)


def _stub(*arguments: object) -> object:
    raise NotImplementedError

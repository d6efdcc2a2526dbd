"""The exercises of the course, and what their checks know, as Markdown."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from minis2s.classroom.catalogue import EXERCISES
from minis2s.classroom.exercise import Exercise

TABLE = Path(__file__).with_name("README.md")

_HEAD = """\
# The classroom

Written by `python -m minis2s.classroom`; do not edit. {exercises} exercises, whose
checks were tried on {answers} wrong answers. exercise.py says how to write one more.

| exercise | lesson | kind | minutes | difficulty | wrong answers | messages |
|---|---|---|---|---|---|---|
{rows}

## Wrong answers by messages

A row is a wrong answer, in one or several shapes, a column the message that is meant
for the answer of that number, and an entry how many shapes got the message. The
diagonal is full, so each wrong answer gets its own message, and the rest is empty, so
none gets another's.
"""


def make_table() -> str:
    """The whole page."""
    matrices = {exercise: _said(exercise) for exercise in EXERCISES.values()}
    rows = "\n".join(_row(exercise, said) for exercise, said in matrices.items())
    answers = sum(len(said) for said in matrices.values())
    head = _HEAD.format(exercises=len(EXERCISES), answers=answers, rows=rows)
    return "\n".join([head, *(_matrix(*item) for item in matrices.items())])


def _said(exercise: Exercise) -> list[tuple[str, str]]:
    """For every wrong answer, the message it should get and the one it gets."""
    faults = (
        (name, exercise.find_fault(answer, np.random.default_rng(0)))
        for name, answer in exercise.wrong_answers()
    )
    return [(name, fault.name if fault else "passes") for name, fault in faults]


def _row(exercise: Exercise, said: list[tuple[str, str]]) -> str:
    return _cells(
        [
            f"`{exercise.__name__}`",
            f"{exercise.lesson:02}",
            exercise.kind,
            str(exercise.minutes),
            f"{exercise.difficulty} of 5",
            str(len(said)),
            str(len({name for name, _ in said})),
        ]
    )


def _matrix(exercise: Exercise, said: list[tuple[str, str]]) -> str:
    """One exercise; its columns are numbered, since their names are long."""
    names = list(dict.fromkeys(name for name, _ in said))
    columns = [*names, *sorted({got for _, got in said} - set(names))]
    numbers = {name: str(number) for number, name in enumerate(columns, start=1)}
    lines = [
        f"### {exercise.__name__}\n",
        _cells(["wrong answer", *numbers.values()]),
        _cells(["---"] * (len(columns) + 1)),
    ]
    for name in names:
        counts = Counter(got for meant, got in said if meant == name)
        entries = [str(counts[column] or "") for column in columns]
        lines.append(_cells([f"{numbers[name]} `{name}`", *entries]))
    return "\n".join([*lines, ""])


def _cells(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"

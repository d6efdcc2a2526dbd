"""Every exercise there is, found in the files of the lessons."""

import importlib
import pkgutil

import minis2s.classroom
from minis2s.classroom.exercise import Exercise


def _find() -> dict[str, Exercise]:
    """The exercises of all lessonNN, in the order in which a learner meets them."""
    files = pkgutil.iter_modules(minis2s.classroom.__path__)
    names = sorted(file.name for file in files if file.name.startswith("lesson"))
    modules = [importlib.import_module(f"minis2s.classroom.{name}") for name in names]
    found = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Exercise)
    ]
    found.sort(key=lambda e: (e.lesson, len(e.section), e.section, e.difficulty))
    return {exercise.name: exercise for exercise in found}


EXERCISES = _find()
"""Name -> exercise."""

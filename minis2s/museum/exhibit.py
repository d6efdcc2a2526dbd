"""What an exhibit is: one small change to one file, and its story."""

import ast
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """A bug that happened, as a change to our own code.

    >>> PADDING = Exhibit(
    ...     name="mask-upside-down",
    ...     title="Words are hidden and padding is seen",
    ...     file="numpy_ref/masks.py",
    ...     before="return ids != PAD_ID",
    ...     after="return ids == PAD_ID",
    ...     story="True meant hidden where the caller thought it meant visible.",
    ...     seen="classic",
    ...     symptom="nothing is learned",
    ...     tests=("tests/numpy_ref/test_masks.py",),
    ... )
    >>> "return ids == PAD_ID" in PADDING.mutated()
    True
    """

    name: str
    """Words joined by hyphens."""
    title: str
    """What the changed code does, in one sentence without a full stop."""
    file: str
    """Below minis2s/."""
    before: str
    """Source text that stands in the file exactly once."""
    after: str
    """What stands there instead."""
    story: str
    """What it was, in one to three sentences."""
    seen: str
    """Where it happened: project and issue, a family of tutorials, or "classic"."""
    symptom: str
    """How it shows in practice, to those who do not test."""
    tests: tuple[str, ...] = ()
    """Node ids of tests that must fail, the most telling first."""
    reason: str = ""
    """For a change that no test can notice: why."""

    def source(self) -> str:
        """The file as it is."""
        return (PACKAGE / self.file).read_text(encoding="utf-8")

    def mutated(self) -> str:
        """The file with the bug.

        Raises:
            ValueError: if `before` does not stand there exactly once.
            SyntaxError: if the result is no Python.
        """
        source = self.source()
        count = source.count(self.before)
        if count != 1:
            raise ValueError(f"before must stand in {self.file} once, got {count}")
        changed = source.replace(self.before, self.after)
        ast.parse(changed)
        return changed

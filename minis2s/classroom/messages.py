"""The form of a message that teaches, for every check of the classroom.

Five parts, in this order: what works already; the smallest case that fails, with
numbers from the learner's own output; the property that is broken, in words; the
cause, only if it is sure; where to look next. Two hints may follow, the idea and
almost the code. A message speaks of the code, not of its author.

Left out: what is said, which is each check's own.
"""

import textwrap
from typing import NamedTuple

WIDTH = 88


class Advice(NamedTuple):
    """What there is to say about one fault. `cause` stays empty where it is unsure."""

    case: str
    broken: str
    look: str
    idea: str
    code: str
    cause: str = ""
    works: str = ""


class Fault(NamedTuple):
    """The first thing that is wrong with an answer, and what there is to say."""

    name: str
    works: str
    advice: Advice
    source: str
    where: str

    def message(self, hint: int = 0) -> str:
        """The text for the learner, with 0, 1 or 2 hints."""
        return compose(self.works, self.advice, self.source, self.where, hint)


class Report(str):
    """A text that a notebook shows as it is, without quotation marks."""

    __slots__ = ()
    __repr__ = str.__str__


def wrap(text: str) -> list[str]:
    """The lines of a paragraph."""
    return textwrap.wrap(text, WIDTH)


def compose(works: str, advice: Advice, source: str, where: str, hint: int) -> str:
    """Put the parts in order.

    Args:
        works: what works already.
        advice: the other parts.
        source: how the learner gets the arrays of the failing case; may be empty.
        where: the lesson and its section.
        hint: 0 for none, 1 for the idea, 2 for the code as well.

    Returns:
        the message, which ends with the section of the lesson.
    """
    story = (works, advice.case, advice.broken, advice.cause, advice.look)
    lines = wrap(" ".join(part for part in story if part))
    for number, text in enumerate((advice.idea, advice.code)[:hint], start=1):
        lines += wrap(f"Hint {number}: {text}")
    more = f"More with hint={hint + 1}." if hint < 2 else ""
    end = [part for part in (source, f"{more} ({where})".strip()) if part]
    fits = len(" ".join(end)) <= WIDTH
    return "\n".join([*lines, *([" ".join(end)] if fits else end)])

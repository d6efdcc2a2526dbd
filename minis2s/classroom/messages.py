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


class Report(str):
    """A text that a notebook shows as it is, without quotation marks."""

    __slots__ = ()
    __repr__ = str.__str__


def compose(works: str, advice: Advice, source: str, where: str, hint: int) -> str:
    """Put the parts in order.

    Args:
        works: what works already.
        advice: the other parts.
        source: how the learner gets the arrays of the failing case.
        where: the lesson and its section.
        hint: 0 for none, 1 for the idea, 2 for the code as well.

    Returns:
        the message, which ends with the section of the lesson.
    """
    story = (works, advice.case, advice.broken, advice.cause, advice.look)
    lines = textwrap.wrap(" ".join(part for part in story if part), WIDTH)
    for number, text in enumerate((advice.idea, advice.code)[:hint], start=1):
        lines += textwrap.wrap(f"Hint {number}: {text}", WIDTH)
    more = f"More with hint={hint + 1}. " if hint < 2 else ""
    return "\n".join([*lines, f"{source} {more}({where})"])

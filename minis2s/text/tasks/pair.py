"""What every generated task makes: two strings, and which characters decide which."""

from typing import NamedTuple

Links = list[tuple[int, int]]
"""(source position, target position), counted from 0."""


class Pair(NamedTuple):
    """A source string and what the rule of a task makes of it."""

    src: str
    tgt: str
    links: Links
    """Which source characters decide each target character; none decides a hyphen."""

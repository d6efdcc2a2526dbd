"""Dates as people write them, to ISO 8601: "3. März 2021" becomes "2021-03-03".

The names of months and weekdays are those of Unicode's Common Locale Data Repository
(CLDR), read through Babel; the patterns are in CLDR's own notation. Left out is what
a reader could take for two dates: years of two digits, and numbers between slashes
with the year at the end (03/04/2021 is in April in Paris, and in March in Boston).
"""

import functools
import re
from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np

from minis2s.text.tasks.pair import Links, Pair

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2099, 12, 31)

PATTERNS = {
    "de": (
        "d. MMMM y",
        "d. MMM y",
        "EEEE, d. MMMM y",
        "EEE, d. MMM y",
        "d.M.y",
        "dd.MM.y",
    ),
    "en": (
        "MMMM d, y",
        "MMM d, y",
        "EEEE, MMMM d, y",
        "EEE, MMMM d, y",
        "d MMMM y",
        "EEEE, d MMMM y",
    ),
    "fr": ("d MMMM y", "d MMM y", "EEEE d MMMM y", "EEE d MMM y"),
    "zh": ("y年M月d日", "y年M月d日EEEE", "y年M月d日EEE", "y/M/d"),
}
"""Language -> how its readers write a date. y year, M month, d day, E weekday: MM has
two digits, MMM is a short name and MMMM the whole one, and so with E."""

_FIELD_OR_MARKS = re.compile(r"([A-Za-z])\1*|[^A-Za-z]+")
_ISO_PLACES = {"y": range(4), "M": range(5, 7), "d": range(8, 10)}
"""Field -> the characters of 2021-03-03 that it decides."""


def draw_date(rng: np.random.Generator) -> Pair:
    """A day between 1900 and 2099 in a language and a pattern, each equally likely."""
    n_days = (LAST_DAY - FIRST_DAY).days + 1
    day = FIRST_DAY + timedelta(days=int(rng.integers(n_days)))
    languages = tuple(PATTERNS)
    language = languages[rng.integers(len(languages))]
    patterns = PATTERNS[language]
    return write_date(day, language, patterns[rng.integers(len(patterns))])


def write_date(day: date, language: str, pattern: str) -> Pair:
    """A date in one pattern, and in ISO.

    Digits decide those of ISO one by one where there are as many of them. Else all
    characters of a month's name decide both of its digits, and the one digit of a
    short number decides that a 0 precedes it. A weekday decides nothing.

    >>> write_date(date(2021, 3, 7), "fr", "EEE d MMM y")[:2]
    ('dim. 7 mars 2021', '2021-03-07')
    >>> write_date(date(2021, 12, 7), "zh", "y/M/d").links[4:]
    [(5, 5), (6, 6), (8, 8), (8, 9)]
    """
    src, links = "", []
    for piece in _FIELD_OR_MARKS.finditer(pattern):
        field = piece.group()
        text = _write_field(field, day, language) if piece.group(1) else field
        links += _link(text, len(src), _ISO_PLACES.get(field[0], range(0)))
        src += text
    return Pair(src, day.isoformat(), links)


def _write_field(field: str, day: date, language: str) -> str:
    if field[0] == "E":
        return _names("day", field, language)[day.weekday()]
    if field[0] == "M" and len(field) > 2:
        return _names("month", field, language)[day.month]
    if field == "d" and language == "fr" and day.day == 1:
        return "1er"  # every French reader writes it so; CLDR's patterns cannot
    number = {"y": day.year, "M": day.month, "d": day.day}[field[0]]
    return f"{number:0{len(field)}}"


@functools.cache
def _names(kind: str, field: str, language: str) -> Mapping[int, str]:
    """CLDR's names of the months (from 1) or of the weekdays (Monday is 0)."""
    from babel import dates  # here, because letters need no library

    width = "wide" if len(field) == 4 else "abbreviated"
    names = {"day": dates.get_day_names, "month": dates.get_month_names}[kind]
    # A no-break space looks like a space, and would be another token.
    return {
        n: " ".join(name.split()) for n, name in names(width, locale=language).items()
    }


def _link(text: str, start: int, places: range) -> Links:
    """Links from a field that begins at `start` to its places in ISO."""
    digits = [start + i for i, char in enumerate(text) if char.isdigit()]
    letters = [start + i for i, char in enumerate(text) if char.isalpha()]
    if len(digits) == len(places):
        return list(zip(digits, places, strict=True))
    return [(s, t) for t in places for s in digits or letters]

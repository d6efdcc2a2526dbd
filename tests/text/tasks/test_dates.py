"""Written dates: as readers of four languages write them, and what decides ISO."""

import re
from collections import Counter
from datetime import date, timedelta

import pytest
from babel import Locale
from babel.dates import format_date

from minis2s.text.tasks import make_pairs
from minis2s.text.tasks.dates import FIRST_DAY, LAST_DAY, PATTERNS, write_date

MARCH = date(2021, 3, 3)
LANGUAGE_AND_PATTERN = [(code, p) for code, known in PATTERNS.items() for p in known]
DAYS = [FIRST_DAY + timedelta(days=1009 * n) for n in range(73)]


@pytest.mark.parametrize(
    ("day", "language", "pattern", "want"),
    [
        (MARCH, "de", "d. MMMM y", "3. März 2021"),
        (MARCH, "de", "EEEE, d. MMMM y", "Mittwoch, 3. März 2021"),
        (date(1997, 9, 11), "de", "EEE, d. MMM y", "Do., 11. Sept. 1997"),
        (MARCH, "de", "dd.MM.y", "03.03.2021"),
        (MARCH, "en", "EEE, MMMM d, y", "Wed, March 3, 2021"),
        (MARCH, "en", "EEEE, d MMMM y", "Wednesday, 3 March 2021"),
        (date(1907, 8, 1), "fr", "EEEE d MMMM y", "jeudi 1er août 1907"),
        (date(2089, 2, 11), "fr", "EEE d MMM y", "ven. 11 févr. 2089"),
        (MARCH, "zh", "y年M月d日", "2021年3月3日"),
        (date(2019, 10, 13), "zh", "y年M月d日EEEE", "2019年10月13日星期日"),
        (date(2019, 10, 13), "zh", "y年M月d日EEE", "2019年10月13日周日"),
    ],
)
def test_dates_are_written_as_their_readers_do(day, language, pattern, want):
    """Names, order and marks are those of the language, French 1er included."""
    assert write_date(day, language, pattern)[:2] == (want, day.isoformat())


@pytest.mark.parametrize(("language", "pattern"), LANGUAGE_AND_PATTERN)
def test_babel_writes_the_same(language, pattern):
    """Put together from fields, a date is what Babel writes, but for the French 1er."""
    for day in DAYS:
        want = " ".join(format_date(day, pattern, locale=language).split())
        if language == "fr" and day.day == 1:
            want = re.sub(r"\b1 ", "1er ", want)
        assert write_date(day, language, pattern).src == want


@pytest.mark.parametrize("language", PATTERNS)
@pytest.mark.parametrize("length", ["full", "long", "medium"])
def test_every_usual_pattern_is_there(language, length):
    """The three longer forms that CLDR gives a language are all among ours."""
    assert Locale(language).date_formats[length].pattern in PATTERNS[language]


def test_no_form_means_two_dates():
    """All forms of 1,001 days, read as text alone: no text stands for two of them."""
    meaning = {}
    for day in (FIRST_DAY + timedelta(days=n) for n in range(1001)):
        for language, pattern in LANGUAGE_AND_PATTERN:
            pair = write_date(day, language, pattern)
            assert meaning.setdefault(pair.src, pair.tgt) == pair.tgt


@pytest.mark.parametrize(
    ("day", "language", "pattern", "want"),
    [
        (MARCH, "en", "EEE, MMMM d, y", ["2021", "March", "March", "3", "3"]),
        (date(2021, 12, 31), "de", "dd.MM.y", ["2021", "1", "2", "3", "1"]),
        (date(2021, 2, 1), "fr", "d MMM y", ["2021", "févr", "févr", "1", "1"]),
        (date(2021, 11, 7), "zh", "y年M月d日EEEE", ["2021", "1", "1", "7", "7"]),
    ],
)
def test_what_decides_a_digit(day, language, pattern, want):
    """A name decides both digits of the month; a lone digit the 0 before it, too."""
    src, _, links = write_date(day, language, pattern)
    by_place = {t: "".join(src[s] for s, p in links if p == t) for t in range(10)}
    assert [by_place[4], by_place[7]] == ["", ""]
    year = "".join(by_place[t] for t in range(4))
    assert [year, *(by_place[t] for t in (5, 6, 8, 9))] == want


def test_linked_digits_are_the_same_digits():
    """A digit is linked to an equal one, or is a 0 before a number of one digit."""
    for src, tgt, links in zip(*make_pairs("dates", "test"), strict=True):
        for s, t in links:
            assert src[s] == tgt[t] or src[s].isalpha() or tgt[t] == "0"


def test_every_part_but_the_marks_is_decided():
    """Each digit of ISO has a link, and a hyphen none, in every form."""
    digits = {0, 1, 2, 3, 5, 6, 8, 9}
    for day in DAYS:
        for language, pattern in LANGUAGE_AND_PATTERN:
            links = write_date(day, language, pattern).links
            assert {t for _, t in links} == digits


def test_every_form_is_drawn_about_as_often_as_it_should():
    """A quarter of the pairs is in Chinese; all months and both ends of time occur."""
    src, tgt, _ = make_pairs("dates", "train")
    assert sum("年" in text for text in src) == pytest.approx(10_000 * 3 / 16, rel=0.1)
    months = Counter(day[5:7] for day in tgt)
    assert len(months) == 12
    assert min(months.values()) > 600
    assert min(tgt) < "1901"
    assert "2099" <= max(tgt) <= LAST_DAY.isoformat()

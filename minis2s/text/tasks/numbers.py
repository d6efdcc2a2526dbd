"""Numbers in words, to digits: "dreiundzwanzig" becomes "23".

num2words writes the words. To know which of them decides a digit, they are read here
as a person reads them, into numbers that are added up: "quatre-vingt-dix-sept" is
80 + 10 + 7, so that quatre, vingt and dix together decide the 9, and sept the 7. No
word decides a 0: it stands where nothing was said. Zero itself is left out, for its
name occurs in no other number; and above 99,999 num2words makes mistakes in German
(101,000).
"""

import functools
import re
from dataclasses import dataclass

import numpy as np

from minis2s.text.tasks.pair import Links, Pair

LANGUAGES = ("de", "en", "fr")
MAX_NUMBER = 99_999

_UNITS = {
    "de": "ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn "
    "vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn",
    "en": "one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen",
    "fr": "un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze "
    "quinze seize",
}
"""The words of 1, 2, 3 and so on."""
_TENS = {
    "de": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "fr": "vingt trente quarante cinquante soixante",
}
"""The words of 20, 30 and so on; French has none above 60."""
_OTHERS = {
    "de": {"eins": 1, "hundert": 100, "tausend": 1000},
    "en": {"hundred": 100, "thousand": 1000},
    "fr": {"vingts": 20, "cent": 100, "cents": 100, "mille": 1000},
}


@dataclass
class Addend:
    """A number that is added to others, and where the words for it stand."""

    value: int
    positions: list[int]


def draw_number(rng: np.random.Generator) -> Pair:
    """A number in one of the languages, below 1,000 in every other draw.

    Uniform numbers up to 99,999 would nearly all have five digits, and nobody's first
    try is one of them.
    """
    top = (999, MAX_NUMBER)[rng.integers(2)]
    number = int(rng.integers(1, top + 1))
    return write_number(number, LANGUAGES[rng.integers(len(LANGUAGES))])


def write_number(number: int, language: str) -> Pair:
    """A number in words, and in digits.

    >>> write_number(23, "de")[:2]
    ('dreiundzwanzig', '23')
    """
    src, tgt = _words(number, language), str(number)
    return Pair(src, tgt, _link(parse_number(src, language), tgt))


@functools.cache
def _words(number: int, language: str) -> str:
    from num2words import num2words  # here, because letters need no library

    return num2words(number, lang=language)


def parse_number(text: str, language: str) -> list[Addend]:
    """The numbers that add up to what the words mean, with their characters.

    A word multiplies the smaller numbers before it, as the "thousand" in "twenty-one
    thousand" does; where there is none, or after a German "und", it is added.

    >>> [part.value for part in parse_number("quatre-vingt-dix-sept", "fr")]
    [80, 10, 7]
    >>> [part.value for part in parse_number("dreiundzwanzigtausend", "de")]
    [3000, 20000]
    """
    values, words = _lexicon(language)
    addends: list[Addend] = []
    joined = False
    for word in words.finditer(text):
        if word.group() == "und":
            joined = True
            continue
        value, positions = values[word.group()], list(range(*word.span()))
        smaller = [] if joined else [a for a in addends if a.value < value]
        for addend in smaller:
            addend.value *= value
            addend.positions += positions
        if not smaller:
            addends.append(Addend(value, positions))
        joined = False
    return addends


@functools.cache
def _lexicon(language: str) -> tuple[dict[str, int], re.Pattern[str]]:
    """The value of each word, and a pattern that finds the longest word first."""
    units = enumerate(_UNITS[language].split(), start=1)
    tens = enumerate(_TENS[language].split(), start=2)
    values = {word: n for n, word in units} | {word: 10 * n for n, word in tens}
    values |= _OTHERS[language]
    known = [*values, "und"] if language == "de" else [*values]
    longest_first = sorted(known, key=len, reverse=True)
    return values, re.compile("|".join(longest_first))


def _link(addends: list[Addend], digits: str) -> Links:
    """Each digit is decided by the addends that have something in its place."""
    links: Links = []
    for t in range(len(digits)):
        place = 10 ** (len(digits) - 1 - t)
        deciding = [a.positions for a in addends if a.value // place % 10]
        # Of 70,000 in French, 60 and 10 share the word that multiplies them.
        links += [(s, t) for s in sorted(set().union(*deciding))]
    return links

"""Numbers in words: correct in three languages, and what decides each digit."""

import numpy as np
import pytest

from minis2s.text.tasks import SPLIT_SIZES, make_pairs
from minis2s.text.tasks.numbers import (
    LANGUAGES,
    MAX_NUMBER,
    parse_number,
    write_number,
)

SAMPLE = [*range(1, 1010), *range(1013, MAX_NUMBER, 211), MAX_NUMBER]


@pytest.mark.parametrize(
    ("number", "language", "want"),
    [
        (1, "de", "eins"),
        (23, "de", "dreiundzwanzig"),
        (101, "de", "einhunderteins"),
        (21_017, "de", "einundzwanzigtausendsiebzehn"),
        (30_600, "de", "dreißigtausendsechshundert"),
        (97, "en", "ninety-seven"),
        (205, "en", "two hundred and five"),
        (1_100, "en", "one thousand, one hundred"),
        (40_012, "en", "forty thousand and twelve"),
        (21, "fr", "vingt et un"),
        (71, "fr", "soixante et onze"),
        (80, "fr", "quatre-vingts"),
        (81, "fr", "quatre-vingt-un"),
        (97, "fr", "quatre-vingt-dix-sept"),
        (200, "fr", "deux cents"),
        (203, "fr", "deux cent trois"),
        (1_000, "fr", "mille"),
        (80_000, "fr", "quatre-vingt mille"),
        (99_280, "fr", "quatre-vingt-dix-neuf mille deux cent quatre-vingts"),
    ],
)
def test_numbers_are_written_as_their_readers_do(number, language, want):
    """Plurals, hyphens and the small words stand where a schoolbook puts them."""
    assert write_number(number, language)[:2] == (want, str(number))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_add_up_to_the_number(language):
    """What the words mean, read without num2words, is the number that it wrote."""
    for number in SAMPLE:
        addends = parse_number(write_number(number, language).src, language)
        assert sum(addend.value for addend in addends) == number


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_place_carries(language):
    """The addends linked to a digit sum to it in its own place, so they decide it."""
    for number in SAMPLE:
        addends = parse_number(write_number(number, language).src, language)
        for place in range(5):
            digits = [addend.value // 10**place % 10 for addend in addends]
            assert sum(digits) == number // 10**place % 10


def test_words_mean_one_number_in_all_languages():
    """No text stands for two numbers: "six" is English and French, and 6 in both."""
    meaning = {}
    for language in LANGUAGES:
        for number in SAMPLE:
            src = write_number(number, language).src
            assert meaning.setdefault(src, number) == number
    assert len(meaning) == 3 * len(SAMPLE) - 1


@pytest.mark.parametrize(
    ("number", "language", "want"),
    [
        (23, "de", ["zwanzig", "drei"]),
        (205, "en", ["twohundred", "", "five"]),
        (97, "fr", ["quatrevingtdix", "sept"]),
        (71, "fr", ["soixanteonze", "onze"]),
        (13_000, "de", ["dreizehntausend", "dreizehntausend", "", "", ""]),
        (45_101, "de", ["vierzigtausend", "fünftausend", "einhundert", "", "eins"]),
        (1_300, "fr", ["mille", "troiscents", "", ""]),
    ],
)
def test_what_decides_a_digit(number, language, want):
    """The words with something in its place, and what multiplies them; of 0 nothing."""
    src, tgt, links = write_number(number, language)
    found = [
        "".join(src[s] for s in sorted(s for s, p in links if p == t))
        for t in range(len(tgt))
    ]
    assert found == want


@pytest.mark.parametrize("split", SPLIT_SIZES)
def test_small_numbers_are_as_frequent_in_every_split(split):
    """A quarter is below 1,000, though the first split drawn could take nearly all."""
    numbers = [int(digits) for digits in make_pairs("numbers", split)[1]]
    assert 1 <= min(numbers) < max(numbers) <= MAX_NUMBER
    assert np.mean([n < 1000 for n in numbers]) == pytest.approx(0.25, abs=0.04)
    assert np.mean([n < 100 for n in numbers]) == pytest.approx(0.025, abs=0.012)


def test_a_shared_word_is_linked_once():
    """Of 77 thousand, sixty and ten share the thousand: one link, not two."""
    _, _, links = write_number(77_000, "fr")
    assert len(links) == len(set(links)) == len("soixante dix mille sept mille") - 4

"""Letter trigrams tell which lines of a text stand on the wrong side."""

import numpy as np
import pytest

from minis2s.text import corpora, profiles
from minis2s.text.profiles import _evidence, _profile, _trigrams, compare_sides


@pytest.fixture
def sides():
    """The two sides of our captions: German lines, and English ones."""
    text = corpora.load("captions-de-en", "test", "de", "en")
    return list(text.src), list(text.tgt)


def swap(src, tgt, numbers):
    """Put the lines of these pairs in each other's place."""
    for i in numbers:
        src[i], tgt[i] = tgt[i], src[i]


def test_a_text_in_order_has_nothing_swapped(sides):
    """No caption is accused, whichever side is the source."""
    for src, tgt in (sides, sides[::-1]):
        swapped, one_language = compare_sides(src, tgt)
        assert not swapped.any()
        assert not one_language.any()


@pytest.mark.parametrize("share", [0.02, 0.06, 0.15])
def test_swapped_pairs_are_found_and_no_others(sides, rng, share):
    """All of them, in a text of sixty pairs."""
    n = len(sides[0])
    numbers = sorted(rng.choice(n, round(share * n), replace=False).tolist())
    swap(*sides, numbers)
    swapped, one_language = compare_sides(*sides)
    assert np.flatnonzero(swapped).tolist() == numbers
    assert not one_language.any()


@pytest.mark.parametrize("wrong", [0, 1])
def test_a_side_in_the_other_language_is_found(sides, wrong):
    """A source that repeats the target in other words, or the reverse."""
    src, tgt = sides
    line = "Two women with a red ball are playing in the garden of an old house."
    other = "Zwei Frauen mit einem roten Ball spielen im Garten eines alten Hauses."
    sides[wrong][17] = (line, other)[wrong]
    swapped, one_language = compare_sides(src, tgt)
    assert not swapped.any()
    assert np.flatnonzero(one_language).tolist() == [17]


def test_sides_of_one_language_are_left_alone(sides, rng):
    """Where chance alone tells the sides apart nothing is said."""
    _, lines = sides
    shuffled = [lines[i] for i in rng.permutation(len(lines))]
    for other in (shuffled, lines, [line[len(line) // 3 :] for line in lines]):
        assert not np.any(compare_sides(lines, other))


def test_half_swapped_is_left_alone(sides):
    """If no side has a language of its own, no pair can be accused."""
    swap(*sides, range(0, len(sides[0]), 2))
    assert not np.any(compare_sides(*sides))


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_any_text(sides, n):
    """Nothing can be compared with itself."""
    swapped, one_language = compare_sides(sides[0][:n], sides[1][:n])
    assert swapped.tolist() == one_language.tolist() == [False] * n


def test_no_space_is_needed():
    """Chinese is told from English like any other pair."""
    things = [
        ("狗", "dog"),
        ("猫", "cat"),
        ("鸟", "bird"),
        ("马", "horse"),
        ("鱼", "fish"),
    ]
    places = [
        ("花园", "garden"),
        ("河边", "river"),
        ("学校", "school"),
        ("街上", "street"),
    ]
    deeds = [("睡觉", "sleeps"), ("等", "waits"), ("玩", "plays")]
    pairs = [
        (f"{t[0]}在{p[0]}{d[0]}。", f"The {t[1]} {d[1]} near the {p[1]}.")
        for t in things for p in places for d in deeds
    ]  # fmt: skip
    src, tgt = ([*side] for side in zip(*pairs, strict=True))
    swap(src, tgt, [7, 31])
    assert np.flatnonzero(compare_sides(src, tgt)[0]).tolist() == [7, 31]


def test_chunks_change_nothing(sides, monkeypatch):
    """Lines are looked at in parts, so that memory does not grow with the text."""
    swap(*sides, [3, 53])
    whole = _evidence(sides[0], *map(_profile, sides))
    monkeypatch.setattr(profiles, "CHUNK", 37)
    np.testing.assert_allclose(_evidence(sides[0], *map(_profile, sides)), whole)


def test_a_line_has_its_own_trigrams():
    """A line of n characters has n + 2, whatever stands before and after it."""
    lines = ["abcab", "", "x", "İ𝄞", "abcab"]
    ((buckets, start),) = _trigrams(lines)
    parts = np.split(buckets, start[1:])
    assert [len(part) for part in parts] == [7, 2, 3, 5, 7]  # "İ" in lower case is two
    np.testing.assert_array_equal(parts[0], parts[4])
    assert len(set(parts[0])) == 6 + 1  # \n\na \nab abc bca cab ab\n b\n\n


def test_evidence_by_hand():
    """log((n_own - 1/2) / N_own) - log((n_other - 1/2) / N_other), for n of 1 or more.

    A trigram that one of the sides lacks counts there as 1/2, like one that it has
    once: no more than the partner of the line may have brought.
    """
    own, other = ["a", "a", "b"], ["a", "bb"]
    got = _evidence(own, _profile(own), _profile(other))
    # 9 trigrams of own: "\n\na", "\na\n" and "a\n\n" twice, all of "b" once.
    # 7 trigrams of other, each once.
    a = 3 * np.log((1.5 / 9) / (0.5 / 7))
    b = 3 * np.log((0.5 / 9) / (0.5 / 7))
    np.testing.assert_allclose(got, [a, a, b], rtol=1e-12)


@pytest.mark.parametrize("name", ["Claude Monet!", "Xyzzyx Qwop"])
def test_a_name_on_both_sides_is_no_evidence(sides, name):
    """Trigrams that no other pair has speak for neither side."""
    src, tgt = (
        [*side, line] for side, line in zip(sides, (name, name.lower()), strict=True)
    )
    fit = [_evidence(a, _profile(a), _profile(b)) for a, b in ((src, tgt), (tgt, src))]
    assert abs(fit[0][-1] + fit[1][-1]) < 1
    assert not np.any(compare_sides(src, tgt))

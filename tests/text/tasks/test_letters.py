"""Strings of letters in another order: the rules, and their alignment."""

import pytest

from minis2s.text.tasks import make_pairs
from minis2s.text.tasks.letters import LETTERS, MAX_LEN, MIN_LEN, alphabetical, reorder

RULES = {
    "copy": lambda text: text,
    "reverse": lambda text: text[::-1],
    "sort": lambda text: "".join(sorted(text)),
}


@pytest.mark.parametrize(("name", "rule"), RULES.items())
def test_rule(name, rule):
    """The target is what the task's name says of the source."""
    src, tgt, _ = make_pairs(name, "test")
    assert tgt == [rule(text) for text in src]


@pytest.mark.parametrize("name", RULES)
def test_alignment_is_right_by_construction(name):
    """Each target character is the source character that it is linked to, each once."""
    for src, tgt, links in zip(*make_pairs(name, "test"), strict=True):
        assert [t for _, t in links] == [*range(len(tgt))]
        assert sorted(s for s, _ in links) == [*range(len(src))]
        assert tgt == "".join(src[s] for s, _ in links)


def test_of_equal_letters_the_earlier_comes_first():
    """Sorting is stable: the links of equal letters do not cross."""
    pair = reorder("abacaba", alphabetical)
    assert pair.tgt == "aaaabbc"
    assert [s for s, _ in pair.links] == [0, 2, 4, 6, 1, 5, 3]


def test_pinned_pair():
    """Lessons quote this pair; a change of the draw would make them wrong."""
    assert make_pairs("reverse", "test")[0][1] == "pzsqooyh"


@pytest.mark.parametrize("name", RULES)
def test_strings_are_letters_of_every_allowed_length(name):
    """Strings are made of letters, and of all lengths from the least to the most."""
    src, _, _ = make_pairs(name, "valid")
    assert {len(text) for text in src} == {*range(MIN_LEN, MAX_LEN + 1)}
    assert set("".join(src)) == set(LETTERS)

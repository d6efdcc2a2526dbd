"""Generated tasks: the rule, its alignment, and splits that share nothing."""

import pytest

from minis2s.config import InputError
from minis2s.text.tasks import LETTERS, SPLIT_SIZES, TASKS, make_pairs

SPLITS = list(SPLIT_SIZES)


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("sort", "test", r"unknown task 'sort'; there are copy, reverse"),
        ("copy", "tset", r"unknown split 'tset'; there are train, valid, test"),
    ],
)
def test_unknown_names_are_refused(name, split, message):
    """A misspelt task or split is named; it never becomes another one."""
    with pytest.raises(InputError, match=message):
        make_pairs(name, split)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", TASKS)
def test_alignment_is_right_by_construction(name, split):
    """Each target character is the source character that it is linked to."""
    for src, tgt, links in zip(*make_pairs(name, split), strict=True):
        assert [t for _, t in links] == [*range(len(tgt))]
        assert tgt == "".join(src[s] for s, _ in links)


@pytest.mark.parametrize(
    ("name", "rule"), [("copy", lambda s: s), ("reverse", lambda s: s[::-1])]
)
def test_rule(name, rule):
    """The target is what the task's name says of the source."""
    src, tgt, _ = make_pairs(name, "test")
    assert tgt == [rule(text) for text in src]


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("name", TASKS)
def test_no_string_stands_twice(name, seed):
    """No source string occurs twice, within a split or across splits."""
    strings = [text for split in SPLITS for text in make_pairs(name, split, seed)[0]]
    assert len(strings) == len(set(strings)) == sum(SPLIT_SIZES.values())


@pytest.mark.parametrize("split", SPLITS)
def test_pairs_are_the_same_on_every_call(split):
    """The pairs are a pure function of task, split and seed, in any order of calls."""
    first = make_pairs("reverse", split, seed=5)
    make_pairs("copy", "train", seed=3)
    assert make_pairs("reverse", split, seed=5) == first


@pytest.mark.parametrize("split", SPLITS)
def test_another_seed_draws_other_pairs(split):
    """Two seeds share hardly any string of a split."""
    one, other = (set(make_pairs("copy", split, seed)[0]) for seed in (0, 1))
    assert len(one & other) < 0.05 * len(one)


def test_pinned_pair():
    """Lessons quote this pair; a change of the draw would make them wrong."""
    assert make_pairs("reverse", "test")[0][1] == "pzsqooyh"


@pytest.mark.parametrize(("split", "size"), SPLIT_SIZES.items())
@pytest.mark.parametrize("name", TASKS)
def test_sizes(name, split, size):
    """Every split has as many pairs as it says."""
    assert [len(part) for part in make_pairs(name, split)] == [size] * 3


@pytest.mark.parametrize("name", TASKS)
def test_strings_are_letters_of_every_allowed_length(name):
    """Strings are made of letters, and of all lengths from the least to the most."""
    src, _, _ = make_pairs(name, "valid")
    task = TASKS[name]
    assert {len(text) for text in src} == {*range(task.min_len, task.max_len + 1)}
    assert set("".join(src)) == set(LETTERS)

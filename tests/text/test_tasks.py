"""Generated tasks: pure functions of a seed, and splits that share nothing."""

import functools
import subprocess
import sys
import unicodedata

import pytest

from minis2s.config import InputError
from minis2s.text.cards import CARDS
from minis2s.text.corpora import load
from minis2s.text.tasks import SPLIT_SIZES, TASKS, make_pairs

SPLITS = list(SPLIT_SIZES)
drawn = functools.cache(make_pairs)  # what is only looked at is drawn once


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("sotr", "test", r"unknown task 'sotr'; there are copy, reverse, sort, dates"),
        ("copy", "tset", r"unknown split 'tset'; there are train, valid, test"),
    ],
)
def test_unknown_names_are_refused(name, split, message):
    """A misspelt task or split is named; it never becomes another one."""
    with pytest.raises(InputError, match=message):
        make_pairs(name, split)


@pytest.mark.parametrize("name", TASKS)
def test_links_lie_inside_both_strings(name):
    """Each link is of a character of the source and one of the target, once."""
    for src, tgt, links in zip(*drawn(name, "test"), strict=True):
        assert len(set(links)) == len(links)
        assert all(0 <= s < len(src) and 0 <= t < len(tgt) for s, t in links)


@pytest.mark.parametrize(
    ("name", "seed"), [*((name, 0) for name in TASKS), ("copy", 7), ("reverse", 7)]
)
def test_no_string_stands_twice(name, seed):
    """No source string occurs twice, within a split or across splits."""
    strings = [text for split in SPLITS for text in drawn(name, split, seed)[0]]
    assert len(strings) == len(set(strings)) == sum(SPLIT_SIZES.values())


def test_no_date_stands_twice():
    """A date of the test is in no other split, in whatever form."""
    days = [day for split in SPLITS for day in drawn("dates", split)[1]]
    assert len(days) == len(set(days)) == sum(SPLIT_SIZES.values())


@pytest.mark.parametrize("split", SPLITS)
def test_pairs_are_the_same_on_every_call(split):
    """The pairs are a pure function of task, split and seed, in any order of calls."""
    first = make_pairs("reverse", split, seed=5)
    make_pairs("copy", "train", seed=3)
    assert make_pairs("reverse", split, seed=5) == first


@pytest.mark.parametrize(
    ("name", "split"), [*(("copy", split) for split in SPLITS), ("dates", "test")]
)
def test_another_seed_draws_other_pairs(name, split):
    """Two seeds share hardly any string of a split."""
    one, other = (set(make_pairs(name, split, seed)[0]) for seed in (0, 1))
    assert len(one & other) < 0.05 * len(one)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", TASKS)
def test_pairs_are_those_that_numbers_are_published_on(name, split):
    """At seed 0 each split has the hash of its card, and is the same anywhere."""
    text = load(name, split)
    assert text.sha256 == CARDS[name].sha256[split], (
        f"{name} {split} has changed: either its rule did, or NumPy, Babel or "
        f"num2words is another version than in constraints.txt and writes other pairs. "
        f"If that is meant, renew the hash in cards.py, and every number published on "
        f"this task"
    )
    assert text.note == ""


@pytest.mark.parametrize(("split", "size"), SPLIT_SIZES.items())
@pytest.mark.parametrize("name", TASKS)
def test_sizes(name, split, size):
    """Every split has as many pairs as it says."""
    assert [len(part) for part in drawn(name, split)] == [size] * 3


@pytest.mark.parametrize("name", TASKS)
def test_texts_are_composed_and_have_plain_spaces(name):
    """Tokenizers change no character, so that positions stay; no space is odd."""
    for text in drawn(name, "train")[0]:
        assert unicodedata.normalize("NFC", text) == text
        assert text.strip() == text
        assert all(char == " " for char in text if char.isspace())


def test_letters_need_no_library():
    """Neither the import nor a string of letters loads Babel or num2words."""
    code = (
        "import sys; from minis2s.text.tasks import make_pairs\n"
        "make_pairs('sort', 'test')\n"
        "sys.exit(bool({'babel', 'num2words'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

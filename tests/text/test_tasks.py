"""Generated tasks: the rule, its alignment, and splits that share nothing."""

import pytest

from minis2s.config import InputError
from minis2s.text.tasks import make_pairs


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

"""Trace: one query, three words, with the scale and without."""

import numpy as np

from minis2s.classroom.trace import Tempting, Trace

QUERY = np.array([2.0, 0.0, 1.0, 1.0])
KEY = np.array([[0.0, 1.0, 1.0, -1.0], [1.0, 0.0, 1.0, 1.0], [1.0, 1.0, -1.0, 1.0]])
"""ein, Hund, schläft."""


def _softmax(scores):
    return np.exp(scores) / np.exp(scores).sum()


_RAW = KEY @ QUERY  # 0, 4, 2


def _entries(divided=_RAW / 2, bare=None, twice=None):
    """The six numbers, if scores are divided as given."""
    weights = _softmax(divided)
    bare = _softmax(_RAW) if bare is None else bare
    twice = _softmax(2 * _RAW / np.sqrt(8)) if twice is None else twice
    return (_RAW[1], divided[1], weights[1], weights[2], bare[1], twice[1])


check_scaled_weights = Trace(
    name="scaled_weights",
    lesson=7,
    section="3",
    minutes=8,
    difficulty=1,
    task="""Judge six numbers: one query and three words, four entries wide.

    The query is (2, 0, 1, 1). The keys are ein (0, 1, 1, -1), Hund (1, 0, 1, 1) and
    schläft (1, 1, -1, 1). What is the dot product of the query with Hund; that score
    divided by sqrt(d_head); the weights of Hund and of schläft, with the scale; the
    weight of Hund without it? At last every vector is written twice, side by side, so
    that it is eight wide, and the scale is that of eight: the weight of Hund? Each
    rounded to two decimals.
    """,
    entries=(
        "score of Hund",
        "scaled score of Hund",
        "weight of Hund",
        "weight of schläft",
        "weight of Hund, no scale",
        "weight of Hund, written twice",
    ),
    expected=_entries(),
    tempting={
        "divided_by_d": Tempting(
            _entries(_RAW / 4, twice=_softmax(2 * _RAW / 8)),
            cause="The scores are divided by the width instead of its root.",
            broken="It is the spread of the scores that grows, and a spread is the "
            "root of a variance.",
            look="How wide is a key, and what is the root of that?",
        ),
        "root_of_the_length": Tempting(
            _entries(_RAW / np.sqrt(3), twice=_softmax(2 * _RAW / np.sqrt(3))),
            cause="The scores are divided by the root of the number of words.",
            broken="A score is a sum over entries, not over words.",
            look="Which of the two numbers is the width of a key?",
        ),
        "weights_divided": Tempting(
            (
                _RAW[1],
                _RAW[1] / 2,
                _softmax(_RAW)[1] / 2,
                _softmax(_RAW)[2] / 2,
                _softmax(_RAW)[1],
                _softmax(2 * _RAW)[1] / np.sqrt(8),
            ),
            cause="The weights are divided, and not the scores.",
            broken="The three weights of a query have to add up to 1.",
            look="On which side of the softmax does the scale stand?",
        ),
        "twice_is_the_same": Tempting(
            _entries(twice=_softmax(_RAW / 2)),
            cause="The last weight is that of the vectors written once.",
            broken="Written twice, a score doubles, and sqrt(8) is not twice sqrt(4).",
            look="What is the dot product of two vectors of eight entries each?",
        ),
    },
    broken="The three weights of a query add up to 1, and only differences of scores "
    "count.",
    by_entry={
        "score of Hund": (
            "A dot product is a sum of four products, entry by entry.",
            "Which entry of the query meets a 0 of the key?",
        ),
        "scaled score of Hund": (
            "The scale divides by the root of the number of entries.",
            "How many entries has a key, and what is the root of that?",
        ),
        "weight of Hund, no scale": (
            "Without the scale the softmax sees the dot products themselves.",
            "Which three numbers go into exp?",
        ),
        "weight of Hund, written twice": (
            "Written twice, the dot products double, and the scale is that of eight.",
            "What are the three dot products now, and what divides them?",
        ),
    },
    look="Write down the three scores before any of them is divided.",
    idea="Scores 0, 4, 2; then divide; then exp of each over the sum of the three.",
    code="With scores s: exp(s / sqrt(4)) / sum of exp(s / sqrt(4)).",
    news="the last number is larger than the third: the scale undoes the growth of "
    "entries that are independent, and entries that repeat one another are not.",
)

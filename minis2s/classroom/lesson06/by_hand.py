"""Trace: two words and a blank, scored by tanh units."""

import numpy as np

from minis2s.classroom.trace import Tempting, Trace

_QUERY = np.array([1.0, -1.0])
_KEYS = np.array([[1.0, 1.0], [-1.0, 0.0], [0.0, 0.0]])
_LOUD = np.array([1.0, 2.0])


def _softmax(scores, hidden=()):
    votes = np.exp(scores)
    votes[list(hidden)] = 0.0
    return votes / votes.sum()


_SCORES = np.tanh(_KEYS + _QUERY) @ _LOUD
_SUMS = (_KEYS + _QUERY) @ _LOUD
_DOTS = _KEYS @ _QUERY

check_tanh_by_hand = Trace(
    name="tanh_by_hand",
    lesson=6,
    section="2",
    minutes=8,
    difficulty=2,
    task="""Judge five numbers: additive attention on paper.

    The units see query + key, so that weight_query and weight_key do nothing, and there
    is no bias; weight_score is (1, 2). The query is (1, -1). Word A has the key (1, 1),
    word B (-1, 0), and behind them stands a blank, (0, 0), which the mask hides. First
    the three scores (that of the blank as if it were not hidden), then the weights of A
    and B. Each rounded to two decimals; tanh 1 = 0.76, tanh 2 = 0.96. Unrounded, the
    gap between A and B is 2.487; e^2.487 = 12.0.
    """,
    entries=("score of A", "score of B", "score of the blank", "weight of A", "of B"),
    expected=(*_SCORES, *_softmax(_SCORES, [2])[:2]),
    tempting={
        "blank_votes": Tempting(
            (*_SCORES, *_softmax(_SCORES)[:2]),
            cause="The blank has been given a share.",
            broken="A hidden place has no vote: the shares of A and B sum to 1.",
            look="What does the mask make of the third score?",
        ),
        "blank_is_zero": Tempting(
            (*_SCORES[:2], 0.0, *_softmax(_SCORES, [2])[:2]),
            cause="The blank is taken to score 0, as it would in a dot product.",
            broken="A blank's units still hear the query.",
            look="Add the query to (0, 0): what do the units see?",
        ),
        "no_tanh": Tempting(
            (*_SUMS, *_softmax(_SUMS, [2])[:2]),
            cause="The sums are weighed as they are, without the tanh.",
            broken="A unit lies between -1 and 1, so no score is beyond 3 here.",
            look="What does a unit do with the sum that it sees?",
        ),
        "dot_product": Tempting(
            (*_DOTS, *_softmax(_DOTS, [2])[:2]),
            cause="Query and key have been multiplied.",
            broken="This score is additive: the units see a sum.",
            look="Which operation joins query and key?",
        ),
        "weighed_inside": Tempting(
            (
                *(np.tanh((_KEYS + _QUERY) * _LOUD).sum(axis=1)),
                *_softmax(np.tanh((_KEYS + _QUERY) * _LOUD).sum(axis=1), [2])[:2],
            ),
            cause="weight_score has been multiplied in before the tanh.",
            broken="weight_score says how loud a unit is, not what it sees.",
            look="Which comes first, the tanh or weight_score?",
        ),
    },
    broken="The two weights are exp of the two scores, divided by their sum.",
    by_entry=dict.fromkeys(
        ("score of A", "score of B", "score of the blank"),
        (
            "A score is tanh of the first sum plus 2 times tanh of the second.",
            "Which two sums do the units see?",
        ),
    ),
    look="For each word: add the query, take tanh of both numbers, then 1 times the "
    "first plus 2 times the second.",
    idea="A: the sums are 2 and 0. The blank's are the query itself.",
    code="score of A = tanh 2 + 2 tanh 0; weight of A = exp(score A) / (exp(score A) + "
    "exp(score B)).",
    news="a blank scores what the query says alone. With another query that may be "
    "more than any word: there a forgotten mask gives the padding most.",
)

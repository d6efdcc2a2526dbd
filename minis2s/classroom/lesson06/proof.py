"""Test: is this additive attention?"""

import numpy as np

from minis2s import specs
from minis2s.classroom.lesson06 import forward
from minis2s.classroom.write_test import Faulty, WriteTest
from minis2s.numpy_ref.additive_attention import additive_attention_forward


def _package(*args):
    return additive_attention_forward(*args)[:2]


def _arguments(batch=2, padding=True, empty=True):
    """Random arguments; two sentences of different length, a row without a word."""
    rng = np.random.default_rng(0)
    shapes = (batch, 3, 7), (batch, 5, 4), (batch, 5, 6), (8, 7), (8, 4), (8,), (8,)
    query, key, value, *weights = (rng.normal(size=shape) for shape in shapes)
    mask = np.ones((batch, 3, 5), dtype=bool)
    if padding:
        mask[-1, :, 3:] = False
    if empty:
        mask[0, 0] = False
    return query, key, value, mask, *weights


def _beside_the_loop(tolerance=1e-9, **how):
    """Context and weights beside those of the loops."""

    def attention_is_right(attention):
        args = _arguments(**how)
        theirs = specs.attention.additive_attention(*args)
        pairs = zip(attention(*args), theirs, strict=True)
        return all(bool(np.abs(a - b).max() <= tolerance) for a, b in pairs)

    return attention_is_right


def _rows_sum(attention):
    """Each row shares out one unit, and hides what is hidden."""
    args = _arguments()
    _, weights = attention(*args)
    mask = args[3]
    sums = np.abs(weights.sum(axis=-1) - mask.any(axis=-1)).max() < 1e-9
    return bool(sums and (weights[~mask] == 0).all())


def _words_decide(attention):
    """The same, and words that change places take their weights along."""
    args = _arguments(padding=False, empty=False)
    query, key, value, mask, *shared = args
    turned = attention(query, key[:, ::-1], value[:, ::-1], mask, *shared)[1]
    moved = np.abs(turned[:, :, ::-1] - attention(*args)[1]).max()
    return _rows_sum(attention) and bool(moved < 1e-9)


attention_is_right = _beside_the_loop()
"""The published solution."""

check_attention_test = WriteTest(
    name="attention_test",
    lesson=6,
    section="10",
    minutes=12,
    difficulty=3,
    task="""Judge a test of additive attention: answer(attention).

    context, weights = attention(query, key, value, mask, weight_query, weight_key,
    bias, weight_score), as in check_additive. The test may compare with
    specs.attention.additive_attention, which takes the same arguments. It accepts by
    returning True or nothing, and rejects by returning False or raising an
    AssertionError.
    """,
    answer=attention_is_right,
    right={
        "in five lines": (forward.additive_attention,),
        "the package's": (_package,),
    },
    faulty={
        "by_position": Faulty(
            (forward.by_position,),
            "looks at places, whatever words stand there",
            look="Let two rows of key and value change places: what must weights do?",
            idea="Rows that sum to 1 can be made without any look at the keys.",
            code="Compare with the loops, or turn key and value round and compare.",
        ),
        "over_queries": Faulty(
            (forward.over_queries,),
            "lets target words compete for a source word",
            look="Is there a line of the test about the sum of a row?",
            idea="Each target word has one unit to share out.",
            code="weights.sum(axis=-1) is 1 where anything may be seen.",
        ),
        "tanh_apart": Faulty(
            (forward.apart,),
            "gives all queries of a sentence the same weights",
            look="Does anything in the test depend on the query?",
            idea="A property that holds for the wrong one as well says nothing.",
            code="Compare with specs.attention.additive_attention.",
        ),
        "padding_attended": Faulty(
            (forward.no_mask,),
            "looks at padding",
            look="Which mask has the test?",
            idea="Where all is allowed, a mask that is ignored cannot be seen.",
            code="mask[1, :, 3:] = False",
        ),
        "first_mask": Faulty(
            (forward.first_mask,),
            "hides in every sentence what is hidden in the first",
            look="How many sentences has the test, and of how many lengths?",
            idea="A second sentence has to be longer or shorter than the first.",
            code="Two sentences, one of them with padding.",
        ),
        "empty_row": Faulty(
            (forward.empty_nan,),
            "returns NaN where there is nothing to look at",
            look="Is there a query in the test that may look at nothing?",
            idea="By our convention it gets zeros.",
            code="mask[0, 0] = False",
        ),
    },
    wrong={
        "accepts_all": lambda attention: None,
        "rejects_right": _beside_the_loop(tolerance=-1.0),
        "by_position": _rows_sum,
        "tanh_apart": _words_decide,
        "padding_attended": _beside_the_loop(padding=False, empty=False),
        "first_mask": _beside_the_loop(batch=1, empty=False),
        "empty_row": _beside_the_loop(empty=False),
    },
    look="Eight arguments, two results: random numbers, ragged lengths, an empty row.",
    idea="Compare both results with somebody else's mathematics.",
    code="specs.attention.additive_attention(*args), and a mask that hides something.",
    news="the attention of a well-known tutorial passed any test on sums of rows from "
    "2017 to 2023: it looked at places, and never at words.",
)

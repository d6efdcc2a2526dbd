"""Write a test: a cut into heads and its undoing."""

import numpy as np

from minis2s.classroom.lesson07.forward import (
    merge_by_view,
    merge_heads,
    merge_interleaved,
)
from minis2s.classroom.lesson07.split import (
    split_by_view,
    split_heads,
    split_interleaved,
)
from minis2s.classroom.write_test import Faulty, WriteTest
from minis2s.numpy_ref import multi_head


def _split_in_a_loop(x, n_heads):
    """The blocks one by one, then stacked."""
    return np.stack(np.split(x, n_heads, axis=-1), axis=1)


def _merge_in_a_loop(x):
    """The heads one by one, then side by side."""
    return np.concatenate([x[:, h] for h in range(x.shape[1])], axis=-1)


def _first_sentence(x, n_heads):
    """Every sentence gets the heads of the first."""
    return np.repeat(split_heads(x, n_heads)[:1], len(x), axis=0)


def _two_heads(x):
    """Right for two heads; of more, the order of the others is turned round."""
    return merge_heads(np.concatenate([x[:, :1], x[:, :0:-1]], axis=1))


def _split_turned(x, n_heads):
    """The undoing of _two_heads."""
    heads = split_heads(x, n_heads)
    return np.concatenate([heads[:, :1], heads[:, :0:-1]], axis=1)


def _test(batch=2, length=5, n_heads=3, round_trip=True, blocks=True, merged=True):
    """Blocks against the definition, and the way back."""

    def heads_are_right(split, merge):
        x = np.random.default_rng(0).normal(size=(batch, length, n_heads * 7))
        heads = split(x, n_heads)
        want = np.zeros((batch, n_heads, length, 7))
        for b, h, t in np.ndindex(batch, n_heads, length):
            want[b, h, t] = x[b, t, 7 * h : 7 * (h + 1)]
        if blocks and not np.array_equal(heads, want):
            return False
        if merged and not np.array_equal(merge(want), x):
            return False
        return not round_trip or np.array_equal(merge(heads), x)

    return heads_are_right


heads_are_right = _test()
"""The published solution."""

check_heads_test = WriteTest(
    name="heads_test",
    lesson=7,
    section="10",
    minutes=12,
    difficulty=3,
    task="""Judge a test of a cut into heads and its undoing: answer(split, merge).

    split(x, n_heads) makes (batch, n_heads, len, d_head) of (batch, len, d_model), head
    h holding of every word the features from h d_head on; merge(heads) puts them side
    by side again. The test accepts by returning True or nothing, and rejects by
    returning False or raising an AssertionError.
    """,
    answer=heads_are_right,
    right={
        "in two moves": (split_heads, merge_heads),
        "in a loop": (_split_in_a_loop, _merge_in_a_loop),
        "the package's": (multi_head.split_heads, multi_head.merge_heads),
    },
    faulty={
        "both_by_view": Faulty(
            (split_by_view, merge_by_view),
            "reads the array row by row, there and back",
            look="Does the test look at the heads, or at what becomes of them?",
            idea="Two faults that undo each other pass every round trip.",
            code="Compare one head with x[:, :, h * d_head : (h + 1) * d_head].",
        ),
        "merge_by_view": Faulty(
            (split_heads, merge_by_view),
            "cuts well and puts the heads together row by row",
            look="Does the test call merge at all, and with more than one word?",
            idea="The way back has to be tried, with a length beyond 1.",
            code="np.array_equal(merge(split(x, n_heads)), x)",
        ),
        "first_sentence": Faulty(
            (_first_sentence, merge_heads),
            "gives every sentence the heads of the first one",
            look="How many sentences has the batch of the test?",
            idea="One sentence cannot show what happens to a second.",
            code="A batch of two or more.",
        ),
        "interleaved": Faulty(
            (split_interleaved, merge_interleaved),
            "deals the features out like cards, one to each head in turn",
            look="Which features does the test expect in head 0?",
            idea="Weights of a checkpoint know which feature belongs to which head.",
            code="Head 0 is x[:, :, :d_head], neighbouring features.",
        ),
        "third_head": Faulty(
            (_split_turned, _two_heads),
            "is right for two heads and exchanges the others",
            look="How many heads does the test ask for?",
            idea="Two heads have but one order after the first.",
            code="Three heads or more.",
        ),
    },
    wrong={
        "accepts_all": lambda split, merge: None,
        "rejects_right": lambda split, merge: False,
        "both_by_view": _test(blocks=False, merged=False),
        "merge_by_view": _test(round_trip=False, merged=False),
        "first_sentence": _test(batch=1),
        "third_head": _test(n_heads=2),
    },
    look="There are two functions: is each compared with what it should give?",
    idea="A round trip is no proof of either half.",
    code="A batch of two, three heads, a length of its own; compare heads with slices.",
    news="a test of shapes passes on all five, and a model with the first of them "
    "learns to copy without an error.",
)

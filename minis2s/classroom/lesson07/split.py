"""Repair: heads that are cut out of the length instead of the width."""

import numpy as np

from minis2s.classroom.implement import Repair, Wrong
from minis2s.classroom.probes import Probe, primes


def split_heads(x, n_heads):
    """Cut each word's features into blocks, then let the heads be an axis of theirs."""
    batch, length, d_model = x.shape
    blocks = x.reshape(batch, length, n_heads, d_model // n_heads)
    return blocks.swapaxes(1, 2)


def split_by_view(x, n_heads):
    """The wanted shape at once."""
    batch, length, d_model = x.shape
    return x.reshape(batch, n_heads, length, d_model // n_heads)


def split_interleaved(x, n_heads):
    """Every n-th feature goes to one head, as cards are dealt."""
    batch, length, d_model = x.shape
    return x.reshape(batch, length, d_model // n_heads, n_heads).transpose(0, 3, 1, 2)


def split_all_exchanged(x, n_heads):
    """The axes are turned round before the cut: features run through the words."""
    batch, length, d_model = x.shape
    return x.swapaxes(1, 2).reshape(batch, n_heads, length, d_model // n_heads)


def split_backwards(x, n_heads):
    """Blocks of the right features, the last head first."""
    return split_heads(x, n_heads)[:, ::-1]


def _draw(n_heads, batch=1):
    def draw(rng):
        length, d_head, rows = primes(rng, 3)
        return rng.normal(size=(batch and rows, length, n_heads * d_head)), n_heads

    return draw


def _draw_one(rng):
    """One sentence of two words, two heads of two features; numbers tell who is who."""
    start = int(rng.integers(10, 90))
    return (np.arange(start, start + 8.0).reshape(1, 2, 4), 2)


check_split_heads = Repair(
    name="split_heads",
    lesson=7,
    section="5",
    minutes=8,
    difficulty=2,
    task="""Judge a cut into heads: answer(x, n_heads).

    x (batch, len, d_model) becomes (batch, n_heads, len, d_head), d_head being d_model
    over n_heads. Head h holds of every word the features from h d_head up to, but not
    including, (h + 1) d_head.
    """,
    right=split_heads,
    returns=("heads",),
    probes=(
        Probe("two words", "one sentence of two words, two heads of two", _draw_one),
        Probe("one head", "a single head, which takes all", _draw(1)),
        Probe("heads", "a batch, three heads", _draw(3)),
    ),
    given="by_view",
    wrong={
        "by_view": Wrong(
            split_by_view,
            broken="A head holds a part of every word.",
            cause="The array is read row by row into the wanted shape: head 0 is given "
            "the first words whole, and nothing of the others.",
            look="Which words are in head 0, and which are not?",
        ),
        "interleaved": Wrong(
            split_interleaved,
            broken="Head h holds neighbouring features, from h d_head on.",
            cause="The features are dealt out like cards, one to each head in turn.",
            look="Which of the two sizes stands first where the width is cut?",
        ),
        "all_exchanged": Wrong(
            split_all_exchanged,
            broken="A row of a head is one word.",
            cause="Width and length change places before the cut, so that a row holds "
            "one feature of several words.",
            look="Which axes change places, and are the heads one of them?",
        ),
        "backwards": Wrong(
            split_backwards,
            broken="Head 0 holds the first features.",
            cause="The blocks are right, and their order is turned round.",
            look="Which head is given the features from 0 on?",
        ),
    },
    look="Follow one number, the first feature of the second word: where is it now?",
    idea="Two moves: cut the last axis in two, then let two axes change places.",
    code="x.reshape(batch, length, n_heads, d_head), then swapaxes(1, 2).",
    news="here neither step moves a number in memory: a reshape cuts an axis, a swap "
    "renames two. Merging them again has to copy, for then the order is another.",
)

"""Repair: where each sentence of a ragged batch ends."""

import numpy as np

from minis2s.classroom.implement import Repair, Wrong
from minis2s.classroom.probes import Probe


def final_state(outputs, src_mask):
    """The state after each sentence's own last word."""
    last = src_mask.sum(axis=1) - 1
    return outputs[np.arange(len(outputs)), last]


def final_state_padded(outputs, src_mask):
    """The state after the last column, whatever stands in it."""
    return outputs[:, -1]


def _where(place):
    """The state at another place; `place` makes it of the lengths and the width."""

    def wrong(outputs, src_mask):
        last = place(src_mask.sum(axis=1), outputs.shape[1])
        return outputs[np.arange(len(outputs)), last]

    return wrong


def _mean(outputs, src_mask):
    real = np.where(src_mask[..., None], outputs, 0.0)
    return real.sum(axis=1) / src_mask.sum(axis=1)[:, None]


def _zeroed(outputs, src_mask):
    return (outputs * src_mask[..., None])[:, -1]


def _draw(lengths):
    def draw(rng):
        lens = rng.permutation(lengths)
        outputs = rng.normal(size=(len(lens), 5, 3))
        if len(lens) == 1:
            outputs = outputs[:, : lens[0]]
        return outputs, np.arange(outputs.shape[1]) < lens[:, None]

    return draw


check_final_state = Repair(
    name="final_state",
    lesson=5,
    section="4",
    minutes=6,
    difficulty=2,
    task="""Judge the last state of each sentence: answer(outputs, src_mask).

    outputs (batch, src_len, d_hidden) are the encoder's states, one after each column;
    src_mask (batch, src_len) is True where there is a word, and words stand in front.
    Returns h (batch, d_hidden), the state after each sentence's last word.
    """,
    right=final_state,
    returns=("h",),
    probes=(
        Probe("alone", "one sentence, and no padding", _draw([4])),
        Probe("ragged", "four sentences, all but one padded", _draw([5, 4, 3, 2])),
    ),
    given="padded",
    wrong={
        "padded": Wrong(
            final_state_padded,
            broken="What a sentence means cannot depend on the length of another.",
            cause="The state is that of the last column, padding or not.",
            look="Which column holds the last word of the shortest sentence?",
        ),
        "zeroed": Wrong(
            _zeroed,
            broken="A sentence that is padded arrives as nothing.",
            cause="The padding was set to zero, and then taken.",
            look="What is taken of a row whose last column is padding?",
        ),
        "one_past": Wrong(
            _where(lambda n, width: np.minimum(n, width - 1)),
            broken="A sentence of n words ends in the column of number n - 1.",
            cause="The column behind the last word is taken.",
            look="Which number has the first column?",
        ),
        "of_the_first": Wrong(
            _where(lambda n, width: np.full_like(n, n[0] - 1)),
            broken="Every sentence has a length of its own.",
            cause="All rows are cut where the first sentence ends.",
            look="How many lengths are there in a batch?",
        ),
        "mean": Wrong(
            _mean,
            broken="The last state has read the whole sentence; a mean has not.",
            cause="The states of all words are averaged.",
            look="Which one of the states has seen every word?",
        ),
        "first_word": Wrong(
            _where(lambda n, width: np.zeros_like(n)),
            broken="After its first word a sentence is not yet read.",
            cause="The state after the first word is taken.",
            look="At which end is the encoder finished?",
        ),
    },
    look="Take one row: in which column does its last word stand?",
    idea="The mask knows every length, and an array can be read at a list of places.",
    code="outputs[np.arange(batch), src_mask.sum(axis=1) - 1]",
    news="two ways lead here: reading the right column, or not moving the state over "
    "padding. The second also serves where nobody keeps the states.",
)

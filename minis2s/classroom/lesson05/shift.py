"""Trace: a suitcase of two numbers, and what the decoder reads and answers."""

import numpy as np

from minis2s.classroom.trace import Tempting, Trace

_X = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])  # schläft, ein, Hund


def _pack(rows):
    """The states h = h/2 + x, from zeros: the last of them."""
    h = np.zeros(2)
    for x in rows:
        h = h / 2 + x
    return h


_FINAL, _SHARE = _pack(_X), 0.25
_TOKENS = ("<s>", "a", "dog", "</s>")
_N_TERMS = 7  # Does a dog sleep </s>, and Yes </s>

check_shift = Trace(
    name="shift",
    lesson=5,
    section="3",
    minutes=6,
    difficulty=1,
    task="""Judge a suitcase, and a target and its shift: eight entries.

    The encoder is h = h/2 + x, from zeros, with schläft (1, 1), ein (1, 0) and Hund
    (0, 1). It reads: schläft ein Hund. The first two entries are the last state, the
    third is the factor with which schläft is in it.

    The target is: Does a dog sleep. The next four are words, or "<s>" or "</s>":
    tgt_in[0], tgt_in[2], tgt_out[2], tgt_out[4], counted from 0. The last: the batch
    has a second target, which is Yes. How many terms has the loss?
    """,
    entries=(
        "first number of the last state",
        "second number",
        "factor of schläft",
        "tgt_in[0]",
        "tgt_in[2]",
        "tgt_out[2]",
        "tgt_out[4]",
        "terms of the loss",
    ),
    expected=(*_FINAL.tolist(), _SHARE, *_TOKENS, _N_TERMS),
    tempting={
        "read_backwards": Tempting(
            (*_pack(_X[::-1]).tolist(), 1.0, *_TOKENS, _N_TERMS),
            cause="The sentence was packed from its last word to its first.",
            broken="What is packed last lies on top, with factor 1.",
            look="Which word does the encoder read first?",
        ),
        "summed": Tempting(
            (*_X.sum(axis=0).tolist(), 1.0, *_TOKENS, _N_TERMS),
            cause="The vectors were added without halving what was there.",
            broken="A sum does not know the order of its terms.",
            look="What becomes of the old h when a new word comes in?",
        ),
        "unshifted": Tempting(
            (*_FINAL.tolist(), _SHARE, "Does", "dog", "dog", "</s>", _N_TERMS),
            cause="The decoder reads at each step the word that it has to say.",
            broken="Nobody learns from a question that holds its answer.",
            look="What does the decoder know before the first word is written?",
        ),
        "padding_counted": Tempting(
            (*_FINAL.tolist(), _SHARE, *_TOKENS, 10),
            cause="The padding behind the short target was counted.",
            broken="Padding is no word that anybody should learn to say.",
            look="How many places of the second row hold a token?",
        ),
        "end_not_counted": Tempting(
            (*_FINAL.tolist(), _SHARE, *_TOKENS, 5),
            cause="The ends were not counted.",
            broken="To stop is something that has to be learned, too.",
            look="What must be said after the last word?",
        ),
    },
    by_entry={
        **dict.fromkeys(
            ("first number of the last state", "second number"),
            (
                "Each step halves all that was packed, and adds one word.",
                "Write the state after each of the three words.",
            ),
        ),
        "factor of schläft": (
            "A word is halved once for each word that comes after it.",
            "How many words are read after schläft?",
        ),
        "terms of the loss": (
            "Each place that holds a token is one term, ends included.",
            "How many places of each of the two rows of tgt_out hold a token?",
        ),
    },
    broken="tgt_in is tgt_out one place later, with <s> in front.",
    look="Write tgt_out first, its end included; then move it one place.",
    idea="Each step halves what was packed before; each target, its end included, is "
    "one term.",
    code="h = ((x1 / 2) + x2) / 2 + x3; and [<s>, Does, ...] above [Does, ..., </s>].",
    news="the factor 1/4 is also what comes back: the gradient of schläft is a quarter "
    "of that of Hund. The road out is the road back.",
)

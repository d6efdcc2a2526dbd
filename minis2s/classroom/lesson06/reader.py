"""Invent: tanh units, set by hand, that read a sentence from its end."""

import numpy as np

from minis2s.classroom.invent import Goal, Invent, Worked
from minis2s.numpy_ref.additive_attention import additive_attention_forward

N_PLACES = 10
LAST = N_PLACES - 1


def _bump(steep, half, loud):
    """Two units, one of which rises before the place and one behind it."""
    weight = np.full((2, 1), steep)
    bias = np.array([half, -half]) - steep * LAST
    return weight, weight, bias, np.array([loud, -loud])


def steep_steps():
    """Two steps, one up and one down, half a place away on either side."""
    return _bump(4.0, 2.0, 4.0)


def soft_hill():
    """A low hill, and a loud voice."""
    return _bump(0.5, 0.5, 40.0)


def _one_unit():
    """The last place, for whoever asks."""
    weight = np.ones((1, 1))
    return weight, weight, np.array([-1.0 * LAST]), np.array([40.0])


def _forwards():
    """It looks at the place that is named, from the beginning."""
    weight_query, weight_key, bias, weight_score = steep_steps()
    return -weight_query, weight_key, bias + 4.0 * LAST, weight_score


def _faint():
    """The right place, by a nose."""
    return _bump(4.0, 2.0, 1.0)


def _three_units():
    """The right two, and one that says nothing."""
    weight_query, _, bias, weight_score = steep_steps()
    wide = np.vstack([weight_query, [[0.0]]])
    return wide, wide, np.append(bias, 0.0), np.append(weight_score, 0.0)


def _shouting():
    """Steps as steep as walls."""
    return _bump(40.0, 20.0, 40.0)


def _measure(answer, rng):
    """Ask for every place, and see where it looks."""
    weights = [np.asarray(w, float) for w in answer()]
    places = np.arange(N_PLACES, dtype=float)[None, :, None]
    seen = np.ones((1, N_PLACES, N_PLACES), dtype=bool)
    _, shares, _ = additive_attention_forward(places, places, places, seen, *weights)
    wanted = shares[0][np.arange(N_PLACES), LAST - np.arange(N_PLACES)]
    return {
        "right": float((shares[0].argmax(axis=1)[::-1] == np.arange(N_PLACES)).mean()),
        "least": float(wanted.min()),
        "units": len(weights[3]),
        "largest": float(max(np.abs(w).max() for w in weights)),
    }


check_backwards_reader = Invent(
    name="backwards_reader",
    lesson=6,
    section="10",
    minutes=20,
    difficulty=4,
    task="""Judge the weights of a reader that is set by hand: answer().

    It returns weight_query (d_attention, 1), weight_key (d_attention, 1), bias and
    weight_score (d_attention). The key of each of ten places is its number, 0 to 9, and
    nothing else; so is the query. Asked with t, it has to look at place 9 - t, as
    whoever writes a string backwards does.
    """,
    measure=_measure,
    goals={
        "right": Goal(
            "share of the ten queries whose darkest place is the right one",
            1.0,
            at_least=True,
            broken="Each query has a place of its own.",
            look="Draw the score over the ten places, for t = 3.",
            idea="One tanh only rises or only falls: its best place is at an end.",
            code="Two units on query + key - 9, one rising and one falling.",
        ),
        "least": Goal(
            "weight of the right place, in the worst row",
            0.9,
            at_least=True,
            broken="Nine other places get votes as well.",
            look="By how much does the right score exceed its neighbours'?",
            idea="The gap decides: exp(-gap) for each of two neighbours.",
            code="weight_score larger, or the two steps steeper.",
        ),
        "units": Goal(
            "tanh units",
            2,
            broken="Two steps make a hill.",
            look="What does each unit add to the score?",
            idea="Up with one, down with the other.",
            code="weight_score of shape (2,), with opposite signs.",
        ),
        "largest": Goal(
            "largest number in it",
            50.0,
            broken="Training would never come as far as that.",
            look="Which number is the largest, and does it have to be?",
            idea="The bias grows with the steepness.",
            code="steepness 4, steps at half a place.",
        ),
    },
    worked={
        "steep steps": Worked(
            steep_steps,
            {"right": 1.0, "least": 0.9958528801, "units": 2, "largest": 38.0},
        ),
        "soft hill": Worked(
            soft_hill,
            {"right": 1.0, "least": 0.9970188372, "units": 2, "largest": 40.0},
        ),
    },
    wrong={
        "right": _forwards,
        "least": _faint,
        "units": _three_units,
        "largest": _shouting,
    },
    look="Draw one tanh over the places, then the difference of two that are shifted.",
    idea="tanh(x + h) - tanh(x - h) is a hill at x = 0. Which x is 0 at place 9 - t?",
    code="x = a * (query + key - 9): weight_query and weight_key are both a.",
    news="a dot product of two single numbers, query times key, has its best place at "
    "an end, whatever the query: it cannot look into the middle. Two tanh units can.",
)

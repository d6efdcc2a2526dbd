"""Invent: two heads, set by hand, that look one word back and one word ahead."""

import math

import numpy as np

from minis2s.classroom.invent import Goal, Invent, Worked

N_WORDS = 12


def parabola():
    """Scores that fall off with the square of the distance to the wanted place."""
    place = np.arange(N_WORDS, dtype=float)
    position = np.stack([np.ones(N_WORDS), place, place**2], axis=1)
    back = 5 * np.array([[-2.0, 2.0, 0.0], [-1.0, 0.0, 0.0]])  # 2 (t - 1), -1
    ahead = 5 * np.array([[2.0, 2.0, 0.0], [-1.0, 0.0, 0.0]])  # 2 (t + 1), -1
    key = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])  # s, s squared
    return position, np.stack([back, ahead]), np.stack([key, key])


def clock():
    """Hands of a clock; a query is its own hand, turned back or ahead by one hour."""
    hour = 2 * math.pi / N_WORDS
    angle = hour * np.arange(N_WORDS)
    position = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    turn = np.array(
        [[math.cos(hour), math.sin(hour)], [-math.sin(hour), math.cos(hour)]]
    )
    query = np.stack([turn, turn.T])  # one hour back, one hour ahead
    return position, 40 * query, np.stack([np.eye(2), np.eye(2)])


def _soft():
    """The clock, with hands too short to decide."""
    position, query, key = clock()
    return position, query / 20, key


def _both_back():
    """Two heads that look at the same word."""
    position, query, key = parabola()
    return position, query[[0, 0]], key


def _one_hot():
    """A number for each place: easy, and as wide as the sentence is long."""
    back = np.roll(np.eye(N_WORDS), -1, axis=0)
    return (
        np.eye(N_WORDS),
        40 * np.stack([back, back.T]),
        np.stack([np.eye(N_WORDS)] * 2),
    )


def _measure(answer, rng):
    """The least weight on the word before, and on the word after."""
    position, query, key = (np.asarray(array, float) for array in answer())
    d_head = query.shape[1]
    asked = np.einsum("htd,nd->hnt", query, position)
    offered = np.einsum("htd,nd->hnt", key, position)
    scores = asked @ offered.swapaxes(-1, -2) / math.sqrt(d_head)
    votes = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = votes / votes.sum(axis=-1, keepdims=True)  # (2, N_WORDS, N_WORDS)
    places = np.arange(N_WORDS - 1)
    return {
        "back": float(weights[0, places + 1, places].min()),
        "ahead": float(weights[1, places, places + 1].min()),
        "d_head": int(d_head),
    }


check_neighbours = Invent(
    name="neighbours",
    lesson=7,
    section="10",
    minutes=20,
    difficulty=4,
    task="""Judge two heads that are set by hand: answer().

    It returns position (12, d), a vector for each of twelve places; query and key, both
    (2, d_head, d), the maps of two heads. Head h scores query[h] position_t against
    key[h] position_s, divided by sqrt(d_head). From every place the first head must
    look at the place before, the second at the place after. The ends, which have no
    such neighbour, are not asked.
    """,
    measure=_measure,
    goals={
        "back": Goal(
            "least weight that the first head gives to the word before",
            0.9,
            at_least=True,
            broken="A head that hesitates hands over a blend of neighbours.",
            look="How far is the best score of a row above the second best?",
            idea="The score must have its peak one place back; then make it steep.",
            code="A score of -c (s - t + 1) squared, up to what s does not change.",
        ),
        "ahead": Goal(
            "least weight that the second head gives to the word after",
            0.9,
            at_least=True,
            broken="Two heads with the same maps are one head, paid for twice.",
            look="In which of the maps may the two heads differ?",
            idea="The keys can be shared; the queries turn to different sides.",
            code="One query map for t - 1 and another for t + 1.",
        ),
        "d_head": Goal(
            "width of a head",
            2,
            broken="A width that grows with the sentence is no answer for long ones.",
            look="Which figures in the plane have a farthest point in any direction?",
            idea="On a circle, or on a parabola, every point is a corner of the hull.",
            code="position (cos, sin) of an angle; or (1, t, t squared).",
        ),
    },
    worked={
        "parabola": Worked(
            parabola, {"back": 0.9449225179, "ahead": 0.9449225179, "d_head": 2}
        ),
        "clock": Worked(
            clock, {"back": 0.9567355084, "ahead": 0.9567355084, "d_head": 2}
        ),
    },
    wrong={
        "back": _soft,
        "ahead": _both_back,
        "d_head": _one_hot,
    },
    look="For one place t: draw the score as a function of s. Where is its peak?",
    idea="Positions on a circle, and a query that is turned; or on a parabola.",
    code="The maps of the two heads are rotations by one step, back and ahead.",
    news="one entry is too few: a score that is linear in one number has its peak at "
    "an end. Lesson 11 gives positions as clocks of many speeds.",
)

"""Repair: scores by which every query ranks the words alike."""

import numpy as np

from minis2s.classroom.evidence import Evidence
from minis2s.classroom.implement import Repair, Wrong
from minis2s.classroom.probes import Probe, primes


def additive_scores(query, key, weight_query, weight_key, bias, weight_score):
    """The sum goes through the tanh, and then it is weighed."""
    q = query @ weight_query.T
    k = key @ weight_key.T + bias
    return np.tanh(q[:, None] + k) @ weight_score


def tanh_apart(query, key, weight_query, weight_key, bias, weight_score):
    """A tanh for each of the two, and their sum after it."""
    q = np.tanh(query @ weight_query.T)
    k = np.tanh(key @ weight_key.T + bias)
    return (q[:, None] + k) @ weight_score


def _scores_with(score, bias_of=lambda bias: bias):
    """The same with another end."""

    def scores(query, key, weight_query, weight_key, bias, weight_score):
        q = query @ weight_query.T
        k = key @ weight_key.T + bias_of(bias)
        return score(q[:, None], k, weight_score)

    return scores


def _draw(tgt_len=None):
    def draw(rng):
        n_queries, src_len, d_query, d_key, d_attention = primes(rng, 5)
        return (
            rng.normal(size=(tgt_len or n_queries, d_query)),
            rng.normal(size=(src_len, d_key)),
            rng.normal(size=(d_attention, d_query)),
            rng.normal(size=(d_attention, d_key)),
            rng.normal(size=d_attention),
            rng.normal(size=d_attention),
        )

    return draw


def _gaps(e: Evidence) -> str:
    """The gap between two words, as two queries see it."""
    first, second = (row[0] - row[1] for row in e.got[:2])
    return (
        f"But word 0 beats word 1 by {first:.2f} for query 0, and by {second:.2f} for "
        "query 1."
    )


check_tanh_scores = Repair(
    name="tanh_scores",
    lesson=6,
    section="2",
    minutes=8,
    difficulty=2,
    task="""Judge the scores of additive attention, for one sentence.

    scores = answer(query, key, weight_query, weight_key, bias, weight_score): query
    (tgt_len, d_query), key (src_len, d_key), weight_query (d_attention, d_query),
    weight_key (d_attention, d_key), bias and weight_score (d_attention), scores
    (tgt_len, src_len).
    """,
    right=additive_scores,
    returns=("scores",),
    probes=(
        Probe("pair", "two queries and some words", _draw(2)),
        Probe("queries", "other sizes", _draw()),
    ),
    given="tanh_apart",
    wrong={
        "tanh_apart": Wrong(
            tanh_apart,
            case=_gaps,
            broken="The softmax sees gaps alone: if they are the same for all queries, "
            "so are the weights.",
            cause="The tanh is taken of query and key apart, and a query adds one "
            "number to its whole row.",
            look="What should the tanh bend?",
        ),
        "no_tanh": Wrong(
            _scores_with(lambda q, k, v: (q + k) @ v),
            case=_gaps,
            broken="The softmax sees gaps alone: if they are the same for all queries, "
            "so are the weights.",
            cause="There is no tanh left: all is one sum.",
            look="Which part of the formula bends?",
        ),
        "tanh_outside": Wrong(
            _scores_with(lambda q, k, v: np.tanh((q + k) @ v)),
            broken="A tanh of the whole score keeps the order of the words: each query "
            "would still like the same word best.",
            cause="The tanh is taken after weight_score.",
            look="What has been summed before the tanh, and what after it?",
        ),
        "product": Wrong(
            _scores_with(lambda q, k, v: np.tanh(q * k) @ v),
            broken="This attention is additive: the two meet in a sum.",
            cause="Query and key are multiplied.",
            look="Which operation joins the two projections?",
        ),
        "no_bias": Wrong(
            _scores_with(
                lambda q, k, v: np.tanh(q + k) @ v, bias_of=lambda bias: 0 * bias
            ),
            broken="A unit begins where its bias says.",
            cause="The bias has got lost.",
            look="Count the terms inside the tanh.",
        ),
    },
    look="Write the score of one pair in full, then that of its neighbour.",
    idea="What stands alone in a row is the same for all its words and cancels.",
    code="np.tanh(q[:, None] + k), and weight_score after it.",
    news="two tanh units are enough to look anywhere in a row, which exercise 6 shows.",
)

"""Implement: additive attention backwards."""

import numpy as np

from minis2s.classroom.evidence import Evidence
from minis2s.classroom.implement import Implement, Wrong
from minis2s.classroom.lesson06.forward import additive_attention, draw
from minis2s.classroom.probes import Probe


def softmax_back(grad_weights, weights):
    """Each weight times what its own gradient exceeds the row's mean by."""
    row_mean = (grad_weights * weights).sum(axis=-1, keepdims=True)
    return weights * (grad_weights - row_mean)


def backward_with(
    softmax=softmax_back,
    slope=lambda compared: 1 - compared**2,
    loudness=lambda weight_score: weight_score,
    to_query=lambda grad_pairs: grad_pairs.sum(axis=2),
    to_key=lambda grad_pairs: grad_pairs.sum(axis=1),
    heard=lambda compared: compared,
    rows=lambda array: array,
):
    """The way back with one part exchanged.

    Args:
        softmax: from grad_weights and weights to grad_scores.
        slope: of the tanh, from its result.
        loudness: what a score's gradient is multiplied with for each unit.
        to_query: from all pairs to the queries.
        to_key: from all pairs to the keys.
        heard: what the gradient of weight_score is made of.
        rows: which sentences count for the weights.
    """

    def backward(
        grad_context,
        weights,
        compared,
        query,
        key,
        value,
        weight_query,
        weight_key,
        weight_score,
    ):
        grad_value = weights.swapaxes(1, 2) @ grad_context
        grad_scores = softmax(grad_context @ value.swapaxes(1, 2), weights)
        grad_pairs = grad_scores[..., None] * loudness(weight_score) * slope(compared)
        of_query, of_key = to_query(grad_pairs), to_key(grad_pairs)
        return (
            of_query @ weight_query,
            of_key @ weight_key,
            grad_value,
            np.einsum("bti,btd->id", rows(of_query), rows(query)),
            np.einsum("bsi,bsd->id", rows(of_key), rows(key)),
            rows(of_key).sum(axis=(0, 1)),
            np.einsum("bts,btsi->i", rows(grad_scores), rows(heard(compared))),
        )

    return backward


def additive_backward(
    grad_context,
    weights,
    compared,
    query,
    key,
    value,
    weight_query,
    weight_key,
    weight_score,
):
    """From the context back to all that made it, in the order of the arguments."""
    grad_value = weights.swapaxes(1, 2) @ grad_context
    grad_weights = grad_context @ value.swapaxes(1, 2)
    row_mean = (grad_weights * weights).sum(axis=-1, keepdims=True)
    grad_scores = weights * (grad_weights - row_mean)
    grad_weight_score = np.einsum("bts,btsi->i", grad_scores, compared)
    grad_pairs = grad_scores[..., None] * weight_score * (1 - compared**2)
    of_query, of_key = grad_pairs.sum(axis=2), grad_pairs.sum(axis=1)
    return (
        of_query @ weight_query,
        of_key @ weight_key,
        grad_value,
        np.einsum("bti,btd->id", of_query, query),
        np.einsum("bsi,bsd->id", of_key, key),
        of_key.sum(axis=(0, 1)),
        grad_weight_score,
    )


def _stair(batch=None, tgt_len=None, empty=False):
    """Draw what the way back is called with."""

    def draw_backward(rng):
        args = draw(rng, batch, tgt_len, empty)
        query, key, value, _, weight_query, weight_key, bias, weight_score = args
        weight_score = 0.3 * weight_score
        pairs = (query @ weight_query.T)[:, :, None] + (key @ weight_key.T + bias)[
            :, None
        ]
        context, weights = additive_attention(*args[:-1], weight_score)
        return (
            rng.normal(size=context.shape),
            weights,
            np.tanh(pairs),
            query,
            key,
            value,
            weight_query,
            weight_key,
            weight_score,
        )

    return draw_backward


def _differing(e: Evidence) -> str:
    """Which gradients are wrong, and the first entry."""
    names = ", ".join(part.name.removeprefix("grad_") for part in e.differing)
    return f"But the gradients of {names} differ: {e.first.removeprefix('But ')}"


def _row_sums(softmax):
    """What the gradients of a row of scores sum to, made in this way."""

    def case(e: Evidence) -> str:
        grad_context, weights, _, _, _, value, *_ = e.args
        row = softmax(grad_context @ value.swapaxes(1, 2), weights)[0, 0]
        return f"But the gradients of scores[0, 0] sum to {row.sum():.3g}."

    return case


def _uncoupled(grad_weights, weights):
    """Nobody pays for what a word gains."""
    return weights * grad_weights


def _elementwise(grad_weights, weights):
    """As if each weight were a sigmoid."""
    return grad_weights * weights * (1 - weights)


_CONSTANT = (
    "A constant added to a whole row of scores changes nothing, so the row's gradients "
    "sum to 0."
)

check_additive_back = Implement(
    name="additive_back",
    lesson=6,
    section="3",
    minutes=25,
    difficulty=4,
    task="""Judge the way back through additive attention.

    Called as answer(grad_context, weights, compared, query, key, value, weight_query,
    weight_key, weight_score): grad_context (batch, tgt_len, d_value), weights (batch,
    tgt_len, src_len), compared (batch, tgt_len, src_len, d_attention), which is the
    result of the tanh; the rest as in check_additive. It returns grad_query,
    grad_key, grad_value, grad_weight_query, grad_weight_key, grad_bias and
    grad_weight_score. It needs no mask: a hidden weight is 0.
    """,
    right=additive_backward,
    returns=(
        "grad_query",
        "grad_key",
        "grad_value",
        "grad_weight_query",
        "grad_weight_key",
        "grad_bias",
        "grad_weight_score",
    ),
    probes=(
        Probe("stair 1", "one query, some words", _stair(1, 1)),
        Probe("stair 2", "several queries of one sentence", _stair(1)),
        Probe("stair 3", "several sentences, with padding", _stair()),
        Probe("stair 4", "a row that may look at nothing", _stair(empty=True)),
    ),
    wrong={
        "no_softmax": Wrong(
            backward_with(softmax=lambda grad, weights: grad),
            case=_row_sums(lambda grad, weights: grad),
            broken=_CONSTANT,
            cause="The gradient of the weights is used as that of the scores.",
            look="Which step of the forward pass lies between scores and weights?",
        ),
        "no_coupling": Wrong(
            backward_with(softmax=_uncoupled),
            case=_row_sums(_uncoupled),
            broken=_CONSTANT,
            cause="What the other words of the row lose is missing.",
            look="Raise one score: which weights change?",
            idea="One word's gain is paid for by all the others.",
        ),
        "elementwise": Wrong(
            backward_with(softmax=_elementwise),
            case=_row_sums(_elementwise),
            broken=_CONSTANT,
            cause="Each weight is treated as a sigmoid of its own score alone.",
            look="How does weight 1 change when score 0 is raised?",
        ),
        "coupled_queries": Wrong(
            backward_with(
                softmax=lambda grad, weights: (
                    weights * (grad - (grad * weights).sum(axis=1, keepdims=True))
                )
            ),
            broken=_CONSTANT,
            cause="The coupling runs over the queries, which share nothing.",
            look="Among whom is one unit shared out?",
        ),
        "no_slope": Wrong(
            backward_with(slope=np.ones_like),
            case=_differing,
            broken="A saturated unit passes nothing on.",
            cause="The slope of the tanh is missing.",
            look="Compare each forward line with its line back: one has none.",
        ),
        "slope_of_result": Wrong(
            backward_with(slope=lambda compared: 1 - np.tanh(compared) ** 2),
            case=_differing,
            broken="The slope of a tanh is 1 minus its result squared.",
            cause="A tanh is taken of `compared`, which has been through one.",
            look="Look at what the third argument is.",
        ),
        "no_weight_score": Wrong(
            backward_with(loudness=np.ones_like),
            case=_differing,
            broken="A unit that counts for nothing must learn nothing.",
            cause="weight_score does not enter the way back to query and key.",
            look="What multiplies each unit on the way to a score?",
        ),
        "score_of_slope": Wrong(
            backward_with(heard=lambda compared: 1 - compared**2),
            case=_differing,
            broken="A score is weight_score times the units themselves.",
            cause="grad_weight_score is made of the units' slopes.",
            look="Which factor stands beside weight_score in the forward pass?",
        ),
        "mean_over_words": Wrong(
            backward_with(to_query=lambda grad_pairs: grad_pairs.mean(axis=2)),
            case=_differing,
            broken="A query meets every word, and each meeting counts in full.",
            cause="The query gets the mean over the words.",
            look="What is used several times gathers a share from every use: how?",
        ),
        "last_query": Wrong(
            backward_with(to_key=lambda grad_pairs: grad_pairs[:, -1]),
            case=_differing,
            broken="A key is met by every query.",
            cause="A key hears from the last query alone.",
            look="Along which axis do a key's shares lie?",
        ),
        "first_sentence": Wrong(
            backward_with(rows=lambda array: array[:1]),
            case=_differing,
            broken="All sentences use the same weights.",
            cause="They hear from sentence 0 alone.",
            look="Over which axes does the sum run?",
        ),
    },
    look="Follow the forward lines from the last to the first, one line back for each.",
    idea="From context to weights and value, to scores, to pairs; then pairs are "
    "summed over words for a query, over queries for a key.",
    code="grad_scores[..., None] * weight_score * (1 - compared**2)",
    news="grad_bias may be summed from the queries' side as well: both are the sum "
    "over all pairs.",
)

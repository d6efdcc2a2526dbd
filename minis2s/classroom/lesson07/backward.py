"""Implement: scaled dot-product attention backwards."""

import math

import numpy as np

from minis2s.classroom.implement import Implement, Wrong
from minis2s.classroom.probes import Probe
from minis2s.classroom.sharing import masked_softmax


def dot_backward(grad_context, query, key, value, weights):
    """Through the blend, the softmax, the scale and the product."""
    scale = 1 / math.sqrt(query.shape[-1])
    grad_value = weights.swapaxes(-1, -2) @ grad_context
    grad_weights = grad_context @ value.swapaxes(-1, -2)
    row_dot = (grad_weights * weights).sum(axis=-1, keepdims=True)
    grad_scores = weights * (grad_weights - row_dot)
    grad_query = scale * (grad_scores @ key)
    grad_key = scale * (grad_scores.swapaxes(-1, -2) @ query)
    return grad_query, grad_key, grad_value


def backward_with(
    through=lambda w, g: w * (g - (g * w).sum(axis=-1, keepdims=True)),
    scales=lambda d: (1 / math.sqrt(d), 1 / math.sqrt(d)),
    shares=lambda w: w,
):
    """The same with one part exchanged.

    Args:
        through: back through the softmax, from weights and their gradient.
        scales: the factors of grad_query and grad_key.
        shares: of which grad_value is made.
    """

    def backward(grad_context, query, key, value, weights):
        of_query, of_key = scales(query.shape[-1])
        grad_value = shares(weights).swapaxes(-1, -2) @ grad_context
        grad_scores = through(weights, grad_context @ value.swapaxes(-1, -2))
        grad_query = of_query * (grad_scores @ key)
        grad_key = of_key * (grad_scores.swapaxes(-1, -2) @ query)
        return grad_query, grad_key, grad_value

    return backward


def _one_query(grad_context, query, key, value, weights):
    """grad_key takes the mean over the queries where it should add them up."""
    grads = dot_backward(grad_context, query, key, value, weights)
    return grads[0], grads[1] / query.shape[1], grads[2]


def _batch_summed(grad_context, query, key, value, weights):
    """The keys' and values' gradients are added over the sentences."""
    grads = dot_backward(grad_context, query, key, value, weights)
    both = [np.broadcast_to(g.sum(axis=0), g.shape).copy() for g in grads[1:]]
    return grads[0], *both


def _value_of_votes(weights):
    """A share that was hidden for all counts evenly."""
    return np.full_like(weights, 1 / weights.shape[-1])


def _draw(batch, tgt_len, src_len, d_head, d_value, padded=False):
    """Arguments of a backward pass; sizes change places in the sibling."""

    def draw(rng):
        query = rng.normal(size=(batch, tgt_len, d_head))
        key = rng.normal(size=(batch, src_len, d_head))
        value = rng.normal(size=(batch, src_len, d_value))
        mask = np.ones((batch, tgt_len, src_len), dtype=bool)
        if padded:
            mask[1, :, -2:] = False
            mask[0, 1] = False
        scores = query @ key.swapaxes(-1, -2) / math.sqrt(d_head)
        grad_context = rng.normal(size=(batch, tgt_len, d_value))
        return grad_context, query, key, value, masked_softmax(scores, mask)

    return draw


_COUPLED = "Raising one weight lowers the others: a row of grad_scores sums to 0."

check_dot_backward = Implement(
    name="dot_backward",
    lesson=7,
    section="3",
    minutes=20,
    difficulty=4,
    task="""Judge scaled dot-product attention backwards.

    Called as answer(grad_context, query, key, value, weights): grad_context (batch,
    tgt_len, d_value), query (batch, tgt_len, d_head), key (batch, src_len, d_head),
    value (batch, src_len, d_value), and weights (batch, tgt_len, src_len), which came
    out of the softmax of query keyᵀ / sqrt(d_head). It returns grad_query, grad_key and
    grad_value. What is hidden has a weight of 0 already; no mask is needed.
    """,
    right=dot_backward,
    returns=("grad_query", "grad_key", "grad_value"),
    probes=(
        Probe("stair 1", "one query, two words, one entry", _draw(1, 1, 2, 1, 1)),
        Probe("stair 2", "two queries, three words", _draw(1, 2, 3, 1, 2)),
        Probe("stair 3", "wider keys, where the scale is seen", _draw(1, 2, 3, 5, 2)),
        Probe(
            "stair 4",
            "two sentences, padding, an empty row",
            _draw(2, 3, 5, 7, 11, padded=True),
        ),
    ),
    wrong={
        "softmax_skipped": Wrong(
            backward_with(through=lambda w, g: g),
            broken="The weights came out of a softmax, and it has a slope.",
            cause="grad_weights is used where grad_scores should be.",
            look="Which of the four steps there has no line on the way back?",
        ),
        "no_coupling": Wrong(
            backward_with(through=lambda w, g: w * g),
            broken=_COUPLED,
            cause="Each weight is treated as if it were an exponential alone.",
            look="Line 3 of the derivation: what is taken off?",
        ),
        "diagonal": Wrong(
            backward_with(through=lambda w, g: w * (1 - w) * g),
            broken=_COUPLED,
            cause="The slope is that of a sigmoid: each weight depends on its own "
            "score alone.",
            look="Line 3 of the derivation: where do the other words come in?",
        ),
        "coupling_unweighted": Wrong(
            backward_with(
                through=lambda w, g: w * (g - g.mean(axis=-1, keepdims=True))
            ),
            broken=_COUPLED,
            cause="What is taken off is the plain mean of grad_weights.",
            look="Which mean of grad_weights is it, and who has how many votes?",
        ),
        "coupling_of_queries": Wrong(
            backward_with(
                through=lambda w, g: w * (g - (g * w).sum(axis=-2, keepdims=True))
            ),
            broken=_COUPLED,
            cause="What is taken off is summed over the queries.",
            look="Among whom is one unit shared out?",
        ),
        "coupling_added": Wrong(
            backward_with(
                through=lambda w, g: w * (g + (g * w).sum(axis=-1, keepdims=True))
            ),
            broken=_COUPLED,
            cause="The weighted mean is added where it is to be taken off.",
            look="Of two words, one gains: what happens to the other's share?",
        ),
        "no_scale": Wrong(
            backward_with(scales=lambda d: (1.0, 1.0)),
            broken="What divides on the way there divides on the way back.",
            cause="The scale is in neither grad_query nor grad_key.",
            look="Where did the factor stand in the forward pass?",
        ),
        "query_unscaled": Wrong(
            backward_with(scales=lambda d: (1.0, 1 / math.sqrt(d))),
            broken="What divides on the way there divides on the way back.",
            cause="The scale is in grad_key and not in grad_query.",
            look="Compare the last two lines with each other.",
        ),
        "key_unscaled": Wrong(
            backward_with(scales=lambda d: (1 / math.sqrt(d), 1.0)),
            broken="What divides on the way there divides on the way back.",
            cause="The scale is in grad_query and not in grad_key.",
            look="Compare the last two lines with each other.",
        ),
        "scale_twice": Wrong(
            backward_with(scales=lambda d: (1 / d, 1 / d)),
            broken="What divides once on the way there divides once on the way back.",
            cause="The scale is applied twice: to the scores and to each product.",
            look="In how many lines does the factor stand?",
        ),
        "mean_over_queries": Wrong(
            _one_query,
            broken="Each query that looked at a key has a say in its gradient.",
            cause="grad_key is the mean over the queries, not the sum.",
            look="How many queries use one and the same key?",
        ),
        "sentences_mixed": Wrong(
            _batch_summed,
            broken="A sentence of the batch has nothing to do with the others.",
            cause="grad_key and grad_value are summed over the batch.",
            look="Keys and values are no weights: whom do they belong to?",
        ),
        "even_values": Wrong(
            backward_with(shares=_value_of_votes),
            broken="A value is paid back in the share in which it was used.",
            cause="grad_value is made of even shares.",
            look="context = weights value: what stands beside value?",
        ),
    },
    look="Take the failing stair by hand, line by line of the derivation.",
    idea="Four steps there, four steps back: value, weights, scores, then both sides.",
    code="grad_scores = weights * (grad_weights - (grad_weights * weights).sum(-1, "
    "keepdims=True))",
    news="every line is a product with weights: where a weight is 0 or 1, nothing goes "
    "back to query and key. That is what the scale is for.",
)

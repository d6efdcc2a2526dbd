"""A catalogue of wrong implementations of scaled masked dot-product attention.

Each function is the exercise of lesson 00 with one fault, named after the fault. The
check compares a learner's results with theirs, and names a cause only where the two
agree; its tests feed it every one of them.

CATALOGUE sorts them by the probe in which they are first seen. Some faults come in
several shapes (a NaN left alone or turned into 0, a fill of -100 or of -1e4), which
one message fits.

Arguments and shapes are those of the exercise throughout: query (batch, tgt_len,
d_head), key (batch, src_len, d_head), value (batch, src_len, d_value), mask (batch,
tgt_len, src_len); returned are context and weights.

Left out: two faults at once. For these the check reports what it sees, not a cause.
"""

import math
from collections.abc import Callable

import numpy as np

from minis2s.classroom.sharing import softmax
from minis2s.numpy_ref.dot_attention import dot_attention_forward

Implementation = Callable[..., object]


# --- the pieces, all of them right ---


def right(query, key, value, mask):
    """What the exercise asks for."""
    context, weights, _ = dot_attention_forward(query, key, value, mask, scaled=True)
    return context, weights


def agreement(query, key):
    """Dot product of every query with every key, not scaled."""
    return query @ key.swapaxes(-1, -2)


def scaled_scores(query, key):
    """The scores before mask and softmax."""
    return agreement(query, key) / math.sqrt(query.shape[-1])


def hide(scores, mask, fill=-np.inf):
    """Replace the scores of hidden positions."""
    return np.where(mask, scores, fill)


def attend(scores, value, mask):
    """The second half: mask, softmax, blend."""
    weights = np.nan_to_num(softmax(hide(scores, mask)))
    return weights @ value, weights


def guarded(implementation):
    """The same implementation, with the NaNs among its weights turned into 0."""

    def without_nan(query, key, value, mask):
        _, weights = implementation(query, key, value, mask)
        weights = np.nan_to_num(weights)
        return weights @ value, weights

    return without_nan


# --- what is returned ---


def context_alone(query, key, value, mask):
    """The weights are not returned."""
    return right(query, key, value, mask)[0]


def weights_alone(query, key, value, mask):
    """The context is not returned."""
    return right(query, key, value, mask)[1]


def pair_reversed(query, key, value, mask):
    """Both are returned, in the other order."""
    context, weights = right(query, key, value, mask)
    return weights, context


def weights_transposed(query, key, value, mask):
    """A row of weights for each key instead of each query."""
    context, weights = right(query, key, value, mask)
    return context, weights.swapaxes(-1, -2)


def blends_keys(query, key, value, mask):
    """The context is made of keys instead of values."""
    _, weights = right(query, key, value, mask)
    return weights @ key, weights


# --- the scores and the axis of the softmax ---


def softmax_over_targets(query, key, value, mask):
    """The target positions compete for each source position."""
    weights = softmax(hide(scaled_scores(query, key), mask), axis=1)
    return weights @ value, weights


def softmax_over_batch(query, key, value, mask):
    """The sentences of the batch compete."""
    weights = softmax(hide(scaled_scores(query, key), mask), axis=0)
    return weights @ value, weights


def softmax_over_everything(query, key, value, mask):
    """One unit for the whole batch, as when no axis is given."""
    weights = softmax(hide(scaled_scores(query, key), mask), axis=None)
    return weights @ value, weights


def uniform(query, key, value, mask):
    """A score without the source index cancels: all words weigh the same."""
    return attend(np.zeros(mask.shape), value, mask)


def keys_reshaped(query, key, value, mask):
    """The keys get the right shape by a reshape, which mixes their numbers."""
    batch, src_len, d_head = key.shape
    scores = query @ key.reshape(batch, d_head, src_len)
    return attend(scores / math.sqrt(d_head), value, mask)


# --- the mask ---


def mask_forgotten(query, key, value, mask):
    """The mask is accepted and has no effect."""
    weights = softmax(scaled_scores(query, key))
    return weights @ value, weights


def mask_after_softmax(query, key, value, mask):
    """Padding takes its share, which is then thrown away."""
    weights = softmax(scaled_scores(query, key)) * mask
    return weights @ value, weights


def mask_after_context(query, key, value, mask):
    """The weights are right; the context was made before they were masked."""
    _, weights = right(query, key, value, mask)
    return softmax(scaled_scores(query, key)) @ value, weights


def mask_upside_down(query, key, value, mask):
    """True is taken to mean hidden, as nn.MultiheadAttention does."""
    weights = softmax(hide(scaled_scores(query, key), ~mask))
    return weights @ value, weights


def mask_of_first_query(query, key, value, mask):
    """Every query gets the mask of query 0."""
    return right(query, key, value, np.repeat(mask[:, :1], mask.shape[1], axis=1))


def fill_with(fill):
    """Make an implementation that gives hidden positions a finite score."""

    def filled(query, key, value, mask):
        weights = softmax(hide(scaled_scores(query, key), mask, fill))
        return weights @ value, weights

    return filled


def fill_added(query, key, value, mask):
    """A large negative number is added to hidden scores, not put in their place."""
    weights = softmax(scaled_scores(query, key) + np.where(mask, 0.0, -1e9))
    return weights @ value, weights


# --- the scale ---


def scale_forgotten(query, key, value, mask):
    """The scores are the dot products themselves."""
    return attend(agreement(query, key), value, mask)


def scale_by_src_len(query, key, value, mask):
    """Divided by sqrt(src_len)."""
    return attend(agreement(query, key) / math.sqrt(key.shape[1]), value, mask)


def scale_by_d_value(query, key, value, mask):
    """Divided by sqrt(d_value)."""
    return attend(agreement(query, key) / math.sqrt(value.shape[-1]), value, mask)


def scale_twice(query, key, value, mask):
    """Divided by sqrt(d_head) twice, or by d_head once."""
    return attend(agreement(query, key) / query.shape[-1], value, mask)


def scale_multiplied(query, key, value, mask):
    """Multiplied by sqrt(d_head)."""
    return attend(agreement(query, key) * math.sqrt(query.shape[-1]), value, mask)


# --- numbers that do not fit, and rows without words ---


def max_forgotten(query, key, value, mask):
    """Without the maximum, exp overflows for large scores."""
    votes = np.exp(hide(scaled_scores(query, key), mask))
    weights = votes / votes.sum(axis=-1, keepdims=True)
    return weights @ value, weights


def max_of_everything(query, key, value, mask):
    """One maximum for the whole batch: all votes of a low row vanish."""
    scores = hide(scaled_scores(query, key), mask)
    votes = np.exp(scores - scores.max())
    weights = votes / votes.sum(axis=-1, keepdims=True)
    return weights @ value, weights


def max_over_hidden(query, key, value, mask):
    """Hidden scores take part in the maximum: beside them all votes may vanish."""
    votes = softmax(scaled_scores(query, key)) * mask
    weights = votes / votes.sum(axis=-1, keepdims=True)
    return weights @ value, weights


def empty_row_nan(query, key, value, mask):
    """Right, except that a row with nothing to attend to is 0/0."""
    weights = softmax(hide(scaled_scores(query, key), mask))
    return weights @ value, weights


def uniform_by_rule(query, key, value, mask):
    """Hidden by -inf; a rule gives a row with nothing to attend to equal shares."""
    _, weights = right(query, key, value, mask)
    empty = ~mask.any(axis=-1, keepdims=True)
    weights = np.where(empty, 1.0 / mask.shape[-1], weights)
    return weights @ value, weights


# --- the caller's arrays ---


def query_scaled_in_place(query, key, value, mask):
    """The scale is written into the caller's query."""
    query /= math.sqrt(query.shape[-1])
    return attend(agreement(query, key), value, mask)


def value_hidden_in_place(query, key, value, mask):
    """The padding of the caller's values is overwritten with zeros."""
    value[~mask.any(axis=1)] = 0.0
    return right(query, key, value, mask)


def mask_flipped_in_place(query, key, value, mask):
    """The caller's mask is turned round and left so."""
    np.logical_not(mask, out=mask)
    return right(query, key, value, ~mask)


CATALOGUE: dict[str, dict[str, tuple[Implementation, ...]]] = {
    "ordinary": {
        "context_alone": (context_alone,),
        "weights_alone": (weights_alone,),
        "pair_reversed": (pair_reversed,),
        "weights_transposed": (weights_transposed,),
        "blends_keys": (blends_keys,),
        "softmax_over_targets": (
            softmax_over_targets,
            guarded(softmax_over_targets),
        ),
        "softmax_over_batch": (softmax_over_batch,),
        "softmax_over_everything": (softmax_over_everything,),
        "uniform": (uniform,),
        "keys_reshaped": (keys_reshaped,),
        "mask_forgotten": (mask_forgotten,),
        "mask_after_softmax": (mask_after_softmax,),
        "mask_after_context": (mask_after_context,),
        "mask_upside_down": (mask_upside_down, guarded(mask_upside_down)),
        "fill_zero": (fill_with(0.0),),
        "fill_small": (fill_with(-5.0), fill_with(-10.0)),
        "scale_forgotten": (scale_forgotten,),
        "scale_by_src_len": (scale_by_src_len,),
        "scale_by_d_value": (scale_by_d_value,),
        "scale_twice": (scale_twice,),
        "scale_multiplied": (scale_multiplied,),
    },
    "inputs": {
        "changes_its_input": (
            query_scaled_in_place,
            value_hidden_in_place,
            mask_flipped_in_place,
        ),
    },
    "per_query": {"mask_of_first_query": (mask_of_first_query,)},
    "low": {"fill_small": (fill_with(-25.0),)},
    "high": {
        "max_forgotten": (max_forgotten, guarded(max_forgotten)),
        "max_of_everything": (max_of_everything, guarded(max_of_everything)),
        "fill_large": (fill_with(-100.0),),
    },
    "far": {
        "max_over_hidden": (max_over_hidden, guarded(max_over_hidden)),
        "fill_large": (fill_with(-1e4),),
    },
    "empty": {
        "empty_row_nan": (empty_row_nan,),
        "empty_row_shared": (
            fill_with(-1e9),
            fill_with(np.finfo(np.float64).min),
            uniform_by_rule,
        ),
        "fill_added": (fill_added,),
    },
}
"""Wrong implementations by the probe that first sees them, and by their fault."""


def estimate_fill(probe, weights) -> float | None:
    """The finite score of a hidden position that would explain these weights.

    fill = log(weights_hidden / weights_real) + score_real, for one row that has both.

    Args:
        probe: query, key, value and mask.
        weights: what an implementation made of them.

    Returns:
        the score, or None if hidden positions receive nothing.
    """
    query, key, _, mask = probe
    b, t, hidden = np.argwhere(~mask)[0]
    real = np.flatnonzero(mask[b, t])[0]
    if not (weights[b, t, hidden] > 0.0 and weights[b, t, real] > 0.0):
        return None
    ratio = weights[b, t, hidden] / weights[b, t, real]
    return math.log(ratio) + scaled_scores(query, key)[b, t, real]

"""From scores and a mask to attention weights: the right way, and known wrong ones.

Several lessons have them in their catalogues, around scores of different kinds. Axis -1
holds what is shared out among; True in a mask means that it may be.
"""

import numpy as np


def softmax(scores, axis=-1):
    """Softmax; 0/0, and so NaN, where every score along the axis is -inf."""
    votes = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return votes / votes.sum(axis=axis, keepdims=True)


def masked_softmax(scores, mask):
    """Shares of one among the places where the mask is True; zeros if there is none."""
    scores = np.where(mask, scores, -np.inf)
    highest = scores.max(axis=-1, keepdims=True)
    votes = np.exp(scores - np.where(np.isneginf(highest), 0.0, highest))
    return _shared_out(votes)


def mask_ignored(scores, mask):
    """The mask has no effect."""
    return softmax(scores)


def mask_after(scores, mask):
    """What hidden places would have had is thrown away."""
    return softmax(scores) * mask


def filled_with(number):
    """Hidden scores are set to a number; -inf leaves 0/0 where all are hidden."""
    return lambda scores, mask: softmax(np.where(mask, scores, number))


def overflowing(scores, mask):
    """The largest score is not subtracted."""
    return _shared_out(np.where(mask, np.exp(scores), 0.0))


def hidden_maximum(scores, mask):
    """The largest of all scores is subtracted, hidden ones included."""
    return _shared_out(np.exp(scores - scores.max(axis=-1, keepdims=True)) * mask)


def _shared_out(votes):
    """Votes over their sum; zeros where there is no vote."""
    total = votes.sum(axis=-1, keepdims=True)
    return votes / np.where(total == 0.0, 1.0, total)

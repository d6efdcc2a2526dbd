"""Drawing a token at random: how likely each one is, and which one is drawn.

Pure functions, which the search for a translation and the language model share.

Left out: whatever looks at the tokens drawn before, such as a repetition penalty.

Twin: minis2s/torch_nn/sampling.py.
"""

import numpy as np
from jaxtyping import Float, Int

from minis2s.config import DecodeConfig
from minis2s.numpy_ref.softmax import softmax_forward


def sampling_probabilities(
    logits: Float[np.ndarray, "*rows vocab_size"], config: DecodeConfig
) -> Float[np.ndarray, "*rows vocab_size"]:
    """The distribution that a token is drawn from: temperature, top_k, top_p.

    p(v) = exp(logits_v / temperature) / sum_u exp(logits_u / temperature)

    Then only the top_k likeliest tokens stay, and of these only the nucleus: the
    fewest of the likeliest whose probability reaches top_p. Each time the others get
    zero, and what stays is divided by its sum. Ties go to the lowest id.

    Args:
        logits: unnormalised log-probabilities; -inf where a token is impossible.
        config: temperature, top_k and top_p.

    Returns:
        probabilities.

    Source: Fan, Lewis and Dauphin 2018, arXiv:1805.04833 (top_k); Holtzman et al.
        2020, section 3.1, arXiv:1904.09751 (top_p, "nucleus sampling").

    >>> logits = np.log([0.1, 0.4, 0.3, 0.2])
    >>> sampling_probabilities(logits, DecodeConfig(top_k=3, top_p=0.5)).round(3)
    array([0.   , 0.571, 0.429, 0.   ])
    """
    order = np.argsort(-logits, axis=-1, kind="stable")  # the likeliest first
    ranked = np.take_along_axis(logits, order, axis=-1)
    if config.top_k:
        ranked[..., config.top_k :] = -np.inf
    # Less the largest before dividing: two large logits divided first would be rounded,
    # and lose some of the distance between them.
    ranked = (ranked - ranked[..., :1]) / config.temperature
    ranked, _ = softmax_forward(ranked)
    if config.top_p < 1.0:
        reached = ranked.cumsum(axis=-1, dtype=np.float64) >= config.top_p
        ranked[..., 1:][reached[..., :-1]] = 0.0  # enough was there without them
        ranked /= ranked.sum(axis=-1, keepdims=True)
    probabilities = np.empty_like(ranked)
    np.put_along_axis(probabilities, order, ranked, axis=-1)
    return probabilities


def draw_tokens(
    probabilities: Float[np.ndarray, "*rows vocab_size"],
    uniform: Float[np.ndarray, "*rows"],
) -> Int[np.ndarray, "*rows"]:
    """The inverse of the cumulative distribution: one number draws one token.

    token = the least v with p(0) + ... + p(v) > uniform

    The tokens lie side by side from 0 to 1, each as wide as it is probable, and the
    number is a point that falls on one of them. Rounding may leave the last end a
    little off 1; the point is scaled to it. What has no width is never hit.

    Args:
        probabilities: of each token; they sum to 1.
        uniform: a number for each row, at least 0 and below 1.

    >>> draw_tokens(np.array([[0.2, 0.0, 0.8]] * 3), np.array([0.1, 0.2, 0.9]))
    array([0, 2, 2])
    """
    ends = probabilities.cumsum(axis=-1, dtype=np.float64)
    return (ends <= uniform[..., None] * ends[..., -1:]).sum(axis=-1)

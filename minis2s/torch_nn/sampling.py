"""Drawing a token at random: how likely each one is, and which one is drawn.

Pure functions, which the search for a translation and the language model share.

Left out: whatever looks at the tokens drawn before, such as a repetition penalty.

Twin: minis2s/numpy_ref/sampling.py.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minis2s.config import DecodeConfig


def sampling_probabilities(
    logits: Float[Tensor, "*rows vocab_size"], config: DecodeConfig
) -> Float[Tensor, "*rows vocab_size"]:
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
    """
    ranked, order = logits.sort(dim=-1, descending=True, stable=True)
    if config.top_k:
        ranked[..., config.top_k :] = -torch.inf
    # Less the largest before dividing: two large logits divided first would be rounded,
    # and lose some of the distance between them.
    ranked = (ranked - ranked[..., :1]) / config.temperature
    ranked = ranked.softmax(dim=-1)
    if config.top_p < 1.0:
        reached = ranked.cumsum(dim=-1, dtype=torch.float64) >= config.top_p
        ranked[..., 1:][reached[..., :-1]] = 0.0  # enough was there without them
        ranked /= ranked.sum(dim=-1, keepdim=True)
    return torch.empty_like(ranked).scatter_(-1, order, ranked)


def draw_tokens(
    probabilities: Float[Tensor, "*rows vocab_size"], uniform: Float[Tensor, "*rows"]
) -> Int[Tensor, "*rows"]:
    """The inverse of the cumulative distribution: one number draws one token.

    token = the least v with p(0) + ... + p(v) > uniform

    The tokens lie side by side from 0 to 1, each as wide as it is probable, and the
    number is a point that falls on one of them. Rounding may leave the last end a
    little off 1; the point is scaled to it. What has no width is never hit.

    Args:
        probabilities: of each token; they sum to 1.
        uniform: a number for each row, at least 0 and below 1.
    """
    ends = probabilities.cumsum(dim=-1, dtype=torch.float64)
    return (ends <= uniform.unsqueeze(-1) * ends[..., -1:]).sum(dim=-1)

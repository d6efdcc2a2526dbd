"""Decoding, one token of the vocabulary at a time, and by trying everything."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from minis2s.text.tokenizers import EOS_ID


def sampling_probabilities(
    logits: Float[np.ndarray, " vocab_size"],
    temperature: float,
    top_k: int,
    top_p: float,
) -> Float[np.ndarray, " vocab_size"]:
    """The distribution that a token is drawn from: temperature, then top_k, then top_p.

    p(v) = exp(logits_v / temperature) / sum_u exp(logits_u / temperature)

    Here u and v are among the tokens that stay.

    Args:
        logits: unnormalised log-probabilities; -inf where a token is impossible.
        temperature: what the logits are divided by.
        top_k: how many of the likeliest tokens stay; 0 is all of them.
        top_p: the fewest of the likeliest whose probability reaches it stay.

    Returns:
        probabilities; zero where a token does not stay.

    Source: Fan, Lewis and Dauphin 2018, arXiv:1805.04833 (top_k); Holtzman et al.
        2020, section 3.1, arXiv:1904.09751 (top_p).
    """
    likeliest_first = sorted(range(len(logits)), key=lambda v: (-logits[v], v))
    staying = likeliest_first[:top_k] if top_k else likeliest_first
    shares = _shares(logits, staying, temperature)
    nucleus, total = [], 0.0
    for v in staying:
        if total < top_p or top_p == 1.0:
            nucleus.append(v)
            total += shares[v]
    return _shares(logits, nucleus, temperature)


def _shares(
    logits: Float[np.ndarray, " vocab_size"], staying: Sequence[int], temperature: float
) -> Float[np.ndarray, " vocab_size"]:
    """The softmax over the tokens that stay, and zero elsewhere."""
    highest = max(logits[v] for v in staying)
    shares = np.zeros(len(logits))
    for v in staying:
        shares[v] = math.exp((logits[v] - highest) / temperature)
    return shares / sum(shares)


def draw_token(probabilities: Float[np.ndarray, " vocab_size"], uniform: float) -> int:
    """The first token at which the probabilities, added up, exceed a number.

    >>> [draw_token(np.array([0.25, 0.0, 0.75]), u) for u in (0.0, 0.25, 0.99)]
    [0, 2, 2]
    """
    total, token = 0.0, -1
    while total <= uniform:
        token += 1
        total += probabilities[token]
    return token


def coverage_penalty(
    weights: Float[np.ndarray, "tgt_len src_len"], coverage: float
) -> float:
    """What a translation pays for source tokens that it hardly looked at.

    coverage * sum_s log(min(sum_t weights_ts, 1)); a sum below 1e-30 counts as that.

    >>> round(coverage_penalty(np.array([[0.5, 0.5], [0.0, 1.0]]), 1.0), 3)
    -0.693

    Args:
        weights: the attention of each target token.
        coverage: beta of the paper.

    Source: Wu et al. 2016, eq. 14, arXiv:1609.08144.
    """
    total = 0.0
    for s in range(weights.shape[1]):
        looked = sum(float(row[s]) for row in weights)
        total += math.log(max(min(looked, 1.0), 1e-30))
    return coverage * total


def exhaustive_search(
    next_log_prob: Callable[[list[int]], Float[np.ndarray, " vocab_size"]],
    max_len: int,
    alpha: float,
    n_best: int = 1,
    penalty: Callable[[list[int]], float] = lambda tokens: 0.0,
) -> list[tuple[list[int], float]]:
    """The best of all translations that end within a length, by trying every one.

    score = sum log p / len^alpha + penalty, EOS counted

    There are vocab_size^n beginnings of n tokens, which is why every other search looks
    at some of them only.

    Args:
        next_log_prob: log-probabilities of the next token after given ones; -inf
            where a token is impossible.
        max_len: most tokens of a translation, EOS counted.
        alpha: exponent of the length.
        n_best: how many are returned, if there are as many.
        penalty: what is added to the score of a translation that has ended.

    Returns:
        tokens, the last one EOS, and their score, best first; of equals the shortest.
    """
    ended, beginnings = [], [([], 0.0)]
    for length in range(1, max_len + 1):
        longer = []
        for tokens, total in beginnings:
            for token, log_prob in enumerate(next_log_prob(tokens)):
                grown, grown_total = [*tokens, token], total + float(log_prob)
                if token != EOS_ID and log_prob > -math.inf:
                    longer.append((grown, grown_total))
                elif log_prob > -math.inf:
                    ended.append((grown, grown_total / length**alpha + penalty(grown)))
        beginnings = longer
    return sorted(ended, key=lambda found: -found[1])[:n_best]

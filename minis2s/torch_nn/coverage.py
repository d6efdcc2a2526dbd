"""Coverage: a translation pays for what it has left out of the source.

Twin: minis2s/numpy_ref/coverage.py. The penalty is added to the score of a hypothesis
when it ends, beside the length norm, and not while it grows: what has not been looked
at yet may still be. It is at most 0, so that a search which knows the greatest score
that a beginning could end with without it knows one with it, too.
"""

from jaxtyping import Float
from torch import Tensor

from minis2s.config import InputError

_LEAST = 1e-30
"""A source token that nothing looked at counts as this, and no score is infinite."""


def cover(
    covered: Float[Tensor, "rows src_len"],
    weights: Float[Tensor, "rows n_layers n_heads src_len"],
    coverage: float,
) -> tuple[Float[Tensor, "rows src_len"], Float[Tensor, " rows"]]:
    """Attention added to what was there, and the price of ending after it.

    Args:
        covered: attention that each source token has had; 1 where there is padding.
        weights: attention of one step, or of several added up.
        coverage: beta of coverage_penalty; with 0, nothing is added up.

    Returns:
        covered, after that, and the penalty.

    Raises:
        InputError: if there is to be a penalty, and no attention.
    """
    if not coverage:
        return covered, covered.new_zeros(len(covered))
    covered = covered + last_map(weights)
    return covered, coverage_penalty(covered, coverage)


def last_map(
    weights: Float[Tensor, "rows n_layers n_heads src_len"],
) -> Float[Tensor, "rows src_len"]:
    """The mean of the last layer's heads: the map that a translator shows.

    Raises:
        InputError: if there is no layer.
    """
    if not weights.shape[1]:
        raise InputError("coverage must be 0 for a model without attention")
    return weights[:, -1].mean(dim=1)


def coverage_penalty(
    covered: Float[Tensor, "rows src_len"], coverage: float
) -> Float[Tensor, " rows"]:
    """What is left out costs cp = beta sum_s log(min(covered_s, 1)).

    Here covered_s = sum_t weights_ts. Each minimum is at most 1, its logarithm at most
    0, and beta not below 0: so cp is at most 0. It is 0 if every source token had as
    much attention as one target token gives.

    Args:
        covered: attention that each source token has had from all target tokens.
        coverage: beta, in nats.

    Source: Wu et al. 2016, eq. 14, arXiv:1609.08144.
    """
    return coverage * covered.clamp(_LEAST, 1.0).log().sum(dim=1)

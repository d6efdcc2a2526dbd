"""Tokens and positions to vectors, number by number."""

import numpy as np
from jaxtyping import Float, Int


def embedding(
    ids: Int[np.ndarray, "batch len"], weight: Float[np.ndarray, "vocab_size d_embed"]
) -> Float[np.ndarray, "batch len d_embed"]:
    """Each token's row of a table, copied number by number.

    embedded_btd = weight_vd, with v = ids_bt

    Args:
        ids: the tokens.
        weight: one row for each entry of the vocabulary.

    Returns:
        embedded.
    """
    batch, length = ids.shape
    embedded = np.zeros((batch, length, weight.shape[1]))
    for b, t, d in np.ndindex(embedded.shape):
        embedded[b, t, d] = weight[ids[b, t], d]
    return embedded

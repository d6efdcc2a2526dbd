"""Tokens and positions to vectors, number by number."""

import math

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


def sinusoidal_positions(
    length: int, d_model: int
) -> Float[np.ndarray, "length d_model"]:
    """The vectors of the first positions, one pair of features at a time.

    PE(pos, 2i) = sin(pos / 10000^(2i / d_model))
    PE(pos, 2i + 1) = cos(pos / 10000^(2i / d_model))

    Args:
        length: how many positions, from 0.
        d_model: width of a vector; even.

    Returns:
        positions.

    Source: Vaswani et al. 2017, section 3.5, arXiv:1706.03762.
    """
    positions = np.zeros((length, d_model))
    for position in range(length):
        for i in range(d_model // 2):
            angle = position / 10000 ** (2 * i / d_model)
            positions[position, 2 * i] = math.sin(angle)
            positions[position, 2 * i + 1] = math.cos(angle)
    return positions

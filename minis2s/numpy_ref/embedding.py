"""Token ids to vectors.

Twin: minis2s/torch_nn/embedding.py. Left out here: positions, which a recurrent
network does not need.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from minis2s.numpy_ref.layer import Layer


class EmbeddingCache(NamedTuple):
    """What embedding_backward needs to know."""

    ids: Int[np.ndarray, "*axes"]
    """which rows were read"""
    vocab_size: int
    """how many rows there are"""


def embedding_forward(
    ids: Int[np.ndarray, "*axes"], weight: Float[np.ndarray, "vocab_size d_embed"]
) -> tuple[Float[np.ndarray, "*axes d_embed"], EmbeddingCache]:
    """Look up the vector of each token.

    embedded = weight[ids], which is one_hot(ids) weight without the zeros.

    Args:
        ids: tokens, in any arrangement.
        weight: one row for each entry of the vocabulary.

    Returns:
        embedded, and the cache for embedding_backward.

    Raises:
        ValueError: if an id names no row.
    """
    vocab_size = len(weight)
    if ids.size and not 0 <= ids.min() <= ids.max() < vocab_size:
        # A negative id would count from the end, and nobody would notice.
        raise ValueError(
            f"ids: must lie in 0..{vocab_size - 1}, got {ids.min()}..{ids.max()}"
        )
    return weight[ids], EmbeddingCache(ids, vocab_size)  # (*axes, d_embed)


def embedding_backward(
    grad_embedded: Float[np.ndarray, "*axes d_embed"], cache: EmbeddingCache
) -> Float[np.ndarray, "vocab_size d_embed"]:
    """Gradient of the lookup.

    grad_weight_v = sum of grad_embedded over the positions that hold token v

    `grad_weight[ids] += grad_embedded` would keep only one of a token's positions;
    np.add.at adds them all. Sorting the ids and adding up runs of equal ones takes half
    the time (2 ms less for 2048 tokens of width 256), of a training step in which the
    layers above take hundreds.

    Args:
        grad_embedded: gradient of the loss with respect to the vectors.
        cache: from embedding_forward.

    Returns:
        grad_weight: zero in the row of every token that did not occur.
    """
    ids, vocab_size = cache
    d_embed = grad_embedded.shape[-1]
    grad_weight = np.zeros((vocab_size, d_embed), dtype=grad_embedded.dtype)
    np.add.at(grad_weight, ids, grad_embedded)
    return grad_weight


class Embedding(Layer):
    """A table with one row for each entry of the vocabulary: see embedding_forward.

    Args:
        vocab_size: number of rows.
        d_embed: width of a row.
        rng: draws the rows from N(0, 1/d_embed), so that the same table can serve as
            an output layer (Press and Wolf 2017, arXiv:1608.05859).
    """

    def __init__(self, vocab_size: int, d_embed: int, rng: np.random.Generator) -> None:
        super().__init__(weight=rng.normal(size=(vocab_size, d_embed)) * d_embed**-0.5)

    def forward(
        self, ids: Int[np.ndarray, "*axes"]
    ) -> tuple[Float[np.ndarray, "*axes d_embed"], EmbeddingCache]:
        """The rows that the ids name, and the cache for `backward`."""
        return embedding_forward(ids, self.params["weight"])

    def backward(
        self, grad_embedded: Float[np.ndarray, "*axes d_embed"], cache: EmbeddingCache
    ) -> None:
        """Add up the gradient of the table; ids have none."""
        self.add_gradients(embedding_backward(grad_embedded, cache))

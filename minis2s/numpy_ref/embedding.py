"""Token ids to vectors, and positions to vectors.

A recurrent network reads a sentence in its order. Attention sees a set, and so a
Transformer adds to each token's vector one that says where it stands: a sinusoid, or a
row that is learned like that of a token.

Left out: positions that enter the attention instead (relative, rotary).

Twin: minis2s/torch_nn/embedding.py.
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
        TypeError: if the ids are no integers.
    """
    if not np.issubdtype(ids.dtype, np.integer):
        raise TypeError(f"ids: must be integers, got {ids.dtype}")
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
    np.add.at adds them all. To sort the ids and add up runs of equal ones would take
    half the time. That saves 2 ms (2048 tokens of width 256) of a training step whose
    other layers take hundreds.

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


def sinusoidal_positions(
    length: int, d_model: int
) -> Float[np.ndarray, "length d_model"]:
    """The vectors of the first positions: clock hands, each pair slower than the last.

    PE(pos, 2i) = sin(pos / 10000^(2i / d_model))
    PE(pos, 2i + 1) = cos(pos / 10000^(2i / d_model))

    Sines and cosines take turns, as in the paper. Some code puts all sines before all
    cosines; the same numbers in another order, but a checkpoint knows only one.

    Args:
        length: how many positions, from 0.
        d_model: width of a vector; even, since sine and cosine go in pairs.

    Returns:
        positions, in float64.

    Raises:
        ValueError: if d_model is odd.

    Source: Vaswani et al. 2017, section 3.5, arXiv:1706.03762.

    >>> sinusoidal_positions(2, 4).round(2).tolist()
    [[0.0, 1.0, 0.0, 1.0], [0.84, 0.54, 0.01, 1.0]]
    """
    if d_model % 2:
        raise ValueError(
            f"d_model: must be even for sinusoidal positions, got {d_model}"
        )
    steps_per_radian = 10000.0 ** (np.arange(0, d_model, 2) / d_model)
    angle = np.arange(length)[:, None] / steps_per_radian  # (length, d_model / 2)
    pairs = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    return pairs.reshape(length, d_model)


class SinusoidalPositions(Layer):
    """Adds sinusoidal_positions, of which there is nothing to learn.

    Args:
        d_model: width of a vector; even.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.d_model = d_model

    def forward(
        self, x: Float[np.ndarray, "batch len d_model"], *, start: int = 0
    ) -> tuple[Float[np.ndarray, "batch len d_model"], None]:
        """Tell each vector where it stands.

        Args:
            x: a vector for each token.
            start: position of the first of them; when decoding, how many there were
                before.

        Returns:
            x + positions, and the cache for `backward`, which needs none.
        """
        positions = sinusoidal_positions(start + x.shape[1], self.d_model)
        return x + positions[start:].astype(x.dtype), None

    def backward(
        self, grad_out: Float[np.ndarray, "batch len d_model"], cache: None
    ) -> Float[np.ndarray, "batch len d_model"]:
        """grad_x: what was added to x does not change its gradient."""
        return grad_out


class LearnedPositions(Layer):
    """Adds a row of a table to each vector: a position is looked up like a token.

    out_t = x_t + weight[start + t]

    It knows only the positions that it was trained on: beyond max_len there are no
    rows, and rows that only long sentences reach have learned little.

    Args:
        max_len: number of positions.
        d_model: width of a vector.
        rng: draws the rows from N(0, 1/d_model), as Embedding does.

    Source: Gehring et al. 2017, section 3.1, arXiv:1705.03122.
    """

    def __init__(self, max_len: int, d_model: int, rng: np.random.Generator) -> None:
        super().__init__(weight=rng.normal(size=(max_len, d_model)) * d_model**-0.5)

    def forward(
        self, x: Float[np.ndarray, "batch len d_model"], *, start: int = 0
    ) -> tuple[Float[np.ndarray, "batch len d_model"], EmbeddingCache]:
        """Tell each vector where it stands.

        Args:
            x: a vector for each token.
            start: position of the first of them; when decoding, how many there were
                before.

        Returns:
            x + positions, and the cache for `backward`.

        Raises:
            ValueError: if there are fewer than start + len rows.
        """
        max_len, end = len(self.params["weight"]), start + x.shape[1]
        if end > max_len:
            raise ValueError(
                f"x: must have at most {max_len} positions (max_len), got {end}"
            )
        rows, cache = embedding_forward(np.arange(start, end), self.params["weight"])
        return x + rows, cache

    def backward(
        self, grad_out: Float[np.ndarray, "batch len d_model"], cache: EmbeddingCache
    ) -> Float[np.ndarray, "batch len d_model"]:
        """grad_x; each row's gradient, summed over the sentences, is added up."""
        self.add_gradients(embedding_backward(grad_out.sum(axis=0), cache))
        return grad_out

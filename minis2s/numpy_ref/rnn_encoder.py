"""The recurrent encoder: layers that read the source in both directions.

Here too are `Memory`, which it hands to the decoder, and the table of cells that both
are made of. Dropout acts if a generator is passed, and rests otherwise.

Left out: layers that read in one direction only, as in Sutskever et al. 2014.

Source: Bahdanau, Cho and Bengio 2014, arXiv:1409.0473, section 3.2.

Twin: minis2s/torch_nn/rnn_encoder.py.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from minis2s.config import RNNConfig
from minis2s.numpy_ref.bidirectional import Bidirectional, BidirectionalCache
from minis2s.numpy_ref.embedding import Embedding, EmbeddingCache
from minis2s.numpy_ref.functional import DropoutCache
from minis2s.numpy_ref.gru import GRU
from minis2s.numpy_ref.layer import Dropout, Layer
from minis2s.numpy_ref.lstm import LSTM
from minis2s.numpy_ref.masks import mask_lengths
from minis2s.numpy_ref.rnn import RNN

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
"""What a recurrent layer may be, by its name in the configuration."""


class Memory(NamedTuple):
    """What the encoder hands to the decoder; every row belongs to one sentence."""

    value: Float[np.ndarray, "batch *n_heads src_len d_value"]
    """The encoder's outputs; for several heads, projected once."""
    key: Float[np.ndarray, "batch *n_heads src_len d_key"]
    """The same, projected once for the attention's score."""
    mask: Bool[np.ndarray, "batch src_len"]
    """True where there is a source token."""
    final: tuple[Float[np.ndarray, "batch d_memory"], ...]
    """[h_fwd at the last token; h_bwd at the first], for each encoder layer."""


class EncoderCache(NamedTuple):
    """What Encoder.backward needs to know."""

    embedding: EmbeddingCache
    layers: tuple[BidirectionalCache, ...]
    gaps: tuple[DropoutCache | None, ...]
    """what was dropped before each layer, and after the last"""
    end_gaps: tuple[DropoutCache | None, ...]
    """what was dropped where each layer's readings ended"""
    last: Int[np.ndarray, " batch"]
    """where each sentence has its last token"""


class Encoder(Layer):
    """Bidirectional layers over embedded source tokens.

    memory = [h_fwd; h_bwd] of the last layer, at every token
    final_k = [h_fwd at the last token; h_bwd at the first] of layer k

    Dropout acts before each layer, and on all that is handed over. For `final` it is
    drawn here, once for each sentence: all that read it, however often, read the same.

    Args:
        embedding: the table of source tokens.
        config: the cell, sizes and the rate of dropout.
        rng: draws the weights.
    """

    def __init__(
        self, embedding: Embedding, config: RNNConfig, rng: np.random.Generator
    ) -> None:
        super().__init__()
        cell, d_hidden = CELLS[config.cell], config.d_hidden
        widths = [config.d_embed] + [2 * d_hidden] * (config.n_layers - 1)
        self.embedding = embedding
        self.layers = [Bidirectional(cell, width, d_hidden, rng) for width in widths]
        self.dropout = Dropout(config.dropout)

    def forward(
        self,
        src: Int[np.ndarray, "batch src_len"],
        src_mask: Bool[np.ndarray, "batch src_len"],
        *,
        rng: np.random.Generator | None = None,
    ) -> tuple[
        Float[np.ndarray, "batch src_len d_memory"],
        tuple[Float[np.ndarray, "batch d_memory"], ...],
        EncoderCache,
    ]:
        """The last layer's outputs, and where each layer's two readings ended."""
        last = mask_lengths(src_mask) - 1
        outputs, embedding_cache = self.embedding.forward(src)
        ends, caches, gaps = [], [], []
        for layer in self.layers:
            outputs, gap = self.dropout.forward(outputs, rng)
            outputs, cache = layer.forward(outputs, src_mask)
            ends.append(_ends(outputs, last))
            caches.append(cache)
            gaps.append(gap)
        outputs, gap = self.dropout.forward(outputs, rng)
        dropped = [self.dropout.forward(end, rng) for end in ends]
        final, end_gaps = zip(*dropped, strict=True)
        cache = EncoderCache(
            embedding_cache, tuple(caches), (*gaps, gap), end_gaps, last
        )
        return outputs, final, cache

    def backward(
        self,
        grad_outputs: Float[np.ndarray, "batch src_len d_memory"],
        grad_final: tuple[Float[np.ndarray, "batch d_memory"], ...],
        cache: EncoderCache,
    ) -> None:
        """Add up the gradients of all parameters; token ids have none.

        A layer's outputs are read from above, and at two places as its `final`.
        """
        grad = self.dropout.backward(grad_outputs, cache.gaps[-1])
        for k in reversed(range(len(self.layers))):
            grad_end = self.dropout.backward(grad_final[k], cache.end_gaps[k])
            grad = _ends_backward(grad, grad_end, cache.last)
            grad = self.layers[k].backward(grad, cache.layers[k])
            grad = self.dropout.backward(grad, cache.gaps[k])
        self.embedding.backward(grad, cache.embedding)


def _ends(
    outputs: Float[np.ndarray, "batch src_len d_memory"],
    last: Int[np.ndarray, " batch"],
) -> Float[np.ndarray, "batch d_memory"]:
    """[h_fwd at the last token; h_bwd at the first]."""
    h_fwd, h_bwd = np.split(outputs, 2, axis=-1)
    return np.concatenate([h_fwd[np.arange(len(last)), last], h_bwd[:, 0]], axis=-1)


def _ends_backward(
    grad_outputs: Float[np.ndarray, "batch src_len d_memory"],
    grad_end: Float[np.ndarray, "batch d_memory"],
    last: Int[np.ndarray, " batch"],
) -> Float[np.ndarray, "batch src_len d_memory"]:
    """grad_outputs, to which the two ends add theirs where they stand."""
    grad = grad_outputs.copy()
    grad_fwd, grad_bwd = np.split(grad, 2, axis=-1)  # views: adding writes grad
    end_fwd, end_bwd = np.split(grad_end, 2, axis=-1)
    grad_fwd[np.arange(len(last)), last] += end_fwd
    grad_bwd[:, 0] += end_bwd
    return grad

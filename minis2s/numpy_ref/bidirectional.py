"""Two recurrent layers over one sentence: one reads forwards, the other backwards.

Any cell of this wing will do, since all share one interface: `forward(x)` returns the
outputs, the last state and a cache; `backward(grad_outputs, cache)` returns gradients.

Left out: a state from outside. Both layers begin at zero, as an encoder does.

Source: Schuster and Paliwal 1997, "Bidirectional Recurrent Neural Networks".

Twin: minis2s/torch_nn/bidirectional.py.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from minis2s.numpy_ref.checks import check_bool, check_padding, check_shape
from minis2s.numpy_ref.layer import Layer
from minis2s.numpy_ref.masks import reversal_index


class BidirectionalCache(NamedTuple):
    """What Bidirectional.backward needs to know."""

    mask: Bool[np.ndarray, "batch len"]
    index: Int[np.ndarray, "batch len"]
    """the order in which the backward layer reads"""
    fwd: NamedTuple
    """cache of the forward layer"""
    bwd: NamedTuple
    """cache of the backward layer"""


class Bidirectional(Layer):
    """Two layers side by side, one for each direction of reading.

    h_fwd_t = fwd(x_1, ..., x_t),  h_bwd_t = bwd(x_T, ..., x_t)

    The backward layer reads each sentence from its own last token, however much padding
    follows, so that a sentence is read alike in every batch.

    Args:
        cell: the class of both layers: RNN, GRU or LSTM.
        d_input: width of x_t.
        d_hidden: width of each layer's state.
        rng: draws the weights of both.
    """

    def __init__(
        self, cell: type[Layer], d_input: int, d_hidden: int, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.fwd = cell(d_input, d_hidden, rng)
        self.bwd = cell(d_input, d_hidden, rng)

    def forward(
        self,
        x: Float[np.ndarray, "batch len d_input"],
        mask: Bool[np.ndarray, "batch len"],
    ) -> tuple[Float[np.ndarray, "batch len d_memory"], BidirectionalCache]:
        """The outputs of both layers, and the cache for `backward`.

        Args:
            x: the inputs.
            mask: True at tokens; padding stands behind them.

        Returns:
            [h_fwd; h_bwd], 2 d_hidden wide, at every token, zeros on padding; and the
            cache.

        Raises:
            ValueError: if a rank or a shared axis disagrees, or a token stands behind
                padding.
            TypeError: if the mask is not boolean.
        """
        check_shape("x", x, batch=None, len=None, d_input=None)
        check_shape("mask", mask, batch=len(x), len=x.shape[1])
        check_bool("mask", mask)
        check_padding("mask", mask)
        index = reversal_index(mask)
        h_fwd, _, fwd_cache = self.fwd.forward(x)
        h_bwd, _, bwd_cache = self.bwd.forward(_reorder(x, index))
        both = np.concatenate([h_fwd, _reorder(h_bwd, index)], axis=-1)
        cache = BidirectionalCache(mask, index, fwd_cache, bwd_cache)
        return both * mask[..., None], cache

    def backward(
        self,
        grad_both: Float[np.ndarray, "batch len d_memory"],
        cache: BidirectionalCache,
    ) -> Float[np.ndarray, "batch len d_input"]:
        """grad_x, exactly zero on padding; the other gradients are added up.

        Reversing twice changes nothing, so the gradient of a reversal is a reversal.
        """
        mask, index, fwd_cache, bwd_cache = cache
        grad_fwd, grad_bwd = np.split(grad_both * mask[..., None], 2, axis=-1)
        grad_x_fwd, _ = self.fwd.backward(grad_fwd, fwd_cache)
        grad_x_bwd, _ = self.bwd.backward(_reorder(grad_bwd, index), bwd_cache)
        return grad_x_fwd + _reorder(grad_x_bwd, index)


def _reorder(
    x: Float[np.ndarray, "batch len d"], index: Int[np.ndarray, "batch len"]
) -> Float[np.ndarray, "batch len d"]:
    return x[np.arange(len(x))[:, None], index]

"""Token ids to vectors.

Twin: minis2s/numpy_ref/embedding.py. Left out here: positions, which a recurrent
network does not need.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class Embedding(nn.Module):
    """A table with one row for each entry of the vocabulary.

    embedded = weight[ids]. Rows are drawn from N(0, 1/d_embed), so that the same
    table can serve as an output layer (Press and Wolf 2017, arXiv:1608.05859).
    """

    def __init__(self, vocab_size: int, d_embed: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(vocab_size, d_embed) * d_embed**-0.5)

    def forward(
        self, ids: Int[Tensor, "batch len"]
    ) -> Float[Tensor, "batch len d_embed"]:
        """The rows that the ids name."""
        return nn.functional.embedding(ids, self.weight)

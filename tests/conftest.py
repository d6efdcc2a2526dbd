"""What several tests need: a seeded generator and a model small enough to search."""

import numpy as np
import pytest
import torch

from minis2s.config import RNNConfig
from minis2s.torch_nn.seq2seq import Seq2Seq


@pytest.fixture
def rng():
    """A seeded NumPy generator."""
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def make_model():
    """Build a tiny translator whose every parameter, biases too, is random."""

    def make(**changes):
        sizes = {"vocab_size": 23, "d_embed": 5, "d_hidden": 7, "d_decoder": 14}
        model = Seq2Seq(RNNConfig(**{**sizes, **changes}))
        for value in model.parameters():
            torch.nn.init.normal_(value, std=0.6)
        return model.eval()

    return make


@pytest.fixture
def ragged_src():
    """Three sentences of 7, 5 and 2 tokens, the last of each EOS, padded behind."""
    src = torch.randint(4, 23, (3, 7))
    for row, length in zip(src, (7, 5, 2), strict=True):
        row[length - 1], row[length:] = 3, 0
    return src

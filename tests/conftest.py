"""What several tests need: a seeded generator and a model small enough to search."""

import numpy as np
import pytest
import torch

from minis2s.config import RNNConfig
from minis2s.torch_nn.seq2seq import Seq2Seq

_VARIANTS = (
    "rnn none 1 all", "lstm none 2 none", "gru none 2 target",
    "rnn fixed 2 target", "lstm fixed 1 none", "gru fixed 2 all",
    "lstm additive 1 all", "lstm dot 2 target", "lstm general 1 none",
    "lstm general 2 all", "rnn scaled 2 none", "gru additive 1 target",
    "rnn additive+ 2 all", "lstm general+ 1 target", "gru dot+ 1 none",
    "rnn general+ 1 none", "lstm scaled+ 2 none", "gru general+ 2 all",
    "lstm dot+ 2 all", "lstm multi_head 2 all", "rnn multi_head 1 target",
    "gru multi_head+ 1 none",
)  # fmt: skip
"""Cell, attention (+ with input feeding), layers, tie: any two values that may stand
together do so somewhere, scores aside, which differ in nothing but the score."""


@pytest.fixture(params=_VARIANTS)
def variant(request):
    """What is changed in a configuration, for each kind of recurrent translator."""
    cell, attention, n_layers, tie = request.param.split()
    changes = {"cell": cell, "attention": attention.rstrip("+"), "tie": tie}
    return {**changes, "n_layers": int(n_layers), "input_feeding": "+" in attention}


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
        sizes["n_heads"] = 2
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


@pytest.fixture
def chi_square():
    """How far draws are from their probabilities: above 1 once in 1,000 seeds."""

    def statistic(tokens, probabilities):
        """Pearson's statistic over its 99.9 % quantile.

        By Wilson and Hilferty the quantile for n degrees of freedom, which are the
        possible tokens but one, is about n (1 - 2 / (9 n) + 3.09 sqrt(2 / (9 n)))^3.
        """
        counts = np.bincount(tokens, minlength=len(probabilities))
        possible = probabilities > 0
        assert not counts[~possible].any()
        expected = len(tokens) * probabilities[possible]
        n = max(len(expected) - 1, 1)
        quantile = n * (1 - 2 / (9 * n) + 3.09 * (2 / (9 * n)) ** 0.5) ** 3
        return ((counts[possible] - expected) ** 2 / expected).sum() / quantile

    return statistic

"""The encoder: where its readings end, what dropout does to them, and the way back.

Three sentences of 7, 5 and 2 tokens; the whole model is in test_seq2seq.py.
"""

import numpy as np
import pytest

from minis2s.config import RNNConfig
from minis2s.numpy_ref.embedding import Embedding
from minis2s.numpy_ref.gradcheck import check_gradient
from minis2s.numpy_ref.masks import padding_mask
from minis2s.numpy_ref.rnn_encoder import CELLS, Encoder

VOCAB_SIZE, D_EMBED, D_HIDDEN, SRC_LEN = 23, 2, 3, 7
LENGTHS = (7, 5, 2)
GRADIENT = 1e-6


@pytest.fixture(params=CELLS)
def make_encoder(request):
    """Build an encoder of each cell, every parameter random."""

    def make(**changes):
        sizes = {"d_embed": D_EMBED, "d_hidden": D_HIDDEN, "dropout": 0.0, **changes}
        config = RNNConfig(vocab_size=VOCAB_SIZE, cell=request.param, **sizes)
        rng = np.random.default_rng(1)
        encoder = Encoder(Embedding(VOCAB_SIZE, D_EMBED, rng), config, rng)
        names = encoder.named_parameters()
        encoder.load({n: rng.normal(size=p.shape) for n, p in names})
        return encoder

    return make


@pytest.fixture
def src(rng):
    """Padded source tokens."""
    src = rng.integers(4, VOCAB_SIZE, size=(len(LENGTHS), SRC_LEN))
    return src * (np.arange(SRC_LEN) < np.array(LENGTHS)[:, None])


def test_the_end_is_where_each_reading_stopped(make_encoder, src):
    """Forwards at the last token, backwards at the first, and not at padding."""
    outputs, final, _ = make_encoder().forward(src, padding_mask(src))
    for b, length in enumerate(LENGTHS):
        np.testing.assert_array_equal(
            final[0][b, :D_HIDDEN], outputs[b, length - 1, :D_HIDDEN]
        )
        np.testing.assert_array_equal(final[0][b, D_HIDDEN:], outputs[b, 0, D_HIDDEN:])


def test_every_layer_has_an_end_of_its_own(make_encoder, src):
    """Two layers, two ends, which differ; the last belongs to the outputs."""
    outputs, final, _ = make_encoder(n_layers=2).forward(src, padding_mask(src))
    assert len(final) == 2
    assert not np.allclose(*final)
    np.testing.assert_array_equal(final[1][:, D_HIDDEN:], outputs[:, 0, D_HIDDEN:])


def test_dropout_acts_on_all_that_is_handed_over(make_encoder, src):
    """Outputs and ends have gaps in training, and none of them elsewhere."""
    encoder, mask = make_encoder(n_layers=2, dropout=0.5), padding_mask(src)
    for rng, expected in ((np.random.default_rng(0), True), (None, False)):
        outputs, final, _ = encoder.forward(src, mask, rng=rng)
        for array in (outputs[mask], *final):
            assert (array == 0).any() == expected


def test_every_gradient_agrees_with_differences(make_encoder, src, rng):
    """Rung 2: outputs and ends are read at once, with gaps."""
    encoder, mask = make_encoder(n_layers=2, dropout=0.3), padding_mask(src)
    weights = dict(encoder.named_parameters())
    outputs, final, cache = encoder.forward(src, mask, rng=np.random.default_rng(2))
    grads = [rng.normal(size=array.shape) for array in (outputs, *final)]
    encoder.backward(grads[0], tuple(grads[1:]), cache)
    found = dict(encoder.named_gradients())

    def loss(name, array):
        encoder.load({**weights, name: array})
        outputs, final, _ = encoder.forward(src, mask, rng=np.random.default_rng(2))
        pairs = zip((outputs, *final), grads, strict=True)
        return float(sum((array * grad).sum() for array, grad in pairs))

    for name, param in weights.items():
        error = check_gradient(lambda a, n=name: loss(n, a), param, found[name], rng)
        assert error < GRADIENT, name

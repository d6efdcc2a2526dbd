"""The embedding table: loop specification, differences, tokens that occur often."""

import inspect

import numpy as np
import pytest

from minis2s import specs
from minis2s.numpy_ref import embedding
from minis2s.numpy_ref.gradcheck import numerical_gradient, relative_error
from minis2s.text.tokenizers import PAD_ID

BATCH, LENGTH, VOCAB_SIZE, D_EMBED = 2, 5, 13, 7
IDS = np.array([[4, 12, 4, 4, 3], [7, 4, 3, PAD_ID, PAD_ID]])  # token 4 occurs often


@pytest.fixture
def weight(rng):
    """A table of random rows."""
    return rng.normal(size=(VOCAB_SIZE, D_EMBED))


@pytest.fixture
def grad_embedded(rng):
    """A random upstream gradient, zero on padding as every encoder sends it."""
    return rng.normal(size=(BATCH, LENGTH, D_EMBED)) * (IDS != PAD_ID)[..., None]


def test_lookup_agrees_with_the_loop(weight):
    """Rung 1: every number is copied from the row that the id names."""
    embedded, _ = embedding.embedding_forward(IDS, weight)
    np.testing.assert_array_equal(embedded, specs.embedding(IDS, weight))


def test_gradient_agrees_with_differences(weight, grad_embedded):
    """Rung 2: for every entry of the table, tokens that occur often included."""

    def loss(weight):
        return float(
            (embedding.embedding_forward(IDS, weight)[0] * grad_embedded).sum()
        )

    _, cache = embedding.embedding_forward(IDS, weight)
    grad = embedding.embedding_backward(grad_embedded, cache)
    assert relative_error(grad, numerical_gradient(loss, weight)) < 1e-6


def test_tokens_that_do_not_occur_have_no_gradient(weight, grad_embedded):
    """Nor has padding, above which the gradient is zero."""
    _, cache = embedding.embedding_forward(IDS, weight)
    grad = embedding.embedding_backward(grad_embedded, cache)
    assert set(np.flatnonzero(grad.any(axis=1))) == set(IDS.flat) - {PAD_ID}


def test_class_backward_adds_up(rng, grad_embedded):
    """Two calls leave twice the gradient of the pair."""
    layer = embedding.Embedding(VOCAB_SIZE, D_EMBED, rng)
    _, cache = layer.forward(IDS)
    for _ in range(2):
        layer.backward(grad_embedded, cache)
    expected = 2 * embedding.embedding_backward(grad_embedded, cache)
    np.testing.assert_allclose(layer.grads["weight"], expected, rtol=1e-12)


def test_rows_begin_with_unit_length(rng):
    """N(0, 1/d_embed): a row's expected squared length is 1."""
    weight = embedding.Embedding(997, 101, rng).params["weight"]
    assert abs((weight**2).sum(axis=1).mean() - 1.0) < 0.02


def test_float32_stays_float32(weight, grad_embedded):
    """Forward and backward."""
    embedded, cache = embedding.embedding_forward(IDS, weight.astype(np.float32))
    grad = embedding.embedding_backward(grad_embedded.astype(np.float32), cache)
    assert {embedded.dtype, grad.dtype} == {np.dtype(np.float32)}


@pytest.mark.parametrize("wrong", [-1, VOCAB_SIZE])
def test_an_id_without_a_row_is_refused(weight, wrong):
    """Also -1, which NumPy would read as the last row."""
    ids = np.array([wrong, 4])
    with pytest.raises(ValueError, match=r"ids: must lie in 0\.\.12, got"):
        inspect.unwrap(embedding.embedding_forward)(ids, weight)

"""Rung 3: both wings look up the same rows and gather the same gradient."""

import numpy as np
import pytest
import torch

from minis2s.numpy_ref import embedding
from minis2s.numpy_ref.embedding import Embedding
from minis2s.torch_nn import embedding as torch_embedding
from minis2s.torch_nn.embedding import Embedding as TorchEmbedding

PARITY = {"rtol": 1e-9, "atol": 1e-12}
BATCH, LENGTH, VOCAB_SIZE, D_EMBED = 2, 5, 13, 7


def test_both_wings_agree(rng):
    """Vectors, and the gradient of the table, with tokens that occur often."""
    ids = rng.integers(0, 6, size=(BATCH, LENGTH))
    grad_embedded = rng.normal(size=(BATCH, LENGTH, D_EMBED))
    twin = TorchEmbedding(VOCAB_SIZE, D_EMBED).double()
    layer = Embedding(VOCAB_SIZE, D_EMBED, rng)
    layer.load({n: p.detach().numpy() for n, p in twin.named_parameters()})
    embedded, cache = layer.forward(ids)
    layer.backward(grad_embedded, cache)
    expected = twin(torch.from_numpy(ids))
    expected.backward(torch.from_numpy(grad_embedded))
    np.testing.assert_allclose(embedded, expected.detach().numpy(), **PARITY)
    grad = twin.weight.grad.numpy()
    np.testing.assert_allclose(layer.grads["weight"], grad, **PARITY)


@pytest.mark.parametrize("length", [0, 1, 997])
def test_both_sinusoids_agree(length):
    """The tables are equal to nine digits."""
    found = embedding.sinusoidal_positions(length, 14)
    twin = torch_embedding.sinusoidal_positions(length, 14)
    np.testing.assert_allclose(found, twin.numpy(), **PARITY)


@pytest.mark.parametrize("start", [0, 3])
@pytest.mark.parametrize("name", ["SinusoidalPositions", "LearnedPositions"])
def test_both_wings_add_the_same_positions(rng, name, start):
    """Results and gradients, wherever the sentence begins."""
    x, grad_out = rng.normal(size=(2, BATCH, LENGTH, 14))
    sizes, rngs = ((11, 14), (rng,)) if name == "LearnedPositions" else ((14,), ())
    twin = getattr(torch_embedding, name)(*sizes).double()
    layer = getattr(embedding, name)(*sizes, *rngs)
    layer.load({n: p.detach().numpy() for n, p in twin.named_parameters()})
    out, cache = layer.forward(x, start=start)
    grad_x = layer.backward(grad_out, cache)
    leaf = torch.from_numpy(x).requires_grad_()
    expected = twin(leaf, start=start)
    expected.backward(torch.from_numpy(grad_out))
    np.testing.assert_allclose(out, expected.detach().numpy(), **PARITY)
    np.testing.assert_allclose(grad_x, leaf.grad.numpy(), **PARITY)
    for n, param in twin.named_parameters():
        np.testing.assert_allclose(layer.grads[n], param.grad.numpy(), **PARITY)

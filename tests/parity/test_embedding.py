"""Rung 3: both wings look up the same rows and gather the same gradient."""

import numpy as np
import torch

from minis2s.numpy_ref.embedding import Embedding
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

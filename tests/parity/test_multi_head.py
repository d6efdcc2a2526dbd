"""Rung 3: both wings compute the same multi-head attention, values and gradients."""

import numpy as np
import pytest
import torch

from minis2s.numpy_ref.multi_head import MultiHeadAttention
from minis2s.torch_nn.multi_head import MultiHeadAttention as TorchMultiHeadAttention

BATCH, N_HEADS, D_HEAD, TGT_LEN, SRC_LEN, D_QUERY, D_KEY = 2, 3, 5, 7, 11, 13, 17
SIZES = (D_QUERY, D_KEY, N_HEADS * D_HEAD, N_HEADS)
PARITY = {"rtol": 1e-9, "atol": 1e-12}


@pytest.fixture
def pair(rng):
    """The same layer in both wings, every parameter, biases too, random."""
    twin = TorchMultiHeadAttention(*SIZES).double()
    for param in twin.parameters():
        torch.nn.init.normal_(param, std=0.5)
    layer = MultiHeadAttention(*SIZES, rng)
    layer.load({n: p.detach().numpy() for n, p in twin.named_parameters()})
    return layer, twin


def make_inputs(rng, scale):
    """Query, key, value, and a ragged mask with a row that sees nothing."""
    query = scale * rng.normal(size=(BATCH, TGT_LEN, D_QUERY))
    key, value = rng.normal(size=(2, BATCH, SRC_LEN, D_KEY))
    words = np.arange(SRC_LEN) < np.array([[SRC_LEN], [5]])
    mask = words[:, None].repeat(TGT_LEN, axis=1)
    mask[0, 1] = False
    return query, key, value, mask


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_both_wings_agree(rng, pair, scale):
    """Context, weights and every gradient are equal to nine digits."""
    layer, twin = pair
    *arrays, mask = make_inputs(rng, scale)
    context, weights, cache = layer.forward(*arrays, mask)
    grad_context = rng.normal(size=context.shape)
    grads = layer.backward(grad_context, cache)
    leaves = [torch.from_numpy(array).requires_grad_() for array in arrays]
    expected = twin(*leaves, torch.from_numpy(mask))
    expected[0].backward(torch.from_numpy(grad_context))
    for array, tensor in zip((context, weights), expected, strict=True):
        np.testing.assert_allclose(array, tensor.detach().numpy(), **PARITY)
    found = dict(zip(("query", "key", "value"), grads, strict=True))
    wanted = dict(zip(found, leaves, strict=True)) | dict(twin.named_parameters())
    for name, grad in (found | dict(layer.named_gradients())).items():
        expected_grad = wanted[name].grad.numpy()
        np.testing.assert_allclose(grad, expected_grad, **PARITY, err_msg=name)


def test_both_wings_agree_step_by_step(rng, pair):
    """So do project and attend."""
    layer, twin = pair
    query, key, value, mask = make_inputs(rng, 1.0)
    projected = layer.project(key, value)
    expected = twin.project(torch.from_numpy(key), torch.from_numpy(value))
    results = layer.attend(query, *projected, mask)
    twins = twin.attend(torch.from_numpy(query), *expected, torch.from_numpy(mask))
    for array, tensor in zip((*projected, *results), (*expected, *twins), strict=True):
        np.testing.assert_allclose(array, tensor.detach().numpy(), **PARITY)

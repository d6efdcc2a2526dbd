"""Rung 3: both wings compute the same attention, values and gradients.

Parameters are handed over by name, which is the whole of the bridge's work here.
"""

import math

import numpy as np
import pytest
import torch

from minis2s.numpy_ref import attention as numpy_attention
from minis2s.torch_nn import attention as torch_attention

BATCH, TGT_LEN, SRC_LEN, D_QUERY, D_VALUE, D_ATTENTION, D_KEY = 2, 3, 5, 7, 11, 13, 17
WORDS = np.arange(SRC_LEN) < np.array([[5], [3]])  # True at words, False at padding
EMPTY_ROW = (0, 1)  # batch and target position that may attend to nothing
PARITY = {"rtol": 1e-9, "atol": 1e-12}

SIZES = {  # class name and constructor arguments, equal in both wings
    "dot": ("DotAttention", {}),
    "scaled": ("DotAttention", {"scaled": True}),
    "general": ("GeneralAttention", {"d_query": D_QUERY, "d_key": D_KEY}),
    "additive": (
        "AdditiveAttention",
        {"d_query": D_QUERY, "d_key": D_KEY, "d_attention": D_ATTENTION},
    ),
}
each_kind = pytest.mark.parametrize("kind", list(SIZES))
each_regime = pytest.mark.parametrize("regime", ["unit", "low", "huge"])


def make_inputs(kind, regime, rng):
    """Query, key, value and mask; in "low" feature 0 adds -30 to all real scores."""
    query = rng.normal(size=(BATCH, TGT_LEN, D_QUERY))
    d_key = D_QUERY if kind in ("dot", "scaled") else D_KEY
    key = rng.normal(size=(BATCH, SRC_LEN, d_key))
    value = rng.normal(size=(BATCH, SRC_LEN, D_VALUE))
    mask = np.repeat(WORDS[:, None, :], TGT_LEN, axis=1)
    mask[EMPTY_ROW] = False
    if regime == "low":
        scale = math.sqrt(D_QUERY) if kind == "scaled" else 1.0
        query[..., 0] = 1.0
        key[..., 0] = scale * np.where(WORDS, -30.0, 30.0)
    if regime == "huge" and kind != "additive":
        query *= 1e4
    return query, key, value, mask


def make_params(kind, regime, rng):
    """Parameters by name, the bias too away from zero."""
    if kind == "general":
        weight = rng.normal(size=(D_QUERY, D_KEY))
        if regime == "low":
            weight[0, :] = weight[:, 0] = 0.0
            weight[0, 0] = 1.0
        return {"weight": weight}
    if kind != "additive":
        return {}
    params = {
        "weight_query": rng.normal(size=(D_ATTENTION, D_QUERY)),
        "weight_key": rng.normal(size=(D_ATTENTION, D_KEY)),
        "bias": rng.normal(size=D_ATTENTION),
        "weight_score": rng.normal(size=D_ATTENTION),
    }
    if regime == "low":  # tanh unit 0 sees nothing but feature 0 of the key
        params["weight_query"][0] = params["weight_key"][0] = params["bias"][0] = 0.0
        params["weight_key"][0, 0], params["weight_score"][0] = 1.0, 30.0
    if regime == "huge":
        params["weight_score"] *= 1e4
    return params


def run_numpy(kind, inputs, params, grad_context):
    """Context, weights and all gradients of the reference wing, by name."""
    name, sizes = SIZES[kind]
    rng = {} if not params else {"rng": np.random.default_rng(0)}
    layer = getattr(numpy_attention, name)(**sizes, **rng)
    layer.params |= params
    context, weights, cache = layer.forward(*inputs)
    grads = layer.backward(grad_context, cache)
    results = dict(zip(("query", "key", "value"), grads, strict=True)) | layer.grads
    return {"context": context, "weights": weights, **results}


def run_torch(kind, inputs, params, grad_context):
    """The same of the speed wing, in float64 and as NumPy arrays."""
    name, sizes = SIZES[kind]
    layer = getattr(torch_attention, name)(**sizes).double()
    tensors = {key: torch.from_numpy(array) for key, array in params.items()}
    layer.load_state_dict(tensors)
    *tensors, mask = [torch.from_numpy(array) for array in inputs]
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    context, weights = layer(*leaves, mask)
    context.backward(torch.from_numpy(grad_context))
    grads = dict(zip(("query", "key", "value"), leaves, strict=True))
    grads |= dict(layer.named_parameters())
    results = {key: leaf.grad.numpy() for key, leaf in grads.items()}
    return {
        "context": context.detach().numpy(),
        "weights": weights.detach().numpy(),
        **results,
    }


@each_regime
@each_kind
def test_both_wings_agree(kind, regime):
    """Context, weights and every gradient are equal to nine digits."""
    rng = np.random.default_rng(60)
    inputs = make_inputs(kind, regime, rng)
    params = make_params(kind, regime, rng)
    grad_context = rng.normal(size=(BATCH, TGT_LEN, D_VALUE))
    reference = run_numpy(kind, inputs, params, grad_context)
    speed = run_torch(kind, inputs, params, grad_context)
    assert reference.keys() == speed.keys()
    for name, array in reference.items():
        np.testing.assert_allclose(array, speed[name], **PARITY, err_msg=name)

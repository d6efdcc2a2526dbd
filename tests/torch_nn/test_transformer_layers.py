"""Rung 4: the layers of the Transformer against the library's own, in float32."""

import pytest
import torch
from torch import nn

from minis2s.config import TransformerConfig
from minis2s.torch_nn.masks import causal_mask
from minis2s.torch_nn.transformer_layers import DecoderLayer, EncoderLayer

BATCH, SRC_LEN, TGT_LEN, D_MODEL, N_HEADS, D_FF = 3, 5, 7, 22, 2, 13
SRC_MASK = torch.arange(SRC_LEN) < torch.tensor([[5], [3], [1]])
ORACLE = {"rtol": 1e-5, "atol": 1e-6}

THEIR_NAMES = {
    EncoderLayer: {
        "attention": "self_attn",
        "norm_attention": "norm1",
        "feed_forward.expand": "linear1",
        "feed_forward.contract": "linear2",
        "norm_feed_forward": "norm2",
    },
    DecoderLayer: {
        "self_attention": "self_attn",
        "norm_self_attention": "norm1",
        "cross_attention": "multihead_attn",
        "norm_cross_attention": "norm2",
        "feed_forward.expand": "linear1",
        "feed_forward.contract": "linear2",
        "norm_feed_forward": "norm3",
    },
}
"""What the library calls each part of a layer."""

THEIR_LAYERS = {
    EncoderLayer: nn.TransformerEncoderLayer,
    DecoderLayer: nn.TransformerDecoderLayer,
}
each_norm = pytest.mark.parametrize("norm", ["pre", "post"])
each_layer = pytest.mark.parametrize("kind", THEIR_LAYERS)


def make_layer(kind, norm="pre", dropout=0.0):
    """A layer of ours whose every parameter is random."""
    sizes = {"d_model": D_MODEL, "n_heads": N_HEADS, "d_ff": D_FF}
    layer = kind(TransformerConfig(vocab_size=23, norm=norm, dropout=dropout, **sizes))
    for name, value in layer.named_parameters():
        is_scale = "norm" in name and name.endswith("weight")
        nn.init.normal_(value, mean=float(is_scale), std=0.3)
    return layer


def named_like_theirs(kind, arrays):
    """Our arrays under their names; they keep query, key and value in one matrix."""
    theirs = {}
    for our_name, name in THEIR_NAMES[kind].items():
        for end in ("weight", "bias"):
            if f"{our_name}.{end}" in arrays:
                theirs[f"{name}.{end}"] = arrays[f"{our_name}.{end}"]
                continue
            parts = [arrays[f"{our_name}.{p}.{end}"] for p in ("query", "key", "value")]
            theirs[f"{name}.in_proj_{end}"] = torch.cat(parts)
            theirs[f"{name}.out_proj.{end}"] = arrays[f"{our_name}.output.{end}"]
    return theirs


def make_oracle(layer, norm):
    """The library's layer with the same weights, and the norm that was asked for."""
    kind, norm_first = type(layer), norm == "pre"
    oracle = THEIR_LAYERS[kind](
        D_MODEL, N_HEADS, D_FF, dropout=0.0, batch_first=True, norm_first=norm_first
    )
    oracle.load_state_dict(named_like_theirs(kind, layer.state_dict()))
    return oracle


def call(layer, x, memory):
    """The outputs of our layer."""
    if isinstance(layer, EncoderLayer):
        return layer(memory, SRC_MASK[:, None].expand(-1, SRC_LEN, -1))[0]
    tgt_mask = causal_mask(TGT_LEN).expand(BATCH, -1, -1)
    return layer(x, memory, tgt_mask, SRC_MASK[:, None].expand(-1, TGT_LEN, -1))[0]


def call_oracle(oracle, x, memory):
    """The outputs of theirs, whose masks say what is forbidden."""
    if isinstance(oracle, nn.TransformerEncoderLayer):
        return oracle(memory, src_key_padding_mask=~SRC_MASK)
    forbidden = ~causal_mask(TGT_LEN)
    return oracle(x, memory, tgt_mask=forbidden, memory_key_padding_mask=~SRC_MASK)


@each_norm
@each_layer
def test_layer_is_the_library_s(kind, norm):
    """Outputs, and gradients of both inputs and of every parameter."""
    layer = make_layer(kind, norm)
    oracle = make_oracle(layer, norm)
    found, expected = [], []
    for some, model, ask in ((found, layer, call), (expected, oracle, call_oracle)):
        torch.manual_seed(1)
        x = torch.randn(BATCH, TGT_LEN, D_MODEL, requires_grad=True)
        memory = torch.randn(BATCH, SRC_LEN, D_MODEL, requires_grad=True)
        out = ask(model, x, memory)
        (out * torch.randn_like(out)).sum(dim=-1).mean().backward()
        some += [out, x.grad, memory.grad]
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, **ORACLE)
    grads = {name: p.grad for name, p in layer.named_parameters()}
    for name, grad in named_like_theirs(kind, grads).items():
        torch.testing.assert_close(grad, oracle.get_parameter(name).grad, **ORACLE)


@each_norm
def test_steps_agree_with_the_whole(norm):
    """Position after position, with what is kept of those before, is `forward`."""
    layer = make_layer(DecoderLayer, norm).double()
    x = torch.randn(BATCH, TGT_LEN, D_MODEL, dtype=torch.float64)
    memory = torch.randn(BATCH, SRC_LEN, D_MODEL, dtype=torch.float64)
    out = call(layer, x, memory)
    source = layer.cross_attention.project(memory, memory)
    past = tuple(tensor[:, :, :0] for tensor in source)
    for t in range(TGT_LEN):
        found, _, past = layer.step(x[:, t : t + 1], past, source, SRC_MASK)
        torch.testing.assert_close(found[:, 0], out[:, t], rtol=1e-12, atol=1e-12)


@each_layer
def test_dropout_acts_in_training_alone(kind):
    """Two calls differ in training, and are equal in evaluation."""
    layer = make_layer(kind, dropout=0.5)
    x, memory = (torch.randn(BATCH, n, D_MODEL) for n in (TGT_LEN, SRC_LEN))
    assert not torch.equal(call(layer, x, memory), call(layer, x, memory))
    layer.eval()
    assert torch.equal(call(layer, x, memory), call(layer, x, memory))


@each_layer
def test_bfloat16_stays_near_float32(kind):
    """Under autocast the outputs differ from float32 by rounding alone."""
    layer = make_layer(kind)
    x, memory = (torch.randn(BATCH, n, D_MODEL) for n in (TGT_LEN, SRC_LEN))
    with torch.autocast("cpu", torch.bfloat16):
        half = call(layer, x, memory)
    difference = half.float() - call(layer, x, memory)
    assert difference.norm() < 2e-2 * half.float().norm()

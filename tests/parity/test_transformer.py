"""Rung 3: both wings are one Transformer: names, logits, attention, every gradient."""

import numpy as np
import pytest
import torch

from minis2s.config import DecodeConfig, TransformerConfig
from minis2s.numpy_ref import decode as numpy_decode
from minis2s.numpy_ref.transformer import Transformer
from minis2s.torch_nn import decode as torch_decode
from minis2s.torch_nn import transformer as torch_nn
from minis2s.torch_nn.masks import padding_mask

TGT_LEN, VOCAB_SIZE = 11, 23
PARITY = {"rtol": 1e-9, "atol": 1e-12}

VARIANTS = [
    {"norm": norm, "positions": positions, "tie": tie}
    for norm, positions, tie in (
        ("pre", "sinusoidal", "all"),
        ("pre", "learned", "none"),
        ("post", "learned", "target"),
        ("post", "sinusoidal", "none"),
    )
]
each_variant = pytest.mark.parametrize("changes", VARIANTS, ids=str)


def make_twins(dtype=torch.float64, **changes):
    """The same Transformer in both wings, with random parameters."""
    sizes = {"d_model": 10, "n_heads": 5, "d_ff": 13, "n_layers": 2}
    fixed = {"vocab_size": VOCAB_SIZE, "max_len": 37, "dropout": 0.0}
    twin = torch_nn.Transformer(TransformerConfig(**{**sizes, **fixed, **changes}))
    for name, value in twin.named_parameters():
        is_scale = "norm" in name and name.endswith("weight")
        torch.nn.init.normal_(value, mean=float(is_scale), std=0.4)
    twin = twin.to(dtype).eval()
    model = Transformer(twin.config, np.random.default_rng(0))
    model.load({n: p.detach().numpy() for n, p in twin.named_parameters()})
    return model, twin


def make_batch(src, *, empty=False):
    """Source, mask and target for torch; the mask may leave nothing of a sentence."""
    mask = padding_mask(src)
    if empty:
        mask[1] = False
    return src, mask, torch.randint(4, VOCAB_SIZE, (len(src), TGT_LEN))


class _SameDropout(torch.nn.Module):
    """Draws what to silence as the NumPy wing does, from a generator of its own."""

    def __init__(self, rate, rng):
        super().__init__()
        self.rate, self.rng = rate, rng

    def forward(self, x):
        keep = self.rng.random(tuple(x.shape), dtype=np.float32) >= self.rate
        return x * torch.from_numpy(keep) / (1 - self.rate)


def same_dropout(twin, rng):
    """Let every dropout of the twin draw from one generator, one after the other."""
    for module in list(twin.modules()):
        if isinstance(getattr(module, "dropout", None), torch.nn.Dropout):
            module.dropout = _SameDropout(module.dropout.p, rng)


@each_variant
def test_names_and_shapes_are_the_same(changes):
    """One parameter for one, in the same order."""
    model, twin = make_twins(**changes)
    ours = [(name, p.shape) for name, p in model.named_parameters()]
    assert ours == [(name, tuple(p.shape)) for name, p in twin.named_parameters()]


def test_names_are_those_of_the_paper():
    """A reader who looks for a weight finds it."""
    model, _ = make_twins(tie="none", positions="learned")
    names = {name for name, _ in model.named_parameters()}
    assert names >= {
        "encoder.embedding.weight",
        "encoder.positions.weight",
        "encoder.layers.0.attention.query.weight",
        "encoder.layers.0.norm_attention.weight",
        "encoder.layers.0.feed_forward.expand.weight",
        "encoder.layers.0.norm_feed_forward.weight",
        "encoder.norm.weight",
        "decoder.layers.1.self_attention.key.bias",
        "decoder.layers.1.norm_cross_attention.bias",
        "decoder.output.bias",
    }


@each_variant
def test_both_wings_agree_on_no_source(ragged_src, changes):
    """Not one source position: the same logits, and attention to nothing."""
    model, twin = make_twins(**changes)
    src, src_mask, tgt_in = make_batch(ragged_src)
    batch = src[:, :0], src_mask[:, :0], tgt_in
    logits, weights, _ = model.forward(*(tensor.numpy() for tensor in batch))
    twin_logits, twin_weights = twin(*batch)
    np.testing.assert_allclose(logits, twin_logits.detach(), **PARITY)
    assert weights.shape == twin_weights.shape == (3, 2, 5, TGT_LEN, 0)


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@each_variant
def test_both_wings_agree(ragged_src, rng, changes, dropout, empty):
    """Logits, attention and every gradient; with dropout; with nothing to look at."""
    model, twin = make_twins(dropout=dropout, **changes)
    same_dropout(twin, np.random.default_rng(5))
    batch = make_batch(ragged_src, empty=empty)
    grad_logits = rng.normal(size=(3, TGT_LEN, VOCAB_SIZE))
    logits, weights, cache = model.forward(
        *(tensor.numpy() for tensor in batch), rng=np.random.default_rng(5)
    )
    model.backward(grad_logits, cache)
    twin_logits, twin_weights = twin(*batch)
    twin_logits.backward(torch.from_numpy(grad_logits))
    np.testing.assert_allclose(logits, twin_logits.detach().numpy(), **PARITY)
    np.testing.assert_allclose(weights, twin_weights.detach().numpy(), **PARITY)
    theirs = {name: p.grad.numpy() for name, p in twin.named_parameters()}
    for name, grad in model.named_gradients():
        np.testing.assert_allclose(grad, theirs[name], **PARITY, err_msg=name)


@each_variant
def test_all_three_attentions_agree(ragged_src, changes):
    """Within the source, within the target, and from one to the other."""
    model, twin = make_twins(**changes)
    src, mask, tgt_in = make_batch(ragged_src)
    memory, within, _ = model.encoder.forward(src.numpy(), mask.numpy())
    found = model.decoder.forward(tgt_in.numpy(), memory, mask.numpy())
    with torch.no_grad():
        twin_memory, twin_within = twin.encoder(src, mask)
        expected = twin.decoder(tgt_in, twin_memory, mask)
    np.testing.assert_allclose(within, twin_within.numpy(), **PARITY)
    for array, tensor in zip(found[:3], expected, strict=True):
        np.testing.assert_allclose(array, tensor.numpy(), **PARITY)


def flatten(tree):
    """Every array of nested tuples."""
    if not isinstance(tree, tuple):
        return [np.asarray(tree)]
    return [array for part in tree for array in flatten(part)]


@each_variant
def test_both_wings_take_the_same_steps(ragged_src, changes):
    """Memory, first state, and every decoding step with the state that follows."""
    model, twin = make_twins(**changes)
    src, mask, tgt_in = make_batch(ragged_src)
    ours = model.encode(src.numpy(), mask.numpy())
    with torch.no_grad():
        theirs = twin.encode(src, mask)
        step, twin_step = (model.initial_state(ours),), (twin.initial_state(theirs),)
        for token in tgt_in.T:
            step = model.decode_step(token.numpy(), step[-1], ours)
            twin_step = twin.decode_step(token, twin_step[-1], theirs)
            for array, tensor in zip(flatten(step), flatten(twin_step), strict=True):
                np.testing.assert_allclose(array, tensor, **PARITY)
    for array, tensor in zip(flatten(ours), flatten(theirs), strict=True):
        np.testing.assert_allclose(array, tensor, **PARITY)


@pytest.mark.parametrize("n_beams", [1, 5])
@each_variant
def test_both_wings_translate_alike(ragged_src, changes, n_beams):
    """Given the same float32 weights: tokens, scores to 1e-5, and the attention."""
    model, twin = make_twins(torch.float32, **changes)
    mask, config = padding_mask(ragged_src), DecodeConfig(n_beams=n_beams)
    theirs = torch_decode.translate_batch(twin, ragged_src, mask, config)
    arrays = ragged_src.numpy(), mask.numpy()
    ours = numpy_decode.translate_batch(model, *arrays, config)
    for a, b in zip(ours, theirs, strict=True):
        assert a.tokens == b.tokens
        assert a.attention_kind == b.attention_kind
        np.testing.assert_allclose(a.score, b.score, atol=1e-5)
        np.testing.assert_allclose(a.attention, b.attention, atol=1e-5)

"""Rung 3: both wings translate alike: names, logits, attention, every gradient.

Four sentences of 7, 5, 2 and 0 tokens: the last has nothing to look at.
"""

import numpy as np
import pytest
import torch

from minis2s.config import DecodeConfig
from minis2s.numpy_ref import decode as numpy_decode
from minis2s.numpy_ref.seq2seq import Seq2Seq
from minis2s.torch_nn import decode as torch_decode
from minis2s.torch_nn.masks import padding_mask

TGT_LEN, VOCAB_SIZE = 5, 23
PARITY = {"rtol": 1e-9, "atol": 1e-12}


@pytest.fixture
def src(ragged_src):
    """Ragged sentences, and one without a token."""
    return torch.cat([ragged_src, torch.zeros_like(ragged_src[:1])])


@pytest.fixture
def tgt_in(src):
    """The target that the decoder reads."""
    return torch.randint(4, VOCAB_SIZE, (len(src), TGT_LEN))


def make_twins(make_model, **changes):
    """The same translator in both wings, in float64."""
    twin = make_model(**{"dropout": 0.0, **changes}).double()
    model = Seq2Seq(twin.config, np.random.default_rng(0))
    model.load({n: p.detach().numpy() for n, p in twin.named_parameters()})
    return model, twin


class _SameDropout(torch.nn.Module):
    """Draws what to silence as the NumPy wing does, from a generator of its own."""

    def __init__(self, rate, rng):
        super().__init__()
        self.rate, self.rng = rate, rng

    def forward(self, x):
        keep = self.rng.random(tuple(x.shape), dtype=np.float32) >= self.rate
        return x * torch.from_numpy(keep) / (1 - self.rate)


def leaves(tree):
    """All arrays or tensors of nested tuples, as arrays."""
    if isinstance(tree, tuple):
        return [leaf for part in tree for leaf in leaves(part)]
    return [np.asarray(tree)]


def assert_same(ours, theirs):
    """Leaf for leaf, shapes too."""
    for array, other in zip(leaves(ours), leaves(theirs), strict=True):
        assert array.shape == other.shape
        np.testing.assert_allclose(array, other, **PARITY)


def test_names_and_shapes_are_the_same(make_model, variant):
    """One parameter for one, in the same order."""
    model, twin = make_twins(make_model, **variant)
    ours = [(name, p.shape) for name, p in model.named_parameters()]
    assert ours == [(name, tuple(p.shape)) for name, p in twin.named_parameters()]


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_both_wings_agree(make_model, src, tgt_in, rng, variant, dropout):
    """Logits, attention and the gradient of every parameter, dropout included."""
    model, twin = make_twins(make_model, dropout=dropout, **variant)
    if dropout:
        twin.encoder.dropout = _SameDropout(dropout, np.random.default_rng(5))
        twin.decoder.dropout = _SameDropout(dropout, twin.encoder.dropout.rng)
    mask, grad_logits = padding_mask(src), rng.normal(size=(*tgt_in.shape, VOCAB_SIZE))
    logits, weights, cache = model.forward(
        src.numpy(), mask.numpy(), tgt_in.numpy(), rng=np.random.default_rng(5)
    )
    model.backward(grad_logits, cache)
    twin_logits, twin_weights = twin(src, mask, tgt_in)
    twin_logits.backward(torch.from_numpy(grad_logits))
    assert_same((logits, weights), (twin_logits.detach(), twin_weights.detach()))
    theirs = {name: p.grad.numpy() for name, p in twin.named_parameters()}
    for name, grad in model.named_gradients():
        assert np.isfinite(grad).all()
        np.testing.assert_allclose(grad, theirs[name], **PARITY, err_msg=name)


@torch.no_grad()
def test_both_wings_take_the_same_steps(make_model, src, tgt_in, variant):
    """Memory, first state, and every decoding step with the state that follows."""
    model, twin = make_twins(make_model, **variant)
    mask = padding_mask(src)
    ours, theirs = model.encode(src.numpy(), mask.numpy()), twin.encode(src, mask)
    state, twin_state = model.initial_state(ours), twin.initial_state(theirs)
    assert_same((ours, state), (theirs, twin_state))
    for token in tgt_in.T:
        step = model.decode_step(token.numpy(), state, ours)
        twin_step = twin.decode_step(token, twin_state, theirs)
        state, twin_state = step[2], twin_step[2]
        assert_same(step, twin_step)


@pytest.mark.parametrize("n_beams", [1, 3])
def test_both_wings_translate_alike(make_model, src, variant, n_beams):
    """Greedy and with a beam, whatever the state is made of, and looking or not."""
    model, twin = make_twins(make_model, **variant)
    mask, config = padding_mask(src), DecodeConfig(n_beams=n_beams)
    ours = numpy_decode.translate_batch(model, src.numpy(), mask.numpy(), config)
    theirs = torch_decode.translate_batch(twin, src, mask, config)
    attention = twin.config.attention
    n_layers = int(attention not in ("none", "fixed"))
    n_heads = twin.config.n_heads if attention == "multi_head" else 1
    for one, other, length in zip(ours, theirs, mask.sum(dim=1).tolist(), strict=True):
        assert one.tokens == other.tokens
        assert one.attention.shape == (n_layers, n_heads, len(one.tokens), length)
        assert one.attention_kind == other.attention_kind
        np.testing.assert_allclose(one.score, other.score, atol=1e-5)
        np.testing.assert_allclose(one.attention, other.attention, atol=1e-5)

"""Rung 3: both wings translate alike: names, logits, attention, every gradient."""

import numpy as np
import pytest
import torch

from minis2s.config import ATTENTIONS
from minis2s.numpy_ref.seq2seq import Seq2Seq
from minis2s.torch_nn.masks import padding_mask

TGT_LEN, VOCAB_SIZE = 5, 23
PARITY = {"rtol": 1e-9, "atol": 1e-12}

VARIANTS = [
    *({"attention": name, "n_layers": n} for name in ATTENTIONS for n in (1, 2)),
    *({"tie": tie, "n_layers": 2} for tie in ("none", "target", "all")),
]
each_variant = pytest.mark.parametrize("changes", VARIANTS, ids=str)


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


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_names_and_shapes_are_the_same(make_model, changes):
    """One parameter for one, in the same order."""
    model, twin = make_twins(make_model, **changes)
    ours = [(name, p.shape) for name, p in model.named_parameters()]
    assert ours == [(name, tuple(p.shape)) for name, p in twin.named_parameters()]


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@each_variant
def test_both_wings_agree(make_model, ragged_src, rng, changes, dropout):
    """Logits, attention and the gradient of every parameter, dropout included."""
    model, twin = make_twins(make_model, dropout=dropout, **changes)
    if dropout:
        twin.encoder.dropout = _SameDropout(dropout, np.random.default_rng(5))
        twin.decoder.dropout = _SameDropout(dropout, twin.encoder.dropout.rng)
    mask, tgt_in = padding_mask(ragged_src), torch.randint(4, VOCAB_SIZE, (3, TGT_LEN))
    grad_logits = rng.normal(size=(3, TGT_LEN, VOCAB_SIZE))
    logits, weights, cache = model.forward(
        ragged_src.numpy(), mask.numpy(), tgt_in.numpy(), rng=np.random.default_rng(5)
    )
    model.backward(grad_logits, cache)
    twin_logits, twin_weights = twin(ragged_src, mask, tgt_in)
    twin_logits.backward(torch.from_numpy(grad_logits))
    np.testing.assert_allclose(logits, twin_logits.detach().numpy(), **PARITY)
    np.testing.assert_allclose(weights, twin_weights.detach().numpy(), **PARITY)
    theirs = {name: p.grad.numpy() for name, p in twin.named_parameters()}
    for name, grad in model.named_gradients():
        np.testing.assert_allclose(grad, theirs[name], **PARITY, err_msg=name)


@each_variant
def test_both_wings_take_the_same_steps(make_model, ragged_src, changes):
    """Memory, first state, and every decoding step."""
    model, twin = make_twins(make_model, **changes)
    mask = padding_mask(ragged_src)
    ours = model.encode(ragged_src.numpy(), mask.numpy())
    with torch.no_grad():
        theirs = twin.encode(ragged_src, mask)
        state, twin_state = model.initial_state(ours), twin.initial_state(theirs)
        for token in torch.randint(4, VOCAB_SIZE, (TGT_LEN, 3)):
            step = model.decode_step(token.numpy(), state, ours)
            twin_step = twin.decode_step(token, twin_state, theirs)
            state, twin_state = step[2], twin_step[2]
            for array, tensor in zip(step[:2], twin_step[:2], strict=True):
                np.testing.assert_allclose(array, tensor.numpy(), **PARITY)
    np.testing.assert_allclose(ours.key, theirs.key.numpy(), **PARITY)
    np.testing.assert_allclose(state, np.array(twin_state), **PARITY)

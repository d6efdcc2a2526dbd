"""The layers of the Transformer climb two rungs: loops, and finite differences.

Three sentences of 5, 3 and 0 source tokens, targets of 7; every parameter, biases too,
is random, and so is what stands on padding.
"""

import numpy as np
import pytest

from minis2s import specs
from minis2s.config import TransformerConfig
from minis2s.numpy_ref.gradcheck import numerical_gradient, relative_error
from minis2s.numpy_ref.masks import causal_mask
from minis2s.numpy_ref.transformer_layers import (
    DecoderLayer,
    EncoderLayer,
    FeedForward,
    ResidualNorm,
)

BATCH, SRC_LEN, TGT_LEN, D_MODEL, N_HEADS, D_FF = 3, 5, 7, 4, 2, 11
SRC_MASK = np.arange(SRC_LEN) < np.array([[5], [3], [0]])
SPEC = {"rtol": 1e-12, "atol": 1e-12}
GRADIENT = 1e-6

each_norm = pytest.mark.parametrize("norm", ["pre", "post"])


def make_config(norm="pre", dropout=0.0):
    """A tiny Transformer's configuration."""
    return TransformerConfig(
        vocab_size=23,
        d_model=D_MODEL,
        n_heads=N_HEADS,
        d_ff=D_FF,
        norm=norm,
        dropout=dropout,
    )


def randomise(layer, rng):
    """Give every parameter, biases and norms too, a random value."""
    layer.load({n: 0.7 * rng.normal(size=p.shape) for n, p in layer.named_parameters()})
    return layer


class Case:
    """A layer, its input arrays, and a random upstream gradient."""

    def __init__(self, layer, inputs, masks, rng):
        self.layer, self.inputs, self.masks = randomise(layer, rng), inputs, masks
        self.grad_out = rng.normal(size=inputs["x"].shape)

    def forward(self):
        """The layer's results; the same seed silences the same entries."""
        rng = np.random.default_rng(2)
        return self.layer.forward(*self.inputs.values(), *self.masks, rng=rng)

    def gradients(self):
        """All gradients by name."""
        *_, cache = self.forward()
        self.layer.zero_gradients()
        grads = self.layer.backward(self.grad_out, cache)
        grads = grads if isinstance(grads, tuple) else (grads,)
        named = dict(zip(self.inputs, grads, strict=True))
        return named | dict(self.layer.named_gradients())

    def numerical(self, name):
        """Central differences of one input or parameter, every entry of it."""
        place = (self.inputs | dict(self.layer.named_parameters()))[name]
        original, before = place.copy(), self.forward()[0]

        def loss(array):
            place[...] = array
            return float(((self.forward()[0] - before) * self.grad_out).sum())

        grad = numerical_gradient(loss, original)
        place[...] = original
        return grad


def encoder_case(rng, norm, dropout=0.0):
    """An encoder layer, of whose sentences one is all padding."""
    inputs = {"x": rng.normal(size=(BATCH, SRC_LEN, D_MODEL))}
    mask = SRC_MASK[:, None].repeat(SRC_LEN, axis=1)
    layer = EncoderLayer(make_config(norm, dropout), rng)
    return Case(layer, inputs, (mask,), rng)


def decoder_case(rng, norm, dropout=0.0):
    """A decoder layer that looks at such sentences."""
    inputs = {
        "x": rng.normal(size=(BATCH, TGT_LEN, D_MODEL)),
        "memory": rng.normal(size=(BATCH, SRC_LEN, D_MODEL)),
    }
    tgt_mask = np.tile(causal_mask(TGT_LEN), (BATCH, 1, 1))
    masks = tgt_mask, SRC_MASK[:, None].repeat(TGT_LEN, axis=1)
    return Case(DecoderLayer(make_config(norm, dropout), rng), inputs, masks, rng)


# --- rung 1 ---


def test_feed_forward_agrees_with_the_loop(rng):
    """Rung 1: position by position."""
    layer = randomise(FeedForward(D_MODEL, D_FF, rng), rng)
    x = rng.normal(size=(BATCH, TGT_LEN, D_MODEL))
    expected = specs.feed_forward(x, dict(layer.named_parameters()))
    np.testing.assert_allclose(layer.forward(x)[0], expected, **SPEC)


@each_norm
def test_encoder_layer_agrees_with_the_loop(rng, norm):
    """Rung 1: both sublayers, with the norm in both places."""
    case = encoder_case(rng, norm)
    params = dict(case.layer.named_parameters())
    x = case.inputs["x"]
    expected = specs.encoder_layer(x, *case.masks, params, n_heads=N_HEADS, norm=norm)
    np.testing.assert_allclose(case.forward()[0], expected, **SPEC)


@each_norm
def test_decoder_layer_agrees_with_the_loop(rng, norm):
    """Rung 1: all three sublayers; the loop has no mask, it never sees the future."""
    case = decoder_case(rng, norm)
    params = dict(case.layer.named_parameters())
    expected = specs.decoder_layer(
        *case.inputs.values(), case.masks[1], params, n_heads=N_HEADS, norm=norm
    )
    np.testing.assert_allclose(case.forward()[0], expected, **SPEC)


@each_norm
def test_steps_agree_with_the_whole(rng, norm):
    """Position after position, with what is kept of those before, is `forward`."""
    case = decoder_case(rng, norm)
    layer, (x, memory) = case.layer, case.inputs.values()
    out, weights, *_ = case.forward()
    source = layer.cross_attention.project(memory, memory)
    past = tuple(array[:, :, :0] for array in source)
    for t in range(TGT_LEN):
        found, looked, past = layer.step(x[:, t : t + 1], past, source, SRC_MASK)
        np.testing.assert_allclose(found[:, 0], out[:, t], **SPEC)
        np.testing.assert_allclose(looked[:, :, 0], weights[:, :, t], **SPEC)
    assert past[0].shape == (BATCH, N_HEADS, TGT_LEN, D_MODEL // N_HEADS)


# --- rung 2 ---


@each_norm
@pytest.mark.parametrize("make_case", [encoder_case, decoder_case])
def test_gradients_agree_with_differences(rng, make_case, norm):
    """Rung 2: every entry of every input and parameter, with dropout.

    A key's bias is an exception that can be proved: it adds the same number to all
    scores of a query, so its gradient is zero, and a quotient of roundings says
    nothing.
    """
    case = make_case(rng, norm, dropout=0.3)
    for name, grad in case.gradients().items():
        if name.endswith("key.bias"):
            np.testing.assert_allclose(grad, 0.0, atol=1e-12, err_msg=name)
            np.testing.assert_allclose(case.numerical(name), 0.0, atol=1e-7)
        else:
            assert relative_error(grad, case.numerical(name)) < GRADIENT, name


def test_feed_forward_gradient_agrees_with_differences(rng):
    """Rung 2: input, weights and biases, every entry."""
    layer = randomise(FeedForward(D_MODEL, D_FF, rng), rng)
    x, grad_out = rng.normal(size=(2, BATCH, TGT_LEN, D_MODEL))
    weights = dict(layer.named_parameters())
    grads = {"x": layer.backward(grad_out, layer.forward(x)[1])}
    grads |= dict(layer.named_gradients())
    for name, grad in grads.items():

        def loss(array, name=name):
            layer.load(weights if name == "x" else {**weights, name: array})
            out, _ = layer.forward(array if name == "x" else x)
            return float((out * grad_out).sum())

        expected = numerical_gradient(loss, x if name == "x" else weights[name])
        assert relative_error(grad, expected) < GRADIENT, name


# --- what a sublayer is wrapped in ---


@each_norm
def test_a_residual_is_what_it_says(rng, norm):
    """Either x + sublayer(norm(x)) or norm(x + sublayer(x)), for one that triples."""
    layer = randomise(ResidualNorm(make_config(norm)), rng)
    x = rng.normal(size=(BATCH, TGT_LEN, D_MODEL))
    seen, _ = layer.enter(x)
    out, _ = layer.leave(x, 3.0 * seen, None)
    if norm == "pre":
        expected = x + 3.0 * layer.forward(x)[0]
    else:
        expected = layer.forward(4.0 * x)[0]
    np.testing.assert_allclose(out, expected, **SPEC)


def test_the_way_around_is_free_in_pre_norm_alone(rng):
    """A gradient passes a pre-norm unchanged, and is normalised by a post-norm."""
    grad_out = rng.normal(size=(BATCH, TGT_LEN, D_MODEL))
    x = rng.normal(size=grad_out.shape)
    for norm, is_free in (("pre", True), ("post", False)):
        layer = randomise(ResidualNorm(make_config(norm)), rng)
        grad_x, _ = layer.leave_backward(grad_out, layer.leave(x, x, None)[1])
        assert np.array_equal(grad_x, grad_out) is is_free


@each_norm
def test_what_is_silenced_hears_nothing(rng, norm):
    """Dropout acts on what a sublayer adds, not on what runs past it."""
    layer = randomise(ResidualNorm(make_config(norm, dropout=0.5)), rng)
    x, added, grad_out = rng.normal(size=(3, BATCH, TGT_LEN, D_MODEL))
    _, cache = layer.leave(x, added, np.random.default_rng(3))
    grad_x, grad_added = layer.leave_backward(grad_out, cache)
    np.testing.assert_array_equal(grad_added != 0.0, cache.gap.keep)
    assert grad_x.all()
    assert not cache.gap.keep.all()

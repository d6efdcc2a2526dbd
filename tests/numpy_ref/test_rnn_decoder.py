"""Decoders that do not look: what they know of the source, and what they ignore.

Three sentences of 7, 5 and 2 source tokens. That steps equal one call, and that every
gradient is right, is in test_seq2seq.py.
"""

import numpy as np
import pytest

from minis2s.config import RNNConfig
from minis2s.numpy_ref.embedding import Embedding
from minis2s.numpy_ref.rnn_encoder import Memory
from minis2s.numpy_ref.seq2seq import make_decoder

BATCH, SRC_LEN, TGT_LEN, VOCAB_SIZE, D_EMBED, D_HIDDEN, D_DECODER = 3, 7, 5, 23, 2, 3, 6
MASK = np.arange(SRC_LEN) < np.array([[7], [5], [2]])
SPEC = {"rtol": 1e-12, "atol": 1e-12}

each_blind = pytest.mark.parametrize("attention", ["none", "fixed"])
each_depth = pytest.mark.parametrize("n_layers", [1, 2])


def make(attention, rng, **changes):
    """A decoder with random parameters."""
    sizes = {"d_embed": D_EMBED, "d_hidden": D_HIDDEN, "d_decoder": D_DECODER}
    sizes |= {"vocab_size": VOCAB_SIZE, "dropout": 0.0, **changes}
    config = RNNConfig(attention=attention, **sizes)
    decoder = make_decoder(Embedding(VOCAB_SIZE, D_EMBED, rng), config, rng)
    decoder.load({n: rng.normal(size=p.shape) for n, p in decoder.named_parameters()})
    return decoder


def make_memory(rng, n_layers=1):
    """What an encoder might have handed over."""
    value = rng.normal(size=(BATCH, SRC_LEN, 2 * D_HIDDEN))
    final = tuple(rng.normal(size=(BATCH, 2 * D_HIDDEN)) for _ in range(n_layers))
    return Memory(value, value, MASK, final)


@pytest.fixture
def tgt_in(rng):
    """The target that the decoder reads."""
    return rng.integers(4, VOCAB_SIZE, size=(BATCH, TGT_LEN))


def end_columns(decoder):
    """Those parts of two weights that read the end, as views."""
    read = decoder.layers[0].params["weight_input"][:, D_EMBED:]
    return read, decoder.combine.params["weight"][:, : 2 * D_HIDDEN]


@each_blind
@each_depth
def test_a_decoder_that_does_not_look_sees_the_ends_alone(
    rng, tgt_in, attention, n_layers
):
    """Another memory with the same ends: the same logits, in one call and in steps."""
    decoder = make(attention, rng, n_layers=n_layers)
    memory = make_memory(rng, n_layers)
    other = memory._replace(value=-memory.value, key=-memory.key, mask=~MASK)
    logits, _, _ = decoder.forward(tgt_in, memory)
    np.testing.assert_array_equal(decoder.forward(tgt_in, other)[0], logits)
    state = decoder.initial_state(memory)
    step, other_step = (
        decoder.step(tgt_in[:, 0], state, each)[0] for each in (memory, other)
    )
    np.testing.assert_array_equal(step, other_step)


@each_blind
@each_depth
def test_no_gradient_reaches_what_is_not_looked_at(rng, tgt_in, attention, n_layers):
    """Exactly zero for the memory, and something for every end."""
    decoder = make(attention, rng, n_layers=n_layers)
    logits, _, cache = decoder.forward(tgt_in, make_memory(rng, n_layers))
    grad_value, grad_final = decoder.backward(rng.normal(size=logits.shape), cache)
    assert grad_value.shape == (BATCH, SRC_LEN, 2 * D_HIDDEN)
    assert not grad_value.any()
    assert all(grad.all() for grad in grad_final)


def test_the_last_end_is_read_at_every_step(rng, tgt_in):
    """From a first state that is told nothing, "fixed" still knows its source."""
    decoder, memory = make("fixed", rng, n_layers=2), make_memory(rng, 2)
    for layer in decoder.initial:
        for _, param in layer.named_parameters():
            param[...] = 0.0
    logits, _, _ = decoder.forward(tgt_in, memory)
    first, last = memory.final
    same, _, _ = decoder.forward(tgt_in, memory._replace(final=(-first, last)))
    other, _, _ = decoder.forward(tgt_in, memory._replace(final=(first, -last)))
    np.testing.assert_array_equal(same, logits)
    assert (np.abs(other - logits).max(axis=-1) > 1e-6).all()


@each_depth
def test_deaf_to_the_end_fixed_is_none(rng, tgt_in, n_layers):
    """With what reads the end at zero, the two decoders are one."""
    fixed, none = (make(name, rng, n_layers=n_layers) for name in ("fixed", "none"))
    memory = make_memory(rng, n_layers)
    weights = dict(none.named_parameters())
    for columns in end_columns(fixed):
        columns[...] = 0.0
    for name, param in fixed.named_parameters():
        if param.shape == weights[name].shape:
            param[...] = weights[name]
    read = fixed.layers[0].params["weight_input"]
    read[:, :D_EMBED] = weights["layers.0.weight_input"]
    fixed.combine.params["weight"][:, 2 * D_HIDDEN :] = weights["combine.weight"]
    logits, expected = (d.forward(tgt_in, memory)[0] for d in (fixed, none))
    np.testing.assert_allclose(logits, expected, **SPEC)


def test_what_is_given_has_no_gaps_of_its_own(rng, tgt_in):
    """In training the end is read whole: its gaps, if any, were made by the encoder."""
    decoder, memory = make("fixed", rng, dropout=0.5), make_memory(rng)
    _, _, cache = decoder.forward(tgt_in, memory, rng=rng)
    (_, layer_cache), (combine_cache, _) = cache.layers[0], cache.combine
    for given in (layer_cache.x[..., D_EMBED:], combine_cache.x[..., : 2 * D_HIDDEN]):
        ends = np.broadcast_to(memory.final[0][:, None], given.shape)
        np.testing.assert_array_equal(given, ends)
    assert (layer_cache.x[..., :D_EMBED] == 0.0).any()

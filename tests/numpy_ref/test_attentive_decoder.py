"""Decoders that look climb the first rung; what feeding adds, and what it does not.

Four sentences of 7, 5, 2 and 0 source tokens: the last has nothing to look at. That
every gradient is right is in test_seq2seq.py.
"""

from functools import partial

import numpy as np
import pytest

from minis2s import specs
from minis2s.config import RNNConfig
from minis2s.numpy_ref.embedding import Embedding
from minis2s.numpy_ref.rnn_encoder import Memory
from minis2s.numpy_ref.seq2seq import make_decoder

BATCH, SRC_LEN, TGT_LEN, VOCAB_SIZE, D_EMBED, D_HIDDEN, D_DECODER = 4, 7, 5, 23, 2, 3, 6
N_HEADS = 3
MASK = np.arange(SRC_LEN) < np.array([[7], [5], [2], [0]])
SPEC = {"rtol": 1e-12, "atol": 1e-12}

SPECS = {
    "additive": specs.additive_attention,
    "dot": specs.dot_attention,
    "general": specs.general_attention,
    "multi_head": specs.multi_head_attention,
    "scaled": partial(specs.dot_attention, scaled=True),
}
each_attention = pytest.mark.parametrize("attention", SPECS)
each_depth = pytest.mark.parametrize("n_layers", [1, 2])


def make(rng, *, input_feeding=True, **changes):
    """A decoder with random parameters."""
    sizes = {"d_embed": D_EMBED, "d_hidden": D_HIDDEN, "d_decoder": D_DECODER}
    sizes |= {"vocab_size": VOCAB_SIZE, "n_heads": N_HEADS, "dropout": 0.0, **changes}
    config = RNNConfig(input_feeding=input_feeding, **sizes)
    decoder = make_decoder(Embedding(VOCAB_SIZE, D_EMBED, rng), config, rng)
    decoder.load({n: rng.normal(size=p.shape) for n, p in decoder.named_parameters()})
    return decoder


def make_memory(rng, decoder):
    """What an encoder might have handed over, nothing projected yet."""
    outputs = rng.normal(size=(BATCH, SRC_LEN, 2 * D_HIDDEN))
    final = tuple(rng.normal(size=(BATCH, 2 * D_HIDDEN)) for _ in decoder.layers)
    return Memory(outputs, outputs, MASK, final)


def projected(decoder, memory):
    """The same memory as translating takes it."""
    key, value = decoder.project(memory.value)
    return memory._replace(value=value, key=key)


@pytest.fixture
def tgt_in(rng):
    """The target that the decoder reads."""
    return rng.integers(4, VOCAB_SIZE, size=(BATCH, TGT_LEN))


def make_look(name, layer, value, mask):
    """The specification's attention of one state to one sentence."""
    params = dict(layer.named_parameters())
    if name == "multi_head":
        params = {"params": params, "n_heads": N_HEADS}

    def look(h):
        query, source = h[None, None], value[None]  # (1, 1, d_decoder)
        context, weights = SPECS[name](
            query, source, source, mask[None, None], **params
        )
        return context[0, 0], weights.reshape(-1, SRC_LEN)

    return look


@each_attention
@each_depth
def test_input_feeding_agrees_with_the_loop(rng, tgt_in, attention, n_layers):
    """Rung 1: logits and weights are the specification's, sentence by sentence."""
    decoder = make(rng, attention=attention, n_layers=n_layers)
    memory = make_memory(rng, decoder)
    logits, weights, _ = decoder.forward(tgt_in, memory)
    states = decoder.initial_state(memory).layers
    parameters = {
        "layers": [tuple(layer.params.values()) for layer in decoder.layers],
        "combine": tuple(decoder.combine.params.values()),
        "output": tuple(decoder.output.params.values()),
    }
    for b in range(BATCH):
        embedded = decoder.embedding.params["weight"][tgt_in[b]]
        state = [(h[b], c[b]) for h, c in states]
        look = make_look(attention, decoder.attention, memory.value[b], MASK[b])
        expected = specs.input_feeding(embedded, state, look=look, **parameters)
        np.testing.assert_allclose(logits[b], expected[0], **SPEC)
        np.testing.assert_allclose(weights[b, 0], expected[1], **SPEC)


@each_attention
@each_depth
def test_deaf_to_what_is_fed_it_is_the_plain_decoder(rng, tgt_in, attention, n_layers):
    """So the plain one, too, stands on the specification: its steps in one call."""
    changes = {"attention": attention, "n_layers": n_layers}
    fed, plain = make(rng, **changes), make(rng, **changes, input_feeding=False)
    memory = make_memory(rng, fed)
    weights = dict(fed.named_parameters())
    weights["layers.0.weight_input"][:, D_EMBED:] = 0.0
    read = weights["layers.0.weight_input"][:, :D_EMBED]
    plain.load(weights | {"layers.0.weight_input": read})
    logits, looked, _ = fed.forward(tgt_in, memory)
    plain_logits, plain_looked, _ = plain.forward(tgt_in, memory)
    np.testing.assert_allclose(logits, plain_logits, **SPEC)
    np.testing.assert_allclose(looked, plain_looked, **SPEC)


@each_attention
def test_projecting_once_changes_nothing(rng, tgt_in, attention):
    """A translation's steps see what the known target's call has seen."""
    decoder = make(rng, attention=attention)
    memory = make_memory(rng, decoder)
    logits, weights, _ = decoder.forward(tgt_in, memory)
    state, memory = decoder.initial_state(memory), projected(decoder, memory)
    for t in range(TGT_LEN):
        found, looked, state = decoder.step(tgt_in[:, t], state, memory)
        np.testing.assert_allclose(found, logits[:, t], **SPEC)
        np.testing.assert_allclose(looked, weights[:, :, :, t], **SPEC)


def test_what_was_seen_is_known_a_step_later(rng, tgt_in):
    """With another source at the first step alone, the second step answers otherwise.

    The cell forgets everything, so what is fed is all that can tell.
    """
    decoder = make(rng, cell="rnn")
    decoder.layers[0].params["weight_hidden"][...] = 0.0
    memory = projected(decoder, make_memory(rng, decoder))
    other = memory._replace(value=-memory.value, key=-memory.key)
    state = decoder.initial_state(memory)
    answers = []
    for first in (memory, other):
        _, _, after = decoder.step(tgt_in[:, 0], state, first)
        answers.append(decoder.step(tgt_in[:, 1], after, memory)[0])
    apart = np.abs(answers[0] - answers[1]).max(axis=-1)
    assert (apart[:3] > 1e-6).all()
    assert apart[3] == 0.0  # nothing to see, nothing to tell


def test_nothing_is_fed_at_first(rng):
    """combined_{-1} is zero, of the table's width."""
    decoder = make(rng)
    state = decoder.initial_state(make_memory(rng, decoder))
    np.testing.assert_array_equal(state.combined, np.zeros((BATCH, D_EMBED)))


def test_what_is_fed_has_no_gaps(rng, tgt_in):
    """In training the next step reads combined whole, the output layer with gaps."""
    decoder = make(rng, dropout=0.5)
    _, _, cache = decoder.forward(tgt_in, make_memory(rng, decoder), rng=rng)
    fed = np.stack([step.layers[0][1].x for step in cache.steps], axis=1)
    combined = np.concatenate([step.combine[1] for step in cache.steps], axis=1)
    np.testing.assert_array_equal(fed[:, 1:, D_EMBED:], combined[:, :-1])
    _, output_cache = cache.output
    read, gaps = output_cache.x, output_cache.x == 0.0
    assert gaps.any()
    np.testing.assert_allclose(read[~gaps], 2.0 * combined[~gaps], **SPEC)
    assert combined.all()

"""The translators as a whole: differences through everything, steps, padding.

Three sentences of 7, 5 and 2 source tokens; every parameter, biases too, is random.
"""

import inspect
import warnings

import numpy as np
import pytest

from minis2s.config import RNNConfig
from minis2s.numpy_ref.gradcheck import check_gradient
from minis2s.numpy_ref.masks import padding_mask
from minis2s.numpy_ref.seq2seq import Seq2Seq
from minis2s.text.tokenizers import EOS_ID, PAD_ID

BATCH, SRC_LEN, TGT_LEN, VOCAB_SIZE, D_EMBED, D_HIDDEN, D_DECODER = 3, 7, 5, 23, 2, 3, 6
N_HEADS = 2
LENGTHS = (7, 5, 2)
SPEC = {"rtol": 1e-12, "atol": 1e-12}
GRADIENT = 1e-6


def make_model(dropout=0.0, **changes):
    """A tiny translator with random parameters."""
    sizes = {"d_embed": D_EMBED, "d_hidden": D_HIDDEN, "d_decoder": D_DECODER}
    sizes["n_heads"] = N_HEADS
    config = RNNConfig(vocab_size=VOCAB_SIZE, dropout=dropout, **{**sizes, **changes})
    rng = np.random.default_rng(1)
    model = Seq2Seq(config, rng)
    model.load({n: rng.normal(size=p.shape) for n, p in model.named_parameters()})
    return model


@pytest.fixture
def batch(rng):
    """Source, its mask, and the target that the decoder reads."""
    src = rng.integers(4, VOCAB_SIZE, size=(BATCH, SRC_LEN))
    for row, length in zip(src, LENGTHS, strict=True):
        row[length - 1], row[length:] = EOS_ID, PAD_ID
    return src, padding_mask(src), rng.integers(4, VOCAB_SIZE, size=(BATCH, TGT_LEN))


@pytest.fixture
def grad_logits(rng):
    """A random upstream gradient."""
    return rng.normal(size=(BATCH, TGT_LEN, VOCAB_SIZE))


def gradients(model, batch, grad_logits, rng=None):
    """Copies of all gradients by name."""
    model.zero_gradients()
    *_, cache = model.forward(*batch, rng=rng)
    model.backward(grad_logits, cache)
    return {name: grad.copy() for name, grad in model.named_gradients()}


# --- the whole way back ---


def test_every_gradient_agrees_with_differences(batch, grad_logits, variant):
    """Rung 2, through the whole model: each parameter, along random directions.

    The same seed silences the same entries in every evaluation. A key's bias, which
    multi_head has, shifts all scores of a query alike: nothing comes of it, in either
    way.
    """
    model = make_model(dropout=0.3, **variant)
    weights = dict(model.named_parameters())
    grads = gradients(model, batch, grad_logits, np.random.default_rng(2))
    before, *_ = model.forward(*batch, rng=np.random.default_rng(2))
    assert grads.keys() == weights.keys()
    for name, param in weights.items():

        def loss(array, name=name):
            model.load({**weights, name: array})
            logits, *_ = model.forward(*batch, rng=np.random.default_rng(2))
            return float(((logits - before) * grad_logits).sum())  # saves digits

        rng = np.random.default_rng(3)
        if name == "decoder.attention.key.bias":
            np.testing.assert_allclose(grads[name], 0.0, atol=1e-11)
            assert abs(loss(param + rng.normal(size=param.shape))) < 1e-10
        else:
            error = check_gradient(loss, param, grads[name], rng, n_directions=2)
            assert error < GRADIENT, name


def test_gradients_add_up_over_calls(batch, grad_logits):
    """Two calls of backward leave twice the gradient, in every shared table too."""
    model = make_model(tie="all")
    once = gradients(model, batch, grad_logits)
    *_, cache = model.forward(*batch)
    model.backward(grad_logits, cache)
    for name, grad in model.named_gradients():
        np.testing.assert_allclose(grad, 2 * once[name], **SPEC, err_msg=name)


def test_a_shared_table_gathers_the_gradients_of_all_its_uses(batch, grad_logits):
    """With three equal tables apart, their gradients sum to that of the one."""
    tied, apart = make_model(tie="all"), make_model(tie="none")
    table = "encoder.embedding.weight"
    tables = [table, "decoder.embedding.weight", "decoder.output.weight"]
    weights = dict(tied.named_parameters())
    apart.load(weights | dict.fromkeys(tables, weights[table]))
    grads = gradients(apart, batch, grad_logits)
    total = sum(grads[name] for name in tables)
    grad = gradients(tied, batch, grad_logits)[table]
    np.testing.assert_allclose(grad, total, **SPEC)


# --- what the whole must keep ---


def test_steps_equal_teacher_forcing(batch, variant):
    """Decoding the true tokens one by one gives what one call gives."""
    model = make_model(**variant)
    src, mask, tgt_in = batch
    logits, weights, _ = model.forward(*batch)
    memory = model.encode(src, mask)
    state = model.initial_state(memory)
    for t in range(TGT_LEN):
        found, looked, state = model.decode_step(tgt_in[:, t], state, memory)
        np.testing.assert_allclose(found, logits[:, t], **SPEC)
        np.testing.assert_allclose(looked, weights[:, :, :, t], **SPEC)


@pytest.mark.parametrize(
    ("attention", "maps", "kind"),
    [
        ("none", (0, 1), "no attention"),
        ("fixed", (0, 1), "no attention"),
        ("general", (1, 1), "general cross-attention"),
        ("multi_head", (1, N_HEADS), "multi-head cross-attention"),
    ],
)
def test_a_decoder_that_does_not_look_has_no_layer_that_does(
    batch, attention, maps, kind
):
    """One shape for all: layers and heads stand before target and source."""
    model = make_model(attention=attention)
    _, weights, _ = model.forward(*batch)
    assert weights.shape == (BATCH, *maps, TGT_LEN, SRC_LEN)
    assert model.attention_kind == kind


def test_the_future_is_not_seen(batch, variant):
    """Logits at t do not depend on target tokens after t."""
    model, (src, mask, tgt_in) = make_model(**variant), batch
    changed = tgt_in.copy()
    changed[:, 3:] = (changed[:, 3:] - 4 + 7) % 19 + 4
    logits, other = (model.forward(src, mask, t)[0] for t in (tgt_in, changed))
    np.testing.assert_array_equal(logits[:, :3], other[:, :3])
    assert not np.allclose(logits[:, 3:], other[:, 3:])


def test_what_stands_on_padding_changes_nothing(batch, grad_logits, variant):
    """Other ids at padded places: logits and gradients equal to the last bit."""
    model, (src, mask, tgt_in) = make_model(**{**variant, "tie": "none"}), batch
    changed = np.where(mask, src, 11)
    logits, _, _ = model.forward(*batch)
    other, _, _ = model.forward(changed, mask, tgt_in)
    np.testing.assert_array_equal(logits, other)
    grads = gradients(model, batch, grad_logits)
    for name, grad in gradients(model, (changed, mask, tgt_in), grad_logits).items():
        np.testing.assert_array_equal(grad, grads[name], err_msg=name)


def test_padding_has_no_gradient(batch, grad_logits, variant):
    """The source table's row for PAD stays where it is."""
    grads = gradients(make_model(**{**variant, "tie": "none"}), batch, grad_logits)
    assert not grads["encoder.embedding.weight"][PAD_ID].any()


@pytest.mark.parametrize("attention", ["general", "multi_head"])
@pytest.mark.parametrize("input_feeding", [False, True])
def test_padding_is_not_attended_to(batch, attention, input_feeding):
    """Weights on padding are exactly zero, and rows sum to one, in every head."""
    model = make_model(attention=attention, input_feeding=input_feeding)
    _, weights, _ = model.forward(*batch)
    assert not np.moveaxis(weights, -1, 1)[~batch[1]].any()
    np.testing.assert_allclose(weights.sum(axis=-1), 1.0, **SPEC)


def test_a_sentence_means_the_same_alone_and_padded_further(batch, variant):
    """Neither the batch nor more padding changes a sentence's logits."""
    model, (src, _, tgt_in) = make_model(**variant), batch
    logits, _, _ = model.forward(*batch)
    wider = np.pad(src, ((0, 0), (0, 5)))
    further, _, _ = model.forward(wider, padding_mask(wider), tgt_in)
    np.testing.assert_allclose(further, logits, **SPEC)
    for b, length in enumerate(LENGTHS):
        one = src[b : b + 1, :length]
        alone, _, _ = model.forward(one, padding_mask(one), tgt_in[b : b + 1])
        np.testing.assert_allclose(alone[0], logits[b], **SPEC)


def test_permuting_the_batch_permutes_the_result(batch, variant):
    """Sentences of a batch do not know of each other."""
    model = make_model(**variant)
    turned, _, _ = model.forward(*(array[::-1] for array in batch))
    np.testing.assert_allclose(turned[::-1], model.forward(*batch)[0], **SPEC)


def test_dropout_acts_only_in_training(batch):
    """Without a generator nothing is random; with one the seed decides."""
    model = make_model(dropout=0.5)
    still, again = (model.forward(*batch)[0] for _ in range(2))
    np.testing.assert_array_equal(still, again)
    one, same, other = (
        model.forward(*batch, rng=np.random.default_rng(seed))[0] for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, still)
    assert not np.allclose(one, other)


def test_a_model_remembers_nothing_between_calls(batch, grad_logits, variant):
    """A second forward pass does not disturb the first one's way back."""
    model, (src, mask, tgt_in) = make_model(**variant), batch
    expected = gradients(model, batch, grad_logits)
    model.zero_gradients()
    *_, cache = model.forward(*batch)
    model.forward(src[::-1], mask[::-1], tgt_in[::-1])
    model.backward(grad_logits, cache)
    for name, grad in model.named_gradients():
        np.testing.assert_array_equal(grad, expected[name], err_msg=name)


def test_an_empty_source_stays_finite(batch, grad_logits, variant):
    """With nothing to look at, nothing is seen: forward and backward without NaN."""
    model, (src, mask, tgt_in) = make_model(**variant), batch
    src[1], mask[1] = PAD_ID, False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logits, weights, _ = model.forward(src, mask, tgt_in)
        grads = gradients(model, (src, mask, tgt_in), grad_logits)
    assert not weights[1].any()
    assert np.isfinite(logits).all()
    assert all(np.isfinite(grad).all() for grad in grads.values())


def leaves(tree):
    """All arrays of nested tuples."""
    if isinstance(tree, np.ndarray):
        return [tree]
    return [leaf for part in tree for leaf in leaves(part)]


def test_float32_stays_float32(batch, grad_logits, variant):
    """A model loaded with float32 answers, attends and learns in float32."""
    model = make_model(dropout=0.3, **variant)
    model.load({n: p.astype(np.float32) for n, p in model.named_parameters()})
    logits, weights, cache = model.forward(*batch, rng=np.random.default_rng(0))
    model.backward(grad_logits.astype(np.float32), cache)
    memory = model.encode(*batch[:2])
    step = model.decode_step(batch[2][:, 0], model.initial_state(memory), memory)
    arrays = [logits, weights, *leaves(step), *memory[:2], *memory.final]
    arrays += [grad for _, grad in model.named_gradients()]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("tie", "n_tables"), [("none", 3), ("target", 2), ("all", 1)])
def test_tying_stores_a_table_once(tie, n_tables):
    """Of three token tables, tying leaves three, two or one."""
    shapes = [p.shape for _, p in make_model(tie=tie).named_parameters()]
    assert shapes.count((VOCAB_SIZE, D_EMBED)) == n_tables


@pytest.mark.parametrize(
    ("place", "shape", "message"),
    [
        (0, (BATCH,), r"src: must have axes \(batch, src_len\)"),
        (1, (BATCH, 11), "src_mask: axis src_len must be 7, got 11"),
        (2, (11, TGT_LEN), "tgt_in: axis batch must be 3, got 11"),
    ],
)
def test_a_wrong_shape_is_named(batch, place, shape, message):
    """The error names argument, axis, expected and received size."""
    arrays = list(batch)
    arrays[place] = np.zeros(shape, dtype=arrays[place].dtype)
    with pytest.raises(ValueError, match=message):
        Seq2Seq.forward.__wrapped__(make_model(), *arrays)


@pytest.mark.parametrize("attention", ["none", "fixed", "additive"])
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda m: m.astype(int), TypeError, "src_mask: must be bool .*, got int64"),
        (
            lambda m: m[:, ::-1],
            ValueError,
            "src_mask: tokens must stand before padding",
        ),
        (lambda m: m[:, :0], ValueError, "src: must have at least 1 position"),
    ],
)
def test_a_source_that_cannot_be_read_is_refused(
    batch, attention, change, error, message
):
    """With attention or without, when training and when translating."""
    model = make_model(attention=attention)
    src, src_mask, tgt_in = batch
    src_mask = change(src_mask)
    src = src[:, : src_mask.shape[1]]
    with pytest.raises(error, match=message):
        inspect.unwrap(Seq2Seq.forward)(model, src, src_mask, tgt_in)
    with pytest.raises(error, match=message):
        inspect.unwrap(Seq2Seq.encode)(model, src, src_mask)

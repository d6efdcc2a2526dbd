"""The Transformer as a whole: differences through everything, steps, masks, order.

Three sentences of 7, 5 and 2 source tokens; every parameter, biases too, is random.
"""

import inspect

import numpy as np
import pytest

from minis2s.config import DecodeConfig, TransformerConfig
from minis2s.numpy_ref.decode import beam_search, greedy_search, select_rows
from minis2s.numpy_ref.gradcheck import check_gradient
from minis2s.numpy_ref.masks import padding_mask
from minis2s.numpy_ref.transformer import Transformer
from minis2s.text.tokenizers import EOS_ID, PAD_ID

BATCH, SRC_LEN, TGT_LEN, VOCAB_SIZE, N_LAYERS, N_HEADS = 3, 7, 11, 23, 2, 5
LENGTHS = (7, 5, 2)
SPEC = {"rtol": 1e-12, "atol": 1e-12}
GRADIENT = 1e-6

VARIANTS = [
    {"norm": "pre", "positions": "sinusoidal", "tie": "all"},
    {"norm": "pre", "positions": "learned", "tie": "none", "dropout": 0.3},
    {"norm": "post", "positions": "learned", "tie": "target"},
    {"norm": "post", "positions": "sinusoidal", "tie": "none", "dropout": 0.3},
]
each_variant = pytest.mark.parametrize("changes", VARIANTS, ids=str)
each_norm = pytest.mark.parametrize("norm", ["pre", "post"])


def random_parameter(name, shape, rng):
    """Norms about 1, so that their products vanish nowhere; all else about 0."""
    is_scale = "norm" in name and name.endswith("weight")
    return is_scale + 0.4 * rng.normal(size=shape)


def make_model(**changes):
    """A tiny Transformer with random parameters."""
    sizes = {"d_model": 10, "n_heads": N_HEADS, "d_ff": 13, "n_layers": N_LAYERS}
    fixed = {"vocab_size": VOCAB_SIZE, "max_len": 37, "dropout": 0.0}
    config = TransformerConfig(**{**sizes, **fixed, **changes})
    rng = np.random.default_rng(1)
    model = Transformer(config, rng)
    shapes = {name: p.shape for name, p in model.named_parameters()}
    model.load({n: random_parameter(n, shape, rng) for n, shape in shapes.items()})
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


def changed_from(tgt_in, t):
    """Other tokens at position t and all later ones."""
    changed = tgt_in.copy()
    changed[:, t:] = (changed[:, t:] - 4 + 7) % 19 + 4
    return changed


# --- the whole way back ---


@each_variant
def test_every_gradient_agrees_with_differences(batch, grad_logits, changes):
    """Rung 2, through the whole model: each parameter, along a random direction.

    With dropout, the same seed silences the same entries in every evaluation. A key's
    bias shifts all scores of a query alike: nothing comes of it, in either way.
    """
    model = make_model(**changes)
    grads = gradients(model, batch, grad_logits, np.random.default_rng(2))
    before, *_ = model.forward(*batch, rng=np.random.default_rng(2))
    for name, param in model.named_parameters():
        original = param.copy()

        def loss(array, param=param):
            param[...] = array
            logits, *_ = model.forward(*batch, rng=np.random.default_rng(2))
            return float(((logits - before) * grad_logits).sum())  # saves digits

        rng = np.random.default_rng(3)
        if name.endswith("key.bias"):
            np.testing.assert_allclose(grads[name], 0.0, atol=1e-11, err_msg=name)
            assert abs(loss(original + rng.normal(size=param.shape))) < 1e-10
        else:
            error = check_gradient(loss, original, grads[name], rng, n_directions=2)
            assert error < GRADIENT, name
        param[...] = original


def test_gradients_add_up_over_calls(batch, grad_logits):
    """Two calls of backward leave twice the gradient, in every shared table too."""
    model = make_model(tie="all", positions="learned")
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
    np.testing.assert_allclose(grad, total, rtol=1e-11, atol=1e-11)


# --- step by step ---


@each_variant
def test_steps_equal_teacher_forcing(batch, changes):
    """Decoding the true tokens with the cache gives what one call gives without it."""
    model, (src, mask, tgt_in) = make_model(**changes), batch
    logits, weights, _ = model.forward(*batch)
    memory = model.encode(src, mask)
    state = model.initial_state(memory)
    for t in range(TGT_LEN):
        found, looked, state = model.decode_step(tgt_in[:, t], state, memory)
        np.testing.assert_allclose(found, logits[:, t], **SPEC)
        np.testing.assert_allclose(looked, weights[..., t, :], **SPEC)


def test_the_state_is_the_keys_and_values_so_far(batch):
    """For each layer two arrays, empty at first, one position longer at each step."""
    model, (src, mask, tgt_in) = make_model(), batch
    memory = model.encode(src, mask)
    state = model.initial_state(memory)
    for t in range(3):
        shapes = [array.shape for layer in state for array in layer]
        assert shapes == [(BATCH, N_HEADS, t, 2)] * (2 * N_LAYERS)
        _, _, state = model.decode_step(tgt_in[:, t], state, memory)


def test_chosen_rows_go_on_as_they_would_have(batch):
    """Memory and state can be cut and reordered between steps, as a search does."""
    model, (src, mask, tgt_in) = make_model(), batch
    rows = np.array([2, 0, 2])
    memory = model.encode(src, mask)
    _, _, state = model.decode_step(tgt_in[:, 0], model.initial_state(memory), memory)
    logits, weights, _ = model.decode_step(tgt_in[:, 1], state, memory)
    memory, state = select_rows((memory, state), rows)
    found, looked, _ = model.decode_step(tgt_in[rows, 1], state, memory)
    np.testing.assert_allclose(found, logits[rows], **SPEC)
    np.testing.assert_allclose(looked, weights[rows], **SPEC)


@pytest.mark.parametrize("search", [greedy_search, beam_search])
def test_searches_take_a_transformer_as_any_model(batch, search):
    """Attention of every layer and head comes back, and a beam of one is greedy."""
    model, (src, mask, _) = make_model(tie="none"), batch
    found = search(model, src, mask, DecodeConfig(n_beams=1))
    greedy = greedy_search(model, src, mask, DecodeConfig())
    for hypothesis, expected, length in zip(found, greedy, LENGTHS, strict=True):
        assert hypothesis.tokens == expected.tokens
        shape = (N_LAYERS, N_HEADS, len(hypothesis.tokens), length)
        assert hypothesis.attention.shape == shape
        assert hypothesis.attention_kind == "scaled dot cross-attention"


# --- masks ---


@each_norm
def test_the_future_is_not_seen(batch, norm):
    """Logits at t do not depend on target tokens after t, to the last bit."""
    model, (src, mask, tgt_in) = make_model(norm=norm), batch
    logits, weights, _ = model.forward(*batch)
    for t in range(1, TGT_LEN):
        other, looked, _ = model.forward(src, mask, changed_from(tgt_in, t))
        np.testing.assert_array_equal(logits[:, :t], other[:, :t])
        np.testing.assert_array_equal(weights[..., :t, :], looked[..., :t, :])
        assert not np.allclose(logits[:, t], other[:, t])


@each_norm
def test_the_future_has_no_gradient(batch, grad_logits, norm):
    """A loss at positions up to t leaves the vectors of later tokens where they are.

    Every later token stands at one position alone, and its table is its own.
    """
    model, (src, mask, _) = make_model(norm=norm, tie="none"), batch
    tgt_in = np.tile(np.arange(4, 4 + TGT_LEN), (BATCH, 1))
    for t in range(TGT_LEN):
        upstream = grad_logits.copy()
        upstream[:, t + 1 :] = 0.0
        grads = gradients(model, (src, mask, tgt_in), upstream)
        reached = grads["decoder.embedding.weight"][tgt_in[0]].any(axis=-1)
        np.testing.assert_array_equal(reached, np.arange(TGT_LEN) <= t)


def test_what_stands_on_padding_changes_nothing(batch, grad_logits):
    """Other ids at padded places: logits and gradients equal to the last bit."""
    model, (src, mask, tgt_in) = make_model(tie="none"), batch
    changed = np.where(mask, src, 11)
    logits, _, _ = model.forward(*batch)
    other, _, _ = model.forward(changed, mask, tgt_in)
    np.testing.assert_array_equal(logits, other)
    grads = gradients(model, batch, grad_logits)
    for name, grad in gradients(model, (changed, mask, tgt_in), grad_logits).items():
        np.testing.assert_array_equal(grad, grads[name], err_msg=name)


def test_padding_has_no_gradient(batch, grad_logits):
    """The source table's row for PAD stays where it is."""
    grads = gradients(make_model(tie="none"), batch, grad_logits)
    assert not grads["encoder.embedding.weight"][PAD_ID].any()


def test_padding_is_not_attended_to(batch):
    """Weights on padding are exactly zero in all layers and heads; rows sum to one."""
    model, (src, mask, _) = make_model(), batch
    for weights in (model.forward(*batch)[1], model.encoder.forward(src, mask)[1]):
        hidden = np.broadcast_to(~mask[:, None, None, None], weights.shape)
        assert not weights[hidden].any()
        np.testing.assert_allclose(weights.sum(axis=-1), 1.0, **SPEC)


@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_a_sentence_means_the_same_alone_and_padded_further(batch, positions):
    """Neither the batch nor more padding changes a sentence's logits."""
    model, (src, _, tgt_in) = make_model(positions=positions), batch
    logits, _, _ = model.forward(*batch)
    wider = np.pad(src, ((0, 0), (0, 5)))
    further, _, _ = model.forward(wider, padding_mask(wider), tgt_in)
    np.testing.assert_allclose(further, logits, **SPEC)
    for b, length in enumerate(LENGTHS):
        one = src[b : b + 1, :length]
        alone, _, _ = model.forward(one, padding_mask(one), tgt_in[b : b + 1])
        np.testing.assert_allclose(alone[0], logits[b], **SPEC)


def test_permuting_the_batch_permutes_the_result(batch):
    """Sentences of a batch do not know of each other."""
    model = make_model()
    turned, _, _ = model.forward(*(array[::-1] for array in batch))
    np.testing.assert_allclose(turned[::-1], model.forward(*batch)[0], **SPEC)


@each_norm
def test_a_source_without_tokens_gives_finite_results(batch, grad_logits, norm):
    """Nothing to look at: no weights, finite logits, finite gradients."""
    model, (src, mask, tgt_in) = make_model(norm=norm), batch
    mask = mask.copy()
    mask[1] = False
    logits, weights, _ = model.forward(src, mask, tgt_in)
    assert np.isfinite(logits).all()
    assert not weights[1].any()
    for name, grad in gradients(model, (src, mask, tgt_in), grad_logits).items():
        assert np.isfinite(grad).all(), name


# --- order ---


@pytest.mark.parametrize("positions", ["none", "sinusoidal", "learned"])
def test_order_is_known_from_positions_alone(batch, positions):
    """A shuffled source gives shuffled outputs without positions, others with them.

    Learned positions of zero are no positions.
    """
    kind = "learned" if positions == "none" else positions
    model, (src, _, _) = make_model(positions=kind), batch
    if positions == "none":
        model.encoder.positions.params["weight"][...] = 0.0
    order = np.array([4, 1, 6, 0, 3, 5, 2])
    mask = padding_mask(src)
    outputs, _, _ = model.encoder.forward(src, mask)
    shuffled, _, _ = model.encoder.forward(src[:, order], mask[:, order])
    assert np.allclose(shuffled, outputs[:, order], **SPEC) is (positions == "none")


# --- the rest of what a model must keep ---


def test_vectors_enter_with_the_size_that_the_paper_gives(batch):
    """sqrt(d_model) times the table's row, plus the position, is what is normed."""
    model, (src, _, _) = make_model(), batch
    x, _ = model.encoder._embed(src, None)
    rows = model.encoder.embedding.params["weight"][src]
    zeros = np.zeros_like(rows)
    places, _ = model.encoder.positions.forward(zeros)
    np.testing.assert_allclose(x, 10**0.5 * rows + places, **SPEC)


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


def test_dropout_acts_on_embeddings_and_on_what_sublayers_add(batch):
    """It draws once for each entry there, two or three sublayers a layer; no more."""
    rng, other = (np.random.default_rng(4) for _ in range(2))
    make_model(dropout=0.5).forward(*batch, rng=rng)
    n_src, n_tgt = 1 + 2 * N_LAYERS, 1 + 3 * N_LAYERS
    other.random(BATCH * 10 * (SRC_LEN * n_src + TGT_LEN * n_tgt), dtype=np.float32)
    assert rng.bit_generator.state == other.bit_generator.state


def test_a_model_remembers_nothing_between_calls(batch, grad_logits):
    """A second forward pass does not disturb the first one's way back."""
    model, (src, mask, tgt_in) = make_model(), batch
    expected = gradients(model, batch, grad_logits)
    model.zero_gradients()
    *_, cache = model.forward(*batch)
    model.forward(src[::-1], mask[::-1], tgt_in[::-1])
    model.decode_step(
        tgt_in[:, 0], model.initial_state(m := model.encode(src, mask)), m
    )
    model.backward(grad_logits, cache)
    for name, grad in model.named_gradients():
        np.testing.assert_array_equal(grad, expected[name], err_msg=name)


def test_nothing_passed_in_is_written_to(batch, grad_logits):
    """Forward, backward and a step leave their arguments as they were."""
    model = make_model(dropout=0.3)
    arrays = [*batch, grad_logits]
    copies = [array.copy() for array in arrays]
    gradients(model, batch, grad_logits, np.random.default_rng(2))
    model.encode(*batch[:2])
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("changes", VARIANTS[:3], ids=str)
def test_float32_stays_float32(batch, grad_logits, changes):
    """A model loaded with float32 answers, attends and learns in float32."""
    model = make_model(**{**changes, "dropout": 0.3})
    model.load({n: p.astype(np.float32) for n, p in model.named_parameters()})
    logits, weights, cache = model.forward(*batch, rng=np.random.default_rng(0))
    model.backward(grad_logits.astype(np.float32), cache)
    memory = model.encode(*batch[:2])
    step = model.decode_step(batch[2][:, 0], model.initial_state(memory), memory)
    arrays = [logits, weights, memory.value, *memory.projected[0], *step[:2]]
    arrays += [*step[2][1], *(grad for _, grad in model.named_gradients())]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("tie", "n_tables"), [("none", 3), ("target", 2), ("all", 1)])
def test_tying_stores_a_table_once(tie, n_tables):
    """Of three token tables, tying leaves three, two or one."""
    shapes = [p.shape for _, p in make_model(tie=tie).named_parameters()]
    assert shapes.count((VOCAB_SIZE, 10)) == n_tables


@pytest.mark.parametrize(("norm", "n_norms"), [("pre", 2), ("post", 0)])
def test_only_pre_norm_ends_in_a_norm(norm, n_norms):
    """Encoder and decoder have a last one in pre-norm, none in post-norm."""
    names = [name for name, _ in make_model(norm=norm).named_parameters()]
    assert sum(n in ("encoder.norm.weight", "decoder.norm.weight") for n in names) == (
        n_norms
    )


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
        inspect.unwrap(Transformer.forward)(make_model(), *arrays)


def test_a_mask_of_numbers_is_refused(batch):
    """When training and when translating."""
    src, src_mask, tgt_in = batch
    model, message = make_model(), "src_mask: must be bool .*, got int64"
    with pytest.raises(TypeError, match=message):
        inspect.unwrap(Transformer.forward)(model, src, src_mask.astype(int), tgt_in)
    with pytest.raises(TypeError, match=message):
        inspect.unwrap(Transformer.encode)(model, src, src_mask.astype(int))


@each_norm
def test_no_source_is_like_a_masked_one(batch, grad_logits, norm):
    """Logits and the decoder's gradients are those of a source that is all padding."""
    src, src_mask, tgt_in = batch
    model = make_model(norm=norm, tie="none")
    masked, none = (
        (src, src_mask & False, tgt_in),
        (src[:, :0], src_mask[:, :0], tgt_in),
    )
    (logits, *_), (found, weights, _) = model.forward(*masked), model.forward(*none)
    np.testing.assert_allclose(found, logits, **SPEC)
    assert weights.shape == (BATCH, N_LAYERS, N_HEADS, TGT_LEN, 0)
    expected = gradients(model, masked, grad_logits)
    for name, grad in gradients(model, none, grad_logits).items():
        if name.startswith("decoder"):
            np.testing.assert_allclose(grad, expected[name], **SPEC, err_msg=name)

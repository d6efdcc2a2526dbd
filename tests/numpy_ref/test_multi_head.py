"""Multi-head attention: loop specification, differences, what heads must not know.

Three regimes of scores, as in test_attention.py: "unit" is ordinary; in "low" feature 0
of every head adds -30 to real scores and +30 to padded ones; in "huge" scores reach
+-1e4, where rung 2 is not asked.
"""

import inspect
import math
import warnings

import numpy as np
import pytest

from minis2s import specs
from minis2s.numpy_ref.dot_attention import dot_attention_forward
from minis2s.numpy_ref.gradcheck import (
    check_gradient,
    numerical_gradient,
    relative_error,
)
from minis2s.numpy_ref.masks import causal_mask
from minis2s.numpy_ref.multi_head import MultiHeadAttention, merge_heads, split_heads

BATCH, N_HEADS, D_HEAD, TGT_LEN, SRC_LEN, D_QUERY, D_KEY = 2, 3, 5, 7, 11, 13, 17
D_MODEL = N_HEADS * D_HEAD
WORDS = np.arange(SRC_LEN) < np.array([[SRC_LEN], [5]])  # True at words
EMPTY_ROW = (0, 1)  # batch and target position that may attend to nothing
SPEC = {"rtol": 1e-12, "atol": 1e-12}
GRADIENT = 1e-6
INPUTS = ("query", "key", "value")
SUBLAYERS = ("query", "key", "value", "output")
PARAMS = [f"{name}.{kind}" for name in SUBLAYERS for kind in ("weight", "bias")]
each_regime = pytest.mark.parametrize("regime", ["unit", "low", "huge"])


def make_layer(rng, d_query=D_QUERY, d_key=D_KEY, n_heads=N_HEADS):
    """A layer whose every parameter, biases too, is random."""
    layer = MultiHeadAttention(d_query, d_key, D_MODEL, n_heads, rng)
    shapes = {name: param.shape for name, param in layer.named_parameters()}
    layer.load({name: 0.5 * rng.normal(size=shape) for name, shape in shapes.items()})
    return layer


def make_inputs(rng):
    """Query, key, value and mask: ragged lengths, and one row that sees nothing."""
    mask = WORDS[:, None].repeat(TGT_LEN, axis=1)
    mask[EMPTY_ROW] = False
    return {
        "query": rng.normal(size=(BATCH, TGT_LEN, D_QUERY)),
        "key": rng.normal(size=(BATCH, SRC_LEN, D_KEY)),
        "value": rng.normal(size=(BATCH, SRC_LEN, D_KEY)),
        "mask": mask,
    }


def make_case(regime="unit"):
    """A layer and its inputs, with scores in the given regime."""
    rng = np.random.default_rng(11)
    layer, inputs = make_layer(rng), make_inputs(rng)
    if regime == "huge":
        inputs["query"] *= 1e4
    if regime == "low":  # feature 0 of each head: query 1, key that of the input
        inputs["key"][..., 0] = math.sqrt(D_HEAD) * np.where(WORDS, -30.0, 30.0)
        first = slice(None, None, D_HEAD)
        for name, weight, bias in (("query", 0.0, 1.0), ("key", 1.0, 0.0)):
            params = getattr(layer, name).params
            params["weight"][first], params["bias"][first] = 0.0, bias
            params["weight"][first, 0] = weight
    return layer, inputs


@pytest.fixture
def grad_context():
    """A random upstream gradient: ones would hide every fault of the softmax."""
    return np.random.default_rng(110).normal(size=(BATCH, TGT_LEN, D_MODEL))


def gradients(layer, inputs, grad_context):
    """All gradients by name, those of the inputs and those of the parameters."""
    layer.zero_gradients()
    *_, cache = layer.forward(**inputs)
    grads = layer.backward(grad_context, cache)
    return dict(zip(INPUTS, grads, strict=True)) | dict(layer.named_gradients())


def loss_of(layer, inputs, name, grad_context):
    """A number that depends on one input, or on one parameter by its dotted name."""
    params = {key: param.copy() for key, param in layer.named_parameters()}

    def loss(array):
        if name in INPUTS:
            context, *_ = layer.forward(**(inputs | {name: array}))
        else:
            layer.load(params | {name: array})
            context, *_ = layer.forward(**inputs)
        return float((context * grad_context).sum())

    return loss


# --- the ladder ---


@each_regime
def test_context_and_weights_agree_with_the_loop(regime):
    """Rung 1: context and weights are the specification's."""
    layer, inputs = make_case(regime)
    context, weights, _ = layer.forward(**inputs)
    params = dict(layer.named_parameters())
    expected = specs.multi_head_attention(**inputs, params=params, n_heads=N_HEADS)
    np.testing.assert_allclose(weights, expected[1], **SPEC)
    np.testing.assert_allclose(context, expected[0], **SPEC)


@pytest.mark.parametrize(
    ("name", "regime"),
    [(name, "unit") for name in (*INPUTS, *PARAMS)]
    + [(name, "low") for name in INPUTS],
)
def test_gradient_agrees_with_differences(name, regime, grad_context):
    """Rung 2: each gradient, entry by entry and along random directions.

    But for that of the key's bias, which is zero: it is compared as a number.
    """
    layer, inputs = make_case(regime)
    grad = gradients(layer, inputs, grad_context)[name]
    loss = loss_of(layer, inputs, name, grad_context)
    array = (inputs | dict(layer.named_parameters()))[name].copy()
    expected = numerical_gradient(loss, array)
    if name == "key.bias":
        np.testing.assert_allclose(expected, grad, rtol=0, atol=1e-6)
        return
    assert relative_error(grad, expected) < GRADIENT
    assert check_gradient(loss, array, grad, np.random.default_rng(1)) < GRADIENT


def test_huge_scores_stay_finite_and_silent(grad_context):
    """At scores of +-1e4 nothing overflows, forward or backward, and nothing warns."""
    layer, inputs = make_case("huge")
    with warnings.catch_warnings(), np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("error")
        grads = gradients(layer, inputs, grad_context)
    assert all(np.isfinite(grad).all() for grad in grads.values())


# --- splitting and merging ---


def test_splitting_cuts_blocks_of_features(rng):
    """Feature d of head h is feature h d_head + d of the whole."""
    x = rng.normal(size=(BATCH, TGT_LEN, D_MODEL))
    heads = split_heads(x, N_HEADS)
    assert heads.shape == (BATCH, N_HEADS, TGT_LEN, D_HEAD)
    for b, h, t, d in np.ndindex(heads.shape):
        assert heads[b, h, t, d] == x[b, t, h * D_HEAD + d]


def test_merging_undoes_splitting(rng):
    """And each is the other's gradient: the inner product is kept."""
    x = rng.normal(size=(BATCH, TGT_LEN, D_MODEL))
    grad_heads = rng.normal(size=(BATCH, N_HEADS, TGT_LEN, D_HEAD))
    np.testing.assert_array_equal(merge_heads(split_heads(x, N_HEADS)), x)
    ahead = (split_heads(x, N_HEADS) * grad_heads).sum()
    back = (x * merge_heads(grad_heads)).sum()
    np.testing.assert_allclose(ahead, back, **SPEC)


# --- the mask ---


@each_regime
def test_each_row_shares_out_one_unit(regime):
    """Rows of every head sum to 1, but for the one that may attend to nothing."""
    layer, inputs = make_case(regime)
    _, weights, _ = layer.forward(**inputs)
    expected = np.ones((BATCH, N_HEADS, TGT_LEN))
    expected[0, :, 1] = 0.0
    np.testing.assert_allclose(weights.sum(axis=-1), expected, **SPEC)


@each_regime
def test_what_is_hidden_gets_exactly_no_weight(regime):
    """In no head, and it is 0.0, not a small number."""
    layer, inputs = make_case(regime)
    _, weights, _ = layer.forward(**inputs)
    hidden = ~inputs["mask"][:, None].repeat(N_HEADS, axis=1)
    assert (weights[hidden] == 0.0).all()


def test_changing_what_is_hidden_changes_nothing():
    """Context and weights are equal to the last bit, whatever stands at padding."""
    layer, inputs = make_case()
    before = layer.forward(**inputs)[:2]
    for name in ("key", "value"):
        inputs[name][~WORDS] += 100.0
    for old, new in zip(before, layer.forward(**inputs)[:2], strict=True):
        np.testing.assert_array_equal(old, new)


def test_no_gradient_reaches_padding(grad_context):
    """The gradients of padded keys and values are exactly zero."""
    grads = gradients(*make_case(), grad_context)
    assert (grads["key"][~WORDS] == 0.0).all()
    assert (grads["value"][~WORDS] == 0.0).all()


def test_an_empty_row_says_the_output_bias():
    """A query that may attend to nothing finds zeros, to which the bias is added."""
    layer, inputs = make_case()
    context, _, _ = layer.forward(**inputs)
    bias = layer.output.params["bias"]
    np.testing.assert_array_equal(context[EMPTY_ROW], bias)


def test_an_empty_row_sends_no_gradient(grad_context):
    """Its query has a gradient of exactly zero, never NaN."""
    grads = gradients(*make_case(), grad_context)
    assert (grads["query"][EMPTY_ROW] == 0.0).all()


def test_all_rows_may_be_empty(grad_context):
    """Then only the output's bias learns anything."""
    layer, inputs = make_case()
    inputs["mask"][:] = False
    grads = gradients(layer, inputs, grad_context)
    assert [name for name, grad in grads.items() if grad.any()] == ["output.bias"]


def test_a_future_token_has_no_gradient(rng):
    """Under the causal mask position 3 hears nothing from what stands behind it."""
    layer = make_layer(rng, d_query=D_KEY)
    x = rng.normal(size=(BATCH, SRC_LEN, D_KEY))
    mask = causal_mask(SRC_LEN) & WORDS[:, None]
    *_, cache = layer.forward(x, x, x, mask)
    grad_context = np.zeros((BATCH, SRC_LEN, D_MODEL))
    grad_context[:, 3] = rng.normal(size=D_MODEL)
    grad_x = sum(layer.backward(grad_context, cache))
    assert (grad_x[:, 4:] == 0.0).all()
    assert grad_x[:, :4].any(axis=-1).all()


# --- what must not matter ---


def test_permuting_the_batch_permutes_the_result():
    """Sentences of a batch do not know of each other, nor of each other's heads."""
    layer, inputs = make_case()
    turned = {name: array[::-1] for name, array in inputs.items()}
    straight, reversed_ = layer.forward(**inputs), layer.forward(**turned)
    np.testing.assert_allclose(reversed_[0], straight[0][::-1], **SPEC)
    np.testing.assert_allclose(reversed_[1], straight[1][::-1], **SPEC)


def test_permuting_the_source_permutes_the_weights(rng):
    """Keys, values and mask in another order: only the weights move."""
    layer, inputs = make_case()
    order = rng.permutation(SRC_LEN)
    moved = {name: inputs[name][:, order] for name in ("key", "value")}
    moved["mask"] = inputs["mask"][:, :, order]
    straight, permuted = layer.forward(**inputs), layer.forward(**(inputs | moved))
    np.testing.assert_allclose(permuted[0], straight[0], **SPEC)
    np.testing.assert_allclose(permuted[1], straight[1][..., order], **SPEC)


@pytest.mark.parametrize("n_heads", [5, 0])
def test_splitting_refuses_what_does_not_go_evenly(n_heads):
    """The sentence holds both numbers."""
    message = f"x: axis d_model must be a multiple of n_heads = {n_heads}, got 7"
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(split_heads)(np.zeros((2, 3, 7)), n_heads)


def test_permuting_the_heads_changes_nothing():
    """Blocks of the four matrices in another order: only the weights move."""
    layer, inputs = make_case()
    straight = layer.forward(**inputs)
    heads = [2, 0, 1]
    order = np.arange(D_MODEL).reshape(N_HEADS, D_HEAD)[heads].ravel()
    params = {name: param.copy() for name, param in layer.named_parameters()}
    for name in PARAMS[:6]:
        params[name] = params[name][order]
    params["output.weight"] = params["output.weight"][:, order]
    layer.load(params)
    permuted = layer.forward(**inputs)
    np.testing.assert_allclose(permuted[0], straight[0], **SPEC)
    np.testing.assert_allclose(permuted[1], straight[1][:, heads], **SPEC)


def test_one_head_with_identity_projections_is_scaled_dot_attention(rng):
    """With nothing to project, what is left is the attention of dot_attention.py."""
    layer = MultiHeadAttention(D_MODEL, D_MODEL, D_MODEL, 1, rng)
    shapes = {name: param.shape for name, param in layer.named_parameters()}
    layer.load(
        {n: np.eye(*s) if len(s) == 2 else np.zeros(s) for n, s in shapes.items()}
    )
    inputs = make_inputs(rng)
    query = rng.normal(size=(BATCH, TGT_LEN, D_MODEL))
    key, value = rng.normal(size=(2, BATCH, SRC_LEN, D_MODEL))
    context, weights, _ = layer.forward(query, key, value, inputs["mask"])
    expected = dot_attention_forward(query, key, value, inputs["mask"], scaled=True)
    np.testing.assert_allclose(context, expected[0], **SPEC)
    np.testing.assert_allclose(weights[:, 0], expected[1], **SPEC)


def test_the_bias_of_the_key_does_nothing(rng):
    """Whatever it is, each query's scores all move alike, and the softmax is blind."""
    layer, inputs = make_case()
    before = layer.forward(**inputs)[:2]
    layer.key.params["bias"] += rng.normal(size=D_MODEL)
    for old, new in zip(before, layer.forward(**inputs)[:2], strict=True):
        np.testing.assert_allclose(new, old, **SPEC)


def test_the_bias_of_the_key_learns_nothing(grad_context):
    """Its gradient is rounding; those of the other biases are not."""
    grads = gradients(*make_case(), grad_context)
    np.testing.assert_allclose(grads["key.bias"], 0.0, **SPEC)
    for name in ("query.bias", "value.bias", "output.bias"):
        assert abs(grads[name]).max() > 0.01, name


# --- project once, attend often ---


def test_attending_after_projecting_is_forward():
    """A decoder that projects the memory once gets what forward gives, bit for bit."""
    layer, inputs = make_case()
    projected = layer.project(inputs["key"], inputs["value"])
    assert projected[0].shape == (BATCH, N_HEADS, SRC_LEN, D_HEAD)
    parts = layer.attend(inputs["query"], *projected, inputs["mask"])
    for whole, part in zip(layer.forward(**inputs)[:2], parts, strict=True):
        np.testing.assert_array_equal(part, whole)


def test_projecting_token_by_token_is_causal_attention(rng):
    """Projections joined as the sentence grows give the rows of the causal mask."""
    layer = make_layer(rng, d_query=D_KEY)
    x = rng.normal(size=(BATCH, SRC_LEN, D_KEY))
    whole, _, _ = layer.forward(x, x, x, causal_mask(SRC_LEN)[None].repeat(BATCH, 0))
    so_far = np.zeros((2, BATCH, N_HEADS, 0, D_HEAD))
    for t in range(SRC_LEN):
        now = x[:, t : t + 1]
        so_far = np.concatenate([so_far, layer.project(now, now)], axis=-2)
        mask = np.ones((BATCH, 1, t + 1), dtype=bool)
        context, _ = layer.attend(now, *so_far, mask)
        np.testing.assert_allclose(context[:, 0], whole[:, t], **SPEC)


# --- the class ---


def test_backward_adds_up(grad_context):
    """Two calls leave twice the gradients of one."""
    layer, inputs = make_case()
    once = {n: g.copy() for n, g in gradients(layer, inputs, grad_context).items()}
    *_, cache = layer.forward(**inputs)
    layer.backward(grad_context, cache)
    for name, grad in layer.named_gradients():
        np.testing.assert_allclose(grad, 2 * once[name], **SPEC)


def test_names_are_those_of_the_linear_layers(rng):
    """A weight and a bias for each of query, key, value and output, in this order."""
    assert [name for name, _ in make_layer(rng).named_parameters()] == PARAMS


def test_float32_stays_float32(grad_context):
    """Neither results nor gradients are promoted to float64."""
    layer, inputs = make_case()
    layer.load({n: p.astype(np.float32) for n, p in layer.named_parameters()})
    inputs |= {name: inputs[name].astype(np.float32) for name in INPUTS}
    results = layer.forward(**inputs)[:2]
    grads = gradients(layer, inputs, grad_context.astype(np.float32))
    dtypes = {array.dtype for array in (*results, *grads.values())}
    assert dtypes == {np.dtype(np.float32)}


def test_nothing_passed_in_is_written_to(grad_context):
    """Arrays that may only be read are good enough, forward and backward."""
    layer, inputs = make_case()
    for array in (*inputs.values(), grad_context):
        array.setflags(write=False)
    gradients(layer, inputs, grad_context)


# --- bad input ---


@pytest.mark.parametrize(("d_model", "n_heads"), [(10, 3), (10, 0), (2, 3)])
def test_heads_that_cannot_share_are_refused(rng, d_model, n_heads):
    """The sentence holds both numbers."""
    message = f"d_model: must be a multiple of n_heads = {n_heads}, got {d_model}"
    with pytest.raises(ValueError, match=message):
        MultiHeadAttention(D_QUERY, D_KEY, d_model, n_heads, rng)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("query", (2, 7, 17), "query: axis d_query must be 13, got 17"),
        ("query", (3, 7, 13), "query: axis batch must be 2, got 3"),
        ("query", (7, 13), r"query: must have axes \(batch, tgt_len, d_query\)"),
        ("key", (2, 11, 13), "key: axis d_key must be 17, got 13"),
        ("key", (11, 17), r"key: must have axes \(batch, src_len, d_key\), got shape"),
        ("value", (2, 11, 13), "value: axis d_key must be 17, got 13"),
        ("value", (2, 5, 17), "value: axis src_len must be 11, got 5"),
        ("mask", (2, 7, 5), "mask: axis src_len must be 11, got 5"),
        ("mask", (2, 1, 11), "mask: axis tgt_len must be 7, got 1"),
    ],
)
def test_wrong_shapes_are_named(name, shape, message):
    """One sentence says what was wrong; `unwrap` takes the import hook away."""
    layer, inputs = make_case()
    inputs[name] = np.zeros(shape, dtype=inputs[name].dtype)
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(MultiHeadAttention.forward)(layer, **inputs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({0: (2, 3, 11, 7)}, "projected_key: axis d_head must be 5, got 7"),
        ({0: (2, 1, 11, 5)}, "projected_key: axis n_heads must be 3, got 1"),
        ({0: (2, 11, 15)}, r"projected_key: must have axes \(batch, n_heads, src_len"),
        ({1: (2, 3, 7, 5)}, "projected_value: axis src_len must be 11, got 7"),
        ({1: (1, 3, 11, 5)}, "projected_value: axis batch must be 2, got 1"),
    ],
)
def test_wrong_projections_are_named(change, message):
    """What `project` did not make is refused by name."""
    layer, inputs = make_case()
    projected = [np.zeros(change.get(i, (2, 3, 11, 5))) for i in range(2)]
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(MultiHeadAttention.attend)(
            layer, inputs["query"], *projected, inputs["mask"]
        )


def test_projecting_the_wrong_width_is_named(rng):
    """Keys that do not fit are refused before they are multiplied."""
    layer, inputs = make_case()
    with pytest.raises(ValueError, match="key: axis d_key must be 17, got 13"):
        inspect.unwrap(MultiHeadAttention.project)(
            layer, inputs["query"], inputs["value"]
        )


def test_a_mask_of_numbers_is_refused():
    """0 and 1 could mean either thing."""
    layer, inputs = make_case()
    inputs["mask"] = inputs["mask"].astype(float)
    message = r"mask: must be bool \(True means may be attended to\), got float64"
    with pytest.raises(TypeError, match=message):
        inspect.unwrap(MultiHeadAttention.forward)(layer, **inputs)

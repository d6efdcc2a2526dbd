"""NumPy attention climbs the first two rungs: loop specification, differences.

Three regimes of scores for each attention: "unit" is ordinary; in "low" every real
score lies near -30 and every padded one near +30; in "huge" scores reach +-1e4, where
rung 2 is not asked (STYLE.md, section 6).
"""

import inspect
import math
import warnings

import numpy as np
import pytest

from minis2s import specs
from minis2s.numpy_ref import additive_attention, attention, dot_attention
from minis2s.numpy_ref.gradcheck import (
    check_gradient,
    numerical_gradient,
    relative_error,
)

BATCH, TGT_LEN, SRC_LEN, D_QUERY, D_VALUE, D_ATTENTION, D_KEY = 2, 3, 5, 7, 11, 13, 17
SRC_LENGTHS = np.array([5, 3])
EMPTY_ROW = (0, 1)  # batch and target position that may attend to nothing
SPEC = {"rtol": 1e-12, "atol": 1e-12}
GRADIENT = 1e-6

FUNCTIONS = {  # forward, backward, loop specification
    "dot": (
        dot_attention.dot_attention_forward,
        dot_attention.dot_attention_backward,
        specs.dot_attention,
    ),
    "general": (
        dot_attention.general_attention_forward,
        dot_attention.general_attention_backward,
        specs.general_attention,
    ),
    "additive": (
        additive_attention.additive_attention_forward,
        additive_attention.additive_attention_backward,
        specs.additive_attention,
    ),
}
FUNCTIONS["scaled"] = FUNCTIONS["dot"]
GRADIENTS = {
    "dot": ["query", "key", "value"],
    "scaled": ["query", "key", "value"],
    "general": ["query", "key", "value", "weight"],
    "additive": [
        *["query", "key", "value"],
        *["weight_query", "weight_key", "bias", "weight_score"],
    ],
}
each_kind = pytest.mark.parametrize("kind", list(FUNCTIONS))
each_regime = pytest.mark.parametrize("regime", ["unit", "low", "huge"])
each_gradient = pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in FUNCTIONS for name in GRADIENTS[kind]]
)


def make_case(kind, regime="unit"):
    """Everything that a forward pass takes, with scores in the given regime."""
    rng = np.random.default_rng(6)
    d_key = D_QUERY if kind in ("dot", "scaled") else D_KEY
    case = {
        "query": rng.normal(size=(BATCH, TGT_LEN, D_QUERY)),
        "key": rng.normal(size=(BATCH, SRC_LEN, d_key)),
        "value": rng.normal(size=(BATCH, SRC_LEN, D_VALUE)),
        "mask": np.repeat(real_positions()[:, None, :], TGT_LEN, axis=1),
    }
    case["mask"][EMPTY_ROW] = False
    if kind == "scaled":
        case["scaled"] = True
    if kind == "general":
        case["weight"] = rng.normal(size=(D_QUERY, D_KEY))
    if kind == "additive":
        case["weight_query"] = rng.normal(size=(D_ATTENTION, D_QUERY))
        case["weight_key"] = rng.normal(size=(D_ATTENTION, D_KEY))
        case["bias"] = rng.normal(size=D_ATTENTION)
        case["weight_score"] = rng.normal(size=D_ATTENTION)
    if regime == "low":
        make_low(case)
    if regime == "huge":
        case["weight_score" if kind == "additive" else "query"] *= 1e4
    return case


def real_positions():
    """True at words, False at padding: (batch, src_len)."""
    return np.arange(SRC_LEN) < SRC_LENGTHS[:, None]


def make_low(case):
    """Let feature 0 of the key add -30 to a real score and +30 to a padded one."""
    scale = math.sqrt(D_QUERY) if "scaled" in case else 1.0
    case["key"][..., 0] = scale * np.where(real_positions(), -30.0, 30.0)
    case["query"][..., 0] = 1.0
    if "weight" in case:
        case["weight"][0, :] = case["weight"][:, 0] = 0.0
        case["weight"][0, 0] = 1.0
    if "bias" in case:  # tanh unit 0 sees nothing but that feature
        case["weight_query"][0] = case["weight_key"][0] = case["bias"][0] = 0.0
        case["weight_key"][0, 0], case["weight_score"][0] = 1.0, 30.0


def loss_of(kind, case, name, grad_context):
    """A number that depends on one array of the case, as finite differences need."""
    forward, _, _ = FUNCTIONS[kind]

    def loss(array):
        context, _, _ = forward(**(case | {name: array}))
        return float((context * grad_context).sum())

    return loss


def gradients(kind, case, grad_context):
    """All gradients of a case by the name of the array they belong to."""
    forward, backward, _ = FUNCTIONS[kind]
    _, _, cache = forward(**case)
    return dict(zip(GRADIENTS[kind], backward(grad_context, cache), strict=True))


@pytest.fixture
def grad_context():
    """A random upstream gradient: ones would hide every fault of the softmax."""
    return np.random.default_rng(60).normal(size=(BATCH, TGT_LEN, D_VALUE))


# --- the ladder ---


@each_regime
@each_kind
def test_context_and_weights_agree_with_the_loop(kind, regime):
    """Rung 1: context and weights are the specification's."""
    case = make_case(kind, regime)
    forward, _, spec = FUNCTIONS[kind]
    context, weights, _ = forward(**case)
    expected_context, expected_weights = spec(**case)
    np.testing.assert_allclose(weights, expected_weights, **SPEC)
    np.testing.assert_allclose(context, expected_context, **SPEC)


@pytest.mark.parametrize("regime", ["unit", "low"])
@each_gradient
def test_gradient_agrees_with_differences(kind, name, regime, grad_context):
    """Rung 2: every entry of every gradient agrees with central differences."""
    case = make_case(kind, regime)
    grad = gradients(kind, case, grad_context)[name]
    expected = numerical_gradient(loss_of(kind, case, name, grad_context), case[name])
    assert relative_error(grad, expected) < GRADIENT


@each_gradient
def test_gradient_agrees_along_random_directions(kind, name, grad_context):
    """Rung 2: and so does the slope when all entries move at once."""
    case = make_case(kind)
    grad = gradients(kind, case, grad_context)[name]
    loss = loss_of(kind, case, name, grad_context)
    rng = np.random.default_rng(600)
    assert check_gradient(loss, case[name], grad, rng) < GRADIENT


@each_kind
def test_huge_scores_stay_finite_and_silent(kind, grad_context):
    """At scores of +-1e4 nothing overflows, forward or backward, and nothing warns."""
    case = make_case(kind, "huge")
    with warnings.catch_warnings(), np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("error")
        grads = gradients(kind, case, grad_context)
    assert all(np.isfinite(grad).all() for grad in grads.values())


# --- what must hold for any attention ---


@each_regime
@each_kind
def test_padding_gets_exactly_no_weight(kind, regime):
    """The weight of a hidden position is 0.0, not a small number."""
    case = make_case(kind, regime)
    _, weights, _ = FUNCTIONS[kind][0](**case)
    assert (weights[~case["mask"]] == 0.0).all()


@each_regime
@each_kind
def test_each_row_shares_out_one_unit(kind, regime):
    """Rows sum to 1, but for the one that may attend to nothing."""
    _, weights, _ = FUNCTIONS[kind][0](**make_case(kind, regime))
    expected = np.ones((BATCH, TGT_LEN))
    expected[EMPTY_ROW] = 0.0
    np.testing.assert_allclose(weights.sum(axis=-1), expected, **SPEC)


@each_kind
def test_changing_a_padded_key_and_value_changes_nothing(kind):
    """Context and weights are equal to the last bit, whatever stands at padding."""
    case = make_case(kind)
    forward = FUNCTIONS[kind][0]
    before = forward(**case)[:2]
    for name in ("key", "value"):
        case[name][~real_positions()] += 100.0
    for old, new in zip(before, forward(**case)[:2], strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("name", ["key", "value"])
@each_kind
def test_no_gradient_reaches_padding(kind, name, grad_context):
    """The gradients of padded keys and values are exactly zero."""
    grad = gradients(kind, make_case(kind), grad_context)[name]
    assert (grad[~real_positions()] == 0.0).all()


@each_kind
def test_an_empty_row_has_no_context(kind):
    """A query that may attend to nothing receives zeros, never NaN."""
    context, _, _ = FUNCTIONS[kind][0](**make_case(kind))
    assert (context[EMPTY_ROW] == 0.0).all()


@each_kind
def test_an_empty_row_sends_no_gradient(kind, grad_context):
    """A query that may attend to nothing has a gradient of zero, never NaN."""
    grads = gradients(kind, make_case(kind), grad_context)
    assert (grads["query"][EMPTY_ROW] == 0.0).all()


@each_kind
def test_permuting_the_batch_permutes_the_result(kind):
    """Sentences of a batch do not know of each other."""
    case = make_case(kind)
    forward = FUNCTIONS[kind][0]
    turned = {name: case[name][::-1] for name in ("query", "key", "value", "mask")}
    straight, reversed_ = forward(**case), forward(**(case | turned))
    np.testing.assert_allclose(reversed_[0], straight[0][::-1], **SPEC)
    np.testing.assert_allclose(reversed_[1], straight[1][::-1], **SPEC)


@each_kind
def test_permuting_the_source_permutes_the_weights(kind):
    """Attention sees a set of positions: their order moves only the weights."""
    case = make_case(kind)
    forward = FUNCTIONS[kind][0]
    order = [3, 0, 4, 1, 2]
    moved = {name: case[name][:, order] for name in ("key", "value")}
    moved["mask"] = case["mask"][:, :, order]
    straight, permuted = forward(**case), forward(**(case | moved))
    np.testing.assert_allclose(permuted[0], straight[0], **SPEC)
    np.testing.assert_allclose(permuted[1], straight[1][:, :, order], **SPEC)


@each_kind
def test_float32_stays_float32(kind, grad_context):
    """Neither the results nor the gradients are promoted to float64."""
    case = {
        name: array.astype(np.float32) if name in GRADIENTS[kind] else array
        for name, array in make_case(kind).items()
    }
    context, weights, _ = FUNCTIONS[kind][0](**case)
    grads = gradients(kind, case, grad_context.astype(np.float32))
    dtypes = {array.dtype for array in (context, weights, *grads.values())}
    assert dtypes == {np.dtype(np.float32)}


@each_kind
def test_nothing_passed_in_is_written_to(kind, grad_context):
    """Arrays that may only be read are good enough, forward and backward."""
    case = make_case(kind)
    for array in [*case.values(), grad_context]:
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
    gradients(kind, case, grad_context)


# --- bad input ---
# Under jaxtyping's import hook the annotations refuse wrong shapes first, with a
# longer message; `unwrap` gives the function as a learner meets it.

BAD_INPUTS = [
    ("dot", "query", (2, 7), r"query: must have axes \(batch, tgt_len, d_head\)"),
    ("dot", "key", (2, 5, 19), r"key: axis d_head must be 7, got 19 \(shape \(2, 5, "),
    ("dot", "key", (19, 5, 7), "key: axis batch must be 2, got 19"),
    ("dot", "value", (2, 19, 11), "value: axis src_len must be 5, got 19"),
    ("dot", "mask", (2, 1, 5), "mask: axis tgt_len must be 3, got 1"),
    ("general", "query", (2, 3, 19), "query: axis d_query must be 7, got 19"),
    ("general", "key", (2, 5, 19), "key: axis d_key must be 17, got 19"),
    ("general", "weight", (7,), r"weight: must have axes \(d_query, d_key\)"),
    ("additive", "query", (2, 3, 19), "query: axis d_query must be 7, got 19"),
    ("additive", "key", (2, 5, 19), "key: axis d_key must be 17, got 19"),
    ("additive", "weight_query", (13,), "weight_query: must have axes"),
    ("additive", "weight_key", (19, 17), "weight_key: axis d_attention must be 13"),
    ("additive", "bias", (19,), "bias: axis d_attention must be 13, got 19"),
    ("additive", "weight_score", (13, 1), "weight_score: must have axes"),
]


@pytest.mark.parametrize(("kind", "name", "shape", "message"), BAD_INPUTS)
def test_a_wrong_shape_is_named(kind, name, shape, message):
    """The error names argument, axis, expected and received size."""
    case = make_case(kind)
    case[name] = np.zeros(shape, dtype=case[name].dtype)
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(FUNCTIONS[kind][0])(**case)


@each_kind
def test_without_a_source_the_context_is_zero(kind):
    """No positions are like positions that are all masked, forward and backward."""
    case, forward, backward = make_case(kind), *FUNCTIONS[kind][:2]
    for name in ("key", "value"):
        case[name] = case[name][:, :0]
    case["mask"] = case["mask"][..., :0]
    context, weights, cache = forward(**case)
    np.testing.assert_array_equal(context, np.zeros((BATCH, TGT_LEN, D_VALUE)))
    assert weights.shape == (BATCH, TGT_LEN, 0)
    for name, grad in zip(GRADIENTS[kind], backward(context + 1.0, cache), strict=True):
        np.testing.assert_array_equal(grad, np.zeros_like(case[name]))


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("query", (BATCH, TGT_LEN, 19), "query: axis d_query must be 7, got 19"),
        ("query", (1, TGT_LEN, D_QUERY), "key: axis batch must be 1, got 2"),
        ("key", (BATCH, SRC_LEN, 1), "key: axis d_attention must be 13, got 1"),
        ("mask", (BATCH, 1, SRC_LEN), "mask: axis tgt_len must be 3, got 1"),
        ("mask", (BATCH, TGT_LEN, SRC_LEN), "mask: must be bool .*, got float64"),
    ],
)
def test_additive_attend_refuses_what_forward_refuses(rng, name, shape, message):
    """A mask of one row or one sentence would be stretched without a word."""
    layer = attention.AdditiveAttention(D_QUERY, D_KEY, D_ATTENTION, rng)
    case = make_case("additive")
    arrays = {name: case[name] for name in ("query", "key", "value", "mask")}
    arrays["key"] = layer.project_key(arrays["key"])
    arrays[name] = np.zeros(
        shape, dtype=float if "bool" in message else arrays[name].dtype
    )
    attend = inspect.unwrap(type(layer).attend)
    with pytest.raises((ValueError, TypeError), match=message):
        attend(layer, *arrays.values())


@each_kind
def test_a_mask_of_numbers_is_refused(kind):
    """Ones and zeros could mean either sense, so only bool is taken."""
    case = make_case(kind)
    case["mask"] = case["mask"].astype(np.int64)
    with pytest.raises(TypeError, match=r"mask: must be bool .*, got int64"):
        inspect.unwrap(FUNCTIONS[kind][0])(**case)


# --- the classes ---


def make_layer(kind, case):
    """The class of that kind, holding the parameters of the case."""
    rng = np.random.default_rng(0)
    layer = {
        "dot": lambda: attention.DotAttention(),
        "scaled": lambda: attention.DotAttention(scaled=True),
        "general": lambda: attention.GeneralAttention(D_QUERY, D_KEY, rng),
        "additive": lambda: attention.AdditiveAttention(
            D_QUERY, D_KEY, D_ATTENTION, rng
        ),
    }[kind]()
    layer.params |= {name: case[name] for name in layer.params}
    return layer


def inputs_of(case):
    """The four arguments that every attention takes."""
    return [case[name] for name in ("query", "key", "value", "mask")]


@each_kind
def test_class_forward_is_the_pair(kind):
    """A layer adds nothing to the function that it calls."""
    case = make_case(kind)
    context, weights, _ = make_layer(kind, case).forward(*inputs_of(case))
    expected_context, expected_weights, _ = FUNCTIONS[kind][0](**case)
    np.testing.assert_array_equal(context, expected_context)
    np.testing.assert_array_equal(weights, expected_weights)


@each_kind
def test_class_params_and_grads_have_equal_keys_and_shapes(kind):
    """There is one gradient for each parameter, zero at first."""
    layer = make_layer(kind, make_case(kind))
    assert list(layer.params) == list(layer.grads) == GRADIENTS[kind][3:]
    for name, grad in layer.grads.items():
        np.testing.assert_array_equal(grad, np.zeros_like(layer.params[name]))


@each_kind
def test_class_backward_adds_up(kind, grad_context):
    """Two calls of backward leave twice the gradient: += and not =."""
    case = make_case(kind)
    layer = make_layer(kind, case)
    _, _, cache = layer.forward(*inputs_of(case))
    for _ in range(2):
        layer.backward(grad_context, cache)
    expected = gradients(kind, case, grad_context)
    for name, grad in layer.grads.items():
        np.testing.assert_allclose(grad, 2 * expected[name], **SPEC)


@each_kind
def test_class_backward_returns_the_gradients_of_its_inputs(kind, grad_context):
    """In the order query, key, value."""
    case = make_case(kind)
    layer = make_layer(kind, case)
    _, _, cache = layer.forward(*inputs_of(case))
    expected = gradients(kind, case, grad_context)
    returned = layer.backward(grad_context, cache)
    for name, grad in zip(("query", "key", "value"), returned, strict=True):
        np.testing.assert_array_equal(grad, expected[name])


@each_regime
@each_kind
def test_projecting_the_keys_once_changes_nothing(kind, regime):
    """project_key and attend together are forward."""
    case = make_case(kind, regime)
    layer = make_layer(kind, case)
    query, key, value, mask = inputs_of(case)
    context, weights = layer.attend(query, layer.project_key(key), value, mask)
    expected_context, expected_weights, _ = layer.forward(query, key, value, mask)
    np.testing.assert_allclose(context, expected_context, **SPEC)
    np.testing.assert_allclose(weights, expected_weights, **SPEC)


@each_kind
def test_a_value_needs_no_projection(kind):
    """What `project` makes of keys and values: projected keys, and the same values."""
    case = make_case(kind)
    layer = make_layer(kind, case)
    projected_key, value = layer.project(case["key"], case["value"])
    np.testing.assert_array_equal(projected_key, layer.project_key(case["key"]))
    assert value is case["value"]


def make_by_name(name, d_query=7, d_key=7):
    """An attention as a configuration asks for it."""
    rng, sizes = np.random.default_rng(0), {"d_attention": 13, "n_heads": 5}
    return attention.make_attention(name, d_query, d_key, **sizes, rng=rng)


@pytest.mark.parametrize("name", attention.ATTENTION_NAMES)
def test_an_attention_is_made_by_its_name(name):
    """The configuration's names lead to the classes; "scaled" is a dot product."""
    layer = make_by_name(name, 35, 35)
    kind = "dot" if name == "scaled" else name.replace("_", "")
    assert type(layer).__name__.lower() == f"{kind}attention"
    assert getattr(layer, "scaled", False) == (name == "scaled")


def test_heads_are_together_as_wide_as_a_key():
    """So a context is, too, as it is without heads."""
    layer = make_by_name("multi_head", d_query=7, d_key=15)
    shapes = {name: param.shape for name, param in layer.named_parameters()}
    assert layer.n_heads == 5
    assert shapes["query.weight"] == (15, 7)
    assert shapes["key.weight"] == shapes["value.weight"] == (15, 15)
    assert shapes["output.weight"] == (15, 15)


@pytest.mark.parametrize(
    ("name", "d_key", "message"),
    [
        (
            "bahdanau",
            7,
            "one of additive, dot, general, multi_head, scaled, got 'bahdanau'",
        ),
        ("dot", 17, r"d_key must be 7 \(d_query\) for dot, got 17"),
        ("scaled", 17, r"d_key must be 7 \(d_query\) for scaled, got 17"),
        ("multi_head", 17, r"d_model: must be a multiple of n_heads = 5, got 17"),
    ],
)
def test_an_impossible_attention_is_refused(name, d_key, message):
    """An unknown name, or widths that the dot product or the heads cannot take."""
    with pytest.raises(ValueError, match=message):
        make_by_name(name, d_key=d_key)


def test_class_remembers_nothing_between_calls(grad_context):
    """A second forward pass does not disturb the first one's way back."""
    case, other = make_case("additive"), make_case("additive", "low")
    layer = make_layer("additive", case)
    _, _, cache = layer.forward(*inputs_of(case))
    layer.forward(*inputs_of(other))
    grad_query, _, _ = layer.backward(grad_context, cache)
    expected = gradients("additive", case, grad_context)["query"]
    np.testing.assert_array_equal(grad_query, expected)


def test_initial_weights_follow_fan_in_and_bias_is_zero():
    """Weights lie within 1 / sqrt(fan_in), close to the edge; the bias is zero."""
    rng = np.random.default_rng(1)
    params = attention.AdditiveAttention(53, 97, 13, rng).params
    fan_in = {"weight_query": 53, "weight_key": 97, "weight_score": 13}
    for name, size in fan_in.items():
        assert 0.8 < np.abs(params[name]).max() * math.sqrt(size) <= 1.0, name
    assert (params["bias"] == 0.0).all()

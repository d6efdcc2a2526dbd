"""PyTorch attention: against PyTorch's own, under autocast, at the edges.

That it computes what the NumPy wing computes is proved in tests/parity.
"""

import math

import pytest
import torch
import torch.nn.functional as F

from minis2s.torch_nn import attention

BATCH, TGT_LEN, SRC_LEN, D_QUERY, D_VALUE, D_ATTENTION, D_KEY = 2, 3, 5, 7, 11, 13, 17
EMPTY_ROW = (0, 1)  # batch and target position that may attend to nothing
SRC_MASK = torch.arange(SRC_LEN) < torch.tensor([[5], [3]])  # True at words
ORACLE = {"rtol": 1e-5, "atol": 1e-6}

MAKE = {
    "dot": lambda: attention.DotAttention(),
    "scaled": lambda: attention.DotAttention(scaled=True),
    "general": lambda: attention.GeneralAttention(D_QUERY, D_KEY),
    "additive": lambda: attention.AdditiveAttention(D_QUERY, D_KEY, D_ATTENTION),
}
each_kind = pytest.mark.parametrize("kind", list(MAKE))


def make_layer(kind):
    """An attention whose parameters are all drawn at random, the bias too."""
    torch.manual_seed(7)
    layer = MAKE[kind]()
    for param in layer.parameters():
        torch.nn.init.normal_(param, std=0.5)
    return layer


def make_inputs(kind, *, ragged=True):
    """Query, key, value (which want gradients) and mask."""
    generator = torch.Generator().manual_seed(70)
    d_key = D_QUERY if kind in ("dot", "scaled") else D_KEY
    sizes = [(TGT_LEN, D_QUERY), (SRC_LEN, d_key), (SRC_LEN, D_VALUE)]
    arrays = [torch.randn(BATCH, *size, generator=generator) for size in sizes]
    mask = torch.ones(BATCH, TGT_LEN, SRC_LEN, dtype=torch.bool)
    if ragged:
        mask = mask & SRC_MASK[:, None, :]
        mask[EMPTY_ROW] = False
    return [array.requires_grad_() for array in arrays], mask


def go_back(context):
    """Send a random upstream gradient back from the context."""
    generator = torch.Generator().manual_seed(700)
    grad_context = torch.randn(context.shape, generator=generator)
    context.backward(grad_context.to(context))


# --- the oracle ---


@pytest.mark.parametrize("scaled", [True, False])
def test_dot_attention_agrees_with_pytorch(scaled):
    """Rung 4: the context is scaled_dot_product_attention's."""
    (query, key, value), mask = make_inputs("dot")
    context, _ = attention.DotAttention(scaled=scaled)(query, key, value, mask)
    scale = None if scaled else 1.0  # None is PyTorch's own 1 / sqrt(d_head)
    expected = F.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, scale=scale
    )
    torch.testing.assert_close(context, expected, **ORACLE)


def test_dot_attention_gradients_agree_with_pytorch():
    """Rung 4: and so are the gradients of query, key and value."""
    ours, mask = make_inputs("scaled")
    theirs, _ = make_inputs("scaled")
    go_back(attention.DotAttention(scaled=True)(*ours, mask)[0])
    go_back(F.scaled_dot_product_attention(*theirs, attn_mask=mask))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, **ORACLE)


# --- project once, attend often ---


@each_kind
def test_forward_is_attend_after_project_key(kind):
    """A decoder that projects the keys once gets what forward gives, bit for bit."""
    layer = make_layer(kind)
    (query, key, value), mask = make_inputs(kind)
    projected_key = layer.project_key(key)
    for whole, parts in zip(
        layer(query, key, value, mask),
        layer.attend(query, projected_key, value, mask),
        strict=True,
    ):
        torch.testing.assert_close(whole, parts, rtol=0, atol=0)


@each_kind
def test_steps_agree_with_all_targets_at_once(kind):
    """Asking step by step gives the rows of asking all at once."""
    layer = make_layer(kind)
    (query, key, value), mask = make_inputs(kind)
    context, _ = layer(query, key, value, mask)
    projected_key = layer.project_key(key)
    for t in range(TGT_LEN):
        now = slice(t, t + 1)
        step, _ = layer.attend(query[:, now], projected_key, value, mask[:, now])
        torch.testing.assert_close(step, context[:, now], **ORACLE)


@each_kind
def test_a_value_needs_no_projection(kind):
    """What `project` makes of keys and values: projected keys, and the same values."""
    layer = make_layer(kind)
    (_, key, value), _ = make_inputs(kind)
    projected_key, same = layer.project(key, value)
    torch.testing.assert_close(projected_key, layer.project_key(key), rtol=0, atol=0)
    assert same is value


def test_dot_attention_hands_its_keys_through():
    """Projecting costs nothing where there is nothing to project."""
    (_, key, _), _ = make_inputs("dot")
    assert attention.DotAttention().project_key(key) is key


# --- what must hold for any attention ---


@each_kind
def test_each_row_shares_out_one_unit(kind):
    """Rows sum to 1, but for the one that may attend to nothing."""
    inputs, mask = make_inputs(kind)
    _, weights = make_layer(kind)(*inputs, mask)
    expected = torch.ones(BATCH, TGT_LEN)
    expected[EMPTY_ROW] = 0.0
    torch.testing.assert_close(weights.sum(dim=-1), expected, **ORACLE)


@each_kind
def test_padding_gets_exactly_no_weight(kind):
    """The weight of a hidden position is 0.0, not a small number."""
    inputs, mask = make_inputs(kind)
    _, weights = make_layer(kind)(*inputs, mask)
    assert (weights[~mask] == 0.0).all()


@each_kind
def test_changing_a_padded_key_and_value_changes_nothing(kind):
    """Context and weights are equal to the last bit, whatever stands at padding."""
    layer = make_layer(kind)
    (query, key, value), mask = make_inputs(kind)
    before = layer(query, key, value, mask)
    far = 100.0 * ~SRC_MASK[:, :, None]
    after = layer(query, key + far, value + far, mask)
    for old, new in zip(before, after, strict=True):
        torch.testing.assert_close(new, old, rtol=0, atol=0)


@each_kind
def test_no_gradient_reaches_padding(kind):
    """The gradients of padded keys and values are exactly zero."""
    (query, key, value), mask = make_inputs(kind)
    go_back(make_layer(kind)(query, key, value, mask)[0])
    assert (key.grad[~SRC_MASK] == 0.0).all()
    assert (value.grad[~SRC_MASK] == 0.0).all()


@each_kind
def test_an_empty_row_is_zero_forward_and_backward(kind):
    """A query that may attend to nothing: context 0, gradient 0."""
    (query, key, value), mask = make_inputs(kind)
    context, _ = make_layer(kind)(query, key, value, mask)
    go_back(context)
    assert (context[EMPTY_ROW] == 0.0).all()
    assert (query.grad[EMPTY_ROW] == 0.0).all()


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@each_kind
def test_no_nan_arises_anywhere_on_the_way_back(kind):
    """Anomaly detection, which looks at every step, finds no NaN to report."""
    layer = make_layer(kind)
    inputs, mask = make_inputs(kind)
    with torch.autograd.detect_anomaly(check_nan=True):
        go_back(layer(*inputs, mask)[0])
    assert all(param.grad.isfinite().all() for param in layer.parameters())


@each_kind
def test_all_rows_may_be_empty(kind):
    """A batch with nothing to attend to gives zeros and no gradient."""
    layer = make_layer(kind)
    inputs, mask = make_inputs(kind)
    context, _ = layer(*inputs, torch.zeros_like(mask))
    go_back(context)
    arrays = [context, *(array.grad for array in [*inputs, *layer.parameters()])]
    assert all((array == 0.0).all() for array in arrays)


@each_kind
def test_permuting_the_batch_permutes_the_result(kind):
    """Sentences of a batch do not know of each other."""
    layer = make_layer(kind)
    inputs, mask = make_inputs(kind)
    straight = layer(*inputs, mask)
    turned = layer(*(array.flip(0) for array in inputs), mask.flip(0))
    for a, b in zip(straight, turned, strict=True):
        torch.testing.assert_close(a.flip(0), b, **ORACLE)


# --- precision and device ---


@each_kind
def test_autocast_computes_the_softmax_in_float32(kind):
    """Under bfloat16 autocast the weights are float32, and rows sum to 1 in it."""
    layer = make_layer(kind)
    inputs, mask = make_inputs(kind, ragged=False)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, weights = layer(*inputs, mask)
    assert weights.dtype == torch.float32
    torch.testing.assert_close(
        weights.sum(dim=-1), torch.ones(BATCH, TGT_LEN), **ORACLE
    )


@each_kind
def test_autocast_stays_close_to_float32(kind):
    """Rung 5: bfloat16 moves contexts by a few parts in a hundred at most."""
    layer = make_layer(kind)
    inputs, mask = make_inputs(kind)
    expected, _ = layer(*inputs, mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        context, _ = layer(*inputs, mask)
    torch.testing.assert_close(context.float(), expected, rtol=2e-2, atol=2e-2)


@each_kind
def test_autocast_gradients_hold_no_nan(kind):
    """An empty row does no harm in bfloat16 either."""
    layer = make_layer(kind)
    inputs, mask = make_inputs(kind)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        context, _ = layer(*inputs, mask)
    go_back(context)
    arrays = [*inputs, *layer.parameters()]
    assert all(array.grad.isfinite().all() for array in arrays)


@each_kind
def test_a_bfloat16_module_runs_without_autocast(kind):
    """Values in bfloat16 give a context in bfloat16, weights still in float32."""
    layer = make_layer(kind).bfloat16()
    inputs, mask = make_inputs(kind)
    context, weights = layer(*(array.bfloat16() for array in inputs), mask)
    assert (context.dtype, weights.dtype) == (torch.bfloat16, torch.float32)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@each_kind
def test_gpu_agrees_with_cpu(kind):
    """Rung 5: the GPU gives the CPU's context."""
    layer = make_layer(kind)
    inputs, mask = make_inputs(kind)
    expected, _ = layer(*inputs, mask)
    on_gpu = [array.cuda() for array in [*inputs, mask]]
    context, _ = layer.cuda()(*on_gpu)
    torch.testing.assert_close(context.cpu(), expected, rtol=1e-4, atol=1e-4)


# --- building ---


def make_by_name(name, d_query=D_QUERY, d_key=D_QUERY):
    """An attention as a configuration asks for it."""
    sizes = {"d_attention": D_ATTENTION, "n_heads": 5}
    return attention.make_attention(name, d_query, d_key, **sizes)


@pytest.mark.parametrize("name", attention.ATTENTION_NAMES)
def test_make_attention_builds_by_name(name):
    """The factory returns the class whose name begins so; "scaled" is a dot product."""
    layer = make_by_name(name, 35, 35)
    kind = "dot" if name == "scaled" else name.replace("_", "")
    assert type(layer).__name__.lower() == f"{kind}attention"
    assert getattr(layer, "scaled", False) == (name == "scaled")


def test_heads_are_together_as_wide_as_a_key():
    """So a context is, too, as it is without heads."""
    layer = make_by_name("multi_head", D_QUERY, 15)
    shapes = {name: tuple(param.shape) for name, param in layer.named_parameters()}
    assert layer.n_heads == 5
    assert shapes["query.weight"] == (15, D_QUERY)
    assert shapes["key.weight"] == shapes["value.weight"] == (15, 15)
    assert shapes["output.weight"] == (15, 15)


def test_make_attention_refuses_an_unknown_name():
    """The error lists the names that there are."""
    message = "one of additive, dot, general, multi_head, scaled, got 'cosine'"
    with pytest.raises(ValueError, match=message):
        make_by_name("cosine")


def test_make_attention_refuses_heads_of_broken_width():
    """The error names the width and the number of heads."""
    with pytest.raises(ValueError, match=r"must be a multiple of n_heads = 5, got 17"):
        make_by_name("multi_head", d_key=D_KEY)


@pytest.mark.parametrize("name", ["dot", "scaled"])
def test_make_attention_refuses_a_dot_product_of_different_widths(name):
    """The error names both widths and the way out."""
    message = rf"d_key must be 7 \(d_query\) for {name}, got 17; general takes diff"
    with pytest.raises(ValueError, match=message):
        make_by_name(name, d_key=D_KEY)


@pytest.mark.parametrize("method", ["project_key", "score"])
def test_the_base_class_knows_no_score(method):
    """Score and projection are each attention's own."""
    (query, key, _), _ = make_inputs("dot")
    arguments = (key,) if method == "project_key" else (query, key)
    with pytest.raises(NotImplementedError):
        getattr(attention.Attention(), method)(*arguments)


def test_parameter_names_and_shapes_are_the_twins():
    """Checkpoints of either wing know the parameters by these names."""
    shapes = {
        name: tuple(param.shape)
        for name, param in MAKE["additive"]().named_parameters()
    }
    assert shapes == {
        "weight_query": (D_ATTENTION, D_QUERY),
        "weight_key": (D_ATTENTION, D_KEY),
        "bias": (D_ATTENTION,),
        "weight_score": (D_ATTENTION,),
    }


def test_initial_weights_follow_fan_in_and_bias_is_zero():
    """Weights lie within 1 / sqrt(fan_in), close to the edge; the bias is zero."""
    torch.manual_seed(77)
    params = dict(attention.AdditiveAttention(53, 97, 13).named_parameters())
    fan_in = {"weight_query": 53, "weight_key": 97, "weight_score": 13}
    for name, size in fan_in.items():
        assert 0.8 < params[name].abs().max() * math.sqrt(size) <= 1.0, name
    assert (params["bias"] == 0.0).all()


@each_kind
def test_printing_shows_the_sizes(kind):
    """A printed model says what it is made of."""
    expected = {
        "dot": "DotAttention(scaled=False)",
        "scaled": "DotAttention(scaled=True)",
        "general": "GeneralAttention(d_query=7, d_key=17)",
        "additive": "AdditiveAttention(d_query=7, d_key=17, d_attention=13)",
    }
    assert repr(MAKE[kind]()) == expected[kind]

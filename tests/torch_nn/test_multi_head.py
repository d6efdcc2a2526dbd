"""PyTorch multi-head attention: against PyTorch's own, under autocast, at the edges.

That it computes what the NumPy wing computes is proved in tests/parity.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from minis2s.torch_nn.masks import causal_mask
from minis2s.torch_nn.multi_head import MultiHeadAttention, merge_heads, split_heads

BATCH, N_HEADS, D_HEAD, TGT_LEN, SRC_LEN, D_KEY = 2, 3, 5, 7, 11, 17
D_MODEL = N_HEADS * D_HEAD
WORDS = torch.arange(SRC_LEN) < torch.tensor([[SRC_LEN], [5]])  # True at words
EMPTY_ROW = (0, 1)  # batch and target position that may attend to nothing
ORACLE = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture
def layer():
    """A layer whose parameters are all drawn at random, the biases too.

    Its queries are d_model wide, the only width that PyTorch's layer takes.
    """
    layer = MultiHeadAttention(D_MODEL, D_KEY, D_MODEL, N_HEADS)
    for param in layer.parameters():
        nn.init.normal_(param, std=0.5)
    return layer


def make_inputs(*, empty_row=True):
    """Query, key, value (which want gradients) and a ragged mask."""
    generator = torch.Generator().manual_seed(70)
    sizes = [(TGT_LEN, D_MODEL), (SRC_LEN, D_KEY), (SRC_LEN, D_KEY)]
    arrays = [torch.randn(BATCH, *size, generator=generator) for size in sizes]
    mask = WORDS[:, None].repeat(1, TGT_LEN, 1)
    if empty_row:
        mask[EMPTY_ROW] = False
    return [array.requires_grad_() for array in arrays], mask


def go_back(context):
    """Send a random upstream gradient back from the context."""
    generator = torch.Generator().manual_seed(700)
    context.backward(torch.randn(context.shape, generator=generator).to(context))


# --- the oracle ---


def pytorchs(layer):
    """PyTorch's own layer with the same weights."""
    twin = nn.MultiheadAttention(
        D_MODEL, N_HEADS, kdim=D_KEY, vdim=D_KEY, batch_first=True
    )
    inputs = (layer.query, layer.key, layer.value)
    weights = {
        f"{letter}_proj_weight": linear.weight
        for letter, linear in zip("qkv", inputs, strict=True)
    }
    weights["in_proj_bias"] = torch.cat([linear.bias for linear in inputs])
    weights["out_proj.weight"] = layer.output.weight
    weights["out_proj.bias"] = layer.output.bias
    twin.load_state_dict({name: w.detach() for name, w in weights.items()})
    return twin.to(layer.output.weight.dtype)


def ask_pytorch(twin, arrays, mask):
    """Its answer; True in its mask means the opposite, and every head has its own."""
    hidden = ~mask.repeat_interleave(N_HEADS, dim=0)
    return twin(*arrays, attn_mask=hidden, average_attn_weights=False)


def test_agrees_with_pytorchs_layer(layer):
    """Rung 4: context and weights are nn.MultiheadAttention's.

    No row is empty, for which PyTorch's layer has no answer.
    """
    arrays, mask = make_inputs(empty_row=False)
    expected = ask_pytorch(pytorchs(layer), arrays, mask)
    for ours, theirs in zip(layer(*arrays, mask), expected, strict=True):
        torch.testing.assert_close(ours, theirs, **ORACLE)


def test_gradients_agree_with_pytorchs_layer(layer):
    """Rung 4: so are the gradients, of the inputs and of the parameters.

    In float64, since a gradient's larger entries are rounded into its smaller ones.
    """
    arrays, mask = make_inputs(empty_row=False)
    ours, theirs = (
        [a.detach().double().requires_grad_() for a in arrays] for _ in "ab"
    )
    twin = pytorchs(layer.double())
    go_back(layer(*ours, mask)[0])
    go_back(ask_pytorch(twin, theirs, mask)[0])
    twins = [twin.q_proj_weight, twin.k_proj_weight, twin.v_proj_weight]
    sublayers = [layer.query, layer.key, layer.value]
    pairs = [*zip(ours, theirs, strict=True), (layer.output.bias, twin.out_proj.bias)]
    pairs += zip([sub.weight for sub in sublayers], twins, strict=True)
    for a, b in pairs:
        torch.testing.assert_close(a.grad, b.grad, **ORACLE)
    biases = torch.cat([sub.bias.grad for sub in sublayers])
    torch.testing.assert_close(biases, twin.in_proj_bias.grad, **ORACLE)


def test_agrees_with_the_fused_kernel(layer):
    """Rung 4: between the maps it is scaled_dot_product_attention, empty row too."""
    (query, key, value), mask = make_inputs()
    context, _ = layer(query, key, value, mask)
    projected_query = split_heads(layer.query(query), N_HEADS)
    projected = layer.project(key, value)
    heads = F.scaled_dot_product_attention(
        projected_query, *projected, attn_mask=mask[:, None]
    )
    expected = layer.output(merge_heads(heads))
    torch.testing.assert_close(context, expected, **ORACLE)


# --- what must hold ---


def test_merging_undoes_splitting():
    """Heads first, then features again."""
    x = torch.randn(BATCH, TGT_LEN, D_MODEL)
    heads = split_heads(x, N_HEADS)
    assert heads.shape == (BATCH, N_HEADS, TGT_LEN, D_HEAD)
    assert torch.equal(merge_heads(heads), x)


def test_forward_is_attend_after_project(layer):
    """A decoder that projects the memory once gets what forward gives, bit for bit."""
    (query, key, value), mask = make_inputs()
    parts = layer.attend(query, *layer.project(key, value), mask)
    for whole, part in zip(layer(query, key, value, mask), parts, strict=True):
        assert torch.equal(whole, part)


def test_projecting_token_by_token_is_causal_attention():
    """Projections joined as the sentence grows give the rows of the causal mask."""
    layer = MultiHeadAttention(D_MODEL, D_MODEL, D_MODEL, N_HEADS).double()
    x = torch.randn(BATCH, SRC_LEN, D_MODEL, dtype=torch.float64)
    whole, _ = layer(x, x, x, causal_mask(SRC_LEN).expand(BATCH, -1, -1))
    so_far = [x.new_zeros(BATCH, N_HEADS, 0, D_HEAD)] * 2
    for t in range(SRC_LEN):
        now = x[:, t : t + 1]
        both = zip(so_far, layer.project(now, now), strict=True)
        so_far = [torch.cat(pair, dim=-2) for pair in both]
        mask = torch.ones(BATCH, 1, t + 1, dtype=torch.bool)
        context, _ = layer.attend(now, *so_far, mask)
        torch.testing.assert_close(context[:, 0], whole[:, t])


def test_changing_what_is_hidden_changes_nothing(layer):
    """Context and weights are equal to the last bit, whatever stands at padding."""
    (query, key, value), mask = make_inputs()
    before = layer(query, key, value, mask)
    far = 100.0 * ~WORDS[:, :, None]
    after = layer(query, key + far, value + far, mask)
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))


def test_an_empty_row_says_the_output_bias_and_sends_nothing_back(layer):
    """A query that may attend to nothing: weights 0, gradient 0."""
    arrays, mask = make_inputs()
    context, weights = layer(*arrays, mask)
    go_back(context)
    assert (weights[0, :, 1] == 0.0).all()
    torch.testing.assert_close(context[EMPTY_ROW], layer.output.bias)
    assert (arrays[0].grad[EMPTY_ROW] == 0.0).all()


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_no_nan_arises_anywhere_on_the_way_back(layer, scale):
    """Anomaly detection, which looks at every step, finds no NaN to report."""
    (query, key, value), mask = make_inputs()
    with torch.autograd.detect_anomaly(check_nan=True):
        go_back(layer(scale * query, key, value, mask)[0])
    assert all(param.grad.isfinite().all() for param in layer.parameters())


# --- precision and device ---


def test_autocast_computes_the_softmax_in_float32(layer):
    """Under bfloat16 autocast the weights are float32, and rows sum to 1 in it."""
    arrays, mask = make_inputs(empty_row=False)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, weights = layer(*arrays, mask)
    assert weights.dtype == torch.float32
    ones = torch.ones(BATCH, N_HEADS, TGT_LEN)
    torch.testing.assert_close(weights.sum(dim=-1), ones, **ORACLE)


def test_a_bfloat16_module_runs_without_autocast(layer):
    """Values in bfloat16 give a context in bfloat16, weights still in float32."""
    arrays, mask = make_inputs()
    arrays = [array.bfloat16() for array in arrays]
    context, weights = layer.bfloat16()(*arrays, mask)
    assert (context.dtype, weights.dtype) == (torch.bfloat16, torch.float32)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_gpu_agrees_with_cpu(layer):
    """Rung 5: the GPU gives the CPU's context."""
    arrays, mask = make_inputs()
    expected, _ = layer(*arrays, mask)
    context, _ = layer.cuda()(*(array.cuda() for array in [*arrays, mask]))
    torch.testing.assert_close(context.cpu(), expected, rtol=1e-4, atol=1e-4)


# --- building ---


@pytest.mark.parametrize(("d_model", "n_heads"), [(10, 3), (10, 0), (2, 3)])
def test_heads_that_cannot_share_are_refused(d_model, n_heads):
    """The sentence holds both numbers."""
    message = f"d_model: must be a multiple of n_heads = {n_heads}, got {d_model}"
    with pytest.raises(ValueError, match=message):
        MultiHeadAttention(D_MODEL, D_KEY, d_model, n_heads)


def test_parameter_names_and_shapes_are_the_twins(layer):
    """Checkpoints of either wing know the parameters by these names."""
    shapes = {name: tuple(param.shape) for name, param in layer.named_parameters()}
    widths = {"query": D_MODEL, "key": D_KEY, "value": D_KEY, "output": D_MODEL}
    expected = {}
    for name, width in widths.items():
        expected[f"{name}.weight"] = (D_MODEL, width)
        expected[f"{name}.bias"] = (D_MODEL,)
    assert shapes == expected


def test_printing_shows_the_number_of_heads(layer):
    """The widths stand with the linear layers below."""
    assert repr(layer).splitlines()[1].strip() == "n_heads=3"


# --- the fused kernel ---


@pytest.mark.parametrize("empty_row", [False, True])
def test_the_kernel_agrees_with_the_explicit_path(layer, empty_row):
    """Context and all gradients, also where a query may attend to nothing."""
    layer, found = layer.double(), []
    for fused in (False, True):
        arrays, mask = make_inputs(empty_row=empty_row)
        arrays = [a.detach().double().requires_grad_() for a in arrays]
        layer.zero_grad()
        context, weights = layer(*arrays, mask, fused=fused)
        assert weights.shape == (BATCH, 0 if fused else N_HEADS, TGT_LEN, SRC_LEN)
        go_back(context)
        grads = [leaf.grad.clone() for leaf in (*arrays, *layer.parameters())]
        found.append([context.detach(), *grads])
    for explicit, fused in zip(*found, strict=True):
        assert fused.isfinite().all()
        torch.testing.assert_close(fused, explicit, rtol=1e-9, atol=1e-12)


def test_the_kernel_is_asked_only_where_it_is_wanted(layer, monkeypatch):
    """Without `fused` the library's attention is never called; with it, it is."""
    calls = []
    kernel = F.scaled_dot_product_attention
    monkeypatch.setattr(
        F,
        "scaled_dot_product_attention",
        lambda *args, **kw: calls.append(1) or kernel(*args, **kw),
    )
    arrays, mask = make_inputs()
    layer(*arrays, mask)
    assert not calls
    layer(*arrays, mask, fused=True)
    assert calls

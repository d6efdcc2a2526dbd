"""Parameters cross from wing to wing and back: all of them, unchanged, as copies."""

import importlib
import inspect

import numpy as np
import pytest
import torch

from minis2s import bridge
from minis2s.config import ATTENTIONS, RNNConfig, TransformerConfig
from minis2s.numpy_ref import lstm
from minis2s.torch_nn import lstm as torch_lstm
from minis2s.torch_nn.masks import padding_mask

DTYPES = {np.float32: torch.float32, np.float64: torch.float64}
each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.__name__)

LAYERS = {
    "Linear": ("layer", (3, 5)),
    "LayerNorm": ("layer", (7,)),
    "Embedding": ("embedding", (11, 5)),
    "LearnedPositions": ("embedding", (11, 5)),
    "RNN": ("rnn", (3, 5)),
    "LSTM": ("lstm", (3, 5)),
    "GRU": ("gru", (3, 5)),
    "DotAttention": ("attention", ()),
    "GeneralAttention": ("attention", (3, 5)),
    "AdditiveAttention": ("attention", (3, 5, 7)),
    "MultiHeadAttention": ("multi_head", (3, 5, 14, 2)),
}
"""Class -> its file in either wing, and sizes."""

WIDTHS = {"d_embed": 5, "d_hidden": 7, "d_decoder": 14, "n_heads": 2}
WIDTHS["n_layers"] = 2
SMALL = {"d_model": 6, "n_heads": 2, "d_ff": 7, "n_layers": 2}
RECURRENT = [
    *(("tie", tie) for tie in ("none", "target", "all")),
    *(("attention", name) for name in ATTENTIONS),
    *(("cell", cell) for cell in ("rnn", "gru")),
    ("input_feeding", True),
]
TRANSFORMERS = [
    *(("tie", tie) for tie in ("none", "target", "all")),
    ("norm", "post"),
    ("positions", "learned"),
]
CONFIGS = {
    f"{config.KIND} {field}={value}": config
    for kind, sizes, variants in (
        (RNNConfig, WIDTHS, RECURRENT), (TransformerConfig, SMALL, TRANSFORMERS),
    )
    for field, value in variants
    for config in [kind(vocab_size=23, **sizes, **{field: value})]
}  # fmt: skip
"""Name -> configuration of a whole model."""


def find_class(wing, name):
    """A class by its name; PyTorch brings some of the layers itself."""
    if name in CONFIGS:
        name = {"rnn": "Seq2Seq", "transformer": "Transformer"}[CONFIGS[name].KIND]
    file = LAYERS[name][0] if name in LAYERS else name.lower()
    if (wing, file) == ("torch_nn", "layer"):
        return getattr(torch.nn, name)
    return getattr(importlib.import_module(f"minis2s.{wing}.{file}"), name)


def make_numpy(name, seed=0, dtype=np.float64):
    """A NumPy layer or model by its name, every parameter random."""
    rng = np.random.default_rng(seed)
    if name in CONFIGS:
        made = find_class("numpy_ref", name)(CONFIGS[name], rng)
    else:
        kind, sizes = find_class("numpy_ref", name), LAYERS[name][1]
        drawn = "rng" in inspect.signature(kind).parameters
        made = kind(*sizes, rng) if drawn else kind(*sizes)
    held = dict(made.named_parameters())
    made.load({n: rng.normal(size=p.shape).astype(dtype) for n, p in held.items()})
    return made


def make_torch(name, dtype=torch.float64):
    """A PyTorch layer or model by its name, every parameter random."""
    if name in CONFIGS:
        made = find_class("torch_nn", name)(CONFIGS[name])
    else:
        made = find_class("torch_nn", name)(*LAYERS[name][1])
    for param in made.parameters():
        torch.nn.init.normal_(param)
    return made.to(dtype)


each_twin = pytest.mark.parametrize("name", [*LAYERS, *CONFIGS])
each_model = pytest.mark.parametrize("name", CONFIGS)


def assert_same(found, want):
    """Equal names in equal order, bits and precision."""
    assert list(found) == list(want)
    for name, array in want.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
        assert found[name].dtype == array.dtype


def translate(model, src):
    """Logits of either wing for a target of all sorts."""
    tgt_in, mask = torch.arange(15).reshape(3, 5), padding_mask(src)
    if isinstance(model, torch.nn.Module):
        return model(src, mask, tgt_in)[0].detach().numpy()
    return model.forward(src.numpy(), mask.numpy(), tgt_in.numpy())[0]


# --- handing over ---


@each_dtype
@each_twin
def test_numpy_to_torch(name, dtype):
    """Every parameter arrives in the PyTorch twin, in the precision it had."""
    source, target = make_numpy(name, dtype=dtype), make_torch(name)
    bridge.hand_over(source, target)
    want = dict(source.named_parameters())
    found = {n: p.detach().numpy() for n, p in target.named_parameters()}
    assert_same(found, want)


@each_dtype
@each_twin
def test_torch_to_numpy(name, dtype):
    """Every parameter arrives in the NumPy twin, in the precision it had."""
    source, target = make_torch(name, DTYPES[dtype]), make_numpy(name)
    bridge.hand_over(source, target)
    want = {n: p.detach().numpy() for n, p in source.named_parameters()}
    assert_same(dict(target.named_parameters()), want)


@each_dtype
@each_twin
def test_there_and_back(name, dtype):
    """After both ways every bit is what it was."""
    source, between = make_numpy(name, dtype=dtype), make_torch(name)
    back = make_numpy(name, seed=1)
    bridge.hand_over(source, between)
    bridge.hand_over(between, back)
    assert_same(bridge.parameters(back), bridge.parameters(source))


@pytest.mark.parametrize("make", [make_numpy, make_torch])
def test_within_a_wing(make):
    """Both may be of one wing."""
    source, target = make("LSTM"), make("LSTM")
    bridge.hand_over(source, target)
    assert_same(bridge.parameters(target), bridge.parameters(source))


@pytest.mark.parametrize("makers", [(make_numpy, make_torch), (make_torch, make_numpy)])
@pytest.mark.parametrize("name", ["LSTM", "rnn tie=all"])
def test_no_memory_is_shared(name, makers):
    """Changing one twin in place leaves the other as it was."""
    source, target = (make(name) for make in makers)
    bridge.hand_over(source, target)
    before = {n: p.copy() for n, p in bridge.parameters(target).items()}
    for _, param in source.named_parameters():
        (param.detach() if makers[0] is make_torch else param)[...] = 0
    assert_same(bridge.parameters(target), before)
    assert all(param.any() for param in before.values())


def test_the_source_is_left_alone():
    """Neither parameters nor gradients of the source change."""
    source = make_torch("LSTM")
    source(torch.ones(2, 3, 3, dtype=torch.float64))[0].sum().backward()
    before = bridge.parameters(source), bridge.gradients(source)
    bridge.hand_over(source, make_numpy("LSTM"))
    assert_same(bridge.parameters(source), before[0])
    assert_same(bridge.gradients(source), before[1])


def test_parameters_of_torch_stay_the_objects_they_are():
    """An optimizer made before the hand-over still moves the model."""
    target = make_torch("LSTM")
    before = list(target.parameters())
    bridge.hand_over(make_numpy("LSTM"), target)
    assert all(a is b for a, b in zip(before, target.parameters(), strict=True))


@pytest.mark.parametrize("make", [make_numpy, make_torch])
def test_gradients_begin_anew(make):
    """What the target had added up for its old parameters is forgotten."""
    target = make_torch("Linear")
    target(torch.ones(2, 3, dtype=torch.float64)).sum().backward()
    bridge.hand_over(make("Linear"), target)
    assert not any(grad.any() for grad in bridge.gradients(target).values())


@each_dtype
def test_constants_follow_the_precision(dtype):
    """A layer with constants of its own computes right after the hand-over."""
    source, target = make_numpy("LSTM", dtype=dtype), make_torch("LSTM")
    bridge.hand_over(source, target)
    x = np.ones((2, 3, 3), dtype=dtype)
    found = target(torch.from_numpy(x))[0].detach().numpy()
    np.testing.assert_allclose(found, source.forward(x)[0], rtol=1e-5, atol=1e-6)


def test_mixed_precision_loses_nothing():
    """Parameters of two precisions arrive in the finer one."""
    source, target = make_numpy("Linear"), make_torch("Linear", torch.float32)
    weights = bridge.parameters(source)
    source.load({**weights, "weight": weights["weight"].astype(np.float32)})
    bridge.hand_over(source, target)
    np.testing.assert_array_equal(target.bias.detach().numpy(), weights["bias"])


# --- whole models ---


@each_dtype
@each_model
def test_to_torch_and_back(name, dtype):
    """A model goes over and returns, of the right classes, with every bit."""
    model = make_numpy(name, dtype=dtype)
    twin = bridge.to_torch(model)
    back = bridge.to_numpy(twin)
    assert type(twin) is type(make_torch(name))
    assert type(back) is type(model)
    assert twin.config == back.config == model.config
    assert_same(bridge.parameters(twin), bridge.parameters(model))
    assert_same(bridge.parameters(back), bridge.parameters(model))


@pytest.mark.parametrize("kind", ["rnn", "transformer"])
@pytest.mark.parametrize("tie", ["none", "target", "all"])
def test_tied_parameters_stay_tied(kind, tie):
    """What was one matrix is one matrix, and what were two are two."""
    twin = bridge.to_torch(make_numpy(f"{kind} tie={tie}"))
    model = bridge.to_numpy(twin)
    src, tgt, out = (
        part.params["weight"]
        for part in (
            model.encoder.embedding, model.decoder.embedding, model.decoder.output,
        )
    )  # fmt: skip
    decoder = twin.decoder
    assert (twin.encoder.embedding.weight is decoder.embedding.weight) == (tie == "all")
    assert (decoder.output.weight is decoder.embedding.weight) == (tie != "none")
    assert ((src is tgt), (tgt is out)) == ((tie == "all"), (tie != "none"))


@each_model
def test_twins_translate_alike(name, ragged_src):
    """Dropout is off in the twin: its logits are those of the model."""
    model = make_numpy(name)
    want = translate(model, ragged_src)
    found = translate(bridge.to_torch(model), ragged_src)
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-12)


def test_torchs_generator_is_left_alone():
    """Making a twin draws nothing from the global generator."""
    before = torch.random.get_rng_state()
    bridge.to_torch(make_numpy("rnn tie=all"))
    assert torch.equal(torch.random.get_rng_state(), before)


# --- gradients ---


def test_gradients_of_both_wings_agree():
    """After the same backward pass, under the same names in the same order."""
    model, x = make_numpy("LSTM"), np.ones((2, 3, 3))
    twin = make_torch("LSTM")
    bridge.hand_over(model, twin)
    outputs, _, cache = model.forward(x)
    model.backward(outputs, cache)
    twin_outputs, _ = twin(torch.from_numpy(x))
    twin_outputs.backward(twin_outputs.detach())
    found, want = bridge.gradients(model), bridge.gradients(twin)
    assert list(found) == list(want)
    for name, grad in want.items():
        np.testing.assert_allclose(found[name], grad, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("make", [make_numpy, make_torch])
def test_gradients_are_zero_at_first(make):
    """Before any backward pass there is a zero for each parameter, in its shape."""
    model = make("LSTM")
    want = {n: np.zeros_like(p) for n, p in bridge.parameters(model).items()}
    assert_same(bridge.gradients(model), want)


@pytest.mark.parametrize("read", [bridge.parameters, bridge.gradients])
@pytest.mark.parametrize("make", [make_numpy, make_torch])
def test_what_is_read_is_a_copy(make, read):
    """Writing into what was read changes no model."""
    model = make("LSTM")
    if make is make_torch:
        model(torch.ones(2, 3, 3, dtype=torch.float64))[0].sum().backward()
    before = {name: array.copy() for name, array in read(model).items()}
    for array in read(model).values():
        array += 1
    assert_same(read(model), before)


# --- refusals ---


def test_names_must_agree():
    """A tied model and an untied one differ by a name, and it is said which."""
    tied, untied = make_numpy("rnn tie=target"), make_torch("rnn tie=none")
    message = "only target has decoder.output.weight"
    with pytest.raises(ValueError, match=message):
        bridge.hand_over(tied, untied)
    with pytest.raises(ValueError, match=message.replace("target", "source")):
        bridge.hand_over(untied, tied)


@pytest.mark.parametrize("makers", [(make_numpy, make_torch), (make_torch, make_numpy)])
def test_shapes_must_agree(makers):
    """The parameter and both shapes are named; nothing has been copied."""
    source, target = makers[0]("LSTM"), make_small_lstm(makers[1])
    before = bridge.parameters(target)
    message = r"weight_input: target must have shape \(20, 3\).*, got \(20, 2\)"
    with pytest.raises(ValueError, match=message):
        bridge.hand_over(source, target)
    assert_same(bridge.parameters(target), before)


def make_small_lstm(make):
    """An LSTM of either wing that reads narrower vectors."""
    if make is make_torch:
        return torch_lstm.LSTM(2, 5)
    return lstm.LSTM(2, 5, np.random.default_rng(0))


@pytest.mark.parametrize("makers", [(make_numpy, make_torch), (make_torch, make_numpy)])
def test_classes_must_agree(makers):
    """Names and shapes do not make a twin."""
    source, target = makers[0]("LSTM"), makers[1]("RNN")
    with pytest.raises(TypeError, match=r"must be of class LSTM, .*, got RNN"):
        bridge.hand_over(source, target)


@pytest.mark.parametrize("read", [bridge.parameters, bridge.gradients])
def test_a_model_is_needed(read):
    """What is of neither wing has no parameters."""
    message = "must be a numpy_ref Layer or a torch Module, got dict"
    with pytest.raises(TypeError, match=message):
        inspect.unwrap(read)({})


@pytest.mark.parametrize(
    ("convert", "make"), [(bridge.to_numpy, make_torch), (bridge.to_torch, make_numpy)]
)
def test_a_layer_has_no_config(convert, make):
    """A layer alone does not know how its twin is made; hand_over is named."""
    with pytest.raises(
        TypeError, match=r"has a config, got minis2s.*LSTM; .*hand_over"
    ):
        convert(make("LSTM"))


@pytest.mark.parametrize(
    ("convert", "make"), [(bridge.to_numpy, make_numpy), (bridge.to_torch, make_torch)]
)
def test_a_model_of_the_other_wing_is_needed(convert, make):
    """What is in the wanted wing already is refused."""
    with pytest.raises(TypeError, match=r"must be a whole model of minis2s\.\w+ that"):
        inspect.unwrap(convert)(make("rnn tie=all"))

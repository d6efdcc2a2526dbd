"""Settings: what a user may ask for, and what each nonsense is answered with."""

import dataclasses
import inspect
import json
import math
from typing import get_args, get_type_hints

import jaxtyping
import numpy as np
import pytest

from minis2s.config import (
    ATTENTIONS,
    PRESETS,
    DecodeConfig,
    InputError,
    RNNConfig,
    TokenizerConfig,
    TrainConfig,
    TransformerConfig,
    apply_setting,
    preset,
    sections,
)

MODELS = [RNNConfig, TransformerConfig]
KINDS = [*MODELS, TrainConfig, DecodeConfig, TokenizerConfig]
SIZES = [(model, size) for model, sizes in PRESETS.items() for size in sizes]


@pytest.fixture(autouse=True)
def _as_users_run_it(monkeypatch):
    """Without the suite's own type checker, which users do not have."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def make(kind, /, **changes):
    """Settings of a kind; a model also needs a vocabulary."""
    return kind(**{**({"vocab_size": 97} if kind in MODELS else {}), **changes})


# --- construction ---


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_are_valid(kind):
    """Every kind can be made with nothing but what it must be told."""
    assert make(kind).as_dict().keys() == {f.name for f in dataclasses.fields(kind)}


@pytest.mark.parametrize("kind", KINDS)
def test_settings_go_through_json(kind):
    """Settings written as JSON make equal settings again."""
    settings = make(kind)
    assert kind(**json.loads(json.dumps(settings.as_dict()))) == settings


@pytest.mark.parametrize("kind", KINDS)
def test_settings_are_frozen(kind):
    """What a model was built with cannot change afterwards."""
    settings = make(kind)
    name = dataclasses.fields(kind)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(settings, name, 7)


@pytest.mark.parametrize("kind", KINDS)
def test_settings_are_given_by_name(kind):
    """Positions mean nothing here."""
    with pytest.raises(TypeError, match="positional argument"):
        kind(97)


@pytest.mark.parametrize("kind", MODELS)
def test_model_needs_a_vocabulary(kind):
    """There is no default size of a vocabulary."""
    with pytest.raises(TypeError, match="vocab_size"):
        kind()


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_explained(kind):
    """A string under each field gives its meaning."""
    source = inspect.getsource(kind)
    for field in dataclasses.fields(kind):
        lines = source.splitlines()
        at = next(n for n, line in enumerate(lines) if f"    {field.name}: " in line)
        assert lines[at + 1].strip().startswith('"""')


# --- nonsense ---

WHOLE = [
    (kind, field.name)
    for kind in KINDS
    for field in dataclasses.fields(kind)
    if field.type is int
]
NUMBERS = [
    (kind, field.name)
    for kind in KINDS
    for field in dataclasses.fields(kind)
    if field.type is float
]
CHOICES = [
    (kind, field.name)
    for kind in KINDS
    for field in dataclasses.fields(kind)
    if get_args(field.type)
]
SWITCHES = [
    (kind, field.name)
    for kind in KINDS
    for field in dataclasses.fields(kind)
    if field.type is bool
]


def test_all_fields_are_checked_by_kind():
    """The four lists above leave no field out."""
    n_fields = sum(len(dataclasses.fields(kind)) for kind in KINDS)
    lists = (WHOLE, NUMBERS, CHOICES, SWITCHES)
    assert sum(len(found) for found in lists) == n_fields


@pytest.mark.parametrize("value", ["7", 7.0, True, None])
@pytest.mark.parametrize(("kind", "name"), WHOLE)
def test_whole_numbers(kind, name, value):
    """A string, a float, a bool or nothing is no whole number."""
    with pytest.raises(InputError, match=f"^{name} must be of type int, got {value!r}"):
        make(kind, **{name: value})


@pytest.mark.parametrize("value", ["true", 1, 0, None])
@pytest.mark.parametrize(("kind", "name"), SWITCHES)
def test_switches(kind, name, value):
    """Nothing but True and False is a switch."""
    with pytest.raises(
        InputError, match=f"^{name} must be of type bool, got {value!r}"
    ):
        make(kind, **{name: value})


@pytest.mark.parametrize("value", ["0.1", True, None, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("kind", "name"), NUMBERS)
def test_numbers(kind, name, value):
    """A string, a bool, nothing, NaN or infinity is no finite number."""
    message = f"^{name} must be a finite number, got {value!r}$"
    with pytest.raises(InputError, match=message):
        make(kind, **{name: value})


@pytest.mark.parametrize("value", ["", "GENERAL", 0, None, ["adam"]])
@pytest.mark.parametrize(("kind", "name"), CHOICES)
def test_choices(kind, name, value):
    """What is not among the choices is answered with all of them."""
    choices = ", ".join(get_args(get_type_hints(kind)[name]))
    with pytest.raises(InputError, match=f"^{name} must be one of {choices}, got "):
        make(kind, **{name: value})


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (RNNConfig, "vocab_size"),
        (RNNConfig, "n_heads"),
        (RNNConfig, "d_embed"),
        (RNNConfig, "d_hidden"),
        (RNNConfig, "d_decoder"),
        (RNNConfig, "n_layers"),
        (TransformerConfig, "vocab_size"),
        (TransformerConfig, "d_model"),
        (TransformerConfig, "n_heads"),
        (TransformerConfig, "d_ff"),
        (TransformerConfig, "n_layers"),
        (TransformerConfig, "max_len"),
        (TrainConfig, "epochs"),
        (TrainConfig, "batch_tokens"),
        (TrainConfig, "accumulate"),
        (TrainConfig, "average"),
        (TrainConfig, "max_len"),
        (TrainConfig, "lr"),
        (DecodeConfig, "n_beams"),
        (DecodeConfig, "n_best"),
        (DecodeConfig, "batch_size"),
        (DecodeConfig, "top_p"),
        (TokenizerConfig, "min_count"),
    ],
)
@pytest.mark.parametrize("value", [0, -3])
def test_above_zero(kind, name, value):
    """Sizes and counts that must be there are above 0."""
    with pytest.raises(InputError, match=f"^{name} must be above 0, got {value}$"):
        make(kind, **{name: value})


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (RNNConfig, "dropout"),
        (TransformerConfig, "dropout"),
        (TrainConfig, "label_smoothing"),
        (TrainConfig, "ema"),
    ],
)
@pytest.mark.parametrize("value", [-0.1, 1.0, 1, 1.5])
def test_rates(kind, name, value):
    """A rate is at least 0 and below 1: dropping everything is no rate."""
    message = f"^{name} must be at least 0 and below 1, got {value}$"
    with pytest.raises(InputError, match=message):
        make(kind, **{name: value})


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (TrainConfig, "warmup_steps", -1),
        (TrainConfig, "weight_decay", -0.5),
        (TrainConfig, "clip_norm", -0.5),
        (TrainConfig, "valid_every", -1),
        (TrainConfig, "patience", -1),
        (DecodeConfig, "alpha", -0.5),
        (DecodeConfig, "coverage", -0.5),
        (DecodeConfig, "top_k", -1),
    ],
)
def test_at_least_zero(kind, name, value):
    """What can be switched off by 0 cannot be negative."""
    with pytest.raises(InputError, match=f"^{name} must be at least 0, got {value}$"):
        make(kind, **{name: value})
    assert getattr(make(kind, **{name: 0}), name) == 0


@pytest.mark.parametrize("value", [-1, 0, 4])
def test_vocabulary_has_room_beside_the_special_entries(value):
    """A vocabulary of the four special entries alone is none."""
    with pytest.raises(InputError, match=f"^vocab_size must be above 4, got {value}$"):
        TokenizerConfig(vocab_size=value)


@pytest.mark.parametrize("attention", ["dot", "scaled"])
def test_dot_attention_needs_equal_widths(attention):
    """The dot product takes a decoder as wide as both directions of the encoder."""
    sizes = {"vocab_size": 97, "d_hidden": 7, "attention": attention}
    assert RNNConfig(**sizes, d_decoder=14).d_decoder == 14
    message = rf"d_decoder must be 2 \* d_hidden = 14 for {attention} attention, got 13"
    with pytest.raises(InputError, match=message):
        RNNConfig(**sizes, d_decoder=13)


def test_heads_share_the_width_of_the_memory():
    """Each head of a recurrent translator, too, is a whole number wide."""
    sizes = {"vocab_size": 97, "d_hidden": 15, "attention": "multi_head"}
    assert RNNConfig(**sizes, n_heads=6).n_heads == 6
    message = r"^n_heads must be a divisor of 2 \* d_hidden = 30 for .*, got 4$"
    with pytest.raises(InputError, match=message):
        RNNConfig(**sizes)


@pytest.mark.parametrize("attention", [a for a in ATTENTIONS if a != "multi_head"])
def test_one_head_does_not_share(attention):
    """Where there are no heads, their number divides nothing."""
    sizes = {"vocab_size": 97, "d_hidden": 15, "d_decoder": 30}
    assert RNNConfig(**sizes, attention=attention, n_heads=7).n_heads == 7


@pytest.mark.parametrize("attention", ["none", "fixed"])
def test_input_feeding_needs_attention(attention):
    """Without attention there is no attentional vector to feed."""
    message = f"^input_feeding must be false where attention is {attention}, got True$"
    with pytest.raises(InputError, match=message):
        RNNConfig(vocab_size=97, attention=attention, input_feeding=True)


def test_heads_share_the_width():
    """Each head is a whole number wide."""
    message = "^d_model must be a multiple of n_heads = 7, got 16$"
    with pytest.raises(InputError, match=message):
        TransformerConfig(vocab_size=97, d_model=16, n_heads=7)


def test_sinusoids_come_in_pairs():
    """A sine and a cosine for each frequency; learned positions take any width."""
    sizes = {"vocab_size": 97, "d_model": 15, "n_heads": 5}
    assert TransformerConfig(**sizes, positions="learned").d_model == 15
    with pytest.raises(InputError, match=r"^d_model must be even for sinusoidal"):
        TransformerConfig(**sizes)


def test_a_probability_is_at_most_one():
    """More than all of the probability there is not."""
    with pytest.raises(InputError, match=r"^top_p must be at most 1, got 1\.5$"):
        DecodeConfig(top_p=1.5)


@pytest.mark.parametrize("value", [0, -1.0, 1e-46, 3.5e38])
def test_a_temperature_that_float32_can_hold(value):
    """What divides logits neither becomes zero nor makes them infinite."""
    message = r"^temperature must be from 1e-6 to 1e6, got "
    with pytest.raises(InputError, match=message):
        DecodeConfig(temperature=value)


def test_numbers_of_numpy_are_numbers():
    """They become Python's own, so that JSON can hold them."""
    config = RNNConfig(vocab_size=np.int64(7), dropout=np.float32(0.25))
    assert (type(config.vocab_size), type(config.dropout)) == (int, float)
    assert json.loads(json.dumps(config.as_dict()))["dropout"] == 0.25
    with pytest.raises(InputError, match=r"^vocab_size must be of type int, got "):
        RNNConfig(vocab_size=np.float64(7))


def test_sampling_has_no_beam():
    """A draw is one hypothesis."""
    with pytest.raises(InputError, match=r"^n_beams must be 1 for sampling, got 5$"):
        DecodeConfig(sample=True, n_beams=5)


@pytest.mark.parametrize(
    "attention", ["none", "fixed", "additive", "general", "multi_head"]
)
def test_other_attentions_take_any_widths(attention):
    """Only the dot products of states as they are ask for equal widths."""
    sizes = {"d_hidden": 7, "d_decoder": 13, "n_heads": 2}
    RNNConfig(vocab_size=97, attention=attention, **sizes)


def test_attentions_are_those_of_the_model():
    """The list of attentions is the list of choices."""
    assert get_args(get_type_hints(RNNConfig)["attention"]) == ATTENTIONS


# --- presets ---


@pytest.mark.parametrize(("model", "size"), SIZES)
def test_presets_construct(model, size):
    """Every preset makes valid settings, and names no key that there is not."""
    settings = preset(model, size)
    assert settings.keys() == sections(model).keys()
    for section, kind in sections(model).items():
        make(kind, **settings[section])


@pytest.mark.parametrize(("model", "size"), SIZES)
def test_presets_are_copies(model, size):
    """Changing what `preset` gave changes no preset."""
    changed = preset(model, size)
    changed["model"]["dropout"] = -1
    changed["train"].clear()
    assert preset(model, size) == PRESETS[model][size]
    assert preset(model, size) != changed


@pytest.mark.parametrize(
    ("model", "size", "message"),
    [
        ("lstm", "tiny", "model must be one of rnn, transformer, got 'lstm'"),
        ("rnn", "huge", "preset must be one of tiny, small, base, got 'huge'"),
    ],
)
def test_unknown_presets(model, size, message):
    """An unknown model or size is answered with the known ones."""
    with pytest.raises(InputError, match=message):
        preset(model, size)


# --- one setting of the command line ---


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("model.dropout=0.25", 0.25),
        ("model.dropout=0", 0.0),
        ("train.epochs=7", 7),
        ("model.input_feeding=true", True),
        ("model.input_feeding=false", False),
        ("train.lr=1e-3", 0.001),
        ("train.optimizer=adamw", "adamw"),
        ("tokenizer.kind=word", "word"),
        ("tokenizer.vocab_size=8000", 8000),
    ],
)
def test_apply_setting(assignment, value):
    """The value has the field's type and goes to its section, and only there."""
    settings = preset("rnn", "small")
    apply_setting("rnn", settings, assignment)
    key = assignment.partition("=")[0]
    section, name = key.split(".")
    assert settings[section][name] == value
    assert type(settings[section][name]) is type(value)
    del settings[section][name]
    rest = preset("rnn", "small")
    rest[section].pop(name, None)
    assert settings == rest


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("model.dropout", "--set must be of the form section.key=value, got 'model.d"),
        ("", "--set must be of the form section.key=value, got ''"),
        ("dropout=0.1", "--set must be one of model.attention, .*, got 'dropout'"),
        ("model.depth=3", "--set must be one of .*model.tie, .*, got 'model.depth'"),
        ("brain.d_embed=3", "--set must be one of .*, got 'brain.d_embed'"),
        ("model.vocab_size=7", "--set must be one of .*, got 'model.vocab_size'"),
        ("=7", "--set must be one of .*, got ''"),
        ("train.epochs=ten", "train.epochs must be a whole number, got 'ten'"),
        ("train.epochs=1.5", "train.epochs must be a whole number, got '1.5'"),
        ("train.epochs=", "train.epochs must be a whole number, got ''"),
        ("model.input_feeding=1", "model.input_feeding must be true or false, got '1'"),
        ("train.lr=fast", "train.lr must be a number, got 'fast'"),
        ("model.tie=most", "model.tie must be one of none, target, all, got 'most'"),
    ],
)
def test_apply_setting_refuses(assignment, message):
    """A wrong form, key or type is a clear complaint, and nothing is changed."""
    settings = preset("rnn", "tiny")
    with pytest.raises(InputError, match=message):
        apply_setting("rnn", settings, assignment)
    assert settings == preset("rnn", "tiny")


@pytest.mark.parametrize("model", PRESETS)
def test_every_field_can_be_set(model):
    """Each field but the model's vocabulary, which the tokenizer decides, is a key."""
    with pytest.raises(InputError) as complaint:
        apply_setting(model, preset(model, "tiny"), "no.such=key")
    for section, kind in sections(model).items():
        for field in dataclasses.fields(kind):
            known = f"{section}.{field.name}" in str(complaint.value)
            assert known == ((section, field.name) != ("model", "vocab_size"))

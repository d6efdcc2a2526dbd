"""What a model, a training and a search are told: frozen, validated, small.

A string under a field gives its meaning and unit. Presets are the sizes that the
README's table is generated from. What a preset does not fix, `--set` can change.
"""

import math
from dataclasses import asdict, dataclass, fields
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

ATTENTIONS = ("none", "fixed", "additive", "dot", "general", "scaled", "multi_head")
"""What a recurrent decoder knows of the source; the first two do not look at it."""


class InputError(ValueError):
    """Something the user can mend; the command line shows it without a traceback."""


def _require(ok: bool, name: str, want: str, got: object) -> None:
    if not ok:
        raise InputError(f"{name} must be {want}, got {got!r}")


class _Settings:
    """Field types and choices, checked on construction; shared by all that follow."""

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            if get_origin(kind) is ClassVar:
                continue
            value = getattr(self, name)
            if get_origin(kind) is Literal:
                choices = get_args(kind)
                _require(value in choices, name, f"one of {', '.join(choices)}", value)
            elif kind is bool:
                _require(type(value) is bool, name, "of type bool", value)
            else:
                self._check_number(name, kind, value)
        self._check()

    def _check_number(self, name: str, kind: type, value: Any) -> None:
        # NumPy's numbers are numbers, too, but JSON does not know them.
        is_number = isinstance(value, Integral if kind is int else Real)
        is_number = is_number and not isinstance(value, bool)
        want = "of type int" if kind is int else "a finite number"
        _require(is_number and math.isfinite(value), name, want, value)
        if type(value) not in (int, float):
            object.__setattr__(self, name, kind(value))

    def _check(self) -> None:
        """Reject values that the types allow and the meaning does not."""

    def _check_positive(self, *names: str) -> None:
        for name in names:
            _require(getattr(self, name) > 0, name, "above 0", getattr(self, name))

    def _check_rate(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            _require(0 <= value < 1, name, "at least 0 and below 1", value)

    def as_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class RNNConfig(_Settings):
    """A recurrent encoder and a recurrent decoder, with attention or without."""

    KIND: ClassVar[str] = "rnn"

    vocab_size: int
    """Entries of the joint vocabulary, the four special ones included."""
    cell: Literal["rnn", "lstm", "gru"] = "lstm"
    """What the recurrent layers are made of."""
    attention: Literal[*ATTENTIONS] = "general"
    """How a decoder state is scored against a source position. "none": the decoder has
    its first state alone; "fixed": it is given the encoder's end at every step."""
    n_heads: int = 4
    """Heads of multi_head attention, 2 * d_hidden / n_heads wide; no other attention
    looks at it."""
    input_feeding: bool = False
    """Whether each step also reads what the output layer read the step before."""
    d_embed: int = 256
    """Width of a token's vector, and of the vector that the output layer reads."""
    d_hidden: int = 256
    """Width of one direction of the encoder."""
    d_decoder: int = 256
    """Width of the decoder's state."""
    n_layers: int = 1
    """Recurrent layers, in the encoder and in the decoder alike."""
    dropout: float = 0.3
    """Rate on embeddings, between layers, on what the encoder hands over, and before
    the output layer."""
    tie: Literal["none", "target", "all"] = "all"
    """Which of source embedding, target embedding and output layer are one matrix."""

    def _check(self) -> None:
        self._check_positive(
            "vocab_size", "n_heads", "d_embed", "d_hidden", "d_decoder", "n_layers"
        )
        self._check_rate("dropout")
        self._check_attention()

    def _check_attention(self) -> None:
        if self.attention in ("dot", "scaled"):
            want = f"2 * d_hidden = {2 * self.d_hidden} for {self.attention} attention"
            _require(
                self.d_decoder == 2 * self.d_hidden, "d_decoder", want, self.d_decoder
            )
        if self.attention == "multi_head":
            d_memory = 2 * self.d_hidden
            want = f"a divisor of 2 * d_hidden = {d_memory} for multi_head attention"
            _require(d_memory % self.n_heads == 0, "n_heads", want, self.n_heads)
        if self.attention in ("none", "fixed"):
            want = f"false where attention is {self.attention}"
            _require(not self.input_feeding, "input_feeding", want, self.input_feeding)


@dataclass(frozen=True, kw_only=True)
class TransformerConfig(_Settings):
    """An encoder and a decoder of attention and feed-forward layers."""

    KIND: ClassVar[str] = "transformer"

    vocab_size: int
    """Entries of the joint vocabulary, the four special ones included."""
    d_model: int = 256
    """Width of every position's vector, all the way through."""
    n_heads: int = 4
    """Heads of each attention, d_model / n_heads wide."""
    d_ff: int = 1024
    """Width inside a feed-forward layer."""
    n_layers: int = 3
    """Layers, in the encoder and in the decoder alike."""
    dropout: float = 0.1
    """Rate on embeddings, and on what each sublayer adds."""
    norm: Literal["pre", "post"] = "pre"
    """Whether a sublayer's input is normalised, or its sum with the output."""
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"
    """What is added to a token's vector to say where it stands."""
    max_len: int = 256
    """Longest sentence, EOS included, that learned positions know; the sinusoidal ones
    do not look at it."""
    tie: Literal["none", "target", "all"] = "all"
    """Which of source embedding, target embedding and output layer are one matrix."""

    def _check(self) -> None:
        self._check_positive(
            "vocab_size", "d_model", "n_heads", "d_ff", "n_layers", "max_len"
        )
        self._check_rate("dropout")
        want = f"a multiple of n_heads = {self.n_heads}"
        _require(self.d_model % self.n_heads == 0, "d_model", want, self.d_model)
        if self.positions == "sinusoidal":
            want = "even for sinusoidal positions"
            _require(self.d_model % 2 == 0, "d_model", want, self.d_model)


ModelConfig = RNNConfig | TransformerConfig
MODEL_CONFIGS = {kind.KIND: kind for kind in (RNNConfig, TransformerConfig)}
"""Name on the command line and in a run -> what describes such a model."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig(_Settings):
    """How a model is trained."""

    epochs: int = 20
    """Passes over the training pairs."""
    batch_tokens: int = 2048
    """Upper bound of padded tokens in a batch, on its larger side."""
    accumulate: int = 1
    """Batches that make one update, as if they were one batch; the last update of an
    epoch takes what is left."""
    max_len: int = 100
    """Longest sentence that is trained on, in tokens; longer pairs are dropped."""
    bpe_dropout: float = 0.0
    """Probability that a merge of subwords is left out, anew in every epoch, so that
    words come in other pieces each time; for SentencePiece alone."""
    optimizer: Literal["sgd", "momentum", "adam", "adamw"] = "adam"
    """Rule that turns a gradient into an update."""
    lr: float = 0.002
    """Largest learning rate, per step."""
    schedule: Literal["constant", "inverse_sqrt", "cosine", "linear"] = "cosine"
    """What the learning rate does after the warm-up."""
    warmup_steps: int = 200
    """Steps over which the learning rate rises from zero."""
    weight_decay: float = 0.0
    """Pull of each weight towards zero, per step and unit of learning rate."""
    clip_norm: float = 1.0
    """Largest norm of the whole gradient; 0 leaves it as it is."""
    label_smoothing: float = 0.0
    """Share of the target probability that is spread over the vocabulary."""
    ema: float = 0.0
    """Share of a running mean of the weights that an update keeps, e.g. 0.999; the mean
    is what is validated and stored. 0 keeps none, and takes the weights themselves."""
    average: int = 1
    """Validations, the last of the training, whose weights are averaged in the end; the
    mean is stored if it scores better than each of them. 1 averages nothing."""
    valid_every: int = 0
    """Steps between validations; 0 validates at the end of each epoch."""
    select: Literal["loss", "bleu"] = "loss"
    """What the best checkpoint is best in: validation loss, or greedy BLEU."""
    patience: int = 0
    """Validations without a new best after which training stops; 0 never stops."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of matrix products in training; weights are always float32."""

    def _check(self) -> None:
        self._check_positive(
            "epochs", "batch_tokens", "accumulate", "max_len", "lr", "average"
        )
        self._check_rate("bpe_dropout", "label_smoothing", "ema")
        for name in (
            "warmup_steps",
            "weight_decay",
            "clip_norm",
            "valid_every",
            "patience",
        ):
            value = getattr(self, name)
            _require(value >= 0, name, "at least 0", value)


@dataclass(frozen=True, kw_only=True)
class DecodeConfig(_Settings):
    """How a translation is searched for."""

    n_beams: int = 1
    """Hypotheses kept at each step; 1 is greedy search."""
    alpha: float = 1.0
    """Exponent of the length that a log-probability is divided by."""
    coverage: float = 0.0
    """beta, in nats: what a source token costs that was hardly looked at; 0 is none."""
    n_best: int = 1
    """Hypotheses returned where a list of them is asked for; at most n_beams."""
    batch_size: int = 64
    """Sentences translated at a time; changes the speed, never the result."""
    sample: bool = False
    """Draw each token at random, by its probability, instead of searching."""
    temperature: float = 1.0
    """What the logits are divided by before a token is drawn; below 1 keeps to the
    likely tokens, above 1 strays from them."""
    top_k: int = 0
    """Tokens that a draw chooses among, the likeliest ones; 0 is all of them."""
    top_p: float = 1.0
    """Probability that the likeliest tokens must have together to be chosen among."""

    def _check(self) -> None:
        self._check_positive("n_beams", "n_best", "batch_size", "top_p")
        in_range = 1e-6 <= self.temperature <= 1e6
        _require(in_range, "temperature", "from 1e-6 to 1e6", self.temperature)
        _require(self.alpha >= 0, "alpha", "at least 0", self.alpha)
        _require(self.coverage >= 0, "coverage", "at least 0", self.coverage)
        at_most = f"at most n_beams = {self.n_beams}"
        _require(self.n_best <= self.n_beams, "n_best", at_most, self.n_best)
        _require(self.top_k >= 0, "top_k", "at least 0", self.top_k)
        _require(self.top_p <= 1, "top_p", "at most 1", self.top_p)
        if self.sample:
            _require(self.n_beams == 1, "n_beams", "1 for sampling", self.n_beams)


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig(_Settings):
    """How text becomes tokens; learned from training text alone."""

    kind: Literal["char", "word", "sentencepiece"] = "sentencepiece"
    """Unit of the vocabulary."""
    vocab_size: int = 4000
    """Largest vocabulary, the four special entries included; SentencePiece takes more
    if the 256 bytes and the letters of the text alone need more."""
    min_count: int = 2
    """Words seen less often are unknown; other kinds do not look at it."""

    def _check(self) -> None:
        _require(self.vocab_size > 4, "vocab_size", "above 4", self.vocab_size)
        self._check_positive("min_count")


PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "rnn": {
        "tiny": {
            "model": {
                "d_embed": 64,
                "d_hidden": 64,
                "d_decoder": 128,
                "attention": "dot",
                "dropout": 0.0,
            },
            "train": {
                "epochs": 4,
                "lr": 0.005,
                "warmup_steps": 20,
                "batch_tokens": 512,
            },
            "tokenizer": {"vocab_size": 1000},
        },
        "small": {
            "model": {"d_hidden": 192},
            "train": {
                "epochs": 30,
                "label_smoothing": 0.1,
                "select": "bleu",
            },
            "tokenizer": {},
        },
        "base": {
            "model": {
                "d_embed": 512,
                "d_hidden": 384,
                "d_decoder": 512,
                "n_layers": 2,
                "dropout": 0.5,
            },
            "train": {
                "epochs": 40,
                "batch_tokens": 4096,
                "label_smoothing": 0.1,
                "select": "bleu",
            },
            "tokenizer": {"vocab_size": 8000},
        },
    },
    "transformer": {
        "tiny": {
            "model": {
                "d_model": 64,
                "d_ff": 128,
                "n_layers": 2,
                "dropout": 0.0,
            },
            "train": {
                "epochs": 6,
                "lr": 0.005,
                "warmup_steps": 100,
                "batch_tokens": 512,
            },
            "tokenizer": {"vocab_size": 1000},
        },
        "small": {
            "model": {"d_model": 128, "d_ff": 512, "n_layers": 4, "dropout": 0.2},
            "train": {
                "epochs": 40,
                "lr": 0.003,
                "warmup_steps": 1000,
                "label_smoothing": 0.1,
                "select": "bleu",
            },
            "tokenizer": {"vocab_size": 6000},
        },
        "base": {
            "model": {"n_layers": 4, "dropout": 0.3},
            "train": {
                "epochs": 60,
                "batch_tokens": 4096,
                "warmup_steps": 1000,
                "label_smoothing": 0.1,
                "select": "bleu",
            },
            "tokenizer": {"vocab_size": 8000},
        },
    },
}
"""model -> size -> section -> what differs from the dataclass's defaults."""


def sections(model: str) -> dict[str, type]:
    """What a model's settings consist of: section -> kind of its fields."""
    kinds = {"train": TrainConfig, "tokenizer": TokenizerConfig}
    return {"model": MODEL_CONFIGS[model], **kinds}


def preset(model: str, size: str) -> dict[str, dict[str, Any]]:
    """The settings of one preset, section by section, free to be changed.

    Raises:
        InputError: if there is no such model or size.
    """
    _require(model in PRESETS, "model", f"one of {', '.join(PRESETS)}", model)
    sizes = PRESETS[model]
    _require(size in sizes, "preset", f"one of {', '.join(sizes)}", size)
    return {section: dict(values) for section, values in sizes[size].items()}


def apply_setting(
    model: str, settings: dict[str, dict[str, Any]], assignment: str
) -> None:
    """Write one `section.key=value` of the command line into a model's settings.

    >>> settings = preset("rnn", "tiny")
    >>> apply_setting("rnn", settings, "model.dropout=0.3")
    >>> settings["model"]["dropout"]
    0.3

    Raises:
        InputError: if the form, the section, the key or the value's type is wrong.
    """
    key, equals, text = assignment.partition("=")
    section, _, name = key.partition(".")
    known = {
        f"{part}.{field.name}": get_type_hints(kind)[field.name]
        for part, kind in sections(model).items()
        for field in fields(kind)
        if (part, field.name) != ("model", "vocab_size")
    }
    _require(bool(equals), "--set", "of the form section.key=value", assignment)
    _require(key in known, "--set", f"one of {', '.join(sorted(known))}", key)
    settings[section][name] = _parse(key, known[key], text)


def _parse(key: str, kind: Any, text: str) -> bool | int | float | str:
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        _require(text in choices, key, f"one of {', '.join(choices)}", text)
        return text
    if kind is bool:
        _require(text in ("true", "false"), key, "true or false", text)
        return text == "true"
    try:
        return kind(text)
    except ValueError:
        want = {"int": "a whole number", "float": "a number"}[kind.__name__]
        raise InputError(f"{key} must be {want}, got {text!r}") from None

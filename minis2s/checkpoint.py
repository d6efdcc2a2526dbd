"""A run on disk: weights, settings, tokenizer, and the state of a training.

    model.safetensors        the best weights, float32 or, if asked for, float16
    config.json              format, model, languages, sha256 of the files beside it
    tokenizer.json, .model   what turns text into ids
    receipt.json, log.jsonl  how it came about
    teacher.json             what a teacher made of the training text, if it had one
    train_state.safetensors  only while training: everything that resuming needs

Weights are a dict of NumPy arrays, so that either wing can read what the other wrote.
Nothing here can run code: safetensors and JSON, never pickle. Every file is replaced
whole, config.json last, and its checksums tell a cut or altered run.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from minis2s.config import MODEL_CONFIGS, InputError, ModelConfig
from minis2s.text.files import read_bytes, write_whole
from minis2s.text.tokenizers import Tokenizer, load_tokenizer

FORMAT = 1
STATE_FILE = "train_state.safetensors"
# What reading a damaged file raises; nested too deep, JSON is a RecursionError.
_DAMAGE = (
    safetensors.SafetensorError,
    AttributeError,
    KeyError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class Run:
    """A trained model as it lies on disk, belonging to no wing."""

    path: Path
    weights: dict[str, np.ndarray]
    """By parameter name, float32."""
    model: ModelConfig
    tokenizer: Tokenizer
    src: str
    """Language it translates from; empty for a generated task."""
    tgt: str
    max_len: int
    """Longest sentence it was trained on, in tokens."""
    sha256: str
    """Of `model.safetensors`."""


def save_run(
    path: Path,
    weights: dict[str, np.ndarray],
    model: ModelConfig,
    tokenizer: Tokenizer,
    *,
    src: str,
    tgt: str,
    max_len: int,
    half: bool = False,
) -> None:
    """Write a finished model into a folder.

    Args:
        path: the folder; made if it is missing.
        weights: by parameter name.
        model: the sizes that the weights have.
        tokenizer: the one it was trained with.
        src: language it translates from.
        tgt: language it translates to.
        max_len: longest sentence it was trained on, in tokens.
        half: store float16, half the bytes; it is float32 again when loaded.
    """
    path.mkdir(parents=True, exist_ok=True)
    dtype = np.float16 if half else np.float32
    arrays = {name: value.astype(dtype) for name, value in weights.items()}
    files = {"model.safetensors": _pack(arrays), **tokenizer.save()}
    for name, data in files.items():
        write_whole(path / name, data)
    config = {
        "format": FORMAT,
        "model": {"kind": model.KIND, **model.as_dict()},
        "tokenizer": {"kind": tokenizer.kind, "lower": tokenizer.lower},
        "src": src,
        "tgt": tgt,
        "max_len": max_len,
        "sha256": {n: hashlib.sha256(d).hexdigest() for n, d in sorted(files.items())},
    }
    write_json(path / "config.json", config)


def _pack(
    arrays: dict[str, np.ndarray], metadata: dict[str, str] | None = None
) -> bytes:
    # The library writes an array's memory as it lies, so a transposed one comes back
    # scrambled.
    plain = {name: np.asarray(value, order="C") for name, value in arrays.items()}
    return safetensors.numpy.save(plain, metadata)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON as a person would like to read it, whole or not at all."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_whole(path, text.encode())


def load_run(path: Path) -> Run:
    """Read a finished model.

    Raises:
        InputError: if the folder is no run, was not finished, or was cut or altered.
    """
    _require_run(path)
    config = _read_config(path / "config.json")
    files = {name: read_bytes(path / name) for name in config["sha256"]}
    for name, data in files.items():
        if hashlib.sha256(data).hexdigest() != config["sha256"][name]:
            raise InputError(f"{path / name} was cut or altered: its sha256 is another")
    try:
        return _assemble(path, config, files)
    except _DAMAGE as error:
        raise InputError(f"{path} is damaged ({error!r})") from error


def _assemble(path: Path, config: dict[str, Any], files: dict[str, bytes]) -> Run:
    settings = dict(config["model"])
    model = MODEL_CONFIGS[settings.pop("kind")](**settings)
    src, tgt, max_len = config["src"], config["tgt"], config["max_len"]
    if not (isinstance(src, str) and isinstance(tgt, str) and type(max_len) is int):
        raise TypeError(f"src, tgt, max_len are {src!r}, {tgt!r}, {max_len!r}")
    if max_len < 1:
        raise TypeError(f"max_len is {max_len}")
    tokenizer = load_tokenizer(files)
    if len(tokenizer.pieces) != model.vocab_size:
        raise ValueError(
            f"{len(tokenizer.pieces)} pieces for vocab_size {model.vocab_size}"
        )
    arrays = safetensors.numpy.load(files["model.safetensors"])
    weights = {name: array.astype(np.float32) for name, array in arrays.items()}
    sha256 = config["sha256"]["model.safetensors"]
    return Run(path, weights, model, tokenizer, src, tgt, max_len, sha256)


def _require_run(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} does not exist")
    if not path.is_dir():
        raise InputError(
            f"{path} is a file; a run is a folder with config.json and "
            f"model.safetensors (no other format is read: a pickle can run code)"
        )
    if not (path / "config.json").exists():
        if (path / STATE_FILE).exists() or (path / "log.jsonl").exists():
            raise InputError(
                f"{path} was not trained to its end; repeat its command with --resume"
            )
        raise InputError(f"{path} is not a run: it has no config.json")


def _read_config(path: Path) -> dict[str, Any]:
    data = read_bytes(path)
    try:
        config = json.loads(data)
        found = config["format"]
    except _DAMAGE as error:
        raise InputError(f"{path} was cut or altered ({error!r})") from error
    if found != FORMAT:
        raise InputError(f"{path} has format {found!r}; this version reads {FORMAT}")
    allowed = {"model.safetensors", "tokenizer.json", "tokenizer.model"}
    names = set(config["sha256"]) if isinstance(config.get("sha256"), dict) else set()
    if not {"model.safetensors", "tokenizer.json"} <= names <= allowed:
        raise InputError(f"{path} was cut or altered: it names files {sorted(names)}")
    return config


def save_state(
    path: Path, arrays: dict[str, np.ndarray], scalars: dict[str, Any]
) -> None:
    """Replace the training state of a run, at once.

    Args:
        path: the run's folder.
        arrays: weights, moments, the best so far, random state.
        scalars: counters and settings, kept in the file's metadata.
    """
    metadata = {name: json.dumps(value) for name, value in scalars.items()}
    write_whole(path / STATE_FILE, _pack(arrays, metadata))


def load_state(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and scalars of an unfinished training.

    Raises:
        InputError: if the file was cut or altered.
    """
    file = path / STATE_FILE
    try:
        with safetensors.safe_open(file, framework="numpy") as state:
            scalars = {k: json.loads(v) for k, v in state.metadata().items()}
            names = state.keys()  # not a dict: it cannot be iterated itself
            return {name: state.get_tensor(name) for name in names}, scalars
    except (*_DAMAGE, OSError) as error:
        raise InputError(f"{file} was cut or altered ({error})") from error

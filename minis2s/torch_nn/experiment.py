"""One training from text to a finished run: what surrounds the loop of train.py.

An experiment is a pure function of its settings. Killed at any moment, it continues
from the last state that was saved, or from the beginning if there was none, and ends
with the same weights.
"""

import json
import logging
import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from minis2s import checkpoint, metrics, receipt
from minis2s.config import (
    MODEL_CONFIGS,
    InputError,
    ModelConfig,
    TokenizerConfig,
    TrainConfig,
)
from minis2s.text.batching import (
    EncodedPairs,
    TrainingPairs,
    encode_pairs,
    plan_batches,
)
from minis2s.text.bpe_dropout import DroppedPairs
from minis2s.text.corpora import ParallelText
from minis2s.text.files import write_whole
from minis2s.text.tokenizers import (
    SentencePieceTokenizer,
    Tokenizer,
    learn_tokenizer,
)
from minis2s.torch_nn.device import describe_device
from minis2s.torch_nn.distillation import SEARCH, check_teacher, distil
from minis2s.torch_nn.models import make_model
from minis2s.torch_nn.train import (
    StepRecord,
    TrainState,
    Validation,
    load_weights,
    train,
    validation_loss,
)
from minis2s.torch_nn.translator import Translator

logger = logging.getLogger(__name__)

LOG_EVERY = 50
"""Steps between two lines of the log."""
SAVE_EVERY_S = 300
"""Seconds after which the state is saved even without a validation."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that decides what an experiment results in."""

    kind: str
    """Name of the model's family."""
    model: dict[str, Any]
    """Fields of its configuration, without the vocabulary's size."""
    train: TrainConfig
    tokenizer: TokenizerConfig
    lower: bool
    src: str
    tgt: str
    seed: int
    data_sha256: dict[str, str]
    clean: dict[str, int] | None = None
    """How many training pairs were dropped as odd, by kind; None if none were to be."""
    start: str = ""
    """sha256 of the weights that it starts from; empty if they are drawn."""
    teacher: str = ""
    """sha256 of the weights of its teacher; empty if it has none."""
    teacher_mix: str = ""
    """What it learns from if it has a teacher: one of `distillation.MIXES`."""

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


class Experiment:
    """A training and the folder that it fills.

    Args:
        settings: all that decides the result.
        train_text: pairs to learn from.
        valid_text: pairs to choose the best weights by.
        out: folder of the run.
        device: where to compute.
        start: a run to begin with; its tokenizer stays, and its model but for dropout.
        teacher: a run whose translations of the training text are learned from.
        teacher_mix: see `distillation.distil`.
        half: store the finished weights as float16.
        resume: continue what `out` holds.
        allow_inexact: also where the result may differ in the last digits.

    Raises:
        InputError: if `out` cannot be used, or holds another experiment, or too few
            pairs are left to train on.
    """

    def __init__(
        self,
        settings: Settings,
        train_text: ParallelText,
        valid_text: ParallelText,
        out: Path,
        *,
        device: torch.device,
        start: checkpoint.Run | None = None,
        teacher: checkpoint.Run | None = None,
        teacher_mix: str = "both",
        half: bool = False,
        resume: bool = False,
        allow_inexact: bool = False,
    ) -> None:
        if teacher:
            check_teacher(teacher, teacher_mix, settings.src, settings.tgt)
        self.settings = replace(
            settings,
            start=start.sha256 if start else "",
            teacher=teacher.sha256 if teacher else "",
            teacher_mix=teacher_mix if teacher else "",
        )
        self.out, self.device, self.half = out, device, half
        self.start, self.teacher = start, teacher
        self.valid_text = valid_text
        self.started = time.perf_counter()
        self.first_step_s: float | None = None
        _claim(out, resume)
        saved = self._load(allow_inexact) if resume else None
        self.tokenizer = start.tokenizer if start else self._learn(train_text)
        if teacher:
            train_text = distil(train_text, teacher, teacher_mix, out, device)
        self.train_pairs = self._drop_merges(
            self._encode(train_text, "training"), train_text
        )
        self.valid_pairs = self._encode(valid_text, "validation")
        config = MODEL_CONFIGS[settings.kind](
            vocab_size=len(self.tokenizer.pieces), **settings.model
        )
        self.model_config = config
        _check_positions(config, settings.train)
        self.state = TrainState(
            self._make_model,
            settings.train,
            seed=settings.seed,
            device=device,
        )
        self.log: list[dict[str, Any]] = []
        self.seconds_before = 0.0
        if saved:
            self._restore(*saved)
        elif resume:
            logger.info("nothing was saved in %s yet: starting from step 0", out)
            (out / "log.jsonl").unlink(missing_ok=True)

    def _make_model(self) -> nn.Module:
        model = make_model(self.model_config)
        if self.start:
            load_weights(model, self.start.weights)
        return model

    def _learn(self, text: ParallelText) -> Tokenizer:
        config = self.settings.tokenizer
        tokenizer = learn_tokenizer(
            config, [*text.src, *text.tgt], lower=self.settings.lower
        )
        size = len(tokenizer.pieces)
        if config.kind == "sentencepiece" and size != config.vocab_size:
            few = "the text gives %d subwords, fewer than the %d asked for"
            many = (
                "to spell every byte and letter takes %d subwords, not the %d asked for"
            )
            note = few if size < config.vocab_size else many
            logger.info(note, size, config.vocab_size)
        return tokenizer

    def _encode(self, text: ParallelText, name: str) -> EncodedPairs:
        limit = self.settings.train.max_len
        pairs = encode_pairs(text, self.tokenizer, limit)
        logger.info(
            "%s: %d pairs; left out: %d blank, %d longer than %d tokens",
            name,
            len(pairs),
            pairs.n_blank,
            pairs.n_long,
            limit,
        )
        if not len(pairs):
            raise InputError(
                f"no {name} pair is left after dropping blank and long ones"
            )
        return pairs

    def _drop_merges(self, pairs: EncodedPairs, text: ParallelText) -> TrainingPairs:
        """The same pairs, cut anew in every epoch if the settings ask for it."""
        config = self.settings.train
        if not config.bpe_dropout:
            return pairs
        if not isinstance(self.tokenizer, SentencePieceTokenizer):
            raise InputError(
                f"train.bpe_dropout goes with tokenizer.kind sentencepiece, got "
                f"{self.tokenizer.kind}"
            )
        return DroppedPairs(
            pairs,
            text,
            self.tokenizer,
            dropout=config.bpe_dropout,
            max_len=config.max_len,
            seed=self.settings.seed,
        )

    @property
    def n_steps(self) -> int:
        """Steps of the whole training, as near as the first epoch tells."""
        config = self.settings.train
        pairs = self.train_pairs.at(0)
        plan = plan_batches(pairs, config.batch_tokens, self.settings.seed, epoch=0)
        return math.ceil(len(plan) / config.accumulate) * config.epochs

    def run(self) -> Iterator[StepRecord | Validation]:
        """Train, saving and logging on the way; yields what the loop yields."""
        window: list[StepRecord] = []
        saved = time.perf_counter()
        for record in train(self.state, self.train_pairs, self.validate):
            if self.first_step_s is None:
                self.first_step_s = time.perf_counter() - self.started
            if isinstance(record, StepRecord):
                if not math.isfinite(record.loss):
                    raise InputError(
                        f"the loss is {record.loss} at step {record.step}; lower "
                        f"train.lr, or set train.clip_norm"
                    )
                window.append(record)
                if record.step % LOG_EVERY == 0:
                    self._log_steps(window)
                if time.perf_counter() - saved > SAVE_EVERY_S:
                    self.save_state()
                    saved = time.perf_counter()
            else:
                self._log_validation(record)
                self.save_state()
                saved = time.perf_counter()
            yield record

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Teacher-forced loss and, if it decides, greedy BLEU on raw text."""
        batch_tokens = self.settings.train.batch_tokens
        scores = {
            "loss": validation_loss(model, self.valid_pairs, batch_tokens, self.device)
        }
        if self.settings.train.select == "bleu":
            translator = Translator(model, self.tokenizer, self.settings.train.max_len)
            outputs = translator.translate_text(self.valid_text.src)
            references = self.valid_text.tgt
            if self.settings.lower:
                references = [line.lower() for line in references]
            scores["bleu"] = metrics.bleu(
                outputs, references, self.settings.tgt or "letters"
            ).value
        return scores

    def _log_steps(self, window: list[StepRecord]) -> None:
        n_tokens = sum(record.n_tokens for record in window)
        loss = sum(record.loss * record.n_tokens for record in window) / n_tokens
        last = window[-1]
        self._log(
            {
                "step": last.step,
                "epoch": last.epoch,
                "loss": loss,
                "lr": last.lr,
                "grad_norm": last.grad_norm,
            }
        )
        window.clear()

    def _log_validation(self, record: Validation) -> None:
        entry = {
            "step": record.step,
            "epoch": record.epoch,
            "valid": record.metrics,
            "is_best": record.is_best,
        }
        if record.n_averaged > 1:
            entry["n_averaged"] = record.n_averaged
        self._log(entry)

    def _log(self, entry: dict[str, Any]) -> None:
        self.log.append(entry)
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def save_state(self) -> None:
        """Make this moment the one that a resumed training continues from."""
        arrays, counters = self.state.snapshot()
        scalars = {
            "counters": counters,
            "settings": self.settings.as_dict(),
            "environment": self._environment(),
            "log": self.log,
            "seconds": self.seconds_before + time.perf_counter() - self.started,
        }
        checkpoint.save_state(self.out, arrays, scalars)

    def _environment(self) -> dict[str, Any]:
        """What must be equal for a resumed training to be the same, bit for bit."""
        return {
            "versions": receipt.versions(),
            "threads": torch.get_num_threads(),
            "device": self.device.type,
            "cpu": receipt.cpu_name(),
        }

    def _load(self, allow_inexact: bool) -> tuple[dict, dict] | None:
        """What was saved, if it is of this very experiment."""
        if not (self.out / checkpoint.STATE_FILE).exists():
            return None
        arrays, scalars = checkpoint.load_state(self.out)
        _compare_settings(scalars["settings"], self.settings.as_dict(), self.out)
        odd = _differences(scalars["environment"], self._environment())
        if odd and not allow_inexact:
            raise InputError(
                f"{self.out} was begun under other conditions ({'; '.join(odd)}), so "
                f"the result could differ in its last digits; --allow-inexact allows it"
            )
        return arrays, scalars

    def _restore(self, arrays: dict[str, np.ndarray], scalars: dict[str, Any]) -> None:
        try:
            self.state.restore(arrays, scalars["counters"])
            self.log, self.seconds_before = scalars["log"], scalars["seconds"]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                f"{self.out / checkpoint.STATE_FILE} was cut or altered ({error})"
            ) from error
        text = "".join(json.dumps(entry) + "\n" for entry in self.log)
        write_whole(self.out / "log.jsonl", text.encode())
        logger.info("resuming %s at step %d", self.out, self.state.counters.step)

    def finish(self, command: str) -> dict[str, Any]:
        """Write the best weights and the receipt; returns the receipt."""
        counters, settings = self.state.counters, self.settings
        checkpoint.save_run(
            self.out,
            self.state.best_weights,
            self.model_config,
            self.tokenizer,
            src=settings.src,
            tgt=settings.tgt,
            max_len=settings.train.max_len,
            half=self.half,
        )
        best = [entry for entry in self.log if entry.get("is_best")][-1]
        found = receipt.make_receipt(
            command=command,
            config={
                "model": self.model_config.as_dict(),
                "train": settings.train.as_dict(),
                "tokenizer": settings.tokenizer.as_dict(),
                "lower": settings.lower,
                "clean": settings.clean,
            },
            seed=settings.seed,
            seconds=self.seconds_before + time.perf_counter() - self.started,
            device=describe_device(self.device),
            threads=torch.get_num_threads(),
            data_sha256=settings.data_sha256,
            metrics={f"valid_{name}": value for name, value in best["valid"].items()},
            best_step=counters.best_step,
            steps=counters.step,
            n_parameters=sum(p.numel() for p in self.state.model.parameters()),
            time_to_first_step_s=round(self.first_step_s or 0.0, 2),
            tgt_tokens_per_s=round(counters.n_tokens / max(counters.seconds, 1e-9)),
            peak_memory_mib=receipt.peak_memory_mib(),
            **self._origins(),
        )
        checkpoint.write_json(self.out / "receipt.json", found)
        (self.out / checkpoint.STATE_FILE).unlink(missing_ok=True)
        return found

    def _origins(self) -> dict[str, dict[str, Any]]:
        """The other runs that this one came from, for its receipt."""
        runs = {"start": self.start, "teacher": self.teacher}
        found = {
            role: {"path": str(run.path), "sha256": run.sha256}
            for role, run in runs.items()
            if run
        }
        if self.teacher:
            found["teacher"] |= {
                "mix": self.settings.teacher_mix,
                "beam": SEARCH.n_beams,
            }
        return found


def _check_positions(model: ModelConfig, train: TrainConfig) -> None:
    """Refuse learned positions that a translation may run past."""
    longest = 2 * (train.max_len + 1) + 20  # as decode.max_tgt_len has it
    if getattr(model, "positions", "") == "learned" and model.max_len < longest:
        raise InputError(
            f"model.max_len must be at least {longest} for learned positions and "
            f"train.max_len {train.max_len}, got {model.max_len}"
        )


_OURS = {
    "config.json",
    "log.jsonl",
    "model.safetensors",
    "receipt.json",
    "teacher.json",
    "tokenizer.json",
    "tokenizer.model",
}


def _claim(out: Path, resume: bool) -> None:
    """Make the folder of a run, or refuse to touch what lies there."""
    if (
        resume
        and (out / "config.json").exists()
        and not (out / checkpoint.STATE_FILE).exists()
    ):
        raise InputError(f"{out} is finished: there is nothing to resume")
    if not resume and out.is_dir() and any(out.iterdir()):
        raise InputError(f"{out} exists; --resume continues it, another --out keeps it")
    if out.is_dir() and not (out / checkpoint.STATE_FILE).exists():
        foreign = [path.name for path in out.iterdir() if path.name not in _OURS]
        foreign = [name for name in foreign if not name.startswith(".")]
        if foreign:
            raise InputError(f"{out} holds {foreign[0]}, which is not a run's")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass  # so that a folder that may not be written is known before training
    except OSError as error:
        raise InputError(f"--out {out} cannot be made ({error.strerror})") from error


def _differences(
    before: dict[str, Any], now: dict[str, Any], name: str = ""
) -> list[str]:
    """Which entries of nested dicts differ, in words."""
    found = []
    for key in sorted(set(before) | set(now)):
        a, b = before.get(key), now.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            found += _differences(a, b, f"{name}{key}.")
        elif a != b:
            found.append(f"{name}{key} was {a!r}, is {b!r}")
    return found


def _compare_settings(before: dict[str, Any], now: dict[str, Any], out: Path) -> None:
    # What went through JSON once compares equal to what did so.
    odd = _differences(before, json.loads(json.dumps(now)))
    if odd:
        raise InputError(f"{out} was begun with other settings: {'; '.join(odd)}")

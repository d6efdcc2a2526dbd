"""`minis2s train`: from flags to an experiment, with progress and a safe Ctrl-C."""

import math
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from minis2s import receipt
from minis2s.cli.options import Device, Quiet, is_quiet, logger
from minis2s.config import (
    MODEL_CONFIGS,
    PRESETS,
    InputError,
    TokenizerConfig,
    TrainConfig,
    apply_setting,
    preset,
)

FEW_STEPS = 500
"""Steps before which no sentence comes out right, however simple the text is."""


def train(
    corpus: Annotated[
        str, typer.Option(help="name, or a file of two columns .tsv")
    ] = "",
    train_src: Annotated[Path | None, typer.Option(help="own text, one side")] = None,
    train_tgt: Annotated[Path | None, typer.Option(help="own text, other side")] = None,
    valid_src: Annotated[
        Path | None, typer.Option(help="else cut from training")
    ] = None,
    valid_tgt: Annotated[Path | None, typer.Option()] = None,
    src: Annotated[str, typer.Option(help="language to translate from, e.g. de")] = "",
    tgt: Annotated[str, typer.Option(help="language to translate to, e.g. en")] = "",
    lower: Annotated[bool, typer.Option("--lower", help="lower-case all text")] = False,
    clean: Annotated[
        bool,
        typer.Option(
            "--clean", help="leave out repeated, copied, lopsided and swapped pairs"
        ),
    ] = False,
    model: Annotated[
        str, typer.Option(help=", ".join(PRESETS), show_default="rnn")
    ] = "",
    size: Annotated[
        str, typer.Option("--preset", help="tiny, small or base", show_default="small")
    ] = "",
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SECTION.KEY=VALUE",
            help="e.g. train.epochs=5; a wrong key lists them all",
        ),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="RUN", help="begin with its weights and its tokenizer"
        ),
    ] = None,
    teacher: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="learn also from how this run translates"),
    ] = None,
    teacher_mix: Annotated[
        str,
        typer.Option(
            help="both, or only its translations; with --teacher", show_default="both"
        ),
    ] = "",
    out: Annotated[
        Path | None, typer.Option(help="folder of the run [default: runs/...]")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="continue an interrupted run")
    ] = False,
    allow_inexact: Annotated[
        bool, typer.Option("--allow-inexact", help="resume under other conditions")
    ] = False,
    half: Annotated[
        bool, typer.Option("--half", help="store the weights as float16")
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, max=2**63 - 1, help="of all randomness")
    ] = 1,
    threads: Annotated[
        int, typer.Option(min=0, help="of the CPU; 0 takes all cores")
    ] = 0,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Train a translator; its folder is printed at the end."""
    import torch

    from minis2s.checkpoint import load_run
    from minis2s.cli.training_text import training_text
    from minis2s.text import tasks
    from minis2s.torch_nn.device import pick_device
    from minis2s.torch_nn.experiment import Experiment, Settings

    if teacher_mix and not teacher:
        raise InputError("--teacher-mix goes with --teacher")
    run = load_run(start) if start else None
    if run:
        settings = _settings_of(run, model, size, changes or [], lower)
    else:
        tokenizer = {"kind": "char"} if corpus in tasks.TASKS else {}
        settings = _settings(
            model or "rnn", size or "small", tokenizer, changes or [], lower
        )
    n_cores = os.cpu_count() or 1
    if threads > n_cores:
        raise InputError(f"--threads must be at most {n_cores} here, got {threads}")
    if threads:
        torch.set_num_threads(threads)
    chosen = pick_device(device)
    train_text, valid_text, n_dropped = training_text(
        corpus, (train_src, train_tgt), (valid_src, valid_tgt), src, tgt, clean=clean
    )
    out = (
        out
        or Path("runs")
        / f"{_stem(corpus, train_src)}-{settings['kind']}-{size or 'small'}"
    )
    experiment = Experiment(
        Settings(
            **settings,
            src=src,
            tgt=tgt,
            seed=seed,
            data_sha256={"train": train_text.sha256, "valid": valid_text.sha256},
            clean=n_dropped,
        ),
        train_text,
        valid_text,
        out,
        device=chosen,
        start=run,
        teacher=load_run(teacher) if teacher else None,
        teacher_mix=teacher_mix or "both",
        half=half,
        resume=resume,
        allow_inexact=allow_inexact,
    )
    _run(experiment)
    found = experiment.finish(receipt.command_line())
    scores = ", ".join(
        f"{name} {value:.4g}" for name, value in found["metrics"].items()
    )
    logger.info("best at step %d: %s", found["best_step"], scores)
    typer.echo(out)


def _settings(
    model: str, size: str, tokenizer: dict[str, str], changes: list[str], lower: bool
) -> dict[str, Any]:
    """A preset with the changes of the command line, checked before text is read."""
    sections = preset(model, size)
    sections["tokenizer"] |= tokenizer
    for change in changes:
        apply_setting(model, sections, change)
    # The size of the vocabulary is not known yet.
    MODEL_CONFIGS[model](vocab_size=5, **sections["model"])
    return {
        "kind": model,
        "model": sections["model"],
        "train": TrainConfig(**sections["train"]),
        "tokenizer": TokenizerConfig(**sections["tokenizer"]),
        "lower": lower,
    }


def _settings_of(
    run: Any, model: str, size: str, changes: list[str], lower: bool
) -> dict[str, Any]:
    """As `_settings`, where model and tokenizer are a run's; dropout may differ.

    Raises:
        InputError: if a flag asks for another model or tokenizer.
    """
    kind, tokenizer = run.model.KIND, run.tokenizer
    if model and model != kind:
        raise InputError(
            f"--from {run.path} has model {kind}, but --model asks for {model}"
        )
    if lower and not tokenizer.lower:
        raise InputError(f"--from {run.path} keeps capitals, but --lower drops them")
    own = run.model.as_dict()
    n_pieces = own.pop("vocab_size")
    sections = preset(kind, size or "small")
    if not size:
        sections["model"] = dict(own)
    for change in changes:
        if change.startswith("tokenizer."):
            raise InputError(
                f"--from brings its own tokenizer, but --set asks {change}"
            )
        apply_setting(kind, sections, change)
    asked = MODEL_CONFIGS[kind](vocab_size=n_pieces, **sections["model"]).as_dict()
    for name, value in own.items():
        if name != "dropout" and asked[name] != value:
            raise InputError(
                f"--from {run.path} has model.{name} {value}, but {asked[name]} was "
                f"asked for"
            )
    return {
        "kind": kind,
        "model": sections["model"],
        "train": TrainConfig(**sections["train"]),
        "tokenizer": TokenizerConfig(kind=tokenizer.kind, vocab_size=n_pieces),
        "lower": tokenizer.lower,
    }


def _stem(corpus: str, train_src: Path | None) -> str:
    return Path(corpus).stem if corpus else train_src.stem


def _run(experiment: Any) -> None:
    """Drive a training with a progress bar; Ctrl-C saves it and says how to go on."""
    from tqdm import tqdm

    from minis2s.torch_nn.train import StepRecord

    _note_few_steps(experiment)
    done = experiment.state.counters.step
    logger.info("training in %s on %s", experiment.out, experiment.device)
    with (
        _interrupt_flag() as interrupted,
        tqdm(
            total=experiment.n_steps,
            initial=done,
            unit="step",
            disable=is_quiet() or None,
            dynamic_ncols=True,
        ) as bar,
    ):
        for record in experiment.run():
            if isinstance(record, StepRecord):
                bar.update()
                bar.set_postfix(
                    loss=f"{record.loss:.3f}", lr=f"{record.lr:.2g}", refresh=False
                )
            else:
                scores = ", ".join(f"{k} {v:.4g}" for k, v in record.metrics.items())
                star = " (best so far)" if record.is_best else ""
                if record.n_averaged > 1:
                    scores = f"of the mean of the last {record.n_averaged}: {scores}"
                    star = (
                        ", better than each: kept" if record.is_best else ", not kept"
                    )
                with bar.external_write_mode(sys.stderr):
                    logger.info(
                        "epoch %d, step %d: validation %s%s",
                        record.epoch + 1,
                        record.step,
                        scores,
                        star,
                    )
            if interrupted:
                experiment.save_state()
                bar.close()
                sys.stderr.write(
                    f"interrupted at step {record.step}; the same command with "
                    f"--resume continues {experiment.out}\n"
                )
                raise typer.Exit(130)


def _note_few_steps(experiment: Any) -> None:
    """Say so if a training from nothing is too short, and what would be enough."""
    n_steps, n_epochs = experiment.n_steps, experiment.settings.train.epochs
    if n_steps < FEW_STEPS and not experiment.start:
        logger.info(
            "a training of %d steps is too short to learn to translate, which takes "
            "at least %d; --set train.epochs=%d makes as many",
            n_steps,
            FEW_STEPS,
            math.ceil(FEW_STEPS * n_epochs / n_steps),
        )


@contextmanager
def _interrupt_flag() -> Iterator[list[int]]:
    """A list that the first Ctrl-C fills; the second one interrupts as usual."""
    caught: list[int] = []

    def note(number: int, _frame: object) -> None:
        caught.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield caught
    finally:
        signal.signal(signal.SIGINT, before)

"""The command `minis2s`. Results go to standard output, all else to standard error.

A wing is imported inside the command that needs it, so that `--help` answers at once.
"""

import logging
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from minis2s import __version__, receipt
from minis2s.config import (
    PRESETS,
    DecodeConfig,
    InputError,
    RNNConfig,
    TokenizerConfig,
    TrainConfig,
    apply_setting,
    preset,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Learn, train and look at sequence-to-sequence translation.",
)
data_app = typer.Typer(no_args_is_help=True, help="Corpora: list, show, fetch, make.")
app.add_typer(data_app, name="data")
logger = logging.getLogger("minis2s")

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="folder of a trained run")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda")]
Beam = Annotated[int, typer.Option(max=100, help="hypotheses kept; 1 is greedy")]
BatchSize = Annotated[int, typer.Option(help="sentences at a time; speed only")]


def _version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"minis2s {__version__}")
        raise typer.Exit
    return wanted


def _set_quiet(quiet: bool) -> bool:
    """Notes and progress go to standard error, or nowhere."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.handlers = [handler]
    logger.setLevel(logging.ERROR if quiet else logging.INFO)
    return quiet


Quiet = Annotated[
    bool,
    typer.Option("--quiet", callback=_set_quiet, help="no progress, no notes"),
]


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="print the version"
        ),
    ] = False,
) -> None:
    pass


def _quiet() -> bool:
    return not logger.isEnabledFor(logging.INFO)


# --------------------------------------------------------------------- data


@data_app.command("list")
def data_list() -> None:
    """Every corpus by name."""
    from minis2s.text.cards import CARDS

    for card in CARDS.values():
        typer.echo(f"{card.name:16}{'-'.join(card.languages) or '-':14}{card.about}")


@data_app.command("show")
def data_show(name: str) -> None:
    """Origin, terms, splits and a few pairs of one corpus."""
    from minis2s.text import corpora
    from minis2s.text.cards import card

    about = card(name)
    typer.echo(f"{about.name}: {about.about}\nterms: {about.licence}")
    if about.url:
        typer.echo(f"from: {about.url}\nin: {corpora.cache_dir() / name}")
    unread: list[tuple[str, InputError]] = []
    for split, languages in about.splits.items():
        src, tgt = (*languages, "", "")[:2]
        try:
            text = corpora.load(name, split, src, tgt)
        except InputError as error:
            unread.append((split, error))
            continue
        typer.echo(f"{split}: {len(text)} pairs in {', '.join(languages) or 'letters'}")
        for s, t in list(zip(text.src, text.tgt, strict=True))[:2]:
            typer.echo(f"    {s}\n    {t}")
    if unread:
        typer.echo(f"not here: {', '.join(split for split, _ in unread)}")
        typer.echo(f"    {unread[0][1]}")


@data_app.command("fetch")
def data_fetch(name: str) -> None:
    """Download a corpus into the cache, verified; what is there stays."""
    from minis2s.text import corpora

    for path in corpora.fetch(name):
        typer.echo(path)


@data_app.command("make")
def data_make(
    name: str,
    out: Annotated[Path | None, typer.Option(help="folder; default NAME")] = None,
) -> None:
    """Write a generated task as aligned text files."""
    from minis2s.text import corpora, tasks
    from minis2s.text.files import write_whole

    if name not in tasks.TASKS:
        raise InputError(
            f"{name!r} is not generated; there are {', '.join(tasks.TASKS)}"
        )
    out = out or Path(name)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out} cannot be made ({error.strerror})") from error
    for split in tasks.SPLIT_SIZES:
        text = corpora.load(name, split)
        for side, lines in (("src", text.src), ("tgt", text.tgt)):
            path = out / f"{split}.{side}"
            write_whole(path, "".join(f"{line}\n" for line in lines).encode())
            typer.echo(path)


# -------------------------------------------------------------------- train


@app.command()
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
    model: Annotated[str, typer.Option(help=", ".join(PRESETS))] = "rnn",
    size: Annotated[
        str, typer.Option("--preset", help="tiny, small or base")
    ] = "small",
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SECTION.KEY=VALUE",
            help="e.g. train.epochs=5; a wrong key lists them all",
        ),
    ] = None,
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

    from minis2s.text import tasks
    from minis2s.torch_nn.device import pick_device
    from minis2s.torch_nn.experiment import Experiment, Settings

    settings = preset(model, size)
    if corpus in tasks.TASKS:
        settings["tokenizer"]["kind"] = "char"
    for change in changes or []:
        apply_setting(settings, change)
    train_config = TrainConfig(**settings["train"])
    tokenizer_config = TokenizerConfig(**settings["tokenizer"])
    RNNConfig(vocab_size=5, **settings["model"])  # complains before text is read
    if threads:
        torch.set_num_threads(threads)
    chosen = pick_device(device)
    texts = _training_text(
        corpus, (train_src, train_tgt), (valid_src, valid_tgt), src, tgt
    )
    for text in texts:
        if text.note:
            logger.info(text.note)
    out = out or Path("runs") / f"{_stem(corpus, train_src)}-{model}-{size}"
    experiment = Experiment(
        Settings(
            model=settings["model"],
            train=train_config,
            tokenizer=tokenizer_config,
            lower=lower,
            src=src,
            tgt=tgt,
            seed=seed,
            data_sha256={"train": texts[0].sha256, "valid": texts[1].sha256},
        ),
        *texts,
        out,
        device=chosen,
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


def _stem(corpus: str, train_src: Path | None) -> str:
    return Path(corpus).stem if corpus else train_src.stem


def _require_languages(corpus: str, src: str, tgt: str) -> None:
    from minis2s.text import tasks

    if corpus not in tasks.TASKS and not (src and tgt):
        raise InputError(
            "--src and --tgt must name the languages, e.g. --src de --tgt en"
        )
    for flag, code in (("--src", src), ("--tgt", tgt)):
        if code and not (code.isascii() and code.replace("-", "").isalnum()):
            raise InputError(f"{flag} must be a language code such as de, got {code!r}")


def _training_text(
    corpus: str,
    train: tuple[Path | None, Path | None],
    valid: tuple[Path | None, Path | None],
    src: str,
    tgt: str,
) -> tuple[Any, Any]:
    """Training and validation pairs, from wherever the flags say."""
    from minis2s.text import corpora

    for name, pair in (("train", train), ("valid", valid)):
        if (pair[0] is None) != (pair[1] is None):
            raise InputError(f"--{name}-src and --{name}-tgt go together")
    if bool(corpus) == bool(train[0]):
        raise InputError("give either --corpus, or --train-src and --train-tgt")
    _require_languages(corpus, src, tgt)
    is_file = corpus.endswith((".tsv", ".tsv.gz"))
    if corpus and not is_file:
        if valid[0]:
            raise InputError(f"{corpus} has its own validation split")
        return tuple(
            corpora.load(corpus, part, src, tgt) for part in ("train", "valid")
        )
    text = corpora.read_tsv(Path(corpus)) if is_file else corpora.read_aligned(*train)
    if valid[0]:
        return text, corpora.read_aligned(*valid)
    parts = corpora.split_pairs(text, {"valid": 0.02, "train": 0.98})
    if not (len(parts["valid"]) and len(parts["train"])):
        raise InputError(
            f"{len(text)} pairs are too few to cut a validation split from; give "
            f"--valid-src and --valid-tgt"
        )
    logger.info(
        "no validation text given: %d of %d pairs were set aside for it",
        len(parts["valid"]),
        len(text),
    )
    return parts["train"], parts["valid"]


def _run(experiment: Any) -> None:
    """Drive a training with a progress bar; Ctrl-C saves it and says how to go on."""
    from tqdm import tqdm

    from minis2s.torch_nn.train import StepRecord

    done = experiment.state.counters.step
    logger.info("training in %s on %s", experiment.out, experiment.device)
    with (
        _interrupt_flag() as interrupted,
        tqdm(
            total=experiment.n_steps,
            initial=done,
            unit="step",
            disable=_quiet() or None,
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


# -------------------------------------------------- translate, evaluate, attend


@app.command()
def translate(
    run: RunPath,
    beam: Beam = 5,
    input_file: Annotated[
        Path | None, typer.Option("--input", help="default: standard input")
    ] = None,
    output_file: Annotated[
        Path | None, typer.Option("--output", help="default: standard output")
    ] = None,
    batch_size: BatchSize = 64,
    backend: Annotated[str, typer.Option(help="torch, or numpy: no torch")] = "torch",
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Translate text, one line for each line; a blank line for a blank one."""
    from minis2s.text.files import decode_lines, read_lines, write_whole

    config = DecodeConfig(n_beams=beam, batch_size=batch_size)
    if not input_file and sys.stdin is None:
        raise InputError("there is no standard input; give --input")
    if input_file:
        lines = iter(read_lines(input_file))
    else:
        lines = (
            decode_lines(line, "standard input", number)[0]
            for number, line in enumerate(sys.stdin.buffer, 1)
        )
    _require_place(output_file)
    translator = _load_translator(run, backend, device)
    # Someone who types wants an answer at once; a file is better sorted by length.
    chunk_size = 1 if not input_file and sys.stdin.isatty() else 16 * batch_size
    written = []
    while chunk := [line for line, _ in zip(lines, range(chunk_size), strict=False)]:
        for text in translator.translate_text(chunk, config):
            written.append(text) if output_file else typer.echo(text)
    if output_file:
        write_whole(output_file, "".join(f"{line}\n" for line in written).encode())


def _require_place(path: Path | None) -> None:
    """Refuse early what could only fail when the work is done."""
    if path and not path.parent.is_dir():
        raise InputError(f"{path.parent} is not a folder")
    if path and path.is_dir():
        raise InputError(f"{path} is a folder, not a file")


def _load_translator(run: Path, backend: str, device: str) -> Any:
    """The run in the wing that was asked for; the other one is not imported."""
    if backend == "torch":
        from minis2s.torch_nn.device import pick_device
        from minis2s.torch_nn.translator import Translator

        return Translator.load(run, device=pick_device(device))
    if backend != "numpy":
        raise InputError(f"--backend must be torch or numpy, got {backend!r}")
    if device == "cuda":
        raise InputError("--backend numpy computes on the CPU; leave out --device cuda")
    from minis2s.numpy_ref.translator import Translator

    return Translator.load(run)


@app.command()
def evaluate(
    run: RunPath,
    corpus: Annotated[str, typer.Option(help="name of a corpus")] = "",
    split: Annotated[
        str, typer.Option(help="its split; valid and test always work")
    ] = "test",
    src_file: Annotated[Path | None, typer.Option(help="own text to translate")] = None,
    ref_file: Annotated[Path | None, typer.Option(help="its reference")] = None,
    beam: Beam = 5,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="write the scores here")
    ] = None,
    batch_size: BatchSize = 64,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """BLEU and chrF of a run on a corpus or on two files, with the signature."""
    import torch

    from minis2s import metrics
    from minis2s.checkpoint import load_run, write_json
    from minis2s.text import corpora, tasks
    from minis2s.torch_nn.device import describe_device, pick_device
    from minis2s.torch_nn.translator import Translator

    if bool(corpus) == bool(src_file) or bool(src_file) != bool(ref_file):
        raise InputError("give either --corpus, or --src-file and --ref-file")
    _require_place(json_file)
    loaded = load_run(run)
    if corpus:
        if (corpus in tasks.TASKS) == bool(loaded.src):
            does = f"{loaded.src}-{loaded.tgt}" if loaded.src else "a generated task"
            raise InputError(f"{run} was trained on {does}, which {corpus} is not")
        text = corpora.load(corpus, split, loaded.src, loaded.tgt)
    else:
        text = corpora.read_aligned(src_file, ref_file)
    translator = Translator.from_run(loaded, device=pick_device(device))
    config = DecodeConfig(n_beams=beam, batch_size=batch_size)
    started = time.perf_counter()
    outputs = translator.translate_text(text.src, config)
    seconds = time.perf_counter() - started
    language = loaded.tgt or "letters"
    mixed = metrics.bleu(outputs, text.tgt, language)
    lower = metrics.bleu(outputs, text.tgt, language, lowercase=True)
    found = {
        "bleu": mixed.value,
        "bleu_lowercase": lower.value,
        "chrf": metrics.chrf(outputs, text.tgt).value,
        "exact_match": metrics.exact_match(outputs, text.tgt),
        "signature": mixed.signature,
        "corpus": corpus or str(src_file),
        "split": split if corpus else "",
        "sentences": len(text),
        "seconds": round(seconds, 2),
        "beam": beam,
        "device": describe_device(translator.device),
    }
    for name, value in found.items():
        typer.echo(
            f"{name:16}{value:.2f}" if isinstance(value, float) else f"{name:16}{value}"
        )
    if json_file:
        found["receipt"] = receipt.make_receipt(
            command=receipt.command_line(),
            config={"run": str(run), **config.as_dict()},
            seed=None,
            seconds=seconds,
            device=found["device"],
            threads=torch.get_num_threads(),
            data_sha256={"text": text.sha256},
            metrics={"bleu": mixed.value, "signature": mixed.signature},
        )
        write_json(json_file, found)


@app.command()
def attend(
    run: RunPath,
    sentence: Annotated[str, typer.Argument(help="source sentence")],
    out: Annotated[Path, typer.Option("-o", "--out", help="map.png or map.svg")],
    target: Annotated[str, typer.Option(help="make the model say this instead")] = "",
    subwords: Annotated[
        bool | None,
        typer.Option("--subwords/--words", help="what a label is; default: words"),
    ] = None,
    beam: Beam = 5,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Draw where the model looks; prints the translation."""
    from minis2s.plot.attention_map import FORMATS, attention_map, save_figure
    from minis2s.torch_nn.device import pick_device
    from minis2s.torch_nn.translator import Translator

    if out.suffix.removeprefix(".").lower() not in FORMATS:
        raise InputError(f"{out}: a map is written as .png or .svg")
    if not sentence.strip():
        raise InputError("the sentence is blank")
    _require_place(out)
    translator = Translator.load(run, device=pick_device(device))
    if target.strip():
        hypothesis = translator.attend(sentence, target)
    else:
        hypothesis = translator.translate([sentence], DecodeConfig(n_beams=beam))[0]
    weights, src_labels, tgt_labels = translator.labelled_attention(
        sentence, hypothesis, words=None if subwords is None else not subwords
    )
    figure = attention_map(
        weights, src_labels, tgt_labels, title=hypothesis.attention_kind
    )
    save_figure(figure, out)
    typer.echo(translator.text(hypothesis))
    logger.info("map: %s", out)

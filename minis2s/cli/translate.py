"""`minis2s translate`, `evaluate` and `attend`: what a trained run can do."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from minis2s import receipt
from minis2s.cli.options import (
    BatchSize,
    Beam,
    Device,
    Quiet,
    RunPath,
    logger,
    require_place,
)
from minis2s.config import DecodeConfig, InputError
from minis2s.hypothesis import Hypothesis


def translate(
    run: RunPath,
    beam: Annotated[
        int | None,
        typer.Option(max=100, help="hypotheses kept [default: 5, or N if more]"),
    ] = None,
    nbest: Annotated[
        int, typer.Option(metavar="N", max=100, help="lines for each line, best first")
    ] = 1,
    scores: Annotated[
        bool, typer.Option("--scores", help="with the score, in nats per token")
    ] = False,
    alignments: Annotated[
        bool,
        typer.Option("--alignments", help="with links as 0-0 2-1: source-target word"),
    ] = False,
    sample: Annotated[
        bool, typer.Option("--sample", help="draw tokens at random, without a beam")
    ] = False,
    temperature: Annotated[
        float, typer.Option(help="below 1 keeps to the likely ones")
    ] = 1.0,
    top_k: Annotated[int, typer.Option(help="draw from so many; 0: all")] = 0,
    top_p: Annotated[
        float, typer.Option(help="or from the likeliest with this share")
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="of what is drawn")] = 0,
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
    """Translate text, one line for each line; a blank line for a blank one.

    With --nbest, --scores or --alignments a line has fields, separated by tabs, always
    in this order: the number of the input line, counted from 1, if N is above 1; the
    text; the score; the links. There are fewer than N lines where fewer were found.
    Links count words and punctuation marks from 0.
    """
    from minis2s.text.files import write_whole

    config = DecodeConfig(
        n_beams=(1 if sample else max(5, nbest)) if beam is None else beam,
        n_best=nbest,
        batch_size=batch_size,
        sample=sample,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
    )
    if not sample and (temperature, top_k, top_p) != (1.0, 0, 1.0):
        raise InputError("--temperature, --top-k and --top-p go with --sample")
    lines = _open_lines(input_file)
    require_place(output_file)
    translator = _load_translator(run, backend, device)
    layout = _Layout(numbers=nbest > 1, scores=scores, alignments=alignments)
    # Someone who types wants an answer at once; a file is better sorted by length.
    chunk_size = 1 if not input_file and sys.stdin.isatty() else 16 * batch_size
    written: list[str] = []
    n_read = 0
    while chunk := list(islice(lines, chunk_size)):
        # Drawn lines differ although their chunks begin anew.
        lists = translator.translate_n_best(chunk, config, seed=seed, first=n_read)
        rows = layout.rows(translator, chunk, lists, n_read + 1)
        n_read += len(chunk)
        for row in rows:
            written.append(row) if output_file else typer.echo(row)
    if output_file:
        write_whole(output_file, "".join(f"{line}\n" for line in written).encode())


def _open_lines(input_file: Path | None) -> Iterator[str]:
    """The lines of a file, or of standard input as they come."""
    from minis2s.text.files import decode_lines, read_lines

    if input_file:
        return iter(read_lines(input_file))
    if sys.stdin is None:
        raise InputError("there is no standard input; give --input")
    return (
        decode_lines(line, "standard input", number)[0]
        for number, line in enumerate(sys.stdin.buffer, 1)
    )


@dataclass(frozen=True)
class _Layout:
    """What an output line tells besides the text."""

    numbers: bool
    scores: bool
    alignments: bool

    def rows(
        self,
        translator: Any,
        lines: list[str],
        lists: list[list[Hypothesis]],
        first: int,
    ) -> list[str]:
        """The output for some lines, the first of which has the given number."""
        rows = []
        for number, (line, found) in enumerate(zip(lines, lists, strict=True), first):
            start = [str(number)] if self.numbers else []
            texts = [self._fields(translator, line, h) for h in found] or [[""]]
            rows += [_join([*start, *fields]) for fields in texts]
        return rows

    def _fields(self, translator: Any, line: str, found: Hypothesis) -> list[str]:
        """Text, score and links, as far as they are wanted."""
        fields = [translator.text(found)]
        if self.scores:
            fields.append(f"{found.score:.4f}")
        if self.alignments:
            links = translator.alignments(line, found)
            fields.append(" ".join(f"{s}-{t}" for s, t in links))
        return fields


def _join(fields: list[str]) -> str:
    """Fields with tabs between, and none inside; one alone stays as it is."""
    if len(fields) == 1:
        return fields[0]
    return "\t".join(field.replace("\t", " ") for field in fields)


def _load_translator(run: Path, backend: str, device: str) -> Any:
    """The run in the wing that was asked for; the other one is not imported."""
    if backend == "torch":
        from minis2s.torch_nn.device import pick_device
        from minis2s.torch_nn.translator import Translator

        return Translator.load(run, device=pick_device(device))
    if backend != "numpy":
        raise InputError(f"--backend must be torch or numpy, got {backend!r}")
    if device not in ("auto", "cpu"):
        raise InputError("--backend numpy computes on the CPU; leave out --device cuda")
    from minis2s.numpy_ref.translator import Translator

    return Translator.load(run)


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
    require_place(json_file)
    loaded = load_run(run)
    if corpus:
        if (corpus in tasks.TASKS) == bool(loaded.src):
            does = f"{loaded.src}-{loaded.tgt}" if loaded.src else "a generated task"
            raise InputError(f"{run} was trained on {does}, which {corpus} is not")
        text = corpora.load(corpus, split, loaded.src, loaded.tgt)
    else:
        text = corpora.read_aligned(src_file, ref_file)
        _note_oddities(text, loaded.src, loaded.tgt)
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


def _note_oddities(text: Any, src: str, tgt: str) -> None:
    """Say what is odd about two files whose every line counts in the scores."""
    from minis2s.text import quality

    found = quality.find_oddities(text, src, tgt)
    del found["ambiguous"]  # several translations of a sentence are as good as one
    for sentence in quality.describe(found, len(text), src, tgt):
        logger.info(sentence)


def attend(
    run: RunPath,
    sentence: Annotated[str, typer.Argument(help="source sentence")],
    out: Annotated[Path, typer.Option("-o", "--out", help="map.png or map.svg")],
    target: Annotated[str, typer.Option(help="make the model say this instead")] = "",
    subwords: Annotated[
        bool | None,
        typer.Option("--subwords/--words", help="what a label is; default: words"),
    ] = None,
    layer: Annotated[
        int | None, typer.Option(help="from 0 [default: the last]")
    ] = None,
    head: Annotated[
        int | None, typer.Option(help="from 0 [default: the mean of all]")
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
    require_place(out)
    translator = Translator.load(run, device=pick_device(device))
    if target and not target.strip():
        raise InputError("--target is blank")
    if target:
        hypothesis = translator.attend(sentence, target)
    else:
        hypothesis = translator.translate([sentence], DecodeConfig(n_beams=beam))[0]
    weights, src_labels, tgt_labels = translator.labelled_attention(
        sentence,
        hypothesis,
        words=None if subwords is None else not subwords,
        layer=layer,
        head=head,
    )
    title = hypothesis.attention_kind
    if hypothesis.attention.shape[:2] != (1, 1):
        title += ", last layer" if layer is None else f", layer {layer}"
        title += ", mean of all heads" if head is None else f", head {head}"
    figure = attention_map(weights, src_labels, tgt_labels, title=title)
    save_figure(figure, out)
    typer.echo(translator.text(hypothesis))
    logger.info("map: %s", out)

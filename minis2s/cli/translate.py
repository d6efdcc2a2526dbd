"""`minis2s translate`, `evaluate` and `attend`: what a trained run can do."""

import sys
import time
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


def translate(
    run: RunPath,
    beam: Annotated[
        int | None, typer.Option(max=100, help="hypotheses kept [default: 5]")
    ] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="draw tokens at random, without a beam")
    ] = False,
    temperature: Annotated[float, typer.Option(help="below 1 is bolder")] = 1.0,
    top_k: Annotated[int, typer.Option(help="tokens to draw from; 0: all")] = 0,
    top_p: Annotated[float, typer.Option(help="their probability together")] = 1.0,
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
    """Translate text, one line for each line; a blank line for a blank one."""
    from minis2s.text.files import decode_lines, read_lines, write_whole

    config = DecodeConfig(
        n_beams=(1 if sample else 5) if beam is None else beam,
        batch_size=batch_size,
        sample=sample,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
    )
    if not sample and (temperature, top_k, top_p) != (1.0, 0, 1.0):
        raise InputError("--temperature, --top-k and --top-p go with --sample")
    if not input_file and sys.stdin is None:
        raise InputError("there is no standard input; give --input")
    if input_file:
        lines = iter(read_lines(input_file))
    else:
        lines = (
            decode_lines(line, "standard input", number)[0]
            for number, line in enumerate(sys.stdin.buffer, 1)
        )
    require_place(output_file)
    translator = _load_translator(run, backend, device)
    # Someone who types wants an answer at once; a file is better sorted by length.
    chunk_size = 1 if not input_file and sys.stdin.isatty() else 16 * batch_size
    written: list[str] = []
    n_read = 0
    while chunk := [line for line, _ in zip(lines, range(chunk_size), strict=False)]:
        # Drawn lines differ although their chunks begin anew.
        texts = translator.translate_text(chunk, config, seed=seed, first=n_read)
        n_read += len(chunk)
        for text in texts:
            written.append(text) if output_file else typer.echo(text)
    if output_file:
        write_whole(output_file, "".join(f"{line}\n" for line in written).encode())


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
    if target.strip():
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

"""A teacher's translations as training text.

A small model learns more easily from what a larger one says than from what people
wrote: the teacher says like things alike, and nothing that is hard to foresee.

Left out: learning from the teacher's probabilities, word by word, and the mixture that
Kim and Rush fine-tune on (the hypothesis nearest to the reference).

Paper: Kim and Rush 2016, "Sequence-Level Knowledge Distillation", section 3.2,
arXiv:1606.07947.
"""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from minis2s.checkpoint import Run, write_json
from minis2s.config import DecodeConfig, InputError
from minis2s.text.corpora import ParallelText
from minis2s.torch_nn.translator import Translator

logger = logging.getLogger(__name__)

FILE = "teacher.json"
CHUNK = 1000
"""Sentences after which the translations so far are written."""
SEARCH = DecodeConfig(n_beams=5)

MIXES = ("both", "only")
"""What the student learns from: references and translations, or translations alone."""


def distil(
    text: ParallelText, teacher: Run, mix: str, out: Path, device: torch.device
) -> ParallelText:
    """The training text as the teacher translates it.

    What is translated is written to the run's folder, part by part, and taken from
    there by a training that resumes.

    Args:
        text: the training text.
        teacher: the run that translates its sources, with a beam of 5.
        mix: "both" keeps every pair and adds its source with the translation, as
            Freitag et al. 2017 do (arXiv:1702.01802), so that no mistake of the
            teacher stands unopposed; "only" takes the translations instead, as Kim
            and Rush do.
        out: folder of the student's run.
        device: where to translate.

    Returns:
        2 n pairs, references first, or n pairs.
    """
    lines = _translate(text, teacher, out, device)
    if mix == "only":
        return replace(text, tgt=lines)
    return replace(text, src=text.src + text.src, tgt=text.tgt + lines)


def _translate(
    text: ParallelText, teacher: Run, out: Path, device: torch.device
) -> list[str]:
    origin = {"teacher": teacher.sha256, "text": text.sha256}
    lines = _read(out / FILE, origin)
    if len(lines) < len(text):
        logger.info("the teacher translates; --resume goes on where it was interrupted")
    translator = Translator.from_run(teacher, device)
    while len(lines) < len(text):
        part = text.src[len(lines) : len(lines) + CHUNK]
        lines += translator.translate_text(part, SEARCH)
        write_json(out / FILE, {**origin, "lines": lines})
        logger.info("teacher: %d of %d sentences translated", len(lines), len(text))
    return lines


def _read(path: Path, origin: dict[str, str]) -> list[str]:
    """What was translated before; nothing if it was of another teacher or text."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return []
    lines = found.pop("lines")
    return lines if found == origin else []


def check_teacher(teacher: Run, mix: str, src: str, tgt: str) -> None:
    """Refuse what could only fail, or mislead, later.

    Raises:
        InputError: if there is no such mix, or the teacher has other languages.
    """
    if mix not in MIXES:
        raise InputError(
            f"--teacher-mix must be one of {', '.join(MIXES)}, got {mix!r}"
        )
    if (teacher.src, teacher.tgt) != (src, tgt):
        can = f"{teacher.src} to {teacher.tgt}" if teacher.src else "a generated task"
        asked = f"{src} to {tgt}" if src else "for a generated task"
        raise InputError(
            f"--teacher {teacher.path} translates {can}, but the training is {asked}"
        )

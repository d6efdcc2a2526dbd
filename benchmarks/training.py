"""What the benchmarks that train have in common: one run by the command line.

The command is a user's own, so what is measured is what a user gets. A finished run is
kept, an interrupted one is resumed.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from minis2s import metrics
from minis2s.config import DecodeConfig, InputError
from minis2s.text.corpora import ParallelText
from minis2s.torch_nn.translator import Translator

MULTI30K = ("--corpus", "multi30k", "--src", "de", "--tgt", "en")


def trained(out: Path, *flags: str, settings: dict[str, object]) -> dict[str, Any]:
    """The receipt of a run; trained now, or before.

    Args:
        out: its folder.
        flags: of `minis2s train`.
        settings: what `--set` is given.

    Raises:
        InputError: if the training failed.
    """
    done = out / "receipt.json"
    if not done.exists():
        command = [sys.executable, "-m", "minis2s", "train", *flags]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        command += ["--out", str(out), *(["--resume"] if out.exists() else [])]
        if subprocess.run(command, check=False).returncode:
            raise InputError(f"{out} could not be trained; its message stands above")
    return json.loads(done.read_text("utf-8"))


def translated(translator: Translator, text: ParallelText, n_beams: int) -> list[str]:
    """The text's translations."""
    return translator.translate_text(text.src, DecodeConfig(n_beams=n_beams))


def scores(outputs: list[str], text: ParallelText) -> dict[str, float | str]:
    """BLEU, cased and lower-cased, with the signature."""
    found = metrics.bleu(outputs, text.tgt, "en")
    return {
        "bleu": found.value,
        "bleu_lowercase": metrics.bleu(outputs, text.tgt, "en", lowercase=True).value,
        "signature": found.signature,
    }

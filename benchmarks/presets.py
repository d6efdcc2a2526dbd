"""Train the presets on Multi30k de-en and score them: what to expect of each.

    python benchmarks/presets.py    (needs Multi30k in the cache)

`tiny` is trained here; `small` is what the shipped models are, whose receipts are
read; `base` is trained where there is a GPU, and left out where there is none, since it
takes hours on a CPU. Scores are BLEU on the validation set. Interrupted, the same
command goes on where it stopped.

Writes benchmarks/receipts/presets.json, from which README's table is made.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import torch

from minis2s import metrics, receipt
from minis2s.checkpoint import load_run, write_json
from minis2s.config import PRESETS, DecodeConfig, InputError
from minis2s.text.corpora import ParallelText, load
from minis2s.torch_nn.translator import Translator

ROOT = Path(__file__).resolve().parents[1]
RECEIPT = ROOT / "benchmarks" / "receipts" / "presets.json"
RUNS = Path("runs") / "presets"
SHIPPED = {"rnn": "de-en-lstm", "transformer": "de-en-transformer"}
ON_GPU = torch.cuda.is_available()


def find(family: str, size: str) -> Path | None:
    """The finished run of a preset: shipped, or trained now; None if it takes a GPU."""
    if size == "small":
        return ROOT / "data" / "models" / SHIPPED[family]
    if size == "base" and not ON_GPU:
        return None
    out = RUNS / f"{family}-{size}"
    if (out / "receipt.json").exists():
        return out
    command = [sys.executable, "-m", "minis2s", "train", "--corpus", "multi30k"]
    command += ["--src", "de", "--tgt", "en", "--model", family, "--preset", size]
    command += ["--set", "train.precision=bfloat16", "--out", str(out)]
    if not ON_GPU:
        command += ["--threads", "1"]
    if out.exists():
        command.append("--resume")
    if subprocess.run(command, check=False).returncode:
        raise InputError(f"{out} could not be trained; its message stands above")
    return out


def row(family: str, size: str, run: Path, text: ParallelText) -> dict:
    """What a preset took, and what it reached on the validation set."""
    trained = json.loads((run / "receipt.json").read_text("utf-8"))
    translator = Translator.from_run(load_run(run), "cuda" if ON_GPU else "cpu")
    scores = {
        f"beam_{n}": metrics.bleu(
            translator.translate_text(text.src, DecodeConfig(n_beams=n)), text.tgt, "en"
        ).value
        for n in (1, 5)
    }
    return {
        "model": family,
        "preset": size,
        "minutes": trained["seconds"] / 60,
        "hardware": trained["hardware"],
        "command": trained["command"],
        "n_parameters": trained["n_parameters"],
        **scores,
    }


def main() -> None:
    """Train, score, print and keep the receipt."""
    started = time.perf_counter()
    text = load("multi30k", "valid", "de", "en")
    rows = []
    for family, sizes in PRESETS.items():
        for size in sizes:
            run = find(family, size)
            if run:
                rows.append(row(family, size, run, text))
                print(json.dumps(rows[-1]), flush=True)
    found = receipt.make_receipt(
        command="python benchmarks/presets.py",
        config={"alpha": DecodeConfig().alpha},
        seed=1,
        seconds=time.perf_counter() - started,
        device=torch.cuda.get_device_name() if ON_GPU else "cpu",
        threads=torch.get_num_threads(),
        data_sha256={"multi30k val": text.sha256},
        metrics={"rows": rows, "signature": metrics.bleu(["a"], ["a"], "en").signature},
    )
    write_json(RECEIPT, found)
    print(RECEIPT.relative_to(ROOT))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:  # Multi30k is not here; the message says how to get it
        print(f"presets: {error}", file=sys.stderr)
        sys.exit(2)

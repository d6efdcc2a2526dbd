"""Train the presets on Multi30k de-en and score them: what to expect of each.

    python benchmarks/presets.py    (needs Multi30k in the cache)

`tiny` takes minutes and `small` an hour on a core. `base` is trained where there is a
GPU, and left out where there is none, since it takes hours on a CPU. Scores are BLEU on
the validation set. Runs are kept in runs/presets; interrupted, the same command goes on
where it stopped.

Writes benchmarks/receipts/presets.json, from which README's table is made.
"""

import json
import sys
import time
from pathlib import Path

import torch
from training import MULTI30K, scores, trained, translated

from minis2s import receipt
from minis2s.checkpoint import load_run, write_json
from minis2s.config import PRESETS, DecodeConfig, InputError
from minis2s.text.corpora import ParallelText, load
from minis2s.torch_nn.translator import Translator

ROOT = Path(__file__).resolve().parents[1]
RECEIPT = ROOT / "benchmarks" / "receipts" / "presets.json"
RUNS = Path("runs") / "presets"
ON_GPU = torch.cuda.is_available()


def find(family: str, size: str) -> Path | None:
    """The finished run of a preset, trained now or before; None if it takes a GPU."""
    if size == "base" and not ON_GPU:
        return None
    out = RUNS / f"{family}-{size}"
    flags = ["--model", family, "--preset", size]
    flags += [] if ON_GPU else ["--threads", "1"]
    trained(out, *MULTI30K, *flags, settings={"train.precision": "bfloat16"})
    return out


def row(family: str, size: str, run: Path, text: ParallelText) -> dict:
    """What a preset took, and what it reached on the validation set."""
    made = json.loads((run / "receipt.json").read_text("utf-8"))
    translator = Translator.from_run(load_run(run), "cuda" if ON_GPU else "cpu")
    beams = {n: scores(translated(translator, text, n), text) for n in (1, 5)}
    return {
        "model": family,
        "preset": size,
        "minutes": made["seconds"] / 60,
        "hardware": made["hardware"],
        "command": made["command"],
        "n_parameters": made["n_parameters"],
        "signature": beams[1]["signature"],
        **{f"beam_{n}": found["bleu"] for n, found in beams.items()},
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
        metrics={"rows": rows},
    )
    write_json(RECEIPT, found)
    print(RECEIPT.relative_to(ROOT))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:  # Multi30k is not here; the message says how to get it
        print(f"presets: {error}", file=sys.stderr)
        sys.exit(2)

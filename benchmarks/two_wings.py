"""Translate with the shipped models in both wings: NumPy must say what PyTorch says.

    python benchmarks/two_wings.py    (needs Multi30k in the cache)

The first 200 sentences of the test set, greedy and with a beam of 5, in float32. Writes
benchmarks/receipts/two-wings.json: how many translations are equal token for token, and
how far the scores lie apart. It holds no sentence of the corpus.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from minis2s import receipt
from minis2s.checkpoint import load_run, write_json
from minis2s.config import DecodeConfig, InputError
from minis2s.hypothesis import Hypothesis
from minis2s.numpy_ref import translator as numpy_ref
from minis2s.text.corpora import load
from minis2s.torch_nn import translator as torch_nn

ROOT = Path(__file__).resolve().parents[1]
MODELS = sorted((ROOT / "data" / "models").iterdir())
RECEIPT = ROOT / "benchmarks" / "receipts" / "two-wings.json"
SPLIT, N_SENTENCES = "test_2016_flickr", 200


def compare(theirs: list[Hypothesis], ours: list[Hypothesis]) -> dict[str, float]:
    """How many translations are equal, and the largest differences of those that are.

    Returns:
        equal, and the largest absolute difference of scores and of attention.
    """
    equal = [(a, b) for a, b in zip(theirs, ours, strict=True) if a.tokens == b.tokens]
    score = max(abs(a.score - b.score) for a, b in equal)
    attention = max(np.abs(a.attention - b.attention).max() for a, b in equal)
    return {
        "equal": len(equal),
        "score_difference": float(score),
        "attention_difference": float(attention),
    }


def race(wings: list, lines: list[str], config: DecodeConfig) -> dict[str, float]:
    """Translate by each wing, torch first; what `compare` finds, and the seconds."""
    found, seconds = [], []
    for translator in wings:
        began = time.perf_counter()
        found.append(translator.translate(lines, config))
        seconds.append(round(time.perf_counter() - began, 2))
    spent = {"torch_seconds": seconds[0], "numpy_seconds": seconds[1]}
    return {**compare(*found), **spent}


def main() -> None:
    """Measure, print and keep the receipt."""
    started = time.perf_counter()
    rows, hashes = [], {}
    for model in MODELS:
        run = load_run(model)
        text = load("multi30k", SPLIT, run.src, run.tgt)
        hashes[f"multi30k {SPLIT}"] = text.sha256
        wings = [wing.Translator.from_run(run) for wing in (torch_nn, numpy_ref)]
        for n_beams in (1, 5):
            row = {"model": model.name, "beam": n_beams, "sentences": N_SENTENCES}
            row |= race(wings, text.src[:N_SENTENCES], DecodeConfig(n_beams=n_beams))
            print(json.dumps(row), flush=True)
            rows.append(row)
    found = receipt.make_receipt(
        command="python benchmarks/two_wings.py",
        config={"alpha": DecodeConfig().alpha},
        seed=None,
        seconds=time.perf_counter() - started,
        device="cpu",
        threads=torch.get_num_threads(),
        data_sha256=hashes,
        metrics={"rows": rows},
    )
    write_json(RECEIPT, found)
    print(RECEIPT.relative_to(ROOT))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:  # Multi30k is not here; the message says how to get it
        print(f"two_wings: {error}", file=sys.stderr)
        sys.exit(2)

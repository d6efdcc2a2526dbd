"""Train the best translator that we know how to, on a GPU, and score it once.

    python benchmarks/best.py [--family NAME]... [--seed N]...

It needs Multi30k in the cache, and a GPU.

A Transformer and a recurrent translator of the preset `base`, with a running mean of
their weights; three seeds each, side by side, unless others are asked for. Of each
family the seed with the best validation BLEU is scored on the test set: once, greedily
and with a beam of 5. Interrupted, the same command goes on where it stopped.

Writes benchmarks/receipts/best.json. It holds scores alone: no sentence of the corpus.
"""

import argparse
import json
import shlex
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import torch
from training import MULTI30K, scores, trained, translated

from minis2s import receipt
from minis2s.checkpoint import load_run, write_json
from minis2s.config import MODEL_CONFIGS, InputError
from minis2s.text.corpora import ParallelText, load
from minis2s.torch_nn.translator import Translator

ROOT = Path(__file__).resolve().parents[1]
RECEIPT = ROOT / "benchmarks" / "receipts" / "best.json"
RUNS = Path("runs") / "best"
SPLIT = "test_2016_flickr"
RECIPE = {"train.epochs": 40, "train.ema": 0.999}
"""What differs from the preset `base`."""


def train(family: str, seed: int) -> tuple[Path, dict]:
    """A run's folder and its receipt."""
    out = RUNS / f"{family}-{seed}"
    flags = ("--model", family, "--preset", "base", "--device", "cuda")
    settings = {**RECIPE, "train.precision": "bfloat16"}
    return out, trained(out, *MULTI30K, *flags, "--seed", str(seed), settings=settings)


def score(run: Path, text: ParallelText, n_beams: int) -> dict:
    """Both BLEUs of a run on a text."""
    translator = Translator.from_run(load_run(run), "cuda")
    return {"beam": n_beams, **scores(translated(translator, text, n_beams), text)}


def main() -> None:
    """Train, choose on validation, score once, keep the receipt."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--family", action="append", choices=MODEL_CONFIGS)
    parser.add_argument("--seed", action="append", type=int)
    args = parser.parse_args()
    if not torch.cuda.is_available():
        raise InputError("no GPU was found; the preset base takes hours without one")
    started = time.perf_counter()
    text = load("multi30k", SPLIT, "de", "en")
    seeds = args.seed or [1, 2, 3]
    rows, trainings = [], []
    for family in args.family or ["transformer", "rnn"]:
        with ThreadPoolExecutor() as pool:  # each training is a process of its own
            runs, found = zip(*pool.map(partial(train, family), seeds), strict=True)
        valid = [of_run["metrics"]["valid_bleu"] for of_run in found]
        best = runs[valid.index(max(valid))]
        trainings += found
        for n_beams in (1, 5):
            row = {"model": family, "run": best.name, "valid_bleu": valid}
            rows.append(row | score(best, text, n_beams))
            print(json.dumps(rows[-1]), flush=True)
        result = receipt.make_receipt(
            command=shlex.join(["python", "benchmarks/best.py", *sys.argv[1:]]),
            config={"recipe": RECIPE, "seeds": seeds},
            seed=None,
            seconds=time.perf_counter() - started,
            device=torch.cuda.get_device_name(),
            threads=torch.get_num_threads(),
            data_sha256={f"multi30k {SPLIT}": text.sha256},
            metrics={"rows": rows},
            trainings=trainings,
        )
        write_json(RECEIPT, result)  # anew after each family: a stop loses little
    print(RECEIPT.relative_to(ROOT))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:  # no GPU, or Multi30k is not here
        print(f"best: {error}", file=sys.stderr)
        sys.exit(2)

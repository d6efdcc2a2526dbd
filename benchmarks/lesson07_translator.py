"""Train translators that differ in how a decoder's state is compared with the source.

    python benchmarks/lesson07_translator.py [--jobs N] [--out FILE]

The same data (grammar-de-en), words, widths, steps and seeds for all: dot, scaled and
additive attention, four heads, the dot product with input feeding, and dot and scaled
once more at four times the learning rate. The test set and the captions are translated.
How far the scores of a sentence lie apart, and how the weights are shared out, is
measured before the first update and after the last. Sizes and training are those of
lesson 05's translators. N runs go on at the same time, each on one thread. Writes
notebooks/receipts/07_translator.json, which lesson 07 shows. A run that is in FILE
already is not repeated.
"""

import argparse
import json
import logging
import multiprocessing
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from minis2s import metrics, receipt
from minis2s.checkpoint import write_json
from minis2s.config import TokenizerConfig, TrainConfig
from minis2s.text import corpora
from minis2s.text.batching import encode_pairs, make_batch
from minis2s.torch_nn.experiment import Experiment, Settings
from minis2s.torch_nn.train import to_device
from minis2s.torch_nn.translator import Translator

ROOT = Path(__file__).resolve().parents[1]
RECEIPT = ROOT / "notebooks" / "receipts" / "07_translator.json"
SEEDS = (1, 2, 3)
KINDS = {
    "dot": {"attention": "dot"},
    "scaled": {"attention": "scaled"},
    "four heads": {"attention": "multi_head", "n_heads": 4},
    "additive": {"attention": "additive"},
    "dot, input feeding": {"attention": "dot", "input_feeding": True},
    "dot, rate x 4": {"attention": "dot"},
    "scaled, rate x 4": {"attention": "scaled"},
}
SIZES = {"d_embed": 64, "d_hidden": 64, "d_decoder": 128, "dropout": 0.1}
TRAINING = {"epochs": 10, "batch_tokens": 512, "lr": 0.005, "warmup_steps": 100}
MIN_COUNT = 2
N_WATCHED = 200
"""Test sentences whose scores are looked at."""


def train(kind: str, seed: int, folder: Path) -> tuple[Translator, dict[str, Any]]:
    """One translator, and what its training was like."""
    faster = 4 if kind.endswith("rate x 4") else 1
    settings = Settings(
        kind="rnn",
        model=SIZES | KINDS[kind],
        train=TrainConfig(**TRAINING | {"lr": faster * TRAINING["lr"]}),
        tokenizer=TokenizerConfig(kind="word", min_count=MIN_COUNT),
        lower=False,
        src="de",
        tgt="en",
        seed=seed,
        data_sha256={},
    )
    text, valid = (
        corpora.load("grammar-de-en", split, "de", "en") for split in ("train", "valid")
    )
    experiment = Experiment(settings, text, valid, folder, device=torch.device("cpu"))
    model = experiment.state.model
    translator = Translator(model, experiment.tokenizer, 100)
    before = watch(translator, kind)
    model.train()
    start = time.process_time()
    for _ in experiment.run():
        pass
    seconds = time.process_time() - start
    model.eval()
    return translator, {
        "n_parameters": sum(p.numel() for p in model.parameters()),
        "steps": experiment.state.counters.step,
        "seconds": round(seconds, 1),
        "before": before,
        "after": watch(translator, kind),
    }


@torch.inference_mode()
def watch(translator: Translator, kind: str) -> dict[str, float]:
    """How far a sentence's scores lie apart, and the weights, per target word.

    Several heads have no one score for a pair of words, and are left out.
    """
    attention, model = translator.model.decoder.attention, translator.model.eval()
    if not hasattr(attention, "score"):
        return {}
    text = corpora.load("grammar-de-en", "test", "de", "en")
    pairs = encode_pairs(text, translator.tokenizer, 100)
    spread, largest, entropy, caught = [], [], [], []
    plain = attention.score

    def score(*args: torch.Tensor) -> torch.Tensor:
        caught.append(plain(*args))
        return caught[-1]

    attention.score = score
    for i in range(N_WATCHED):
        caught.clear()
        model(*to_device(make_batch(pairs, [i]), torch.device("cpu"))[:3])
        scores = torch.cat(caught, dim=1)[0].double()  # (tgt_len, src_len)
        spread += scores.std(dim=1, correction=0).tolist()
        weights = scores.softmax(dim=1)
        largest += weights.max(dim=1).values.tolist()
        entropy += (-(weights * weights.log()).nansum(dim=1)).tolist()
    del attention.score
    means = {"spread": spread, "largest": largest, "entropy": entropy}
    return {name: round(float(np.mean(row)), 4) for name, row in means.items()}


def measure(translator: Translator) -> dict[str, Any]:
    """What a translator is worth on the test set, and what it makes of the captions."""
    test = corpora.load("grammar-de-en", "test", "de", "en")
    captions = corpora.load("captions-de-en", "test", "de", "en")
    outputs = translator.translate_text(test.src)
    right = [a == b for a, b in zip(outputs, test.tgt, strict=True)]
    said = translator.translate_text(captions.src[:7])
    return {
        "exact": round(float(np.mean(right)), 4),
        "bleu": round(metrics.bleu(outputs, test.tgt, "en").value, 2),
        "captions": said,
        "captions_right": sum(
            a == b for a, b in zip(said, captions.tgt[:7], strict=True)
        ),
    }


def run(job: tuple[str, int]) -> dict[str, Any]:
    """One training, and all that is measured of it."""
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    kind, seed = job
    with tempfile.TemporaryDirectory() as folder:
        translator, costs = train(kind, seed, Path(folder) / "run")
    return {"kind": kind, "seed": seed} | costs | measure(translator)


def main() -> None:
    """Train, and write the receipt."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RECEIPT)
    args = parser.parse_args()
    start = time.perf_counter()
    kept = json.loads(args.out.read_text("utf-8")) if args.out.exists() else {}
    rows, seconds = kept.get("metrics", {}).get("rows", []), kept.get("seconds", 0.0)
    done = {(row["kind"], row["seed"]) for row in rows}
    jobs = [(kind, seed) for seed in SEEDS for kind in KINDS]
    jobs = [job for job in jobs if job not in done]
    with multiprocessing.get_context("spawn").Pool(args.jobs) as pool:
        for row in pool.imap(run, jobs):
            rows.append(row)
            sys.stderr.write(f"{row['kind']} {row['seed']}: exact {row['exact']}\n")
            spent = seconds + time.perf_counter() - start
            write_json(args.out, make_receipt(rows, spent))
    sys.stdout.write(f"{args.out}\n")


def make_receipt(rows: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """The receipt of the runs so far; a row has its own processor time."""
    return receipt.make_receipt(
        command=shlex.join(["python", "benchmarks/lesson07_translator.py"]),
        config={"model": SIZES, "train": TRAINING, "kinds": KINDS, "seeds": SEEDS},
        seed=None,
        seconds=seconds,
        device="cpu",
        threads=1,
        data_sha256={
            f"{name} {split}": corpora.load(name, split, "de", "en").sha256
            for name, split in (
                ("grammar-de-en", "train"),
                ("grammar-de-en", "test"),
                ("captions-de-en", "test"),
            )
        },
        metrics={"rows": rows},
    )


if __name__ == "__main__":
    main()

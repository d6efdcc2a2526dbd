"""Train tiny translators on our own grammars, and count what is wholly right.

    python benchmarks/grammar.py [--seed N]...

A tiny Transformer over whole words (Chinese: characters) for each grammar and
direction: German to English, Chinese to English and back. Exact match and BLEU are on
the test set and on held-out combinations of words, decoded greedily; seconds are of one
thread, the validations included. Writes benchmarks/receipts/grammar.json.
"""

import argparse
import shlex
import sys
import time
from pathlib import Path

import torch
from training import trained, translated

from minis2s import metrics, receipt
from minis2s.checkpoint import load_run, write_json
from minis2s.config import InputError
from minis2s.text.corpora import load
from minis2s.torch_nn.translator import Translator

ROOT = Path(__file__).resolve().parents[1]
RECEIPT = ROOT / "benchmarks" / "receipts" / "grammar.json"
RUNS = Path("runs") / "grammar"
WORDS = {
    "tokenizer.kind": "word",
    "tokenizer.min_count": 1,
    "train.batch_tokens": 1024,
    "train.ema": 0.98,
    "model.dropout": 0.1,
}
RECIPES = {
    ("grammar-de-en", "de", "en"): {**WORDS, "train.epochs": 16},
    ("grammar-zh-en", "zh", "en"): {**WORDS, "train.epochs": 8},
    ("grammar-zh-en", "en", "zh"): {**WORDS, "train.epochs": 8},
}
"""Corpus, source and target -> what differs from the preset `tiny`."""


def measure(corpus: str, src: str, tgt: str, seed: int) -> dict:
    """Train one translator, and judge it on both texts that it never saw."""
    out = RUNS / f"{src}-{tgt}-{seed}"
    flags = ["--corpus", corpus, "--src", src, "--tgt", tgt, "--model", "transformer"]
    flags += ["--preset", "tiny", "--threads", "1", "--seed", str(seed)]
    made = trained(out, *flags, settings=RECIPES[corpus, src, tgt])
    row = {
        "corpus": corpus,
        "src": src,
        "tgt": tgt,
        "seed": seed,
        "seconds": made["seconds"],
        "steps": made["steps"],
        "n_parameters": made["n_parameters"],
    }
    translator = Translator.from_run(load_run(out))
    for split in ("test", "held_out"):
        text = load(corpus, split, src, tgt)
        found = translated(translator, text, 1)
        right = sum(map(str.__eq__, found, text.tgt))
        bleu = metrics.bleu(found, text.tgt, tgt)
        row[split] = {
            "exact": right / len(found),
            "bleu": bleu.value,
            "signature": bleu.signature,
        }
    return row


def main() -> None:
    """Train every translator with every seed, and write the receipt."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", action="append", type=int)
    seeds = parser.parse_args().seed or [1, 2, 3]
    torch.set_num_threads(1)
    started = time.perf_counter()
    rows = []
    for corpus, src, tgt in RECIPES:
        for seed in seeds:
            rows.append(measure(corpus, src, tgt, seed))
            print(rows[-1], flush=True)
    result = receipt.make_receipt(
        command=shlex.join(["python", "benchmarks/grammar.py", *sys.argv[1:]]),
        config={"-".join(key): recipe for key, recipe in RECIPES.items()},
        seed=None,
        seconds=time.perf_counter() - started,
        device="cpu",
        threads=1,
        data_sha256={
            f"{corpus} {split}": load(corpus, split, src, tgt).sha256
            for corpus, src, tgt in RECIPES
            for split in ("train", "test", "held_out")
        },
        metrics={"rows": rows},
    )
    write_json(RECEIPT, result)
    print(RECEIPT.relative_to(ROOT))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        print(f"grammar: {error}", file=sys.stderr)
        sys.exit(2)

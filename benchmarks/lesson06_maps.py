"""Train lesson 05's translator without attention, with it, and with two controls.

    python benchmarks/lesson06_maps.py [--out FILE]

Data, widths, steps and seeds are those of benchmarks/lesson05_translator.py, which also
trains and judges the translators: the decoder alone is another. "even" is the additive
one, of as many parameters, whose score is held at zero, so that each source position
has the same share for ever. In "places" the decoder's state chooses places by a linear
map, and the words that stand there have no say: pytorch/tutorials #130.

While the right words of the test set are said, each map is compared with the known
alignment. The baselines are even shares, and the finger that stays at the target word's
own number. Writes notebooks/receipts/06_maps.json, which lesson 06 shows. A run that is
in FILE already is not repeated.
"""

import argparse
import json
import shlex
import sys
import time
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lesson05_translator import MAX_LEN, SEEDS, SIZES, TRAIN, fit, load, measure
from lesson06_controls import make_even, make_places

from minis2s import receipt
from minis2s.checkpoint import write_json
from minis2s.text import corpora
from minis2s.text.tokenizers import split_words
from minis2s.torch_nn.models import make_model
from minis2s.torch_nn.translator import Translator

ROOT = Path(__file__).resolve().parents[1]
RECEIPT = ROOT / "notebooks" / "receipts" / "06_maps.json"
KINDS = ("additive", "none", "even", "places")
VERBS_LAST = (
    "Ihr beide hofft, dass die junge Freundin mir das teure Fahrrad zeigen will."
)
"""A sentence of the test set; its map is kept."""


def run(kind: str, seed: int) -> dict[str, Any]:
    """One training, and all that is measured of it."""
    test = load("grammar-de-en", "test")
    make = {"even": make_even, "places": partial(make_places, n_places=MAX_LEN + 1)}
    attention = "none" if kind == "none" else "additive"
    start = time.process_time()
    translator = fit(
        attention, seed, load("grammar-de-en", "train"), make.get(kind, make_model)
    )
    found = {
        "attention": kind,
        "seed": seed,
        "n_parameters": sum(p.numel() for p in translator.model.parameters()),
        "cpu_seconds": round(time.process_time() - start, 1),
        "test": measure(translator, test),
        "captions": measure(translator, load("captions-de-en", "test")),
        "verbs_last": translator.translate_text([VERBS_LAST])[0],
    }
    if kind in ("additive", "places"):
        found |= {
            "maps": score_maps(translator, test),
            "map": one_map(translator, test),
        }
    return found


def score_maps(translator: Translator, test: corpora.ParallelText) -> dict[str, float]:
    """How far the maps agree with the alignment, over the target words that have one.

    Of EOS, which no word is linked with, neither row nor column counts for a hit.
    """
    links = corpora.load_alignment("grammar-de-en", "test")
    found: dict[str, list] = {
        name: [] for name in ("on_gold", "darkest", "even_on_gold", "same_number")
    }
    for src, tgt, (_, possible) in zip(test.src, test.tgt, links, strict=True):
        weights = translator.attend(src, tgt).attention[0, 0]
        boxes = np.zeros(weights.shape, dtype=bool)
        for s, t in possible:
            boxes[t, s] = True
        last = len(split_words(src)) - 1
        for t in np.flatnonzero(boxes.any(axis=1)):
            found["on_gold"].append(weights[t][boxes[t]].sum())
            found["darkest"].append(boxes[t, weights[t].argmax()])
            found["even_on_gold"].append(boxes[t].mean())
            found["same_number"].append(boxes[t, min(t, last)])
    means = {name: round(float(np.mean(row)), 4) for name, row in found.items()}
    return means | {"target_words": len(found["on_gold"])}


def one_map(translator: Translator, test: corpora.ParallelText) -> dict[str, Any]:
    """The map of the sentence whose verbs stand last, and its links."""
    number = test.src.index(VERBS_LAST)
    forced = translator.attend(VERBS_LAST, test.tgt[number])
    weights, src, tgt = translator.labelled_attention(VERBS_LAST, forced)
    return {
        "src": src,
        "tgt": tgt,
        "weights": np.round(weights, 4).tolist(),
        "gold": corpora.load_alignment("grammar-de-en", "test")[number][1],
    }


def main() -> None:
    """Train what is missing, and write the receipt after each run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=RECEIPT)
    out = parser.parse_args().out
    torch.set_num_threads(1)
    before = json.loads(out.read_text("utf-8")) if out.exists() else {}
    rows = before.get("metrics", {}).get("rows", [])
    seconds = before.get("seconds", 0.0)
    done = {(row["attention"], row["seed"]) for row in rows}
    for kind, seed in product(KINDS, SEEDS):
        if (kind, seed) in done:
            continue
        start = time.process_time()
        rows.append(run(kind, seed))
        seconds += time.process_time() - start
        write_json(out, make_receipt(rows, seconds))
    sys.stdout.write(f"{out}\n")


def make_receipt(rows: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """The receipt of the runs so far; seconds of processor time."""
    return receipt.make_receipt(
        command=shlex.join(["python", "benchmarks/lesson06_maps.py"]),
        config={"model": SIZES, "train": asdict(TRAIN), "kinds": KINDS, "seeds": SEEDS},
        seed=None,
        seconds=seconds,
        device="cpu",
        threads=1,
        data_sha256={
            f"{name} {split}": load(name, split).sha256
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

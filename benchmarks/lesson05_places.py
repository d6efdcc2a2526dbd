"""Do what lesson 05 does live with one seed, with three: where a suitcase loses words.

    python benchmarks/lesson05_places.py [--out FILE]

The functions are the lesson's own: they are read from the cells of its notebook. For
each seed a pair learns to write strings backwards; its answers behind a first error and
the places of strings of twelve are counted. Then the side room: copies of six digits,
whose source is read as it stands, and turned round. Writes
notebooks/receipts/05_places.json, which lesson 05 shows.
"""

import argparse
import sys
import time
from pathlib import Path

import nbformat
import torch

from minis2s import receipt
from minis2s.checkpoint import write_json

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "05_encoder_decoder.ipynb"
RECEIPT = ROOT / "notebooks" / "receipts" / "05_places.json"
CELLS = (
    "imports",
    "digits",
    "train",
    "batch",
    "naive-run",
    "encode",
    "decode",
    "loss",
    "greedy",
    "live",
    "gap",
    "live-cliff",
    "turned",
)
"""Those that define what is called here."""
SEEDS, N_STRINGS = (0, 1, 2), 1500


def lesson() -> dict:
    """The names that the lesson's cells define."""
    cells = {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, 4).cells}
    names = {}
    for cell in CELLS:
        lines = cells[cell].splitlines()
        exec("\n".join(line for line in lines if not line.startswith("%")), names)
    return names


def main() -> None:
    """Train, count, and write the receipt."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=RECEIPT)
    args = parser.parse_args()
    torch.set_num_threads(1)
    started = time.perf_counter()
    names, rows = lesson(), []
    for seed in SEEDS:
        pair, _, draws = names["learn_backwards"](seed)
        behind = names["behind_errors"](pair, draws)
        right = names["by_place"](pair, draws, 12, n=N_STRINGS)[:, :12].mean(axis=0)
        rows.append(
            {
                "seed": seed,
                "behind": {k: round(float(share), 4) for k, share in behind.items()},
                "by_reading": [round(float(share), 4) for share in right[::-1]],
            }
        )
        print(rows[-1], file=sys.stderr, flush=True)
    copies = {
        str(turn): [round(float(names["copies"](seed, turn)), 4) for seed in SEEDS]
        for turn in (1, -1)
    }
    found = receipt.make_receipt(
        command="python benchmarks/lesson05_places.py",
        config={"cells": CELLS, "seeds": SEEDS, "strings": N_STRINGS},
        seed=None,
        seconds=time.perf_counter() - started,
        device="cpu",
        threads=1,
        data_sha256={},
        metrics={"seeds": rows, "copies": copies},
    )
    write_json(args.out, found)
    sys.stdout.write(f"{args.out}\n")


if __name__ == "__main__":
    main()

"""Ask whether another learning rate would change what lesson 05 says of its cliff.

    python benchmarks/lesson05_rates.py [--out FILE]

benchmarks/lesson05_cliff.py chose a rate for each setting on a seed of its own. Two of
its choices stand at an edge of what was tried: the budget took the highest rate, and
the pair of four times the width the lowest. Here the budget is trained at the two
others, and the wide pair below the lowest, with the seeds that count. Nothing is chosen
by these numbers. Writes notebooks/receipts/05_rates.json, which lesson 05 shows.
"""

import argparse
import sys
import time
from pathlib import Path

from lesson05_cliff import BATCH, N_TRAIN, ROOT, SEEDS, Setting, measure

from minis2s import receipt
from minis2s.checkpoint import write_json

RECEIPT = ROOT / "notebooks" / "receipts" / "05_rates.json"
SETTINGS = [
    *(Setting("none", lr=lr, seed=seed) for lr in (0.01, 0.02) for seed in SEEDS),
    *(Setting("none", d_hidden=128, lr=0.005, seed=seed) for seed in SEEDS),
]


def main() -> None:
    """Train each, and write the receipt."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=RECEIPT)
    args = parser.parse_args()
    started = time.perf_counter()
    rows = []
    for setting in SETTINGS:
        rows.append(measure(setting))
        print(len(rows), "of", len(SETTINGS), rows[-1], file=sys.stderr, flush=True)
    found = receipt.make_receipt(
        command="python benchmarks/lesson05_rates.py",
        config={"train": N_TRAIN, "batch": BATCH, "seeds": SEEDS},
        seed=None,
        seconds=time.perf_counter() - started,
        device="cpu",
        threads=1,
        data_sha256={},
        metrics={"rows": rows},
    )
    write_json(args.out, found)
    sys.stdout.write(f"{args.out}\n")


if __name__ == "__main__":
    main()

"""Run the cliff with attention that may not choose, and with one that chooses blindly.

    python benchmarks/lesson06_controls.py [--out FILE]

Task, widths, updates, rates and seeds are those of benchmarks/lesson05_cliff.py. Both
controls are its additive translator with another score. In "even" it is zero and stays
zero, so that each step is handed the mean of all source positions: a short path to
every word, and no choice. In "places" it is a linear map of the decoder's state to
places, and the words that stand there have no say: pytorch/tutorials #130. Each setting
is tried with three learning rates on a seed of its own. Writes
notebooks/receipts/06_controls.json, which lesson 06 shows.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import lesson05_cliff as cliff
import torch
from lesson05_cliff import RATE_SEED, RATES, SEEDS, Setting
from torch import nn

from minis2s import receipt
from minis2s.checkpoint import write_json
from minis2s.config import RNNConfig
from minis2s.torch_nn.seq2seq import Seq2Seq

ROOT = Path(__file__).resolve().parents[1]
RECEIPT = ROOT / "notebooks" / "receipts" / "06_controls.json"
SETTINGS = (("even", 250), ("even", 1000), ("places", 250))


def make_even(config: RNNConfig) -> Seq2Seq:
    """A model whose score is zero and stays so."""
    model = Seq2Seq(config)
    weight = model.decoder.attention.weight_score
    with torch.no_grad():
        weight.zero_()
    weight.register_hook(torch.zeros_like)
    return model


def make_places(config: RNNConfig, n_places: int = cliff.LONGEST + 1) -> Seq2Seq:
    """A model whose scores follow from the decoder's state alone."""
    model = Seq2Seq(config)
    attention = model.decoder.attention
    attention.places = nn.Linear(config.d_decoder, n_places)
    attention.score = lambda query, projected: attention.places(query)[
        ..., : projected.shape[1]
    ]
    return model


def measure(kind: str, setting: Setting) -> dict:
    """Train and judge one control as the cliff's translators are."""
    make_model = {"even": make_even, "places": make_places}[kind]
    return cliff.measure(setting, make_model) | {"attention": kind}


def main() -> None:
    """Choose the rates, train, and write the receipt."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=RECEIPT)
    out = parser.parse_args().out
    start, rows, rates = time.process_time(), [], []
    for kind, updates in SETTINGS:
        setting = Setting("additive", updates=updates)
        tried = [measure(kind, replace(setting, lr=lr, seed=RATE_SEED)) for lr in RATES]
        lr = max(tried, key=cliff.mean)["lr"]
        rates += [
            {"attention": kind, "updates": updates, "lr": row["lr"]}
            | {"accuracy": round(cliff.mean(row), 4)}
            for row in tried
        ]
        rows += [measure(kind, replace(setting, lr=lr, seed=seed)) for seed in SEEDS]
    found = receipt.make_receipt(
        command="python benchmarks/lesson06_controls.py",
        config={"settings": SETTINGS, "rates": RATES, "seeds": SEEDS},
        seed=None,
        seconds=time.process_time() - start,
        device="cpu",
        threads=1,
        data_sha256={},
        metrics={"rows": rows, "rates": rates},
    )
    write_json(out, found)
    sys.stdout.write(f"{out}\n")


if __name__ == "__main__":
    main()

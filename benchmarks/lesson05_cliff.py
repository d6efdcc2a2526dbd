"""Train translators of digits with and without attention: accuracy by source length.

    python benchmarks/lesson05_cliff.py [--jobs N] [--out FILE]

The task is to write a string of 1 to 12 digits backwards. Every setting is tried with
three learning rates on a seed of its own; the one that gets most of the validation
strings wholly right is used for the seeds that count. Accuracies are of whole strings,
free-running and greedy, by length: on strings of the training set, and on new ones.

Writes notebooks/receipts/05_cliff.json, which lessons 05, 06 and 07 show.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from minis2s import receipt
from minis2s.checkpoint import write_json
from minis2s.config import RNNConfig
from minis2s.text.tokenizers import BOS_ID, EOS_ID, PAD_ID
from minis2s.torch_nn.seq2seq import Seq2Seq

ROOT = Path(__file__).resolve().parents[1]
RECEIPT = ROOT / "notebooks" / "receipts" / "05_cliff.json"
LONGEST, N_DIGITS, FIRST_DIGIT = 12, 10, 4
N_TRAIN, N_TEST = 10_000, 200
"""Strings of a training set, of all lengths alike; strings of each length to judge."""
BATCH, WARMUP, MAX_NORM, D_EMBED = 64, 100, 1.0, 16
RATES, RATE_SEED, SEEDS = (0.01, 0.02, 0.04), 100, (0, 1, 2)
MakeModel = Callable[[RNNConfig], Seq2Seq]


@dataclass(frozen=True)
class Setting:
    """One translator and its training."""

    attention: str
    d_hidden: int = 32
    """of one direction of the encoder; the decoder is twice as wide"""
    updates: int = 1000
    lr: float = 0.0
    seed: int = 0


SETTINGS = [
    Setting("none"),
    *(Setting("none", updates=updates) for updates in (250, 500, 2000, 4000, 8000)),
    *(Setting("none", d_hidden=d_hidden) for d_hidden in (8, 16, 64, 128)),
    *(Setting("none", d_hidden=d_hidden, updates=8000) for d_hidden in (8, 16)),
    Setting("fixed"),
    *(
        Setting(attention, updates=updates)
        for attention in ("additive", "dot", "scaled")
        for updates in (250, 1000)
    ),
]


def draw(rng: np.random.Generator, n_strings: int) -> list[Int[np.ndarray, " len"]]:
    """Strings of digits, every length as often as any other."""
    lengths = 1 + np.arange(n_strings) % LONGEST
    last = FIRST_DIGIT + N_DIGITS
    return [rng.integers(FIRST_DIGIT, last, size=length) for length in lengths]


def make_batch(strings: list[Int[np.ndarray, " len"]]) -> tuple[Tensor, ...]:
    """Source ending in EOS, what the decoder reads, and what it has to write."""
    shape = len(strings), max(map(len, strings)) + 1
    src, tgt_in, tgt_out = (np.full(shape, PAD_ID) for _ in range(3))
    for row, string in enumerate(strings):
        end, tgt = len(string), string[::-1]
        src[row, :end], src[row, end] = string, EOS_ID
        tgt_in[row, 0], tgt_in[row, 1 : end + 1] = BOS_ID, tgt
        tgt_out[row, :end], tgt_out[row, end] = tgt, EOS_ID
    return tuple(map(torch.from_numpy, (src, tgt_in, tgt_out)))


def rate(step: int, setting: Setting) -> float:
    """A linear warm-up under half a cosine."""
    fall = 0.5 * (1 + math.cos(math.pi * step / setting.updates))
    return setting.lr * min(1.0, (step + 1) / WARMUP) * fall


def train(
    setting: Setting, make_model: MakeModel = Seq2Seq
) -> tuple[Seq2Seq, list, np.random.Generator, float]:
    """The trained model, its training set, the generator, and the last mean loss."""
    rng = np.random.default_rng(setting.seed)
    torch.manual_seed(setting.seed)
    strings = draw(rng, N_TRAIN)
    config = RNNConfig(
        vocab_size=FIRST_DIGIT + N_DIGITS,
        attention=setting.attention,
        d_embed=D_EMBED,
        d_hidden=setting.d_hidden,
        d_decoder=2 * setting.d_hidden,
        dropout=0.0,
        tie="none",
    )
    model = make_model(config)
    optimizer = torch.optim.Adam(model.parameters())
    losses = []
    for step in range(setting.updates):
        rows = rng.integers(N_TRAIN, size=BATCH)
        src, tgt_in, tgt_out = make_batch([strings[row] for row in rows])
        logits, _ = model(src, src != PAD_ID, tgt_in)
        loss = nn.functional.cross_entropy(
            logits.flatten(0, 1), tgt_out.flatten(), ignore_index=PAD_ID
        )
        optimizer.param_groups[0]["lr"] = rate(step, setting)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        optimizer.step()
        losses.append(loss.item())
    return model, strings, rng, float(np.mean(losses[-50:]))


@torch.no_grad()
def accuracy(model: Seq2Seq, strings: list) -> dict[int, float]:
    """Share of strings that are wholly right, by length.

    A greedy output is wholly right if and only if, fed the right beginning, the model
    prefers the right token at every step: so no decoding is needed.
    """
    found = {}
    for length in range(1, LONGEST + 1):
        group = [string for string in strings if len(string) == length][:N_TEST]
        src, tgt_in, tgt_out = make_batch(group)
        logits, _ = model(src, src != PAD_ID, tgt_in)
        right = (logits.argmax(dim=-1) == tgt_out).all(dim=1)
        found[length] = round(right.float().mean().item(), 4)
    return found


def measure(setting: Setting, make_model: MakeModel = Seq2Seq) -> dict:
    """Train, and judge on strings of the training set and on new ones."""
    torch.set_num_threads(1)
    started = time.process_time()
    model, strings, rng, loss = train(setting, make_model)
    return asdict(setting) | {
        "n_parameters": sum(p.numel() for p in model.parameters()),
        "loss": round(loss, 4),
        "train": accuracy(model, strings),
        "test": accuracy(model, draw(rng, LONGEST * N_TEST)),
        "seconds": round(time.process_time() - started, 1),
    }


def mean(row: dict) -> float:
    """Accuracy on new strings, over all lengths."""
    return sum(row["test"].values()) / LONGEST


def longest_first(settings: list[Setting]) -> list[Setting]:
    """So that no process is left alone with a long one at the end."""
    return sorted(settings, key=lambda s: -s.updates * (32 + s.d_hidden))


def main() -> None:
    """Choose the rates, train, and write the receipt."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=2, help="trainings side by side")
    parser.add_argument("--out", type=Path, default=RECEIPT)
    args = parser.parse_args()
    started = time.perf_counter()

    def measured(settings: list[Setting]) -> list[dict]:
        rows = []
        for row in pool.map(measure, longest_first(settings)):
            rows.append(row)
            print(len(rows), "of", len(settings), row, file=sys.stderr, flush=True)
        return rows

    with ProcessPoolExecutor(args.jobs) as pool:
        tried = measured(
            [replace(s, lr=lr, seed=RATE_SEED) for s in SETTINGS for lr in RATES]
        )
        chosen = []
        for setting in SETTINGS:
            key = setting.attention, setting.d_hidden, setting.updates
            rows = [r for r in tried if _key(r) == key]
            chosen.append(replace(setting, lr=max(rows, key=mean)["lr"]))
        rows = measured([replace(s, seed=seed) for s in chosen for seed in SEEDS])
    rates = [
        {k: r[k] for k in ("attention", "d_hidden", "updates", "lr")}
        | {"accuracy": round(mean(r), 4)}
        for r in tried
    ]
    order = [_key(asdict(setting)) for setting in SETTINGS]
    rows.sort(key=lambda r: (order.index(_key(r)), r["seed"]))
    found = receipt.make_receipt(
        command="python benchmarks/lesson05_cliff.py",
        config={
            "longest": LONGEST,
            "digits": N_DIGITS,
            "train": N_TRAIN,
            "test": N_TEST,
            "batch": BATCH,
            "warmup": WARMUP,
            "max_norm": MAX_NORM,
            "d_embed": D_EMBED,
            "rates": RATES,
            "seeds": SEEDS,
        },
        seed=None,
        seconds=time.perf_counter() - started,
        device="cpu",
        threads=1,
        data_sha256={},
        metrics={"rows": rows, "rates": rates},
    )
    write_json(args.out, found)
    sys.stdout.write(f"{args.out}\n")


def _key(row: dict) -> tuple:
    return row["attention"], row["d_hidden"], row["updates"]


if __name__ == "__main__":
    main()

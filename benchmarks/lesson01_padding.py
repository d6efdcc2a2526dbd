"""Time what padding costs: an LSTM over shuffled batches, and over batches of a length.

    python benchmarks/lesson01_padding.py [--out FILE]

The German side of grammar-de-en, 10,000 sentences as words, is cut into batches of 64:
once in random order, once by length with less than a token of noise. PyTorch's LSTM
reads all of them, padding included, forwards and backwards. The two orders take turns,
so that whatever else runs slows both. Two ways to fill a batch are timed as well: a
loop over rows of NumPy, which is the package's, and PyTorch's `pad_sequence`. Writes
notebooks/receipts/01_padding.json, which lesson 01 shows.
"""

import argparse
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from minis2s import receipt
from minis2s.checkpoint import write_json
from minis2s.text import batching, corpora
from minis2s.text.tokenizers import split_words

ROOT = Path(__file__).resolve().parents[1]
RECEIPT = ROOT / "notebooks" / "receipts" / "01_padding.json"
BATCH = 64
D_EMBED, D_HIDDEN = 64, 128
TURNS = 5


def encode(lines: list[str]) -> list[list[int]]:
    """Ids of words, with an end mark, 3; 0 is padding."""
    words = sorted({word for line in lines for word in split_words(line)})
    id_of = {word: i for i, word in enumerate(words, start=4)}
    return [[*(id_of[word] for word in split_words(line)), 3] for line in lines]


def plans(sentences: list[list[int]], rng: np.random.Generator) -> dict[str, list]:
    """Batches of sentences in either order."""
    lengths = np.array([len(sentence) for sentence in sentences])
    orders = {
        "shuffled": rng.permutation(len(lengths)),
        "bucketed": np.argsort(lengths + rng.random(len(lengths))),
    }
    return {
        name: [
            [sentences[i] for i in order[start : start + BATCH]]
            for start in range(0, len(order), BATCH)
        ]
        for name, order in orders.items()
    }


def read(batches: list[list[list[int]]], n_words: int) -> None:
    """One epoch, forwards and backwards, without a change of the weights."""
    torch.manual_seed(0)
    embed = torch.nn.Embedding(n_words, D_EMBED)
    lstm = torch.nn.LSTM(D_EMBED, D_HIDDEN, batch_first=True)
    for batch in batches:
        outputs, _ = lstm(embed(torch.from_numpy(batching.pad(batch))))
        outputs.sum().backward()


def cpu_seconds(work: Callable[[], object]) -> float:
    """Processor time of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Measure, and write the receipt."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=RECEIPT)
    out = parser.parse_args().out
    torch.set_num_threads(1)
    start = time.perf_counter()
    text = corpora.load("grammar-de-en", "train", "de", "en")
    sentences = encode(text.src)
    n_words = 1 + max(map(max, sentences))
    by_order = plans(sentences, np.random.default_rng(0))
    rows = {name: [] for name in by_order}
    for _ in range(TURNS):
        for name, batches in by_order.items():
            rows[name].append(cpu_seconds(lambda b=batches: read(b, n_words)))
    shuffled = by_order["shuffled"]
    tensors = [[torch.tensor(s) for s in batch] for batch in shuffled]
    fills = {"numpy": [], "torch": []}
    for _ in range(TURNS):
        fills["numpy"].append(cpu_seconds(lambda: [*map(batching.pad, shuffled)]))
        fills["torch"].append(
            cpu_seconds(lambda: [pad_sequence(b, batch_first=True) for b in tensors])
        )
    found = receipt.make_receipt(
        command=shlex.join(["python", "benchmarks/lesson01_padding.py"]),
        config={
            "corpus": "grammar-de-en",
            "batch_size": BATCH,
            "d_embed": D_EMBED,
            "d_hidden": D_HIDDEN,
            "turns": TURNS,
        },
        seed=0,
        seconds=time.perf_counter() - start,
        device="cpu",
        threads=1,
        data_sha256={"train": text.sha256},
        metrics={
            "epoch_cpu_seconds": {n: [round(s, 3) for s in r] for n, r in rows.items()},
            "pad_us_per_batch": {
                name: round(1e6 * float(np.median(s)) / len(shuffled), 1)
                for name, s in fills.items()
            },
        },
    )
    write_json(out, found)
    sys.stdout.write(f"{out}\n")


if __name__ == "__main__":
    main()

"""Train a dot product to find one word among ten, with a scale and without.

    python benchmarks/lesson07_scale.py [--out FILE]

Each of ten words has a name, one of 32, and a symbol, one of eight; asked for a name,
attention has to find the word and say its symbol. A name has a vector as query and
another as key, all drawn at random, so at first every score is noise. Three starts: the
scores divided by sqrt(d); the plain dot product of the same vectors; and the plain dot
product of smaller vectors, whose scores start as small as the divided ones. Two
optimisers, a grid of rates each, three widths, five seeds; at the end, the widest plain
product with five times as many updates. The five differ in their start alone and see
the same sequences. A rate is chosen on sequences that are not those of the test. Writes
notebooks/receipts/07_scale.json, which lesson 07 shows.
"""

import argparse
import shlex
import sys
import time
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from minis2s import receipt
from minis2s.checkpoint import write_json

ROOT = Path(__file__).resolve().parents[1]
RECEIPT = ROOT / "notebooks" / "receipts" / "07_scale.json"
SEEDS = (0, 1, 2, 3, 4)
WIDTHS = (8, 64, 512)
N_NAMES, N_WORDS, N_SYMBOLS = 32, 10, 8
N_UPDATES, BATCH, N_TEST = 400, 32, 1000
RATES = {"sgd": (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0), "adam": (0.003, 0.03, 0.3)}
LONG_UPDATES, LONG_RATES = 2000, (1.0, 3.0, 10.0)
OPTIMISERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
STARTS = ("scaled", "plain", "plain, small start")

Drawn = tuple[Int[Tensor, "batch n"], Int[Tensor, "batch n"], Tensor, Tensor]


def draw(rng: np.random.Generator, batch: int) -> Drawn:
    """Names and symbols of ten words each, a name that is asked for, and the answer."""
    names = rng.permuted(np.tile(np.arange(N_NAMES), (batch, 1)), axis=1)[:, :N_WORDS]
    symbols = rng.integers(N_SYMBOLS, size=(batch, N_WORDS))
    place = np.arange(batch), rng.integers(N_WORDS, size=batch)
    found = names, symbols, names[place], symbols[place]
    return tuple(map(torch.from_numpy, found))


class Finders(nn.Module):
    """Independent attentions of one kind, side by side: axis 0 is the seed.

    Args:
        start: one of STARTS.
        d: width of a query and of a key.
    """

    def __init__(self, start: str, d: int) -> None:
        super().__init__()
        draws = [np.random.default_rng(seed) for seed in SEEDS]
        size = d**-0.25 if start == "plain, small start" else 1.0
        self.scale = d**-0.5 if start == "scaled" else 1.0

        def normal(rows: int, columns: int, size: float) -> nn.Parameter:
            made = np.stack([size * r.normal(size=(rows, columns)) for r in draws])
            return nn.Parameter(torch.from_numpy(made).float())

        self.query = normal(N_NAMES, d, size)
        self.key = normal(N_NAMES, d, size)
        self.value = normal(N_SYMBOLS, N_SYMBOLS, 0.3)

    def forward(
        self, names: Tensor, symbols: Tensor, asked: Tensor
    ) -> tuple[Float[Tensor, "seed batch symbol"], Float[Tensor, "seed batch n"]]:
        """What each says, and its scores."""
        query, key = self.query[:, asked], self.key[:, names]
        scores = self.scale * torch.einsum("ebd,ebnd->ebn", query, key)
        weights = scores.softmax(dim=-1)
        logits = torch.einsum("ebn,ebnc->ebc", weights, self.value[:, symbols])
        return logits, scores


def measure(
    start: str, d: int, optimiser: str, lr: float, n_updates: int = N_UPDATES
) -> dict:
    """Train five, and test them."""
    finders, rng = Finders(start, d), np.random.default_rng(99)
    rule = OPTIMISERS[optimiser](finders.parameters(), lr=lr)
    with torch.no_grad():
        spread = finders(*draw(rng, N_TEST)[:3])[1].std()
    for _ in range(n_updates):
        names, symbols, asked, wanted = draw(rng, BATCH)
        logits, _ = finders(names, symbols, asked)
        loss = nn.functional.cross_entropy(
            logits.flatten(0, 1), wanted.repeat(len(SEEDS)), reduction="sum"
        )
        rule.zero_grad()
        (loss / BATCH).backward()
        rule.step()
    reached = {}
    for split in ("valid", "test"):
        names, symbols, asked, wanted = draw(rng, N_TEST)
        with torch.no_grad():
            said = finders(names, symbols, asked)[0].argmax(dim=-1)
        right = (said == wanted).float().mean(dim=-1)
        reached[split] = [round(float(share), 4) for share in right]
    row = {"d": d, "optimiser": optimiser, "lr": lr, "start": start}
    row |= {"updates": n_updates}
    return row | {"spread": round(float(spread), 3)} | reached


def main() -> None:
    """Train, and write the receipt."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=RECEIPT)
    out = parser.parse_args().out
    torch.set_num_threads(1)
    begin = time.process_time()
    rows = [
        measure(start, d, optimiser, lr)
        for optimiser, rates in RATES.items()
        for d in WIDTHS
        for start in STARTS
        for lr in rates
    ]
    rows += [measure("plain", 512, "sgd", lr, LONG_UPDATES) for lr in LONG_RATES]
    found = receipt.make_receipt(
        command=shlex.join(["python", "benchmarks/lesson07_scale.py"]),
        config={
            "seeds": SEEDS,
            "updates": N_UPDATES,
            "long": {"updates": LONG_UPDATES, "rates": LONG_RATES},
            "batch": BATCH,
            "names": N_NAMES,
            "words": N_WORDS,
            "symbols": N_SYMBOLS,
            "rates": RATES,
            "test": N_TEST,
        },
        seed=None,
        seconds=time.process_time() - begin,
        device="cpu",
        threads=1,
        data_sha256={},
        metrics={"rows": rows},
    )
    write_json(out, found)
    sys.stdout.write(f"{out}\n")


if __name__ == "__main__":
    main()

"""Train recurrent cells to recall one symbol across a lag, from several forget biases.

    python benchmarks/lesson04_recall.py [--out FILE]

The first token is one of four symbols, then come as many tokens of noise as the lag
says, then a question mark; the cell has to name the symbol. An LSTM is started with
forget biases of 0, 1, 3 and log(lag), a plain recurrent network with orthogonal
weights, at two widths. Everything else is the same. All seeds and biases of a width
are trained at once, as one batch of independent cells. Writes
notebooks/receipts/04_recall.json, which lesson 04 shows.
"""

import argparse
import shlex
import sys
import time
from math import log
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from minis2s import receipt
from minis2s.checkpoint import write_json

ROOT = Path(__file__).resolve().parents[1]
RECEIPT = ROOT / "notebooks" / "receipts" / "04_recall.json"
LAGS = (20, 60)
SEEDS = (0, 1, 2, 3, 4)
N_SYMBOLS, N_NOISE = 4, 4
VOCAB_SIZE = N_SYMBOLS + N_NOISE + 1
N_UPDATES, BATCH, LR, MAX_NORM = 400, 16, 0.01, 1.0
N_TEST = 200


def draw(
    rng: np.random.Generator, batch: int, lag: int
) -> tuple[Int[Tensor, "batch len"], Int[Tensor, " batch"]]:
    """Sequences of a symbol, `lag` tokens of noise and a question mark; the symbols."""
    symbol = rng.integers(N_SYMBOLS, size=batch)
    noise = rng.integers(N_SYMBOLS, N_SYMBOLS + N_NOISE, size=(batch, lag))
    question = np.full((batch, 1), VOCAB_SIZE - 1)
    ids = np.concatenate([symbol[:, None], noise, question], axis=1)
    return torch.from_numpy(ids), torch.from_numpy(symbol)


class Cells(nn.Module):
    """Independent cells of one kind and width, side by side: axis 0 is the cell.

    Args:
        biases: of the forget gates, one for each cell; None for plain networks.
        seeds: one for each cell.
        d_hidden: width of each.
    """

    def __init__(
        self, biases: list[float] | None, seeds: list[int], d_hidden: int
    ) -> None:
        super().__init__()
        self.gated = biases is not None
        rows = 4 * d_hidden if self.gated else d_hidden
        draws = [np.random.default_rng(seed) for seed in seeds]
        bound = d_hidden**-0.5

        def uniform(*shape: int) -> nn.Parameter:
            made = np.stack([rng.uniform(-bound, bound, size=shape) for rng in draws])
            return nn.Parameter(torch.from_numpy(made).float())

        self.input = uniform(VOCAB_SIZE, rows)
        self.hidden = uniform(d_hidden, rows)
        self.out = uniform(d_hidden, N_SYMBOLS)
        self.bias = nn.Parameter(torch.zeros(len(seeds), 1, rows))
        with torch.no_grad():
            if self.gated:
                self.bias[:, 0, d_hidden : 2 * d_hidden] = torch.tensor(biases)[:, None]
            else:
                self.hidden[:] = torch.linalg.qr(self.hidden)[0]

    def forward(self, ids: Int[Tensor, "batch len"]) -> Float[Tensor, "cell batch out"]:
        """What each cell says after the question mark."""
        h = self.hidden.new_zeros(len(self.hidden), len(ids), self.hidden.shape[1])
        c = h
        for t in range(ids.shape[1]):
            seen = self.input[:, ids[:, t]] + self.bias + h @ self.hidden
            if not self.gated:
                h = seen.tanh()
                continue
            i, f, g, o = seen.chunk(4, dim=-1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return h @ self.out


def train(cells: Cells, lag: int) -> list[float]:
    """Train every cell on the same sequences; the accuracy of each on new ones."""
    rng = np.random.default_rng(lag)
    optimizer = torch.optim.Adam(cells.parameters(), lr=LR)
    for _ in range(N_UPDATES):
        ids, symbol = draw(rng, BATCH, lag)
        logits = cells(ids)
        loss = nn.functional.cross_entropy(
            logits.flatten(0, 1), symbol.repeat(len(logits)), reduction="sum"
        )
        optimizer.zero_grad()
        (loss / BATCH).backward()
        clip(cells)
        optimizer.step()
    with torch.no_grad():
        ids, symbol = draw(rng, N_TEST, lag)
        right = (cells(ids).argmax(dim=-1) == symbol).float().mean(dim=-1)
    return [round(float(share), 4) for share in right]


def clip(cells: Cells) -> None:
    """Bound the norm of each cell's own gradient."""
    grads = [p.grad for p in cells.parameters()]
    norm = sum(grad.square().sum(dim=(1, 2)) for grad in grads).sqrt()
    scale = (MAX_NORM / norm.clamp(min=MAX_NORM))[:, None, None]
    for grad in grads:
        grad *= scale


def measure(lag: int) -> list[dict]:
    """Accuracies of all cells at one lag."""
    rows, biases = [], (0.0, 1.0, 3.0, round(log(lag), 2))
    started = [bias for bias in biases for _ in SEEDS]
    reached = train(Cells(started, [*SEEDS] * len(biases), 16), lag)
    for k, bias in enumerate(biases):
        found = reached[k * len(SEEDS) : (k + 1) * len(SEEDS)]
        rows.append({"cell": "LSTM", "d_hidden": 16, "bias": bias, "accuracy": found})
    for d_hidden in (16, 32):
        found = train(Cells(None, [*SEEDS], d_hidden), lag)
        rows.append(
            {"cell": "RNN", "d_hidden": d_hidden, "bias": None, "accuracy": found}
        )
    return [{"lag": lag} | row for row in rows]


def main() -> None:
    """Train, and write the receipt."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=RECEIPT)
    out = parser.parse_args().out
    torch.set_num_threads(1)
    start = time.process_time()
    rows = [row for lag in LAGS for row in measure(lag)]
    found = receipt.make_receipt(
        command=shlex.join(["python", "benchmarks/lesson04_recall.py"]),
        config={
            "lags": LAGS,
            "seeds": SEEDS,
            "updates": N_UPDATES,
            "batch": BATCH,
            "lr": LR,
            "max_norm": MAX_NORM,
            "test": N_TEST,
        },
        seed=None,
        seconds=time.process_time() - start,
        device="cpu",
        threads=1,
        data_sha256={},
        metrics={"rows": rows},
    )
    write_json(out, found)
    sys.stdout.write(f"{out}\n")


if __name__ == "__main__":
    main()

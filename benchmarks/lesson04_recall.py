"""Train recurrent cells to recall a symbol across a lag, told once or told twice.

    python benchmarks/lesson04_recall.py [--out FILE]

A symbol of four, as many tokens of noise as the lag says, then a question mark: which
symbol was it? Told twice, a second symbol and as much noise follow before the question,
which is about the second; the first has to go. Plain networks start from weights as
drawn and from orthogonal ones, at two widths, once with four times the updates; LSTMs
and GRUs from several biases of their gates. Else everything is the same, and the
network is that of lesson 04. A seed draws weights and sequences; all seeds and biases
of a width train at once, as one batch of independent cells. Writes
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
TASKS = ((1, 20), (1, 60), (2, 60))  # how often told, and the lag
SEEDS = (0, 1, 2, 3, 4)
N_SYMBOLS, N_NOISE = 4, 4
VOCAB_SIZE = N_SYMBOLS + N_NOISE + 1
N_UPDATES, BATCH, LR, MAX_NORM = 400, 16, 0.01, 1.0
N_TEST = 200
BLOCKS = {"RNN": 1, "GRU": 3, "LSTM": 4}  # r, z, n and i, f, g, o


def draw(
    rngs: list[np.random.Generator], batch: int, told: int, lag: int
) -> tuple[Int[np.ndarray, "seed batch len"], Int[np.ndarray, "seed batch"]]:
    """Sequences for each seed, and the symbol that was told last."""
    ids, answers = [], []
    for rng in rngs:
        symbols = rng.integers(N_SYMBOLS, size=(batch, told))
        row = rng.integers(N_SYMBOLS, VOCAB_SIZE - 1, size=(batch, told * (lag + 1)))
        row[:, :: lag + 1] = symbols
        ids.append(np.pad(row, ((0, 0), (0, 1)), constant_values=VOCAB_SIZE - 1))
        answers.append(symbols[:, -1])
    return np.stack(ids), np.stack(answers)


class Cells(nn.Module):
    """Independent cells of one kind and width, side by side: axis 0 is the cell.

    Args:
        kind: RNN, GRU or LSTM.
        starts: one dictionary for all five seeds: number of a block of gates -> its
            bias; or, for plain networks, {"orthogonal": whether}.
        d_hidden: width of each.
    """

    def __init__(self, kind: str, starts: list[dict], d_hidden: int) -> None:
        super().__init__()
        self.kind, rows = kind, BLOCKS[kind] * d_hidden
        rngs = [np.random.default_rng(seed) for _ in starts for seed in SEEDS]
        bound = d_hidden**-0.5

        def uniform(*shape: int) -> nn.Parameter:
            made = np.stack([rng.uniform(-bound, bound, size=shape) for rng in rngs])
            return nn.Parameter(torch.from_numpy(made).float())

        def zeros(width: int) -> nn.Parameter:
            return nn.Parameter(torch.zeros(len(rngs), 1, width))

        self.input = uniform(VOCAB_SIZE, rows)
        self.hidden, self.out = uniform(d_hidden, rows), uniform(d_hidden, N_SYMBOLS)
        self.bias, self.bias_out = zeros(rows), zeros(N_SYMBOLS)
        self.bias_hidden = zeros(rows if kind == "GRU" else 0)
        with torch.no_grad():
            for k, start in enumerate(starts):
                mine = slice(k * len(SEEDS), (k + 1) * len(SEEDS))
                if start.get("orthogonal"):
                    self.hidden[mine] = torch.linalg.qr(self.hidden[mine])[0]
                for block in start.keys() - {"orthogonal"}:
                    gate = slice(block * d_hidden, (block + 1) * d_hidden)
                    self.bias[mine, :, gate] = start[block]

    def forward(
        self, ids: Int[Tensor, "cell batch len"]
    ) -> Float[Tensor, "cell batch out"]:
        """What each cell says after the question mark."""
        n_cells, batch, length = ids.shape
        h = self.hidden.new_zeros(n_cells, batch, self.hidden.shape[1])
        c, each = h, torch.arange(n_cells)[:, None]
        for t in range(length):
            from_x = self.input[each, ids[:, :, t]] + self.bias
            from_h = h @ self.hidden
            if self.kind == "RNN":
                h = (from_x + from_h).tanh()
            elif self.kind == "LSTM":
                i, f, g, o = (from_x + from_h).chunk(4, dim=-1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
            else:
                x_r, x_z, x_n = from_x.chunk(3, dim=-1)
                h_r, h_z, h_n = (from_h + self.bias_hidden).chunk(3, dim=-1)
                z = (x_z + h_z).sigmoid()
                h = (1 - z) * (x_n + (x_r + h_r).sigmoid() * h_n).tanh() + z * h
        return h @ self.out + self.bias_out


def train(cells: Cells, told: int, lag: int, n_updates: int) -> list[list[float]]:
    """Train every cell on its seed's sequences; accuracies on new ones, by start."""
    rngs = [np.random.default_rng([seed, told, lag]) for seed in SEEDS]
    n_starts = len(cells.hidden) // len(SEEDS)

    def batch_of(size: int) -> tuple[Tensor, Tensor]:
        drawn = draw(rngs, size, told, lag)
        ids, answers = (torch.from_numpy(np.tile(a.T, n_starts).T) for a in drawn)
        return ids, answers

    optimizer = torch.optim.Adam(cells.parameters(), lr=LR)
    for _ in range(n_updates):
        ids, answers = batch_of(BATCH)
        loss = nn.functional.cross_entropy(
            cells(ids).flatten(0, 1), answers.flatten(), reduction="sum"
        )
        optimizer.zero_grad()
        (loss / BATCH).backward()
        clip(cells)
        optimizer.step()
    with torch.no_grad():
        ids, answers = batch_of(N_TEST)
        right = (cells(ids).argmax(dim=-1) == answers).float().mean(dim=-1)
    return [
        [round(float(share), 4) for share in row] for row in right.view(n_starts, -1)
    ]


def clip(cells: Cells) -> None:
    """Bound the norm of each cell's own gradient."""
    grads = [p.grad for p in cells.parameters() if p.grad is not None]
    norm = sum(grad.square().sum(dim=(1, 2)) for grad in grads).sqrt()
    scale = (MAX_NORM / norm.clamp(min=MAX_NORM))[:, None, None]
    for grad in grads:
        grad *= scale


def measure(told: int, lag: int) -> list[dict]:
    """Accuracies of all cells at one task."""
    hold = round(log(lag), 2)
    gated = {
        "LSTM": [
            *({1: bias} for bias in (0.0, 1.0, 3.0, hold)),
            {0: -hold, 1: hold},
            {0: -hold, 1: 0.0},
        ],
        "GRU": [{1: 0.0}, {1: 1.0}, {1: hold}],
    }
    plans = [(kind, starts, 16, N_UPDATES) for kind, starts in gated.items()]
    plain = [{"orthogonal": False}, {"orthogonal": True}]
    plans += [("RNN", plain, 16, N_UPDATES), ("RNN", plain[1:], 32, N_UPDATES)]
    plans += [("RNN", plain[1:], 16, 4 * N_UPDATES)]
    rows = []
    for kind, starts, d_hidden, n_updates in plans:
        found = train(Cells(kind, starts, d_hidden), told, lag, n_updates)
        for start, accuracy in zip(starts, found, strict=True):
            names = {"RNN": {}, "GRU": {1: "z"}, "LSTM": {0: "i", 1: "f"}}[kind]
            named = {names.get(key, key): value for key, value in start.items()}
            rows.append(
                {"told": told, "lag": lag, "cell": kind, "d_hidden": d_hidden}
                | {"updates": n_updates, "start": named, "accuracy": accuracy}
            )
        sys.stderr.write(f"told {told}, lag {lag}: {kind} {d_hidden}\n")
    return rows


def main() -> None:
    """Train, and write the receipt."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=RECEIPT)
    out = parser.parse_args().out
    torch.set_num_threads(1)
    start = time.process_time()
    rows = [row for told, lag in TASKS for row in measure(told, lag)]
    found = receipt.make_receipt(
        command=shlex.join(["python", "benchmarks/lesson04_recall.py"]),
        config={
            "tasks": TASKS,
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

"""Ask for strings longer than those trained on, and then say where to look.

    python benchmarks/lesson06_far.py [--out FILE]

The additive translators of benchmarks/lesson05_cliff.py, 250 updates, its rate and
seeds, were trained on 1 to 12 digits and are judged on 12 to 20: once as they are, and
once with the known alignment in the place of their scores. And a query is recorded at
step 12 of a string of 12 and put to the keys of a string of 14. At last both wings read
and write 50 strings of 12 with the same weights, on one thread. Writes
notebooks/receipts/06_far.json, which lesson 06 shows.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from lesson05_cliff import (
    FIRST_DIGIT,
    N_DIGITS,
    N_TEST,
    SEEDS,
    Setting,
    make_batch,
    train,
)
from torch import Tensor

from minis2s import bridge, receipt
from minis2s.checkpoint import write_json
from minis2s.text.tokenizers import PAD_ID
from minis2s.torch_nn.seq2seq import Seq2Seq

ROOT = Path(__file__).resolve().parents[1]
RECEIPT = ROOT / "notebooks" / "receipts" / "06_far.json"
LENGTHS, RATE, UPDATES = (12, 13, 14, 16, 20), 0.04, 250


def finger(
    query: Float[Tensor, "batch tgt_len d_query"],
    projected_key: Float[Tensor, "batch src_len d_score"],
) -> Float[Tensor, "batch tgt_len src_len"]:
    """Scores of the known alignment; the end mark looks at the end mark."""
    t, src_len = torch.arange(query.shape[1]), projected_key.shape[1]
    there = torch.nn.functional.one_hot((src_len - 2 - t) % src_len, src_len)
    return 60.0 * there.expand(len(query), -1, -1)


@torch.no_grad()
def share_right(model: Seq2Seq, strings: list) -> float:
    """Share of strings that are wholly right."""
    src, tgt_in, tgt_out = make_batch(strings)
    logits, _ = model(src, src != PAD_ID, tgt_in)
    return round((logits.argmax(-1) == tgt_out).all(dim=1).float().mean().item(), 4)


@torch.no_grad()
def borrowed(model: Seq2Seq, short: list, long: list) -> list[float]:
    """Weights on the first three digits of 14, for a query from step 12 of 12."""
    attention, asked = model.decoder.attention, []
    attention.score = lambda query, key: (
        asked.append(query) or type(attention).score(attention, query, key)
    )
    src, tgt_in, _ = make_batch(short)
    model(src, src != PAD_ID, tgt_in)
    del attention.score
    src, *_ = make_batch(long)
    memory = model.encode(src, src != PAD_ID)
    score = attention.score(asked[0][:, 11:12], memory.key)
    return [round(w, 4) for w in score.softmax(-1).mean(dim=(0, 1))[:3].tolist()]


def best_of_twenty(run: Callable[[], object]) -> float:
    """Milliseconds of the quickest of twenty runs."""
    found = []
    for _ in range(20):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return round(1000 * min(found), 1)


@torch.no_grad()
def wings(model: Seq2Seq, strings: list) -> dict[str, float]:
    """Milliseconds of a forward pass, in torch and in NumPy."""
    src, tgt_in, _ = make_batch(strings)
    twin = bridge.to_numpy(model)
    arrays = src.numpy(), (src != PAD_ID).numpy(), tgt_in.numpy()
    return {
        "torch": best_of_twenty(lambda: model(src, src != PAD_ID, tgt_in)),
        "numpy": best_of_twenty(lambda: twin.forward(*arrays)),
    }


def measure(seed: int) -> dict:
    """Train one translator and judge it on every length, free and led."""
    torch.set_num_threads(1)
    model, *_ = train(Setting("additive", updates=UPDATES, lr=RATE, seed=seed))
    rng = np.random.default_rng(seed)
    row = {"seed": seed, "free": {}, "led": {}}
    strings = {
        length: [
            rng.integers(FIRST_DIGIT, FIRST_DIGIT + N_DIGITS, size=length)
            for _ in range(N_TEST)
        ]
        for length in LENGTHS
    }
    row["milliseconds"] = wings(model, strings[12][:50])
    row["borrowed"] = borrowed(model, strings[12], strings[14])
    for length, some in strings.items():
        row["free"][length] = share_right(model, some)
        model.decoder.attention.score = finger
        row["led"][length] = share_right(model, some)
        del model.decoder.attention.score
    return row


def main() -> None:
    """Train, judge, and write the receipt."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=RECEIPT)
    out = parser.parse_args().out
    start = time.process_time()
    rows = [measure(seed) for seed in SEEDS]
    found = receipt.make_receipt(
        command="python benchmarks/lesson06_far.py",
        config={"lengths": LENGTHS, "lr": RATE, "updates": UPDATES, "seeds": SEEDS},
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

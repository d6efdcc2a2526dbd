"""Train small translators on the grammar, and ask them for the seven captions.

    python benchmarks/lesson05_translator.py [--attention KIND ...] [--out FILE]

Each reads grammar-de-en by words and is trained for ten passes, in three seeds. By
default there are two, neither of which looks at the source again: one whose decoder
knows it by its first state, one whose decoder is given the same vector at every step.
Widths, steps and data are the same; the second has more parameters, and both counts
stand in the receipt. Each is scored on the grammar's test text and on the captions, as
it translates by itself and with a teacher. Writes
notebooks/receipts/05_translator.json, which lesson 05 shows.
"""

import argparse
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from minis2s import metrics, receipt
from minis2s.checkpoint import write_json
from minis2s.config import ATTENTIONS, DecodeConfig, RNNConfig, TrainConfig
from minis2s.text import corpora
from minis2s.text.batching import encode_pairs, make_batch
from minis2s.text.corpora import ParallelText
from minis2s.text.tokenizers import EOS_ID, WordTokenizer, split_words
from minis2s.torch_nn.models import make_model
from minis2s.torch_nn.train import TrainState, to_device, train, validation_loss
from minis2s.torch_nn.translator import Translator

ROOT = Path(__file__).resolve().parents[1]
RECEIPT = ROOT / "notebooks" / "receipts" / "05_translator.json"
SEEDS = (1, 2, 3)
SIZES = {"d_embed": 64, "d_hidden": 64, "d_decoder": 128, "dropout": 0.1}
TRAIN = TrainConfig(epochs=10, batch_tokens=512, lr=0.005, warmup_steps=100)
MIN_COUNT, MAX_LEN = 2, 60
BINS = (0, 5, 7, 9, 11, 99)
"""Source words, marks included: the edges of the bins."""


def load(name: str, split: str) -> ParallelText:
    """One split, German to English."""
    return corpora.load(name, split, "de", "en")


def fit(
    attention: str,
    seed: int,
    text: ParallelText,
    make_model: Callable[[RNNConfig], torch.nn.Module] = make_model,
) -> Translator:
    """A translator, trained."""
    tokenizer = WordTokenizer.learn([*text.src, *text.tgt], 4000, MIN_COUNT)
    config = RNNConfig(vocab_size=len(tokenizer.pieces), attention=attention, **SIZES)
    state = TrainState(
        lambda: make_model(config), TRAIN, seed=seed, device=torch.device("cpu")
    )
    pairs = encode_pairs(text, tokenizer, MAX_LEN)
    valid = encode_pairs(load("grammar-de-en", "valid"), tokenizer, MAX_LEN)

    def validate(model: torch.nn.Module) -> dict[str, float]:
        return {"loss": validation_loss(model, valid, 2048, state.device)}

    for _ in train(state, pairs, validate):
        pass
    return Translator(state.model.eval(), tokenizer, MAX_LEN)


def measure(translator: Translator, text: ParallelText) -> dict[str, Any]:
    """Whole sentences that are right, by source length, and BLEU."""
    outputs = translator.translate_text(text.src, DecodeConfig())
    right = np.array([a == b for a, b in zip(outputs, text.tgt, strict=True)])
    n_words = np.array([len(split_words(line)) for line in text.src])
    rows = [(n_words > low) & (n_words <= high) for low, high in pairwise(BINS)]
    score = metrics.bleu(outputs, text.tgt, "en")
    return {
        "exact": int(right.sum()),
        "sentences": len(right),
        "bleu": round(score.value, 2),
        "signature": score.signature,
        "by_length": [[int(right[r].sum()), int(r.sum())] for r in rows],
        "outputs": outputs[:7],
    }


@torch.inference_mode()
def with_a_teacher(translator: Translator, text: ParallelText) -> dict[str, Any]:
    """Tokens that are right given the true ones before, and how greedy search differs.

    Of sentences with an error: the tokens behind the first one that are right, with the
    true tokens before them, and with the model's own.
    """
    pairs = encode_pairs(text, translator.tokenizer, MAX_LEN)
    found = translator.translate([*text.src], DecodeConfig())
    hits = whole = after = guided = alone = n_tokens = agree = done = 0
    for i, line in enumerate(pairs.lines):
        batch = make_batch(pairs, [i])
        src, mask, tgt_in, _ = to_device(batch, torch.device("cpu"))
        said = translator.model(src, mask, tgt_in)[0][0].argmax(dim=-1).numpy()
        wanted = batch.tgt_out[0]
        own = found[line].tokens
        right = said == wanted
        hits, n_tokens = hits + int(right.sum()), n_tokens + len(wanted)
        whole += bool(right.all())
        agree += bool(right.all()) == (own == wanted.tolist())
        done += 1
        if not right.all():
            first = int(right.argmin()) + 1
            own = np.array([*own, *[EOS_ID] * len(wanted)])[: len(wanted)]
            after += len(wanted) - first
            guided += int(right[first:].sum())
            alone += int((own == wanted)[first:].sum())
    return {
        "token_accuracy": round(hits / n_tokens, 4),
        "whole": whole,
        "agree": agree,
        "sentences": done,
        "after_first_error": {
            "tokens": after,
            "with_teacher": round(guided / max(after, 1), 4),
            "alone": round(alone / max(after, 1), 4),
        },
    }


def run(attention: str, seed: int) -> dict[str, Any]:
    """One training, and all that is measured of it."""
    text, test = load("grammar-de-en", "train"), load("grammar-de-en", "test")
    start = time.process_time()
    translator = fit(attention, seed, text)
    seconds = time.process_time() - start
    few = ParallelText(text.src[:1000], text.tgt[:1000], "")
    return {
        "attention": attention,
        "seed": seed,
        "n_parameters": sum(p.numel() for p in translator.model.parameters()),
        "cpu_seconds": round(seconds, 1),
        "train": measure(translator, few),
        "test": measure(translator, test),
        "captions": measure(translator, load("captions-de-en", "test")),
        "teacher": with_a_teacher(translator, test),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Train, and write the receipt."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--attention", nargs="+", choices=ATTENTIONS, default=["none", "fixed"]
    )
    parser.add_argument("--out", type=Path, default=RECEIPT)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    start = time.perf_counter()
    rows = [run(kind, seed) for kind in args.attention for seed in SEEDS]
    command = ["python", "benchmarks/lesson05_translator.py"]
    if args.attention != ["none", "fixed"]:
        command += ["--attention", *args.attention]
    found = receipt.make_receipt(
        command=shlex.join(command),
        config={"model": SIZES, "train": asdict(TRAIN), "bins": BINS},
        seed=None,
        seconds=time.perf_counter() - start,
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
    write_json(args.out, found)
    sys.stdout.write(f"{args.out}\n")


if __name__ == "__main__":
    main()

"""Climb from a network without attention to the Transformer, on the same subwords.

    python benchmarks/ladder.py    (needs Multi30k in the cache)

Six models learn the same pairs, cut into the same subwords, in batches of the same
size, for the same number of passes. Then each translates the test set, greedily and
with a beam of 5. Recurrent rungs have the same widths; the decoder's state is as wide
as the encoder's two directions together, since a dot product compares equal widths.

On a GPU: three seeds and 30 passes. On a CPU: one seed and 8 passes, which the receipt
says. Interrupted, the same command goes on where it stopped; finished rungs are kept
in runs/ladder. With numbers of rungs, counted from 0, those are trained and nothing is
scored, so that several processes can share the work:

    python benchmarks/ladder.py 0 1 2

Writes benchmarks/receipts/ladder.json, from which README's tables are made. It holds
scores alone: no sentence of the corpus. Where the models looked in our own captions,
made to say our own translations, is kept in benchmarks/receipts/ladder-attention/, one
file a rung: `NNN` is the attention (layer, head, tgt, src) of caption NNN, `NNN.src`
and `NNN.tgt` the word that each token belongs to.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save
from training import MULTI30K, scores, trained, translated

from minis2s import metrics, receipt
from minis2s.checkpoint import load_run, write_json
from minis2s.config import InputError
from minis2s.text.corpora import ParallelText, load
from minis2s.text.files import write_whole
from minis2s.text.tokenizers import word_groups
from minis2s.torch_nn.translator import Translator

ROOT = Path(__file__).resolve().parents[1]
RECEIPT = ROOT / "benchmarks" / "receipts" / "ladder.json"
MAPS = ROOT / "benchmarks" / "receipts" / "ladder-attention"
RUNS = Path("runs") / "ladder"
SPLIT = "test_2016_flickr"

ON_GPU = torch.cuda.is_available()
SEEDS = (1, 2, 3) if ON_GPU else (1,)
EPOCHS = 30 if ON_GPU else 8
VOCAB_SIZE = 4000
SAME = {
    "tokenizer.vocab_size": VOCAB_SIZE,
    "train.epochs": EPOCHS,
    "train.batch_tokens": 1024,
    "train.lr": 0.003,
    "train.warmup_steps": 500,
    "train.select": "loss",
    "train.precision": "bfloat16",
    "model.dropout": 0.2,
}
RECURRENT = {"model.d_hidden": 192, "model.d_decoder": 384}

RUNGS: dict[str, tuple[str, dict[str, object]]] = {
    "LSTM, no attention": ("rnn", {"model.attention": "none"}),
    "GRU, context at every step": (
        "rnn",
        {"model.cell": "gru", "model.attention": "fixed"},
    ),
    "LSTM, additive attention": ("rnn", {"model.attention": "additive"}),
    "LSTM, dot attention": ("rnn", {"model.attention": "dot"}),
    "LSTM, general attention": ("rnn", {"model.attention": "general"}),
    "Transformer": ("transformer", {}),
}
"""Name -> family, and what differs from its preset `small` and from SAME."""

BINS = ((1, 8), (9, 11), (12, 14), (15, 18), (19, 99))
"""Least and greatest number of words in a source sentence."""


def train(name: str, seed: int) -> tuple[Path, dict]:
    """The folder of a rung's run, and its receipt."""
    family, settings = RUNGS[name]
    settings = {**SAME, **(RECURRENT if family == "rnn" else {}), **settings}
    flags = ["--model", family, "--preset", "small", "--seed", str(seed)]
    out = RUNS / f"{_slug(name)}-{seed}"
    return out, trained(out, *MULTI30K, *flags, "--threads", "1", settings=settings)


def _slug(name: str) -> str:
    return name.lower().replace(",", "").replace(" ", "-")


def score(translator: Translator, text: ParallelText, n_beams: int) -> dict:
    """Translate a text; both BLEUs, and BLEU by the length of the source."""
    began = time.perf_counter()
    outputs = translated(translator, text, n_beams)
    seconds = round(time.perf_counter() - began, 1)
    return {
        "beam": n_beams,
        **scores(outputs, text),
        "by_length": by_length(text, outputs),
        "seconds": seconds,
    }


def by_length(text: ParallelText, outputs: list[str]) -> list[dict]:
    """BLEU of the sentences of each bin, and how many there are."""
    rows = []
    for least, most in BINS:
        inside = [i for i, s in enumerate(text.src) if least <= len(s.split()) <= most]
        value = metrics.bleu(
            [outputs[i] for i in inside], [text.tgt[i] for i in inside], "en"
        ).value
        rows.append({"words": [least, most], "sentences": len(inside), "bleu": value})
    return rows


def keep_maps(name: str, translator: Translator, captions: ParallelText) -> None:
    """Where the model looks in our captions while it says our translations."""
    arrays = {}
    for i, (src, tgt) in enumerate(zip(captions.src, captions.tgt, strict=True)):
        looked = translator.attend(src, tgt)
        arrays[f"{i:03}"] = looked.attention.astype(np.float16)
        sides = {"src": translator.encode(src), "tgt": looked.tokens}
        for side, ids in sides.items():
            _, group = word_groups(translator.tokenizer, ids)
            arrays[f"{i:03}.{side}"] = np.array(group, dtype=np.int16)
    MAPS.mkdir(parents=True, exist_ok=True)
    write_whole(MAPS / f"{_slug(name)}.safetensors", save(arrays))


def climb(name: str, text: ParallelText, captions: ParallelText) -> list[dict]:
    """Train and score one rung with every seed."""
    rows = []
    for seed in SEEDS:
        out, made = train(name, seed)
        translator = Translator.from_run(load_run(out), "cuda" if ON_GPU else "cpu")
        facts = {
            "n_parameters": made["n_parameters"],
            "valid_loss": made["metrics"]["valid_loss"],
            "training_seconds": made["seconds"],
            "training_commit": made["commit"],
        }
        for n_beams in (1, 5):
            found = score(translator, text, n_beams)
            rows.append({"rung": name, "seed": seed, **found, **facts})
            print(json.dumps(rows[-1]), flush=True)
        if seed == SEEDS[0] and translator.attend(captions.src[0], "a").attention.size:
            keep_maps(name, translator, captions)
    return rows


def main() -> None:
    """Climb every rung, print and keep the receipt; or train the rungs named."""
    started = time.perf_counter()
    text = load("multi30k", SPLIT, "de", "en")
    if numbers := sys.argv[1:]:
        for number in numbers:
            for seed in SEEDS:
                train(list(RUNGS)[int(number)], seed)
        return
    captions = load("captions-de-en", "test", "de", "en")
    rows = [row for name in RUNGS for row in climb(name, text, captions)]
    found = receipt.make_receipt(
        command="python benchmarks/ladder.py",
        config={"same": SAME, "recurrent": RECURRENT, "rungs": RUNGS},
        seed=None,
        seconds=time.perf_counter() - started,
        device=torch.cuda.get_device_name() if ON_GPU else "cpu",
        threads=1,
        data_sha256={f"multi30k {SPLIT}": text.sha256, "captions": captions.sha256},
        metrics={"rows": rows, "seeds": SEEDS, "epochs": EPOCHS},
    )
    write_json(RECEIPT, found)
    print(RECEIPT.relative_to(ROOT))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:  # Multi30k is not here; the message says how to get it
        print(f"ladder: {error}", file=sys.stderr)
        sys.exit(2)

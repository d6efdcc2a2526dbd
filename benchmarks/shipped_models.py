"""Score the shipped models on Multi30k's test set, greedy and with a beam of 5.

    python benchmarks/shipped_models.py    (needs Multi30k in the cache)

Writes benchmarks/receipts/shipped-models.json, from which README's table is made. It
holds scores alone: no sentence of the corpus.
"""

import json
import sys
import time
from pathlib import Path

import torch

from minis2s import metrics, receipt
from minis2s.checkpoint import load_run, write_json
from minis2s.config import DecodeConfig, InputError
from minis2s.text.corpora import ParallelText, load
from minis2s.torch_nn.translator import Translator

ROOT = Path(__file__).resolve().parents[1]
MODELS = sorted((ROOT / "data" / "models").iterdir())
RECEIPT = ROOT / "benchmarks" / "receipts" / "shipped-models.json"
TEXTS = (("multi30k", "test_2016_flickr"), ("captions-de-en", "test"))


def score(translator: Translator, text: ParallelText, n_beams: int) -> dict:
    """Translate a text and compare it with its reference."""
    started = time.perf_counter()
    outputs = translator.translate_text(text.src, DecodeConfig(n_beams=n_beams))
    seconds = time.perf_counter() - started
    bleu = metrics.bleu(outputs, text.tgt, "en")
    return {
        "beam": n_beams,
        "sentences": len(text),
        "bleu": bleu.value,
        "signature": bleu.signature,
        "bleu_lowercase": metrics.bleu(outputs, text.tgt, "en", lowercase=True).value,
        "chrf": metrics.chrf(outputs, text.tgt).value,
        "exact_match": metrics.exact_match(outputs, text.tgt),
        "seconds": round(seconds, 2),
    }


def main() -> None:
    """Measure, print and keep the receipt."""
    started = time.perf_counter()
    rows, hashes = [], {}
    for model in MODELS:
        run = load_run(model)
        translator = Translator.from_run(run)
        for corpus, split in TEXTS:
            text = load(corpus, split, run.src, run.tgt)
            hashes[f"{corpus} {split}"] = text.sha256
            for n_beams in (1, 5):
                row = {"model": model.name, "corpus": corpus, "split": split}
                row |= score(translator, text, n_beams)
                print(json.dumps(row), flush=True)
                rows.append(row)
    found = receipt.make_receipt(
        command="python benchmarks/shipped_models.py",
        config={"alpha": DecodeConfig().alpha},
        seed=None,
        seconds=time.perf_counter() - started,
        device="cpu",
        threads=torch.get_num_threads(),
        data_sha256=hashes,
        metrics={"rows": rows},
        model_bytes={
            model.name: sum(file.stat().st_size for file in model.iterdir())
            for model in MODELS
        },
    )
    RECEIPT.parent.mkdir(exist_ok=True)
    write_json(RECEIPT, found)
    print(RECEIPT.relative_to(ROOT))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:  # Multi30k is not here; the message says how to get it
        print(f"shipped_models: {error}", file=sys.stderr)
        sys.exit(2)

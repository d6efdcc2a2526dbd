"""Count unknown words of Multi30k's test text, with an honest and a leaking vocabulary.

    python benchmarks/lesson01_leak.py [--out FILE]

The honest vocabulary is made of the German training text, the leaking one of training,
validation and test text together, as in a well-known notebook. Each is made twice, of
all words and of those that occur at least twice. No model is trained: an unknown word
is one that has no id. Writes notebooks/receipts/01_leak.json, which lesson 01 shows.
"""

import argparse
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from minis2s import receipt
from minis2s.checkpoint import write_json
from minis2s.text import corpora
from minis2s.text.tokenizers import split_words

ROOT = Path(__file__).resolve().parents[1]
RECEIPT = ROOT / "notebooks" / "receipts" / "01_leak.json"
SPLITS = ("train", "val", "test_2016_flickr")


def count(lines: Iterable[list[str]]) -> Counter[str]:
    """How often each word occurs."""
    return Counter(word for line in lines for word in line)


def unknown(lines: list[list[str]], known: set[str]) -> dict[str, float | int]:
    """How many words, and how many sentences with such a word, are unknown."""
    words = [word not in known for line in lines for word in line]
    hit = [any(word not in known for word in line) for line in lines]
    return {
        "vocabulary": len(known),
        "unknown_words": sum(words),
        "unknown_share": round(sum(words) / len(words), 5),
        "sentences_hit_share": round(sum(hit) / len(hit), 5),
    }


def main() -> None:
    """Count, and write the receipt."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=RECEIPT)
    out = parser.parse_args().out
    start = time.perf_counter()
    texts = {name: corpora.load("multi30k", name, "de", "en") for name in SPLITS}
    words = {n: [split_words(line) for line in text.src] for n, text in texts.items()}
    train, *others = map(count, words.values())
    sources = {"honest": train, "leaking": sum(others, train)}
    test = words[SPLITS[-1]]
    rows = [
        {"source": name, "min_count": least}
        | unknown(test, {word for word, n in counts.items() if n >= least})
        for least in (1, 2)
        for name, counts in sources.items()
    ]
    found = receipt.make_receipt(
        command=shlex.join(["python", "benchmarks/lesson01_leak.py"]),
        config={"corpus": "multi30k", "language": "de", "splits": SPLITS},
        seed=None,
        seconds=time.perf_counter() - start,
        device="cpu",
        threads=1,
        data_sha256={name: text.sha256 for name, text in texts.items()},
        metrics={"test_words": sum(map(len, test)), "rows": rows},
    )
    write_json(out, found)
    sys.stdout.write(f"{out}\n")


if __name__ == "__main__":
    main()

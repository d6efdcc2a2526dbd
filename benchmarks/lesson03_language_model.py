"""Train language models whose gradient goes back k steps, and ask how a question ends.

    python benchmarks/lesson03_language_model.py [--out FILE]

A recurrent language model reads the English side of grammar-de-en, by words or by
characters. In each run the gradient is handed back through at most k steps of a piece;
data, initial weights and everything else are the same. Afterwards each test sentence is
read up to its last mark, which its first words decide, and the model's preference for
"?" to "." is noted. Of all pairs of a question and a statement, how many does that
preference put in order? Counts of pairs of words are the baseline. Of a model that
reads words, the road is noted as well: how much of the gradient of a question's mark
arrives one word earlier, two words earlier, up to ten.

A run that is in FILE already is not repeated. Writes
notebooks/receipts/03_language_model.json, which lesson 03 shows.
"""

import argparse
import json
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from minis2s import receipt
from minis2s.checkpoint import write_json
from minis2s.numpy_ref import language_model as numpy_wing
from minis2s.text import corpora
from minis2s.text.corpora import ParallelText
from minis2s.text.tokenizers import split_words
from minis2s.torch_nn import language_model as torch_wing

ROOT = Path(__file__).resolve().parents[1]
RECEIPT = ROOT / "notebooks" / "receipts" / "03_language_model.json"
SEEDS = (0, 1, 2, 3, 4)
BINS = (0, 6, 8, 10, 99)
"""Units of a sentence, its mark included: the edges of the bins."""
MARKS = ("?", ".")
ROAD_UNITS = 12
"""Units of the questions on whose road a gradient goes back: a line's end, ten words
and the mark."""


@dataclass(frozen=True)
class Setting:
    """What a run is like, apart from its seed."""

    unit: str
    """words or characters"""
    k: int
    """steps that a gradient goes back; a whole piece at most"""
    length: int
    """steps of a piece"""
    n_steps: int
    """updates at the rate `lr`"""
    n_last: int
    """updates at a fifth of it, after those"""
    batch_size: int = 32
    d_embed: int = 32
    d_hidden: int = 64
    lr: float = 0.01


BY_WORDS = [
    Setting("words", k, length=16, n_steps=400, n_last=200) for k in (1, 2, 4, 8, 16)
]
BY_CHARACTERS = [Setting("characters", 64, length=64, n_steps=900, n_last=300)]
SPLITTERS: dict[str, Callable[[str], list[str]]] = {
    "words": split_words,
    "characters": list,
}


class Reader:
    """One text, cut into units with ids; a line ends in a unit of its own."""

    def __init__(self, unit: str, train: list[str], test: list[str]) -> None:
        self.split = SPLITTERS[unit]
        units = [u for line in train for u in [*self.split(line), "\n"]]
        self.id_of = {unit: i for i, unit in enumerate(sorted(set(units)))}
        self.ids = np.array([self.id_of[u] for u in units])
        known = [line for line in test if self.id_of.keys() >= {*self.split(line)}]
        self.test = [line for line in known if line[-1] in MARKS]

    def encode(self, line: str) -> list[int]:
        """The ids of a line, with the end of the line before it."""
        return [self.id_of[unit] for unit in ["\n", *self.split(line)]]

    @property
    def test_ids(self) -> np.ndarray:
        """The test text as one row."""
        return np.array([i for line in self.test for i in self.encode(line)])


def mark_scores(model: numpy_wing.LanguageModel, reader: Reader) -> dict[str, object]:
    """How often the model prefers the right mark, whole and by distance."""
    lines = [reader.encode(line)[:-1] for line in reader.test]
    ids = np.zeros((len(lines), max(map(len, lines))), dtype=int)
    for row, line in zip(ids, lines, strict=True):
        row[: len(line)] = line
    logits, _, _ = model.forward(ids)
    last = logits[np.arange(len(lines)), [len(line) - 1 for line in lines]]
    preference = last[:, reader.id_of["?"]] - last[:, reader.id_of["."]]
    asked = np.array([line[-1] == "?" for line in reader.test])
    return {
        **both_sides(preference, asked),
        "by_length": by_length(preference, asked, reader.test),
    }


def by_length(
    preference: np.ndarray, asked: np.ndarray, lines: list[str]
) -> list[float]:
    """The pairs in order among the sentences of each bin of lengths."""
    n_words = np.array([len(split_words(line)) for line in lines])
    near = [(n_words > low) & (n_words <= high) for low, high in pairwise(BINS)]
    return [order(preference[rows], asked[rows]) for rows in near]


def road(model: numpy_wing.LanguageModel, reader: Reader) -> list[float]:
    """log10 of what is left of a gradient, 0 to ten words back from a question's mark.

    Norms over all test questions of ten words and a mark, together.
    """
    asked = [reader.encode(line) for line in reader.test if line[-1] == "?"]
    ids = np.array([line for line in asked if len(line) == ROAD_UNITS])
    embedded, _ = model.embedding.forward(ids[:, :-1])
    outputs, _, _ = model.recurrent.forward(embedded)
    logits, _ = model.output.forward(outputs[:, -1:])
    _, cache = numpy_wing.next_loss_forward(logits, ids[:, -1:])
    grad_logits = numpy_wing.next_loss_backward(1.0, cache)
    grad_h = grad_logits[:, 0] @ model.output.params["weight"]
    norms = [np.linalg.norm(grad_h)]
    for h in outputs.swapaxes(0, 1)[:0:-1]:
        grad_h = (grad_h * (1 - h**2)) @ model.recurrent.params["weight_hidden"]
        norms.append(np.linalg.norm(grad_h))
    return [round(float(step), 3) for step in np.log10(np.array(norms) / norms[0])]


def roads(
    model: numpy_wing.LanguageModel, reader: Reader, seed: int
) -> dict[str, object]:
    """The road and the spectral radius, as trained and as they were at birth."""
    rng = np.random.default_rng(seed)
    sizes = model.embedding.params["weight"].shape
    d_hidden = len(model.recurrent.params["weight_hidden"])
    born = numpy_wing.LanguageModel(*sizes, d_hidden, "rnn", rng)
    return {
        "road": road(model, reader),
        "road_at_birth": road(born, reader),
        "radius": radius(model),
        "radius_at_birth": radius(born),
    }


def radius(model: numpy_wing.LanguageModel) -> float:
    """The spectral radius of the matrix between states."""
    values = np.linalg.eigvals(model.recurrent.params["weight_hidden"])
    return round(float(np.abs(values).max()), 3)


def both_sides(preference: np.ndarray, asked: np.ndarray) -> dict[str, float]:
    """The pairs in order, and how often each kind gets its mark."""
    return {
        "order": order(preference, asked),
        "questions_right": share(preference[asked] > 0),
        "statements_right": share(preference[~asked] <= 0),
    }


def order(preference: np.ndarray, asked: np.ndarray) -> float:
    """Share of the pairs of a question and a statement that it puts in order.

    A tie counts half, so that a coin gets a half: the area under the ROC curve.
    """
    gaps = preference[asked][:, None] - preference[~asked]
    return share((gaps > 0) + 0.5 * (gaps == 0))


def share(hits: np.ndarray) -> float:
    """A mean, to four digits."""
    return round(float(hits.mean()), 4)


def train(setting: Setting, seed: int, reader: Reader) -> dict[str, object]:
    """Train one model, and measure it."""
    rng = np.random.default_rng(seed)
    model = numpy_wing.LanguageModel(
        len(reader.id_of), setting.d_embed, setting.d_hidden, "rnn", rng
    )
    model.load({n: p.astype(np.float32) for n, p in model.named_parameters()})
    model.recurrent.backward = partial(model.recurrent.backward, truncate=setting.k)
    start = time.process_time()
    for n_steps, lr in phases(setting):
        for record in numpy_wing.train_language_model(
            model, reader.ids, n_steps=n_steps, lr=lr, **sizes(setting)
        ):
            loss = record.loss
    seconds = time.process_time() - start
    return {
        **asdict(setting),
        "seed": seed,
        "train_nats": round(loss, 4),
        "test_nats": round(
            float(numpy_wing.evaluate_language_model(model, reader.test_ids)), 4
        ),
        **mark_scores(model, reader),
        **(roads(model, reader, seed) if setting.unit == "words" else {}),
        "cpu_seconds": round(seconds, 2),
    }


def phases(setting: Setting) -> list[tuple[int, float]]:
    """Updates and learning rate, of the long run and of the settling."""
    return [(setting.n_steps, setting.lr), (setting.n_last, setting.lr / 5)]


def sizes(setting: Setting) -> dict[str, int]:
    """The sizes that either wing's train_language_model takes."""
    return {"batch_size": setting.batch_size, "length": setting.length}


def bigram(reader: Reader) -> dict[str, float]:
    """Counts of pairs of words, plus a hundredth for pairs that were never seen."""
    n_units = len(reader.id_of)
    counts = np.full((n_units, n_units), 0.01)
    np.add.at(counts, (reader.ids[:-1], reader.ids[1:]), 1.0)
    log_prob = np.log(counts / counts.sum(axis=1, keepdims=True))
    ids = reader.test_ids
    question, stop = (reader.id_of[mark] for mark in MARKS)
    last = [reader.encode(line)[-2] for line in reader.test]
    asked = np.array([line[-1] == "?" for line in reader.test])
    preference = log_prob[last, question] - log_prob[last, stop]
    return {
        "test_nats": round(-float(log_prob[ids[:-1], ids[1:]].mean()), 4),
        **both_sides(preference, asked),
        "by_length": by_length(preference, asked, reader.test),
    }


def in_bins(reader: Reader) -> dict[str, list[int]]:
    """How many test sentences of either kind each bin of lengths holds."""
    lengths = {
        mark: [len(split_words(line)) for line in reader.test if line[-1] == mark]
        for mark in MARKS
    }
    return {
        mark: [sum(low < n <= high for n in found) for low, high in pairwise(BINS)]
        for mark, found in lengths.items()
    }


def cpu_times(setting: Setting, reader: Reader, n_steps: int = 20) -> dict[str, float]:
    """Milliseconds of processor time for an update, in either wing, in float32."""
    widths = len(reader.id_of), setting.d_embed, setting.d_hidden, "rnn"
    arguments = {**sizes(setting), "lr": setting.lr, "n_steps": n_steps + 1}
    ours = numpy_wing.LanguageModel(*widths, np.random.default_rng(0))
    ours.load({n: p.astype(np.float32) for n, p in ours.named_parameters()})
    steps = {
        "numpy": numpy_wing.train_language_model(ours, reader.ids, **arguments),
        "torch": torch_wing.train_language_model(
            torch_wing.LanguageModel(*widths),
            torch.from_numpy(reader.ids),
            **arguments,
        ),
    }
    for records in steps.values():
        next(records)
    spent = Counter()
    for _ in range(n_steps):  # in turns, so that whatever else runs slows both
        for name, records in steps.items():
            start = time.process_time()
            next(records)
            spent[name] += time.process_time() - start
    return {name: round(1000 * s / n_steps, 2) for name, s in spent.items()}


def jobs() -> Iterator[tuple[Setting, int]]:
    """Every run, one seed after the other."""
    for seed in SEEDS:
        yield from ((setting, seed) for setting in BY_WORDS)
    for seed in SEEDS[:3]:
        yield from ((setting, seed) for setting in BY_CHARACTERS)


def is_row(row: dict[str, object], setting: Setting, seed: int) -> bool:
    """Whether a row of the receipt is of this run."""
    wanted = {**asdict(setting), "seed": seed}
    same = all(row.get(name) == value for name, value in wanted.items())
    return same and (setting.unit != "words" or "road" in row)


def finished(out: Path, texts: dict[str, ParallelText]) -> list[dict[str, object]]:
    """The runs that the receipt holds, if they read the same text."""
    if not out.exists():
        return []
    found = json.loads(out.read_text())
    same = found["data_sha256"] == {name: text.sha256 for name, text in texts.items()}
    return found["metrics"]["rows"] if same else []


def save(
    out: Path,
    rows: list[dict[str, object]],
    facts: dict[str, object],
    texts: dict[str, ParallelText],
) -> None:
    """Write the receipt of what is done so far."""
    found = receipt.make_receipt(
        command=shlex.join(["python", "benchmarks/lesson03_language_model.py"]),
        config={"corpus": "grammar-de-en", "side": "en", "cell": "rnn", "bins": BINS},
        seed=None,
        seconds=sum(row["cpu_seconds"] for row in rows),
        device="cpu",
        threads=1,
        data_sha256={name: text.sha256 for name, text in texts.items()},
        metrics={**facts, "rows": rows},
    )
    write_json(out, found)


def main() -> None:
    """Train what is missing, and write the receipt after each run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=RECEIPT)
    out = parser.parse_args().out
    torch.set_num_threads(1)
    texts = {n: corpora.load("grammar-de-en", n, "de", "en") for n in ("train", "test")}
    sides = texts["train"].tgt, texts["test"].tgt
    readers = {unit: Reader(unit, *sides) for unit in SPLITTERS}
    words = readers["words"]
    facts = {
        "test_sentences": {unit: len(r.test) for unit, r in readers.items()},
        "questions": sum(line[-1] == "?" for line in words.test),
        "in_bins": in_bins(words),
        "bigram": bigram(words),
        "cpu_ms_per_update": cpu_times(BY_WORDS[-1], words),
    }
    rows = finished(out, texts)
    for setting, seed in jobs():
        if any(is_row(row, setting, seed) for row in rows):
            continue
        rows.append(train(setting, seed, readers[setting.unit]))
        save(out, rows, facts, texts)
        sys.stderr.write(f"{rows[-1]}\n")
    sys.stdout.write(f"{out}\n")


if __name__ == "__main__":
    main()

"""Write README's tables from receipts and from config.py, so that none is typed.

python benchmarks/tables.py
"""

import json
from collections.abc import Iterable
from pathlib import Path

from minis2s.config import PRESETS, sections

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
MODELS = sorted((ROOT / "data" / "models").iterdir())


def results_table() -> str:
    """Scores of the shipped models, as benchmarks/shipped_models.py found them."""
    receipt = _receipt("shipped-models")
    head = (
        "| model | German to English | search | BLEU | BLEU, lower-cased | chrF |\n"
        "|---|---|---|--:|--:|--:|\n"
    )
    rows = [
        f"| {row['model']} "
        f"| {row['corpus']} {row['split']}, {row['sentences']} sentences "
        f"| {_search(row)} "
        f"| {row['bleu']:.1f} | {row['bleu_lowercase']:.1f} | {row['chrf']:.1f} |\n"
        for row in receipt["metrics"]["rows"]
    ]
    signature = receipt["metrics"]["rows"][0]["signature"]
    return head + "".join(rows) + f"\nSignature: `{signature}`.\n"


def _search(row: dict) -> str:
    return "greedy" if row["beam"] == 1 else f"beam {row['beam']}"


def training_table() -> str:
    """How the shipped models came about, from the receipts in their folders."""
    facts = {model.name: _training_facts(model) for model in MODELS}
    names = next(iter(facts.values()))
    head = f"| | {' | '.join(facts)} |\n|---|{'---|' * len(facts)}\n"
    return head + "".join(
        f"| {name} | {' | '.join(found[name] for found in facts.values())} |\n"
        for name in names
    )


def _training_facts(model: Path) -> dict[str, str]:
    trainings = [  # the second one began with the weights of the first
        json.loads(file.read_text("utf-8"))
        for file in (model / "receipt-first.json", model / "receipt.json")
        if file.exists()
    ]
    minutes = " + ".join(f"{made['seconds'] / 60:.0f}" for made in trainings)
    steps = " + ".join(f"{made['steps']:,}" for made in trainings)
    first, peak = trainings[0], max(made["peak_memory_mib"] for made in trainings)
    return {
        "parameters": f"{first['n_parameters']:,}",
        "folder": f"{sum(f.stat().st_size for f in model.iterdir()) / 1e6:.1f} MB",
        "training": f"{minutes} minutes, {steps} steps",
        "speed": f"{first['tgt_tokens_per_s']:,} target tokens a second",
        "first step after": f"{first['time_to_first_step_s']:.1f} s",
        "peak memory": f"{peak / 1024:.1f} GiB",
        "hardware": first["hardware"],
    }


def wings_table() -> str:
    """What benchmarks/two_wings.py and benchmarks/numpy_lstm.py measured."""
    wings, lstm = (_receipt(name) for name in ("two-wings", "numpy-lstm"))
    lines = ["| NumPy beside PyTorch | NumPy | PyTorch |", "|---|--:|--:|"]
    for row in wings["metrics"]["rows"]:
        lines.append(
            f"| {row['model']}, {row['sentences']} sentences, {_search(row)}: "
            f"{row['equal']} equal token for token, "
            f"scores to {row['score_difference']:.0e} "
            f"| {row['numpy_seconds']:.1f} s | {row['torch_seconds']:.1f} s |"
        )
    times, sizes = lstm["metrics"], lstm["config"]
    what = (
        f"an LSTM layer there and back, {sizes['batch']} sentences of {sizes['len']} "
        f"steps, width {sizes['d_hidden']}, one thread"
    )
    for name, how in (("numpy", ""), ("steps", ", plain step by step")):
        ours, theirs = (times[wing]["median_ms"] for wing in (name, "torch"))
        ratio = times["ratios"][f"{name}/torch"]
        lines.append(
            f"| {what}{how}: {ratio:.2f} times PyTorch's "
            f"| {ours:.1f} ms | {theirs:.1f} ms |"
        )
    note = (
        f"Hardware: {lstm['hardware']}; {wings['threads']} threads for the sentences, "
        f"one for the layer"
    )
    if unset := lstm["removed_variables"]:
        # Some machines set what makes NumPy's products slow, and only NumPy's.
        note += f", measured without this machine's {' and '.join(sorted(unset))}"
    return "\n".join([*lines, "", f"{note}.", ""])


TUTORIALS = {
    "LSTM, no attention": "13.8",
    "GRU, context at every step": "20.6",
    "LSTM, additive attention": "28.3",
    "Transformer": "36.5",
}
"""Lower-cased greedy BLEU that the most widely read tutorial on this data reports for
its own model of the kind (its notebooks 1 to 3, and its older sixth)."""


def ladder_table() -> str:
    """BLEU of each rung, as benchmarks/ladder.py found it."""
    head = (
        "| rung | parameters | greedy | beam 5 | greedy, lower-cased | a tutorial's "
        "| beam 5, lower-cased |\n|---|--:|--:|--:|--:|--:|--:|\n"
    )
    lines = []
    for rung, rows in _rungs().items():
        greedy, beam = ([r for r in rows if r["beam"] == n] for n in (1, 5))
        lines.append(
            f"| {rung} | {rows[0]['n_parameters']:,} "
            f"| {_spread(greedy, 'bleu')} | {_spread(beam, 'bleu')} "
            f"| {_spread(greedy, 'bleu_lowercase')} | {TUTORIALS.get(rung, '')} "
            f"| {_spread(beam, 'bleu_lowercase')} |\n"
        )
    found = _receipt("ladder")
    seeds, epochs = (found["metrics"][name] for name in ("seeds", "epochs"))
    how = "one seed" if len(seeds) == 1 else f"mean and range of {len(seeds)} seeds"
    signature = found["metrics"]["rows"][0]["signature"]
    note = f"{epochs} passes, {how}; {found['hardware']}. Signature: `{signature}`."
    return f"{head}{''.join(lines)}\n{note}\n"


def lengths_table() -> str:
    """Greedy BLEU of each rung by the length of the source sentence."""
    rungs = _rungs()
    bins = next(iter(rungs.values()))[0]["by_length"]
    names = [_words(*b["words"]) for b in bins]
    counts = [f"{b['sentences']} sentences" for b in bins]
    head = f"| greedy BLEU by words of the source | {' | '.join(names)} |\n"
    head += f"|---|{'--:|' * len(bins)}\n| | {' | '.join(counts)} |\n"
    lines = []
    for rung, rows in rungs.items():
        greedy = [row["by_length"] for row in rows if row["beam"] == 1]
        cells = (_spread(column, "bleu") for column in zip(*greedy, strict=True))
        lines.append(f"| {rung} | {' | '.join(cells)} |\n")
    return head + "".join(lines)


def _rungs() -> dict[str, list[dict]]:
    """Rung -> its rows, one for each seed and search."""
    rungs: dict[str, list[dict]] = {}
    for row in _receipt("ladder")["metrics"]["rows"]:
        rungs.setdefault(row["rung"], []).append(row)
    return rungs


def _words(least: int, most: int) -> str:
    return f"{least} or more" if most >= 99 else f"{least}-{most}"


def _spread(rows: Iterable[dict], name: str) -> str:
    """The mean over seeds and, if there are several, the range."""
    values = [row[name] for row in rows]
    mean = f"{sum(values) / len(values):.1f}"
    return mean if len(values) < 2 else f"{mean} ({min(values):.1f}-{max(values):.1f})"


def _receipt(name: str) -> dict:
    return json.loads((ROOT / f"benchmarks/receipts/{name}.json").read_text("utf-8"))


def presets_table() -> str:
    """Sizes of the presets of both families, from config.py."""
    widths = {
        "rnn": ("d_embed", "d_hidden", "d_decoder"),
        "transformer": ("d_model", "n_heads", "d_ff"),
    }
    return "\n".join(_presets(model, names) for model, names in widths.items())


def _presets(model: str, widths: tuple[str, ...]) -> str:
    columns = {
        "model": (*widths, "n_layers", "dropout"),
        "train": ("epochs", "batch_tokens", "lr"),
        "tokenizer": ("vocab_size",),
    }
    names = [name for section in columns.values() for name in section]
    head = f"| {model} | {' | '.join(names)} | minutes | greedy | beam 5 |\n"
    head += f"|---|{'--:|' * (len(names) + 3)}\n"
    rows, reached = [], _reached(model)
    for size, settings in PRESETS[model].items():
        cells = []
        for section, fields in columns.items():
            extra = {"vocab_size": 1} if section == "model" else {}
            whole = sections(model)[section](**extra, **settings[section])
            cells += [f"{getattr(whole, name):,}" for name in fields]
        cells += reached.get(size, ["", "", ""])
        rows.append(f"| {size} | {' | '.join(cells)} |\n")
    return head + "".join(rows)


def _reached(model: str) -> dict[str, list[str]]:
    """Preset -> minutes of training and validation BLEU, where they were measured."""
    return {
        row["preset"]: [
            f"{row['minutes']:.0f}",
            *(f"{row[f'beam_{n}']:.1f}" for n in (1, 5)),
        ]
        for row in _receipt("presets")["metrics"]["rows"]
        if row["model"] == model
    }


TABLES = {
    "results": results_table,
    "training": training_table,
    "ladder": ladder_table,
    "lengths": lengths_table,
    "wings": wings_table,
    "presets": presets_table,
}


def with_tables(text: str) -> str:
    """README's text with each table between its two markers made anew."""
    for name, table in TABLES.items():
        begin, end = f"<!-- table: {name} -->\n", f"<!-- end: {name} -->\n"
        before, rest = text.split(begin)
        _, after = rest.split(end)
        text = f"{before}{begin}\n{table()}\n{end}{after}"
    return text


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text("utf-8")), "utf-8")
    print("README.md")

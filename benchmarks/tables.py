"""Write README's tables from receipts and from config.py, so that none is typed.

python benchmarks/tables.py
"""

import json
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
    receipt = json.loads((model / "receipt.json").read_text("utf-8"))
    minutes = receipt["seconds"] / 60
    return {
        "parameters": f"{receipt['n_parameters']:,}",
        "folder": f"{sum(f.stat().st_size for f in model.iterdir()) / 1e6:.1f} MB",
        "training": f"{minutes:.0f} minutes, {receipt['steps']:,} steps",
        "speed": f"{receipt['tgt_tokens_per_s']:,} target tokens a second",
        "first step after": f"{receipt['time_to_first_step_s']:.1f} s",
        "peak memory": f"{receipt['peak_memory_mib'] / 1024:.1f} GiB",
        "hardware": f"{receipt['hardware']}",
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
    head = f"| {model} | {' | '.join(names)} |\n|---|{'--:|' * len(names)}\n"
    rows = []
    for size, settings in PRESETS[model].items():
        cells = []
        for section, fields in columns.items():
            extra = {"vocab_size": 1} if section == "model" else {}
            whole = sections(model)[section](**extra, **settings[section])
            cells += [f"{getattr(whole, name):,}" for name in fields]
        rows.append(f"| {size} | {' | '.join(cells)} |\n")
    return head + "".join(rows)


TABLES = {
    "results": results_table,
    "training": training_table,
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

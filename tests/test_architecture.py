"""The house keeps its shape: who may import what, and which files are twins."""

import ast
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "minis2s"

LEAVES = {"bleu", "config", "text", "hypothesis", "metrics", "receipt"}
MAY_IMPORT = {
    "config": set(),
    "receipt": set(),
    "bleu": set(),
    "hypothesis": LEAVES,
    "metrics": LEAVES,
    "text": LEAVES,
    "plot": LEAVES,
    "specs": LEAVES,
    "checkpoint": LEAVES,
    "translator": LEAVES | {"checkpoint"},
    "numpy_ref": {"config", "hypothesis", "text", "checkpoint", "translator"},
    "torch_nn": LEAVES | {"checkpoint", "translator", "torch"},
    "bridge": {"config", "numpy_ref", "torch_nn", "torch"},
    "classroom": {"*"},
    "museum": {"*"},
    "cli": {"*"},
    "__main__": {"*"},
    "__init__": set(),
}
"""Room of the house -> rooms that it may import, and `torch` if it may."""

TORCH_WITHOUT_TWIN = {
    *{"device", "distillation", "distributed", "experiment"},
    "dropout",  # in NumPy a layer among those of layer.py
}
NUMPY_WITHOUT_TWIN = {
    *{"cell", "checks", "gradcheck", "layer", "functional"},
    *{"dot_attention", "additive_attention"},  # the pairs of attention.py
}


def room(path):
    """Which room of the house a file belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path):
    """Rooms of minis2s that a file imports, and torch."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "minis2s":
            names = [f"minis2s.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        else:
            continue
        for parts in (name.split(".") for name in names):
            if parts[0] == "torch":
                found.add("torch")
            elif parts[0] == "minis2s" and len(parts) > 1:
                found.add(parts[1])
    return found - {"__version__"}


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_imports_follow_the_table(path):
    """No file imports from a room that its own room may not know."""
    allowed = MAY_IMPORT[room(path)] | {room(path)}
    assert "*" in allowed or imports(path) <= allowed


def classes(path):
    """Public classes of a file with the fields of their constructors."""
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            inits = [n for n in node.body if getattr(n, "name", "") == "__init__"]
            arguments = inits[0].args if inits else None
            names = arguments and [
                a.arg
                for a in (*arguments.args, *arguments.kwonlyargs)
                if a.arg != "self"
            ]
            found[node.name] = names
    return found


def files(wing):
    """File names of a wing."""
    return {path.stem for path in (PACKAGE / wing).glob("*.py")} - {"__init__"}


def test_every_file_has_its_twin_or_is_excused():
    """Beyond the files without a twin, the two wings have the same files."""
    torch_files = files("torch_nn") - TORCH_WITHOUT_TWIN
    numpy_files = files("numpy_ref") - NUMPY_WITHOUT_TWIN
    assert numpy_files == torch_files


@pytest.mark.parametrize("name", sorted(files("numpy_ref") & files("torch_nn")))
def test_twins_have_the_same_classes(name):
    """Same public classes and constructor fields, but for a generator and a device."""
    numpy_ref, torch_nn = (
        classes(PACKAGE / wing / f"{name}.py") for wing in ("numpy_ref", "torch_nn")
    )
    shared = numpy_ref.keys() & torch_nn.keys()
    # torch.nn and torch.optim bring what these two are for
    helpers = {c for c in numpy_ref if c.endswith("Cache")} | {"Attention", "Optimizer"}
    assert numpy_ref.keys() - helpers == torch_nn.keys() - helpers
    for c in shared - helpers:
        assert [f for f in numpy_ref[c] or [] if f != "rng"] == [
            f for f in torch_nn[c] or [] if f != "device"
        ]


@pytest.mark.parametrize("module", ["", ".text.batching", ".plot.attention_map"])
def test_torch_stays_out(module):
    """Neither the package itself nor its wingless rooms load torch."""
    code = f"import sys, minis2s{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_special_ids_need_no_library():
    """Ids and batches load no sentencepiece, so that the NumPy wing may use them."""
    code = "import sys, minis2s.text.batching; sys.exit('sentencepiece' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_numpy_wing_loads_neither_torch_nor_scipy():
    """Every module of the reference wing, in a fresh interpreter."""
    names = ", ".join(
        f"minis2s.numpy_ref.{name}" for name in sorted(files("numpy_ref"))
    )
    banned = "{'torch', 'scipy', 'sacrebleu', 'sentencepiece'}"
    code = f"import sys, {names}; sys.exit(bool({banned} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_numpy_wing_is_there_at_once():
    """Importing all of its modules takes under half a second, median of five.

    Of computing: the clock would measure what else the machine is doing.
    """
    names = [f"minis2s.numpy_ref.{name}" for name in sorted(files("numpy_ref"))]
    code = (
        "import time; start = time.process_time()\n"
        f"import {', '.join(names)}\n"
        "print(time.process_time() - start)"
    )
    run = [sys.executable, "-c", code]
    seconds = [float(subprocess.check_output(run)) for _ in range(5)]
    assert statistics.median(seconds) < 0.5


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.name)
def test_nothing_unpickles(path):
    """No code of ours can load a pickle: it could run anything."""
    text = path.read_text(encoding="utf-8")
    assert not any(word in text for word in ("torch.load", "pickle.load", "np.load("))

"""`minis2s bench`: what can be measured again, and measuring it."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from minis2s.config import InputError

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
"""Beside the package in a checkout; an installed copy has none."""


def bench(
    name: Annotated[str, typer.Argument(help="which one; default: list them")] = "",
) -> None:
    """Measure a published number again, and write its receipt."""
    about = _benchmarks()
    if not name:
        for script, line in about.items():
            typer.echo(f"{script:16}{line}")
        return
    if name not in about:
        raise InputError(
            f"there is no benchmark {name!r}; there are {', '.join(about)}"
        )
    done = subprocess.run([sys.executable, BENCHMARKS / f"{name}.py"], check=False)
    raise typer.Exit(done.returncode)


def _benchmarks() -> dict[str, str]:
    """Name and first line of every script that has a receipt to write."""
    found = {}
    for path in sorted(BENCHMARKS.glob("*.py")):
        script = ast.parse(path.read_text(encoding="utf-8"))
        if _defines(script, "RECEIPT"):
            found[path.stem] = (ast.get_docstring(script) or "").partition("\n")[0]
    if not found:
        raise InputError(
            f"{BENCHMARKS} holds no benchmark; they come with a clone of the "
            f"repository, not with an installed package"
        )
    return found


def _defines(script: ast.Module, name: str) -> bool:
    """Whether a script assigns to a name at its top level."""
    return any(
        isinstance(target, ast.Name) and target.id == name
        for node in script.body
        if isinstance(node, ast.Assign)
        for target in node.targets
    )

"""Execute the notebooks whose code has changed since they were executed.

    python make_notebooks.py               those alone; `make notebooks` calls this
    python make_notebooks.py --all         every notebook, whether changed or not
    python make_notebooks.py PATH ...      the notebooks named, whether changed or not

Run it with the environment's Python (.venv/bin/python). A notebook carries the hash of
the code that its outputs come from, so that new prose costs nothing and
tests/test_notebooks.py finds outputs of other code. A change in the package does not
show in that hash: nbval compares the outputs, and --all renews them.

Each notebook runs in a fresh kernel, in its own folder, on one thread, without the
exercises. It is written whole, and only if every cell ran; the first error stops all.
Nothing of the machine or the hour is kept, so that a second run writes the same bytes.
"""

import hashlib
import json
import os
import sys
import time
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import matplotlib as mpl
import nbformat
import typer
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from minis2s.config import InputError
from minis2s.text.files import read_bytes, write_whole

FOLDER = Path(__file__).resolve().parent / "notebooks"
CELL_SECONDS = 120  # as nbval allows in `make notebooks-test`
SKIP_TAG = "skip-execution"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}

# --- what a notebook says of its outputs ---


def executed_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells that are run: all but the exercises and the empty ones."""
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code"
        and cell.source.strip()
        and SKIP_TAG not in cell.metadata.get("tags", [])
    ]


def code_hash(notebook: NotebookNode) -> str:
    """Hash of the code that is run, cell by cell in its order; prose has no part."""
    sources = json.dumps([cell.source for cell in executed_cells(notebook)])
    return hashlib.sha256(sources.encode()).hexdigest()


def is_fresh(notebook: NotebookNode) -> bool:
    """Whether the outputs are of the present code, and none was cleared."""
    stored = notebook.metadata.get("minis2s", {}).get("executed")
    ran = all(cell.execution_count for cell in executed_cells(notebook))
    return ran and stored == code_hash(notebook)


# --- executing ---


def execute(notebook: NotebookNode, folder: Path, seconds: int) -> None:
    """Run the code in a fresh kernel of this Python, and keep what it shows.

    Args:
        notebook: its outputs are replaced in place.
        folder: where the kernel runs.
        seconds: what a cell may take.

    Raises:
        InputError: if a cell fails; the message names it, its cause has the traceback.
    """
    specs = KernelSpecManager(kernel_dirs=[])  # a user's own "python3" may be another
    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_name=KERNEL["name"], kernel_spec_manager=specs),
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--log-level=ERROR"],  # else it warns of its own transport
        skip_cells_with_tag=SKIP_TAG,
        timeout=seconds,
        record_timing=False,
    )
    with (
        TemporaryDirectory() as profile,
        client.setup_kernel(env=environment(profile), cleanup_kc=True),
    ):
        for index, cell in enumerate(notebook.cells):
            run_cell(client, cell, index)


def run_cell(client: NotebookClient, cell: NotebookNode, index: int) -> None:
    """Run one cell, or say which it was that failed.

    Raises:
        InputError: if it ends in an error, takes too long, or ends its kernel.
    """
    try:
        client.execute_cell(cell, index)
    except CellExecutionError as error:
        reason = f"{error.ename}: {error.evalue}"
        raise InputError(f"cell {cell.id} ends in {reason}") from error
    except CellTimeoutError:
        reason = f"takes longer than {client.timeout} s"
        raise InputError(f"cell {cell.id} {reason}") from None
    except DeadKernelError:
        raise InputError(f"cell {cell.id} ends its kernel") from None


def environment(profile: str) -> dict[str, str]:
    """The environment of a kernel: one thread, and no settings of the user's own."""
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "passive",
        "IPYTHONDIR": profile,
        "MATPLOTLIBRC": str(Path(mpl.get_data_path()) / "matplotlibrc"),
    }


def tidy(notebook: NotebookNode) -> None:
    """Remove what differs from run to run, and note which code was run."""
    ran = executed_cells(notebook)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code" and cell not in ran:
            cell.update(outputs=[], execution_count=None)
        elif cell.cell_type == "code":
            cell.outputs = join_streams(cell.outputs)
    notes = {**notebook.metadata.get("minis2s", {}), "executed": code_hash(notebook)}
    notebook.metadata.update(
        kernelspec=KERNEL, language_info={"name": "python"}, minis2s=notes
    )


def join_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Text printed without interruption is one output, however slowly it came."""
    joined = []
    for name, group in groupby(outputs, key=lambda out: out.get("name")):
        run = list(group)
        if name is not None:  # only a stream has one
            run[0].text = "".join(out.text for out in run)
            run = run[:1]
        joined += run
    return joined


# --- files ---


def parse(data: bytes, path: Path) -> NotebookNode:
    """A notebook from the bytes of its file.

    Raises:
        InputError: if it is none, or its cells have no ids.
    """
    try:
        notebook = nbformat.reads(data.decode(), as_version=nbformat.NO_CONVERT)
        nbformat.validate(notebook)
    except (ValueError, AttributeError, nbformat.ValidationError):
        raise InputError(f"{path} is not a notebook") from None
    version = notebook.nbformat, notebook.nbformat_minor
    if version != (4, 5):
        got = ".".join(map(str, version))
        raise InputError(f"{path}: must be of format 4.5 (cells with ids), got {got}")
    return notebook


def renew(path: Path, seconds: int = CELL_SECONDS) -> None:
    """Execute one notebook and write it with its new outputs.

    Args:
        path: the notebook; it runs in the folder where it lies.
        seconds: what a cell may take.

    Raises:
        InputError: if a cell fails, or the file changed meanwhile; it stays as it is.
    """
    before = read_bytes(path)
    notebook = parse(before, path)
    try:
        execute(notebook, path.parent, seconds)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error.__cause__
    tidy(notebook)
    if read_bytes(path) != before:
        raise InputError(f"{path} was edited while it ran and is left as it is")
    write_whole(path, (nbformat.writes(notebook) + "\n").encode())


def all_paths() -> list[Path]:
    """Every notebook of the course, as nbval finds them; no editor's checkpoints."""
    found = sorted(FOLDER.rglob("*.ipynb"))
    return [p for p in found if ".ipynb_checkpoints" not in p.parts]


def main(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="notebooks; by default the changed"),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="unchanged ones, too")] = False,
) -> None:
    """Execute the notebooks whose code has changed since they were executed."""
    chosen = paths or all_paths()
    if not (paths or every):
        chosen = [p for p in chosen if not is_fresh(parse(read_bytes(p), p))]
    for path in chosen:
        started = time.perf_counter()
        typer.echo(f"{path.relative_to(FOLDER) if not paths else path}: ", nl=False)
        renew(path)
        typer.echo(f"executed, {time.perf_counter() - started:.0f} s")
    if not chosen:
        typer.echo("all outputs are those of their code")


if __name__ == "__main__":
    app = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
    )
    app.command()(main)
    try:
        app()
    except InputError as error:
        sys.stderr.write(f"\n{error.__cause__ or ''}\nmake_notebooks.py: {error}\n")
        sys.exit(2)

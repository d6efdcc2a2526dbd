"""Every lesson is committed executed, in order, whole, and fit to be read.

nbval runs the notebooks and compares their outputs; this file looks at them as they
lie in the repository. nbval compares nothing in a cell that was never executed, so
without these tests a stripped notebook would pass.

Each check is a function from a notebook to a list of complaints. Every notebook must
give none, and a notebook spoiled on purpose must give one: a check that cannot fail
would prove nothing.
"""

import ast
import copy
import importlib.util
import re
from itertools import takewhile
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
LESSONS = sorted(FOLDER.glob("*.ipynb"))
SOLUTIONS = sorted((FOLDER / "solutions").glob("*.ipynb"))

SPEC = importlib.util.spec_from_file_location("tool", ROOT / "make_notebooks.py")
tool = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tool)

MAX_BYTES = 1_000_000
MAX_LINES = 25
MIN_CHECKED = 3
CHECKED = "# NBVAL_CHECK_OUTPUT"
SKIP_TAGS = {"nbval-skip", "skip-execution"}  # nbval reads the one, nbclient the other
OPEN_TAG = "tells-nothing"  # of a cell whose code may be read before the prediction
MACHINE_PATH = re.compile(r"(?<![\w.])(/(root|home|work|Users|tmp)/|[A-Za-z]:\\\w)")
ADDRESS = re.compile(r"\bat 0x[0-9a-f]+")  # <Thing at 0x7f...>: another in every run
COMPARABLE = {"text/plain", "image/png"}  # nbval passes over the latter


def tags(cell: NotebookNode) -> set[str]:
    """The tags of a cell."""
    return set(cell.metadata.get("tags", []))


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells, exercises included."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def run_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells that are executed: all but the exercises."""
    return [cell for cell in code_cells(notebook) if not tags(cell) & SKIP_TAGS]


def pairs(notebook: NotebookNode) -> list[tuple[NotebookNode, NotebookNode]]:
    """Each cell with the one that follows it; an empty text follows the last."""
    end = nbformat.v4.new_markdown_cell("")
    return list(zip(notebook.cells, [*notebook.cells[1:], end], strict=True))


def parsed(cell: NotebookNode) -> ast.Module:
    """A cell's syntax tree, without the lines that only IPython understands."""
    lines = cell.source.splitlines()
    return ast.parse("\n".join(line for line in lines if not line.startswith("%")))


def is_folded(cell: NotebookNode) -> bool:
    """Whether a cell's output is closed, in JupyterLab and on the site, or is none."""
    in_lab = cell.metadata.get("jupyter", {}).get("outputs_hidden", False)
    return not cell.outputs or (in_lab and "hide-output" in tags(cell))


def is_source_folded(cell: NotebookNode) -> bool:
    """Whether a cell's code is closed, in JupyterLab and on the site."""
    in_lab = cell.metadata.get("jupyter", {}).get("source_hidden", False)
    return in_lab and "hide-input" in tags(cell)


def is_picture(out: NotebookNode) -> bool:
    """Whether an output can be seen where no script runs."""
    return any(kind.startswith("image/") for kind in out.get("data", {}))


def has_image(cell: NotebookNode) -> bool:
    """Whether a cell shows a picture."""
    return any(map(is_picture, cell.get("outputs", [])))


def texts(cell: NotebookNode) -> list[str]:
    """Everything legible in a cell: its source and its outputs, pictures aside."""
    found = [cell.source]
    for out in cell.get("outputs", []):
        data = out.get("data", {})
        found += [str(data[kind]) for kind in data if not kind.startswith("image/")]
        found += [str(out.get("text", "")), "\n".join(out.get("traceback", []))]
    return found


# --- checks: from a notebook to complaints ---


def out_of_order(notebook: NotebookNode) -> list[str]:
    """Executed cells are numbered 1, 2, 3 from top to bottom."""
    counts = [cell.execution_count for cell in run_cells(notebook)]
    wanted = list(range(1, len(counts) + 1))
    return [] if counts == wanted and counts else [f"execution counts are {counts}"]


def stale(notebook: NotebookNode) -> list[str]:
    """The outputs come from the code that stands above them."""
    return [] if tool.is_fresh(notebook) else ["the code has changed: make notebooks"]


def errors(notebook: NotebookNode) -> list[str]:
    """No cell ends in an error, and none warns."""
    outputs = [out for cell in code_cells(notebook) for out in cell.outputs]
    failed = [out.ename for out in outputs if out.output_type == "error"]
    return failed + [out.text for out in outputs if out.get("name") == "stderr"]


def too_few_checked(notebook: NotebookNode) -> list[str]:
    """Some cells carry the marker in line 1, and each of these has an output."""
    checked = [c for c in run_cells(notebook) if c.source.startswith(CHECKED)]
    mute = [f"{c.id} has no output" for c in checked if not c.outputs]
    enough = len(checked) >= MIN_CHECKED
    return mute if enough else [*mute, f"only {len(checked)} cells are compared"]


def compared_figures(notebook: NotebookNode) -> list[str]:
    """What nbval compares is text; a figure's HTML or SVG changes with the fonts."""
    return [
        f"{cell.id} compares {kind}"
        for cell in run_cells(notebook)
        if cell.source.startswith(CHECKED)
        for out in cell.outputs
        for kind in sorted(out.get("data", {}).keys() - COMPARABLE)
    ]


def open_answers(notebook: NotebookNode) -> list[str]:
    """A prediction comes before a folded output, and that before a folded reading."""
    found = []
    for i, cell in enumerate(notebook.cells):
        if "prediction" not in tags(cell):
            continue
        following = [*notebook.cells[i + 1 :], nbformat.v4.new_markdown_cell()]
        answers = list(takewhile(lambda c: c.cell_type == "code", following))
        if not any(answer.outputs for answer in answers):
            found.append(f"nothing answers {cell.id}")
        found += [f"{c.id} shows the answer" for c in answers if not is_folded(c)]
        if not following[len(answers)].source.startswith("<details>"):
            found.append(f"the reading of the answer to {cell.id} is not folded")
    if not any("prediction" in tags(cell) for cell in notebook.cells):
        found.append("no cell is tagged prediction")
    return found


def open_sources(notebook: NotebookNode) -> list[str]:
    """Code that answers a prediction is closed, too: its asserts know the answer."""
    return [
        f"{cell.id} shows its code"
        for i, prediction in enumerate(notebook.cells)
        if "prediction" in tags(prediction)
        for cell in takewhile(lambda c: c.cell_type == "code", notebook.cells[i + 1 :])
        if OPEN_TAG not in tags(cell) and not is_source_folded(cell)
    ]


def half_skipped(notebook: NotebookNode) -> list[str]:
    """An exercise is skipped by nbval and by nbclient alike, and holds no result."""
    found = []
    for cell in code_cells(notebook):
        skipped = tags(cell) & SKIP_TAGS
        is_stub = re.search(r"^ *raise NotImplementedError", cell.source, re.MULTILINE)
        if (skipped or is_stub) and skipped != SKIP_TAGS:
            found.append(f"{cell.id} has the tags {sorted(tags(cell))}")
        if skipped and (cell.outputs or cell.execution_count):
            found.append(f"{cell.id} was executed")
    return found


def long_cells(notebook: NotebookNode) -> list[str]:
    """A code cell holds one thought: at most 25 lines."""
    sizes = {cell.id: len(cell.source.splitlines()) for cell in code_cells(notebook)}
    return [f"{name} has {n} lines" for name, n in sizes.items() if n > MAX_LINES]


def machine_paths(notebook: NotebookNode) -> list[str]:
    """Nothing tells on whose machine it was made."""
    return [
        f"{cell.id}: {text[match.start() : match.end() + 30]!r}"
        for cell in notebook.cells
        for text in texts(cell)
        for match in MACHINE_PATH.finditer(text)
    ]


def time_stamps(notebook: NotebookNode) -> list[str]:
    """No cell says when it was executed."""
    return [cell.id for cell in code_cells(notebook) if "execution" in cell.metadata]


def addresses(notebook: NotebookNode) -> list[str]:
    """No output names a place in memory."""
    return [
        f"{cell.id}: {match.group()}"
        for cell in code_cells(notebook)
        for text in texts(cell)[1:]
        for match in ADDRESS.finditer(text)
    ]


def bare_scripts(notebook: NotebookNode) -> list[str]:
    """A figure for the hand lies beside its picture, for where no script runs."""
    return [
        cell.id
        for cell in code_cells(notebook)
        for out in cell.outputs
        if "<script" in str(out.get("data", {}).get("text/html", "")).lower()
        and not is_picture(out)
    ]


def mute_pictures(notebook: NotebookNode) -> list[str]:
    """A picture has a text alternative, and words come after it."""
    return [
        cell.id
        for cell, after in pairs(notebook)
        if has_image(cell)
        and not (
            cell.metadata.get("alt")
            and after.cell_type == "markdown"
            and after.source.strip()
        )
    ]


def late_imports(notebook: NotebookNode) -> list[str]:
    """All imports stand in the first code cell."""
    return [
        cell.id
        for cell in code_cells(notebook)[1:]
        if any(
            isinstance(n, ast.Import | ast.ImportFrom) for n in ast.walk(parsed(cell))
        )
    ]


def bare_asserts(notebook: NotebookNode) -> list[str]:
    """Every assert carries its claim as the message."""
    return [
        f"{cell.id}: {ast.unparse(node)}"
        for cell in code_cells(notebook)
        for node in ast.walk(parsed(cell))
        if isinstance(node, ast.Assert) and node.msg is None
    ]


def other_kernels(notebook: NotebookNode) -> list[str]:
    """Any machine has a kernel of the name python3."""
    name = notebook.metadata.get("kernelspec", {}).get("name")
    return [] if name == "python3" else [f"the kernel is {name}"]


ALL_CHECKS = [
    out_of_order,
    stale,
    errors,
    too_few_checked,
    compared_figures,
    open_answers,
    open_sources,
    half_skipped,
    long_cells,
    machine_paths,
    time_stamps,
    addresses,
    bare_scripts,
    mute_pictures,
    late_imports,
    bare_asserts,
    other_kernels,
]
# A solution answers: there is nothing to predict, and one compared output will do.
SOLUTION_CHECKS = [c for c in ALL_CHECKS if c not in (open_answers, too_few_checked)]


def read(path: Path) -> NotebookNode:
    """A notebook as it lies on disk; invalid ones raise."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


@pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lesson(path, check):
    """A committed lesson gives this check no cause for complaint."""
    assert check(read(path)) == []


@pytest.mark.parametrize("check", SOLUTION_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_solution(path, check):
    """Nor does a published solution."""
    assert check(read(path)) == []


@pytest.mark.parametrize("path", [*LESSONS, *SOLUTIONS], ids=lambda path: path.stem)
def test_size(path):
    """A notebook stays under a megabyte, pictures included."""
    assert path.stat().st_size <= MAX_BYTES


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_solution_is_compared_and_belongs_to_a_lesson(path):
    """A solution has a lesson of its name and at least one compared output."""
    assert path.name in {lesson.name for lesson in LESSONS}
    assert any(
        c.source.startswith(CHECKED) and c.outputs for c in run_cells(read(path))
    )


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_card(path):
    """A lesson opens with its number, its question, minutes, needs and paper."""
    card = read(path).cells[0].source
    assert card.startswith(f"# {path.stem[:2]} ")
    assert all(word in card for word in ("question", "minutes", "needs", "paper"))


def test_there_is_a_lesson():
    """The tests above have something to look at."""
    assert LESSONS


# --- the checks themselves: a spoiled notebook is refused ---


def sound_notebook() -> NotebookNode:
    """The smallest notebook that gives no cause for complaint."""
    new, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    words = nbformat.v4.new_output("stream", name="stdout", text="2\n")
    picture = nbformat.v4.new_output("display_data", data={"image/png": "iVBO"})
    hand = {"text/html": "<script></script>", "image/png": "iVBO"}
    stub = code("raise NotImplementedError", metadata={"tags": sorted(SKIP_TAGS)})
    cells = [code("import math")]
    for _ in range(MIN_CHECKED):
        cells += [
            new("**Prediction.**", metadata={"tags": ["prediction"]}),
            code(f"{CHECKED}\nassert 1 + 1 == 2, 'a sum'", outputs=[words, picture]),
            new("<details>A sum.</details>"),
        ]
        cells[-2].metadata = nbformat.from_dict(
            {
                "tags": ["hide-output", "hide-input"],
                "jupyter": {"outputs_hidden": True, "source_hidden": True},
                "alt": "2",
            }
        )
    live = code("show", outputs=[nbformat.v4.new_output("display_data", data=hand)])
    live.metadata["alt"] = "the picture"
    cells += [live, new("Drag it.")]
    for number, cell in enumerate([c for c in cells if c.cell_type == "code"], 1):
        cell.execution_count = number
    notebook = nbformat.v4.new_notebook(cells=[*cells, stub])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    notebook.metadata["minis2s"] = {"executed": tool.code_hash(notebook)}
    return copy.deepcopy(notebook)


def spoil_error(cells):
    """A cell that failed."""
    cells[2].outputs.append(nbformat.v4.new_output("error", ename="E", evalue=""))


def spoil_script(cells):
    """A figure whose picture got lost."""
    cells[-3].outputs[0].data.pop("image/png")


def spoil_compared(cells):
    """A figure for the hand that nbval would compare."""
    cells[-3].update(source=f"{CHECKED}\nshow")


SPOILED = {
    out_of_order: lambda cells: cells[2].update(execution_count=None),
    stale: lambda cells: cells[2].update(source="2 + 2"),
    errors: spoil_error,
    too_few_checked: lambda cells: cells[2].update(source="1 + 1"),
    compared_figures: spoil_compared,
    open_answers: lambda cells: cells[2].metadata.pop("jupyter"),
    open_sources: lambda cells: cells[2].metadata.tags.remove("hide-input"),
    half_skipped: lambda cells: cells[-1].metadata.tags.pop(),
    long_cells: lambda cells: cells[2].update(source="\n".join("1" * 26)),
    machine_paths: lambda cells: cells[2].outputs[0].update(text="in /home/someone"),
    time_stamps: lambda cells: cells[2].metadata.update(execution={}),
    addresses: lambda cells: cells[2].outputs[0].update(text="<O at 0x7f00>"),
    bare_scripts: spoil_script,
    mute_pictures: lambda cells: cells[2].metadata.pop("alt"),
    late_imports: lambda cells: cells[2].update(source="def f():\n    import os"),
    bare_asserts: lambda cells: cells[2].update(source="assert 1 + 1 == 2"),
}


@pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda check: check.__name__)
def test_check_accepts_a_sound_notebook(check):
    """The smallest sound notebook passes."""
    assert check(sound_notebook()) == []


@pytest.mark.parametrize("check", SPOILED, ids=lambda check: check.__name__)
def test_check_refuses_a_spoiled_notebook(check):
    """One fault, and the check that looks for it complains."""
    notebook = sound_notebook()
    SPOILED[check](notebook.cells)
    assert check(notebook)


def test_unfolded_reading_is_refused():
    """The reading of a folded answer must be folded, too."""
    notebook = sound_notebook()
    notebook.cells[3].source = "It is two."
    assert any("is not folded" in complaint for complaint in open_answers(notebook))


def test_code_that_tells_nothing_may_be_open():
    """A tag says so of each such cell."""
    notebook = sound_notebook()
    spoil = notebook.cells[2].metadata
    spoil.jupyter.source_hidden = False
    assert open_sources(notebook)
    spoil.tags.append(OPEN_TAG)
    assert open_sources(notebook) == []


def test_an_output_that_was_cleared_is_stale():
    """An editor's "clear all outputs" leaves the hash where it is."""
    notebook = sound_notebook()
    notebook.cells[2].execution_count = None
    assert stale(notebook)


def test_other_kernel_is_refused():
    """A kernel with a private name would not be found elsewhere."""
    notebook = sound_notebook()
    notebook.metadata.kernelspec.name = "my-env"
    assert other_kernels(notebook) == ["the kernel is my-env"]

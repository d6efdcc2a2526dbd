"""make_notebooks.py: what it executes, what it writes, and what it leaves alone."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from minis2s.config import InputError

PATH = Path(__file__).parents[1] / "make_notebooks.py"
SPEC = importlib.util.spec_from_file_location(PATH.stem, PATH)
tool = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tool)

SKIPPED = {"tags": ["nbval-skip", "skip-execution"]}
SOURCES = {
    "imports": "%matplotlib inline\nimport os\nimport sys\nimport time\n"
    "from pathlib import Path\n\nimport matplotlib.pyplot as plt\n"
    "import numpy as np\n\n"
    "from minis2s.plot.strip import strip",
    "slow": "print('one', flush=True)\ntime.sleep(0.5)\nprint('two')",
    "figure": "print('before')\nplt.plot([2, 5, 3])\nplt.show()\nprint('after')",
    "hand": "strip(np.array([[0.5, -1.0]]), ['u'], ['a', 'b'], title='t', caption='c')",
    "facts": "print(sys.prefix, os.environ['OMP_NUM_THREADS'])\n"
    "print(Path('beside.txt').read_text(), plt.rcParams['figure.dpi'])\n"
    "print('theirs' in globals())",
}
"""A notebook's cells: what is printed slowly, a picture, a figure for the hand."""


def code(name, source, **changes):
    """A code cell that was never executed."""
    return nbformat.v4.new_code_cell(source, id=name, **changes)


def notebook_of(*cells):
    """A notebook with metadata that an editor might have left in it."""
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"name": "my-env", "display_name": "mine"},
            "language_info": {"name": "python", "version": "3.11.13"},
            "minis2s": {"other": 7},
            "title": "kept",
        }
    )
    return notebook


def small_notebook(prose="Words."):
    """Two lines of code, an exercise, and prose."""
    stub = code("stub", "raise NotImplementedError", metadata=SKIPPED)
    words = nbformat.v4.new_markdown_cell(prose, id="words")
    return notebook_of(words, code("a", "x = 2"), code("b", "x + 3"), stub)


def executed(notebook):
    """The same, as if it had been executed and written."""
    for number, cell in enumerate(tool.executed_cells(notebook), 1):
        cell.execution_count = number
    tool.tidy(notebook)
    return notebook


def write(path, notebook):
    """Write a notebook; returns its path."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    return path


def parsed(path):
    """A notebook as it lies on disk."""
    return tool.parse(path.read_bytes(), path)


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """The folder of notebooks is another, and empty."""
    monkeypatch.setattr(tool, "FOLDER", tmp_path / "notebooks")
    (tmp_path / "notebooks").mkdir()
    return tmp_path / "notebooks"


@pytest.fixture
def renewed(monkeypatch):
    """The paths that would be executed; none is."""
    paths = []
    monkeypatch.setattr(tool, "renew", paths.append)
    return paths


# --- the hash ---


@pytest.mark.parametrize(
    "change",
    [
        lambda cells: cells[0].update(source="Other words."),
        lambda cells: cells.pop(0),
        lambda cells: cells[1].update(id="renamed"),
        lambda cells: cells[1].metadata.update(tags=["hide-output"]),
        lambda cells: cells[-1].update(source="raise NotImplementedError('soon')"),
        lambda cells: cells.append(code("empty", " \n")),
    ],
    ids=["prose", "no prose", "id", "tag", "exercise", "empty cell"],
)
def test_what_does_not_run_does_not_make_stale(change):
    """Prose, ids, tags and exercises may change; the outputs are still of this code."""
    notebook = executed(small_notebook())
    change(notebook.cells)
    assert tool.is_fresh(notebook)


@pytest.mark.parametrize(
    "change",
    [
        lambda cells: cells[1].update(source="x = 3"),
        lambda cells: cells[1].update(source="x = 2 "),
        lambda cells: cells.pop(2),
        lambda cells: cells.reverse(),
        lambda cells: cells[-1].update(metadata={}, execution_count=3),
        lambda cells: cells[2].update(metadata=SKIPPED),
        lambda cells: cells[2].update(execution_count=None),
    ],
    ids=["code", "space", "gone", "order", "not skipped", "skipped", "cleared"],
)
def test_other_code_makes_stale(change):
    """Another text, cell or order of what is run, and an output that was cleared."""
    notebook = executed(small_notebook())
    change(notebook.cells)
    assert not tool.is_fresh(notebook)


def test_where_a_cell_ends_is_in_the_hash():
    """One cell of two lines shows something else than two cells of one."""
    one = notebook_of(code("a", "1\n2"))
    two = notebook_of(code("a", "1"), code("b", "2"))
    assert tool.code_hash(one) != tool.code_hash(two)


def test_a_notebook_that_was_never_executed_is_stale():
    """Without a stored hash nothing is known of the outputs."""
    assert not tool.is_fresh(small_notebook())


# --- which notebooks ---


def test_only_the_changed_are_executed(folder, renewed, capsys):
    """By default those whose code changed, solutions and subfolders included."""
    write(folder / "00.ipynb", executed(small_notebook()))
    stale = write(folder / "solutions" / "00.ipynb", small_notebook())
    write(folder / ".ipynb_checkpoints" / "00.ipynb", small_notebook())
    tool.main()
    assert renewed == [stale]
    assert capsys.readouterr().out.startswith(str(Path("solutions", "00.ipynb: exec")))


def test_nothing_to_do_is_said(folder, renewed, capsys):
    """New prose starts no kernel, and the file stays as it was written."""
    notebook = executed(small_notebook())
    notebook.cells[0].source = "New prose."
    write(folder / "00.ipynb", notebook)
    tool.main()
    assert renewed == []
    assert capsys.readouterr().out == "all outputs are those of their code\n"


def test_all_are_executed_when_asked(folder, renewed):
    """--all asks for no hash."""
    paths = [write(folder / f"{n}.ipynb", executed(small_notebook())) for n in "02"]
    tool.main(every=True)
    assert renewed == paths


def test_the_named_are_executed(folder, renewed):
    """A path is executed though its outputs are of its code, and no other is."""
    paths = [write(folder / f"{n}.ipynb", executed(small_notebook())) for n in "02"]
    tool.main([paths[1]])
    assert renewed == [paths[1]]


# --- executing: the same bytes twice, and nothing of the machine or the hour ---


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """One notebook executed twice, in spite of a user's settings: path, both files."""
    place = tmp_path_factory.mktemp("course")
    startup = place / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("theirs = 1\n")
    (place / "matplotlibrc.user").write_text("figure.dpi: 31\n")
    (place / "beside.txt").write_text("found")
    old = nbformat.v4.new_output("stream", name="stdout", text="old\n")
    stub = code("stub", "raise NotImplementedError", metadata=SKIPPED, outputs=[old])
    stub.execution_count = 5
    cells = [code(name, source) for name, source in SOURCES.items()]
    cells[0].metadata["execution"] = {"iopub.status.busy": "2001-01-01T00:00:00Z"}
    path = write(place / "00.ipynb", notebook_of(stub, *cells))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(place / "ipython"))
        patch.setenv("MATPLOTLIBRC", str(place / "matplotlibrc.user"))
        patch.setenv("OMP_NUM_THREADS", "2")
        files = [(tool.renew(path), path.read_bytes())[1] for _ in range(2)]
    return path, *files


@pytest.fixture
def cells(twice):
    """The cells of the executed notebook by their ids."""
    return {cell.id: cell for cell in parsed(twice[0]).cells}


def test_a_second_run_writes_the_same_bytes(twice):
    """Pictures, and the ids in a figure for the hand, do not change from run to run."""
    assert twice[1] == twice[2]
    assert list(twice[0].parent.glob(".*")) == []


def test_an_executed_notebook_is_fresh(twice):
    """It carries the hash of its code."""
    assert tool.is_fresh(parsed(twice[0]))


def test_cells_are_numbered_and_have_no_time_stamps(cells):
    """1, 2, 3 from top to bottom, the exercise left out; ids are kept."""
    assert list(cells) == ["stub", *SOURCES]
    assert [cells[name].execution_count for name in SOURCES] == [1, 2, 3, 4, 5]
    assert not any("execution" in cell.metadata for cell in cells.values())


def test_an_exercise_is_not_run_and_keeps_no_result(cells):
    """An output from somebody's attempt is removed."""
    assert cells["stub"].outputs == []
    assert cells["stub"].execution_count is None


def test_text_that_came_slowly_is_one_output(cells):
    """Half a second between two lines makes no difference."""
    (output,) = cells["slow"].outputs
    assert output.text == "one\ntwo\n"


def test_text_stays_on_its_side_of_a_picture(cells):
    """What was printed after a picture stands after it."""
    before, picture, after = cells["figure"].outputs
    assert (before.text, after.text) == ("before\n", "after\n")
    assert "image/png" in picture.data


def test_a_figure_for_the_hand_has_its_static_sibling(cells):
    """Script and picture lie in one output."""
    (output,) = cells["hand"].outputs
    assert "<script>" in output.data["text/html"]
    assert "image/png" in output.data


def test_the_kernel_is_this_python_on_one_thread_in_the_notebooks_folder(cells):
    """And neither the user's matplotlib nor the user's IPython has a say."""
    lines = cells["facts"].outputs[0].text.splitlines()
    assert lines == [f"{sys.prefix} 1", "found 100.0", "False"]


def test_metadata_tell_nothing_of_the_machine(twice):
    """Any machine has this kernel; no version is kept; what is not ours stays."""
    metadata = parsed(twice[0]).metadata
    assert metadata.kernelspec == tool.KERNEL
    assert metadata.language_info == {"name": "python"}
    assert metadata.minis2s.other == 7
    assert metadata.title == "kept"


# --- what goes wrong ---


@pytest.mark.parametrize(
    ("source", "seconds", "message"),
    [
        ("print(1)\n7 / 0", 60, "ends in ZeroDivisionError: division by zero"),
        ("import time\ntime.sleep(60)", 1, "takes longer than 1 s"),
        ("import os\nos._exit(3)", 60, "ends its kernel"),
    ],
    ids=["error", "timeout", "death"],
)
def test_a_cell_that_fails_is_named_and_nothing_is_written(
    tmp_path, source, seconds, message
):
    """The file stays as it was, and what ran before the failure is not kept."""
    cells = code("good", "1 + 1"), code("bad", source), code("next", "2 + 2")
    path = write(tmp_path / "00.ipynb", notebook_of(*cells))
    before = path.read_bytes()
    with pytest.raises(InputError, match=rf"00\.ipynb: cell bad {message}"):
        tool.renew(path, seconds)
    assert path.read_bytes() == before


def test_the_first_failure_stops_all(folder, monkeypatch):
    """The next notebook is not begun, and the traceback is at hand."""
    paths = [write(folder / f"{n}.ipynb", small_notebook()) for n in "02"]
    begun = []

    def fail(notebook, place, seconds):
        begun.append(place)
        raise InputError("cell a ends in E: x") from ValueError("line 7")

    monkeypatch.setattr(tool, "execute", fail)
    with pytest.raises(InputError, match=r"0\.ipynb: cell a ends in E: x") as caught:
        tool.main(paths)
    assert str(caught.value.__cause__) == "line 7"
    assert begun == [folder]


def test_a_notebook_that_was_edited_meanwhile_is_left_alone(tmp_path, monkeypatch):
    """Prose saved while the cells ran is not overwritten."""
    path = write(tmp_path / "00.ipynb", small_notebook())
    monkeypatch.setattr(
        tool, "execute", lambda *_: write(path, small_notebook("New prose."))
    )
    with pytest.raises(InputError, match="was edited while it ran and is left as it"):
        tool.renew(path)
    assert parsed(path).cells[0].source == "New prose."


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"nbformat": 4}', "\x80"])
def test_what_is_no_notebook_is_refused(tmp_path, text):
    """Neither other JSON nor other text nor other bytes."""
    path = tmp_path / "a.ipynb"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"a\.ipynb is not a notebook"):
        tool.renew(path)


def test_cells_must_have_ids(tmp_path):
    """Ids that an upgrade draws would differ from run to run."""
    notebook = notebook_of()
    notebook.nbformat_minor = 4
    path = write(tmp_path / "a.ipynb", notebook)
    with pytest.raises(InputError, match=r"must be of format 4\.5 .* got 4\.4"):
        tool.renew(path)


def test_a_missing_notebook_is_named(tmp_path):
    """A path that leads nowhere."""
    with pytest.raises(InputError, match=r"00\.ipynb does not exist"):
        tool.renew(tmp_path / "00.ipynb")


def test_the_command_ends_in_one_sentence():
    """Bad input gives exit code 2 and no traceback of ours."""
    done = subprocess.run(
        [sys.executable, PATH, "nowhere.ipynb"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.strip() == "make_notebooks.py: nowhere.ipynb does not exist"

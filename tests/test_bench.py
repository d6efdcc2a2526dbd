"""`minis2s bench`, and the benchmark that needs no data, at a small size."""

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minis2s import __main__

# The package's attribute of that name is the command.
bench = importlib.import_module("minis2s.cli.bench")

ROOT = Path(__file__).parents[1]
SCRIPT = '"""Measure {what}.\n\nAt length.\n"""\n\nRECEIPT = 1\n{body}\n'


@pytest.fixture
def command(monkeypatch, capfd):
    """Run `minis2s WORDS` here; returns (exit code, output, notes)."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["minis2s", *words])
        with pytest.raises(SystemExit) as stop:
            __main__.main()
        return stop.value.code, *capfd.readouterr()

    return run


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """A folder of benchmarks, one good and one that fails, beside other files."""
    scripts = {
        "good": SCRIPT.format(what="a", body="import sys; print(sys.executable)"),
        "bad": SCRIPT.format(what="b", body="raise SystemExit(7)"),
        "tables": '"""Write tables."""\n\nif True:\n    RECEIPT = 1\n',
    }
    for name, text in scripts.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(bench, "BENCHMARKS", tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def numpy_lstm():
    """The script as a module."""
    path = ROOT / "benchmarks" / "numpy_lstm.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- the command ---


def test_every_benchmark_is_listed(command):
    """Those of this checkout, each with a line about it, and no helper."""
    code, out, _ = command("bench")
    about = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert code == 0
    assert {"numpy_lstm", "shipped_models", "two_wings"} <= about.keys()
    assert about["shipped_models"].startswith("Score the shipped models")
    assert "tables" not in about


def test_a_benchmark_is_what_has_a_receipt(command, folder):
    """Sorted by name, with the first line of the docstring; nothing is run."""
    assert command("bench") == (
        0, "bad             Measure b.\ngood            Measure a.\n", "",
    )  # fmt: skip


def test_a_benchmark_runs_with_this_python(command, folder):
    """Its output is passed through."""
    assert command("bench", "good") == (0, f"{sys.executable}\n", "")


def test_the_exit_code_is_the_benchmarks_own(command, folder):
    """A failure is not swallowed."""
    assert command("bench", "bad")[0] == 7


@pytest.mark.parametrize("name", ["nonsense", "tables", "../good"])
def test_unknown_name(command, folder, name):
    """One sentence that names those that there are."""
    said = f"minis2s: there is no benchmark {name!r}; there are bad, good\n"
    assert command("bench", name) == (2, "", said)


@pytest.mark.parametrize("words", [(), ("good",)])
def test_outside_of_a_checkout(command, monkeypatch, tmp_path, words):
    """An installed package says where benchmarks are to be had."""
    monkeypatch.setattr(bench, "BENCHMARKS", tmp_path / "benchmarks")
    code, out, err = command("bench", *words)
    assert (code, out) == (2, "")
    assert "holds no benchmark; they come with a clone" in err


@pytest.mark.parametrize("name", ["ladder", "presets", "shipped_models", "two_wings"])
def test_a_benchmark_says_that_multi30k_is_missing(tmp_path, name):
    """One sentence and exit code 2, no traceback."""
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / f"{name}.py"],
        env={**os.environ, "MINIS2S_DATA": str(tmp_path)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{name}: multi30k/")
    assert done.stderr.count("\n") == 1


# --- NumPy beside PyTorch ---

TINY = {"batch": 2, "length": 3, "d_input": 5, "d_hidden": 7}


def test_receipt(numpy_lstm):
    """Times of all three, their ratios, and what they were computed with."""
    found = json.loads(json.dumps(numpy_lstm.measure(**TINY, n_runs=3)))
    assert found["config"] == {
        "batch": 2, "len": 3, "d_input": 5, "d_hidden": 7, "dtype": "float32",
        "runs": 3,
    }  # fmt: skip
    assert found["metrics"].keys() == {"numpy", "steps", "torch", "ratios"}
    ratios = {"numpy/torch", "steps/torch", "steps/numpy"}
    assert found["metrics"]["ratios"].keys() == ratios
    libraries = {"blas", "numpy_cpu_features", "torch_cpu_capability", "torch_mkldnn"}
    assert found["libraries"].keys() == libraries
    assert found["libraries"]["blas"]["name"]
    assert found["removed_variables"] == {}


def test_summary(numpy_lstm):
    """Medians, quartiles and ratios of medians, by hand."""
    times = {"numpy": [3.0, 1.0, 2.0], "steps": [4.0] * 3, "torch": [1.0, 1.0, 9.0]}
    found = numpy_lstm.summarise(times)
    assert found["numpy"] == {"median_ms": 2.0, "quartiles_ms": [1.5, 2.5]}
    ratios = {"numpy/torch": 2.0, "steps/torch": 4.0, "steps/numpy": 2.0}
    assert found["ratios"] == ratios


def test_implementations_take_turns(numpy_lstm):
    """After the warm-up each has the same number of times, in alternation."""
    calls = []
    runs = {name: lambda name=name: calls.append(name) for name in "ab"}
    times = numpy_lstm.time_in_turns(runs, n_runs=3, n_warm_up=2)
    assert "".join(calls) == "ab" * 5
    assert {name: len(found) for name, found in times.items()} == {"a": 3, "b": 3}


@pytest.mark.parametrize("index", range(9))
def test_disagreement_is_not_timed(numpy_lstm, index):
    """A wrong output or gradient, whichever, ends the benchmark by name."""
    problem = numpy_lstm.make_problem(*TINY.values())
    right = numpy_lstm.run_numpy(problem)
    wrong = [array * (1 + 1e-3 * (i == index)) for i, array in enumerate(right)]
    message = f"a and b disagree on {numpy_lstm.NAMES[index]}: relative error 5"
    with pytest.raises(ValueError, match=message):
        numpy_lstm.check_agreement({"a": lambda: right, "b": lambda: wrong})


def test_all_agree_in_float32(numpy_lstm):
    """The three implementations, and none of them has left float32."""
    problem = numpy_lstm.make_problem(*TINY.values())
    ours, steps = numpy_lstm.run_numpy(problem), numpy_lstm.run_steps(problem)
    theirs = numpy_lstm.make_torch(problem)
    runs = {"ours": lambda: ours, "steps": lambda: steps, "torch": theirs}
    numpy_lstm.check_agreement(runs)
    assert {array.dtype for array in [*ours, *steps]} == {np.dtype(np.float32)}


def test_fair_environment(numpy_lstm):
    """One thread for all, no handicap, the rest as it was; doing it twice is once."""
    before = {"PATH": "x", "OPENBLAS_CORETYPE": "old", "OMP_NUM_THREADS": "8"}
    fair = numpy_lstm.fair_environment(before)
    note = json.dumps({"OPENBLAS_CORETYPE": "old"})
    assert fair == {"PATH": "x", **numpy_lstm.ONE_THREAD, numpy_lstm.REMOVED: note}
    assert set(numpy_lstm.ONE_THREAD.values()) == {"1"}
    assert numpy_lstm.fair_environment(fair) == fair


def test_an_unfair_environment_starts_the_script_anew(
    numpy_lstm, monkeypatch, tmp_path
):
    """With the same words in a fair environment; its exit code is passed on."""
    calls = []

    def start(words, *, env, check):
        calls.append((words, env))
        return subprocess.CompletedProcess(words, 7)

    monkeypatch.setattr(numpy_lstm.subprocess, "run", start)
    monkeypatch.setattr(sys, "argv", ["x.py", "--out", str(tmp_path / "r.json")])
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with pytest.raises(SystemExit, match="7"):
        numpy_lstm.main()
    (words, env), *_ = calls
    assert words == [sys.executable, numpy_lstm.__file__, *sys.argv[1:]]
    assert env == numpy_lstm.fair_environment(os.environ)


def test_the_receipt_is_written_where_it_was_asked_for(
    numpy_lstm, monkeypatch, tmp_path, capsys
):
    """In a fair environment the script measures; its folder is made."""
    monkeypatch.setattr(numpy_lstm, "fair_environment", dict)
    monkeypatch.setattr(numpy_lstm, "measure", lambda: {"metrics": {"numpy": 1}})
    out = tmp_path / "deep" / "r.json"
    monkeypatch.setattr(sys, "argv", ["x.py", "--out", str(out)])
    numpy_lstm.main()
    assert json.loads(out.read_text()) == {"metrics": {"numpy": 1}}
    assert capsys.readouterr().out.endswith(f"{out}\n")

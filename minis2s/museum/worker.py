"""Runs tests against changed copies of the package: a child process for each change.

A script, not a module of the package: `python worker.py ROOT FOLDER`. ROOT is the
clone with the tests, FOLDER holds a copy of minis2s of which this worker may change
files. Jobs come in as lines of JSON, verdicts go out likewise.

Importing NumPy and PyTorch takes seconds, so it is done once, here; each child is
forked with them in memory, and imports nothing but minis2s. Where there is no fork
each child is a new interpreter.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LIBRARIES = (
    "numpy",
    "torch",
    "torch._dynamo",  # which an optimizer of torch asks for
    "pytest",
    "jaxtyping",
    "beartype",
    "sacrebleu",
    "sentencepiece",
    "safetensors.numpy",
    "platformdirs",
    "matplotlib.figure",
    "matplotlib.font_manager",
    "matplotlib.backends.backend_agg",
)
TIMEOUT_S = 300


class Watcher:
    """A pytest plugin that notes what failed, and where."""

    def __init__(self) -> None:
        self.failed: list[tuple[str, str]] = []
        self.broken: list[str] = []
        self.n_passed = 0

    def pytest_runtest_makereport(self, item: Any, call: Any) -> None:
        """Tell a failure of the test from one of its preparations."""
        import pytest

        if call.excinfo is None:
            self.n_passed += call.when == "call"
        elif call.excinfo.errisinstance(pytest.skip.Exception):
            self.broken.append(f"{item.nodeid} is skipped")
        elif call.when == "call":
            self.failed.append((item.nodeid, _first_line(call.excinfo.exconly())))
        else:
            self.broken.append(f"{item.nodeid}: {_first_line(call.excinfo.exconly())}")

    def pytest_collectreport(self, report: Any) -> None:
        """Remember what could not even be read."""
        if report.failed:
            lines = str(report.longrepr).splitlines()
            self.broken.append([line for line in lines if line[:1] == "E"][-1][1:])


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""


def run_tests(folder: Path, job: dict[str, Any]) -> dict[str, Any]:
    """Run a job's tests in this very process, which is of no further use then."""
    import pytest

    watcher = Watcher()
    # Of all the plugins that are installed only one is needed.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    flags = ["-q", "-p", "jaxtyping._pytest_plugin", "-p", "no:cacheprovider"]
    flags += ["-x"] if job["stop"] else []
    code = pytest.main([*flags, *job["tests"]], plugins=[watcher])
    broken = list(watcher.broken)
    if code not in (0, 1):
        broken.append(f"pytest ended with {int(code)}")
    if not watcher.n_passed and not watcher.failed:
        broken.append("no test was run")
    broken += _not_from(folder, job["module"])
    return {"failed": watcher.failed, "broken": broken}


def _not_from(folder: Path, module: str) -> Iterator[str]:
    """Complain if something else than the copy was tested."""
    for name in ("minis2s", module):
        if name not in sys.modules:
            yield f"{name} was never imported"
        elif folder not in Path(sys.modules[name].__file__).parents:
            yield f"{name} was imported from {sys.modules[name].__file__}"


@contextlib.contextmanager
def changed(folder: Path, job: dict[str, Any]) -> Iterator[None]:
    """The copy with the job's change, which is undone in the end.

    Python tells stale bytecode by a file's size and whole seconds, which two changes
    may share. So each job has a time of its own.
    """
    path = folder / job["path"]
    original, status = path.read_bytes(), path.stat()
    path.write_text(job["source"], encoding="utf-8")
    os.utime(path, (job["number"], job["number"]))
    try:
        yield
    finally:
        path.write_bytes(original)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def in_fork(folder: Path, job: dict[str, Any]) -> dict[str, Any]:
    """Run a job in a fork of this process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            _silence()
            verdict = run_tests(folder, job)
        except BaseException as error:  # the parent has to learn of it
            verdict = {"failed": [], "broken": [repr(error)]}
        os.write(writer, json.dumps(verdict).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        in_time = select.select([pipe], [], [], TIMEOUT_S)[0]
        if not in_time:
            os.kill(child, signal.SIGKILL)
        said = pipe.read()
    used = os.wait4(child, 0)[2]
    verdict = json.loads(said or '{"failed": [], "broken": ["took too long, or died"]}')
    return {**verdict, "seconds": used.ru_utime + used.ru_stime}


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def in_new_interpreter(folder: Path, job: dict[str, Any]) -> dict[str, Any]:
    """Run a job in a new interpreter, where there is no fork."""
    command = [sys.executable, __file__, str(Path.cwd()), str(folder), "--once"]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(job),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        )
    except subprocess.SubprocessError as error:
        return {"failed": [], "broken": [repr(error)]}
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Serve jobs until there are no more, or a single one in this very process."""
    root, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    os.chdir(root)
    elsewhere = [p for p in sys.path[1:] if Path(p).resolve() != root]
    sys.path[:] = [str(folder), *elsewhere]
    for name in [name for name in os.environ if name.startswith("PYTEST_")]:
        del os.environ[name]  # of a pytest that this may be running under
    sys.pycache_prefix = str(folder / "bytecode")  # nothing is written into the clone
    if "--once" in sys.argv:
        verdict = run_tests(folder, json.loads(sys.stdin.read()))
        sys.stdout.write("\n" + json.dumps(verdict) + "\n")
        return
    can_fork = hasattr(os, "fork")
    if can_fork:
        for name in LIBRARIES:
            importlib.import_module(name)
        gc.freeze()  # so that no child's collector walks through all of PyTorch
    for line in sys.stdin:
        job = json.loads(line)
        with changed(folder, job):
            verdict = (in_fork if can_fork else in_new_interpreter)(folder, job)
        sys.stdout.write(json.dumps(verdict) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

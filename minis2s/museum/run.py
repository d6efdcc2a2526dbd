"""Runs the exhibits: the tests of each, against the package with its one bug.

Two workers (worker.py) take turns. First the tests of all exhibits must pass on the
package as it is. Then every exhibit must be killed: one of its tests must fail, by an
assertion or an exception of its own. A bug that no test notices has survived; tests
that cannot be read, find nothing to run or take too long are errors of the museum.
"""

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minis2s.museum.exhibit import PACKAGE, Exhibit

ROOT = PACKAGE.parent
WORKER = Path(__file__).with_name("worker.py")
N_WORKERS = 2


@dataclass(frozen=True)
class Verdict:
    """What became of an exhibit."""

    name: str
    outcome: str
    """killed, survived or error; clean for the package as it is."""
    test: str
    """Node id of the first test that failed."""
    message: str
    """The first line of its complaint, or what went wrong with the museum."""
    seconds: float = 0.0
    """Of computing; 0 if nobody counted."""


def run(exhibits: Sequence[Exhibit]) -> Iterator[Verdict]:
    """Run exhibits; verdicts come as they are found.

    Yields:
        one for each exhibit, and one named "as it is" for the package without any.

    Raises:
        FileNotFoundError: if there are no tests, as in an installed package.
    """
    if not (ROOT / "tests").is_dir():
        raise FileNotFoundError(
            f"{ROOT / 'tests'}: the museum needs a clone with tests"
        )
    jobs: queue.SimpleQueue = queue.SimpleQueue()
    found: queue.SimpleQueue = queue.SimpleQueue()
    todo = [(None, _unchanged(exhibits))]
    for exhibit in exhibits:
        try:
            todo.append((exhibit, make_job(exhibit)))
        except (OSError, SyntaxError, ValueError) as error:
            yield Verdict(exhibit.name, "error", "", str(error))
    for number, (exhibit, job) in enumerate(todo, 1):
        jobs.put((exhibit, {**job, "number": number}))
    with copies() as folders:
        threads = [
            threading.Thread(target=_serve, args=(folder, jobs, found))
            for folder in folders
        ]
        for thread in threads:
            thread.start()
        for _ in todo:
            yield found.get()
        for thread in threads:
            thread.join()


def _unchanged(exhibits: Sequence[Exhibit]) -> dict[str, Any]:
    """All tests of all exhibits, on the package as it is."""
    tests = list(dict.fromkeys(test for e in exhibits for test in e.tests))
    file = "__init__.py"
    source = (PACKAGE / file).read_text(encoding="utf-8")
    return _as_job(file, source, tests, stop=False)


def make_job(exhibit: Exhibit) -> dict[str, Any]:
    """An exhibit's tests, on the package with its bug."""
    if not exhibit.tests:
        raise ValueError("names no test")
    if cheats := [test for test in exhibit.tests if _knows_of_the_museum(test)]:
        raise ValueError(f"{cheats[0]} knows of the museum")
    source = exhibit.mutated()
    return _as_job(exhibit.file, source, list(exhibit.tests), stop=True)


def _as_job(file: str, source: str, tests: list[str], *, stop: bool) -> dict[str, Any]:
    path = f"minis2s/{file}"
    parts = Path(path).with_suffix("").parts
    module = ".".join(part for part in parts if part != "__init__")
    return {
        "path": path,
        "module": module,
        "source": source,
        "tests": tests,
        "stop": stop,
    }


@contextlib.contextmanager
def copies() -> Iterator[list[Path]]:
    """A folder for each worker, with a copy of the package and our own data."""
    with tempfile.TemporaryDirectory(prefix="museum-") as temp:
        folders = [Path(temp).resolve() / str(n) for n in range(N_WORKERS)]
        for folder in folders:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(PACKAGE, folder / "minis2s", ignore=ignored)
            _lend(ROOT / "data", folder / "data")
        yield folders


def _lend(source: Path, target: Path) -> None:
    """Make a folder visible elsewhere, by a link where links are allowed."""
    try:
        target.symlink_to(source, target_is_directory=True)
    except OSError:
        shutil.copytree(source, target)


def _serve(folder: Path, jobs: queue.SimpleQueue, found: queue.SimpleQueue) -> None:
    """Hand jobs to one worker until there are none, and its verdicts back."""
    command = [sys.executable, str(WORKER), str(ROOT), str(folder)]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **threads},
    ) as worker:
        while True:
            try:
                exhibit, job = jobs.get_nowait()
            except queue.Empty:
                break
            found.put(_judge(exhibit, _ask(worker, job)))
        with contextlib.suppress(OSError):
            worker.stdin.close()


def _ask(worker: subprocess.Popen, job: dict[str, Any]) -> dict[str, Any] | None:
    """What a worker answers to a job; None if it is dead."""
    try:
        worker.stdin.write(json.dumps(job) + "\n")
        worker.stdin.flush()
    except OSError:
        return None
    return json.loads(worker.stdout.readline() or "null")


def _judge(exhibit: Exhibit | None, answer: dict[str, Any] | None) -> Verdict:
    name = exhibit.name if exhibit else "as it is"
    if answer is None:
        return Verdict(name, "error", "", "the worker died")
    failed, seconds = answer["failed"], answer.get("seconds", 0.0)
    if answer["broken"]:
        return Verdict(name, "error", "", "; ".join(answer["broken"]), seconds)
    if not failed:
        return Verdict(name, "survived" if exhibit else "clean", "", "", seconds)
    test, message = failed[0]
    if exhibit is None:
        return Verdict(name, "error", test, message, seconds)
    return Verdict(name, "killed", test.partition("[")[0], message, seconds)


def _knows_of_the_museum(test: str) -> bool:
    """Whether a test could tell that it is being tested."""
    file = ROOT / test.partition("::")[0]
    return "minis2s.museum" in file.read_text(encoding="utf-8")

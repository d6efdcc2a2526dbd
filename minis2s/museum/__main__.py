"""`python -m minis2s.museum [NAME ...]`: run exhibits, and write down what killed them.

Progress goes to stderr, the path of the table to stdout. The exit code is 1 if any
bug was not killed. With names only these are run, and no table is written.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from minis2s.museum.catalogue import EXHIBITS
from minis2s.museum.run import Verdict, run
from minis2s.museum.table import TABLE, make_table


def main() -> int:
    """Run what is asked for; 0 if every bug was killed."""
    asked = _parse()
    chosen = [e for e in EXHIBITS if not asked.names or e.name in asked.names]
    started = time.perf_counter()
    verdicts = []
    for verdict in run(chosen):
        verdicts.append(verdict)
        _say(f"{verdict.outcome:9} {verdict.name}  {verdict.test} {verdict.message}")
    used = os.times()
    seconds = {
        "wall": time.perf_counter() - started,
        "cpu": used.children_user + used.children_system,
    }
    n_killed = sum(verdict.outcome == "killed" for verdict in verdicts)
    _say(
        f"{n_killed} of {len(chosen)} killed in {seconds['wall']:.0f} s "
        f"({seconds['cpu']:.0f} s of computing)"
    )
    if asked.json:
        report = {"seconds": seconds, "verdicts": [asdict(v) for v in verdicts]}
        asked.json.write_text(json.dumps(report, indent=2), encoding="utf-8")
    if asked.output or not asked.names:
        _write(verdicts, asked.output or TABLE)
    return int(any(v.outcome not in ("killed", "clean") for v in verdicts))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m minis2s.museum")
    parser.add_argument("names", nargs="*", help="exhibits; all if none is named")
    parser.add_argument("--output", type=Path, help="where the table goes")
    parser.add_argument("--json", type=Path, help="where the verdicts go")
    asked = parser.parse_args()
    if unknown := set(asked.names) - {exhibit.name for exhibit in EXHIBITS}:
        parser.error(f"there is no exhibit {', '.join(sorted(unknown))}")
    return asked


def _say(line: str) -> None:
    sys.stderr.write(f"{line[:150]}\n")


def _write(verdicts: Sequence[Verdict], path: Path) -> None:
    killers = {verdict.name: verdict.test for verdict in verdicts}
    path.write_text(make_table(killers), encoding="utf-8")
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    sys.exit(main())

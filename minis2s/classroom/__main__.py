"""`python -m minis2s.classroom`: try every check on every wrong answer there is.

It writes the table of what was said and prints its path; with --check it writes
nothing, and the exit code is 1 if the table is not true any more.
"""

import argparse
import sys
from pathlib import Path

from minis2s.classroom.table import TABLE, make_table


def main() -> int:
    """Write the table, or compare it; 0 if it is true then."""
    parser = argparse.ArgumentParser(prog="python -m minis2s.classroom")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--output", type=Path, default=TABLE, help="where it goes")
    asked = parser.parse_args()
    table = make_table()
    if asked.check:
        return int(asked.output.read_text(encoding="utf-8") != table)
    asked.output.write_text(table, encoding="utf-8")
    sys.stdout.write(f"{asked.output}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

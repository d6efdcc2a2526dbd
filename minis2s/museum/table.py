"""The catalogue as Markdown."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from minis2s.museum.catalogue import EXHIBITS, ROOMS
from minis2s.museum.equivalent import EQUIVALENT
from minis2s.museum.exhibit import Exhibit

TABLE = Path(__file__).with_name("README.md")

_HEAD = """\
# The museum

Written by `make museum`; do not edit. {count} bugs of this field, each as one change to
our own code that at least one test of ours notices. `python -m minis2s.museum NAME`
runs a single one."""
_HARMLESS = """
## Not bugs

Changes that no test can notice, equal to rounding on 10,000 random inputs.

| change | file | what it looks like | why it is none |
|---|---|---|---|"""
_COLUMNS = "| exhibit | file | what was wrong | seen | how it shows | killed by |"


def make_table(killers: Mapping[str, str]) -> str:
    """The whole table.

    Args:
        killers: name of each exhibit -> node id of the test that killed it.
    """
    parts = [_HEAD.format(count=len(EXHIBITS))]
    for title, exhibits in ROOMS.items():
        rows = [_row(exhibit, killers.get(exhibit.name, "")) for exhibit in exhibits]
        parts.append("\n".join([f"\n## {title}\n", _COLUMNS, "|---" * 6 + "|", *rows]))
    rows = [_cells(_harmless(exhibit)) for exhibit in EQUIVALENT]
    parts.append("\n".join([_HARMLESS, *rows]))
    return "\n".join(parts) + "\n"


def _row(exhibit: Exhibit, killer: str) -> str:
    file, _, test = killer.partition("::")
    cells = (
        f"**{exhibit.name}**",
        f"`{exhibit.file}`",
        f"{exhibit.title}. {exhibit.story}",
        exhibit.seen,
        exhibit.symptom,
        f"`{file.removeprefix('tests/')}` `{test}`" if killer else "nothing",
    )
    return _cells(cells)


def _harmless(exhibit: Exhibit) -> tuple[str, ...]:
    told = f"{exhibit.title}. {exhibit.story}"
    return f"**{exhibit.name}**", f"`{exhibit.file}`", told, exhibit.reason


def _cells(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"

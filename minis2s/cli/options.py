"""What several commands share: their options, and how they speak."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from minis2s.config import InputError

logger = logging.getLogger("minis2s")

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="folder of a trained run")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda")]
Beam = Annotated[int, typer.Option(max=100, help="hypotheses kept; 1 is greedy")]
BatchSize = Annotated[int, typer.Option(help="sentences at a time; speed only")]


def set_quiet(quiet: bool) -> bool:
    """Notes and progress go to standard error, or nowhere."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.handlers = [handler]
    logger.setLevel(logging.ERROR if quiet else logging.INFO)
    return quiet


def is_quiet() -> bool:
    """Whether notes and progress are unwanted."""
    return not logger.isEnabledFor(logging.INFO)


Quiet = Annotated[
    bool,
    typer.Option("--quiet", callback=set_quiet, help="no progress, no notes"),
]


def require_place(path: Path | None) -> None:
    """Refuse early what could only fail when the work is done."""
    if path and not path.parent.is_dir():
        raise InputError(f"{path.parent} is not a folder")
    if path and path.is_dir():
        raise InputError(f"{path} is a folder, not a file")

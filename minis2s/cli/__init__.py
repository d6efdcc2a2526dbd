"""The command `minis2s`. Results go to standard output, all else to standard error.

A wing is imported inside the command that needs it, so that `--help` answers at once.
"""

from typing import Annotated

import typer

from minis2s import __version__
from minis2s.cli import data
from minis2s.cli.bench import bench
from minis2s.cli.train import train
from minis2s.cli.translate import attend, evaluate, translate

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # else [default: ...] in a help text would be swallowed
    help="Learn, train and look at sequence-to-sequence translation.",
)
for command in (train, translate, evaluate, attend, bench):
    app.command()(command)
app.add_typer(data.app, name="data")


def _version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"minis2s {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="print the version"
        ),
    ] = False,
) -> None:
    pass

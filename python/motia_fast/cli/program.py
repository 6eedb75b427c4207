"""The program itself: its commands, and how it ends."""

from __future__ import annotations

from typing import Annotated

import typer

import motia_fast
from motia_fast.cli import dead, declared, figures, items, jobs, start, ticks
from motia_fast.cli.groups import group
from motia_fast.cli.output import tolerate
from motia_fast.errors import MotiaError

program = group("Runs a motia_fast application, and asks about what it keeps.")


def main() -> None:
    """Runs the command line. Exits with 0, 1 (an error, told on standard error) or 2 (wrong usage)."""
    tolerate()
    try:
        program(prog_name="motia-fast")
    except (MotiaError, OSError) as error:
        typer.echo(f"motia_fast: {error}", err=True)
        raise SystemExit(1) from None


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"motia-fast {motia_fast.__version__}")
        raise typer.Exit


@program.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version.", show_default=False)
    ] = False,
) -> None:
    del version  # its callback did the work


for commands in (start, declared, jobs, figures):
    commands.add_to(program)
program.add_typer(dead.commands, name="dead")
program.add_typer(items.commands, name="state")
program.add_typer(ticks.commands, name="cron")

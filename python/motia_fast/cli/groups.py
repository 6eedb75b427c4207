"""How all groups of commands behave."""

from __future__ import annotations

import typer


def group(help: str) -> typer.Typer:  # noqa: A002 -- as typer calls it
    """An empty group. Without a command it prints its help; errors are plain text, as the program's own are."""
    return typer.Typer(
        help=help,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

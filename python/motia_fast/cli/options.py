"""The options and arguments that several commands share."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer


@dataclass(frozen=True, slots=True)
class Json:
    """A JSON value that was given; null too is one."""

    value: Any


def json_of(text: str) -> Json:
    """Reads an argument, or standard input for ``-``. A mistake is a usage error that says where it is."""
    given = sys.stdin.read() if text == "-" else text
    try:
        return Json(json.loads(given, parse_constant=_refuse))
    except (ValueError, RecursionError) as error:
        hint = f"; text is written in quotes of its own: '\"{text}\"'" if text.isidentifier() else ""
        raise typer.BadParameter(f"is not JSON: {error}{hint}") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


DataDir = Annotated[
    Path | None,
    typer.Option(
        help="The data directory. Otherwise MOTIA_FAST_DATA_DIR, that of --app, or ./.motia_fast.", show_default=False
    ),
]
AppTarget = Annotated[
    str | None,
    typer.Option(
        "--app",
        metavar="TARGET",
        help="The application: app.py, app.py:name, package.module:name or a folder of steps.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.", show_default=False)]
Limit = Annotated[int, typer.Option(min=1, help="How many at most.")]
After = Annotated[int, typer.Option(help="Only those with a higher id.", show_default=False)]
OfStep = Annotated[str | None, typer.Option(metavar="NAME", help="Only those of this step.", show_default=False)]
Data = Annotated[Json, typer.Argument(parser=json_of, metavar="JSON", help="The data; - reads it from standard input.")]

"""What commands print: tables, JSON, and single lines. Nothing is shortened without saying so."""

from __future__ import annotations

import io
import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

#: Characters to which the widest column of a table may be folded; one that needs more is printed field by field.
NARROWEST = 24
#: Characters of data that a line of a table shows.
PREVIEW = 60

#: What would move the cursor, ring, or start a terminal's escape sequence; a newline and a tab have their uses.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
#: The same in JSON, where the others are escaped already.
_JSON_CONTROLS = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}

_GAP = "  "


def show(answer: Any, as_json: bool, human: Callable[[Any], None]) -> None:
    """Prints an answer as JSON, or the way people read it."""
    if as_json:
        print_json(answer)
    else:
        human(answer)


def print_json(answer: Any, indent: int | None = 2) -> None:
    """Prints a value as JSON."""
    ascii_only = not sys.stdout.encoding.lower().startswith("utf")
    text = json.dumps(answer, ensure_ascii=ascii_only, indent=indent)
    sys.stdout.write(text.translate(_JSON_CONTROLS) + "\n")


def say(text: str) -> None:
    """Prints text; what could steer the terminal is made visible."""
    sys.stdout.write(_clean(text) + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table: on a terminal as it fits there, else one line a row, as wide as it is."""
    cells = [[_clean(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _fitted(columns, cells)
    else:
        _plain(columns, [[cell.replace("\n", "\\n") for cell in row] for row in cells])


def tolerate() -> None:
    """Lets standard output and error take any text, whatever their encoding: what they cannot show is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def fields(values: Mapping[str, str]) -> None:
    """Prints names and their values, one a line."""
    width = max(map(len, values))
    for name, value in values.items():
        say(f"{name:<{width}}  {value}")


def note(text: str | None) -> None:
    """Prints a line to standard error, beside an answer that is right as it is; None is nothing to say."""
    if text is not None:
        typer.echo(_clean(text), err=True)


def more(page: Mapping[str, Any], flag: str = "--after") -> None:
    """Says how to go on, where a page is not the last one."""
    if page["next"] is not None:
        typer.echo(f"there are more: {flag} {page['next']}", err=True)


def preview(value: Any) -> str:
    """A value in a line, cut with a word about its length where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= PREVIEW else f"{text[:PREVIEW]}… ({len(text):,} characters)"


def when(time: str | None) -> str:
    """A time of an answer, local and to the second: ``2026-11-24 17:09:59``; --json has all of it."""
    if time is None:
        return "-"
    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def count(number: int, what: str) -> str:
    """Such as ``1 dead letter`` and ``2 dead letters``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _fitted(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    console = Console()
    widths = _widths(columns, rows)
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - console.width
    widest = max(range(len(widths)), key=widths.__getitem__)
    if excess <= 0 or widths[widest] - excess >= NARROWEST:
        console.print(_table(columns, rows, widths, widest))
        return
    for row in rows:
        fields(dict(zip(columns, row, strict=True)))
        say("")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], folded: int) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, len(_GAP), 0, 0))
    for index, (column, width) in enumerate(zip(columns, widths, strict=True)):
        table.add_column(column, overflow="fold", min_width=None if index == folded else width)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text, since brackets in a cell are no markup
    return table


def _plain(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = _widths(columns, rows)
    for row in (columns, *rows):
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(_GAP.join(padded).rstrip() + "\n")


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cell_len, column)) for column in zip(columns, *rows, strict=True)]


def _clean(text: str) -> str:
    return text.translate(_CONTROLS)

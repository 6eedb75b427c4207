"""Rows as tables: for a terminal, and in Markdown."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from benches.results import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benches.results import Row

_HEAD = ("", "Rust", "Python", "", "spread", "Rust : Python")


def number(value: float | None) -> str:
    """Three digits that count, and no more: the fourth is another one the next time."""
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 100:
        digits = max(0, len(f"{abs(value):.0f}") - 3)
        return f"{round(value, -digits):,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def times(ratio: float | None) -> str:
    """A ratio, as one says it."""
    if ratio is None:
        return "-"
    digits = 2 if ratio < 1 else 1 if ratio < 10 else 0
    return f"{ratio:.{digits}f}x"


def spread(row: Row) -> str:
    """Those of both engines; of the one that there is."""
    found = [share for share in (row.spread("rust"), row.spread("pure")) if share is not None]
    return " / ".join(f"±{100 * share:.0f} %" for share in found) or "-"


def cells(row: Row) -> tuple[str, ...]:
    """What a row says, in the order of the head."""
    return (
        row.title,
        number(row.median("rust")),
        number(row.median("pure")),
        row.unit,
        spread(row),
        times(row.ratio),
    )


def terminal(rows: Iterable[Row]) -> str:
    """One table, its columns aligned, each group under its name."""
    found = list(rows)
    widths = [max(map(len, column)) for column in zip(_HEAD, *map(cells, found), strict=True)]
    lines = [_line(_HEAD, widths)]
    for group, members in groupby(found, key=lambda row: row.group):
        lines += [GROUPS[group], *(_line(cells(row), widths) for row in members)]
    return "\n".join(lines)


def markdown(rows: Sequence[Row]) -> str:
    """The table of a page: medians with their units, spreads, and ratios."""
    lines = ["| | Rust | Python | Spread | Rust : Python |", "|---|--:|--:|--:|--:|"]
    for group, members in groupby(rows, key=lambda row: row.group):
        lines.append(f"| **{GROUPS[group]}** | | | | |")
        for row in members:
            title, rust, pure, unit, share, ratio = cells(row)
            lines.append(f"| {title} | {_with(rust, unit)} | {_with(pure, unit)} | {share} | {ratio} |")
    return "\n".join(lines)


def brief(rows: Iterable[Row]) -> str:
    """The table of the README: the figures that say most, without groups and spreads."""
    lines = ["| | Rust | Python | Rust : Python |", "|---|--:|--:|--:|"]
    for row in rows:
        if row.headline:
            title, rust, pure, unit, _, ratio = cells(row)
            lines.append(f"| {title} | {_with(rust, unit)} | {_with(pure, unit)} | {ratio} |")
    return "\n".join(lines)


def _with(value: str, unit: str) -> str:
    return value if value == "-" else f"{value}/s" if unit == "1/s" else f"{value} {unit}"


def _line(cells: tuple[str, ...], widths: Sequence[int]) -> str:
    title, *numbers = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(("", title.strip().ljust(widths[0]), *numbers)).rstrip()

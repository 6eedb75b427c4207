"""The rates that say most as a bar chart in SVG: for each a bar of each engine, the longer one over the whole width."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Literal

from benches.tables import number, times

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benches.results import Row

#: Pixels. A row has a line for each engine; titles are left of the bars, rates at their ends, ratios at the right.
WIDTH, TITLES, BARS = 860, 320, 350
LINE, ROW, HEAD, FOOT = 15, 44, 34, 12

#: Colours hold on white and on black; text follows the reader's theme where the viewer knows it.
STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f }
  .rate { font-size: 11.5px; fill: #57606a }
  .ratio { font-weight: 600 }
  .rust { fill: #c4562c }
  .pure { fill: #4a7dbd }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .rate { fill: #9da7b3 }
  }
"""


def chart(rows: Sequence[Row]) -> str:
    """An SVG document of all rows that are rates and headlines; the caller chooses nothing else."""
    shown = [row for row in rows if row.headline and row.more_is_better]
    height = HEAD + ROW * len(shown) + FOOT
    body = [_legend(), *(part for place, row in enumerate(shown) for part in _row(row, HEAD + ROW * place))]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="Rates of the Rust engine and of the pure Python engine">\n'
        f"<style>{STYLE}</style>\n" + "\n".join(body) + "\n</svg>\n"
    )


def _legend() -> str:
    rust, pure = TITLES, TITLES + 80
    return (
        f'<rect class="rust" x="{rust}" y="8" width="11" height="11" rx="2"/><text x="{rust + 17}" y="18">Rust</text>'
        f'<rect class="pure" x="{pure}" y="8" width="11" height="11" rx="2"/><text x="{pure + 17}" y="18">Python</text>'
        f'<text class="ratio" x="{WIDTH}" y="18" text-anchor="end">Rust : Python</text>'
    )


def _row(row: Row, top: int) -> Iterator[str]:
    middle = top + LINE + 4
    yield f'<text x="{TITLES - 12}" y="{middle}" text-anchor="end">{escape(row.title)}</text>'
    longest = max(row.median("rust") or 0.0, row.median("pure") or 0.0)
    yield from _bar(row, "rust", top, longest)
    yield from _bar(row, "pure", top + LINE, longest)
    yield f'<text class="ratio" x="{WIDTH}" y="{middle}" text-anchor="end">{times(row.ratio)}</text>'


def _bar(row: Row, engine: Literal["rust", "pure"], top: int, longest: float) -> Iterator[str]:
    value = row.median(engine)
    if value is None:
        return
    width = max(1.0, BARS * value / longest)
    yield f'<rect class="{engine}" x="{TITLES}" y="{top}" width="{width:.1f}" height="{LINE - 2}" rx="2"/>'
    yield f'<text class="rate" x="{TITLES + width + 6:.1f}" y="{top + LINE - 4}">{number(value)}/s</text>'

"""What a run of the benches says: one table, or the pages that are made of it.

    python -m benches.report .benchmarks/bench.json                 prints the table
    python -m benches.report --publish .benchmarks/bench.json       keeps the run, and writes it into the pages

Pages are made of all runs that are kept in ``benches/results``, so that benches that take minutes have runs of their
own. What lies between ``<!-- speed -->`` and ``<!-- /speed -->`` in a page is replaced.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benches.chart import chart
from benches.results import described, read, reduced, rows
from benches.tables import brief, markdown, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benches" / "results"

_MARKED = re.compile(r"(<!-- speed -->\n).*?(<!-- /speed -->)", re.DOTALL)


def pages(runs: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The files that show runs, by their path from the root: README, page and chart, as they should be."""
    found = rows(runs)
    machines = "\n".join(f"- {described(run)}" for run in runs) or "- nothing yet"
    page = f"![Rates of both engines](performance.svg)\n\n{markdown(found)}\n\nMeasured on\n\n{machines}"
    return {
        "README.md": replaced(ROOT / "README.md", brief(found)),
        "docs/performance.md": replaced(ROOT / "docs" / "performance.md", page),
        "docs/performance.svg": chart(found),
    }


def replaced(page: Path, text: str) -> str:
    """The page with `text` between its marks. Raises ValueError if it does not have exactly one pair of them."""
    made, count = _MARKED.subn(lambda marks: f"{marks[1]}\n{text}\n\n{marks[2]}", page.read_text(encoding="utf-8"))
    if count != 1:
        raise ValueError(f"{page} has {count} pairs of <!-- speed --> and <!-- /speed -->, and must have one")
    return made


def kept() -> list[dict[str, Any]]:
    """The runs that were published, that of all benches first."""
    return read(sorted(RESULTS.glob("*.json"), key=lambda file: (file.stem != "bench", file.stem)))


def publish(files: Sequence[Path]) -> None:
    """Keeps runs under the names of their files, and writes all pages."""
    RESULTS.mkdir(exist_ok=True)
    for file, run in zip(files, read(files), strict=True):
        (RESULTS / file.name).write_text(json.dumps(reduced(run), indent=1) + "\n", encoding="utf-8")
    for path, text in pages(kept()).items():
        (ROOT / path).write_text(text, encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, help="JSON of pytest-benchmark")
    parser.add_argument("--publish", action="store_true", help="write README, docs/performance and benches/results")
    given = parser.parse_args()
    runs = read(given.files)
    print(terminal(rows(runs)))
    for run in runs:
        print(f"\n{described(run)}")
    if given.publish:
        publish(given.files)
        print("written: benches/results, README.md, docs/performance.md, docs/performance.svg", file=sys.stderr)


if __name__ == "__main__":
    main()

"""Whether a large backlog costs more than disk: memory, and the rate at which its first jobs run.

It takes minutes and some 150 bytes of disk for each job: `make bench-backlog`, of 10 million jobs unless it is told.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benches.measuring import Measure, Name
from benches.processes import MIB, line, python

#: Jobs that are run of each backlog, and all of a small one.
FIRST = 200_000


@pytest.fixture
def jobs(pytestconfig: pytest.Config) -> int:
    if pytestconfig.getoption("smoke"):
        return 20_000
    found: int | None = pytestconfig.getoption("backlog")
    return found if found is not None else pytest.skip("takes minutes: make bench-backlog")


def filled(engine: Name, home: Path, jobs: int) -> float:
    """Makes a backlog and kills its maker; returns the seconds."""
    with python("benches.backlog", "fill", engine, home, jobs) as process:
        return float(json.loads("{" + line(process, "{"))["seconds"])


def drained(engine: Name, home: Path, jobs: int) -> dict[str, float]:
    """Runs the first jobs in a fresh process."""
    with python("benches.backlog", "drain", engine, home, jobs) as process:
        found: dict[str, float] = json.loads("{" + line(process, "{"))
        return found


def test_a_large_backlog_costs_only_disk(home: Path, engine: Name, jobs: int, measure: Measure) -> None:
    first = measure.size(FIRST, smoke=2_000)
    filled(engine, home / "small", first)
    small = drained(engine, home / "small", first)
    seconds = filled(engine, home / "large", jobs)
    size = sum(file.stat().st_size for file in (home / "large" / ".motia_fast").iterdir())
    large, _ = measure(lambda: drained(engine, home / "large", first))
    name = f"{jobs:,} waiting jobs"
    measure.rate(f"{name}: fill, in lists of 1,000", jobs, seconds)
    measure.rate(f"{name}: drain of the first {first:,}", first, large["seconds"])
    measure.rate(f"{first:,} waiting jobs: drain of all", first, small["seconds"])
    measure.figure(f"{name}: most memory of the drain", large["peak"] / MIB, "MiB")
    measure.figure(f"{first:,} waiting jobs: most memory of the drain", small["peak"] / MIB, "MiB")
    measure.figure(f"{name}: disk", size / MIB, "MiB")

"""How soon a process works again after a kill, with a backlog: it opens, declares its step, and claims the first job.

The file is the same for all engines and turns: a copy of one that was filled, and whose process was killed.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from benches.measuring import ENGINES, Measure, Name
from benches.processes import MIB, line, python


@pytest.fixture(scope="module")
def killed() -> Iterator[Callable[[int], Path]]:
    """The home of a process that was killed with so many jobs waiting."""
    made: dict[int, Path] = {}
    with TemporaryDirectory(dir="/var/tmp", prefix="motia_fast-bench-") as folder:

        def of(jobs: int) -> Path:
            if jobs not in made:
                made[jobs] = Path(folder, str(jobs))
                with python("benches.backlog", "fill", ENGINES[0], made[jobs], jobs) as process:
                    line(process, "{")
            return made[jobs]

        yield of


@pytest.mark.parametrize(("full", "smoke"), [(100_000, 1_000), (1_000_000, 2_000)], ids=["100,000", "1,000,000"])
def test_a_process_opens_a_backlog_after_a_kill(
    full: int, smoke: int, killed: Callable[[int], Path], home: Path, engine: Name, measure: Measure
) -> None:
    shutil.copytree(killed(measure.size(full, smoke=smoke)), home, dirs_exist_ok=True)
    os.sync()  # the copy is not to be written while the clock runs

    def open_cold() -> str:
        with python("benches.backlog", "open", engine, home) as process:
            return line(process, "{")

    said, _ = measure(open_cold)
    figures = json.loads("{" + said)
    measure.duration(f"open {full:,} waiting jobs, to the first claim", figures["seconds"], headline=full == 1_000_000)
    measure.figure(
        f"memory of {full:,} waiting jobs, above imports", (figures["resident"] - figures["before"]) / MIB, "MiB"
    )

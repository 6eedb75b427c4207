"""How long users wait after a crash: from the start of the new process to the job that ran when the old one died."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from benches.measuring import Measure, Name
from benches.processes import line, python


def test_a_job_runs_again_after_a_kill_and_a_restart(home: Path, engine: Name, measure: Measure) -> None:
    with python("benches.unfinished", home, engine, "enqueue") as first:
        line(first, "runs")
    with ExitStack() as stack:
        _, seconds = measure(lambda: line(stack.enter_context(python("benches.unfinished", home, engine)), "runs"))
    measure.duration("kill, restart, and the job runs again", seconds, headline=True)

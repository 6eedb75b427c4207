"""How long a job waits where nothing is in its way: from the call of `enqueue`, over the sync, to the handler."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from benches.applications import application
from benches.measuring import Measure, Name, at
from motia_fast import App, queue

#: Jobs a second.
PACE = 200


async def enqueue_at_pace(app: App, jobs: int) -> None:
    """Each when it is due, whether or not those before it have been acknowledged."""
    began = time.perf_counter()
    async with asyncio.TaskGroup() as calls:
        for number in range(jobs):
            await asyncio.sleep(began + number / PACE - time.perf_counter())
            calls.create_task(app.enqueue("work", {"id": number, "at": time.perf_counter()}))


def test_a_job_starts_soon_after_it_is_enqueued(
    home: Path, engine: Name, measure: Measure, runner: asyncio.Runner
) -> None:
    jobs = measure.size(1_000, smoke=40)
    app = application(home, engine)
    waits: list[float] = []

    @app.step(queue("work", concurrency=256))
    async def work(data: dict[str, float]) -> None:
        waits.append(time.perf_counter() - data["at"])

    async def run() -> None:
        async with app.running():
            await enqueue_at_pace(app, jobs)
            assert app.services is not None
            await app.services.worker.until(lambda: len(waits) == jobs)

    measure(lambda: runner.run(run()))
    measure.duration("enqueue to start, at 200/s, p50", at(0.5, waits), headline=True)
    measure.duration("enqueue to start, at 200/s, p99", at(0.99, waits), headline=True)

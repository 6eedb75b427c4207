"""Jobs that fail and come back: each failure goes through the retry policy, the store and the timer wheel."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benches.applications import LIST, application, drain, fill, opened
from benches.measuring import Measure, Name
from motia_fast import Context, queue
from motia_fast.access import SyncAccess
from motia_fast.contract import Done, EngineSettings, Failed, Failure, Message, RetryPolicy, Settlement, Subscription
from motia_fast.engine import open_engine

if TYPE_CHECKING:
    from motia_fast.contract import Engine, Job, Outcome

#: Seconds after which a failed job runs again: short, and long enough that all of them wait in the wheel.
BACK_OFF = 0.05
FAILED = Failed(Failure("Busy", "try again"))


def outcome_of(job: Job) -> Outcome:
    """Every job fails once, and every second one twice."""
    return FAILED if job.attempt <= 1 + int(job.payload) % 2 else Done()


def turn(access: SyncAccess, settlements: list[Settlement]) -> list[Job]:
    return access.call(lambda: access.engine.turn("bench", "async", settlements, 64)).jobs


def settle_all(engine: Engine) -> int:
    """Runs jobs until none is left, as a worker without handlers would; returns the number of attempts."""
    access, runs, settlements = SyncAccess(engine), 0, list[Settlement]()
    while settlements or engine.schedules.unfinished("work/work"):
        engine.tick()
        jobs = turn(access, settlements)
        settlements = [Settlement(job.lease, outcome_of(job)) for job in jobs]
        runs += len(jobs)
        if not jobs:  # the next ones wait for the disk, or for the end of their back-off
            engine.wait(engine.committed)
            time.sleep(min(engine.next_due() or 0.0, BACK_OFF))
    engine.wait(engine.committed)
    return runs


def test_an_engine_alone_takes_a_retry_storm(home: Path, engine: Name, measure: Measure) -> None:
    jobs = measure.size(20_000, smoke=200)
    kept = open_engine(engine, EngineSettings(home / "data"))
    retry = RetryPolicy(backoff="fixed", backoff_delay=BACK_OFF, jitter=0.0)
    kept.register([Subscription("work/work", "work", "work", concurrency=256, retry=retry)])
    for start in range(0, jobs, LIST):
        kept.enqueue([Message("work", b"%d" % number) for number in range(start, start + LIST)])
    kept.wait(kept.committed)
    runs, seconds = measure(lambda: settle_all(kept))
    kept.close()
    assert runs == jobs * 5 // 2
    measure.rate("retry storm, engine alone: attempts", runs, seconds)


class Busy(Exception):
    """Why a job is to run again."""


def test_handlers_that_raise_make_a_retry_storm(
    home: Path, engine: Name, measure: Measure, runner: asyncio.Runner
) -> None:
    jobs = measure.size(10_000, smoke=200)
    app = application(home, engine)
    runs = 0

    @app.step(queue("work", concurrency=256, backoff="fixed", backoff_delay=BACK_OFF, jitter=0.0))
    async def work(number: int, ctx: Context) -> None:
        nonlocal runs
        runs += 1
        if ctx.attempt <= 1 + number % 2:
            raise Busy

    services = runner.run(opened(app))
    runner.run(fill(services, [Message("work", b"%d" % number) for number in range(jobs)]))
    _, seconds = measure(lambda: runner.run(drain(services)))
    runner.run(app.close())
    assert runs == jobs * 5 // 2
    measure.rate("retry storm, async handlers: attempts", runs, seconds, headline=True)

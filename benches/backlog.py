"""A backlog, made and opened by processes of their own, so that each memory and each start is that of a fresh process.

    python -m benches.backlog fill ENGINE HOME JOBS      makes it, then waits to be killed
    python -m benches.backlog open ENGINE HOME           opens it, to the first claim, then waits to be killed
    python -m benches.backlog drain ENGINE HOME JOBS     runs the first of its jobs, then waits to be killed

Each prints one line of JSON.
"""

from __future__ import annotations

import json
import select
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import uvloop

from benches.applications import PAYLOAD, application, opened
from benches.processes import resident
from motia_fast import queue
from motia_fast.access import SyncAccess
from motia_fast.contract import EngineSettings, Message
from motia_fast.engine import open_engine

if TYPE_CHECKING:
    from motia_fast import App
    from motia_fast.contract import Engine
    from motia_fast.engine import Name

#: Messages of one list.
LIST = 1_000


def declared(home: Path, engine: str) -> App:
    """An application whose only step does nothing."""
    app = application(home, engine)

    @app.step(queue("work", concurrency=256))
    async def work(data: object) -> None: ...

    return app


def plainly_opened(home: Path, engine: str) -> Engine:
    """The engine of that application, with its step declared."""
    kept = open_engine(cast("Name", engine), EngineSettings(home / ".motia_fast"))
    kept.register([one for step in declared(home, engine).steps for one in step.subscriptions()])
    return kept


def fill(engine: str, home: Path, jobs: int) -> dict[str, Any]:
    """Makes the backlog; seconds until all of it survives a power cut."""
    kept = plainly_opened(home, engine)
    access, messages = SyncAccess(kept), [Message("work", PAYLOAD)] * LIST
    began = time.perf_counter()
    for start in range(0, jobs, LIST):
        count = min(LIST, jobs - start)
        access.call(lambda: kept.enqueue(messages[:count]))  # noqa: B023 -- called at once
    kept.wait(kept.committed)
    return {"seconds": time.perf_counter() - began}


def open_cold(engine: str, home: Path) -> dict[str, Any]:
    """Seconds to open the engine, declare the step and claim the first job, and bytes resident then and before."""
    before = resident()
    began = time.perf_counter()
    kept = plainly_opened(home, engine)
    while not kept.claim("bench", "async", 1):
        select.select([kept.wake_fd], [], [], 10)
        kept.acknowledge()
    return {"seconds": time.perf_counter() - began, "before": before, "resident": resident()}


def drain(engine: str, home: Path, jobs: int) -> dict[str, Any]:
    """Seconds in which a worker runs that many jobs, and the most bytes that were ever resident."""
    app = declared(home, engine)

    async def first_jobs() -> float:
        services = await opened(app)
        left = services.engine.schedules.unfinished("work/work") - jobs
        began = time.perf_counter()
        await services.work()
        await services.worker.until(lambda: services.engine.schedules.unfinished("work/work") <= left)
        return time.perf_counter() - began

    return {"seconds": uvloop.run(first_jobs()), "peak": resident(what="VmHWM")}


def main(verb: str, engine: str, home: str, jobs: str = "0") -> None:
    match verb:
        case "fill":
            said = fill(engine, Path(home), int(jobs))
        case "open":
            said = open_cold(engine, Path(home))
        case _:
            said = drain(engine, Path(home), int(jobs))
    print(json.dumps(said), flush=True)
    signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])

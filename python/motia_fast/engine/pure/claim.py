"""Claim: ready jobs become running, each with a lease."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motia_fast.clock import micros
from motia_fast.engine.pure.parts import job_of

if TYPE_CHECKING:
    from motia_fast.clock import Micros
    from motia_fast.contract import Job, Kind
    from motia_fast.engine.pure.job import Record
    from motia_fast.engine.pure.lane import Scheduler
    from motia_fast.engine.pure.lease import Run
    from motia_fast.engine.pure.parts import Parts


def claim(parts: Parts, owner: str, kind: Kind, limit: int) -> list[Job]:
    """See the contract. Every job in a lane is durable: `publish` put it there."""
    with parts.running():
        elapsed = parts.clock.elapsed()
        scheduler = parts.schedulers[kind]
        runs: list[Run] = []
        room = min(limit, parts.settings.concurrency - len(parts.leases))
        while len(runs) < room and (record := _next(parts, scheduler)) is not None:
            runs.append(_start(parts, owner, kind, record, elapsed))
        parts.note_running()
        for lane in {run.record.sub.lanes.get(run.record.priority) for run in runs}:
            if lane is not None and lane.low:
                parts.reader.refill(lane)
        return [job_of(run) for run in runs]


def _next(parts: Parts, scheduler: Scheduler) -> Record | None:
    if scheduler.suspects and not parts.leases.suspect_runs:
        suspect = scheduler.pick_suspect()
        if suspect is not None:
            return suspect
    return scheduler.pick()


def _start(parts: Parts, owner: str, kind: Kind, record: Record, elapsed: Micros) -> Run:
    run = parts.leases.give(owner, kind, record, elapsed, parts.running_file.take(record.id))
    subscribed = record.sub
    subscribed.running += 1
    subscribed.counters.wait.add((elapsed - record.ready_at) / 1e6)
    if subscribed.declared.timeout is not None:
        parts.deadlines.add(run.lease, micros(subscribed.declared.timeout), elapsed)
    return run

"""Load: memory as the file has it. Nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motia_fast.contract import ScheduleRow
from motia_fast.engine.pure import rows
from motia_fast.engine.pure.lane import Scheduler
from motia_fast.engine.pure.reader import next_expiry
from motia_fast.engine.pure.state import Item
from motia_fast.engine.pure.wheel import START, Wheel

if TYPE_CHECKING:
    import sqlite3

    from motia_fast.engine.pure.job import Record
    from motia_fast.engine.pure.lane import Lane
    from motia_fast.engine.pure.parts import Parts

#: Bytes of state that are read at once when the engine opens: a small state is warm from the start, and a large one
#: does not delay the first job.
_STATE_BYTES = 16 * 1024 * 1024


def load(parts: Parts) -> None:
    """Fills the memory of an engine that is being opened."""
    with parts.store.reader() as connection:
        _schedules(parts, connection)
        _state(parts, connection)
        expiry = next_expiry(connection, parts.settings.dead_for)
        if expiry is not None:
            parts.expire_from(expiry)
        _jobs(parts, connection)


def reload_jobs(parts: Parts) -> None:
    """Reads all jobs anew. Only while none is running and every commit is durable."""
    parts.schedulers = {"async": Scheduler("async"), "thread": Scheduler("thread")}
    parts.condemned.clear()
    for known in parts.subscribed.values():
        known.lanes.clear()
        known.wheel = Wheel(parts.settings.window_jobs)
        known.scheduled = known.suspected = known.unfinished = 0
    with parts.store.reader() as connection:
        _jobs(parts, connection)


def _jobs(parts: Parts, connection: sqlite3.Connection) -> None:
    sql = "SELECT sub, count(*) FROM job WHERE place = 2 AND crashes = 0 GROUP BY sub"
    scheduled = connection.execute(sql).fetchall()
    for number, _ in scheduled:
        parts.by_number[number].wheel = Wheel(parts.settings.window_jobs, START)
    newest: dict[Lane, list[Record]] = {}
    suspects: list[Record] = []
    for record in rows.waiting(connection, parts.by_number.__getitem__):
        if record.crashes:
            suspects.append(record)
            record.sub.wheel.take_out(record.id)  # the wheel comes upon its row, and knows it
        else:
            newest.setdefault(record.sub.lane(record.priority, parts.settings), []).append(record)
    _spilled(parts, connection, newest)
    _scheduled(parts, connection, scheduled)
    for record in suspects:
        record.sub.unfinished += 1
        _suspect(parts, record)
    for known in parts.subscribed.values():
        known.unfinished += sum(len(lane.jobs) + lane.spilled for lane in known.lanes.values()) + known.scheduled
        parts.offer(known)


def _spilled(parts: Parts, connection: sqlite3.Connection, newest: dict[Lane, list[Record]]) -> None:
    """Fills the lanes. A job entered the window only while nothing was spilled, so older spilled jobs go before it."""
    elapsed = parts.clock.elapsed()
    sql = "SELECT sub, priority, count(*) FROM job WHERE place = 1 GROUP BY sub, priority"
    for number, priority, count in connection.execute(sql):
        lane = parts.by_number[number].lane(priority, parts.settings)
        lane.spilled = lane.stored = count
    for lane, records in newest.items():
        older = rows.spilled(connection, lane, records[-1].id) if lane.spilled else []
        lane.spilled -= len(older)
        lane.stored -= len(older)
        lane.cursor = older[-1].id if older else 0
        for record in sorted(older + records, key=lambda record: record.id):
            record.ready_at = elapsed
            lane.push(record)


def _scheduled(parts: Parts, connection: sqlite3.Connection, counts: list[tuple[int, int]]) -> None:
    limit = parts.settings.window_jobs
    for number, count in counts:
        known = parts.by_number[number]
        known.scheduled = count
        parts.timed.add(known)
        start = known.wheel.load(parts.clock.now())
        if start is not None:
            found = rows.due(connection, known, start, limit)
            known.wheel.loaded(found, more=len(found) == limit)


def _suspect(parts: Parts, record: Record) -> None:
    if record.crashes >= parts.settings.max_crashes:
        parts.condemned.append(record)
    else:
        parts.make_ready(record)


def _schedules(parts: Parts, connection: sqlite3.Connection) -> None:
    for number, expression, zone, last in connection.execute("SELECT sub, expression, zone, last FROM schedule"):
        name = parts.by_number[number].id
        parts.schedules[name] = ScheduleRow(name, expression, zone, last)


def _state(parts: Parts, connection: sqlite3.Connection) -> None:
    limit = min(_STATE_BYTES, parts.settings.state_cache_bytes)
    taken = 0
    for group, key, *rest in connection.execute("SELECT grp, key, id, value, version, expires FROM state ORDER BY id"):
        item = Item(*rest)
        taken += len(item.value or b"") + len(key) + len(group)
        if taken > limit:
            return
        parts.cache.put((group, key), item)
    parts.cache.complete = True

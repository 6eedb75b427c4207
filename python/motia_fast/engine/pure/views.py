"""What people see of jobs: rows of the file, under what memory knows better."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from motia_fast.clock import micros
from motia_fast.contract import Attempt, JobFilter, JobView
from motia_fast.engine.pure.job import decode_failure
from motia_fast.engine.pure.schema import DEAD, SCHEDULED

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from motia_fast.contract import JobState
    from motia_fast.engine.pure.job import Record
    from motia_fast.engine.pure.parts import Parts, View

_COLUMNS = "id, message, sub, priority, place, due, attempt, crashes, enqueued, meta, payload"
#: Rows that are read at once while a filter looks for those it wants.
_PAGE = 512


def find(parts: Parts, which: JobFilter, limit: int, after: int, *, attempts: bool = False) -> list[JobView]:
    """The jobs that fit, with id above `after`, by id."""
    if limit <= 0:
        return []
    with parts.snapshot() as (connection, view):
        found: list[JobView] = []
        for job in _merged(parts, connection, view, which, after):
            if _fits(parts, job, which) and not _expired(parts, view, job):
                found.append(_with_attempts(connection, view, job) if attempts else job)
                if len(found) == limit:
                    break
        return found


def _merged(
    parts: Parts, connection: sqlite3.Connection, view: View, which: JobFilter, after: int
) -> Iterator[JobView]:
    """All candidates by id: stored rows, replaced by unsynced ones where there are any."""
    unsynced = {id_: record for id_, record in view.jobs.items() if id_ > after}
    fresh = sorted(id_ for id_, record in unsynced.items() if record is not None)
    for job in _stored(parts, connection, view, which, after):
        while fresh and fresh[0] <= job.id:
            yield _from_record(parts, view, unsynced[fresh.pop(0)])
        if job.id not in unsynced:
            yield job
    for id_ in fresh:
        yield _from_record(parts, view, unsynced[id_])


def _stored(
    parts: Parts, connection: sqlite3.Connection, view: View, which: JobFilter, after: int
) -> Iterator[JobView]:
    where, values = _where(parts, which)
    sql = f"SELECT {_COLUMNS} FROM job WHERE {where} AND id > ? ORDER BY id LIMIT {_PAGE}"  # noqa: S608 -- constants
    while rows := connection.execute(sql, (*values, after)).fetchall():
        for row in rows:
            yield _from_row(parts, view, row)
        after = rows[-1][0]


def _where(parts: Parts, which: JobFilter) -> tuple[str, list[object]]:
    """What SQL can narrow down by itself."""
    clauses: list[str] = ["1"]
    values: list[object] = []
    if which.ids is not None:
        clauses.append("id IN (SELECT value FROM json_each(?))")
        values.append(str(list(which.ids)))
    if which.state is not None:
        clauses.append(f"place {'=' if which.state == 'dead' else '<>'} {DEAD}")
    if which.subscription is not None or which.step is not None:
        numbers = [
            known.number for known in list(parts.subscribed.values()) if _names(known.id, known.declared.step, which)
        ]
        clauses.append("sub IN (SELECT value FROM json_each(?))")
        values.append(str(numbers))
    return " AND ".join(clauses), values


def _names(subscription: str, step: str, which: JobFilter) -> bool:
    return which.subscription in (None, subscription) and which.step in (None, step)


def _fits(parts: Parts, job: JobView, which: JobFilter) -> bool:
    step = parts.subscribed[job.subscription].declared.step
    return (
        (which.ids is None or job.id in which.ids)
        and (which.state is None or job.state == which.state)
        and (which.step is None or which.step == step)
        and (which.subscription is None or which.subscription == job.subscription)
    )


def _expired(parts: Parts, view: View, job: JobView) -> bool:
    """A dead letter that is too old is gone for everybody at once; the next sweep removes its row."""
    return job.state == "dead" and (job.at or 0) + micros(parts.settings.dead_for) <= view.now


def _from_row(parts: Parts, view: View, row: tuple[Any, ...]) -> JobView:
    id_, message, sub, priority, place, due, attempt, crashes, enqueued, meta, payload = row
    known = parts.by_number[sub]
    state = _state(view, id_, place)
    at = due if state in ("scheduled", "dead") else None
    return JobView(
        id_, message, known.id, state, priority, attempt, crashes, enqueued, at, payload, meta, known.orphaned
    )


def _from_record(parts: Parts, view: View, record: Record | None) -> JobView:
    assert record is not None  # noqa: S101 -- those that are gone were left out
    return _from_row(
        parts,
        view,
        (
            record.id,
            record.message,
            record.sub.number,
            record.priority,
            record.place,
            record.due,
            record.attempt,
            record.crashes,
            record.enqueued,
            record.meta,
            record.payload,
        ),
    )


def _state(view: View, job: int, place: int) -> JobState:
    if job in view.running:
        return "running"
    if place == DEAD:
        return "dead"
    return "scheduled" if place == SCHEDULED and job not in view.due else "ready"


def _with_attempts(connection: sqlite3.Connection, view: View, job: JobView) -> JobView:
    sql = "SELECT n, at, error FROM attempt WHERE job = ? ORDER BY n"
    attempts = [Attempt(n, at, decode_failure(error)) for n, at, error in connection.execute(sql, (job.id,))]
    for commit in view.unsynced:
        for id_, at, error in commit.attempts:
            # A commit that is written but not published is in the file already.
            if id_ == job.id and (at, error) not in [(known.at, known.error) for known in attempts]:
                attempts.append(Attempt(len(attempts) + 1, at, error))
    return replace(job, attempts=tuple(attempts))

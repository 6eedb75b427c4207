"""Rows of `job` as records: every way in which a job comes back from the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from motia_fast.engine.pure.job import Record, decode_failure
from motia_fast.engine.pure.schema import SCHEDULED, WINDOW

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from motia_fast.engine.pure.lane import Lane
    from motia_fast.engine.pure.subscribed import Subscribed

_COLUMNS = "id, message, sub, priority, place, due, attempt, crashes, enqueued, meta, payload"
#: Only a scheduled row can have failed before, so only those pay for this.
_LAST_ERROR = "(SELECT error FROM attempt WHERE job = job.id ORDER BY n DESC LIMIT 1)"


def waiting(connection: sqlite3.Connection, by_number: Callable[[int], Subscribed]) -> list[Record]:
    """The rows that no index leads to: those of the windows, and jobs that were running in a crash; by id."""
    sql = (
        f"SELECT {_COLUMNS}, CASE WHEN place = {SCHEDULED} THEN {_LAST_ERROR} END FROM job "  # noqa: S608 -- constants
        f"WHERE place = {WINDOW} OR (place = {SCHEDULED} AND crashes > 0) ORDER BY id"
    )
    return [_record(row, by_number) for row in connection.execute(sql)]


def spilled(connection: sqlite3.Connection, lane: Lane, until: int) -> list[Record]:
    """The spilled rows of a lane beyond its cursor with ids below `until`, by id."""
    sql = (
        f"SELECT {_COLUMNS}, NULL FROM job "  # noqa: S608 -- constants
        "WHERE place = 1 AND sub = ? AND priority = ? AND id > ? AND id < ? ORDER BY id"
    )
    values = (lane.sub.number, lane.priority, lane.cursor, until)
    return [_record(row, lambda _: lane.sub) for row in connection.execute(sql, values)]


def refill(connection: sqlite3.Connection, lane: Lane, count: int, size: int) -> list[Record]:
    """The next rows of a lane: at most `count`, and not many more than `size` bytes."""
    sql = (
        f"SELECT {_COLUMNS}, NULL FROM job "  # noqa: S608 -- constants
        "WHERE place = 1 AND sub = ? AND priority = ? AND id > ? ORDER BY id LIMIT ?"
    )
    found: list[Record] = []
    taken = 0
    for row in connection.execute(sql, (lane.sub.number, lane.priority, lane.cursor, count)):
        found.append(_record(row, lambda _: lane.sub))
        taken += found[-1].size
        if taken >= size:
            break
    return found


def due(connection: sqlite3.Connection, subscribed: Subscribed, horizon: tuple[int, int], count: int) -> list[Record]:
    """The next `count` scheduled rows of a subscription from the horizon on, by (due, id)."""
    sql = (
        f"SELECT {_COLUMNS}, {_LAST_ERROR} FROM job "  # noqa: S608 -- constants
        "WHERE place = 2 AND sub = ? AND (due, id) >= (?, ?) ORDER BY due, id LIMIT ?"
    )
    values = (subscribed.number, *horizon, count)
    return [_record(row, lambda _: subscribed) for row in connection.execute(sql, values)]


def _record(row: tuple[Any, ...], by_number: Callable[[int], Subscribed]) -> Record:
    id_, message, sub, priority, place, due_, attempt, crashes, enqueued, meta, payload, error = row
    return Record(
        id_,
        message,
        by_number(sub),
        priority,
        enqueued,
        meta,
        payload,
        place=place,
        due=due_,
        attempt=attempt,
        crashes=crashes,
        error=decode_failure(error) if error is not None else None,
    )

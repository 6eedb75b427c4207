"""The thread that reads ahead: lanes from their spill, scheduled jobs from beyond the horizon, the next expiry.

It reads in short transactions of its own, without the lock, and hands over what it found under the lock.
"""

from __future__ import annotations

import logging
import queue
import threading
from typing import TYPE_CHECKING

from motia_fast.clock import SECOND, micros
from motia_fast.engine.pure import rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from motia_fast.clock import Micros
    from motia_fast.engine.pure.lane import Lane
    from motia_fast.engine.pure.parts import Parts
    from motia_fast.engine.pure.subscribed import Subscribed
    from motia_fast.engine.pure.wheel import Place, Wheel

log = logging.getLogger("motia_fast.engine")

#: Rows of one read: long enough to be worth a thread's switch, short enough to hold a snapshot for a few ms.
_CHUNK = 4_096


class Reader:
    """Answers requests one after another."""

    def __init__(self, parts: Parts) -> None:
        """Idle until `start`."""
        self._parts = parts
        self._requests: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="motia_fast-reader", daemon=True)

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def refill(self, lane: Lane) -> None:
        """Asks for the next jobs of a lane. Under the lock."""
        lane.refilling = True
        self._requests.put(lambda: self._refill(lane))

    def load_due(self, subscribed: Subscribed, start: Place) -> None:
        """Asks for scheduled jobs from a place on; the wheel knows that they are coming. Under the lock."""
        wheel = subscribed.wheel
        self._requests.put(lambda: self._load_due(subscribed, wheel, start))

    def find_expiry(self) -> None:
        """Asks when the next thing expires."""
        self._requests.put(self._find_expiry)

    def close(self) -> None:
        """Finishes what was asked, and ends the thread."""
        self._requests.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (request := self._requests.get()) is not None:
            try:
                request()
            except Exception as error:  # noqa: BLE001 -- whatever it was, lanes that wait for this thread must not hang
                log.critical("cannot read %s: %s", self._parts.store.path, error)
                self._parts.committer.fail(error)
                return

    def _refill(self, lane: Lane) -> None:
        parts = self._parts
        with parts.lock:
            if lane.sub.lanes.get(lane.priority) is not lane:
                return  # the jobs were read anew meanwhile
            # Ids rise with commits, so the first `stored` rows beyond the cursor are exactly those that are durable.
            count = min(lane.stored, _CHUNK, max(1, lane.window_jobs - len(lane.jobs)))
        with parts.store.reader() as connection:
            found = rows.refill(connection, lane, count, lane.window_bytes // 2)
        with parts.lock:
            lane.refilling = False
            lane.spilled -= len(found)
            lane.stored -= len(found)
            elapsed = parts.clock.elapsed()
            for record in found:
                lane.cursor = record.id
                record.ready_at = elapsed
                lane.push(record)
            parts.offer(lane.sub)

    def _load_due(self, subscribed: Subscribed, wheel: Wheel, start: Place) -> None:
        parts = self._parts
        count = min(_CHUNK, parts.settings.window_jobs)
        with parts.store.reader() as connection:
            found = rows.due(connection, subscribed, start, count)
        with parts.lock:
            if subscribed.wheel is wheel:  # else the jobs were read anew meanwhile
                commits = parts.committer.unsynced()
                unpublished = {record.id for commit in commits for record in (*commit.inserted, *commit.changed)}
                wheel.loaded(found, more=len(found) == count, unpublished=unpublished)
                parts.wake.signal()

    def _find_expiry(self) -> None:
        parts = self._parts
        with parts.store.reader() as connection:
            soonest = next_expiry(connection, parts.settings.dead_for)
        if soonest is not None:
            with parts.lock:
                # Expired items are hidden from every verb at once; removing them can wait for company.
                parts.expire_from(max(soonest, parts.clock.now() + SECOND))


def next_expiry(connection: sqlite3.Connection, dead_for: float) -> Micros | None:
    """When the first parked message, dead letter or state item in the file expires; three index look-ups."""
    dead = connection.execute("SELECT min(due) FROM job WHERE place = 3").fetchone()[0]
    times = [
        connection.execute("SELECT min(until) FROM parked").fetchone()[0],
        connection.execute("SELECT min(expires) FROM state WHERE expires IS NOT NULL").fetchone()[0],
        dead + micros(dead_for) if dead is not None else None,
    ]
    return min((time for time in times if time is not None), default=None)

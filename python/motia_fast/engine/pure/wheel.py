"""What waits for time: scheduled jobs, and the deadlines of running ones. A pure function of the two clock readings.

Delays, retries and timeouts follow the elapsed clock; `run_at` and everything read back from the store follow the wall.
At most about `2 * limit` scheduled jobs are in memory. The later ones wait in the store beyond the *horizon*, a
(due, id) that moves forward as the memory drains; an entry at or beyond it is in the store only.
"""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from motia_fast.clock import Micros
    from motia_fast.contract import Lease
    from motia_fast.engine.pure.job import Record

#: Beyond every time and id.
NEVER = (2**63 - 1, 2**63 - 1)


class Wheel:
    """The scheduled jobs of one subscription by when they are due."""

    def __init__(self, limit: int) -> None:
        """Keeps the soonest `limit` jobs in memory, twice as many at times."""
        self._limit = limit
        self._order = itertools.count()
        self._by_elapsed: list[tuple[Micros, int, Record]] = []
        self._by_wall: list[tuple[Micros, int, Record]] = []
        self.horizon: tuple[Micros, int] = NEVER
        #: While the reader loads from the horizon on, what becomes durable beyond it is kept here: the reader's
        #: snapshot may be older than it, and the new horizon would pass over it.
        self._late: list[Record] | None = None
        #: Jobs that were due and are ready or running now. Their rows still say "scheduled", and if the horizon moved
        #: back below them (a clock that jumped), the reader would find them a second time.
        self._out: set[int] = set()
        #: Those of them that were settled, by commits that are not durable: their rows still say "scheduled".
        self._leaving: set[int] = set()
        self._out_while_loading: set[int] = set()

    def __len__(self) -> int:
        """The jobs in memory."""
        return len(self._by_elapsed) + len(self._by_wall)

    @property
    def empty(self) -> bool:
        """Whether nothing is scheduled, in memory or beyond the horizon."""
        return not len(self) and self.horizon is NEVER and self._late is None

    def hands_over(self, record: Record, now: Micros, elapsed: Micros) -> bool:
        """Whether a job that has just become durable is due, and need not wait behind others that are."""
        time, due = (elapsed, record.due_elapsed) if record.due_elapsed is not None else (now, record.due or 0)
        return due <= time and not self._full and _when(record) < self.horizon

    def add(self, record: Record) -> None:
        """Takes a durable scheduled job, or leaves it to the store."""
        if _when(record) < self.horizon:
            self._push(record)
        elif self._late is not None:
            self._late.append(record)
        if len(self) > 2 * self._limit:
            self._shrink()

    def due(self, now: Micros, elapsed: Micros) -> list[Record]:
        """Takes what is due, by either clock, soonest first; nothing while so much of it waits for places already."""
        if self._full:
            return []
        records = _pop(self._by_elapsed, elapsed) + _pop(self._by_wall, now)
        for record in records:
            self.take_out(record.id)
        return records

    @property
    def _full(self) -> bool:
        return len(self._out) - len(self._leaving) >= self._limit

    @property
    def out(self) -> frozenset[int]:
        """The jobs whose rows say "scheduled", but that are ready or running."""
        return frozenset(self._out - self._leaving)

    def take_out(self, job: int) -> None:
        """The job, whose row says "scheduled", is ready: the reader must not bring it again."""
        self._out.add(job)
        self._out_while_loading.add(job)

    def leave(self, job: int) -> None:
        """The job was settled: it takes no place any more, but until that is durable the reader must not bring it."""
        if job in self._out:
            self._leaving.add(job)

    def forget(self, job: int) -> None:
        """The job's row has changed for good: it is gone, dead, or scheduled anew."""
        self._out.discard(job)
        self._leaving.discard(job)

    def next_due(self, now: Micros, elapsed: Micros) -> Micros | None:
        """Microseconds until something is due, 0 or more; None when nothing waits, or `due` would give nothing."""
        if self._full:
            return None
        waits = [heap[0][0] - time for heap, time in ((self._by_elapsed, elapsed), (self._by_wall, now)) if heap]
        if self.low:
            waits.append(self.horizon[0] - now)
        return max(0, min(waits)) if waits else None

    @property
    def low(self) -> bool:
        """Whether it is time to read beyond the horizon."""
        return self.horizon is not NEVER and self._late is None and len(self) <= self._limit // 2 and not self._full

    def loading(self) -> None:
        """The reader is about to open a snapshot and load from the horizon on."""
        self._late = []
        self._out_while_loading = set(self._out)

    def loaded(self, records: list[Record], *, more: bool) -> None:
        """Takes what the reader found, in (due, id) order; `more` says that it stopped before the end."""
        late, self._late = self._late or [], None
        self.horizon = NEVER if not more or not records else _after(records[-1])
        brought = [record for record in records if record.id not in self._out_while_loading]
        for record in brought:
            self._push(record)
        ids = {record.id for record in brought}
        for record in late:
            if record.id not in ids:  # what became durable before the snapshot was taken is in both
                self.add(record)

    def _push(self, record: Record) -> None:
        if record.due_elapsed is not None:
            heapq.heappush(self._by_elapsed, (record.due_elapsed, next(self._order), record))
        else:
            heapq.heappush(self._by_wall, (record.due or 0, next(self._order), record))

    def _shrink(self) -> None:
        records = sorted((entry[2] for heap in (self._by_elapsed, self._by_wall) for entry in heap), key=_when)
        self._by_elapsed, self._by_wall = [], []
        self.horizon = min(self.horizon, _when(records[self._limit]))
        for record in records[: self._limit]:
            self._push(record)
        if self._late is not None:  # the load that is under way begins at an older, later horizon
            self._late.extend(records[self._limit :])


class Deadlines:
    """Running jobs by when they are overdue.

    Jobs of equal timeout become overdue in the order of their claims, so each timeout has a queue (a dict keeps its
    order) that a settle leaves in O(1): what was settled costs no memory until a deadline that no longer matters.
    """

    def __init__(self) -> None:
        """Nothing runs."""
        self._queues: dict[Micros, dict[Lease, Micros]] = {}
        self._timeouts: dict[Lease, Micros] = {}

    def add(self, lease: Lease, timeout: Micros, elapsed: Micros) -> None:
        """The job is overdue `timeout` from now."""
        self._queues.setdefault(timeout, {})[lease] = elapsed + timeout
        self._timeouts[lease] = timeout

    def drop(self, lease: Lease) -> None:
        """The job has ended."""
        timeout = self._timeouts.pop(lease, None)
        if timeout is not None:
            self._queues[timeout].pop(lease, None)

    def due(self, elapsed: Micros) -> list[Lease]:
        """Takes the leases whose time is over."""
        found = []
        for queue in self._queues.values():
            late = [lease for lease, _ in itertools.takewhile(lambda entry: entry[1] <= elapsed, queue.items())]
            for lease in late:
                del queue[lease]
            found += late
        return found

    def next_due(self, elapsed: Micros) -> Micros | None:
        """Microseconds until one is overdue, 0 or more; None when nothing has a deadline."""
        firsts = [next(iter(queue.values())) for queue in self._queues.values() if queue]
        return max(0, min(firsts) - elapsed) if firsts else None


def _when(record: Record) -> tuple[Micros, int]:
    return (record.due or 0, record.id)


def _after(record: Record) -> tuple[Micros, int]:
    return (record.due or 0, record.id + 1)


def _pop(heap: list[tuple[Micros, int, Record]], until: Micros) -> list[Record]:
    found = []
    while heap and heap[0][0] <= until:
        found.append(heapq.heappop(heap)[2])
    return found

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
    from collections.abc import Set as AbstractSet

    from motia_fast.clock import Micros
    from motia_fast.contract import Lease
    from motia_fast.engine.pure.job import Record

#: A place in the order in which the store has scheduled jobs: (due, id). `START` is before, `NEVER` beyond all of them.
Place = tuple[int, int]
START: Place = (-(2**63), -(2**63))
NEVER: Place = (2**63 - 1, 2**63 - 1)


class _Loading:
    """What happens between the beginning of a load and its end, and its snapshot may be older or newer than."""

    __slots__ = ("forgotten", "late", "left")

    def __init__(self) -> None:
        #: What became durable at the horizon or beyond: the new horizon would pass over it.
        self.late: list[Record] = []
        #: The least place at which something was left to the store: the new horizon is not beyond it.
        self.left: Place = NEVER
        #: Jobs that were out, and whose rows have changed: the snapshot may have them as they were.
        self.forgotten: set[int] = set()


class Wheel:
    """The scheduled jobs of one subscription by when they are due.

    A *load* takes three steps: `load` under the lock says from where; a reader opens a snapshot, at any time after
    that, and reads the rows that are there; `loaded` under the lock takes them.
    """

    def __init__(self, limit: int, horizon: Place = NEVER) -> None:
        """Keeps the soonest `limit` jobs in memory, twice as many at times. From `horizon` on the store has more."""
        self._limit = limit
        self._order = itertools.count()
        self._by_elapsed: list[tuple[Micros, int, Record]] = []
        self._by_wall: list[tuple[Micros, int, Record]] = []
        self._horizon = horizon
        self._loading: _Loading | None = None
        #: Jobs that were due and are ready or running now. Their rows still say "scheduled", and if the horizon moved
        #: back below them (a clock that jumped), a load would bring them a second time.
        self._out: set[int] = set()
        #: Those of them that were settled, by commits that are not durable: their rows still say "scheduled".
        self._leaving: set[int] = set()

    def __len__(self) -> int:
        """The jobs in memory."""
        return self._near + (len(self._loading.late) if self._loading is not None else 0)

    @property
    def empty(self) -> bool:
        """Whether nothing is scheduled, in memory or beyond the horizon."""
        return not self._near and self._horizon == NEVER and self._loading is None

    def hands_over(self, record: Record, now: Micros, elapsed: Micros) -> bool:
        """Whether a job that has just become durable is due, and need not wait behind others that are."""
        time, due = (elapsed, record.due_elapsed) if record.due_elapsed is not None else (now, record.due or 0)
        return due <= time and not self._full and _when(record) < self._horizon

    def add(self, record: Record) -> None:
        """Takes a durable scheduled job, or leaves it to the store."""
        if _when(record) < self._horizon:
            self._push(record)
        elif self._loading is not None:
            self._loading.late.append(record)
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
    def out(self) -> frozenset[int]:
        """The jobs whose rows say "scheduled", but that are ready or running."""
        return frozenset(self._out - self._leaving)

    def take_out(self, job: int) -> None:
        """The job, whose row says "scheduled", is ready: no load may bring it again."""
        self._out.add(job)
        self._leaving.discard(job)

    def leave(self, job: int) -> bool:
        """The job was settled: it takes no place any more, but until that is durable no load may bring it.

        Says whether that ends a time in which nothing became due for want of places: `next_due` is nearer then.
        """
        was_full = self._full
        if job in self._out:
            self._leaving.add(job)
        return was_full and not self._full

    def forget(self, job: int) -> None:
        """The job's row has changed for good: it is gone, dead, or scheduled anew."""
        if job not in self._out:
            return
        self._out.remove(job)
        self._leaving.discard(job)
        if self._loading is not None:
            self._loading.forgotten.add(job)

    def next_due(self, now: Micros, elapsed: Micros) -> Micros | None:
        """Microseconds until `due` or `load` has something to do, 0 or more; None when neither would."""
        if self._full:
            return None
        waits = [heap[0][0] - time for heap, time in ((self._by_elapsed, elapsed), (self._by_wall, now)) if heap]
        if self._beyond is not None:
            waits.append(self._beyond[0] - now)
        return max(0, min(waits)) if waits else None

    def load(self, now: Micros) -> Place | None:
        """Begins a load when it is time for one, and says from which place on.

        That is when memory has drained by half, and also when what waits beyond the horizon may be due: what is in
        memory may follow the elapsed clock, and be due long after a wall that was set forwards says so.
        """
        start = self._beyond
        if start is None or (self._near > self._limit // 2 and start[0] > now):
            return None
        self._loading = _Loading()
        return start

    def loaded(self, records: list[Record], *, more: bool, unpublished: AbstractSet[int] = frozenset()) -> None:
        """Ends a load with what it found, in (due, id) order; `more` says that it stopped before the end.

        `unpublished` are the jobs that commits schedule which are not published: the snapshot may show their rows, but
        those commits bring them.
        """
        loading, self._loading = self._loading or _Loading(), None
        self._horizon = min(_after(records[-1]) if more and records else NEVER, loading.left)
        # What became durable before the snapshot is in both. The one that came late knows the elapsed clock.
        elsewhere = {record.id for record in loading.late} | self._out | loading.forgotten | unpublished
        for record in records:
            if _when(record) < self._horizon and record.id not in elsewhere:
                self._push(record)
        for record in loading.late:
            self.add(record)

    @property
    def _full(self) -> bool:
        return len(self._out) - len(self._leaving) >= self._limit

    @property
    def _near(self) -> int:
        """The jobs before the horizon."""
        return len(self._by_elapsed) + len(self._by_wall)

    @property
    def _beyond(self) -> Place | None:
        """The horizon, if a load could move it."""
        return None if self._horizon == NEVER or self._loading is not None or self._full else self._horizon

    def _push(self, record: Record) -> None:
        if record.due_elapsed is not None:
            heapq.heappush(self._by_elapsed, (record.due_elapsed, next(self._order), record))
        else:
            heapq.heappush(self._by_wall, (record.due or 0, next(self._order), record))

    def _shrink(self) -> None:
        """Leaves all but the soonest `limit` jobs to the store."""
        near = [entry[2] for heap in (self._by_elapsed, self._by_wall) for entry in heap]
        late = self._loading.late if self._loading is not None else []
        cut = heapq.nsmallest(self._limit + 1, map(_when, near + late))[-1]
        self._by_elapsed, self._by_wall = [], []
        for record in sorted(near, key=_when):
            if _when(record) < cut:
                self._push(record)
        self._horizon = min(self._horizon, cut)
        if self._loading is not None:
            self._loading.late = [record for record in late if _when(record) < cut]
            self._loading.left = min(self._loading.left, cut)


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

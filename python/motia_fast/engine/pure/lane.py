"""Ready jobs: a lane for each subscription and priority, and the scheduler that picks from them.

A lane is a window on the store. It keeps at most `window_jobs` jobs in memory; what does not fit is *spilled*, which
costs an index entry, and is read back in id order as the window drains. Loading writes nothing: the row keeps its
place, and `cursor` remembers how far the window has read.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from motia_fast.contract import Kind
    from motia_fast.engine.pure.job import Record
    from motia_fast.engine.pure.subscribed import Subscribed

#: Every 16th hand-out takes the oldest job of any lane, so that nothing starves.
AGEING = 16
PRIORITIES = 10


class Lane:
    """The ready jobs of one subscription and one priority, oldest first."""

    __slots__ = (
        "active",
        "bytes",
        "cursor",
        "jobs",
        "priority",
        "promised",
        "refilling",
        "spilled",
        "stored",
        "sub",
        "window_bytes",
        "window_jobs",
    )

    def __init__(self, sub: Subscribed, priority: int, window_jobs: int, window_bytes: int) -> None:
        """An empty lane."""
        self.sub = sub
        self.priority = priority
        self.window_jobs = window_jobs
        self.window_bytes = window_bytes
        self.jobs: deque[Record] = deque()
        #: Bytes of the jobs in memory, and of the jobs whose commits have a place in memory but are not durable yet.
        self.bytes = 0
        self.promised = 0
        #: Jobs that wait in the store beyond `cursor`, counted from their commit on, durable or not.
        self.spilled = 0
        #: Those of them that are durable, so that the reader finds them.
        self.stored = 0
        self.cursor = 0
        self.refilling = False
        #: Whether the scheduler has it in its rotation.
        self.active = False

    def admits(self, size: int) -> bool:
        """Whether a new job of `size` bytes may enter memory: only behind everything that is already in line."""
        count = len(self.jobs) + self.promised
        return not self.spilled and count < self.window_jobs and (not count or self.bytes + size <= self.window_bytes)

    def promise(self, record: Record) -> None:
        """Keeps a place in memory for a job whose commit is not durable yet."""
        self.promised += 1
        self.bytes += record.size

    def keep(self, record: Record) -> None:
        """Takes the job for which a place was promised."""
        self.promised -= 1
        self.jobs.append(record)

    def push(self, record: Record) -> None:
        """Takes a job that had no promise: loaded, due, or released."""
        self.bytes += record.size
        self.jobs.append(record)

    def put_back(self, record: Record) -> None:
        """Takes a released job where it was: at the head."""
        self.bytes += record.size
        self.jobs.appendleft(record)

    def pop(self) -> Record:
        """Hands out the oldest job."""
        record = self.jobs.popleft()
        self.bytes -= record.size
        return record

    @property
    def low(self) -> bool:
        """Whether it is time to read more from the store."""
        return (
            self.stored > 0
            and not self.refilling
            and len(self.jobs) <= self.window_jobs // 2
            and self.bytes <= self.window_bytes // 2
        )


class Scheduler:
    """Picks jobs of one kind: higher priority first, round robin among equals, oldest first within a lane."""

    def __init__(self, kind: Kind) -> None:
        """Nothing is ready."""
        self.kind = kind
        #: By priority; each deque is a rotation. A lane is in it at most once, and leaves when it is met without work.
        self._levels: list[deque[Lane]] = [deque() for _ in range(PRIORITIES)]
        self._handed_out = 0
        #: Ready jobs that were running in a crash: they run one at a time, so that the guilty one is found alone.
        self.suspects: deque[Record] = deque()

    def activate(self, lanes: Iterable[Lane]) -> bool:
        """Puts lanes that have jobs and free places into the rotation; says whether there was one."""
        found = False
        for lane in lanes:
            if lane.jobs and lane.sub.free:
                found = True
                if not lane.active:
                    lane.active = True
                    self._levels[lane.priority].append(lane)
        return found

    @property
    def waiting(self) -> bool:
        """Whether a job waits for nothing but a place of the engine, or for the end of another suspect."""
        return any(True for _ in self._eligible()) or any(record.sub.free for record in self.suspects)

    def pick(self) -> Record | None:
        """Takes the next job; the caller counts it as running before it asks again."""
        self._handed_out += 1
        if self._handed_out % AGEING == 0:
            lane = min(self._eligible(), key=lambda lane: lane.jobs[0].id, default=None)
        else:
            lane = self._next_lane()
        return lane.pop() if lane is not None else None

    def pick_suspect(self) -> Record | None:
        """Takes the first suspect whose subscription has a place; the caller asks only while no other one runs."""
        for index, record in enumerate(self.suspects):
            if record.sub.free:
                del self.suspects[index]
                record.sub.suspected -= 1
                return record
        return None

    def _eligible(self) -> Iterator[Lane]:
        return (lane for level in self._levels for lane in level if lane.jobs and lane.sub.free)

    def _next_lane(self) -> Lane | None:
        for level in reversed(self._levels):
            while level:
                lane = level.popleft()
                if lane.jobs and lane.sub.free:
                    level.append(lane)
                    return lane
                lane.active = False
        return None

"""Commits: numbered in the order in which they became visible, made durable in groups, published after their sync.

One thread takes what is pending, writes it as one transaction, syncs once, and publishes: under the engine's lock
`durable` advances and jobs are handed out. There is no artificial delay: an idle enqueue costs one sync, and a loaded
engine shares one among hundreds.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from motia_fast.engine.pure.metrics import COMMITS, SECONDS, Observed
from motia_fast.engine.pure.store import Group
from motia_fast.errors import EngineClosed, EngineStopped, PendingFull

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from motia_fast.clock import Micros
    from motia_fast.contract import EngineSettings, Failure, ParkedView
    from motia_fast.engine.pure.job import Record
    from motia_fast.engine.pure.lane import Lane
    from motia_fast.engine.pure.store import Operation, Store
    from motia_fast.engine.pure.wake import Wake

log = logging.getLogger("motia_fast.engine")


@dataclass(slots=True)
class Commit:
    """One all-or-nothing list of changes, and what becomes of its jobs once it is durable."""

    number: int = 0
    #: New rows of `job`, jobs that are gone, and everything else that is written, in order.
    inserted: list[Record] = field(default_factory=list)
    deleted: list[int] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    #: Jobs that are to be scheduled, or are dead; not those in `inserted`.
    changed: list[Record] = field(default_factory=list)
    parked: list[ParkedView] = field(default_factory=list)
    #: Failures that it adds to jobs, as (job, at, error).
    attempts: list[tuple[int, Micros, Failure]] = field(default_factory=list)
    #: Jobs that were due, and whose rows no longer say "scheduled" once it is durable.
    left: list[Record] = field(default_factory=list)
    #: Lanes that got spilled jobs.
    spilled: list[Lane] = field(default_factory=list)
    #: State items that it writes, as (group, key).
    keys: list[tuple[str, str]] = field(default_factory=list)
    #: Whether it removes what is expired, so that the next expiry is to be found afterwards.
    sweeps: bool = False
    bytes: int = 0

    @property
    def count(self) -> int:
        """Operations that it takes of the bound on what is pending."""
        return len(self.inserted) + len(self.deleted) + len(self.operations)

    def write(self, sql: str, *values: object) -> None:
        """Adds one operation."""
        self.operations.append((sql, values))
        self.bytes += sum(len(value) for value in values if isinstance(value, bytes))


class Committer:
    """The pending commits, and the thread that makes them durable.

    `lock` is the engine's one lock: it orders commits, and everything in memory is read and written under it.
    """

    def __init__(self, store: Store, settings: EngineSettings, lock: threading.RLock, wake: Wake, commit: int) -> None:
        """Starts the thread; `commit` is the number that the file has."""
        self._store = store
        self._settings = settings
        self._work = threading.Condition(lock)
        self._progress = threading.Condition(lock)
        self._wake = wake
        self._pending: deque[Commit] = deque()
        self._flying: list[Commit] = []
        self._operations = 0
        self._bytes = 0
        self._watched: int | None = None
        self._closing = self._ended = False
        self.committed = commit
        self.durable = commit
        self.failure: EngineStopped | None = None
        self.publish: Callable[[list[Commit]], None] = lambda _: None
        self.group = Observed(COMMITS)
        self.sync = Observed(SECONDS)
        self._thread = threading.Thread(target=self._run, name="motia_fast-committer", daemon=True)

    def start(self) -> None:
        """Begins to write, once `publish` is set."""
        self._thread.start()

    @property
    def pending(self) -> tuple[int, int]:
        """Operations and bytes that are not durable yet."""
        return self._operations, self._bytes

    def require_room(self, operations: int, size: int) -> None:
        """Raises `PendingFull` unless so much more may wait; with nothing waiting, any size may. Under the lock."""
        settings = self._settings
        if self._operations and (
            self._operations + operations > settings.pending_operations or self._bytes + size > settings.pending_bytes
        ):
            raise PendingFull(
                f"{self._operations} operations of {self._bytes} bytes wait for their sync; wait and call again"
            )

    def append(self, commit: Commit) -> int:
        """Numbers a commit and hands it to the thread; returns the number. Under the lock."""
        self.committed += 1
        commit.number = self.committed
        self._operations += commit.count
        self._bytes += commit.bytes
        self._pending.append(commit)
        if len(self._pending) == 1:
            self._work.notify()
        return commit.number

    def unsynced(self) -> Iterator[Commit]:
        """The commits that are not published yet, in order. Under the lock."""
        yield from self._flying
        yield from self._pending

    def wait(self, number: int, timeout: float | None = None) -> bool:
        """Blocks until `number` is durable; False after `timeout` seconds. Raises `EngineStopped`, `EngineClosed`."""
        if self._ended:
            raise EngineClosed("the engine is closed")
        if self.durable >= number:
            return True
        with self._progress:
            self._progress.wait_for(lambda: self.durable >= number or self.failure or self._ended, timeout)
            if self.durable >= number:
                return True
            if self.failure is not None:
                raise self.failure
            if self._ended:
                raise EngineClosed(f"the engine was closed before commit {number} was made")
            return False

    def watch(self, number: int) -> None:
        """Signals the wake-up once `number` is durable."""
        with self._progress:
            if self.durable >= number or self.failure is not None:
                self._wake.signal()
            elif self._watched is None or number < self._watched:
                self._watched = number

    def close(self) -> None:
        """Writes what is pending, and ends the thread."""
        with self._work:
            self._closing = True
            self._work.notify()
        self._thread.join()
        with self._progress:
            self._ended = True
            self._progress.notify_all()

    def _run(self) -> None:
        while self._take():
            try:
                started = self._settings.clock.elapsed()
                self._store.commit(_group(self._flying))
                self.sync.add((self._settings.clock.elapsed() - started) / 1e6)
                self._published()
                self._store.checkpoint()
            except Exception as error:  # noqa: BLE001 -- whatever it was, what waits for this thread must not hang
                self.fail(error)
                return

    def _take(self) -> bool:
        with self._work:
            self._work.wait_for(lambda: self._pending or self._closing)
            take = min(len(self._pending), self._settings.group_commits)
            self._flying = [self._pending.popleft() for _ in range(take)]
        return bool(self._flying)

    def _published(self) -> None:
        with self._progress:
            group, self._flying = self._flying, []
            self.durable = group[-1].number
            self._operations -= sum(commit.count for commit in group)
            self._bytes -= sum(commit.bytes for commit in group)
            self.group.add(len(group))
            self.publish(group)
            if self._watched is not None and self.durable >= self._watched:
                self._watched = None
                self._wake.signal()
            self._progress.notify_all()

    def fail(self, error: Exception) -> None:
        """Nothing is retried on a disk that lied: what the file holds now is what a restart finds."""
        path = self._store.path
        log.critical("the engine stopped: cannot write %s: %s", path, error)
        with self._progress:
            self.failure = EngineStopped(
                f"the engine stopped: writing {path} failed ({error}); nothing acknowledged is lost: "
                "mend the cause and start again"
            )
            self.failure.__cause__ = error
            self._wake.signal()
            self._progress.notify_all()


def _group(commits: Iterable[Commit]) -> Group:
    commits = list(commits)
    return Group(
        commits[-1].number,
        [record.row() for commit in commits for record in commit.inserted],
        [job for commit in commits for job in commit.deleted],
        [operation for commit in commits for operation in commit.operations],
    )

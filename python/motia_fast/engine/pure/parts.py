"""What the verbs share: the lock, the file, and everything that is kept in memory."""

from __future__ import annotations

import contextlib
import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from motia_fast.contract import Job
from motia_fast.engine.pure.lane import Scheduler
from motia_fast.engine.pure.route import Routes
from motia_fast.engine.pure.state import Cache, Item
from motia_fast.engine.pure.store import set_meta
from motia_fast.engine.pure.subscribed import Subscribed
from motia_fast.engine.pure.wake import Wake
from motia_fast.engine.pure.wheel import Deadlines
from motia_fast.errors import EngineClosed, EngineForked

if TYPE_CHECKING:
    import sqlite3
    from collections import deque
    from collections.abc import Generator

    from motia_fast.clock import Clock, Micros
    from motia_fast.contract import EngineSettings, Finished, Kind, ScheduleRow
    from motia_fast.engine.pure.commit import Commit, Committer
    from motia_fast.engine.pure.disk import Disk
    from motia_fast.engine.pure.job import Record
    from motia_fast.engine.pure.lease import Leases, Run
    from motia_fast.engine.pure.reader import Reader
    from motia_fast.engine.pure.running import RunningFile
    from motia_fast.engine.pure.store import Store

#: Ids that are reserved at once. More than twice what may be pending, so that the next block is durable in time.
ID_BLOCK = 1 << 20


class Ids:
    """One sequence for messages, jobs and items. It never repeats: ids are reserved in blocks, durable before use."""

    def __init__(self, first: int) -> None:
        """Ids from `first` to `first + ID_BLOCK` are reserved."""
        self._next = first
        self._reserved = first + ID_BLOCK

    def take(self) -> int:
        """The next id."""
        found = self._next
        self._next += 1
        return found

    def reserve(self, commit: Commit) -> None:
        """Adds the next reservation to a commit, once half of this one is used."""
        if self._reserved - self._next < ID_BLOCK // 2:
            while self._reserved - self._next < ID_BLOCK // 2:
                self._reserved += ID_BLOCK
            sql, values = set_meta("next_id", self._reserved)
            commit.write(sql, *values)


class Names:
    """Small integers for the ids of subscriptions, as the file keeps them."""

    def __init__(self, known: dict[str, int]) -> None:
        """`known` is what the file has."""
        self._numbers = known

    def number(self, text: str, commit: Commit) -> int:
        """The number of a name, made in `commit` when it is new."""
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = max(self._numbers.values(), default=0) + 1
            commit.write("INSERT INTO name(id, kind, text) VALUES(?, 'sub', ?)", number, text)
        return number

    def rename(self, old: str, new: str, commit: Commit) -> None:
        """Gives the number of `old` to `new`, which has none."""
        number = self._numbers[new] = self._numbers.pop(old)
        commit.write("UPDATE name SET text = ? WHERE id = ?", new, number)

    def __contains__(self, text: str) -> bool:
        """Whether the file has that name."""
        return text in self._numbers


@dataclass(frozen=True, slots=True)
class View:
    """What memory knew when a snapshot was taken: laid over what the snapshot has, no list loses a write."""

    now: Micros
    #: Jobs by unsynced commits, in their newest form; None for those that are gone.
    jobs: dict[int, Record | None]
    running: frozenset[int]
    #: Jobs that were scheduled and are ready, or running, now.
    due: frozenset[int]
    unsynced: tuple[Commit, ...]
    _state: dict[str, dict[str, Item]]
    _cleared: frozenset[str]

    def dirty_state(self, group: str) -> dict[str, Item]:
        """The items of a group that the snapshot may not have yet."""
        return self._state.get(group, {})

    @property
    def dirty_groups(self) -> set[str]:
        """The groups that have such items."""
        return set(self._state)

    def is_cleared(self, group: str) -> bool:
        """Whether what the snapshot has of a group is gone."""
        return group in self._cleared


class Parts:
    """The engine's inside. Everything but `settings` and `store` is touched under `lock`."""

    def __init__(self, settings: EngineSettings, store: Store, boot: int) -> None:
        """Empty: `open` fills it from the file."""
        self.settings = settings
        self.clock: Clock = settings.clock
        self.store = store
        self.boot = boot
        self.lock = threading.RLock()
        #: Held, and taken before `lock`, while dead letters are retried or purged: what was found dead stays so.
        self.dead_letters = threading.Lock()
        self.wake = Wake()
        self.routes = Routes({}, {})
        self.subscribed: dict[str, Subscribed] = {}
        self.by_number: dict[int, Subscribed] = {}
        self.schedulers: dict[Kind, Scheduler] = {"async": Scheduler("async"), "thread": Scheduler("thread")}
        #: Those of the subscriptions that have scheduled jobs: the others cost a tick nothing.
        self.timed: set[Subscribed] = set()
        self.deadlines = Deadlines()
        self.cache = Cache(settings.state_cache_bytes)
        self.schedules: dict[str, ScheduleRow] = {}
        self.chance = random.Random()  # noqa: S311 -- jitter
        #: When the next parked message, dead letter or state item expires, on the wall; None for never.
        self.next_expiry: Micros | None = None
        self.closed = False
        #: Held while the engine closes, so that a second `close` returns when the first one has finished.
        self.closing = threading.Lock()
        self.forked = False
        self.unmatched: dict[str, int] = {}
        self.mismatches = 0
        #: Jobs that were running in `max_crashes` crashes: dead as soon as the subscriptions are declared.
        self.condemned: list[Record] = []
        self.committer: Committer
        self.disk: Disk
        self.leases: Leases
        self.running_file: RunningFile
        self.reader: Reader
        self.ids: Ids
        self.names: Names
        self.history: deque[Finished]

    @contextlib.contextmanager
    def running(self) -> Generator[None]:
        """Holds the lock over one verb. Raises `EngineForked`, `EngineClosed`, `EngineStopped`."""
        self.require_ours()  # before the lock: the thread that held it may not exist in this process
        with self.lock:
            self.require_open()
            if self.committer.failure is not None:
                raise self.committer.failure
            yield

    def require_ours(self) -> None:
        """Raises `EngineForked` in a child of the process that opened the engine."""
        if self.forked:
            raise EngineForked("this engine belongs to the parent process; use motia_fast.Client(data_dir) in a child")

    def require_open(self) -> None:
        """Raises `EngineForked`, `EngineClosed`."""
        self.require_ours()
        if self.closed:
            raise EngineClosed("the engine is closed")

    def commit(self, commit: Commit) -> int:
        """Numbers a commit and hands it to the committer; returns its number."""
        self.ids.reserve(commit)
        return self.committer.append(commit)

    def subscription(self, name: str, commit: Commit) -> Subscribed:
        """A subscription by its id, made as an orphan when it is new."""
        known = self.subscribed.get(name)
        return known if known is not None else self.know(self.names.number(name, commit), name)

    def know(self, number: int, name: str) -> Subscribed:
        """Keeps a subscription that the file has."""
        subscribed = self.subscribed[name] = self.by_number[number] = Subscribed(
            number, name, self.settings.window_jobs
        )
        return subscribed

    def scheduler(self, subscribed: Subscribed) -> Scheduler:
        """The scheduler that hands out this subscription's jobs."""
        return self.schedulers[subscribed.declared.kind]

    def make_ready(self, record: Record) -> None:
        """Puts a durable job that waits for nothing but a place into its lane, or among the suspects."""
        record.ready_at = self.clock.elapsed()
        if record.crashes:
            record.sub.suspected += 1
            self.scheduler(record.sub).suspects.append(record)
        else:
            record.sub.lane(record.priority, self.settings).push(record)
        self.offer(record.sub)

    def offer(self, subscribed: Subscribed) -> None:
        """Tells whoever claims that this subscription may have something for them."""
        scheduler = self.scheduler(subscribed)
        if scheduler.activate(subscribed.lanes.values()) or (scheduler.suspects and not self.leases.suspect_runs):
            self.wake.signal()
        for lane in subscribed.lanes.values():
            if lane.low:
                self.reader.refill(lane)

    def note_running(self) -> None:
        """Writes which jobs run. A disk that refuses even that stops the engine: nothing starts unnoted."""
        try:
            self.running_file.write()
        except OSError as error:
            self.committer.fail(error)
            raise self.committer.failure or error from error

    def rouse(self) -> None:
        """Tells whoever claims that a place has become free which jobs of other subscriptions and kinds wait for."""
        if any(scheduler.waiting for scheduler in self.schedulers.values()):
            self.wake.signal()

    def expire_from(self, until: Micros) -> None:
        """Something that is kept until then is on its way to the file."""
        if self.next_expiry is None or until < self.next_expiry:
            self.next_expiry = until

    def load_due(self, subscribed: Subscribed) -> None:
        """Reads a subscription's scheduled jobs beyond its horizon when it is time to."""
        start = subscribed.wheel.load(self.clock.now())
        if start is not None:
            self.reader.load_due(subscribed, start)

    @contextlib.contextmanager
    def snapshot(self) -> Generator[tuple[sqlite3.Connection, View]]:
        """A reading transaction, and what memory has that it may not have: both of the same moment."""
        with contextlib.ExitStack() as stack:
            with self.running():
                connection = stack.enter_context(self.store.reader())
                view = self._view()
            yield connection, view

    def _view(self) -> View:
        unsynced = tuple(self.committer.unsynced())
        jobs: dict[int, Record | None] = {}
        for commit in unsynced:
            jobs.update((record.id, record) for record in (*commit.inserted, *commit.changed))
            jobs.update(dict.fromkeys(commit.deleted))
        return View(
            self.clock.now(),
            jobs,
            frozenset(self.leases.jobs()),
            frozenset().union(*(known.wheel.out for known in self.subscribed.values())),
            unsynced,
            {group: self.cache.changed_in(group) for group in self.cache.dirty},
            frozenset(self.cache.cleared),
        )


def job_of(run: Run) -> Job:
    """A claimed job as it crosses the contract."""
    record = run.record
    return Job(
        run.lease,
        record.id,
        record.message,
        record.sub.id,
        record.attempt + 1,
        record.crashes,
        record.priority,
        record.enqueued,
        record.error,
        record.meta,
        record.payload,
    )

"""The engine contract: the one seam between Python and whatever keeps the jobs.

Two engines stand behind it, `native` (Rust) and `pure` (readable Python), on the same file. Every sentence of a
docstring of `Engine` is a promise, and a test in ``tests/contract/`` that each engine passes.

Calls are batch-shaped and carry bytes: payloads and values are JSON, encoded by `encoding`. Times are whole
microseconds since the Unix epoch (`clock.Micros`); durations that a user declares are float seconds. An engine is safe
to call from any thread. No call waits for room, and none but those marked *cold* touches the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from motia_fast.clock import Clock, Micros, SystemClock

if TYPE_CHECKING:
    from pathlib import Path

    from motia_fast.errors import EngineStopped

Durability = Literal["sync", "os", "memory"]
Backoff = Literal["exponential", "linear", "fixed"]
Kind = Literal["async", "thread"]
Source = Literal["queue", "cron", "state", "stream"]


# ---------------------------------------------------------------- settings


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What an engine is opened with. The defaults are the product's."""

    #: The directory that holds ``engine.db``, ``lock`` and ``running``; made with mode 0700. None only in "memory".
    data_dir: Path | None = None
    #: "sync": each group is synced to the disk. "os": survives a killed process, not a power cut. "memory": nothing.
    durability: Durability = "sync"
    #: Seconds to wait for another process to let go of the directory.
    lock_wait: float = 0.0
    #: Jobs that may run at once, over all subscriptions.
    concurrency: int = 256
    #: Ready jobs that one lane keeps in memory, by number and by bytes of payload; the rest waits in the store.
    window_jobs: int = 65_536
    window_bytes: int = 32 * 1024 * 1024
    #: What may wait for its sync, in operations and in bytes; beyond it `PendingFull` is raised.
    pending_operations: int = 65_536
    pending_bytes: int = 64 * 1024 * 1024
    #: Commits that share one sync at most. 256 keep p99 of an enqueue near 1.4 ms; 4,000 bring 17 ms and no throughput.
    group_commits: int = 256
    #: Bytes that must stay free on the disk; below it enqueues raise `DiskLow` while settles go on.
    min_free_disk: int = 256 * 1024 * 1024
    #: Bytes of one message's payload, and of one state value.
    max_payload: int = 1024 * 1024
    max_value: int = 1024 * 1024
    #: Bytes of state values kept in memory.
    state_cache_bytes: int = 64 * 1024 * 1024
    #: Seconds that a parked message, and a dead letter, are kept.
    parked_for: float = 7 * 86_400.0
    dead_for: float = 30 * 86_400.0
    #: Times that a job may be running when its process dies before it is taken for the cause.
    max_crashes: int = 3
    #: Finished jobs that are remembered, in memory only.
    history: int = 1_000
    clock: Clock = field(default_factory=SystemClock)


# ---------------------------------------------------------------- what is declared


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed job runs again. Delays are seconds."""

    #: Retries after the first attempt: N retries are N + 1 attempts.
    max_retries: int = 3
    backoff: Backoff = "exponential"
    backoff_delay: float = 1.0
    backoff_max: float = 3600.0
    #: The share of the delay that is added at random: 0.1 spreads 10 s over 10 to 11 s.
    jitter: float = 0.1


@dataclass(frozen=True, slots=True)
class Subscription:
    """One trigger of one step on one topic: what gets a job of its own for each message."""

    #: ``step/topic``; ``step/topic#2`` for a second one on the same topic; ``step/cron`` for a cron trigger.
    id: str
    step: str
    #: The topic whose messages it takes; "" for one that gets jobs by name only (cron).
    topic: str
    source: Source = "queue"
    kind: Kind = "async"
    #: 0 to 9, higher first.
    priority: int = 5
    #: Jobs of this subscription that may run at once.
    concurrency: int = 10
    retry: RetryPolicy = RetryPolicy()
    #: Seconds before a new job is ready.
    delay: float = 0.0
    #: Seconds that a handler may run before its job is overdue; None for no limit.
    timeout: float | None = 900.0
    #: The topic to which a dead letter's data goes in the same commit.
    dead_letter_topic: str | None = None
    #: An `F` condition as JSON (`conditions.Condition.to_json`); None takes every message.
    condition: bytes | None = None
    #: Former ids, whose jobs and schedule this one adopts.
    was: tuple[str, ...] = ()


class Registered(NamedTuple):
    """What `register` found. `orphans` maps the ids of undeclared subscriptions to their waiting jobs."""

    orphans: Mapping[str, int]
    #: Jobs that came to this set by `was=`, and messages that were parked and now have jobs.
    adopted: int
    unparked: int


# ---------------------------------------------------------------- what is enqueued


@dataclass(frozen=True, slots=True)
class Message:
    """What a user enqueues: JSON bytes for a topic, or for one subscription of it."""

    topic: str
    payload: bytes
    #: The one subscription that gets it, conditions aside; None routes by topic.
    subscription: str | None = None
    #: Seconds until it is ready, or the wall time at which it is; None of both: the subscription's own delay.
    delay: float | None = None
    run_at: Micros | None = None
    #: 0 to 9; None takes the subscription's.
    priority: int | None = None
    #: Opaque to the engine and handed back with each job: a JSON object, such as the trace context; b"" for none.
    meta: bytes = b""


class Receipt(NamedTuple):
    """What became of one message. No jobs: it is `parked`, or no condition was true."""

    message_id: int
    job_ids: tuple[int, ...]
    parked: bool = False
    duplicate: bool = False


class Enqueued(NamedTuple):
    """What became of one call of `enqueue`. It survives a crash once `durable` reaches `commit`."""

    commit: int
    receipts: tuple[Receipt, ...]


# ---------------------------------------------------------------- what runs


class Lease(NamedTuple):
    """The right to run one job, until it is settled or its owner ends."""

    job: int
    boot: int
    epoch: int


@dataclass(slots=True, eq=False)
class Job:
    """One message for one subscription, claimed."""

    lease: Lease
    id: int
    message_id: int
    subscription: str
    #: 1 for the first run; a crash and a snooze do not count.
    attempt: int
    crashes: int
    priority: int
    enqueued: Micros
    #: How this job failed last, None on the first attempt.
    last_error: Failure | None
    meta: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed. `traceback` is text, and may be ""."""

    type: str
    message: str
    traceback: str = ""
    #: "failed", "timeout", "crashed", "invalid_payload", "dead" (the handler said so) ..
    reason: str = "failed"


@dataclass(frozen=True, slots=True)
class Done:
    """The job is finished and goes."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed: the subscription's policy says whether the job runs again or is dead."""

    error: Failure


@dataclass(frozen=True, slots=True)
class Retried:
    """The attempt failed, and the job runs again in `after` seconds unless its attempts are used up."""

    after: float
    error: Failure


@dataclass(frozen=True, slots=True)
class Snoozed:
    """The job runs again in `seconds`; this run does not count as an attempt."""

    seconds: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """The job is finished without having been done."""

    reason: str


@dataclass(frozen=True, slots=True)
class Died:
    """The job is a dead letter at once, whatever attempts are left."""

    error: Failure


@dataclass(frozen=True, slots=True)
class Released:
    """The run was stopped through no fault of the job: it is ready again at once, no attempt counted."""


Outcome = Done | Failed | Retried | Snoozed | Skipped | Died | Released


class Settlement(NamedTuple):
    """One run's end: an outcome, and what else its commit holds. A tuple: one is made for each job."""

    lease: Lease
    outcome: Outcome
    #: Messages and state writes that are kept if and only if the outcome is.
    effects: tuple[Message | StateWrite, ...] = ()


class Refusal(NamedTuple):
    """A settlement that changed nothing, and why (`LeaseLost`, or what was wrong with an effect)."""

    lease: Lease
    error: Exception


class Settled(NamedTuple):
    """What became of a batch of settlements; the others of a batch stand when one is refused."""

    commit: int
    refused: tuple[Refusal, ...] = ()


class Notice(NamedTuple):
    """Something the worker must act on: the lease's job ran past its timeout."""

    lease: Lease
    what: Literal["overdue"]


class Turn(NamedTuple):
    """One crossing: what `settle` and `claim` returned, and the notices since the last turn of this owner."""

    settled: Settled
    jobs: list[Job]
    notices: list[Notice]


# ---------------------------------------------------------------- state


class Cold(StrEnum):
    """The answer of a state verb that would have to read the disk: nothing was done; `load` the key, then ask again."""

    COLD = "cold"


COLD = Cold.COLD

Segments = tuple[str | int, ...]
OpKind = Literal["set", "merge", "increment", "decrement", "append", "remove"]


@dataclass(frozen=True, slots=True)
class UpdateOp:
    """One change inside a JSON value. `path` is empty for the value itself; `value` is JSON, None for "remove".

    "set" puts the value there and makes missing objects on the way. "merge" lays an object over the object there, one
    level deep. "increment" and "decrement" take a number, and a missing place counts as 0. "append" adds to the array
    there, or makes one. "remove" of a missing place changes nothing.
    """

    kind: OpKind
    path: Segments
    value: bytes | None = None


@dataclass(frozen=True, slots=True)
class StateWrite:
    """One change of one item. `expected_version` 0 means that the item must not exist; None checks nothing.

    Exactly one of `value` (set), `ops` (update) and `delete` is given.
    """

    group: str
    key: str
    value: bytes | None = None
    ops: tuple[UpdateOp, ...] = ()
    delete: bool = False
    #: Seconds until the item is gone; None keeps it.
    ttl: float | None = None
    expected_version: int | None = None


class StateItem(NamedTuple):
    """One item as it is now. `version` starts at 1 and rises by 1 with each write."""

    key: str
    value: bytes
    version: int


class StateChange(NamedTuple):
    """What a write did: None for what was, or is, not there."""

    group: str
    key: str
    old: bytes | None
    new: bytes | None
    version: int


class StateWritten(NamedTuple):
    """What became of one call of `write`, which is one commit."""

    commit: int
    changes: tuple[StateChange, ...]


class State(Protocol):
    """Groups of JSON values by key. Reads see every write made before them in this process, durable or not."""

    def get(self, group: str, key: str) -> StateItem | Cold | None:
        """The item, or None. Answers at once from memory, or says that it is `COLD`."""
        ...

    def write(self, writes: Sequence[StateWrite]) -> StateWritten | Cold:
        """Makes all changes in one commit, or none of them.

        Raises `VersionConflict`, `UpdateRefused`, `PayloadTooLarge`, `PendingFull`, `DiskLow`.
        """
        ...

    def load(self, keys: Sequence[tuple[str, str]]) -> None:
        """*Cold.* Reads (group, key) pairs into memory, so that the next `get` or `write` of them answers."""
        ...

    def items(self, group: str, limit: int | None = None, after: str | None = None) -> list[StateItem]:
        """*Cold.* The items of a group in the order in which they were first set, those after key `after` only."""
        ...

    def groups(self) -> list[tuple[str, int]]:
        """*Cold.* The groups that have items, with their number, by name."""
        ...

    def clear(self, group: str) -> tuple[int, int]:
        """*Cold.* Deletes a whole group in one commit; returns (commit, items deleted)."""
        ...


# ---------------------------------------------------------------- schedules


class ScheduleRow(NamedTuple):
    """What is kept of one cron trigger. `last` is the fire time of its last tick, or of its declaration."""

    subscription: str
    expression: str
    zone: str
    last: Micros


class Schedules(Protocol):
    """The rows of cron triggers, which is what makes a tick fire never twice."""

    def rows(self) -> list[ScheduleRow]:
        """All rows, by subscription; from memory."""
        ...

    def declare(self, subscription: str, expression: str, zone: str, last: Micros) -> ScheduleRow:
        """Returns the row as it is; makes it with `last`, or resets it to `last` where expression or zone differ."""
        ...

    def reset(self, subscription: str, last: Micros) -> int:
        """Sets the row's `last` (after a clock that was wrong); returns the commit."""
        ...

    def fire(self, subscription: str, at: Micros, meta: bytes = b"") -> Enqueued | None:
        """Makes the tick's job and moves the row's `last` to `at`, in one commit.

        Returns None, and makes nothing, if the row's `last` is `at` or later. Raises `UnknownSubscription`.
        """
        ...

    def unfinished(self, subscription: str) -> int:
        """Its jobs that are neither finished nor dead, their retries included, durable or not; from memory."""
        ...


# ---------------------------------------------------------------- dead letters and inspection

JobState = Literal["ready", "scheduled", "running", "dead"]


class Attempt(NamedTuple):
    """One failed attempt that a job remembers. `number` counts the failures kept, from 1."""

    number: int
    at: Micros
    error: Failure


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as inspection shows it, at one moment."""

    id: int
    message_id: int
    subscription: str
    state: JobState
    priority: int
    #: Attempts made so far.
    attempt: int
    crashes: int
    enqueued: Micros
    #: When it is due (scheduled), or when it died (dead).
    at: Micros | None
    payload: bytes
    meta: bytes
    orphaned: bool
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs: those that fit every field that is given."""

    ids: tuple[int, ...] | None = None
    step: str | None = None
    subscription: str | None = None
    state: JobState | None = None


@dataclass(frozen=True, slots=True)
class ParkedView:
    """A message that waits for a subscription on its topic."""

    message_id: int
    topic: str
    until: Micros
    payload: bytes
    meta: bytes


class Finished(NamedTuple):
    """A finished job, as the bounded history remembers it."""

    id: int
    subscription: str
    outcome: Literal["done", "skipped"]
    attempt: int
    at: Micros


class DeadLetters(Protocol):
    """Jobs that gave up. Every verb is *cold*."""

    def list(self, which: JobFilter = JobFilter(), limit: int = 100, after: int = 0) -> list[JobView]:
        """Dead letters with id above `after`, by id, each with its attempts."""
        ...

    def get(self, job: int) -> JobView | None:
        """One dead letter, or None."""
        ...

    def retry(self, which: JobFilter, payload: bytes | None = None) -> tuple[int, int]:
        """Makes dead letters ready with all their attempts before them; returns (commit, number).

        A `payload` replaces theirs. They join the tail of their lane; the errors they have are kept.
        """
        ...

    def purge(self, which: JobFilter) -> tuple[int, int]:
        """Forgets dead letters; returns (commit, number)."""
        ...


class Inspect(Protocol):
    """Snapshots for people. Every verb is *cold*, and none blocks the hot path."""

    def jobs(self, which: JobFilter = JobFilter(), limit: int = 100, after: int = 0) -> list[JobView]:
        """Unfinished jobs, dead ones among them, with id above `after`, by id."""
        ...

    def job(self, job: int) -> JobView | None:
        """One unfinished job with its attempts, or None."""
        ...

    def parked(self, limit: int = 100, after: int = 0) -> list[ParkedView]:
        """Parked messages with id above `after`, by id."""
        ...

    def history(self) -> list[Finished]:
        """The last finished jobs, oldest first. In memory: a restart forgets them."""
        ...


# ---------------------------------------------------------------- stats


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts by upper bound, the last one without. `total` is the sum of what was observed."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float


@dataclass(frozen=True, slots=True)
class SubscriptionStats:
    """One subscription: gauges as they are, counters since this engine opened."""

    subscription: str
    step: str
    topic: str
    ready: int
    scheduled: int
    running: int
    dead: int
    orphaned: bool
    #: Seconds that the oldest ready job in memory has waited since it was enqueued; 0 without one.
    oldest: float
    enqueued: int
    done: int
    failed: int
    retried: int
    snoozed: int
    skipped: int
    died: int
    #: Seconds from ready to claim, and from claim to settle.
    wait: Histogram
    run: Histogram


@dataclass(frozen=True, slots=True)
class Stats:
    """The whole engine at one moment."""

    engine: str
    durability: Durability
    data_dir: str | None
    boot: int
    committed: int
    durable: int
    pending_operations: int
    pending_bytes: int
    parked: int
    #: Messages that had subscriptions but no true condition, by topic.
    unmatched: Mapping[str, int]
    #: Comparisons in conditions that met a value of another type.
    mismatches: int
    subscriptions: tuple[SubscriptionStats, ...]
    #: Commits that shared a sync, and seconds that a group's write and sync took.
    group: Histogram
    sync: Histogram
    database_bytes: int
    wal_bytes: int
    free_pages: int
    disk_low: bool


# ---------------------------------------------------------------- the engine


class Engine(Protocol):
    """Keeps jobs. See the module for what holds for every verb."""

    #: "pure" or "rust".
    name: str
    settings: EngineSettings

    @property
    def boot(self) -> int:
        """Rises by at least 1 each time the data directory is opened."""
        ...

    @property
    def state(self) -> State:
        """State: groups of values by key."""
        ...

    @property
    def schedules(self) -> Schedules:
        """The rows of cron triggers."""
        ...

    @property
    def dead(self) -> DeadLetters:
        """Jobs that gave up."""
        ...

    @property
    def inspect(self) -> Inspect:
        """Snapshots for people."""
        ...

    @property
    def failure(self) -> EngineStopped | None:
        """Why the engine stopped for good, None while it works."""
        ...

    def close(self) -> None:
        """*Cold.* Finishes the current group, and frees the directory; leases end as with `release`.

        Afterwards every verb raises `EngineClosed`. Closing twice is fine.
        """
        ...

    def register(self, subscriptions: Sequence[Subscription]) -> Registered:
        """*Cold.* Declares the whole set, before any enqueue, and replaces the route table at once.

        Jobs of a subscription that is no longer declared are orphaned: kept, listed, run when it comes back.
        `was` adopts a renamed subscription's jobs. Parked messages that now match are routed.
        """
        ...

    def enqueue(self, messages: Sequence[Message]) -> Enqueued:
        """Routes by topic and condition: one job per matching subscription, or one for the subscription that is named.

        Nothing of a call is kept if it raises. Without a subscription declared for the topic a message is parked;
        with subscriptions but no true condition it is counted as unmatched, not parked.

        Raises `UnknownSubscription`, `PayloadTooLarge`, `PendingFull`, `DiskLow`, `EngineStopped`.
        """
        ...

    def claim(self, owner: str, kind: Kind, limit: int) -> list[Job]:
        """Takes up to `limit` ready jobs of that kind for `owner`.

        Never returns a job before its commit is durable, nor one that another lease holds, nor more than a
        subscription's free places, nor more than the engine's `concurrency` in all. Higher priority first, round robin
        among equals, oldest first within a lane; every 16th hand-out takes the oldest job of any lane, so that nothing
        starves. Each claim raises the epoch. Jobs that were running in a crash run one at a time among themselves.
        """
        ...

    def settle(self, settlements: Sequence[Settlement]) -> Settled:
        """Ends runs; each settlement is one commit, all of it or nothing.

        `Done` removes the job. `Failed` applies the subscription's policy: scheduled again, or dead. `Retried`
        schedules, counting an attempt, or is dead when none is left. `Snoozed` schedules without counting one.
        `Skipped` removes and counts. `Died` makes it dead. `Released` makes it ready without counting an attempt.
        A stale lease is refused with `LeaseLost` and changes nothing; it does not fail the others. The place is free
        at once; what the settle made is handed out when it is durable.

        Raises `PendingFull` (nothing of the batch was settled), `EngineStopped`.
        """
        ...

    def release(self, owner: str) -> int:
        """Makes the jobs of all leases of `owner` ready again, no attempt counted; returns their number."""
        ...

    def turn(self, owner: str, kind: Kind, settlements: Sequence[Settlement], limit: int) -> Turn:
        """`settle`, then `claim`, in one crossing; also returns the owner's notices of that kind, each once."""
        ...

    @property
    def committed(self) -> int:
        """The number of the newest commit."""
        ...

    @property
    def durable(self) -> int:
        """The highest commit number that survives a crash."""
        ...

    def wait(self, commit: int, timeout: float | None = None) -> bool:
        """Blocks, without the GIL, until `durable` reaches `commit`; False after `timeout` seconds. One sync wakes all.

        Raises `EngineStopped`.
        """
        ...

    def watch(self, commit: int) -> None:
        """Asks for `wake_fd` to become readable when `durable` reaches `commit`."""
        ...

    @property
    def wake_fd(self) -> int:
        """A descriptor for an event loop.

        It becomes readable when there is something to claim or a notice, when a watched commit is durable, when
        `next_due` may have come nearer, and when the engine stopped.
        """
        ...

    def acknowledge(self) -> None:
        """Makes `wake_fd` unreadable. Call it *before* taking: what arrives after it wakes again."""
        ...

    def tick(self) -> None:
        """Does all that time does: what is due becomes ready, running jobs become overdue, what is expired goes."""
        ...

    def next_due(self) -> float | None:
        """Seconds until `tick` has something to do, 0 or more; None when nothing waits for time."""
        ...

    def stats(self) -> Stats:
        """Counters and gauges, mostly from memory."""
        ...


Open = Callable[[EngineSettings], Engine]
"""Opens an engine: takes the directory's lock, reads what is there.

After it, every job that was acknowledged before is ready, scheduled or dead, and every parked message parked. Opening
after a crash needs no repair step. Raises `DataDirLocked` (naming the holder, after `lock_wait` seconds),
`DataDirUnusable`, `FormatTooNew`, `StoreCorrupt`.
"""

"""Settle: a run ends. One function for each outcome."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from motia_fast.clock import SECOND, micros
from motia_fast.contract import (
    Cold,
    Died,
    Done,
    Failed,
    Finished,
    Message,
    Refusal,
    Released,
    Retried,
    Settled,
    Skipped,
    Snoozed,
)
from motia_fast.encoding import decode, encode
from motia_fast.engine.pure import state
from motia_fast.engine.pure.commit import Commit
from motia_fast.engine.pure.enqueue import check, plan, schedule
from motia_fast.engine.pure.job import encode_failure, storable
from motia_fast.engine.pure.retry import backoff, exhausted
from motia_fast.engine.pure.schema import DEAD, SCHEDULED
from motia_fast.errors import LeaseLost, NotEncodable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motia_fast.clock import Micros
    from motia_fast.contract import Failure, Settlement, StateWrite
    from motia_fast.engine.pure.job import Record
    from motia_fast.engine.pure.lease import Run
    from motia_fast.engine.pure.parts import Parts

_ADD_ATTEMPT = (
    "INSERT INTO attempt(job, n, at, error) "
    "VALUES(?1, (SELECT coalesce(max(n), 0) + 1 FROM attempt WHERE job = ?1), ?2, ?3)"
)
#: Operations that one settlement takes at most, its effects aside: the row, the attempt, a dead letter's message.
_OPERATIONS = 3


def settle(parts: Parts, settlements: Sequence[Settlement]) -> Settled:
    """See the contract."""
    with parts.running():
        wanted = sum(_OPERATIONS + len(settlement.effects) for settlement in settlements)
        if wanted:
            parts.committer.require_room(wanted, 0)
        refused = []
        released: list[Record] = []
        for settlement in settlements:
            error = _settle(parts, settlement, released)
            if error is not None:
                refused.append(Refusal(settlement.lease, error))
        _give_back(parts, released)
        parts.note_running()
        return Settled(parts.committer.committed, tuple(refused))


def release(parts: Parts, owner: str) -> int:
    """See the contract."""
    with parts.running():
        runs = parts.leases.of(owner)
        for run in runs:
            _end(parts, run)
        _give_back(parts, [run.record for run in runs])
        parts.note_running()
        return len(runs)


def bury(parts: Parts, record: Record, error: Failure) -> None:
    """Makes a job dead that does not run: its last process died of it."""
    commit = Commit()
    _leave_wheel(parts, commit, record)
    _die(parts, commit, record, error)
    parts.commit(commit)


def _settle(parts: Parts, settlement: Settlement, released: list[Record]) -> Exception | None:
    run = parts.leases.get(settlement.lease)
    if run is None:
        return LeaseLost(f"job {settlement.lease.job} is not leased to {settlement.lease}: it was settled or released")
    commit = Commit()
    try:
        changes = _effects(parts, commit, settlement)
    except Exception as error:  # noqa: BLE001 -- whatever is wrong with an effect concerns this settlement alone
        return error
    _end(parts, run)
    if isinstance(settlement.outcome, Released):
        released.append(run.record)
    else:
        _leave(parts, commit, run.record, settlement.outcome)
    if commit.count:
        number = parts.commit(commit)
        state.keep(parts.cache, changes, number)
    return None


def _effects(parts: Parts, commit: Commit, settlement: Settlement) -> list[state.Planned]:
    messages = [effect for effect in settlement.effects if isinstance(effect, Message)]
    writes = [effect for effect in settlement.effects if not isinstance(effect, Message)]
    for message in messages:
        check(message, parts.settings.max_payload)
    routed = [parts.routes.route(message) for message in messages]
    changes = _planned(parts, commit, writes)
    for message, route in zip(messages, routed, strict=True):  # nothing can fail from here on
        plan(parts, commit, message, route)
    return changes


def _planned(parts: Parts, commit: Commit, writes: list[StateWrite]) -> list[state.Planned]:
    while True:
        changes = state.plan(parts, commit, writes)
        if not isinstance(changes, Cold):
            return changes
        commit.operations.clear()
        commit.keys.clear()
        state.State(parts).load([(write.group, write.key) for write in writes])


def _end(parts: Parts, run: Run) -> None:
    subscribed = run.record.sub
    held_others_back = len(parts.leases) >= parts.settings.concurrency or run.record.crashes > 0
    parts.leases.end(run)
    parts.running_file.free(run.slot)
    subscribed.running -= 1
    subscribed.counters.run.add((parts.clock.elapsed() - run.claimed) / SECOND)
    parts.deadlines.drop(run.lease)
    parts.offer(subscribed)
    if held_others_back:
        parts.rouse()


def _give_back(parts: Parts, records: list[Record]) -> None:
    """Each goes to the head of its lane, the last one first, so that the one claimed first is first again."""
    for record in reversed(records):
        if record.crashes:
            record.sub.suspected += 1
            parts.scheduler(record.sub).suspects.appendleft(record)
        else:
            record.sub.lane(record.priority, parts.settings).put_back(record)
        parts.offer(record.sub)


def _leave(
    parts: Parts, commit: Commit, record: Record, outcome: Done | Skipped | Failed | Retried | Snoozed | Died
) -> None:
    """Writes what the outcome makes of the job."""
    _leave_wheel(parts, commit, record)
    counters = record.sub.counters
    match outcome:
        case Done():
            counters.done += 1
            _finish(parts, commit, record, "done")
        case Skipped():
            counters.skipped += 1
            _finish(parts, commit, record, "skipped")
        case Failed(error):
            chance = parts.chance.random()
            _fail(parts, commit, record, error, backoff(record.sub.declared.retry, record.attempt + 1, chance))
        case Retried(after, error):
            _fail(parts, commit, record, error, after)
        case Snoozed(seconds):
            counters.snoozed += 1
            _again(parts, commit, record, seconds)
        case Died(error):
            record.attempt += 1
            counters.failed += 1
            _die(parts, commit, record, error)


def _leave_wheel(parts: Parts, commit: Commit, record: Record) -> None:
    if record.place == SCHEDULED:
        if record.sub.wheel.leave(record.id):
            parts.wake.signal()
        commit.left.append(record)


def _finish(parts: Parts, commit: Commit, record: Record, outcome: Any) -> None:
    commit.deleted.append(record.id)
    record.sub.unfinished -= 1
    if record.error is not None:
        commit.write("DELETE FROM attempt WHERE job = ?", record.id)
    parts.history.append(Finished(record.id, record.sub.id, outcome, record.attempt + 1, parts.clock.now()))


def _fail(parts: Parts, commit: Commit, record: Record, error: Failure, after: float) -> None:
    record.attempt += 1
    record.sub.counters.failed += 1
    if exhausted(record.sub.declared.retry, record.attempt):
        _die(parts, commit, record, error)
        return
    record.sub.counters.retried += 1
    _remember(parts, commit, record, error)
    _again(parts, commit, record, after)


def _again(parts: Parts, commit: Commit, record: Record, after: float) -> None:
    delay = micros(max(0.0, after))
    record.crashes = 0
    schedule(record, parts.clock.now() + delay, parts.clock.elapsed() + delay)
    commit.changed.append(record)
    _update(commit, record)


def _die(parts: Parts, commit: Commit, record: Record, error: Failure) -> None:
    now = parts.clock.now()
    record.place, record.due = DEAD, now
    record.sub.counters.died += 1
    record.sub.unfinished -= 1
    commit.changed.append(record)
    _update(commit, record)
    _remember(parts, commit, record, error)
    parts.expire_from(now + micros(parts.settings.dead_for))
    topic = record.sub.declared.dead_letter_topic
    if topic is not None:
        letter = Message(topic, _letter(record, error, now), meta=record.meta)
        plan(parts, commit, letter, parts.routes.route(letter))


def _update(commit: Commit, record: Record) -> None:
    commit.write(
        "UPDATE job SET place = ?, due = ?, attempt = ?, crashes = ? WHERE id = ?",
        record.place,
        record.due,
        record.attempt,
        record.crashes,
        record.id,
    )


def _remember(parts: Parts, commit: Commit, record: Record, error: Failure) -> None:
    now = parts.clock.now()
    record.error = error
    commit.attempts.append((record.id, now, error))
    commit.write(_ADD_ATTEMPT, record.id, now, encode_failure(error, record.attempt))


def _letter(record: Record, error: Failure, now: Micros) -> bytes:
    """The data that goes to the dead letter topic: the job's own, and what became of it."""
    failed_at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // SECOND)) + f".{now % SECOND // 1000:03}Z"
    told = {
        "error": storable(error.message),
        "failedAt": failed_at,
        "attempts": record.attempt,
        "topic": record.sub.declared.topic,
    }
    try:
        data = decode(record.payload)
        return encode((data if isinstance(data, dict) else {"data": data}) | told)
    except (ValueError, NotEncodable):  # no JSON, or nested so deeply that it cannot be written again: its text
        return encode({"data": record.payload.decode("utf-8", "replace")} | told)

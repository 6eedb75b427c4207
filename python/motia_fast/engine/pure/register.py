"""Register: the declared set replaces the one before, and jobs that wait for it find their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from motia_fast.contract import Failure, Message, Registered
from motia_fast.engine.pure import load
from motia_fast.engine.pure.commit import Commit
from motia_fast.engine.pure.condition import compile_condition
from motia_fast.engine.pure.enqueue import plan
from motia_fast.engine.pure.lane import PRIORITIES, Scheduler
from motia_fast.engine.pure.route import table
from motia_fast.engine.pure.schema import SPILLED, WINDOW
from motia_fast.engine.pure.settle import bury
from motia_fast.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motia_fast.contract import Subscription
    from motia_fast.engine.pure.parts import Parts
    from motia_fast.engine.pure.subscribed import Subscribed

_Row = tuple[int, str, bytes, bytes, bytes]
#: Parked messages that are routed in one commit.
_BATCH = 256


def register(parts: Parts, subscriptions: Sequence[Subscription]) -> Registered:
    """See the contract."""
    _require_valid(subscriptions)
    parts.require_open()
    parts.committer.wait(parts.committer.committed)
    with parts.running():
        commit = Commit()
        adopted = _adopt(parts, subscriptions, commit)
        declared = _declare(parts, subscriptions, commit)
        parts.routes = table(declared)
        if commit.count:
            parts.commit(commit)
        _hand_out_anew(parts)
        _bury_condemned(parts)
    unparked = _unpark(parts)
    with parts.running():
        number = parts.committer.committed
        orphans = {s.id: s.unfinished for s in parts.subscribed.values() if s.orphaned}
    parts.committer.wait(number)
    return Registered({name: count for name, count in orphans.items() if count}, adopted, unparked)


def _require_valid(subscriptions: Sequence[Subscription]) -> None:
    """Finds what is wrong before anything changes. Raises `ValueError`, `ConditionError`."""
    ids = [subscription.id for subscription in subscriptions]
    twice = {name for name in ids if ids.count(name) > 1}
    if twice:
        raise ValueError(f"subscriptions are declared twice: {', '.join(sorted(twice))}")
    for subscription in subscriptions:
        if not 0 <= subscription.priority < PRIORITIES:
            raise ValueError(f"{subscription.id}: priority is 0 to 9, not {subscription.priority}")
        if subscription.condition is not None:
            compile_condition(subscription.condition)


def _declare(parts: Parts, subscriptions: Sequence[Subscription], commit: Commit) -> list[Subscribed]:
    for known in parts.subscribed.values():
        known.orphaned = True
    declared = []
    for subscription in subscriptions:
        known = parts.subscription(subscription.id, commit)
        known.declared = subscription
        known.orphaned = False
        declared.append(known)
    return declared


def _adopt(parts: Parts, subscriptions: Sequence[Subscription], commit: Commit) -> int:
    """Gives the jobs and the schedule of a former id to its successor; returns the number of waiting jobs."""
    wanted = {subscription.id for subscription in subscriptions}
    pairs = [(old, s.id) for s in subscriptions for old in s.was if old in parts.subscribed and old not in wanted]
    return sum(_rename(parts, old, new, commit) for old, new in pairs)


def _rename(parts: Parts, old: str, new: str, commit: Commit) -> int:
    if new in parts.names:
        return _merge(parts, old, new)
    parts.names.rename(old, new, commit)
    known = parts.subscribed[new] = parts.subscribed.pop(old)
    known.id = new
    row = parts.schedules.pop(old, None)
    if row is not None:
        parts.schedules[new] = row._replace(subscription=new)
    return known.unfinished


def _merge(parts: Parts, old: str, new: str) -> int:
    """Both have jobs: the rows change hands in the file, and memory is read anew from there."""
    if len(parts.leases):
        raise EngineError(f'"{new}" cannot adopt the jobs of "{old}" while jobs run; register before the first claim')
    source, target = parts.subscribed[old], parts.subscribed[new]
    moved = source.unfinished
    commit = Commit()
    # The jobs of both windows go to the store: among those of the other, the ones in between might not fit in memory.
    sql = "UPDATE job SET sub = ?1, place = CASE place WHEN ?3 THEN ?4 ELSE place END WHERE sub IN (?1, ?2)"
    commit.write(sql, target.number, source.number, WINDOW, SPILLED)
    parts.committer.wait(parts.commit(commit))
    load.reload_jobs(parts)
    return moved


def _hand_out_anew(parts: Parts) -> None:
    """A subscription's kind, places or existence may have changed: both schedulers start from nothing."""
    suspects = [record for scheduler in parts.schedulers.values() for record in scheduler.suspects]
    parts.schedulers = {"async": Scheduler("async"), "thread": Scheduler("thread")}
    for record in suspects:
        parts.scheduler(record.sub).suspects.append(record)
    for known in parts.subscribed.values():
        for lane in known.lanes.values():
            lane.active = False
        parts.offer(known)


def _bury_condemned(parts: Parts) -> None:
    for record in parts.condemned:
        text = f"the process died {record.crashes} times while this job was running"
        bury(parts, record, Failure("Crashed", text, reason="crashed"))
    parts.condemned.clear()


def _unpark(parts: Parts) -> int:
    """Routes the parked messages whose topics have subscriptions now; returns how many have jobs."""
    after = count = 0
    while True:
        with parts.store.reader() as connection:
            sql = "SELECT id, topic, options, meta, payload FROM parked WHERE id > ? AND until > ? ORDER BY id LIMIT ?"
            rows = connection.execute(sql, (after, parts.clock.now(), _BATCH)).fetchall()
        if not rows:
            return count
        after = rows[-1][0]
        count += _unpark_batch(parts, [row for row in rows if row[1] in parts.routes.by_topic])


def _unpark_batch(parts: Parts, rows: list[_Row]) -> int:
    messages = [(row[0], _message(row)) for row in rows]
    routed = [(id_, message, parts.routes.route(message)) for id_, message in messages]
    wanted = [entry for entry in routed if entry[2].targets]  # no condition is true: it waits on
    if not wanted:
        return 0
    with parts.running():
        commit = Commit()
        for id_, message, route in wanted:
            commit.write("DELETE FROM parked WHERE id = ?", id_)
            plan(parts, commit, message, route, id_)
        number = parts.commit(commit)
    parts.committer.wait(number)  # one batch at a time: bounded
    return len(wanted)


def _message(row: _Row) -> Message:
    _, topic, options, meta, payload = row
    fields = orjson.loads(options) if options else {}
    return Message(topic, payload, run_at=fields.get("run_at"), priority=fields.get("priority"), meta=meta)

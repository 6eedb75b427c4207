"""Enqueue: route, make one job for each subscription, commit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import orjson

from motia_fast.clock import FOREVER, micros
from motia_fast.contract import Enqueued, ParkedView, Receipt
from motia_fast.engine.pure.commit import Commit
from motia_fast.engine.pure.job import Record
from motia_fast.engine.pure.lane import PRIORITIES
from motia_fast.engine.pure.schema import SCHEDULED, SPILLED
from motia_fast.errors import NotEncodable, PayloadTooLarge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motia_fast.clock import Micros
    from motia_fast.contract import Message
    from motia_fast.engine.pure.parts import Parts
    from motia_fast.engine.pure.route import Routed
    from motia_fast.engine.pure.subscribed import Subscribed


def enqueue(parts: Parts, messages: Sequence[Message]) -> Enqueued:
    """See the contract."""
    for message in messages:
        check(message, parts.settings.max_payload)
    routes = parts.routes
    routed = [routes.route(message) for message in messages]  # conditions are evaluated outside the lock
    with parts.running():
        if parts.routes is not routes:
            routed = [parts.routes.route(message) for message in messages]
        parts.disk.require_room()
        count = sum(len(route.targets) or 1 for route in routed)
        parts.committer.require_room(count, sum(len(message.payload) for message in messages))
        commit = Commit()
        pairs = zip(messages, routed, strict=True)
        receipts = tuple(plan(parts, commit, message, route) for message, route in pairs)
        number = parts.commit(commit) if commit.count else parts.committer.committed
        return Enqueued(number, receipts)


def check(message: Message, limit: int) -> None:
    """Refuses what no job can be made of. Raises `PayloadTooLarge`, `NotEncodable`, `ValueError`."""
    try:
        message.topic.encode()
    except UnicodeEncodeError:
        raise NotEncodable(f"topic {message.topic!r} has lone surrogates, which UTF-8 cannot hold") from None
    if len(message.payload) > limit:
        raise PayloadTooLarge(
            f'message for "{message.topic}": {len(message.payload)} bytes, more than max_payload={limit}'
        )
    if message.priority is not None and not 0 <= message.priority < PRIORITIES:
        raise ValueError(f'message for "{message.topic}": priority is 0 to 9, not {message.priority}')
    if message.run_at is not None and not 0 <= message.run_at <= FOREVER:
        raise ValueError(f'message for "{message.topic}": run_at is microseconds since 1970, not {message.run_at}')
    if message.delay is not None and not (message.delay >= 0 and math.isfinite(message.delay)):
        raise ValueError(f'message for "{message.topic}": delay is 0 s or more, not {message.delay}')


def plan(parts: Parts, commit: Commit, message: Message, routed: Routed, message_id: int = 0) -> Receipt:
    """Adds what becomes of one message to a commit, which is going to be made: lanes already keep their places."""
    message_id = message_id or parts.ids.take()
    parts.mismatches += routed.mismatches
    if routed.targets:
        jobs = tuple(_job(parts, commit, message, message_id, target) for target in routed.targets)
        return Receipt(message_id, jobs)
    if routed.known:
        parts.unmatched[message.topic] = parts.unmatched.get(message.topic, 0) + 1
        return Receipt(message_id, ())
    _park(parts, commit, message, message_id)
    return Receipt(message_id, (), parked=True)


def _job(parts: Parts, commit: Commit, message: Message, message_id: int, target: Subscribed) -> int:
    priority = target.declared.priority if message.priority is None else message.priority
    now = parts.clock.now()
    record = Record(parts.ids.take(), message_id, target, priority, now, message.meta, message.payload)
    _place(parts, commit, record, message, now)
    commit.inserted.append(record)
    commit.bytes += record.size
    target.counters.enqueued += 1
    target.unfinished += 1
    return record.id


def _place(parts: Parts, commit: Commit, record: Record, message: Message, now: Micros) -> None:
    delay = record.sub.declared.delay if message.delay is None else message.delay
    if message.run_at is not None:
        delay = 0.0
    if message.run_at is not None and message.run_at > now:
        schedule(record, message.run_at, None)
    elif delay > 0:
        schedule(record, now + micros(delay), parts.clock.elapsed() + micros(delay))
    else:
        _line_up(parts, commit, record)


def schedule(record: Record, due: Micros, due_elapsed: Micros | None) -> None:
    """Makes a job wait for time; the caller writes its row."""
    record.place = SCHEDULED
    record.due = due
    record.due_elapsed = due_elapsed
    record.sub.scheduled += 1


def _line_up(parts: Parts, commit: Commit, record: Record) -> None:
    lane = record.sub.lane(record.priority, parts.settings)
    if lane.admits(record.size):
        lane.promise(record)
    else:
        record.place = SPILLED
        lane.spilled += 1
        commit.spilled.append(lane)


def _park(parts: Parts, commit: Commit, message: Message, message_id: int) -> None:
    now = parts.clock.now()
    until = now + micros(parts.settings.parked_for)
    run_at = message.run_at if message.delay is None else now + micros(message.delay)
    options = orjson.dumps({"priority": message.priority, "run_at": run_at})
    commit.parked.append(ParkedView(message_id, message.topic, until, message.payload, message.meta))
    commit.write(
        "INSERT INTO parked(id, topic, until, options, meta, payload) VALUES(?, ?, ?, ?, ?, ?)",
        message_id,
        message.topic,
        until,
        options,
        message.meta,
        message.payload,
    )
    parts.expire_from(until)

"""Publish: commits are durable now, so what they made is handed out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motia_fast.engine.pure.schema import SCHEDULED, WINDOW

if TYPE_CHECKING:
    from motia_fast.engine.pure.commit import Commit
    from motia_fast.engine.pure.job import Record
    from motia_fast.engine.pure.parts import Parts
    from motia_fast.engine.pure.subscribed import Subscribed


def publish(parts: Parts, commits: list[Commit]) -> None:
    """Called by the committer, under the lock, after the sync of these commits."""
    now, elapsed = parts.clock.now(), parts.clock.elapsed()
    touched: set[Subscribed] = set()
    for commit in commits:
        for record in commit.left:
            record.sub.wheel.forget(record.id)
        for record in (*commit.inserted, *commit.changed):
            if record.place == SCHEDULED:
                _wait_for_time(parts, record, now, elapsed)
            elif record.place == WINDOW:
                record.ready_at = elapsed
                record.sub.lane(record.priority, parts.settings).keep(record)
                touched.add(record.sub)
        for lane in commit.spilled:
            lane.stored += 1
            touched.add(lane.sub)
        if commit.sweeps:
            parts.reader.find_expiry()
    for subscribed in touched:
        parts.offer(subscribed)
    parts.cache.published(commits)


def _wait_for_time(parts: Parts, record: Record, now: int, elapsed: int) -> None:
    wheel = record.sub.wheel
    if wheel.hands_over(record, now, elapsed):
        record.sub.scheduled -= 1
        wheel.take_out(record.id)
        parts.make_ready(record)
    else:
        wheel.add(record)
        parts.timed.add(record.sub)
        parts.wake.signal()  # `next_due` may be nearer now

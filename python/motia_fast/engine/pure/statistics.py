"""Stats: counters and gauges of one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motia_fast.clock import SECOND, micros
from motia_fast.contract import Stats, SubscriptionStats
from motia_fast.engine.pure.schema import DEAD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from motia_fast.clock import Micros
    from motia_fast.engine.pure.parts import Parts
    from motia_fast.engine.pure.subscribed import Subscribed


_COUNT_DEAD = (
    "SELECT sub, count(*) FROM job WHERE place = 3 AND due > ? AND id NOT IN (SELECT value FROM json_each(?)) "
    "GROUP BY sub"
)
_COUNT_PARKED = "SELECT count(*) FROM parked WHERE until > ? AND id NOT IN (SELECT value FROM json_each(?))"


def stats(parts: Parts, engine: str) -> Stats:
    """See the contract. Dead letters and parked messages are counted in the file, everything else in memory."""
    with parts.snapshot() as (connection, view):
        # A commit that is written but not published is in the file and in the view: it counts once.
        jobs, messages = _ids(view.jobs), _ids(m.message_id for commit in view.unsynced for m in commit.parked)
        dead = dict(connection.execute(_COUNT_DEAD, (view.now - micros(parts.settings.dead_for), jobs)))
        parked = connection.execute(_COUNT_PARKED, (view.now, messages)).fetchone()[0]
    for record in view.jobs.values():
        if record is not None and record.place == DEAD:
            dead[record.sub.number] = dead.get(record.sub.number, 0) + 1
    sizes = parts.store.sizes()
    with parts.running():
        committer = parts.committer
        operations, pending_bytes = committer.pending
        data_dir = parts.settings.data_dir
        return Stats(
            engine=engine,
            durability=parts.settings.durability,
            data_dir=str(data_dir) if data_dir is not None else None,
            boot=parts.boot,
            committed=committer.committed,
            durable=committer.durable,
            pending_operations=operations,
            pending_bytes=pending_bytes,
            parked=parked + sum(len(commit.parked) for commit in view.unsynced),
            unmatched=dict(parts.unmatched),
            mismatches=parts.mismatches,
            subscriptions=tuple(
                _subscription(known, dead.get(known.number, 0), view.now)
                for known in sorted(parts.subscribed.values(), key=lambda known: known.id)
            ),
            group=committer.group.view(),
            sync=committer.sync.view(),
            database_bytes=sizes.database,
            wal_bytes=sizes.wal,
            free_pages=sizes.free_pages,
            disk_low=parts.disk.low,
        )


def _ids(ids: Iterable[int]) -> str:
    return str(list(ids))


def _subscription(known: Subscribed, dead: int, now: Micros) -> SubscriptionStats:
    counters = known.counters
    oldest = min((lane.jobs[0].enqueued for lane in known.lanes.values() if lane.jobs), default=now)
    return SubscriptionStats(
        subscription=known.id,
        step=known.declared.step,
        topic=known.declared.topic,
        ready=known.ready,
        scheduled=known.scheduled,
        running=known.running,
        dead=dead,
        orphaned=known.orphaned,
        oldest=max(0, now - oldest) / SECOND,
        enqueued=counters.enqueued,
        done=counters.done,
        failed=counters.failed,
        retried=counters.retried,
        snoozed=counters.snoozed,
        skipped=counters.skipped,
        died=counters.died,
        wait=counters.wait.view(),
        run=counters.run.view(),
    )

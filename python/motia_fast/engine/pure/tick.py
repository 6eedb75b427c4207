"""Tick: the only thing time does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motia_fast.clock import SECOND, micros
from motia_fast.engine.pure.commit import Commit

if TYPE_CHECKING:
    from motia_fast.clock import Micros
    from motia_fast.engine.pure.parts import Parts


def tick(parts: Parts) -> None:
    """See the contract."""
    with parts.running():
        now, elapsed = parts.clock.now(), parts.clock.elapsed()
        for known in list(parts.timed):
            for record in known.wheel.due(now, elapsed):
                known.scheduled -= 1
                parts.make_ready(record)
            parts.load_due(known)
            if known.wheel.empty:
                parts.timed.discard(known)
        for lease in parts.deadlines.due(elapsed):
            parts.leases.overdue(lease)
            parts.wake.signal()
        if parts.next_expiry is not None and parts.next_expiry <= now:
            _sweep(parts, now)


def next_due(parts: Parts) -> float | None:
    """See the contract."""
    with parts.running():
        now, elapsed = parts.clock.now(), parts.clock.elapsed()
        waits = [known.wheel.next_due(now, elapsed) for known in parts.timed]
        waits.append(parts.deadlines.next_due(elapsed))
        if parts.next_expiry is not None:
            waits.append(max(0, parts.next_expiry - now))
        soonest = min((wait for wait in waits if wait is not None), default=None)
        return None if soonest is None else soonest / SECOND


def _sweep(parts: Parts, now: Micros) -> None:
    """Removes what is expired; every verb that reads has hidden it since its time."""
    died = now - micros(parts.settings.dead_for)
    commit = Commit(sweeps=True)
    commit.write("DELETE FROM parked WHERE until <= ?", now)
    commit.write("DELETE FROM state WHERE expires <= ?", now)
    if not parts.dead_letters.locked():  # those that are being retried must not go meanwhile; the next sweep comes soon
        commit.write("DELETE FROM attempt WHERE job IN (SELECT id FROM job WHERE place = 3 AND due <= ?)", died)
        commit.write("DELETE FROM job WHERE place = 3 AND due <= ?", died)
    parts.next_expiry = None
    parts.commit(commit)

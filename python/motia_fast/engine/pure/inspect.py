"""Inspection: snapshots for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motia_fast.contract import Finished, JobFilter, JobView, ParkedView
from motia_fast.engine.pure.views import find

if TYPE_CHECKING:
    from motia_fast.engine.pure.parts import Parts

_ALL = JobFilter()


class Inspect:
    """The inspection verbs of the contract."""

    def __init__(self, parts: Parts) -> None:
        """Shares the engine's lock and store."""
        self._parts = parts

    def jobs(self, which: JobFilter = _ALL, limit: int = 100, after: int = 0) -> list[JobView]:
        """See the contract."""
        return find(self._parts, which, limit, after)

    def job(self, job: int) -> JobView | None:
        """See the contract."""
        found = find(self._parts, JobFilter(ids=(job,)), 1, 0, attempts=True)
        return found[0] if found else None

    def parked(self, limit: int = 100, after: int = 0) -> list[ParkedView]:
        """See the contract."""
        with self._parts.snapshot() as (connection, view):
            sql = "SELECT id, topic, until, payload, meta FROM parked WHERE id > ? AND until > ? ORDER BY id LIMIT ?"
            rows = connection.execute(sql, (after, view.now, limit))
            found = {row[0]: ParkedView(*row) for row in rows}
        unsynced = [message for commit in view.unsynced for message in commit.parked]
        found |= {message.message_id: message for message in unsynced if message.message_id > after}
        return [found[id_] for id_ in sorted(found)][:limit]

    def history(self) -> list[Finished]:
        """See the contract."""
        with self._parts.running():
            return list(self._parts.history)

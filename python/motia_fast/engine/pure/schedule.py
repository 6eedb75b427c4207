"""The rows of cron triggers. A tick's job and its row are one commit, which is what makes it fire never twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motia_fast.contract import Enqueued, Message, ScheduleRow
from motia_fast.engine.pure.commit import Commit
from motia_fast.engine.pure.enqueue import plan

if TYPE_CHECKING:
    from motia_fast.clock import Micros
    from motia_fast.engine.pure.parts import Parts

_UPSERT = (
    "INSERT INTO schedule(sub, expression, zone, last) VALUES(?, ?, ?, ?) "
    "ON CONFLICT(sub) DO UPDATE SET expression = excluded.expression, zone = excluded.zone, last = excluded.last"
)


class Schedules:
    """The schedule verbs of the contract."""

    def __init__(self, parts: Parts) -> None:
        """Shares the engine's lock and committer."""
        self._parts = parts

    def rows(self) -> list[ScheduleRow]:
        """See the contract."""
        with self._parts.running():
            return [self._parts.schedules[name] for name in sorted(self._parts.schedules)]

    def declare(self, subscription: str, expression: str, zone: str, last: Micros) -> ScheduleRow:
        """See the contract."""
        with self._parts.running():
            row = self._parts.schedules.get(subscription)
            if row is None or (row.expression, row.zone) != (expression, zone):
                row = ScheduleRow(subscription, expression, zone, last)
                self._keep(row, Commit())
            return row

    def reset(self, subscription: str, last: Micros) -> int:
        """See the contract."""
        with self._parts.running():
            return self._keep(self._row(subscription)._replace(last=last), Commit())

    def fire(self, subscription: str, at: Micros, meta: bytes = b"") -> Enqueued | None:
        """See the contract."""
        parts = self._parts
        _require_storable(ScheduleRow(subscription, "", "", at))
        with parts.running():
            message = Message("", b"null", subscription=subscription, meta=meta)
            routed = parts.routes.route(message)
            row = self._row(subscription)
            if row.last >= at:
                return None
            parts.disk.require_room()
            parts.committer.require_room(2, 0)
            commit = Commit()
            receipt = plan(parts, commit, message, routed)
            return Enqueued(self._keep(row._replace(last=at), commit), (receipt,))

    def unfinished(self, subscription: str) -> int:
        """See the contract."""
        with self._parts.running():
            known = self._parts.subscribed.get(subscription)
            return known.unfinished if known is not None else 0

    def _row(self, subscription: str) -> ScheduleRow:
        row = self._parts.schedules.get(subscription)
        return row if row is not None else ScheduleRow(subscription, "", "UTC", 0)

    def _keep(self, row: ScheduleRow, commit: Commit) -> int:
        _require_storable(row)
        number = self._parts.subscription(row.subscription, commit).number
        commit.write(_UPSERT, number, row.expression, row.zone, row.last)
        self._parts.schedules[row.subscription] = row
        return self._parts.commit(commit)


def _require_storable(row: ScheduleRow) -> None:
    """Refuses what no column holds. Raises `ValueError`."""
    if not 0 <= row.last < 2**63:
        raise ValueError(f"{row.subscription}: a schedule's time is microseconds since 1970, not {row.last}")
    for text in (row.subscription, row.expression, row.zone):
        text.encode()  # UnicodeEncodeError is a ValueError, and names the character

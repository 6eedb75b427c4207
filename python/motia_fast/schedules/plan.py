"""What a schedule has to do now: a pure decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from motia_fast.clock import SECOND, Micros

if TYPE_CHECKING:
    from motia_fast.contract import ScheduleRow
    from motia_fast.crontab import Crontab
    from motia_fast.triggers import Misfire

#: Why a row is set without a tick: it is new or edited, its last fire lies in the future, or its ticks are passed over.
Why = Literal["declared", "clock", "missed"]

#: Ticks that "all" makes up for at most: the latest.
CATCH_UP = 100
#: A tick that is at most this late is in time, also for "skip": a restart or a pause of a minute is no misfire.
GRACE: Micros = 60 * SECOND
#: A row's last fire that is further ahead than this was written by a clock that was wrong.
AHEAD: Micros = 86_400 * SECOND


class Plan(NamedTuple):
    """What is to be done now, and when to look again."""

    #: The row's `last` once this is done.
    last: Micros
    #: When it fires next; None for never.
    next_due: Micros | None
    #: The times of the ticks to fire, oldest first; the last of them is `last`.
    fires: tuple[Micros, ...] = ()
    #: Why the row's `last` is to be set without a tick; None where ticks set it, or it stays.
    why: Why | None = None
    #: Ticks that are passed over for good; 101 stand for more.
    missed: int = 0


def plan(crontab: Crontab, row: ScheduleRow | None, misfire: Misfire, now: Micros) -> Plan:
    """Decides by what is kept of the schedule. One that is new or edited begins now: nothing is made up for."""
    if row is None or (row.expression, row.zone) != (crontab.expression, crontab.timezone):
        return Plan(now, crontab.next_fire(now), why="declared")
    if row.last > now + AHEAD:
        return Plan(now, crontab.next_fire(now), why="clock")
    due = crontab.latest_fires(row.last, now, CATCH_UP + 1)
    next_due = crontab.next_fire(max(now, row.last))
    if not due:
        return Plan(row.last, next_due)
    fires = _chosen(due, misfire, now)
    return Plan(due[-1], next_due, tuple(fires), None if fires else "missed", len(due) - len(fires))


def _chosen(due: list[Micros], misfire: Misfire, now: Micros) -> list[Micros]:
    if misfire == "all":
        return due[-CATCH_UP:]
    if misfire == "skip":
        return [at for at in due[-1:] if now - at <= GRACE]
    return due[-1:]

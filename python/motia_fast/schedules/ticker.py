"""Fires the ticks that are due. It has no timer of its own: whoever has one calls `fire_due` when it says."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from motia_fast.clock import SECOND, Micros
from motia_fast.context import new_trace_id
from motia_fast.encoding import encode
from motia_fast.errors import DiskLow, EngineError, PendingFull
from motia_fast.schedules.plan import CATCH_UP, Plan, Why, plan
from motia_fast.triggers import CronTrigger, Misfire, Overlap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from motia_fast.contract import Engine, ScheduleRow
    from motia_fast.crontab import Crontab
    from motia_fast.steps import Step

log = logging.getLogger("motia_fast.schedules")

#: When an engine that refuses work for now is asked again. A full pending list empties with the next sync.
RETRY_FULL: Micros = SECOND // 20
RETRY_DISK: Micros = 10 * SECOND


class Schedule(NamedTuple):
    """A cron trigger of a declared step."""

    #: Such as "Cleanup/cron".
    subscription: str
    crontab: Crontab
    misfire: Misfire = "once"
    overlap: Overlap = "skip"


def schedules_of(steps: Iterable[Step[..., Any]]) -> list[Schedule]:
    """The schedules of steps that were found without mistakes."""
    found: list[Schedule] = []
    for step in steps:
        for subscription in step.subscriptions():
            trigger = step.trigger_of(subscription.id)
            if isinstance(trigger, CronTrigger) and trigger.crontab is not None:
                found.append(Schedule(subscription.id, trigger.crontab, trigger.misfire, trigger.overlap))
    return found


@dataclass(slots=True)
class Counts:
    """Ticks of one schedule since the ticker was made."""

    fired: int = 0
    #: Passed over because their time had gone by (`misfire`); of a long time, 101 stand for any number.
    missed: int = 0
    #: Passed over because an earlier tick was unfinished (`overlap`).
    overlapped: int = 0


class _Looked(NamedTuple):
    """When a schedule was last looked at, and what was found: there is no need to look again before `next_due`."""

    at: Micros
    next_due: Micros | None

    def holds(self, now: Micros) -> bool:
        # A clock that was set back makes it void.
        return self.at <= now and (self.next_due is None or now < self.next_due)


class Ticker:
    """Fires ticks on the engine's schedules."""

    def __init__(self, engine: Engine, schedules: Sequence[Schedule]) -> None:
        """Nothing happens before `fire_due`, by when the subscriptions must be registered."""
        self._engine = engine
        self._schedules = tuple(schedules)
        self._looked: dict[str, _Looked] = {}
        self._counts = {schedule.subscription: Counts() for schedule in schedules}
        #: When `fire_due` has something to do; None for never. At first at once: the schedules are not declared yet.
        self.next_due: Micros | None = 0 if schedules else None

    @property
    def counts(self) -> Mapping[str, Counts]:
        """By subscription."""
        return self._counts

    def seconds_left(self, now: Micros) -> float | None:
        """Seconds from `now` until `next_due`, 0 or more; None for never."""
        return None if self.next_due is None else max(0, self.next_due - now) / SECOND

    def fire_due(self, now: Micros) -> Micros | None:
        """Fires what is due at `now`, and returns when it has something to do again; None for never.

        The first call declares the schedules. Call it a few times a minute even so, since the wall clock may be set; a
        call too many does no harm. From any thread, one call at a time; it takes milliseconds. While the engine refuses
        work (`PendingFull`, `DiskLow`), what is due stays due, and the time that is returned is near. Raises
        `EngineStopped`, `EngineClosed`.
        """
        try:
            self.next_due = self._fire_all(now)
        except PendingFull:
            self.next_due = now + RETRY_FULL
        except DiskLow as error:
            log.warning("ticks are due, and are tried again in %d s: %s", RETRY_DISK // SECOND, error)
            self.next_due = now + RETRY_DISK
        except EngineError:
            self.next_due = None  # it will not fire again, and a timer that is always due would spin
            raise
        return self.next_due

    def _fire_all(self, now: Micros) -> Micros | None:
        rows = {row.subscription: row for row in self._engine.schedules.rows()}
        times = [self._look(schedule, rows.get(schedule.subscription), now) for schedule in self._schedules]
        return min((time for time in times if time is not None), default=None)

    def _look(self, schedule: Schedule, row: ScheduleRow | None, now: Micros) -> Micros | None:
        looked = self._looked.get(schedule.subscription)
        if looked is not None and looked.holds(now):
            return looked.next_due
        todo = plan(schedule.crontab, row, schedule.misfire, now)
        if todo.fires:
            self._fire(schedule, todo)
        elif todo.why is not None:
            self._set(schedule, row, todo, todo.why)
        self._count_missed(schedule, todo)
        self._looked[schedule.subscription] = _Looked(now, todo.next_due)
        return todo.next_due

    def _fire(self, schedule: Schedule, todo: Plan) -> None:
        counts = self._counts[schedule.subscription]
        # Ticks that are made up for together do not stand in each other's way: only what was there before does.
        if schedule.overlap == "skip" and self._engine.schedules.unfinished(schedule.subscription):
            self._engine.schedules.reset(schedule.subscription, todo.last)
            counts.overlapped += len(todo.fires)
            log.warning("%s: the last tick is unfinished, so this one is skipped", schedule.subscription)
            return
        for at in todo.fires:
            meta = encode({"trace": new_trace_id(), "at": at})
            if self._engine.schedules.fire(schedule.subscription, at, meta) is not None:
                counts.fired += 1

    def _set(self, schedule: Schedule, row: ScheduleRow | None, todo: Plan, why: Why) -> None:
        schedules, crontab = self._engine.schedules, schedule.crontab
        if why == "declared":
            schedules.declare(schedule.subscription, crontab.expression, crontab.timezone, todo.last)
            return
        schedules.reset(schedule.subscription, todo.last)
        if why == "clock" and row is not None:
            log.warning(_AHEAD, schedule.subscription, _iso(row.last), _iso(todo.last))

    def _count_missed(self, schedule: Schedule, todo: Plan) -> None:
        if not todo.missed:
            return
        self._counts[schedule.subscription].missed += todo.missed
        number = f"more than {CATCH_UP}" if todo.missed > CATCH_UP else str(todo.missed)
        log.warning(_MISSED, schedule.subscription, number, schedule.misfire, len(todo.fires))


_AHEAD = "%s: the last fire is kept as %s, more than a day ahead, so a clock was wrong; it goes on from %s"
_MISSED = '%s: %s missed and passed over; misfire="%s" fires %d now'


def _iso(time: Micros) -> str:
    try:
        return datetime.fromtimestamp(time // SECOND, UTC).isoformat()
    except (ValueError, OverflowError, OSError):  # beyond the year 9999
        return f"{time // SECOND} s after 1970"

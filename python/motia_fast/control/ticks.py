"""The verbs about cron triggers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from motia_fast.context import new_trace_id
from motia_fast.contract import JobFilter
from motia_fast.control import views
from motia_fast.crontab import Crontab
from motia_fast.encoding import encode
from motia_fast.errors import ControlError, CronError, UnknownSubscription, nearest
from motia_fast.schedules import schedules_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motia_fast.access import SyncAccess
    from motia_fast.clock import Micros
    from motia_fast.contract import Engine, JobView, ScheduleRow
    from motia_fast.schedules import Schedule
    from motia_fast.steps import Step


class CronVerbs:
    """List the schedules, and fire one now."""

    def __init__(self, engine: Engine, access: SyncAccess, steps: Sequence[Step[..., Any]] | None) -> None:
        """`steps` is what is declared; None on a directory at rest."""
        self._engine = engine
        self._access = access
        self._declared = None if steps is None else {each.subscription: each for each in schedules_of(steps)}

    def schedules(self) -> dict[str, Any]:
        """All schedules with their last and next times.

        `last` is that of the last tick, or of the declaration. On a directory at rest these are the schedules that it
        keeps, and ticks that are missed meanwhile are not told. A schedule that is no longer declared is orphaned, and
        has no `next`.
        """
        rows = sorted(self._engine.schedules.rows(), key=lambda row: row.subscription)
        return {"schedules": [self._schedule(row) for row in rows]}

    def run(self, name: str) -> dict[str, Any]:
        """Fires a tick now, of the step or subscription that is named; returns its job.

        Raises `UnknownSubscription`, and `ControlError` where nothing is declared, or an earlier tick forbids it.
        """
        schedule = self._named(name)
        if schedule.overlap == "skip":
            self._refuse_overlap(schedule.subscription)
        at = self._engine.settings.clock.now()
        self._declare(schedule, at - 1)
        meta = encode({"trace": new_trace_id(), "at": at})
        fired = self._access.call(lambda: self._engine.schedules.fire(schedule.subscription, at, meta))
        if fired is None:
            raise ControlError(f"{schedule.subscription} did not fire: its last tick is not before {views.iso(at)}")
        self._access.durable(fired.commit)
        about = {"step": views.step_of(schedule.subscription), "subscription": schedule.subscription}
        return about | views.receipt(fired.receipts[0])

    def _declare(self, schedule: Schedule, last: Micros) -> None:
        # Where the application never ran with this schedule there is no row yet; a row that is there stays as it is.
        crontab, declare = schedule.crontab, self._engine.schedules.declare
        self._access.call(lambda: declare(schedule.subscription, crontab.expression, crontab.timezone, last))

    def _refuse_overlap(self, subscription: str) -> None:
        unfinished = self._unfinished(subscription)
        if unfinished is not None:
            raise ControlError(
                f"{subscription} did not fire: its last tick is unfinished (job {unfinished.id}, {unfinished.state}), "
                'and two are not to overlap; declare overlap="allow" if they may'
            )

    def _unfinished(self, subscription: str) -> JobView | None:
        for state in ("running", "ready", "scheduled"):
            found = self._engine.inspect.jobs(JobFilter(subscription=subscription, state=state), 1)
            if found:
                return found[0]
        return None

    def _schedule(self, row: ScheduleRow) -> dict[str, Any]:
        orphaned = None if self._declared is None else row.subscription not in self._declared
        following = None if orphaned else self._next(row)
        return {
            "step": views.step_of(row.subscription),
            "subscription": row.subscription,
            "expression": row.expression,
            "timezone": row.zone,
            "last": views.iso(row.last),
            "next": None if following is None else views.iso(following),
            "orphaned": orphaned,
        }

    def _next(self, row: ScheduleRow) -> Micros | None:
        try:
            crontab = Crontab.parse(row.expression, row.zone)
        except CronError:  # a zone that this machine does not have
            return None
        return crontab.next_fire(self._engine.settings.clock.now())

    def _named(self, name: str) -> Schedule:
        if self._declared is None:
            raise ControlError(
                f'a data directory at rest does not know the steps, so "{name}" cannot be fired; start the '
                "application, or name it (--app TARGET)"
            )
        found = [each for key, each in self._declared.items() if name in (key, views.step_of(key))]
        if not found:
            raise UnknownSubscription(f'no step "{name}" has a cron trigger{self._known(name)}')
        if len(found) > 1:
            several = ", ".join(each.subscription for each in found)
            raise UnknownSubscription(f'"{name}" has several cron triggers; name one of them: {several}')
        return found[0]

    def _known(self, name: str) -> str:
        names = sorted({views.step_of(subscription) for subscription in self._declared or ()})
        return nearest(name, names) or f"; those that have one: {', '.join(names) or 'none'}"

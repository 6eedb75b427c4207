"""The verbs about cron triggers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from motia_fast.context import new_trace_id
from motia_fast.control import views
from motia_fast.crontab import Crontab
from motia_fast.errors import ControlError, CronError, UnknownSubscription, nearest
from motia_fast.messages import meta_of
from motia_fast.triggers import CronTrigger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motia_fast.access import SyncAccess
    from motia_fast.clock import Micros
    from motia_fast.contract import Engine, ScheduleRow
    from motia_fast.steps import Step


class Cron(NamedTuple):
    """One cron trigger as it is declared."""

    subscription: str
    step: str
    trigger: CronTrigger


class CronVerbs:
    """List the schedules, and fire one now."""

    def __init__(self, engine: Engine, access: SyncAccess, steps: Sequence[Step[..., Any]] | None) -> None:
        """`steps` is what is declared; None on a directory at rest."""
        self._engine = engine
        self._access = access
        self._declared = None if steps is None else {cron.subscription: cron for cron in _crons(steps)}

    def schedules(self) -> dict[str, Any]:
        """All schedules with their last and next times.

        `last` is that of the last tick, or of the declaration. On a directory at rest these are the schedules that it
        keeps, and a missed tick is not counted in. A schedule that is no longer declared is an orphan, without a next.
        """
        rows = {row.subscription: row for row in self._engine.schedules.rows()}
        return {"schedules": [self._schedule(row) for _, row in sorted(rows.items())]}

    def run(self, name: str) -> dict[str, Any]:
        """Fires a tick now, of the step or subscription that is named; returns its job.

        Raises `UnknownSubscription`, and `ControlError` where nothing is declared, or when it cannot fire.
        """
        cron = self._cron(name)
        at = self._engine.settings.clock.now()
        self._declare(cron, at)
        meta = meta_of(new_trace_id())
        fired = self._access.call(lambda: self._engine.schedules.fire(cron.subscription, at, meta))
        if fired is None:
            raise ControlError(f'"{cron.step}" did not fire: its last tick is not before {views.iso(at)}')
        self._access.durable(fired.commit)
        return {"step": cron.step, "subscription": cron.subscription, **views.receipt(fired.receipts[0])}

    def _declare(self, cron: Cron, at: Micros) -> None:
        # An application that never ran has no rows yet; its trigger would be declared at its start, before now.
        crontab = cron.trigger.crontab
        if crontab is not None and all(r.subscription != cron.subscription for r in self._engine.schedules.rows()):
            self._engine.schedules.declare(cron.subscription, crontab.expression, crontab.timezone, at - 1)

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

    def _cron(self, name: str) -> Cron:
        if self._declared is None:
            raise ControlError(
                f'a data directory at rest does not know the steps, so "{name}" cannot be fired; start the '
                "application, or name it (--app TARGET)"
            )
        found = [cron for cron in self._declared.values() if name in (cron.step, cron.subscription)]
        if not found:
            raise UnknownSubscription(f'no step "{name}" has a cron trigger{self._known(name)}')
        if len(found) > 1:
            several = ", ".join(cron.subscription for cron in found)
            raise UnknownSubscription(f'"{name}" has several cron triggers; name one of them: {several}')
        return found[0]

    def _known(self, name: str) -> str:
        names = sorted({cron.step for cron in (self._declared or {}).values()})
        return nearest(name, names) or f"; those that have one: {', '.join(names) or 'none'}"


def _crons(steps: Sequence[Step[..., Any]]) -> list[Cron]:
    found: list[Cron] = []
    for step in steps:
        for subscription in step.subscriptions():
            trigger = step.trigger_of(subscription.id)
            if isinstance(trigger, CronTrigger):
                found.append(Cron(subscription.id, step.name, trigger))
    return found

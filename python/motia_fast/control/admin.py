"""`Admin`: all that can be asked of an engine from outside, in the running process and on a directory at rest alike.

A verb takes and returns what JSON can hold. Its arguments come from another process, so they are checked. Every verb
may block: for the disk, and a write until it survives a crash.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, ValidationError, validate_call

from motia_fast.access import SyncAccess
from motia_fast.context import new_trace_id
from motia_fast.control import views
from motia_fast.control.dead_letters import DeadLetterVerbs
from motia_fast.control.items import StateVerbs
from motia_fast.control.jobs import JobVerbs
from motia_fast.control.plain import to_plain
from motia_fast.control.ticks import CronVerbs
from motia_fast.errors import ControlError, ValidationFailed, nearest
from motia_fast.messages import message_of, meta_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from motia_fast.contract import Engine, Message
    from motia_fast.steps import Step


class Admin:
    """The verbs of one engine, by name through `call`, or by method."""

    def __init__(
        self,
        engine: Engine,
        steps: Sequence[Step[..., Any]] | None = None,
        *,
        check: Callable[[Message], None] = lambda _: None,
    ) -> None:
        """`steps` is what is declared; None on a directory at rest, where nobody says.

        `check` sees each message before it is enqueued, and raises to refuse it.
        """
        self._engine = engine
        self._access = SyncAccess(engine)
        self._steps = steps
        self._check = check
        jobs = JobVerbs(engine, declared=steps is not None)
        dead = DeadLetterVerbs(engine, self._access, declared=steps is not None)
        state = StateVerbs(engine, self._access)
        cron = CronVerbs(engine, self._access, steps)
        verbs: dict[str, Callable[..., dict[str, Any]]] = {
            "ping": self.ping,
            "enqueue": self.enqueue,
            "steps": self.steps,
            "stats": self.stats,
            "jobs": jobs.jobs,
            "job": jobs.job,
            "parked": jobs.parked,
            "finished": jobs.finished,
            "dead.list": dead.letters,
            "dead.show": dead.show,
            "dead.retry": dead.retry,
            "dead.purge": dead.purge,
            "state.get": state.get,
            "state.set": state.set,
            "state.delete": state.delete,
            "state.items": state.items,
            "state.groups": state.groups,
            "cron.list": cron.schedules,
            "cron.run": cron.run,
        }
        checked = validate_call(config=ConfigDict(strict=True))
        self._verbs = {name: checked(verb) for name, verb in verbs.items()}

    def call(self, verb: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Does one verb. Raises `ControlError` for an unknown one, `ValidationFailed` for wrong arguments."""
        known = self._verbs.get(verb)
        if known is None:
            raise ControlError(f'there is no verb "{verb}"{nearest(verb, self._verbs)}')
        try:
            return known(**args)
        except ValidationError as error:
            raise ValidationFailed(f'the arguments of "{verb}"', _details(error)) from None

    def ping(self) -> dict[str, Any]:
        """Who answers."""
        return {"pid": os.getpid()}

    def enqueue(
        self,
        topic: str,
        data: Any = None,
        delay: float | None = None,
        run_at: str | None = None,
        priority: int | None = None,
    ) -> dict[str, Any]:
        """Enqueues one message, durably; `delay` is in seconds, `run_at` in ISO 8601 with a zone.

        On a directory at rest nobody declares who gets it: it is parked, and routed when the application starts.
        """
        options = {"delay": delay, "run_at": _time("run_at", run_at), "priority": priority}
        message = message_of(topic, data, options, meta_of(new_trace_id()))
        self._check(message)
        made = self._access.call(lambda: self._engine.enqueue([message]))
        self._access.durable(made.commit)
        return views.receipt(made.receipts[0])

    def steps(self) -> dict[str, Any]:
        """What the application declares. Raises `ControlError` on a directory at rest."""
        if self._steps is None:
            raise ControlError("a data directory at rest does not know the steps; name the application (--app TARGET)")
        return {"steps": [views.step(step) for step in self._steps]}

    def stats(self) -> dict[str, Any]:
        """The engine's counters and gauges; whether a subscription is orphaned only where the steps are declared."""
        failure = self._engine.failure
        about = {
            "pid": os.getpid(),
            "at": views.iso(self._engine.settings.clock.now()),
            "failure": None if failure is None else str(failure),
        }
        stats: dict[str, Any] = to_plain(self._engine.stats(), "stats")
        if self._steps is None:
            stats["subscriptions"] = [{**each, "orphaned": None} for each in stats["subscriptions"]]
        return about | stats


def _time(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        detail = {"loc": [name], "msg": f"is {text!r}, and must be a time such as 2026-11-24T16:00:00+00:00"}
        raise ValidationFailed("enqueue", [detail | {"type": "value_error"}]) from None


def _details(error: ValidationError) -> list[dict[str, Any]]:
    return [{"loc": list(e["loc"]), "msg": e["msg"], "type": e["type"]} for e in error.errors()]

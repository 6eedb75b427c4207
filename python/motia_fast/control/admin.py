"""`Admin`: all that can be asked of an engine from outside, in the running process and on a directory at rest alike.

A verb takes and returns what JSON can hold. Its arguments come from another process, so they are checked. Every verb
may block: for the disk, and a write until it survives a crash.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, ValidationError, validate_call

import motia_fast
from motia_fast.access import SyncAccess
from motia_fast.context import new_trace_id
from motia_fast.contract import JobFilter
from motia_fast.control import views
from motia_fast.control.dead_letters import DeadLetterVerbs
from motia_fast.control.items import StateVerbs
from motia_fast.control.pages import page
from motia_fast.control.plain import to_plain
from motia_fast.control.ticks import CronVerbs
from motia_fast.errors import ControlError, UnknownJob, ValidationFailed, nearest
from motia_fast.messages import message_of, meta_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from motia_fast.contract import Engine, JobState, JobView, Message
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
        dead, state = DeadLetterVerbs(engine, self._access), StateVerbs(engine, self._access)
        cron = CronVerbs(engine, self._access, steps)
        verbs: dict[str, Callable[..., dict[str, Any]]] = {
            "ping": self.ping,
            "enqueue": self.enqueue,
            "steps": self.steps,
            "stats": self.stats,
            "jobs": self.jobs,
            "job": self.job,
            "parked": self.parked,
            "finished": self.finished,
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
        return {"pid": os.getpid(), "version": motia_fast.__version__}

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
        """The engine's counters and gauges."""
        failure = self._engine.failure
        about = {
            "pid": os.getpid(),
            "version": motia_fast.__version__,
            "at": views.iso(self._engine.settings.clock.now()),
            "running": self._steps is not None,
            "failure": None if failure is None else str(failure),
        }
        return about | dict(to_plain(self._engine.stats(), "stats"))

    def jobs(
        self,
        state: Literal["ready", "scheduled", "running", "dead"] | None = None,
        step: str | None = None,
        limit: int = 100,
        after: int = 0,
    ) -> dict[str, Any]:
        """A page of unfinished jobs, by id."""
        return job_page(self._engine.inspect.jobs, state, step, limit, after)

    def job(self, job: int) -> dict[str, Any]:
        """One unfinished job. Raises `UnknownJob`."""
        found = self._engine.inspect.job(job)
        if found is None:
            raise UnknownJob(f"there is no unfinished job {job}; it is finished, or never was")
        return views.job(found)

    def parked(self, limit: int = 100, after: int = 0) -> dict[str, Any]:
        """A page of messages that wait for a step on their topic, by id."""
        found = page(
            self._engine.inspect.parked,
            limit,
            after,
            key=lambda view: view.message_id,
            size=lambda view: len(view.payload) + len(view.meta),
        )
        return found.answer("messages", views.parked)

    def finished(self) -> dict[str, Any]:
        """The last finished jobs, oldest first."""
        return {"jobs": [views.finished(row) for row in self._engine.inspect.history()]}


def job_page(
    fetch: Callable[[JobFilter, int, int], list[JobView]],
    state: JobState | None,
    step: str | None,
    limit: int,
    after: int,
) -> dict[str, Any]:
    """A page of jobs, from whichever verb lists them."""
    which = JobFilter(state=state, step=step)
    found = page(
        lambda count, above: fetch(which, count, above), limit, after, key=lambda view: view.id, size=views.size_of_job
    )
    return found.answer("jobs", views.job)


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

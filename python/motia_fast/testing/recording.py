"""A context for one handler alone, without its application: it keeps what the handler enqueued."""

from __future__ import annotations

import asyncio
import weakref
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypedDict, Unpack, cast

from typing_extensions import override

from motia_fast.access import AsyncAccess, SyncAccess
from motia_fast.clock import SECOND, ManualClock
from motia_fast.context import Context, Run, SyncContext, TriggerInfo, current, new_trace_id
from motia_fast.contract import EngineSettings, RetryPolicy
from motia_fast.encoding import decode
from motia_fast.engine import open_engine
from motia_fast.retries import failure_of
from motia_fast.session import Ledger, Session
from motia_fast.triggers import CronTrigger, HttpTrigger, NoopTrigger, QueueTrigger

if TYPE_CHECKING:
    from contextvars import Token
    from types import TracebackType

    from motia_fast.contract import Failure, Message
    from motia_fast.engine import Name
    from motia_fast.steps import Step
    from motia_fast.triggers import Trigger


class Sent(NamedTuple):
    """One message that a handler enqueued. `delay` is seconds."""

    topic: str
    #: Decoded from the JSON that it became.
    data: Any
    delay: float | None = None
    run_at: datetime | None = None
    priority: int | None = None

    @classmethod
    def of(cls, message: Message) -> Sent:
        """From what the engine was given."""
        run_at = None if message.run_at is None else datetime.fromtimestamp(message.run_at / SECOND, UTC)
        return cls(message.topic, decode(message.payload), message.delay, run_at, message.priority)


class Given(TypedDict, total=False):
    """What a context may be made with."""

    #: What `ctx.get_data()` returns, and `ctx.match` passes on.
    data: Any
    #: Why the handler runs: by default the step's first trigger, and a queue trigger without a step.
    trigger: TriggerInfo
    #: Which attempt it is, by default 1, of how many, by default as many as the trigger has.
    attempt: int
    max_attempts: int
    #: How the last attempt failed.
    last_error: Failure | BaseException
    #: The value of the application's lifespan.
    resources: Any
    #: What `ctx.now()` and the `ttl` of state follow.
    clock: ManualClock
    #: Whose state it is: "rust", "pure" or by default "auto".
    engine: Name


class _Recorded:
    """What the two contexts have beside what a handler sees."""

    #: Time, as the handler sees it.
    clock: ManualClock
    #: What was enqueued, in order.
    enqueued: list[Sent]
    _token: Token[Context | SyncContext]

    def sent(self, topic: str) -> list[Any]:
        """The data of all that was enqueued to a topic, in order."""
        return [message.data for message in self.enqueued if message.topic == topic]

    def __enter__(self) -> Self:
        """Makes it the running step's context: `enqueue`, `logger` and `state_manager` find it by themselves."""
        self._token = current.set(cast("Context | SyncContext", self))  # it is mixed into these two
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends that; the context, its state and what it keeps can still be looked at."""
        current.reset(self._token)


class RecordingContext(_Recorded, Context):
    """The context of an `async def` handler in a unit test. Made by `context`."""

    def __init__(self, step: Step[..., Any] | None, given: Given) -> None:
        """Opens an engine in memory, which ends with this object."""
        self.clock = given.get("clock") or ManualClock()
        self.enqueued = []
        settings = EngineSettings(durability="memory", clock=self.clock)
        engine = open_engine(given.get("engine", "auto"), settings)
        weakref.finalize(self, engine.close)
        engine.register([])
        # Not `self` by a method: with a cycle, the engine would wait for the collector of cyclic garbage.
        enqueued = self.enqueued
        session = Session(_Unwatched(engine), Ledger(), lambda message: enqueued.append(Sent.of(message)))
        data = given.get("data")
        super().__init__(_run_of(step, given), session, data, data, given.get("resources"))


class RecordingSyncContext(_Recorded, SyncContext):
    """The context of a `def` handler in a unit test. Made by `sync_context`."""

    def __init__(self, step: Step[..., Any] | None, given: Given) -> None:
        """As `RecordingContext`."""
        self._twin = RecordingContext(step, given)  # the engine lives as long as that does
        self.clock, self.enqueued = self._twin.clock, self._twin.enqueued
        super().__init__(self._twin, SyncAccess(self._twin.session.engine))


class _Unwatched(AsyncAccess):
    """Has no reader on a loop: a unit test may call a handler on any."""

    @override
    async def durable(self, commit: int) -> None:
        await asyncio.to_thread(self.engine.wait, commit)


def context(step: Step[..., Any] | None = None, **given: Unpack[Given]) -> RecordingContext:
    """What to call an `async def` handler with: ``await place_order(order, ctx)``.

    State is the real one, empty and in memory. What is enqueued goes nowhere: `ctx.sent("topic")` has its data, and
    `ctx.enqueued` all of it. With `step`, the run has its name, flows and first trigger. Within ``with context() as
    ctx:`` the ambient names (``from motia_fast import enqueue``) work too.
    """
    return RecordingContext(step, given)


def sync_context(step: Step[..., Any] | None = None, **given: Unpack[Given]) -> RecordingSyncContext:
    """As `context`, for a `def` handler, whose test needs no event loop."""
    return RecordingSyncContext(step, given)


# ---------------------------------------------------------------- the run


def _run_of(step: Step[..., Any] | None, given: Given) -> Run:
    trigger = given.get("trigger") or (_info(step.triggers[0]) if step and step.triggers else TriggerInfo("queue"))
    error = given.get("last_error")
    return Run(
        step="test" if step is None else step.name,
        trigger=trigger,
        trace_id=new_trace_id(),
        flows=() if step is None else step.flows,
        job_id=None if trigger.type == "http" else 1,
        attempt=given.get("attempt", 1),
        max_attempts=given.get("max_attempts") or _attempts(step, trigger),
        last_error=failure_of(error) if isinstance(error, BaseException) else error,
    )


def _info(trigger: Trigger) -> TriggerInfo:
    match trigger:
        case QueueTrigger():
            return TriggerInfo("queue", topic=trigger.topic)
        case CronTrigger():
            return TriggerInfo("cron", expression=trigger.expression)
        case HttpTrigger():
            return TriggerInfo("http", method=trigger.method, path=trigger.path)
        case NoopTrigger():
            return TriggerInfo("queue")


def _attempts(step: Step[..., Any] | None, trigger: TriggerInfo) -> int:
    """As many as the worker would say: one for a request, else those of the trigger's policy."""
    if trigger.type == "http":
        return 1
    declared = step.triggers[trigger.index] if step and trigger.index < len(step.triggers) else None
    retry = declared.retry if isinstance(declared, QueueTrigger) else RetryPolicy()
    return retry.max_retries + 1

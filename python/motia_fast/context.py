"""What a handler receives beside its input: one object that speaks for its run."""

from __future__ import annotations

import inspect
import os
import random
import uuid
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, Unpack

from motia_fast.clock import SECOND
from motia_fast.errors import MotiaError
from motia_fast.messages import message_of, message_to, meta_of
from motia_fast.session import Session, SyncSession
from motia_fast.state_store import StateManager, SyncStateManager
from motia_fast.steplog import Logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from motia_fast.access import SyncAccess
    from motia_fast.contract import Failure, Receipt
    from motia_fast.messages import Options

TriggerType = Literal["http", "queue", "cron"]
S = TypeVar("S", bound=Session | SyncSession)


@dataclass(frozen=True, slots=True)
class TriggerInfo:
    """Why a step runs. `index` counts the step's triggers from 0; the fields of other types are None."""

    type: TriggerType
    index: int = 0
    topic: str | None = None
    expression: str | None = None
    method: str | None = None
    path: str | None = None
    #: The time for which a cron trigger fired, which may be before the time at which it runs.
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one step, as its context, its log lines and its traces know it."""

    step: str
    trigger: TriggerInfo
    trace_id: str
    flows: tuple[str, ...] = ()
    #: The same in every attempt; None for an HTTP request.
    job_id: int | None = None
    #: 1 for the first.
    attempt: int = 1
    max_attempts: int = 1
    #: How the job failed last.
    last_error: Failure | None = None


#: Trace ids need not be secret, and the operating system's randomness costs 20 times as much. Seeded by it, once.
_chance = random.Random()  # noqa: S311 -- not for secrets
os.register_at_fork(after_in_child=_chance.seed)


def new_trace_id() -> str:
    """A trace id as W3C trace contexts have it: 32 hexadecimal digits."""
    return f"{_chance.getrandbits(128):032x}"


class RunContext(Generic[S]):
    """What the context of an async handler and that of a thread have in common.

    One is made for each job, and most handlers touch little of it: what costs more than an attribute is made when it
    is asked for.
    """

    __slots__ = ("_meta", "_run", "_session", "data", "input", "resources")

    def __init__(
        self,
        run: Run | Callable[[], Run],
        session: S,
        input: Any = None,  # noqa: A002 -- that is its name
        data: Any = None,
        resources: Any = None,
    ) -> None:
        """`run` may be a function, which is called when the run is first asked for.

        `input` is what the handler gets, `data` what `get_data()` gives; `resources` is the lifespan's value.
        """
        self._run = run
        self._session: S = session
        self.input = input
        self.data = data
        #: What the application's `lifespan` yielded, such as a pool of connections.
        self.resources = resources
        self._meta: bytes | None = None

    @property
    def run(self) -> Run:
        """What its log lines and traces know."""
        run = self._run
        if not isinstance(run, Run):
            run = self._run = run()
        return run

    @property
    def session(self) -> S:
        """The way to the engine."""
        return self._session

    @property
    def logger(self) -> Logger:
        """Lines of the step's log, with fields."""
        return Logger(lambda: self.run)

    @property
    def trigger(self) -> TriggerInfo:
        """Why the step runs."""
        return self.run.trigger

    @property
    def trace_id(self) -> str:
        """The same in everything that one request, tick or call of `app.enqueue` led to."""
        return self.run.trace_id

    @property
    def flows(self) -> tuple[str, ...]:
        """The flows that the step belongs to."""
        return self.run.flows

    @property
    def job_id(self) -> int | None:
        """The job's id, the same in every attempt; None for an HTTP request."""
        return self.run.job_id

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1; crashes and snoozes do not count."""
        return self.run.attempt

    @property
    def max_attempts(self) -> int:
        """How many attempts the job has: `max_retries` + 1."""
        return self.run.max_attempts

    @property
    def last_error(self) -> Failure | None:
        """How the last attempt failed; None in the first."""
        return self.run.last_error

    def get_data(self) -> Any:
        """The input: a message's data, a request's body; the validated model where the trigger declares one."""
        return self.data

    getData = get_data  # noqa: N815 -- as Motia spells it

    def is_queue(self) -> bool:
        """Whether a message started this run."""
        return self.run.trigger.type == "queue"

    def is_http(self) -> bool:
        """Whether a request started this run."""
        return self.run.trigger.type == "http"

    def is_cron(self) -> bool:
        """Whether a schedule started this run."""
        return self.run.trigger.type == "cron"

    def now(self) -> datetime:
        """The wall time on the engine's clock, in UTC: in tests the manual clock's."""
        return datetime.fromtimestamp(self._session.engine.settings.clock.now() / SECOND, UTC)

    def new_id(self, prefix: str = "") -> str:
        """A new random id: ``order-9f86d081884c4d659a2feaa0c55ad015`` for the prefix ``order``."""
        return f"{prefix}-{uuid.uuid4().hex}" if prefix else uuid.uuid4().hex

    def _chosen(self, cases: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
        kind = self.run.trigger.type
        case = cases.get(kind, cases.get("default"))
        if case is None:
            raise MotiaError(
                f'ctx.match in step "{self.run.step}" has no case "{kind}" and no "default", only '
                f"{', '.join(cases) or 'nothing'}; add one of the two"
            )
        return case

    @property
    def _carried(self) -> bytes:
        if self._meta is None:
            self._meta = meta_of(self.run.trace_id)
        return self._meta


class Context(RunContext[Session]):
    """What an `async def` handler receives as `ctx`. Made by the worker and by the HTTP server."""

    __slots__ = ()

    @property
    def state(self) -> StateManager:
        """Groups of JSON values by key."""
        return StateManager(lambda: self._session)

    async def enqueue(self, topic: str | Mapping[str, Any], data: Any = None, **options: Unpack[Options]) -> Receipt:
        """Enqueues `data` to `topic`; also takes one object, ``{"topic": .., "data": ..}``.

        Does not wait for the disk: the commit precedes the job's own end, and an HTTP response waits for it.
        Raises `ValidationFailed`, `NotEncodable`, `PayloadTooLarge`, `DiskLow`, `ContextClosed`, `EngineStopped`.
        """
        made = await self._session.enqueue([message_of(topic, data, options, self._carried)])
        return made.receipts[0]

    async def enqueue_to(self, subscription: str, topic: str, data: Any, options: Mapping[str, Any]) -> Receipt:
        """Enqueues to one subscription alone, as ``step.enqueue(..)`` does."""
        made = await self._session.enqueue([message_to(subscription, topic, data, options, self._carried)])
        return made.receipts[0]

    async def durable(self) -> None:
        """Returns once all that this run wrote and read survives a crash: call it before an effect outside."""
        await self._session.durable()

    async def match(self, cases: Mapping[str, Callable[..., Any]]) -> Any:
        """Calls the case of the trigger's type ("http", "queue", "cron"), or else "default", with the input."""
        result = self._chosen(cases)(self.input)
        return await result if inspect.isawaitable(result) else result


class SyncContext(RunContext[SyncSession]):
    """What a `def` handler receives as `ctx`, in its thread: the same, and calls return values."""

    __slots__ = ()

    def __init__(self, ctx: Context, access: SyncAccess) -> None:
        """Speaks for the same run as `ctx`, and shares its ledger."""
        session = SyncSession(access, ctx.session.ledger, ctx.session.check)
        super().__init__(lambda: ctx.run, session, ctx.input, ctx.data, ctx.resources)

    @property
    def state(self) -> SyncStateManager:
        """As `Context.state`."""
        return SyncStateManager(lambda: self._session)

    def enqueue(self, topic: str | Mapping[str, Any], data: Any = None, **options: Unpack[Options]) -> Receipt:
        """As `Context.enqueue`."""
        made = self._session.enqueue([message_of(topic, data, options, self._carried)])
        return made.receipts[0]

    def enqueue_to(self, subscription: str, topic: str, data: Any, options: Mapping[str, Any]) -> Receipt:
        """As `Context.enqueue_to`."""
        made = self._session.enqueue([message_to(subscription, topic, data, options, self._carried)])
        return made.receipts[0]

    def durable(self) -> None:
        """As `Context.durable`."""
        self._session.durable()

    def match(self, cases: Mapping[str, Callable[..., Any]]) -> Any:
        """As `Context.match`."""
        return self._chosen(cases)(self.input)


#: The context of the handler that is running, set for its task or thread alone.
current: ContextVar[Context | SyncContext] = ContextVar("motia_fast.context")

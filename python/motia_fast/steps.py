"""A step: a handler, why it runs, and what people are told about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, ParamSpec, Protocol, TypeVar, Unpack, overload

from motia_fast.contract import Kind, Receipt, Subscription
from motia_fast.triggers import HttpTrigger, NoOther, QueueTrigger, Seconds, Trigger

if TYPE_CHECKING:
    from motia_fast.errors import Mistake

P = ParamSpec("P")
R = TypeVar("R")
TriggerLike = Trigger | Mapping[str, Any]


class Owner(Protocol):
    """The application that a step belongs to (App implements this)."""

    async def enqueue_to(self, subscription: Subscription, data: object, *, delay: Seconds | None,
                         run_at: datetime | None, priority: int | None) -> Receipt:
        """Enqueues one message for that subscription alone; `NoRunningStep` when the application does not run."""
        ...


class Step(Generic[P, R]):
    """What a user declares. Calling it calls its function."""

    name: str
    handler: Callable[P, R]
    #: With topics filled in, and the input annotation of the handler taken where no `input=` was given.
    triggers: tuple[Trigger, ...]
    description: str
    enqueues: tuple[str, ...]
    virtual_enqueues: tuple[str, ...]
    flows: tuple[str, ...]
    was: tuple[str, ...]
    #: The file and line of the handler.
    file: str
    line: int
    kind: Kind
    #: Set by App.add.
    app: Owner | None
    takes_input: bool
    takes_context: bool

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

    def call(self, data: object, ctx: object) -> Any:
        """Calls the handler with what it takes: the value, or for an "async" step an awaitable of it."""

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """One for each queue and cron trigger. (A property? -> a METHOD: step.subscriptions())"""

    def trigger_of(self, subscription: str) -> Trigger:
        """The trigger behind a subscription id. Raises KeyError."""

    def index_of(self, trigger: Trigger) -> int:
        """0-based position of a trigger in `triggers`."""

    def decode(self, trigger: Trigger, payload: bytes) -> Any:
        """The handler's input: the validated model, or the decoded JSON. Raises ValidationFailed."""

    async def wants(self, trigger: Trigger, data: object, ctx: object) -> bool:
        """Whether the trigger's condition holds; an `F` on a queue trigger was decided by the engine already: True."""

    async def enqueue(self, data: object, *, delay: Seconds | None = None, run_at: datetime | None = None,
                      priority: int | None = None, topic: str | None = None) -> Receipt:
        """Enqueues to this step alone, through its application."""

    def mistakes(self) -> list[Mistake]:
        """All that is wrong with this declaration by itself."""

"""Why a step runs: what `http(..)`, `queue(..)`, `cron(..)` and `noop()` make.

They never raise for a wrong option: what is wrong is kept in the trigger's `mistakes`, so that every mistake of every
file is told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from motia_fast.contract import Backoff, RetryPolicy

if TYPE_CHECKING:
    from datetime import timedelta

    from motia_fast.conditions import Condition
    from motia_fast.crontab import Crontab
    from motia_fast.schemas import Schema

Seconds = float | "timedelta"


class NoOther(TypedDict):
    """No further option: a type checker reports one, and at run time it is kept to be told as a mistake."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """A callable condition: `predicate(data, ctx)` returns a bool, or an awaitable of one where `is_async`."""

    function: Callable[..., Any]
    takes_context: bool
    is_async: bool

    def __call__(self, data: object, ctx: object) -> Any:
        """Calls the function with what it takes."""
        return self.function(data, ctx) if self.takes_context else self.function(data)


@dataclass(frozen=True, slots=True)
class QueryParam:
    """A query parameter that is described but not checked, as Motia's `queryParams` lists them."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """A route."""

    #: Upper case.
    method: str
    #: As it was written, with ``:id`` or ``{id}`` segments and perhaps a last ``*rest``.
    path: str
    body_schema: Schema | None = None
    #: By status; None for any success.
    response_schema: Mapping[int | None, Schema] = ...
    query_params: Schema | None = None
    query_docs: tuple[QueryParam, ...] = ()
    #: ``async (request, ctx, next) -> response``, outermost first.
    middleware: tuple[Callable[..., Any], ...] = ()
    condition: Condition | Predicate | None = None
    #: Seconds until 504; None for no limit.
    request_timeout: float | None = 30.0
    #: Bytes; None takes the setting.
    max_body: int | None = None
    mistakes: tuple[str, ...] = ()
    type = "http"


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """A topic whose messages the step gets as jobs."""

    #: None until the trigger is given to a step, whose name it takes then.
    topic: str | None
    input: Schema | None = None
    condition: Condition | Predicate | None = None
    priority: int = 5
    concurrency: int = 10
    retry: RetryPolicy = RetryPolicy()
    #: Seconds.
    delay: float = 0.0
    timeout: float | None = 900.0
    retry_on: tuple[type[BaseException], ...] | None = None
    discard_on: tuple[type[BaseException], ...] = ()
    dead_letter_topic: str | None = None
    mistakes: tuple[str, ...] = ()
    type = "queue"


@dataclass(frozen=True, slots=True)
class CronTrigger:
    """A schedule."""

    expression: str
    timezone: str = "UTC"
    #: "once", "skip" or "all"
    misfire: str = "once"
    #: "skip" or "allow"
    overlap: str = "skip"
    condition: Condition | Predicate | None = None
    #: The parsed expression; None only where `mistakes` says why.
    crontab: Crontab | None = None
    mistakes: tuple[str, ...] = ()
    type = "cron"


@dataclass(frozen=True, slots=True)
class NoopTrigger:
    """Nothing starts the step: it is only drawn."""

    mistakes: tuple[str, ...] = ()
    type = "noop"


Trigger = HttpTrigger | QueueTrigger | CronTrigger | NoopTrigger


def http(method: str, path: str, *, body_schema: Any = None, response_schema: Any = None, query_params: Any = None,
         middleware: Sequence[Callable[..., Any]] = (), condition: Any = None, request_timeout: Any = 30.0,
         max_body: int | None = None, **unknown: Unpack[NoOther]) -> HttpTrigger:
    raise NotImplementedError


def queue(topic: str | None = None, *, input: Any = None, condition: Any = None, priority: int = 5,
          concurrency: int = 10, max_retries: int = 3, backoff: Backoff = "exponential", backoff_delay: Any = 1.0,
          backoff_max: Any = 3600.0, jitter: float = 0.1, delay: Any = 0.0, timeout: Any = 900.0,
          retry_on: Any = None, discard_on: Any = (), dead_letter_topic: str | None = None,
          **unknown: Unpack[NoOther]) -> QueueTrigger:
    raise NotImplementedError


def cron(expression: str, timezone: str = "UTC", *, misfire: Any = "once", overlap: Any = "skip",
         condition: Any = None, **unknown: Unpack[NoOther]) -> CronTrigger:
    raise NotImplementedError


def noop() -> NoopTrigger:
    raise NotImplementedError

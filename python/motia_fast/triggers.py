"""Why a step runs: what `http(..)`, `queue(..)`, `cron(..)` and `noop()` make.

They never raise for a wrong option: what is wrong is kept in the trigger's `mistakes`, so that every mistake of every
file is told at once, before anything starts.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypedDict, Unpack

from motia_fast import motia_names
from motia_fast import options as check
from motia_fast.conditions import Condition
from motia_fast.contract import Backoff, RetryPolicy
from motia_fast.crontab import Crontab
from motia_fast.errors import CronError, nearest
from motia_fast.options import Options, Wrong

if TYPE_CHECKING:
    from motia_fast.arguments import Predicate
    from motia_fast.retries import Errors
    from motia_fast.schemas import Schema

#: A duration as users write it: seconds, or a timedelta.
Seconds = float | timedelta
Misfire = Literal["once", "skip", "all"]
Overlap = Literal["skip", "allow"]
#: What `retry_on=` and `discard_on=` take.
ErrorTypes = type[BaseException] | Sequence[type[BaseException]]
#: What `condition=` takes: an `F` expression, or a function of the input, or of the input and the context.
ConditionLike = Condition | Callable[[Any], Any] | Callable[[Any, Any], Any]


_POLICY = RetryPolicy()
_REQUEST_TIMEOUT: float | None = 30.0
_TIMEOUT: float | None = 900.0
_BACKOFFS: tuple[Backoff, ...] = ("exponential", "linear", "fixed")
_MISFIRES: tuple[Misfire, ...] = ("once", "skip", "all")
_OVERLAPS: tuple[Overlap, ...] = ("skip", "allow")


class NoOther(TypedDict):
    """No further option: a type checker reports one, and at run time it is kept to be told as a mistake."""


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
    response_schema: Mapping[int | None, Schema] = field(default_factory=dict["int | None", "Schema"])
    query_params: Schema | None = None
    query_docs: tuple[QueryParam, ...] = ()
    #: ``async (request, ctx, next) -> response``, outermost first.
    middleware: tuple[Callable[..., Any], ...] = ()
    condition: Condition | Predicate | None = None
    #: Seconds until 504; None for no limit.
    request_timeout: float | None = 30.0
    #: Bytes of a body; None takes the setting.
    max_body: int | None = None
    #: What is wrong with this declaration.
    mistakes: tuple[str, ...] = ()
    type: ClassVar[str] = "http"


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """A topic whose messages the step gets as jobs."""

    #: None until the trigger is given to a step, whose name it takes then.
    topic: str | None
    input: Schema | None = None
    condition: Condition | Predicate | None = None
    #: 0 to 9, higher first.
    priority: int = 5
    concurrency: int = 10
    retry: RetryPolicy = _POLICY
    #: Seconds before a new job is ready.
    delay: float = 0.0
    #: Seconds that the handler may run; None for no limit.
    timeout: float | None = 900.0
    #: None retries on any error.
    retry_on: Errors | None = None
    discard_on: Errors = ()
    dead_letter_topic: str | None = None
    mistakes: tuple[str, ...] = ()
    type: ClassVar[str] = "queue"


@dataclass(frozen=True, slots=True)
class CronTrigger:
    """A schedule."""

    expression: str
    timezone: str = "UTC"
    misfire: Misfire = "once"
    overlap: Overlap = "skip"
    condition: Predicate | None = None
    #: The parsed expression; None only where `mistakes` says why.
    crontab: Crontab | None = None
    mistakes: tuple[str, ...] = ()
    type: ClassVar[str] = "cron"


@dataclass(frozen=True, slots=True)
class NoopTrigger:
    """Nothing starts the step: it is only drawn. Also stands for what is no trigger, with the mistake."""

    mistakes: tuple[str, ...] = ()
    type: str = "noop"


Trigger = HttpTrigger | QueueTrigger | CronTrigger | NoopTrigger


# ---------------------------------------------------------------- what users call


def http(  # noqa: PLR0913 -- one keyword for each option, so that editors and type checkers know them
    method: str,
    path: str,
    *,
    body_schema: Any = None,
    response_schema: Any = None,
    query_params: Any = None,
    middleware: Sequence[Callable[..., Any]] = (),
    condition: ConditionLike | None = None,
    request_timeout: Seconds | None = 30.0,
    max_body: int | None = None,
    **unknown: Unpack[NoOther],
) -> HttpTrigger:
    """Runs the step for an HTTP request.

    `path` has ``:id`` or ``{id}`` segments and perhaps a last ``*rest``. A schema is a pydantic model, another type
    that pydantic understands, or a JSON Schema as a dict; `response_schema` may be a dict of them by status.
    `request_timeout` is in seconds, `max_body` in bytes (by default the setting of that name).
    """
    return _http(Options("http", locals()))


def queue(  # noqa: PLR0913 -- as `http`
    topic: str | None = None,
    *,
    input: Any = None,  # noqa: A002 -- the word of the interface
    condition: ConditionLike | None = None,
    priority: int = 5,
    concurrency: int = 10,
    max_retries: int = 3,
    backoff: Backoff = "exponential",
    backoff_delay: Seconds = 1.0,
    backoff_max: Seconds = 3600.0,
    jitter: float = 0.1,
    delay: Seconds = 0.0,
    timeout: Seconds | None = 900.0,
    retry_on: ErrorTypes | None = None,
    discard_on: ErrorTypes = (),
    dead_letter_topic: str | None = None,
    **unknown: Unpack[NoOther],
) -> QueueTrigger:
    """Runs the step for each message of a topic; without a topic it takes the step's name.

    `input` is the schema of a message. `max_retries` N makes N + 1 attempts, the second after `backoff_delay` seconds,
    later ones after up to `backoff_max`, spread by the share `jitter`. `discard_on` makes a job dead at once for these
    errors, `retry_on` for all others. `priority` is 0 to 9, higher first. A new job waits `delay` seconds; a handler
    may run `timeout` seconds. What is in a dead letter goes to `dead_letter_topic` too.
    """
    return _queue(Options("queue", locals()))


def cron(
    expression: str,
    timezone: str = "UTC",
    *,
    misfire: Misfire = "once",
    overlap: Overlap = "skip",
    condition: ConditionLike | None = None,
    **unknown: Unpack[NoOther],
) -> CronTrigger:
    """Runs the step by the clock: 5 fields, 6 or 7 with seconds first, or an alias like ``@daily``.

    `misfire` says what becomes of the times while nothing ran: one run for all of them, none, or all (100 at most).
    `overlap` says whether a run starts while the one before has not finished.
    """
    return _cron(Options("cron", locals()))


def noop(**unknown: Unpack[NoOther]) -> NoopTrigger:
    """A step that nothing starts: it is there to be drawn, and may have no handler."""
    return NoopTrigger(tuple(Options("noop", locals()).mistakes))


# ---------------------------------------------------------------- the same from options


def _http(options: Options) -> HttpTrigger:
    read = options.read
    described, query = _query(options)
    trigger = HttpTrigger(
        method=read("method", check.method, ""),
        path=read("path", check.word, ""),
        body_schema=read("body_schema", check.optional(check.schema), None),
        response_schema=read("response_schema", check.responses, {}),
        query_params=query,
        query_docs=described,
        middleware=read("middleware", check.several(check.function), ()),
        condition=read("condition", check.wanted, None),
        request_timeout=read("request_timeout", check.limit, _REQUEST_TIMEOUT),
        max_body=read("max_body", check.optional(check.whole(0)), None),
    )
    return replace(trigger, mistakes=tuple(options.mistakes))


def _query(options: Options) -> tuple[tuple[QueryParam, ...], Schema | None]:
    """Motia's list of descriptions, or a schema."""
    if isinstance(options.value("query_params"), list | tuple):
        return options.read("query_params", check.several(_query_param), ()), None
    return (), options.read("query_params", check.optional(check.schema), None)


def _query_param(value: Any) -> QueryParam:
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise Wrong(f'must be a schema, or a list of {{"name": .., "description": ..}}, not {value!r}')
    return QueryParam(value["name"], str(value.get("description", "")))


def _queue(options: Options) -> QueueTrigger:
    read = options.read
    trigger = QueueTrigger(
        topic=read("topic", check.optional(check.word), None),
        input=read("input", check.optional(check.schema), None),
        condition=read("condition", check.wanted, None),
        priority=read("priority", check.whole(0, 9), 5),
        concurrency=read("concurrency", check.whole(1), 10),
        retry=_retry(options),
        delay=read("delay", check.duration, 0.0),
        timeout=read("timeout", check.limit, _TIMEOUT),
        retry_on=read("retry_on", check.optional(check.error_types), None),
        discard_on=read("discard_on", check.error_types, ()),
        dead_letter_topic=read("dead_letter_topic", check.optional(check.word), None),
    )
    return replace(trigger, mistakes=tuple(options.mistakes))


def _retry(options: Options) -> RetryPolicy:
    read, default = options.read, _POLICY
    return RetryPolicy(
        max_retries=read("max_retries", check.whole(0), default.max_retries),
        backoff=read("backoff", check.backoff(*_BACKOFFS), default.backoff),
        backoff_delay=read("backoff_delay", check.duration, default.backoff_delay),
        backoff_max=read("backoff_max", check.duration, default.backoff_max),
        jitter=read("jitter", check.share, default.jitter),
    )


def _cron(options: Options) -> CronTrigger:
    read = options.read
    trigger = CronTrigger(
        expression=read("expression", check.word, ""),
        timezone=read("timezone", check.word, "UTC"),
        misfire=read("misfire", check.one_of(*_MISFIRES), _MISFIRES[0]),
        overlap=read("overlap", check.one_of(*_OVERLAPS), _OVERLAPS[0]),
        condition=read("condition", _without_payload, None),
        crontab=_crontab(options),
    )
    return replace(trigger, mistakes=tuple(options.mistakes))


def _without_payload(value: Any) -> Predicate | None:
    found = check.wanted(value)
    if isinstance(found, Condition):
        raise Wrong(f"must be a function: a tick has no payload that {found} could look at")
    return found


def _crontab(options: Options) -> Crontab | None:
    expression, timezone = options.value("expression"), options.value("timezone")
    if not isinstance(expression, str) or not isinstance(timezone, str):
        return None  # told by `read`
    try:
        return Crontab.parse(expression, timezone)
    except CronError as error:
        options.mistakes.append(str(error))
        return None


# ---------------------------------------------------------------- from a dict


_MAKERS: dict[str, Callable[..., Trigger]] = {"http": http, "queue": queue, "cron": cron, "noop": noop}
_UNBUILT_TYPES = ("state", "stream")
#: What a dict must have, with an example.
_REQUIRED: dict[str, dict[str, str]] = {
    "http": {"method": "GET", "path": "/orders"},
    "cron": {"expression": "0 * * * *"},
}
_KNOWN = {
    kind: [name for name in inspect.signature(make).parameters if name != "unknown"] for kind, make in _MAKERS.items()
}


def trigger_of(value: object) -> Trigger:
    """A trigger as it is, or the one that a dict such as ``{"type": "queue", "topic": "orders"}`` describes.

    Never raises; what is no trigger becomes one with a mistake.
    """
    if isinstance(value, Trigger):
        return value
    if not isinstance(value, Mapping):
        return NoopTrigger((_not_a_trigger(value),), type=type(value).__name__)
    kind = motia_names.trigger_type(value.get("type"))
    if not isinstance(kind, str) or kind not in _MAKERS:
        return NoopTrigger((_unknown_type(kind, missing="type" not in value),), type=str(kind))
    return _of_dict(kind, {key: each for key, each in value.items() if key != "type"})


def _of_dict(kind: str, given: Mapping[str, Any]) -> Trigger:
    options, mistakes = motia_names.renamed(kind, given, _KNOWN[kind])
    missing = {name: example for name, example in _REQUIRED.get(kind, {}).items() if name not in options}
    trigger = _MAKERS[kind](**missing, **options)
    mistakes += [f'option "{name}" is missing, such as {example!r}' for name, example in missing.items()]
    blank: dict[str, Any] = dict.fromkeys(missing, "")
    return replace(trigger, mistakes=(*mistakes, *trigger.mistakes), **blank)


def _not_a_trigger(value: object) -> str:
    return f"{value!r} is no trigger; write http(..), queue(..), cron(..), noop(), or a dict with a type"


def _unknown_type(kind: object, *, missing: bool) -> str:
    if kind in _UNBUILT_TYPES:
        return f"{kind} triggers are not available yet"
    known = ", ".join(f'"{name}"' for name in _MAKERS)
    if missing:
        return f'"type" is missing; it is one of {known}'
    return f"unknown trigger type {kind!r}{nearest(str(kind), _MAKERS)}; the types are {known}"

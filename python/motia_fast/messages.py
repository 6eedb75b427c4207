"""From what a user enqueues to the message that the engine takes: one function, whoever calls it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict

from motia_fast.clock import micros
from motia_fast.contract import Message
from motia_fast.encoding import encode
from motia_fast.errors import ValidationFailed, nearest
from motia_fast.options import Wrong, word

if TYPE_CHECKING:
    from motia_fast.clock import Micros

#: Bytes of a topic's name, as for the keys of state.
MAX_TOPIC = 512


class Options(TypedDict, total=False):
    """What may be said about one message. Durations are seconds or a `timedelta`; all default to the subscription's."""

    #: How long until it is ready.
    delay: float | timedelta | None
    #: The wall time at which it is ready, with a time zone; not together with `delay`.
    run_at: datetime | None
    #: 0 to 9, higher first.
    priority: int | None


_KEYS = ("topic", "data", *Options.__annotations__)


def message_of(topic: str | Mapping[str, Any], data: Any, options: Mapping[str, Any], meta: bytes = b"") -> Message:
    """The message for ``enqueue("topic", data, delay=..)`` or ``enqueue({"topic": .., "data": ..})``.

    Raises `ValidationFailed` naming the option that is wrong, and `NotEncodable`.
    """
    if isinstance(topic, Mapping):
        name, data, options = _parts(topic, options)
    else:
        name = topic
    return _built(_topic(name), None, data, options, meta)


def message_to(subscription: str, topic: str, data: Any, options: Mapping[str, Any], meta: bytes = b"") -> Message:
    """The message for one subscription alone. Raises as `message_of`."""
    return _built(topic, subscription, data, options, meta)


def meta_of(trace_id: str) -> bytes:
    """What travels with a message: ``{"trace": trace_id}``."""
    return encode({"trace": trace_id})


def _parts(given: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[Any, Any, Mapping[str, Any]]:
    for key in given:
        if key not in _KEYS:
            _wrong("enqueue", str(key), f"is not known{nearest(str(key), _KEYS)}")
    said = {key: given[key] for key in Options.__annotations__ if key in given}
    return given.get("topic"), given.get("data"), {**options, **said}


def _built(topic: str, subscription: str | None, data: Any, options: Mapping[str, Any], meta: bytes) -> Message:
    what = f'enqueue to topic "{topic}"' if topic else f'enqueue to "{subscription}"'
    for name in options:
        if name not in Options.__annotations__:
            _wrong(what, name, f"is not an option of enqueue{nearest(name, Options.__annotations__)}")
    delay, run_at = _delay(what, options.get("delay")), _run_at(what, options.get("run_at"))
    if delay is not None and run_at is not None:
        _wrong(what, "run_at", "cannot be given together with delay; give one of them")
    return Message(
        topic=topic,
        payload=encode(data),
        subscription=subscription,
        delay=delay,
        run_at=run_at,
        priority=_priority(what, options.get("priority")),
        meta=meta,
    )


def _topic(topic: object) -> str:
    try:
        name = word(topic)  # what a step may subscribe to
    except Wrong as error:
        _wrong("enqueue", "topic", str(error))
    if len(name.encode()) > MAX_TOPIC:
        _wrong("enqueue", "topic", f"has {len(name.encode())} bytes, and may have {MAX_TOPIC}")
    return name


def _delay(what: str, delay: object) -> float | None:
    if delay is None:
        return None
    if isinstance(delay, timedelta):
        delay = delay.total_seconds()
    if isinstance(delay, bool) or not isinstance(delay, int | float) or not 0 <= delay < float("inf"):
        _wrong(what, "delay", f"is {delay!r}, and must be seconds, 0 or more, or a timedelta")
    return float(delay)


def _run_at(what: str, run_at: object) -> Micros | None:
    if run_at is None:
        return None
    if not isinstance(run_at, datetime) or run_at.tzinfo is None:
        _wrong(what, "run_at", f"is {run_at!r}, and must be a datetime with a time zone, as datetime.now(UTC)")
    return micros(run_at.timestamp())


def _priority(what: str, priority: object) -> int | None:
    if priority is None:
        return None
    if isinstance(priority, bool) or not isinstance(priority, int) or not 0 <= priority <= 9:  # noqa: PLR2004 -- 0 to 9
        _wrong(what, "priority", f"is {priority!r}, and must be a whole number from 0 to 9")
    return priority


def _wrong(what: str, field: str, message: str) -> NoReturn:
    raise ValidationFailed(what, [{"loc": [field], "msg": message, "type": "value_error"}])

"""The options of triggers and steps: each is checked, and what is wrong is collected instead of raised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, TypeVar

from motia_fast import motia_names
from motia_fast.arguments import Predicate, predicate
from motia_fast.conditions import Condition, as_condition
from motia_fast.errors import ConditionError, SchemaError, nearest
from motia_fast.retries import Errors, seconds
from motia_fast.schemas import Schema

T = TypeVar("T")
Check = Callable[[Any], T]

#: Options that are decided on and not built, by trigger type; naming one must never look as if it worked.
UNBUILT: Mapping[str, frozenset[str]] = {
    "http": frozenset({"idempotency", "idempotency_key", "cors"}),
    "queue": frozenset({
        "type", "rate_limit", "limit_key", "concurrency_key", "concurrency_per_key", "batch", "linger", "message_group",
        "message_group_id", "dedup", "dedup_for", "max_backlog", "keep_result", "transactional",
    }),
    "cron": frozenset({"jitter"}),
    "noop": frozenset(),
    "step": frozenset({"transactional", "keep_result", "executor", "validate_enqueue", "middleware", "streams"}),
}  # fmt: skip


class Wrong(Exception):
    """What is wrong with the value of an option, as the rest of a sentence: ``must be a string, not 3``."""


class Options:
    """The options that one trigger, or one step, was given."""

    def __init__(self, kind: str, given: dict[str, Any]) -> None:
        """`given` has a value for each known option, and under "unknown" a dict of what was given beside them."""
        unknown: Mapping[str, Any] = given.pop("unknown")
        renamed, self.mistakes = motia_names.renamed(kind, unknown, given.keys() | UNBUILT[kind])
        self._given = given
        for name, value in renamed.items():
            if name in given:
                given[name] = value
            else:
                self._refuse(kind, name, value)

    def _refuse(self, kind: str, name: str, value: object) -> None:
        if (kind, name, value) == ("queue", "type", "standard"):  # what every queue is
            return
        if name in UNBUILT[kind]:
            shown = f"{name}={value!r}" if isinstance(value, str) else name
            self.mistakes.append(f'option "{shown}" is not available yet')
        else:
            self.mistakes.append(f'unknown option "{name}"{nearest(motia_names.snake(name), self._given)}')

    def value(self, name: str) -> Any:
        """An option as it was given."""
        return self._given[name]

    def read(self, name: str, check: Check[T], default: T) -> T:
        """The checked value of an option; `default` where the check found a mistake."""
        try:
            return check(self._given[name])
        except Wrong as error:
            self.mistakes.append(f'"{name}" {error}')
            return default


# ---------------------------------------------------------------- checks: each returns the value, or raises `Wrong`


def whole(low: int, high: int | None = None) -> Check[int]:
    """A whole number from `low` to `high`, both included."""
    span = f"from {low} up" if high is None else f"from {low} to {high}"

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
            raise Wrong(f"must be a whole number {span}, not {value!r}")
        return value

    return check


def duration(value: Any) -> float:
    """Seconds, 0 or more."""
    try:
        return seconds(value)
    except ValueError:
        raise Wrong(f"must be a number of seconds from 0 up, or a timedelta, not {value!r}") from None


def limit(value: Any) -> float | None:
    """Seconds, more than 0; None for no limit."""
    if value is None:
        return None
    found = duration(value)
    if found == 0:
        raise Wrong("must be more than 0 seconds, or None for no limit")
    return found


def share(value: Any) -> float:
    """A number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise Wrong(f"must be a number from 0 to 1, not {value!r}")
    return float(value)


def one_of(*names: T) -> Check[T]:
    """One of a few strings."""

    def check(value: Any) -> T:
        if not isinstance(value, str) or value not in names:
            raise Wrong(f"must be {_listed(names)}, not {value!r}{nearest(str(value), map(str, names))}")
        return names[names.index(value)]

    return check


def backoff(*names: T) -> Check[T]:
    """One of the back-offs; a function is one that is not built."""

    def check(value: Any) -> T:
        if callable(value):
            raise Wrong(f"must be {_listed(names)}; a function is not available yet")
        return one_of(*names)(value)

    return check


def _listed(names: Iterable[object]) -> str:
    *first, last = (f'"{name}"' for name in names)
    return f"{', '.join(first)} or {last}"


def text(value: Any) -> str:
    """A string, perhaps empty."""
    if not isinstance(value, str):
        raise Wrong(f"must be a string, not {value!r}")
    return value


def word(value: Any) -> str:
    """A string with something in it: a name or a topic."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise Wrong(f"must be a string with something in it, and no control characters, not {value!r}")
    return value


#: What a route answers to; HEAD and OPTIONS are answered where no step says so too.
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def method(value: Any) -> str:
    """A method of HTTP, in upper case."""
    name = word(value).upper()
    if name not in METHODS:
        raise Wrong(f"must be {_listed(METHODS)}, not {value!r}{nearest(name, METHODS)}")
    return name


def several(check: Check[T]) -> Check[tuple[T, ...]]:
    """A list or tuple of values that each pass `check`."""

    def check_all(value: Any) -> tuple[T, ...]:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise Wrong(f"must be a list, not {value!r}{_in_a_list(value)}")
        return tuple(check(member) for member in value)

    return check_all


def _in_a_list(value: object) -> str:
    return f"; write [{value!r}]" if isinstance(value, str) or callable(value) else ""


def one_or_several(check: Check[T]) -> Check[tuple[T, ...]]:
    """None, a value that passes `check`, or a list of them."""

    def check_all(value: Any) -> tuple[T, ...]:
        if value is None:
            return ()
        return several(check)(value) if isinstance(value, list | tuple | set | frozenset) else (check(value),)

    return check_all


def optional(check: Check[T]) -> Check[T | None]:
    """None, or a value that passes `check`."""
    return lambda value: None if value is None else check(value)


def topic(value: Any) -> str:
    """A topic, or Motia's dict around one: ``{"topic": .., "label": ..}``."""
    return word(value["topic"] if isinstance(value, Mapping) and "topic" in value else value)


def function(value: Any) -> Callable[..., Any]:
    """Something to call."""
    if not callable(value):
        raise Wrong(f"must have functions, not {value!r}")
    found: Callable[..., Any] = value
    return found


def error_type(value: Any) -> type[BaseException]:
    """A class of exceptions."""
    if not isinstance(value, type) or not issubclass(value, BaseException):
        raise Wrong(f"must be types of exceptions, such as ValueError, not {value!r}")
    return value


def error_types(value: Any) -> Errors:
    """One class of exceptions, or several; none for None."""
    return one_or_several(error_type)(value)


def schema(value: Any) -> Schema:
    """A schema. See `Schema.of`."""
    try:
        return Schema.of(value)
    except SchemaError as error:
        raise Wrong(f"must be a schema: {error}") from None


def responses(value: Any) -> dict[int | None, Schema]:
    """Schemas by status, or one for any success."""
    if value is None:
        return {}
    if isinstance(value, Mapping) and value and all(_is_status(key) for key in value):
        return {int(status): schema(each) for status, each in value.items()}
    return {None: schema(value)}


def _is_status(key: object) -> bool:
    return isinstance(key, int) or (isinstance(key, str) and key.isdecimal())


def wanted(value: Any) -> Condition | Predicate | None:
    """A condition: an `F` expression, or a function whose arguments are worked out here."""
    if value is None:
        return None
    try:
        found = as_condition(value)
        return found if isinstance(found, Condition) else predicate(found)
    except ConditionError as error:
        _refuse_condition(error)


def _refuse_condition(error: ConditionError) -> NoReturn:
    raise Wrong(f"must be a condition: {error}") from None

"""Between the values that users hold and the bytes that the engine keeps: pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

from motia_fast.contract import StateWrite
from motia_fast.encoding import decode, encode
from motia_fast.errors import ValidationFailed
from motia_fast.schemas import Schema

if TYPE_CHECKING:
    from datetime import timedelta

    from motia_fast.contract import StateChange, StateItem

#: Bytes of a group's name, and of a key.
MAX_KEY = 512
#: Items that a scan has in memory at once: two pages of this many.
PAGE = 256


@dataclass(frozen=True, slots=True)
class Change:
    """What a write did: None for what was not, or is not, there. `version` starts at 1 and rises by 1."""

    old_value: Any
    new_value: Any
    version: int


def checked(group: str, key: str) -> None:
    """Raises `ValidationFailed` unless both are strings of 1 to 512 bytes."""
    check_name("group", group)
    check_name("key", key)


def check_name(field: str, name: object) -> None:
    """Raises `ValidationFailed` unless `name` is a string of 1 to 512 bytes."""
    if not isinstance(name, str) or not name:
        _wrong(field, f"is {name!r}, and must be a string that is not empty")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        _wrong(field, f"is {name!r}, which is not valid Unicode")
    if size > MAX_KEY:
        _wrong(field, f"has {size} bytes, and may have {MAX_KEY}")


def setting(
    group: str, key: str, value: Any, *, ttl: float | timedelta | None, expected_version: int | None
) -> StateWrite:
    """The write that sets one item."""
    checked(group, key)
    return StateWrite(group, key, value=encode(value), ttl=_ttl(ttl), expected_version=expected_version)


def deleting(group: str, key: str, expected_version: int | None) -> StateWrite:
    """The write that deletes one item."""
    checked(group, key)
    return StateWrite(group, key, delete=True, expected_version=expected_version)


def change_of(change: StateChange) -> Change:
    """A write's result with fresh values."""
    return Change(maybe(change.old), maybe(change.new), change.version)


def maybe(value: bytes | None) -> Any:
    """The value, or None for what is not there."""
    return None if value is None else decode(value)


def value_of(item: StateItem, group: str, as_: Any) -> Any:
    """An item's value: a fresh object, validated as `as_` where that is given."""
    if as_ is None:
        return decode(item.value)
    return _schema(as_).validate_json(item.value, f"state {group}/{item.key}")


@lru_cache(maxsize=256)  # an adapter costs pydantic about a millisecond to build
def _schema(as_: Any) -> Schema:
    return Schema.of(as_)


def _ttl(ttl: float | timedelta | None) -> float | None:
    seconds = ttl if ttl is None or isinstance(ttl, int | float) else ttl.total_seconds()
    if seconds is not None and (isinstance(seconds, bool) or not 0 < seconds < float("inf")):
        _wrong("ttl", f"is {ttl!r}, and must be seconds above 0, or a timedelta")
    return None if seconds is None else float(seconds)


def _wrong(field: str, message: str) -> NoReturn:
    raise ValidationFailed("state", [{"loc": [field], "msg": message, "type": "value_error"}])

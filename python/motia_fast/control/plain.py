"""User values as plain JSON values, by the rules of `encoding`, with nothing but the standard library."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from math import isfinite
from pathlib import PurePath
from typing import Any
from uuid import UUID

from motia_fast.errors import NotEncodable


def to_plain(value: Any, name: str = "payload") -> Any:
    """Dicts with text as keys, lists, text, numbers, booleans and None, and nothing else.

    Raises `NotEncodable` naming the path, which begins with `name`, to what cannot become one of these.
    """
    try:
        return _plain(value, name)
    except RecursionError:
        raise NotEncodable(f"{name}: a circular reference, or nested too deeply") from None


def _plain(value: Any, path: str) -> Any:
    if isinstance(value, Enum):
        return _plain(value.value, path)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return _finite(value, path)
    if isinstance(value, Mapping):
        return {_key(key, path): _plain(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple | deque):
        return [_plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    return _plain(_simpler(value, path), path)


def _simpler(value: Any, path: str) -> Any:
    """One step nearer to JSON."""
    if isinstance(value, set | frozenset):
        return _ordered(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID | PurePath):
        return str(value)
    if isinstance(value, Decimal):
        return str(value) if value.is_finite() else float(value)
    return _fields(value, path)


def _fields(value: Any, path: str) -> Any:
    kind = type(value)
    dump: Callable[..., Any] | None = getattr(kind, "model_dump", None)
    if dump is not None:  # a pydantic model
        return dump(value, mode="json", by_alias=True)
    serializer = getattr(kind, "__pydantic_serializer__", None)
    if serializer is not None:  # a dataclass of pydantic's
        return serializer.to_python(value, mode="json", by_alias=True)
    if hasattr(kind, "__dataclass_fields__"):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise NotEncodable(f"{path}: {kind.__qualname__} is not JSON; give its fields, a pydantic model or a dataclass")


def _ordered(members: set[Any] | frozenset[Any]) -> list[Any]:
    try:
        return sorted(members)
    except TypeError:
        return list(members)


def _finite(value: float, path: str) -> float:
    if not isfinite(value):
        raise NotEncodable(f"{path}: {value} is not JSON")
    return value


def _key(key: object, path: str) -> str:
    if isinstance(key, Enum):
        return _key(key.value, path)
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, bool | int | float):
        return json.dumps(key if not isinstance(key, float) else _finite(key, path))
    if isinstance(key, UUID):
        return str(key)
    raise NotEncodable(f"{path}: the key {key!r} is not a string")

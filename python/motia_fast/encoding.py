"""The one encoder: how state, messages and responses become JSON bytes, and how they come back.

`encode` writes what JSON holds as it is, and beyond that:

* pydantic models by alias, in pydantic's JSON mode; dataclasses by their fields, all of them;
* `datetime`, `date` and `time` in ISO 8601; `UUID`, `Decimal` and paths as strings; enum members as their value;
* tuples, sets and deques as arrays (a set in sorted order, where its members have one); any `Mapping` as an object;
* integers of any size, exactly;
* keys that are `int`, `float`, `bool` or None as `json.dumps` spells them, enum members by their value, `UUID` as text.

Everything else raises `NotEncodable` naming the path to it: NaN and infinities (orjson alone would write ``null``),
bytes, `timedelta`, lone surrogates, keys that become equal, circular references, and more than 254 levels.

An ordinary value costs one call of orjson and one search for ``null`` in what it wrote, 0.3 µs whatever the size. Only
where that finds something is the value compared with its own decoding (as long again as decoding takes), and only
where they differ (a NaN, or a type that comes back as another) is it walked in Python.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from math import isfinite, isnan
from pathlib import PurePath
from typing import Any, NoReturn
from uuid import UUID

import orjson
from pydantic import BaseModel

from motia_fast.errors import NotEncodable

#: Levels of nesting that can be encoded; orjson's own limit.
MAX_DEPTH = 254

# A place in a value: its parent's place, and the key, index or attribute that leads from there. None is the root.
_Place = tuple["_Place", str | int] | None

_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS  # orjson leaves out fields that begin with "_", and adds what is no field


class _NoStepError(TypeError):
    """The value is of a type that has no step toward JSON."""


# Integers of 20 digits, or of 19 with a sign, can be beyond the 64 bits that orjson keeps; it makes floats of them.
_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
_LONG_RUN = b"0" * 19
_LONG = re.compile(rb"([0-9]{15})[0-9]{4,}")


def encode(value: object, name: str = "payload") -> bytes:
    """The value as compact JSON in UTF-8. Raises `NotEncodable` naming the path, which begins with `name`."""
    try:
        given = value
        if type(value) is not dict and isinstance(value, BaseModel):  # asking a dict would cost as much as encoding it
            given = _dumped(value)  # here, and not by orjson, to be dumped once
        data = orjson.dumps(given, _simpler, _OPTIONS)
        if b"null" not in data or not _hides_nan(given, data):
            return data
    except Exception:  # noqa: BLE001, S110 -- not JSON, or only beyond orjson; the exact way tells what, and where
        pass
    return _exact(value, name)


def decode(data: bytes) -> Any:
    """A fresh object from JSON bytes, with exact integers. Raises `json.JSONDecodeError` where it is not JSON.

    As strict as orjson: no NaN, no number beyond a float's range, no lone surrogates; of equal keys the last counts.
    """
    if len(data) >= len(_LONG_RUN) and _LONG_RUN in data.translate(_DIGITS):
        return _decode_long(data)
    return orjson.loads(data)


# ---------------------------------------------------------------- types beyond JSON


def _simpler(value: Any) -> Any:
    """One step nearer to JSON: a value of which only the members may need another step."""
    if isinstance(value, BaseModel):
        return _dumped(value)
    if hasattr(type(value), "__dataclass_fields__"):
        return _dataclass(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | deque):
        return list(value)
    if isinstance(value, set | frozenset):
        return _ordered(value)
    return _scalar(value)


def _dumped(model: BaseModel) -> Any:
    return model.model_dump(mode="json", by_alias=True)


def _dataclass(value: Any) -> Any:
    serializer = getattr(type(value), "__pydantic_serializer__", None)
    if serializer is not None:  # pydantic's own dataclasses have aliases too
        return serializer.to_python(value, mode="json", by_alias=True)
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _ordered(members: set[Any] | frozenset[Any]) -> list[Any]:
    try:
        return sorted(members)
    except TypeError:
        return list(members)


def _scalar(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value) if value.is_finite() else float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID | PurePath):
        return str(value)
    if isinstance(value, float):  # a subclass, such as numpy.float64
        return float(value)
    raise _NoStepError


# ---------------------------------------------------------------- NaN


def _hides_nan(value: object, data: bytes) -> bool:
    """Whether a ``null`` in `data` was a NaN or an infinity; only None equals None, so an equal decoding has none."""
    return orjson.loads(data) != value and _has_nan(value)


def _has_nan(value: Any) -> bool:
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return False
    if kind is float:
        return not isfinite(value)
    if isinstance(value, dict):
        return any(map(_has_nan, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_nan, value))
    if isinstance(value, Enum):
        return _has_nan(value.value)
    return not isinstance(value, str | int) and _has_nan(_simpler(value))


# ---------------------------------------------------------------- the exact way: slower, and knows where it is


def _exact(value: object, name: str) -> bytes:
    try:
        plain = _Walk(name).plain(value, None)
        return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except RecursionError:
        raise NotEncodable(f"{name}: nested too deeply for the stack that is left") from None


class _Walk:
    """Makes plain JSON values of a value, with the place at hand when something is none."""

    __slots__ = ("_around", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._around: dict[int, Any] = {}  # by id: what the walk is inside of, which keeps the ids from being reused

    def plain(self, value: Any, place: _Place) -> Any:
        """The value made of nothing but dict with str keys, list, str, int, float, bool and None."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, dict):
            return self._object(value, place)
        if isinstance(value, list):
            return self._array(value, place)
        if isinstance(value, Enum):
            return self.plain(value.value, place)
        if isinstance(value, str | int) or type(value) is float:
            return self._leaf(value, place)
        return self._other(value, place)

    def _object(self, value: dict[Any, Any], place: _Place) -> dict[str, Any]:
        self._enter(value, place)
        result: dict[str, Any] = {}
        for key, member in value.items():
            text = self._key(key, place)
            if text in result:
                self._refuse(place, f"two keys become {json.dumps(text)}, one of them is {key!r}")
            result[text] = self.plain(member, (place, text))
        del self._around[id(value)]
        return result

    def _array(self, value: list[Any], place: _Place) -> list[Any]:
        self._enter(value, place)
        result: list[Any] = []
        for index, member in enumerate(value):  # a comprehension would cost a frame more at each level
            result.append(self.plain(member, (place, index)))
        del self._around[id(value)]
        return result

    def _other(self, value: Any, place: _Place) -> Any:
        self._enter(value, place)
        result = self.plain(self._step(value, place), place)
        del self._around[id(value)]
        return result

    def _enter(self, value: Any, place: _Place) -> None:
        if id(value) in self._around:
            self._refuse(place, "a circular reference is not JSON")
        self._around[id(value)] = value
        if len(self._around) > MAX_DEPTH and _depth(place) >= MAX_DEPTH:
            raise NotEncodable(f"{self._name}: nested deeper than {MAX_DEPTH} levels")

    def _step(self, value: Any, place: _Place) -> Any:
        try:
            return _simpler(value)
        except _NoStepError:
            return self._refuse(place, _why_not(value))
        except Exception as error:  # noqa: BLE001 -- a user's own serializer may raise anything
            return self._refuse(place, f"{_kind(value)} could not be made JSON: {error}", error)

    def _key(self, key: Any, place: _Place) -> str:
        if isinstance(key, Enum):
            return self._key(key.value, place)
        if key is None or isinstance(key, bool):
            return json.dumps(key)
        if isinstance(key, str | int | float):
            return str(self._leaf(float(key) if isinstance(key, float) else key, place, "key: "))
        if isinstance(key, UUID):
            return str(key)
        return self._refuse(place, f"the key {key!r} is {_kind(key)}; a key is a string, or a number, bool or None")

    def _leaf(self, value: str | float, place: _Place, what: str = "") -> str | float:
        if isinstance(value, str):
            return self._text(value, place, what)
        if isinstance(value, int):
            return self._integer(value, place, what)
        if not isfinite(value):
            self._refuse(place, f"{what}{'NaN' if isnan(value) else 'infinity'} is not JSON")
        return value

    def _text(self, value: str, place: _Place, what: str) -> str:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            found = f"U+{ord(value[error.start]):04X} at character {error.start}"
            self._refuse(place, f"{what}a lone surrogate is not JSON ({found})")
        return str.__str__(value)  # a plain str, of a subclass too

    def _integer(self, value: int, place: _Place, what: str) -> int:
        try:
            str(int(value))
        except ValueError as error:  # more digits than Python converts: 4300, unless it is told otherwise
            self._refuse(place, f"{what}an integer of so many digits cannot be written", error)
        return int(value)

    def _refuse(self, place: _Place, why: str, cause: Exception | None = None) -> NoReturn:
        raise NotEncodable(f"{_spelled(place, self._name)}: {why}") from cause


def _depth(place: _Place) -> int:
    depth = 0
    while place is not None:
        place, depth = place[0], depth + 1
    return depth


_FIXES = {
    "bytes": "decode it to a string, such as by base64",
    "bytearray": "decode it to a string, such as by base64",
    "memoryview": "decode it to a string, such as by base64",
    "timedelta": "take .total_seconds()",
    "generator": "make a list of it",
    "coroutine": "await it",
    "complex": "",
}


def _why_not(value: object) -> str:
    name = type(value).__name__
    fix = _FIXES.get(name, "give its fields, a pydantic model or a dataclass")
    return f"{_kind(value)} is not JSON" + (f"; {fix}" if fix else "")


def _kind(value: object) -> str:
    """Such as ``a timedelta``."""
    name = type(value).__qualname__
    if name == "bytes":
        return name
    return f"{'an' if name[:1] in 'aeioAEIO' else 'a'} {name}"


def _spelled(place: _Place, name: str) -> str:
    """The place as Python would write it: ``payload.items[3].price``, ``payload["a b"]``."""
    parts: list[str] = []
    while place is not None:
        place, part = place
        if isinstance(part, int):
            parts.append(f"[{part}]")
        else:
            parts.append(f".{part}" if part.isidentifier() else f"[{json.dumps(part, ensure_ascii=False)}]")
    return name + "".join(reversed(parts))


# ---------------------------------------------------------------- integers beyond 64 bits


def _decode_long(data: bytes) -> Any:
    # orjson judges the same text with its long runs of digits cut, so that the rules are the same for all: 15 digits
    # are more than the 4 of a \u escape, so no escape is cut.
    orjson.loads(_LONG.sub(rb"\1", data))
    text = data.decode()
    try:
        return json.loads(text, parse_int=lambda digits: _integer(digits, text), parse_float=lambda n: _float(n, text))
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", text, 0) from None


def _integer(digits: str, text: str) -> int:
    try:
        return int(digits)
    except ValueError:  # more than Python converts, 4300 unless it is told otherwise
        raise json.JSONDecodeError(f"an integer of {len(digits)} digits", text, text.find(digits)) from None


def _float(number: str, text: str) -> float:
    value = float(number)
    if not isfinite(value):
        raise json.JSONDecodeError("a number beyond the range of a float", text, text.find(number))
    return value

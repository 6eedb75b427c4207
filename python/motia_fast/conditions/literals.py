"""What a condition may compare with: which values, how they are written as JSON and as source."""

from __future__ import annotations

from enum import Enum
from math import isfinite
from typing import Any, NoReturn, TypeAlias

from motia_fast.errors import ConditionError

#: What a value can be compared with; a member of an `Enum` counts as its value.
Literal: TypeAlias = str | int | float | bool | Enum | None

_Scalar: TypeAlias = str | int | float | bool | None

_SMALLEST, _LARGEST = -(2**63), 2**64 - 1  # what JSON readers keep exactly
_MAX_BITS = 4096  # of an integer; more than 1,200 digits are a mistake, and Python does not write more than 4,300

_FIXES = {
    "datetime": "compare with the string that it is in JSON, .isoformat(); only those of one time zone sort as strings",
    "date": "compare with the string that it is in JSON, .isoformat()",
    "time": "compare with the string that it is in JSON, .isoformat()",
    "UUID": "compare with the string that it is in JSON, str(..)",
    "Decimal": "compare with the string that it is in JSON, or send a number and compare with an int or float",
    "Path": "two places of a payload cannot be compared; that needs a function as the condition",
    "Condition": "put each comparison in parentheses: (F.a == 1) & (F.b == 2)",
}


def scalar(value: object, where: str) -> _Scalar:
    """The value as JSON has it. Raises `ConditionError`, which begins with `where`, if it is none."""
    if isinstance(value, Enum):
        return scalar(value.value, where)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(value, where)
    return number(value, where, "None, a bool, a number or a string")


def ordered(value: object, where: str) -> str | int | float:
    """As `scalar`, of what ``<`` can compare: a number or a string."""
    if isinstance(value, Enum):
        return ordered(value.value, where)
    if isinstance(value, str):
        return text(value, where)
    return number(value, where, "a number or a string")


def integer(value: object, where: str) -> int:
    """As `scalar`, of what a length can be compared with."""
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse(value, where, "an integer")
    return int(number(value, where, "an integer"))


def number(value: object, where: str, wanted: str) -> int | float:
    """As `scalar`, of a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(value, where, wanted)
    if isinstance(value, int):
        return _bounded(int(value), where)
    if not isfinite(value):
        raise ConditionError(f"{where}: {float(value)!r} is not JSON, so that no payload has it")
    return float(value)


def text(value: object, where: str) -> str:
    """As `scalar`, of a string."""
    if not isinstance(value, str):
        _refuse(value, where, "a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConditionError(f"{where}: {str.__str__(value)!r} has a lone surrogate, which no payload has") from None
    return str.__str__(value)


def several(values: object, where: str) -> list[Any]:
    """The members of a list, tuple or set, the latter in an order that is always the same."""
    if isinstance(values, list | tuple):
        return list(values)
    if isinstance(values, set | frozenset):
        return sorted(values, key=lambda member: (type(member).__name__, repr(member)))
    return _refuse(values, where, "a list, tuple or set")


def as_json(value: _Scalar) -> object:
    """How `encode` is to write it: integers that JSON readers would round are objects of their digits."""
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        return {"integer": str(value)}
    return value


def _bounded(value: int, where: str) -> int:
    if value.bit_length() > _MAX_BITS:
        raise ConditionError(f"{where}: an integer of more than {_MAX_BITS} bits")
    return value


def _refuse(value: object, where: str, wanted: str) -> NoReturn:
    name = type(value).__name__
    fix = _FIXES.get(name, "")
    raise ConditionError(f"{where} takes {wanted}, not {value!r} ({name})" + (f"; {fix}" if fix else ""))

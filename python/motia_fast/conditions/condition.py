"""A condition: what it says as JSON and as source, and how conditions are joined."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MethodType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from typing_extensions import override

from motia_fast.errors import ConditionError

if TYPE_CHECKING:
    from collections.abc import Callable

#: Conditions within conditions, by ``& | ~``, `any_` and `all_`; a row of ``&`` is one level.
MAX_DEPTH: Final = 32

_NAMES = {"&": b"and", "|": b"or"}


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Condition:
    """A condition on a JSON value, made by `F`, `any_`, `all_`, joined by ``& | ~``; equal where its JSON is equal."""

    #: As `to_json` gives it.
    json: bytes
    #: As Python would write it.
    source: str
    #: Whether the source needs parentheses beside an operator.
    loose: bool = False
    #: "&" or "|" where it is a row of `parts`, else empty.
    joined: str = ""
    parts: tuple[Condition, ...] = ()
    #: How deep conditions nest in it, itself included.
    depth: int = 1

    def to_json(self) -> bytes:
        """The condition as compact JSON, as this module's docstring has it."""
        return self.json

    def __and__(self, other: Condition) -> Condition:
        return _join("&", self, other)

    def __rand__(self, other: object) -> NoReturn:
        not_a_condition("&", other)

    def __or__(self, other: Condition) -> Condition:
        return _join("|", self, other)

    def __ror__(self, other: object) -> NoReturn:
        not_a_condition("|", other)

    def __invert__(self) -> Condition:
        return nested(b'{"op":"not","of":%b}' % self.json, f"~{_enclosed(self)}", self.depth)

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"{self} is a condition, which is true or false only for a payload; instead of `and`, `or`, `not` use "
            "& | ~ with parentheses, (F.a > 1) & (F.b == 2); instead of 1 < F.a < 5 write (F.a > 1) & (F.a < 5); "
            "instead of `in` use .in_([..]) or .contains(..)"
        )

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and self.json == other.json

    @override
    def __hash__(self) -> int:
        return hash(self.json)

    @override
    def __repr__(self) -> str:
        return self.source


def as_condition(value: object) -> Condition | Callable[..., Any]:
    """What a trigger's `condition=` may be: a `Condition`, or a function of the caller's.

    Raises `ConditionError` for what is neither, and for slips such as a bare path, or a method without its ``()``.
    """
    if isinstance(value, Condition):
        return value
    if isinstance(value, MethodType) and type(value.__self__).__module__.startswith(__package__ or ""):
        raise ConditionError(
            f"{value.__self__!r}.{value.__name__} is not called; write {value.__self__!r}.{value.__name__}(..)"
        )
    if isinstance(value, bool):
        raise ConditionError(f"a condition cannot be {value}; a comparison of a method without its () gives that")
    if callable(value):
        return value
    raise ConditionError(f"{value!r} is no condition; it is an F expression such as F.amount > 1000, or a function")


def nested(json: bytes, source: str, depth: int) -> Condition:
    """A condition around others of which the deepest has `depth`. Raises `ConditionError` beyond `MAX_DEPTH`."""
    if depth >= MAX_DEPTH:
        raise ConditionError(f"a condition nests at most {MAX_DEPTH} deep: {source[:80]}..")
    return Condition(json, source, depth=depth + 1)


def not_a_condition(operator: str, value: object) -> NoReturn:
    """Raises the `TypeError` for an operand of ``& | ~`` that is no condition."""
    if isinstance(value, MethodType):
        value = f"{value.__self__!r}.{value.__name__}, which is not called,"
    raise TypeError(
        f"{value} is no condition, which {operator} needs beside it; compare it first, and put each comparison in "
        "parentheses: (F.a == 1) & (F.b == 2), ~(F.a == 1)"
    )


def _join(operator: str, left: Condition, right: object) -> Condition:
    if not isinstance(right, Condition):
        not_a_condition(operator, right)
    parts = (*_row(operator, left), *_row(operator, right))
    json = b'{"op":"%b","of":[%b]}' % (_NAMES[operator], b",".join(part.json for part in parts))
    source = f" {operator} ".join(_enclosed(part) for part in parts)
    return replace(nested(json, source, max(part.depth for part in parts)), joined=operator, parts=parts, loose=True)


def _enclosed(condition: Condition) -> str:
    return f"({condition.source})" if condition.loose else condition.source


def _row(operator: str, condition: Condition) -> tuple[Condition, ...]:
    """What a row of the operator is made of, so that ``a & b & c`` is one ``and`` of three."""
    return condition.parts if condition.joined == operator else (condition,)

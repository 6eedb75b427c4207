"""Whether a condition holds for a payload, and how many of its comparisons met a value of another type.

The language, its JSON and its meaning are in the docstring of `motia_fast.conditions`. A condition is compiled once,
to closures; a payload is decoded once, whatever the number of conditions that look at it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from motia_fast.conditions import MAX_DEPTH
from motia_fast.encoding import decode
from motia_fast.errors import ConditionError
from motia_fast.patterns import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Verdict(NamedTuple):
    """Whether the condition holds, and how many comparisons met a value of a type that they do not take."""

    matched: bool
    mismatches: int


class Document:
    """A payload, decoded when the first condition looks at it, and then once for all."""

    __slots__ = ("_payload", "_root")

    def __init__(self, payload: bytes) -> None:
        """`payload` is JSON."""
        self._payload = payload
        self._root: Any = _MISSING

    @property
    def root(self) -> Any:
        """The decoded payload; not to be changed. Raises `json.JSONDecodeError` where it is not JSON."""
        if self._root is _MISSING:
            self._root = decode(self._payload)
        return self._root


@dataclass(frozen=True, slots=True)
class Evaluator:
    """A compiled condition; safe to share between threads."""

    _test: _Test

    def evaluate(self, document: Document) -> Verdict:
        """The verdict on a payload. Raises `json.JSONDecodeError` where it is not JSON."""
        tally = _Tally()
        return Verdict(self._test(document.root, tally), tally.mismatches)


def compile_condition(condition: bytes) -> Evaluator:
    """Makes an evaluator of `Condition.to_json()`. Raises `ConditionError` where that is not what it makes."""
    try:
        node = decode(condition)
    except ValueError as error:
        raise ConditionError(f"a condition that is not JSON: {error}") from error
    return Evaluator(_compiled(node, 1))


# ---------------------------------------------------------------- what a condition is compiled to


class _Tally:
    """Counts the mismatches of one evaluation."""

    __slots__ = ("mismatches",)

    def __init__(self) -> None:
        self.mismatches = 0


class _Missing:
    """The type of what a path that leads nowhere finds."""


_MISSING: Final = _Missing()

#: Whether a condition holds for a value: the payload, or an item of `any_` and `all_`.
_Test = Callable[[Any, _Tally], bool]
#: What a path finds in a value.
_Find = Callable[[Any], Any]
#: Whether a value is as an operator wants it, once it is of a type that it takes.
_Check = Callable[[Any], bool]

_NUMBER = (int, float)
_TYPES: dict[type, tuple[type, ...]] = {int: _NUMBER, float: _NUMBER, str: (str,), bool: (bool,)}
_SIZED = (str, list, dict)

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _typed(find: _Find, types: Sequence[type], check: _Check) -> _Test:
    """False for what is missing or null; a mismatch for a type that is not among `types`; else as `check` says."""
    takes = frozenset(types)

    def test(value: Any, tally: _Tally) -> bool:
        found = find(value)
        if type(found) in takes:
            return check(found)
        if found is not None and found is not _MISSING:
            tally.mismatches += 1
        return False

    return test


# ---------------------------------------------------------------- nodes


def _compiled(node: Any, depth: int) -> _Test:
    op = node.get("op") if isinstance(node, dict) else None
    compiler = _COMPILERS.get(op) if isinstance(op, str) else None
    if compiler is None:
        raise ConditionError(f"{node!r:.200} is not a condition: it has no known op")
    if depth > MAX_DEPTH:
        raise ConditionError(f"a condition nests at most {MAX_DEPTH} deep")
    try:
        return compiler(node, depth)
    except ConditionError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise ConditionError(f"{node!r:.200} is not a condition: {error!r}") from error


def _inner(node: Any, depth: int) -> list[_Test]:
    parts = [_compiled(part, depth + 1) for part in node["of"]]
    if not parts:
        raise ConditionError("a condition joins none")
    return parts


def _and(node: Any, depth: int) -> _Test:
    parts = _inner(node, depth)

    def test(value: Any, tally: _Tally) -> bool:
        for part in parts:  # noqa: SIM110 -- a generator would cost as much as the parts
            if not part(value, tally):
                return False
        return True

    return test


def _or(node: Any, depth: int) -> _Test:
    parts = _inner(node, depth)

    def test(value: Any, tally: _Tally) -> bool:
        for part in parts:  # noqa: SIM110 -- as above
            if part(value, tally):
                return True
        return False

    return test


def _not(node: Any, depth: int) -> _Test:
    part = _compiled(node["of"], depth + 1)
    return lambda value, tally: not part(value, tally)


def _any(node: Any, depth: int) -> _Test:
    part = _compiled(node["of"], depth + 1)
    return _each(node, lambda items, tally: any(part(item, tally) for item in items))


def _all(node: Any, depth: int) -> _Test:
    part = _compiled(node["of"], depth + 1)
    return _each(node, lambda items, tally: all(part(item, tally) for item in items))


def _each(node: Any, over: Callable[[list[Any], _Tally], bool]) -> _Test:
    find = _find(node["path"])

    def test(value: Any, tally: _Tally) -> bool:
        found = find(value)
        if type(found) is list:
            return over(found, tally)
        if found is not None and found is not _MISSING:
            tally.mismatches += 1
        return False

    return test


def _equal(node: Any, _depth: int) -> _Test:
    value = _literal(node["value"])
    find = _operand(node, value)
    if value is None:
        return _presence(find, lambda found: found is None)
    return _typed(find, _TYPES[type(value)], lambda found: found == value)


def _unequal(node: Any, _depth: int) -> _Test:
    value = _literal(node["value"])
    find = _operand(node, value)
    if value is None:
        return _presence(find, lambda found: found is not None and found is not _MISSING)
    return _typed(find, _TYPES[type(value)], lambda found: found != value)


def _order(node: Any, _depth: int) -> _Test:
    compare, value = _ORDER[node["op"]], _literal(node["value"])
    if value is None or value is True or value is False:
        raise ConditionError(f"{node['op']} compares numbers and strings, not {value!r}")
    return _typed(_operand(node, value), _TYPES[type(value)], lambda found: compare(found, value))


def _in(node: Any, _depth: int) -> _Test:
    values = [_literal(value) for value in node["values"]]
    find, member = _operand(node, *values), _membership(values)
    types = [kind for value in values if value is not None for kind in _TYPES[type(value)]]
    if not types:
        return _presence(find, lambda found: found is None and None in values)
    typed = _typed(find, types, member)
    return typed if None not in values else lambda value, tally: find(value) is None or typed(value, tally)


def _contains(node: Any, _depth: int) -> _Test:
    value = _literal(node["value"])
    find, member = _find(node["path"]), _membership([value])
    if not isinstance(value, str):
        return _typed(find, (list,), lambda found: any(map(member, found)))
    return _typed(find, (str, list), lambda found: value in found if type(found) is str else any(map(member, found)))


def _startswith(node: Any, _depth: int) -> _Test:
    prefix = _string(node["value"])
    return _typed(_find(node["path"]), (str,), lambda found: found.startswith(prefix))


def _endswith(node: Any, _depth: int) -> _Test:
    suffix = _string(node["value"])
    return _typed(_find(node["path"]), (str,), lambda found: found.endswith(suffix))


def _matches(node: Any, _depth: int) -> _Test:
    search = re.compile(parse(_string(node["pattern"])).python).search
    return _typed(_find(node["path"]), (str,), lambda found: search(found) is not None)


def _exists(node: Any, _depth: int) -> _Test:
    return _presence(_find(node["path"]), lambda found: found is not _MISSING)


def _is_null(node: Any, _depth: int) -> _Test:
    return _presence(_find(node["path"]), lambda found: found is None)


def _presence(find: _Find, check: _Check) -> _Test:
    return lambda value, _tally: check(find(value))


_COMPILERS: Mapping[str, Callable[[Any, int], _Test]] = {
    "and": _and,
    "or": _or,
    "not": _not,
    "any": _any,
    "all": _all,
    "==": _equal,
    "!=": _unequal,
    **dict.fromkeys(_ORDER, _order),
    "in": _in,
    "contains": _contains,
    "startswith": _startswith,
    "endswith": _endswith,
    "matches": _matches,
    "exists": _exists,
    "is_null": _is_null,
}


# ---------------------------------------------------------------- paths and literals


def _operand(node: Any, *values: Any) -> _Find:
    if "path" in node:
        return _find(node["path"])
    if not all(type(value) is int for value in values):
        raise ConditionError("a length is compared with integers")
    return _length(_find(node["len"]))


def _find(path: Any) -> _Find:
    if type(path) is not list or not all(type(part) is str or (type(part) is int and part >= 0) for part in path):
        raise ConditionError(f"{path!r} is not a path of keys and places")
    segments = tuple(path)
    if len(segments) == 1 and type(segments[0]) is str:
        return _key(segments[0])

    def find(value: Any) -> Any:
        for segment in segments:
            if type(segment) is str:
                value = value.get(segment, _MISSING) if type(value) is dict else _MISSING
            else:
                value = value[segment] if type(value) is list and segment < len(value) else _MISSING
        return value

    return find


def _key(key: str) -> _Find:
    return lambda value: value.get(key, _MISSING) if type(value) is dict else _MISSING


class _Unsized:
    """The type of the length of what has none, which every comparison takes for a mismatch."""


_UNSIZED: Final = _Unsized()


def _length(find: _Find) -> _Find:
    def length(value: Any) -> Any:
        found = find(value)
        if type(found) in _SIZED:
            return len(found)
        return found if found is None or found is _MISSING else _UNSIZED

    return length


def _literal(value: Any) -> Any:
    if type(value) is dict:
        return int(_string(value["integer"]))
    if value is not None and type(value) not in _TYPES:
        raise ConditionError(f"{value!r} is not a value that a condition compares with")
    return value


def _string(value: Any) -> str:
    if type(value) is not str:
        raise ConditionError(f"{value!r} is not a string")
    return value


def _membership(values: Iterable[Any]) -> _Check:
    """Whether something equals one of the values, where a bool is no number."""
    members = frozenset((type(value) is bool, value) for value in values)
    return lambda found: type(found) not in {list, dict} and (type(found) is bool, found) in members

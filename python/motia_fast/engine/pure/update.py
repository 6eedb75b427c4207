"""`update` of a state value: a list of changes at paths, all of them or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from motia_fast.encoding import decode, encode
from motia_fast.errors import NotEncodable, UpdateRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from motia_fast.contract import Segments, UpdateOp

#: What is not there.
_MISSING: Any = object()


def apply(value: bytes | None, ops: Sequence[UpdateOp]) -> bytes:
    """The JSON of `value` after all `ops`. Raises `UpdateRefused`, which names the operation that does not fit."""
    root = _MISSING if value is None else decode(value)
    for number, op in enumerate(ops, 1):
        try:
            root = _at(root, op.path, _CHANGES[op.kind](op))
        except RecursionError:
            raise UpdateRefused(f'operation {number} ("{op.kind}"): a path of {len(op.path)} segments') from None
        except UpdateRefused as error:
            raise UpdateRefused(f'operation {number} ("{op.kind}" at {_text(op.path)}): {error}') from None
    if root is _MISSING:
        raise UpdateRefused("the update leaves no value; use delete to remove an item")
    try:
        return encode(root)
    except NotEncodable as error:
        raise UpdateRefused(f"the result is not JSON: {error}") from None


def _at(node: Any, path: Segments, change: Callable[[Any], Any]) -> Any:
    """`node` with `change` made at `path`; what is missing on the way becomes an object."""
    if not path:
        return change(node)
    segment, rest = path[0], path[1:]
    if node is _MISSING or isinstance(node, dict):
        return _in_object(node, segment, rest, change)
    if isinstance(node, list):
        return _in_array(node, segment, rest, change)
    raise UpdateRefused(f"{_kind(node)} has nothing inside it")


def _in_object(node: Any, segment: str | int, rest: Segments, change: Callable[[Any], Any]) -> Any:
    members = {} if node is _MISSING else node
    key = str(segment)
    found = _at(members.get(key, _MISSING), rest, change)
    if found is not _MISSING:
        return members | {key: found}
    members.pop(key, None)
    return node


def _in_array(node: list[Any], segment: str | int, rest: Segments, change: Callable[[Any], Any]) -> Any:
    if isinstance(segment, int) and segment > len(node) and _at(_MISSING, rest, change) is _MISSING:
        return node  # removes what is not there
    if not isinstance(segment, int) or not 0 <= segment <= len(node):
        raise UpdateRefused(f"{segment!r} is not an index of an array of {len(node)}")
    found = _at(node[segment] if segment < len(node) else _MISSING, rest, change)
    if found is _MISSING:
        del node[segment : segment + 1]
    else:
        node[segment : segment + 1] = [found]
    return node


def _set(op: UpdateOp) -> Callable[[Any], Any]:
    given = _given(op)
    return lambda _: given


def _merge(op: UpdateOp) -> Callable[[Any], Any]:
    given = _given(op)
    if not isinstance(given, dict):
        raise UpdateRefused(f"merges an object, not {_kind(given)}")

    def change(found: Any) -> Any:
        if found is not _MISSING and not isinstance(found, dict):
            raise UpdateRefused(f"there is {_kind(found)}, not an object")
        return ({} if found is _MISSING else found) | given

    return change


def _add(op: UpdateOp, sign: int) -> Callable[[Any], Any]:
    given = 1 if op.value is None else decode(op.value)
    if not _is_number(given):
        raise UpdateRefused(f"adds a number, not {_kind(given)}")

    def change(found: Any) -> Any:
        if found is not _MISSING and not _is_number(found):
            raise UpdateRefused(f"there is {_kind(found)}, not a number")
        try:
            return (0 if found is _MISSING else found) + sign * given
        except OverflowError:
            digits = max(len(str(abs(number))) for number in (found, given) if isinstance(number, int))
            raise UpdateRefused(f"an integer of {digits} digits is beyond the range of a float") from None

    return change


def _append(op: UpdateOp) -> Callable[[Any], Any]:
    given = _given(op)

    def change(found: Any) -> Any:
        if found is not _MISSING and not isinstance(found, list):
            raise UpdateRefused(f"there is {_kind(found)}, not an array")
        return [*([] if found is _MISSING else found), given]

    return change


_CHANGES: dict[str, Callable[[UpdateOp], Callable[[Any], Any]]] = {
    "set": _set,
    "merge": _merge,
    "increment": lambda op: _add(op, 1),
    "decrement": lambda op: _add(op, -1),
    "append": _append,
    "remove": lambda _: lambda _: _MISSING,
}


def _given(op: UpdateOp) -> Any:
    if op.value is None:
        raise UpdateRefused("needs a value")
    return decode(op.value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def _text(path: Segments) -> str:
    return ".".join(str(segment) for segment in path) or "the value itself"

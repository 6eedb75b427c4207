"""The operations of ``state.update``, from the dicts that users write to the engine's values: a pure function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn, get_args

from motia_fast.contract import OpKind, StateWrite, UpdateOp
from motia_fast.encoding import encode
from motia_fast.errors import ValidationFailed, nearest
from motia_fast.state_store.values import checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motia_fast.contract import Segments

KINDS: tuple[OpKind, ...] = get_args(OpKind)
_COUNTS = ("increment", "decrement")
#: What may stand beside "type" and "path".
_ARGUMENT = {"set": "value", "merge": "value", "append": "value", "increment": "by", "decrement": "by", "remove": None}


def updating(group: str, key: str, operations: Sequence[Mapping[str, Any]], expected_version: int | None) -> StateWrite:
    """The write that applies `operations`, all of them or none.

    Raises `ValidationFailed`, naming the operation by its index, and `NotEncodable`.
    """
    checked(group, key)
    if isinstance(operations, Mapping) or not operations:
        _wrong([], 'must be a list of operations, such as [{"type": "increment", "path": "count"}]')
    ops = tuple(_operation(index, given) for index, given in enumerate(operations))
    return StateWrite(group, key, ops=ops, expected_version=expected_version)


def _operation(index: int, given: Mapping[str, Any]) -> UpdateOp:
    if not isinstance(given, Mapping):
        _wrong([index], f"is {given!r}, and must be an object with a type")
    kind = given.get("type")
    if kind not in KINDS:
        _wrong([index, "type"], f"is {kind!r}{nearest(str(kind), KINDS)}; there are {', '.join(KINDS)}")
    argument = _ARGUMENT[kind]
    _check_keys(index, given, argument)
    return UpdateOp(kind, _path(index, given.get("path", ())), _value(index, kind, given))


def _check_keys(index: int, given: Mapping[str, Any], argument: str | None) -> None:
    known = ["type", "path", *([argument] if argument else []), *(["value"] if argument == "by" else [])]
    for name in given:
        if name not in known:
            _wrong([index, str(name)], f"is not known here{nearest(str(name), known)}")


def _value(index: int, kind: OpKind, given: Mapping[str, Any]) -> bytes | None:
    if kind == "remove":
        return None
    if kind in _COUNTS:
        by = given.get("by", given.get("value", 1))
        if isinstance(by, bool) or not isinstance(by, int | float):
            _wrong([index, "by"], f"is {by!r}, and must be a number")
        return encode(by)
    if "value" not in given:
        _wrong([index, "value"], f'is missing, and "{kind}" needs it')
    if kind == "merge" and not isinstance(given["value"], Mapping):
        _wrong([index, "value"], f"is {given['value']!r}, and must be an object")
    return encode(given["value"])


def _path(index: int, path: Any) -> Segments:
    """One string is one literal key, dots and all; a list is the way through objects (strings) and arrays (numbers)."""
    if isinstance(path, str):
        return (path,) if path else ()
    if not isinstance(path, list | tuple) or not all(_is_segment(part) for part in path):
        _wrong([index, "path"], f"is {path!r}, and must be a key, or a list of keys and indexes")
    return tuple(path)


def _is_segment(part: object) -> bool:
    return isinstance(part, str) or (isinstance(part, int) and not isinstance(part, bool) and part >= 0)


def _wrong(loc: list[str | int], message: str) -> NoReturn:
    raise ValidationFailed("state update", [{"loc": ["operations", *loc], "msg": message, "type": "value_error"}])

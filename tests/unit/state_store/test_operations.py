"""The operations of `state.update`."""

from __future__ import annotations

from typing import Any

import pytest

from motia_fast.contract import UpdateOp
from motia_fast.errors import NotEncodable, ValidationFailed
from motia_fast.state_store.operations import updating


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "set", "value": 1}, UpdateOp("set", (), b"1")),
        ({"type": "set", "path": "", "value": None}, UpdateOp("set", (), b"null")),
        ({"type": "set", "path": "a.b", "value": 1}, UpdateOp("set", ("a.b",), b"1")),
        ({"type": "set", "path": ["a", 0, "b"], "value": [1]}, UpdateOp("set", ("a", 0, "b"), b"[1]")),
        ({"type": "merge", "path": "a", "value": {"b": 1}}, UpdateOp("merge", ("a",), b'{"b":1}')),
        ({"type": "increment", "path": "n"}, UpdateOp("increment", ("n",), b"1")),
        ({"type": "increment", "path": "n", "by": 2.5}, UpdateOp("increment", ("n",), b"2.5")),
        ({"type": "decrement", "path": "n", "value": 3}, UpdateOp("decrement", ("n",), b"3")),
        ({"type": "append", "path": "xs", "value": "x"}, UpdateOp("append", ("xs",), b'"x"')),
        ({"type": "remove", "path": ["a", "b"]}, UpdateOp("remove", ("a", "b"), None)),
    ],
)
def test_each_type_becomes_an_operation(given: dict[str, Any], expected: UpdateOp) -> None:
    assert updating("g", "k", [given], None).ops == (expected,)


@pytest.mark.parametrize(
    ("given", "loc"),
    [
        ([], ["operations"]),
        ({"type": "set", "value": 1}, ["operations"]),
        (["set"], ["operations", 0]),
        ([{"path": "a"}], ["operations", 0, "type"]),
        ([{"type": "sett", "value": 1}], ["operations", 0, "type"]),
        ([{"type": "set", "path": "a"}], ["operations", 0, "value"]),
        ([{"type": "remove", "path": "a", "value": 1}], ["operations", 0, "value"]),
        ([{"type": "set", "value": 1, "by": 1}], ["operations", 0, "by"]),
        ([{"type": "merge", "value": [1]}], ["operations", 0, "value"]),
        ([{"type": "increment", "by": "1"}], ["operations", 0, "by"]),
        ([{"type": "increment", "by": True}], ["operations", 0, "by"]),
        ([{"type": "remove", "path": 7}], ["operations", 0, "path"]),
        ([{"type": "remove", "path": ["a", -1]}], ["operations", 0, "path"]),
        ([{"type": "remove", "path": ["a", True]}], ["operations", 0, "path"]),
        ([{"type": "remove", "path": "a"}, {"type": "x"}], ["operations", 1, "type"]),
    ],
)
def test_a_wrong_operation_is_refused_and_named(given: Any, loc: list[object]) -> None:
    with pytest.raises(ValidationFailed) as refused:
        updating("g", "k", given, None)
    assert refused.value.details[0]["loc"] == loc


def test_a_value_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(NotEncodable):
        updating("g", "k", [{"type": "set", "value": float("inf")}], None)


@pytest.mark.parametrize(("group", "key"), [("", "k"), ("g", ""), ("g", 7), ("g" * 513, "k"), ("g", "\ud800")])
def test_a_group_and_a_key_are_strings_of_1_to_512_bytes(group: Any, key: Any) -> None:
    with pytest.raises(ValidationFailed):
        updating(group, key, [{"type": "remove"}], None)

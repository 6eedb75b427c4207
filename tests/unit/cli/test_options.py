from __future__ import annotations

import io
from typing import Any

import pytest
import typer

from motia_fast.cli.options import json_of


@pytest.mark.parametrize(
    ("text", "value"), [("null", None), ('{"a": [1, 2.5]}', {"a": [1, 2.5]}), ('"up"', "up"), (str(2**70), 2**70)]
)
def test_an_argument_is_read_as_json(text: str, value: Any) -> None:
    assert json_of(text).value == value


def test_a_dash_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"a": 1}\n'))
    assert json_of("-").value == {"a": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{'a': 1}", r"is not JSON: Expecting property name .*: line 1 column 2"),
        ("up", r"""is not JSON: .*; text is written in quotes of its own: '"up"'"""),
        ("", r"is not JSON: Expecting value"),
        ("[NaN]", r"is not JSON: NaN is no JSON number"),
        ("[" * 100_000, r"is not JSON: .*recursion"),
    ],
)
def test_a_mistake_is_a_usage_error_that_says_where(text: str, message: str) -> None:
    with pytest.raises(typer.BadParameter, match=message):
        json_of(text)

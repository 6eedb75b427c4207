from __future__ import annotations

from typing import Any

import pytest

from motia_fast import errors
from motia_fast.control.frames import MAX_FRAME, from_line, refusal, request_of, result_of, to_line
from motia_fast.errors import (
    ControlError,
    MotiaError,
    UnknownJob,
    ValidationFailed,
    VersionConflict,
)


@pytest.mark.parametrize("value", [None, 2**80, "Grüße \u2028 \ud800 \x00", {"a": [1.5, True]}])
def test_a_value_passes_in_one_line(value: Any) -> None:
    line = to_line({"ok": value})
    assert line.index(b"\n") == len(line) - 1
    assert result_of(from_line(line)) == value


def test_a_frame_over_the_limit_is_refused() -> None:
    with pytest.raises(ControlError, match=r"8,388,\d+ bytes is over the control socket's limit of 8,388,608 bytes"):
        to_line({"ok": "x" * MAX_FRAME})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"hello\n", r"the frame is not JSON: Expecting value: line 1 column 1"),
        (b"\xff\xfe\n", r"the frame is not JSON"),
        (b"[1]\n", r"the frame is not a JSON object but list"),
        (b'{"verb":"x","args":{"n":NaN}}\n', r"NaN is no JSON number"),
        (b"[" * 100_000 + b"\n", r"the frame is not JSON: .*recursion"),
        (b"{}\n", r'a request is \{"verb": TEXT, "args": OBJECT\} and nothing else'),
        (b'{"verb":1}\n', r"a request is"),
        (b'{"verb":"x","args":[]}\n', r"a request is"),
        (b'{"verb":"x","id":1}\n', r"a request is"),
    ],
)
def test_a_bad_request_says_what_is_wrong(line: bytes, message: str) -> None:
    with pytest.raises(ControlError, match=message):
        request_of(line)


def test_arguments_may_be_left_out() -> None:
    assert request_of(b'{"verb":"stats"}\n') == ("stats", {})


@pytest.mark.parametrize(
    ("raised", "fields"),
    [
        (UnknownJob("no job 7"), {}),
        (ControlError("no"), {}),
        (
            VersionConflict("orders", "1", 2, 3),
            {"group": "orders", "key": "1", "expected": 2, "found": 3},
        ),
        (
            ValidationFailed("payload", [{"loc": ["amount"], "msg": "is missing", "type": "missing"}]),
            {"details": [{"loc": ["amount"], "msg": "is missing", "type": "missing"}]},
        ),
    ],
)
def test_an_error_is_raised_again_as_what_it_was(raised: MotiaError, fields: dict[str, Any]) -> None:
    with pytest.raises(type(raised)) as caught:
        result_of(from_line(to_line(refusal(raised))))
    assert str(caught.value) == str(raised)
    assert vars(caught.value) == fields


def test_an_attribute_that_json_cannot_hold_is_left_out() -> None:
    error = errors.FormatTooNew(__import__("pathlib").Path("/x/engine.db"), 9, 1)
    assert refusal(error)["error"]["fields"] == {"found": 9, "supported": 1}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"error": {"type": "KeyError", "message": "'x'"}}, "KeyError: 'x'"),
        ({"error": {"type": "FutureError", "message": "new"}}, "FutureError: new"),
        ({"error": {"type": "Retry", "message": "a signal is no error"}}, "Retry: a signal"),
        ({"error": {"type": "nearest", "message": "a function"}}, "nearest: a function"),
        ({"error": "text"}, "neither a result nor an error"),
        ({}, "neither a result nor an error"),
    ],
)
def test_an_error_that_is_not_known_here_is_a_control_error(answer: dict[str, Any], message: str) -> None:
    with pytest.raises(ControlError, match=message):
        result_of(answer)

"""What a handler may return, and how what it may not is refused."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pytest
from pydantic import BaseModel

from motia_fast.responses import BadResponse, Response, header_pairs, response_of


class Model(BaseModel):
    n: int = 1


@dataclass
class Data:
    n: int = 1


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ({"status": 202, "body": {"a": 1}, "headers": {"x": "y"}}, Response(202, {"a": 1}, {"x": "y"})),
        ({"status": 200}, Response(200)),
        ({"status": 200, "headers": None}, Response(200)),
        ({"status": HTTPStatus.CREATED, "body": "x"}, Response(201, "x")),
        (Response(404, [1]), Response(404, [1])),
        (Model(), Response(200, Model())),
        (Data(), Response(200, Data())),
        (None, Response(204)),
    ],
)
def test_a_response_is_a_dict_with_a_status_or_a_response_or_a_model_or_nothing(
    returned: object, expected: Response
) -> None:
    assert response_of(returned) == expected


@pytest.mark.parametrize(
    ("returned", "why"),
    [
        (17, "returned 17, which is no response"),
        ("text", "returned 'text', which is no response"),
        ([1], "is no response"),
        (Model, "is no response"),
        (True, "is no response"),
        ({}, 'has no "status"'),
        ({"body": 1}, 'has no "status"'),
        ({"id": 1}, "has the key 'id'"),
        ({"status": 200, "header": {}}, 'did you mean "headers"'),
        ({"status": "placed"}, "has the status 'placed'"),
        ({"status": "200"}, "has the status '200'"),
        ({"status": 99}, "has the status 99"),
        ({"status": 101}, "has the status 101"),
        ({"status": 600}, "has the status 600"),
        ({"status": True}, "has the status True"),
        ({"status": None}, "has the status None"),
        ({"status": 200.0}, "has the status 200.0"),
        ({"status": 200, "headers": [("a", "b")]}, "has the headers"),
        (Response(status=0), "has the status 0"),
    ],
)
def test_anything_else_is_refused_and_the_error_says_what_it_was(returned: object, why: str) -> None:
    with pytest.raises(BadResponse, match=why):
        response_of(returned)


def test_what_was_returned_is_told_at_bounded_length() -> None:
    with pytest.raises(BadResponse) as caught:
        response_of("x" * 10_000)
    assert len(str(caught.value)) < 500


def test_header_names_are_lower_case_and_a_list_repeats_its_header() -> None:
    headers: dict[str, Any] = {"X-Count": 3, "Set-Cookie": ["a=1", "b=2"], "X-Text": "grün\t!"}
    assert header_pairs(headers) == [
        ("x-count", "3"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-text", "grün\t!"),
    ]


def test_headers_of_the_connection_are_the_server_s_to_set() -> None:
    copied = {"Content-Length": "5", "Transfer-Encoding": "chunked", "Connection": "close", "X": "1"}
    assert header_pairs(copied) == [("x", "1")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x", "a\r\nset-cookie: b"),
        ("x", "a\n"),
        ("x", "a\x00"),
        ("x", "\x7f"),
        ("x", "\ud800"),
        ("x", None),
        ("x", True),
        ("x", b"a"),
        ("x", 1.5),
        ("x", ["a", "b\n"]),
        ("a b", "x"),
        ("a:", "x"),
        ("a\r\nb", "x"),
        ("", "x"),
        ("größe", "x"),
    ],
)
def test_a_header_that_would_break_the_response_apart_is_refused(name: str, value: Any) -> None:
    with pytest.raises(BadResponse, match="header"):
        header_pairs({name: value})


def test_with_headers_replaces_those_of_the_same_name_in_any_case() -> None:
    response = Response(200, 1, {"X-A": "1", "x-b": "2"}).with_headers({"x-a": "3"})
    assert response == Response(200, 1, {"x-b": "2", "x-a": "3"})

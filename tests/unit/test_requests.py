"""What a handler reads of its request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from motia_fast.requests import Address, Headers, Request


def test_headers_are_found_in_any_case() -> None:
    headers = Headers([("Content-Type", "text/plain"), ("X-One", "1")])
    assert headers["content-type"] == headers["CONTENT-TYPE"] == "text/plain"
    assert "X-ONE" in headers
    assert "x-two" not in headers
    assert headers.get("x-two") is None
    assert dict(headers) == {"content-type": "text/plain", "x-one": "1"}
    assert len(headers) == 2


@pytest.mark.parametrize("made", [Headers, Headers.received])
def test_a_repeated_header_reads_as_one_and_is_kept_apart_too(made: Callable[..., Headers]) -> None:
    headers = made([("accept", "a"), ("accept", "b"), ("cookie", "x=1"), ("cookie", "y=2")])
    assert headers["accept"] == "a, b"
    assert headers["cookie"] == "x=1; y=2"
    assert headers.get_all("ACCEPT") == ["a", "b"]
    assert headers.get_all("none") == []


def test_a_header_that_is_repeated_in_another_case_is_the_same_header() -> None:
    assert Headers([("accept", "a"), ("Accept", "b")])["accept"] == "a, b"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=1&b=2&a=3", {"a": ["1", "3"], "b": "2"}),
        ("a=&b", {"a": "", "b": ""}),
        ("a=x%20y+z&%C3%A9=%C3%A9", {"a": "x y z", "é": "é"}),
        ("a=1;b=2", {"a": "1;b=2"}),
        ("a=%ff", {"a": "\ufffd"}),
        ("a=b=c&&", {"a": "b=c"}),
    ],
)
def test_query_parameters_are_strings_and_lists_where_repeated(query: str, expected: dict[str, Any]) -> None:
    assert Request(query_string=query).query_params == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ('a=1; b="two"; c=x=y', {"a": "1", "b": "two", "c": "x=y"}),
        ("a=1; a=2", {"a": "1"}),  # a browser sends the most specific first
        ("flag; =x; b=", {"b": ""}),
    ],
)
def test_cookies_are_read_by_name(header: str, expected: dict[str, str]) -> None:
    assert Request(headers={"Cookie": header}).cookies == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("127.0.0.1:4711", Address("127.0.0.1", 4711)), ("[::1]:80", Address("::1", 80)), ("", None)],
)
def test_the_client_is_an_address(text: str, expected: Address | None) -> None:
    assert Request(client=text).client == expected


def test_a_request_reads_as_motia_s_code_expects() -> None:
    request = Request[Any]("POST", "/a/7", path_params={"id": "7"}, query_string="q=1", body={"n": 1})
    assert request.pathParams == request.path_params == request["pathParams"] == {"id": "7"}
    assert request.queryParams == request.query_params == request.get("query_params") == {"q": "1"}
    assert request["body"] == request.get("body") == {"n": 1}
    assert request.get("nothing", 5) == 5
    assert Request().get("body", {}) == {}
    with pytest.raises(KeyError):
        request["_client"]
    with pytest.raises(KeyError):
        request["get"]


def test_without_schemas_the_model_is_the_body_and_the_query_the_parameters() -> None:
    request = Request[Any](body={"n": 1}, query_string="q=1")
    assert request.model is request.body
    assert request.query == {"q": "1"}
    request.query = 17
    assert request.query == 17
    assert Request(body={"n": 1}, model=3).model == 3


def test_path_parameters_and_what_middleware_leaves_belong_to_one_request() -> None:
    params = {"id": "7"}
    one, other = Request[Any](path_params=params), Request[Any](path_params=params)
    one.path_params["id"] = "8"
    one.extra["user"] = "ann"
    assert other.path_params == {"id": "7"}
    assert other.extra == {}

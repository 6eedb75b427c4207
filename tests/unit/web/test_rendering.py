"""From a response to bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, Field

from motia_fast.responses import BadResponse, Response
from motia_fast.web.rendering import render
from motia_fast.web.wire import RawResponse

JSON = [("content-type", "application/json")]


class Model(BaseModel):
    pet_id: str = Field(default="p", alias="petId")


@pytest.mark.parametrize(
    ("body", "data"),
    [
        ({"a": [1, None]}, b'{"a":[1,null]}'),
        ([], b"[]"),
        (0, b"0"),
        (False, b"false"),
        (Model(), b'{"petId":"p"}'),
        (datetime(2026, 1, 2, tzinfo=UTC), b'"2026-01-02T00:00:00+00:00"'),
    ],
)
def test_a_body_is_json(body: Any, data: bytes) -> None:
    assert render(Response(200, body)) == RawResponse(200, JSON, data)


def test_strings_and_bytes_are_sent_as_they_are() -> None:
    assert render(Response(200, "grün")) == RawResponse(
        200, [("content-type", "text/plain; charset=utf-8")], "grün".encode()
    )
    assert render(Response(200, b"\x00")) == RawResponse(200, [("content-type", "application/octet-stream")], b"\x00")


def test_a_content_type_of_the_handler_is_kept() -> None:
    response = Response(200, "<p>", {"Content-Type": "text/html"})
    assert render(response) == RawResponse(200, [("content-type", "text/html")], b"<p>")


@pytest.mark.parametrize("response", [Response(200), Response(204, {"a": 1}), Response(304, "x"), Response(205, 1)])
def test_nothing_is_sent_for_none_and_for_statuses_without_a_body(response: Response) -> None:
    assert render(response) == RawResponse(response.status, [])


@pytest.mark.parametrize(
    ("body", "where"),
    [({"a": [float("nan")]}, r"body\.a\[0\]"), (object(), "body"), ({"s": "\ud800"}, r"body\.s"), ("\ud800", "UTF-8")],
)
def test_a_body_that_cannot_be_sent_names_its_place(body: Any, where: str) -> None:
    with pytest.raises(BadResponse, match=where):
        render(Response(200, body))

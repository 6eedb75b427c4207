"""How much of a body is read, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from motia_fast.requests import Headers
from motia_fast.web.body import parse, read
from motia_fast.web.deadlines import Patience
from motia_fast.web.refusals import Refused
from motia_fast.web.wire import BodyCut, RawRequest


class Chunks:
    """A body that comes in pieces, and counts how many were taken."""

    def __init__(self, *chunks: bytes, cut: bool = False, stuck: bool = False) -> None:
        self._chunks = chunks
        self._cut = cut
        self._stuck = stuck
        self.taken = 0

    async def whole(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            self.taken += 1
            yield chunk
        if self._stuck:
            await asyncio.Event().wait()
        if self._cut:
            raise BodyCut("cut")


def sent(body: Chunks, **headers: str) -> RawRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return RawRequest("POST", "/", "", Headers(named), body)


async def refused(body: Chunks, limit: int = 10, seconds: float | None = 5, **headers: str) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        await read(sent(body, **headers), limit, Patience(seconds))
    return caught.value.response.status, caught.value.response.body["error"]


async def test_a_body_of_declared_length_is_read_whole() -> None:
    assert await read(sent(Chunks(b"12345", b"67890"), content_length="10"), 10, Patience(5)) == b"1234567890"


async def test_a_chunked_body_is_read_to_its_end() -> None:
    assert (
        await read(sent(Chunks(b"12345", b"", b"67890"), transfer_encoding="chunked"), 10, Patience(None))
        == b"1234567890"
    )


async def test_without_length_and_without_chunks_there_is_no_body_and_nothing_is_read() -> None:
    body = Chunks(b"1")
    assert await read(sent(body), 10, Patience(5)) == b""
    assert body.taken == 0


async def test_a_declared_length_over_the_limit_is_refused_before_anything_is_read() -> None:
    body = Chunks(b"1" * 11)
    assert await refused(body, content_length="11") == (413, "payload_too_large")
    assert body.taken == 0


async def test_a_chunked_body_over_the_limit_is_refused_as_soon_as_it_is() -> None:
    body = Chunks(b"123456", b"123456", b"123456", b"123456")
    assert await refused(body, transfer_encoding="chunked") == (413, "payload_too_large")
    assert body.taken == 2


async def test_a_body_that_was_cut_is_refused() -> None:
    assert await refused(Chunks(b"12", cut=True), content_length="10") == (400, "incomplete_body")
    assert await refused(Chunks(b"12", cut=True), transfer_encoding="chunked") == (400, "incomplete_body")


async def test_a_body_that_does_not_arrive_is_refused() -> None:
    assert await refused(Chunks(b"12", stuck=True), seconds=0.01, content_length="10") == (408, "request_timeout")


@pytest.mark.parametrize("length", ["-1", "x", "1.5", "", "\u0661"])
async def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    assert await refused(Chunks(b"1"), content_length=length) == (400, "bad_request")


# ---------------------------------------------------------------- what is in it


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "application/json",
        "Application/JSON; charset=UTF-8",
        'application/json;charset="utf-8"',
        "application/problem+json",
        "text/json",
    ],
)
def test_json_is_decoded_without_a_media_type_too(kind: str | None) -> None:
    headers = Headers({} if kind is None else {"content-type": kind})
    assert parse(b'{"a": 12345678901234567890}', headers, json_only=True) == {"a": 12345678901234567890}


@pytest.mark.parametrize("json_only", [True, False])
def test_no_body_is_none(json_only: bool) -> None:
    assert parse(b"", Headers({"content-type": "text/plain"}), json_only=json_only) is None


def test_another_type_is_for_the_handler_to_read_unless_json_is_asked_for() -> None:
    headers = Headers({"content-type": "image/png"})
    assert parse(b"\x89", headers, json_only=False) is None
    assert why_refused(b"\x89", json_only=True, content_type="image/png")[0] == 415


def why_refused(data: bytes, *, json_only: bool = False, **headers: str) -> tuple[int, str, dict[str, Any]]:
    named = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    with pytest.raises(Refused) as caught:
        parse(data, named, json_only=json_only)
    said = caught.value.response.body
    return caught.value.response.status, said["error"], said


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "multipart/form-data; boundary=x"},
        {"content_type": "application/json; charset=utf-16"},
        {"content_encoding": "gzip"},
    ],
)
def test_forms_other_charsets_and_coded_bodies_are_refused(headers: dict[str, str]) -> None:
    status, error, said = why_refused(b"{}", json_only=False, **headers)
    assert (status, error) == (415, "unsupported_media_type")
    assert "not taken" in said["message"]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b'{"a": }', "line 1, column 7"),
        (b'{"a":\n  tru}', "line 2, column"),
        (b"{} x", "line 1, column 4"),
        (b"NaN", "line 1, column 1"),
        (b"[" * 5000, "line 1"),
        (b'"\\ud800"', "line 1"),
        (b" ", "line 1"),
    ],
)
def test_bad_json_is_refused_with_its_place(data: bytes, place: str) -> None:
    status, error, said = why_refused(data)
    assert (status, error) == (400, "invalid_json")
    assert place in said["message"]
    assert isinstance(said["position"], int)


def test_bytes_that_are_not_utf_8_are_refused_with_their_place() -> None:
    status, error, said = why_refused(b'{"a": "\xff"}')
    assert (status, error, said["position"]) == (400, "invalid_encoding", 7)
    assert "0xff at position 7" in said["message"]

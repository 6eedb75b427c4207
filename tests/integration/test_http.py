"""The HTTP server on real sockets: what it takes, what it refuses, and how it ends."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from motia_fast.requests import Request
from motia_fast.steps import step
from motia_fast.triggers import http
from tests.integration.threaded import LOOPS, Client, Serving, many

#: Bodies that reached a handler. Tests that must show that none did look here.
seen: list[Any] = []


@step(http("POST", "/echo"), http("GET", "/echo/:name"), name="Echo")
async def echo(request: Request[Any]) -> Any:
    seen.append(request.body)
    return {"status": 200, "body": {"body": request.body, "params": request.path_params, "query": request.query_params}}


@step(http("POST", "/thread"), name="Thread")
def thread(request: Request[Any]) -> Any:
    return {"status": 200, "body": request.body}


@step(http("GET", "/cookies"), name="Cookies")
async def cookies(request: Request[Any]) -> Any:
    return {"status": 200, "headers": {"set-cookie": ["a=1", "b=2"], "content-length": "5"}, "body": "grün"}


STEPS = (echo, thread, cookies)


@pytest.fixture(scope="module", params=list(LOOPS))
def serving(request: pytest.FixtureRequest) -> Iterator[Serving]:
    with Serving(request.param, STEPS) as made:
        yield made


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: x", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    head = b"POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode()


# ---------------------------------------------------------------- ordinary requests


def test_a_client_library_gets_what_it_asks_for(serving: Serving) -> None:
    with httpx.Client(base_url=serving.url) as client:
        answer = client.post("/echo?a=1&a=2", json={"n": [1, "é"]})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == {"body": {"n": [1, "é"]}, "params": {}, "query": {"a": ["1", "2"]}}
        assert client.get("/echo/a%20b%C3%A9").json()["params"] == {"name": "a bé"}
        assert client.post("/thread", json=[1]).json() == [1]
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/metrics").text == "jobs 1\n"


def test_headers_may_repeat_and_the_length_is_the_server_s(serving: Serving) -> None:
    answer = httpx.get(f"{serving.url}/cookies")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert (answer.text, answer.headers["content-type"]) == ("grün", "text/plain; charset=utf-8")
    assert (len(answer.content), answer.headers["content-length"]) == (6 - 1, "5")


def test_head_has_the_length_and_no_body(serving: Serving) -> None:
    with serving.connect(b"HEAD /cookies HTTP/1.1\r\nhost: x\r\n\r\n" + get("/healthz")) as client:
        status, headers, _ = _head(client)
        assert (status, headers["content-length"]) == (200, "5")
        assert client.receive()[0] == 200  # which would be garbage, had a body come before it


def _head(client: Client) -> tuple[int, dict[str, str], bytes]:
    while b"\r\n\r\n" not in client._buffer:
        client._fill()
    head, _, client._buffer = client._buffer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split(" ")[1]), headers, b""


def test_many_requests_on_one_connection(serving: Serving) -> None:
    with serving.connect() as client:
        for number in range(50):
            client.send(post("/echo", str(number).encode()))
            assert json.loads(client.receive()[2])["body"] == number


def test_requests_that_are_sent_at_once_are_answered_in_order(serving: Serving) -> None:
    with serving.connect(b"".join(post("/echo", str(number).encode()) for number in range(20))) as client:
        assert [json.loads(client.receive()[2])["body"] for _ in range(20)] == list(range(20))


def test_200_connections_stay_open_and_all_are_served(serving: Serving) -> None:
    # Granian's default stops accepting at 129.
    with many(serving, 200) as clients:
        for number in range(3):
            for client in clients:
                client.send(post("/echo", str(number).encode()))
            assert all(json.loads(client.receive()[2])["body"] == number for client in clients)


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(serving: Serving) -> None:
    with serving.connect(
        b"POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n"
    ) as client:
        assert _head(client)[0] == 100
        client.send(b"7")
        assert client.receive()[0] == 200


def test_http_1_0_is_answered_and_closed(serving: Serving) -> None:
    with serving.connect(b"GET /healthz HTTP/1.0\r\n\r\n") as client:
        assert client.receive()[0] == 200
        assert client.at_end()


# ---------------------------------------------------------------- bodies


def test_a_chunked_body_is_taken(serving: Serving) -> None:
    with serving.connect(chunked(b'{"a": ', b"1}")) as client:
        status, _, body = client.receive()
        assert (status, json.loads(body)["body"]) == (200, {"a": 1})


def test_an_empty_chunked_body_is_none(serving: Serving) -> None:
    with serving.connect(chunked()) as client:
        assert json.loads(client.receive()[2])["body"] is None


def test_a_body_of_the_limit_is_taken_and_one_byte_more_is_not(serving: Serving) -> None:
    limit = 1024 * 1024
    with httpx.Client(base_url=serving.url) as client:
        fits = b'"' + b"x" * (limit - 2) + b'"'
        assert client.post("/echo", content=fits).status_code == 200
        answer = client.post("/echo", content=fits + b" ")
        assert (answer.status_code, answer.json()["error"]) == (413, "payload_too_large")
        assert str(limit) in answer.json()["message"]


def test_an_oversize_length_is_refused_before_the_body_is_sent(serving: Serving) -> None:
    with serving.connect(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n") as client:
        status, _, body = client.receive()
        assert (status, json.loads(body)["error"]) == (413, "payload_too_large")
        assert client.at_end()


def test_an_oversize_chunked_body_is_refused_while_it_is_sent(serving: Serving) -> None:
    with serving.connect(chunked(end=b"")) as client:
        sent = 0
        piece = b"%x\r\n%b\r\n" % (65536, b"x" * 65536)
        try:
            while sent < 512 * 1024 * 1024:  # it would have to be held, were it read
                client.send(piece)
                sent += 65536
        except OSError:
            pass
        assert sent < 64 * 1024 * 1024


def test_an_endless_chunked_body_gets_its_413(serving: Serving) -> None:
    with serving.connect(chunked(b"x" * 1024 * 1024, b"x", end=b"")) as client:
        assert client.receive()[0] == 413


@pytest.mark.parametrize(
    "request_",
    [
        chunked(b"12", end=b"5\r\n34"),
        chunked(b"12", end=b""),
        chunked(end=b""),
        b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n12",
    ],
    ids=["within a chunk", "between chunks", "before the first chunk", "before its length"],
)
@pytest.mark.parametrize("how", ["closes", "stops sending"])
def test_half_a_body_never_reaches_a_step(serving: Serving, request_: bytes, how: str) -> None:
    before = len(seen)
    with serving.connect(request_) as client:
        if how == "stops sending":
            client.socket.shutdown(socket.SHUT_WR)
            assert client.receive()[0] == 400
            assert client.at_end()
    assert httpx.get(f"{serving.url}/healthz").status_code == 200
    assert len(seen) == before


@pytest.mark.parametrize(
    "end", [b"zz\r\n\r\n", b"0\r\nx-trailer: 1\r\n\r\n", b"-1\r\n\r\n"], ids=["no number", "trailers", "negative"]
)
def test_a_body_that_is_chunked_badly_or_has_trailers_is_refused(serving: Serving, end: bytes) -> None:
    before = len(seen)
    with serving.connect(chunked(b"12", end=end)) as client:
        status, _, body = client.receive()
        assert (status, json.loads(body)["error"]) == (400, "incomplete_body")
    assert len(seen) == before


# ---------------------------------------------------------------- bad HTTP

GARBAGE = {
    "bytes": b"\x00\xff\x16\x03\x01garbage\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "a bad version": b"GET /healthz HTTP/9.9\r\nhost: x\r\n\r\n",
    "a header without a colon": b"GET /healthz HTTP/1.1\r\nhost x\r\n\r\n",
    "a folded header": b"GET /healthz HTTP/1.1\r\nhost: x\r\n folded\r\n\r\n",
    "a space before the colon": b"GET /healthz HTTP/1.1\r\nhost : x\r\n\r\n",
    "two lengths": b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12",
    "a length that is no number": b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n",
    "a negative length": b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    "a length with a sign": b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: +1\r\n\r\n1",
    "another coding": b"POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n1",
    "a huge header": b"GET /healthz HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "too many headers": b"GET /healthz HTTP/1.1\r\n" + b"x: 1\r\n" * 500 + b"\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE.keys())
def test_bad_http_is_refused_and_the_server_goes_on(serving: Serving, data: bytes) -> None:
    before = len(seen)
    with serving.connect() as client:
        try:
            client.send(data)
            refused = client.at_end() or client.receive()[0] in {400, 431, 505}
        except (BrokenPipeError, ConnectionResetError):
            refused = True
        assert refused
    assert httpx.get(f"{serving.url}/healthz").status_code == 200
    assert len(seen) == before


def test_length_and_chunks_together_never_make_two_requests_of_one(serving: Serving) -> None:
    smuggled = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    before = len(seen)
    with serving.connect(smuggled + get("/healthz")) as client:
        status = client.receive()[0]
        assert status in {200, 400}
        assert client.at_end() or client.receive()[0] == 200
    assert len(seen) <= before + 1


def test_odd_but_legal_targets_are_answered(serving: Serving) -> None:
    for target, status in [
        ("http://other/healthz", 200),
        ("/healthz?", 200),
        ("/echo/%ff", 200),
        ("/echo/%zz", 200),
        ("//healthz", 404),
        ("/../healthz", 404),
        ("/" + "a" * 10_000, 404),
    ]:
        with serving.connect(get(target)) as client:
            assert client.receive()[0] == status, target
    with serving.connect(b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n") as client:
        assert client.receive()[0] == 404


def test_a_websocket_is_not_accepted_where_there_is_none(serving: Serving) -> None:
    upgrade = b"upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAA\r\n"
    with serving.connect(b"GET /nothing HTTP/1.1\r\nhost: x\r\n" + upgrade + b"\r\n") as client:
        assert client.receive()[0] == 404

"""A load client: keeps connections busy with one request each, and measures what a client would.

    python benches/load.py http://127.0.0.1:3000/orders '{"petId": "p"}' --connections 64 --seconds 10

It speaks just enough HTTP/1.1 for the project's own server, because a general client is slower than what it measures:
at 20,000 requests a second it takes most of a core of its own. With `rate` it is an open loop: a request counts from
the moment at which it should have been sent, so a server that stalls does not make its own figures better.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import cast
from urllib.parse import urlsplit

from typing_extensions import override

#: The body of the n-th request, or the same for all.
Body = bytes | Callable[[int], bytes]

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it. Latencies are milliseconds, over all requests that were answered."""

    requests: int
    seconds: float
    #: Requests by status; "lost" for those whose connection ended first.
    statuses: dict[str, int]
    rate: float
    p50: float
    p90: float
    p99: float
    worst: float

    @override
    def __str__(self) -> str:
        return (
            f"{self.requests} requests in {self.seconds:.2f} s: {self.rate:,.0f}/s, "
            f"p50 {self.p50:.2f} ms, p90 {self.p90:.2f} ms, p99 {self.p99:.2f} ms, worst {self.worst:.1f} ms; "
            f"{', '.join(f'{status}: {count}' for status, count in sorted(self.statuses.items()))}"
        )


@dataclass(slots=True)
class _Run:
    """What the connections share."""

    request: Callable[[int], bytes]
    #: When to send no more: at a time, and after a number of requests.
    until: float
    most: int
    #: Seconds between requests, over all connections; None for as soon as a connection is free.
    pace: float | None
    started: float
    sent: int = 0
    latencies: list[float] = field(default_factory=list[float])
    statuses: Counter[str] = field(default_factory=Counter[str])

    def next(self) -> tuple[int, float] | None:
        """The number of the next request and the time at which it is due; None at the end."""
        number = self.sent
        due = time.perf_counter() if self.pace is None else self.started + number * self.pace
        if number >= self.most or due >= self.until:
            return None
        self.sent += 1
        return number, due


class _Connection(asyncio.Protocol):
    """One connection: sends, waits for the whole response, sends again."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._buffer = bytearray()
        self._due: float | None = None
        self._transport: asyncio.Transport | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # it is none by class where uvloop makes it
        self._send_next()

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(_HEAD_END)
        if head < 0:
            return
        length = _LENGTH.search(self._buffer, 0, head)
        if len(self._buffer) < head + len(_HEAD_END) + (int(length[1]) if length else 0):
            return
        assert self._due is not None
        self._run.latencies.append(time.perf_counter() - self._due)
        self._run.statuses[self._buffer[9:12].decode()] += 1
        self._buffer.clear()
        self._due = None
        self._send_next()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._due is not None:
            self._run.statuses["lost"] += 1
        self.closed.set_result(None)

    def _send_next(self) -> None:
        assert self._transport is not None
        following = self._run.next()
        if following is None:
            self._transport.close()
            return
        number, due = following
        wait = due - time.perf_counter()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._send, number, due)
        else:
            self._send(number, due)

    def _send(self, number: int, due: float) -> None:
        assert self._transport is not None
        if not self._transport.is_closing():
            self._due = due
            self._transport.write(self._run.request(number))


async def load(
    url: str,
    body: Body = b"{}",
    *,
    connections: int = 64,
    seconds: float = 10.0,
    requests: int | None = None,
    rate: float | None = None,
    method: str = "POST",
) -> Report:
    """Sends requests with a JSON body for `seconds`, or until there were `requests` of them; at `rate` a second.

    Raises OSError if it cannot connect.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    run = _Run(
        _requests(method, url, body),
        until=started + seconds,
        most=requests if requests is not None else 2**62,
        pace=None if rate is None else 1 / rate,
        started=started,
    )
    opening = [
        loop.create_connection(lambda: _Connection(run), parts.hostname, parts.port or 80) for _ in range(connections)
    ]
    opened = await asyncio.gather(*opening)
    await asyncio.gather(*(connection.closed for _, connection in opened))
    return _report(run, time.perf_counter() - started)


def _requests(method: str, url: str, body: Body) -> Callable[[int], bytes]:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = f"{method} {target} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\ncontent-length: "
    start = head.encode()

    def framed(data: bytes) -> bytes:
        return b"%b%d\r\n\r\n%b" % (start, len(data), data)

    if isinstance(body, bytes):
        same = framed(body)
        return lambda _number: same
    return lambda number: framed(body(number))


def _report(run: _Run, seconds: float) -> Report:
    found = sorted(run.latencies) or [0.0]

    def at(share: float) -> float:
        return 1000 * found[min(len(found) - 1, int(share * len(found)))]

    answered = len(run.latencies)
    return Report(
        answered, seconds, dict(run.statuses), answered / seconds, at(0.5), at(0.9), at(0.99), 1000 * found[-1]
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measures an HTTP endpoint.")
    parser.add_argument("url")
    parser.add_argument("body", nargs="?", default="{}", help='JSON; "%%d" becomes the number of the request')
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--requests", type=int)
    parser.add_argument("--rate", type=float, help="requests a second; without it, as many as there can be")
    parser.add_argument("--method", default="POST")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    given = parser.parse_args()
    text: str = given.body
    body: Body = (lambda n: text.replace("%d", str(n)).encode()) if "%d" in text else text.encode()
    report = asyncio.run(
        load(
            given.url,
            body,
            connections=given.connections,
            seconds=given.seconds,
            requests=given.requests,
            rate=given.rate,
            method=given.method,
        )
    )
    print(json.dumps(asdict(report)) if given.json else report)


if __name__ == "__main__":
    main()

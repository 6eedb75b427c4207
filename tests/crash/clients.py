"""Concurrent clients: they post orders for as long as they are told to, through kills and restarts."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from tests.crash.journal import Journal

#: Seconds for one answer, in which a killed server comes back.
PATIENCE = 30.0
#: Every so many requests of a client, one is malformed.
BAD = 20
#: Seconds between two tries while nobody listens, and the status that this has.
AGAIN = 0.05
NOBODY = 0


def text_of(order: str, size: int) -> str:
    """What an order says: known from its id, so that a part of it, or a mixture, is seen."""
    return (order * (size // len(order) + 1))[:size]


def small_or_large(n: int) -> int:
    """Characters of the nth order's text: one in eight is longer than a page of the file."""
    return 6_000 if n % 8 == 0 else 40


class Clients:
    """Posts orders from several connections while fewer than `most` wait, and reads the totals on one more."""

    def __init__(
        self,
        port: int,
        journal: Journal,
        *,
        posters: int = 6,
        most: int = 120,
        size: Callable[[int], int] = small_or_large,
    ) -> None:
        self.acknowledged: set[str] = set()
        #: Orders that were refused, and those of which no answer came: they may be done, or not.
        self.refused: set[str] = set()
        self.unanswered: set[str] = set()
        self.statuses: Counter[int] = Counter()
        #: The highest total that any response told.
        self.told = 0
        self.most = most
        self._port = port
        self._journal = journal
        self._size = size
        self._stopping = threading.Event()
        work = [*(lambda n=n: self._post(n) for n in range(posters)), self._read]
        self._threads = [threading.Thread(target=target, daemon=True) for target in work]
        self._hung: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Sends nothing more; returns once all answers have come, or cannot come any more."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(2 * PATIENCE)
            assert not thread.is_alive(), "a request was neither answered nor cut off"
        assert not self._hung, self._hung

    @property
    def waiting(self) -> int:
        """Acknowledged orders that are not billed or not placed yet."""
        return len(self.acknowledged) - min(self._journal.count("place"), self._journal.count("bill"))

    def _post(self, poster: int) -> None:
        connection = self._connection()
        n = 0
        while not self._stopping.is_set():
            if self.waiting >= self.most:
                self._stopping.wait(0.005)
                continue
            n += 1
            order = f"order-{poster:02}-{n:06}"
            good = {"id": order, "text": text_of(order, self._size(n))}
            status = connection.ask("POST", "/orders", {"id": order} if n % BAD == 0 else good)
            self._note(order, status)
        connection.close()

    def _note(self, order: str, status: int | None) -> None:
        if status is None:
            self.unanswered.add(order)
        if not status:
            return
        self.statuses[status] += 1
        (self.acknowledged if status == 202 else self.refused).add(order)

    def _read(self) -> None:
        connection = self._connection()
        while not self._stopping.wait(0.002):
            if connection.ask("GET", "/totals") == 200 and connection.body:
                self.told = max(self.told, json.loads(connection.body)["a"])
        connection.close()

    def _connection(self) -> Connection:
        return Connection(self._port, self._stopping, self._hung)


class Connection:
    """One client's connection, made again after each cut."""

    def __init__(self, port: int, stopping: threading.Event, hung: list[str]) -> None:
        #: Of the last response, if all of it came.
        self.body = b""
        self._stopping = stopping
        self._hung = hung
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def ask(self, method: str, path: str, body: Any = None) -> int | None:
        """The status, which counts from when it has come; None if none came, `NOBODY` if nothing was sent."""
        self.body = b""
        try:
            self._http.request(method, path, None if body is None else json.dumps(body))
            response = self._http.getresponse()
        except ConnectionRefusedError:
            self._http.close()
            self._stopping.wait(AGAIN)
            return NOBODY
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, TimeoutError):  # a kill cuts a connection off: only a server that lives can hang
                self._hung.append(f"{method} {path} got no answer within {PATIENCE:g} s")
            self._http.close()
            return None
        try:
            self.body = response.read()
        except (OSError, http.client.HTTPException):
            self._http.close()
        return response.status

    def close(self) -> None:
        self._http.close()

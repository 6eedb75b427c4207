"""A server in a thread of its own, so that a test can be its client with plain sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import uvloop

from motia_fast.steps import Step
from motia_fast.web import Server, listen
from tests.unit.web.site import Site

T = TypeVar("T")

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


class Serving:
    """One server on a free port."""

    def __init__(self, loop: str, steps: tuple[Step[..., Any], ...], host: str = "127.0.0.1", **options: Any) -> None:
        self._factory = LOOPS[loop]
        self._steps = steps
        self._options = options
        self._started: Future[None] = Future()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="server")
        self.listener = listen(host, 0)
        self.grace = 20.0
        self.site: Site
        self.server: Server
        self.loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        return self.listener.url

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.result(30)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(30)
            assert not self._thread.is_alive()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def connect(self, data: bytes = b"") -> Client:
        client = Client(self.listener.host, self.listener.port)
        client.send(data)
        return client

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self._factory) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.site = Site(*self._steps, **self._options)
        self.server = Server(self.site.application, self.listener)
        await self.server.start()
        self._started.set_result(None)
        await self._stopping.wait()
        await self.server.drain(self.grace)
        await self.server.close()


class Client:
    """A connection on which a test may send whatever it likes."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=10)
        self._buffer = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self) -> tuple[int, dict[str, str], bytes]:
        """One whole response: status, headers, body."""
        while b"\r\n\r\n" not in self._buffer:
            self._fill()
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        status, length = int(first.split(" ")[1]), int(headers.get("content-length", "0"))
        self._buffer = rest
        while len(self._buffer) < length:
            self._fill()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return status, headers, body

    def at_end(self) -> bool:
        """Whether the server has closed; waits for what comes, a byte or the end."""
        if self._buffer:
            return False
        try:
            self._buffer = self.socket.recv(65536)
        except ConnectionResetError:
            return True
        return not self._buffer

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fill(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"closed after {self._buffer!r}")
        self._buffer += data


@contextmanager
def many(serving: Serving, count: int) -> Generator[list[Client]]:
    """Connections that are open at once."""
    clients = [serving.connect() for _ in range(count)]
    try:
        yield clients
    finally:
        for client in clients:
            client.close()

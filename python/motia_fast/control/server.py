"""The control socket of a running process: asks `handle` what each connection asks, one request of each at a time."""

from __future__ import annotations

import asyncio
import logging
import os
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from motia_fast.control.address import listen, withdraw
from motia_fast.control.frames import MAX_FRAME, refusal, request_of, to_line, too_large
from motia_fast.errors import ControlError, MotiaError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping
    from pathlib import Path

    #: Answers one request, perhaps slowly; called in a thread. What it raises is the answer too.
    Handle = Callable[[str, Mapping[str, Any]], object]

#: Connections at once. Each has a thread for its request, so a request that waits for the disk holds up no other one.
MAX_CONNECTIONS = 64
#: Seconds that a connection may be silent, or not take its answer.
IDLE = 60.0

_log = logging.getLogger("motia_fast.control")


class ControlServer:
    """Listens in the data directory from `start` to `stop`. Start it only while holding the directory's lock."""

    #: Where it listens, once it does.
    address: Path

    def __init__(self, data_dir: Path, handle: Handle) -> None:
        """`handle(verb, args)` returns what JSON can hold; its `MotiaError`s are passed on to the client."""
        self._data_dir = data_dir
        self._handle = handle
        self._threads = ThreadPoolExecutor(MAX_CONNECTIONS, "motia-fast-control")
        self._connections: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._listener: socket.socket | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listens. A socket that a killed process left is replaced. Raises `ControlError`."""
        self._listener, self.address = listen(self._data_dir)
        _listeners.add(self._listener)
        self._server = await asyncio.start_unix_server(self._connected, sock=self._listener, limit=MAX_FRAME)

    async def stop(self, grace: float = 5.0) -> None:
        """Takes no more requests, and gives those that run `grace` seconds to be answered."""
        self._stopping = True
        if self._server is not None:
            withdraw(self._data_dir)
            self._server.close()
        for connection in self._connections - self._busy:
            connection.cancel()
        if self._busy:
            await asyncio.wait(self._busy, timeout=grace)
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- asyncio calls this in a task of its own
        self._connections.add(task)
        try:
            await self._converse(reader, writer, task)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # the client went, fell silent, or the server stops: in each case there is nobody to tell
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: asyncio.Task[None]
    ) -> None:
        while not self._stopping:
            line = await asyncio.wait_for(_next_line(reader), IDLE)
            if line == b"":
                return
            self._busy.add(task)
            try:
                writer.write(await self._answer(line))
                await asyncio.wait_for(writer.drain(), IDLE)
            finally:
                self._busy.discard(task)

    async def _answer(self, line: bytes | ControlError) -> bytes:
        try:
            return to_line({"ok": await self._result(line)})
        except MotiaError as error:
            return to_line(refusal(error))
        except Exception as error:  # noqa: BLE001 -- a fault of one request ends neither the others nor the application
            _log.exception("a control request failed")
            return to_line(refusal(error))

    async def _result(self, line: bytes | ControlError) -> object:
        if isinstance(line, ControlError):
            raise line
        if len(self._connections) > MAX_CONNECTIONS:
            raise ControlError(f"{MAX_CONNECTIONS} control connections are open already; close some, or try again")
        verb, args = request_of(line)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._handle, verb, args)


async def _next_line(reader: asyncio.StreamReader) -> bytes | ControlError:
    """The next line, b"" at the end, or the error that a line which is too large or cut off is answered with."""
    dropped = 0
    while True:
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            dropped += error.consumed
            await reader.readexactly(error.consumed)  # dropped, so that the next line is read as what it is
        except asyncio.IncompleteReadError as error:
            return ControlError("the frame is cut off: it does not end with a newline") if error.partial else b""
        else:
            return ControlError(too_large(dropped + len(line))) if dropped else line


#: What a forked child must not keep. With a child that outlives a killed server (of a ProcessPoolExecutor, say), the
#: socket would still take connections, and its clients would wait for answers instead of learning that nothing runs.
_listeners: weakref.WeakSet[socket.socket] = weakref.WeakSet()


def _forget_listeners() -> None:
    for listener in _listeners:
        # detach() and not close(): uvloop keeps a socket open until it lets go of it itself.
        os.close(listener.detach())


os.register_at_fork(after_in_child=_forget_listeners)

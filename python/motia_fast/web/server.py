"""The glue between sockets and `Application`: Granian, embedded in the event loop that runs, on its RSGI interface.

What Granian is told, and why: no cap on bodies (it has none; `body.read` has), no signal handlers (embedded, it sets
none), no access log, its own log from errors on, and as many connections as there are file descriptors for: at its own
limit it hangs with 129 open, and without descriptors it spins, and the engine could not open its files.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.net import SocketHolder  # type: ignore[attr-defined]  # it re-exports without saying so
from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]  # as above
from granian.server.embed import Server as Embedded
from typing_extensions import override

from motia_fast.requests import Headers
from motia_fast.web.sockets import BACKLOG, hang_up
from motia_fast.web.wire import BodyCut, RawRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined]  # as above

    from motia_fast.web.dispatch import Application
    from motia_fast.web.sockets import Listener

logger = logging.getLogger("motia_fast.web")

#: Connections that are served at once, where there are so many file descriptors.
_CONNECTIONS = 65_536
#: Descriptors that stay for the engine, and for what handlers open.
_RESERVED = 256
#: Seconds that responses have to reach their clients once all steps have ended.
_LINGER = 1.0


class Server:
    """Serves an `Application` on a `Listener`."""

    def __init__(self, application: Application, listener: Listener) -> None:
        """Takes the listener over: it closes with the server."""
        self._application = application
        self._listener = listener
        self._granian: _Granian | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Such as ``http://127.0.0.1:3000``, with the real port."""
        return self._listener.url

    async def start(self) -> None:
        """Accepts connections, what waits since `listen` first."""
        self._granian = _Granian(self._answer, self._listener)
        self._serving = asyncio.get_running_loop().create_task(self._granian.serve(), name="motia_fast-http")
        while not self._granian.wrks and not self._serving.done():  # noqa: ASYNC110 -- it has no event for this, and needs one turn of the loop
            await asyncio.sleep(0)
        if self._serving.done():
            await self._serving

    async def wait(self) -> None:
        """Returns when the server has ended, which it does by itself only if something in it broke."""
        if self._serving is not None:
            await asyncio.wait({self._serving})

    async def drain(self, grace: float) -> None:
        """Answers 503 from now on, until `close`; running steps have `grace` seconds to end, then are cancelled."""
        self._application.refuse()
        await _within(grace, self._application.drained())
        self._application.abort()

    async def close(self) -> None:
        """Closes the port, and the connections after their responses.

        Those that never sent a whole request are cut after a second. Steps that still run are not waited for: `drain`
        comes first.
        """
        if self._granian is None or self._serving is None:
            self._listener.close()
            return
        self._granian.stop()  # type: ignore[no-untyped-call]
        if not await _ended(self._serving):
            hang_up(self._listener.port)
        if not await _ended(self._serving):
            logger.warning("Some connections to %s did not close; they end with the process", self.url)
            self._serving.cancel()
        self._listener.close()

    async def _answer(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """One request. An exception that left this function would be a bare 500 without a line in our log."""
        raw = RawRequest(
            scope.method,
            scope.path,
            scope.query_string,
            Headers.received(scope.headers.items()),
            _ProtocolBody(protocol),
            scope.client,
        )
        try:
            await self._application.respond(raw, protocol.response_bytes)
        except Exception:
            logger.exception("The HTTP pipeline failed on %s %s", raw.method, raw.path)
            protocol.response_bytes(500, [("content-type", "application/json")], b'{"error":"internal_error"}')


class _ProtocolBody:
    """The body of a request on its connection."""

    __slots__ = ("_protocol",)

    def __init__(self, protocol: HTTPProtocol) -> None:
        self._protocol = protocol

    async def whole(self) -> bytes:
        try:
            return await self._protocol()
        except ProtocolClosed:
            raise BodyCut("the body ended before its declared length") from None

    async def chunks(self) -> AsyncIterator[bytes]:
        # The end of a body is one empty chunk; an error on the way is an empty chunk of its own before that. Trailers
        # look the same, so a body that has them is refused too, rather than half of one taken for the whole.
        empty = 0
        async for chunk in self._protocol:
            empty += not chunk
            yield chunk
        if empty > 1:
            raise BodyCut("the body is not well chunked, ended before its last chunk, or has trailers")


class _Granian(Embedded):
    """Granian's embedded server on a socket of ours."""

    def __init__(self, target: Any, listener: Listener) -> None:
        self._listener = listener
        super().__init__(
            target,
            address=listener.host,
            port=listener.port,
            interface=Interfaces.RSGI,
            http=HTTPModes.http1,
            websockets=False,
            backlog=BACKLOG,
            backpressure=_places(),
            log_access=False,
            log_level=LogLevels.error,
            # It configures logging when it is made. "incremental" keeps it from closing everybody's handlers: all that
            # is left is the level of its own logger, whose records then go where the application's go.
            log_dictconfig={"incremental": True, "handlers": {}, "loggers": {}},
        )

    @override
    def _init_shared_socket(self) -> None:
        self._sfd: Any = self._listener.socket.detach()
        backlog = (BACKLOG,) if sys.platform.startswith(("linux", "freebsd")) else ()
        holder: Any = SocketHolder  # whose stub has no arguments
        self._shd: Any = holder(self._sfd, False, *backlog)  # noqa: FBT003 -- not a Unix socket; it takes no keywords


def _places() -> int:
    """How many connections there is room for; raises the soft limit of file descriptors first, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _CONNECTIONS + _RESERVED
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):  # macOS says "unlimited" and means 10,240
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _CONNECTIONS if soft == resource.RLIM_INFINITY else min(_CONNECTIONS, max(soft - _RESERVED, soft // 2))


async def _within(seconds: float, awaitable: Any) -> None:
    try:
        await asyncio.wait_for(awaitable, seconds)
    except TimeoutError:
        return


async def _ended(task: asyncio.Task[None]) -> bool:
    done, _ = await asyncio.wait({task}, timeout=_LINGER)
    return bool(done)

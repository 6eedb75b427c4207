"""A request and a response as they cross the wire, without the wire: what the pipeline takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import unquote

from motia_fast.requests import Headers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    #: Takes status, headers and body of a response: those of a `RawResponse`. Called once for each request.
    Send = Callable[[int, list[tuple[str, str]], bytes], None]


class BodyCut(Exception):
    """The body ended before its end: the client went away, or framed it wrongly."""


class Body(Protocol):
    """The body of a request, which is read once, one way or the other. Both raise `BodyCut`."""

    async def whole(self) -> bytes:
        """All of it; only for a body whose length was declared."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """As it arrives, so that one can stop."""
        ...


@dataclass(frozen=True, slots=True)
class BytesBody:
    """A body that is there already."""

    data: bytes = b""

    async def whole(self) -> bytes:
        """The bytes."""
        return self.data

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes, at once."""
        yield self.data


class RawRequest(NamedTuple):
    """One request before anything was decided about it."""

    method: str
    #: Percent-decoded.
    path: str
    query_string: str
    headers: Headers
    body: Body
    #: ``host:port`` of the other end; "" for none.
    client: str = ""

    @classmethod
    def of(
        cls,
        method: str,
        target: str,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> RawRequest:
        """As a client would send it: `target` is the path, percent-encoded, with the query."""
        path, _, query_string = target.partition("?")
        sent = Headers(headers)
        if body and "content-length" not in sent:
            sent = Headers([*sent.items(), ("content-length", str(len(body)))])
        return cls(method, unquote(path), query_string, sent, BytesBody(body))


class RawResponse(NamedTuple):
    """One response. Header names are in lower case; `content-length` is the server's to add."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""

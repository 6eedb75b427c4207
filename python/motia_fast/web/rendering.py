"""From a `Response` to bytes."""

from __future__ import annotations

from typing import Any

from motia_fast.encoding import encode
from motia_fast.errors import NotEncodable
from motia_fast.responses import BadResponse, Response, header_pairs
from motia_fast.web.wire import RawResponse

#: Statuses whose responses have no body, whatever a handler returned.
_BODILESS = frozenset({204, 205, 304})
_BINARY = (bytes, bytearray, memoryview)


def render(response: Response) -> RawResponse:
    """The response as it is sent. Raises `BadResponse` naming the header, or the place in the body, that cannot be."""
    pairs = header_pairs(response.headers)
    if response.body is None or response.status in _BODILESS:
        return RawResponse(int(response.status), pairs)
    kind, data = _body(response.body)
    if not pairs or all(name != "content-type" for name, _ in pairs):
        pairs.append(("content-type", kind))
    return RawResponse(int(response.status), pairs, data)


def _body(body: Any) -> tuple[str, bytes]:
    """The content type that fits a body, and its bytes."""
    if isinstance(body, str):
        return "text/plain; charset=utf-8", _text(body)
    if isinstance(body, _BINARY):
        return "application/octet-stream", bytes(body)
    try:
        return "application/json", encode(body, "body")
    except NotEncodable as error:
        raise BadResponse(f"returned a body that JSON cannot hold: {error}") from error


def _text(body: str) -> bytes:
    try:
        return body.encode()
    except UnicodeEncodeError as error:
        raise BadResponse(f"returned a text that UTF-8 cannot hold: {error.reason} at {error.start}") from None

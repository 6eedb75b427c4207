"""From the bytes of a request to its JSON: how much is read, and what is refused before any handler runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from motia_fast.encoding import decode
from motia_fast.web.refusals import Refused, refusal
from motia_fast.web.wire import BodyCut

if TYPE_CHECKING:
    from motia_fast.requests import Headers
    from motia_fast.web.deadlines import Patience
    from motia_fast.web.wire import RawRequest


async def read(raw: RawRequest, limit: int, patience: Patience) -> bytes:
    """The whole body: of at most `limit` bytes, arrived before `patience` ends. No more than that is ever held.

    Raises `Refused`: 413 from the declared length alone, or as soon as more has come; 408; 400 for one that was cut.
    """
    length = _declared(raw.headers)
    if length is None and "transfer-encoding" not in raw.headers:
        return b""
    if length is not None and length > limit:
        raise _too_large(limit)
    try:
        return await patience.wait(raw.body.whole() if length is not None else _read_chunks(raw, limit))
    except TimeoutError:
        message = f"the body did not arrive within {patience.seconds:g} s"
        raise Refused(refusal(408, "request_timeout", message)) from None
    except BodyCut as cut:
        raise Refused(refusal(400, "incomplete_body", str(cut))) from None


def _declared(headers: Headers) -> int | None:
    text = headers.get("content-length")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()):
        raise Refused(refusal(400, "bad_request", f"content-length {text!r} is no number of bytes"))
    return int(text)


async def _read_chunks(raw: RawRequest, limit: int) -> bytes:
    data = bytearray()
    async for chunk in raw.body.chunks():
        data += chunk
        if len(data) > limit:
            raise _too_large(limit)
    return bytes(data)


def _too_large(limit: int) -> Refused:
    return Refused(refusal(413, "payload_too_large", f"the body may have {limit} bytes"))


# ---------------------------------------------------------------- what is in it

_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
_SEND_JSON = "send JSON with content-type: application/json"
#: Headers as almost all clients send them, which need no reading.
_PLAIN_JSON = frozenset({"application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8"})


def parse(data: bytes, headers: Headers, *, json_only: bool) -> Any:
    """The JSON of a body; None for no body, and for one of another type, unless `json_only` refuses those.

    A body without a content type is taken for JSON. Raises `Refused`: 415 for another type, for a form, for a coded
    body; 400 for what is not UTF-8 or not JSON, with its place.
    """
    if not data:
        return None
    content_type = headers.get("content-type", "")
    if content_type in _PLAIN_JSON and "content-encoding" not in headers:
        return _decoded(data)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(
            refusal(415, "unsupported_media_type", f"content-encoding {headers['content-encoding']} is not taken")
        )
    kind, charset = _media_type(content_type)
    if not _is_json(kind):
        if json_only or kind in _FORMS:
            raise Refused(refusal(415, "unsupported_media_type", f"{kind} is not taken here; {_SEND_JSON}"))
        return None
    if charset not in {"", "utf-8", "utf8", "us-ascii"}:
        raise Refused(refusal(415, "unsupported_media_type", f"charset {charset} is not taken; JSON is UTF-8"))
    return _decoded(data)


def _media_type(header: str) -> tuple[str, str]:
    """Type and charset, in lower case; "" for what is not said."""
    kind, *parameters = header.lower().split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            return kind.strip(), value.strip().strip('"')
    return kind.strip(), ""


def _is_json(kind: str) -> bool:
    return (
        not kind
        or kind in {"application/json", "text/json"}
        or (kind.startswith("application/") and kind.endswith("+json"))
    )


def _decoded(data: bytes) -> Any:
    try:
        return decode(data)
    except json.JSONDecodeError as error:
        _check_utf8(data)
        message = f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise Refused(refusal(400, "invalid_json", message, position=error.pos)) from None


def _check_utf8(data: bytes) -> None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        message = f"the body is not UTF-8: byte {data[error.start]:#04x} at position {error.start}"
        raise Refused(refusal(400, "invalid_encoding", message, position=error.start)) from None

"""What the handler of an HTTP trigger returns, and what is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from typing import Any

from pydantic import BaseModel

from motia_fast.errors import MotiaError, nearest

HeaderValue = str | int | list[str] | tuple[str, ...]

#: dict says what Mapping does, ten times faster.
_MAPPINGS = (dict, Mapping)


class BadResponse(MotiaError, ValueError):
    """A handler returned what is no response; the message says what is wrong with it, and what would be right."""


@dataclass(frozen=True, slots=True)
class Response:
    """A status, a body and headers; the same as ``{"status": .., "body": .., "headers": ..}``."""

    #: 200 to 599.
    status: int = 200
    #: Strings and bytes are sent as they are, None sends nothing, and everything else is sent as JSON.
    body: Any = None
    #: A list sends its header repeatedly, which `set-cookie` needs.
    headers: Mapping[str, HeaderValue] = field(default_factory=dict[str, HeaderValue])

    def with_headers(self, headers: Mapping[str, HeaderValue]) -> Response:
        """The same with these headers beside the others; one of the same name, in any case, is replaced."""
        names = {name.lower() for name in headers}
        kept = {name: value for name, value in self.headers.items() if name.lower() not in names}
        return replace(self, headers={**kept, **headers})


def response_of(returned: object) -> Response:
    """What a handler's return value means.

    A `Response` is one, and so is a dict with "status", and maybe "body" and "headers". A pydantic model or a dataclass
    is the body of a 200. None is a 204. Raises `BadResponse` for anything else: a bare dict too, because whether
    ``{"status": ..}`` is a response or data must not depend on what is in it.
    """
    try:
        return _understood(returned)
    except BadResponse as bad:
        raise BadResponse(f"returned {_short(returned)}, which {bad}") from None


def _understood(returned: object) -> Response:
    if isinstance(returned, _MAPPINGS):
        returned = _of_mapping(returned)
    if isinstance(returned, Response):
        _check(returned)
        return returned
    if returned is None:
        return Response(204)
    if isinstance(returned, BaseModel) or (is_dataclass(returned) and not isinstance(returned, type)):
        return Response(200, returned)
    raise BadResponse('is no response; to send it, return {"status": 200, "body": ..}')


_KEYS = ("status", "body", "headers")
_KEY_SET = frozenset(_KEYS)
_ADVICE = 'a response is {"status": 200, "body": .., "headers": {..}}'


def _of_mapping(returned: Mapping[Any, Any]) -> Response:
    if not returned.keys() <= _KEY_SET:
        key = next(key for key in returned if key not in _KEY_SET)
        raise BadResponse(f"has the key {key!r}{nearest(str(key), _KEYS)}; {_ADVICE}")
    if "status" not in returned:
        raise BadResponse(f'has no "status"; {_ADVICE}')
    headers = returned.get("headers")
    return Response(returned["status"], returned.get("body"), {} if headers is None else headers)


def _check(response: Response) -> None:
    if not _is_status(response.status):
        raise BadResponse(f"has the status {_short(response.status)}, not a number from 200 to 599; {_ADVICE}")
    if not isinstance(response.headers, _MAPPINGS):
        raise BadResponse(f"has the headers {_short(response.headers)}, not a dict of strings")


def _is_status(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 200 <= value <= 599  # noqa: PLR2004 -- as HTTP has it


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + ".."  # noqa: PLR2004 -- fits a line of a log


# ---------------------------------------------------------------- headers

#: What belongs to the connection, not to the response: the server decides about it.
_OWN = frozenset({"connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer",
                  "transfer-encoding", "upgrade"})  # fmt: skip
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile("[\t\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]*")


def header_pairs(headers: Mapping[str, HeaderValue]) -> list[tuple[str, str]]:
    """The headers as they are sent, names in lower case, without those that are the server's to set.

    Raises `BadResponse` for a name or a value that would break the response apart, such as one with a line break.
    """
    pairs: list[tuple[str, str]] = []
    if not headers:
        return pairs
    for name, value in headers.items():
        if not _NAME.fullmatch(str(name)):
            raise BadResponse(f"returned a header named {_short(name)}, which is no name of a header")
        items = value if isinstance(value, list | tuple) else (value,)
        pairs.extend((name.lower(), _header_text(name, item)) for item in items)
    return [pair for pair in pairs if pair[0] not in _OWN]


def _header_text(name: str, value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _VALUE.fullmatch(text):
        raise BadResponse(f"returned the header {name!r} with the value {_short(value)}, not a string on one line")
    return text

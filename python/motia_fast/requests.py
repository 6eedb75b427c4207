"""What the handler of an HTTP trigger receives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, NamedTuple, Self, cast, overload
from urllib.parse import parse_qsl

from typing_extensions import TypeVar, override

#: The model of the body; a bare `Request` has none.
T = TypeVar("T", default=Any)


class Address(NamedTuple):
    """Where a connection comes from."""

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> Address:
        """Reads ``127.0.0.1:4711`` or ``[::1]:4711``."""
        host, _, port = text.rpartition(":")
        return cls(host.strip("[]"), int(port) if port.isdecimal() else 0)


class Headers(Mapping[str, str]):
    """The headers of a request; names in any case. One that was sent repeatedly reads as one, joined by commas."""

    __slots__ = ("_pairs", "_values")

    def __init__(self, pairs: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        """Takes names and values in the order in which they were sent."""
        if isinstance(pairs, Mapping):
            pairs = cast("Mapping[str, str]", pairs).items()
        self._take([(name.lower(), value) for name, value in pairs])

    def _take(self, pairs: list[tuple[str, str]]) -> Self:
        self._pairs = pairs
        self._values = dict(pairs)
        if len(self._values) < len(pairs):
            self._values = {name: _joined(name, self.get_all(name)) for name in self._values}
        return self

    @classmethod
    def received(cls, pairs: list[tuple[str, str]]) -> Self:
        """Takes pairs whose names are in lower case already, as a server has them."""
        return cls._take(cls.__new__(cls), pairs)

    @override
    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    @override
    def __len__(self) -> int:
        return len(self._values)

    @override
    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, /, default: str) -> str: ...
    @overload
    def get(self, name: str, /, default: T) -> str | T: ...
    @override
    def get(self, name: str, /, default: Any = None) -> Any:
        """As of any mapping, without the exception that the inherited one makes of each header that is not there."""
        return self._values.get(name.lower(), default)

    def get_all(self, name: str) -> list[str]:
        """All values of a header, each as it was sent; an empty list where it was not."""
        wanted = name.lower()
        return [value for name, value in self._pairs if name == wanted]

    @override
    def __repr__(self) -> str:
        return f"Headers({self._values!r})"


def _joined(name: str, values: list[str]) -> str:
    return ("; " if name == "cookie" else ", ").join(values)


class Request(Generic[T]):
    """One HTTP request. `T` is the type of `model`, what `body_schema` makes of the body.

    Every part is an attribute; as Motia's code has it, ``pathParams`` and ``queryParams`` are others' other names, and
    ``request["body"]`` and ``request.get("body")`` read like attributes.
    """

    __slots__ = ("_client", "_cookies", "_query", "_query_params", "body", "extra", "headers", "method", "model",
                 "path", "path_params", "query_string", "raw")  # fmt: skip

    method: str
    #: Percent-decoded.
    path: str
    #: What the path's parameters captured, percent-decoded.
    path_params: dict[str, str]
    #: As it was sent, without the "?".
    query_string: str
    headers: Headers
    #: The decoded JSON; None without a body, and for one that is not JSON.
    body: Any
    #: The validated instance where the trigger has a `body_schema`, else the same as `body`.
    model: T
    #: The bytes of the body.
    raw: bytes
    #: For middleware: what it leaves here, the handler finds.
    extra: dict[str, Any]

    def __init__(  # noqa: PLR0913 -- an argument for each part
        self,
        method: str = "GET",
        path: str = "/",
        *,
        path_params: Mapping[str, str] | None = None,
        query_string: str = "",
        headers: Headers | Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: Any = None,
        model: T | None = None,
        raw: bytes = b"",
        client: str = "",
    ) -> None:
        """Made by the server; in a unit test of a handler by the test, with what that handler reads."""
        self.method = method
        self.path = path
        self.path_params = dict(path_params or {})
        self.query_string = query_string
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.body = body
        self.model = body if model is None else model
        self.raw = raw
        self.extra = {}
        self._client = client
        self._query_params: dict[str, str | list[str]] | None = None
        self._query: Any = None
        self._cookies: dict[str, str] | None = None

    @property
    def query_params(self) -> dict[str, str | list[str]]:
        """The query, percent-decoded: a string by name, a list of them where a name is repeated."""
        if self._query_params is None:
            self._query_params = _query_params(self.query_string)
        return self._query_params

    @property
    def query(self) -> Any:
        """The validated instance where the trigger has a schema as `query_params`, else the same as `query_params`."""
        return self.query_params if self._query is None else self._query

    @query.setter
    def query(self, validated: Any) -> None:
        self._query = validated

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies by name, as they were sent."""
        if self._cookies is None:
            self._cookies = _cookies(self.headers.get("cookie", ""))
        return self._cookies

    @property
    def client(self) -> Address | None:
        """The other end of the connection, which may be a proxy; None where there is no connection (in tests)."""
        return Address.of(self._client) if self._client else None

    pathParams = property(lambda self: self.path_params, doc="`path_params`, as Motia spells it.")  # noqa: N815
    queryParams = query_params  # noqa: N815 -- as Motia spells it

    def __getitem__(self, name: str) -> Any:
        if name not in _PARTS:
            raise KeyError(name)
        return getattr(self, name)

    def get(self, name: str, default: Any = None) -> Any:
        """The part of that name; `default` where there is no such part, or it is None."""
        value = self[name] if name in _PARTS else None
        return default if value is None else value

    @override
    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path}>"


_PARTS = frozenset({"method", "path", "path_params", "pathParams", "query_string", "query_params", "queryParams",
                    "query", "headers", "cookies", "body", "model", "raw", "client", "extra"})  # fmt: skip


def _query_params(text: str) -> dict[str, str | list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _cookies(header: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in header.split(";"):
        name, sign, value = part.strip().partition("=")
        if sign and name:
            found.setdefault(name, value.removeprefix('"').removesuffix('"'))
    return found

"""Which route takes a request: a pure function of its method and path."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from motia_fast.paths import parse, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

T = TypeVar("T")


class Match(NamedTuple, Generic[T]):
    """The route that takes the request, and what its path captured."""

    route: T
    params: dict[str, str]


class OtherMethods(NamedTuple):
    """Routes take the path, but not with this method; `allow` has all methods that would be answered, sorted."""

    allow: tuple[str, ...]


class _Leaf(NamedTuple, Generic[T]):
    names: tuple[str, ...]
    route: T


_Leaves = dict[str, _Leaf[T]]  # by method


@dataclass(slots=True)
class _Node(Generic[T]):
    """The routes that share their first segments. Those of one node differ in method only."""

    texts: dict[str, _Node[T]] = field(default_factory=dict[str, "_Node[T]"])
    parameter: _Node[T] | None = None
    here: _Leaves[T] = field(default_factory=dict[str, _Leaf[T]])
    rest: _Leaves[T] = field(default_factory=dict[str, _Leaf[T]])

    def below(self, text: str, kind: str) -> _Node[T]:
        if kind == "text":
            return self.texts.setdefault(text, _Node())
        self.parameter = self.parameter or _Node()
        return self.parameter

    def find(self, segments: Sequence[str], at: int = 0) -> Iterator[tuple[_Leaves[T], tuple[str, ...]]]:
        """All that takes the path, best first: text beats a parameter, and a parameter beats the rest."""
        if at == len(segments):
            yield self.here, ()
        else:
            yield from self._find_below(segments, at)
        yield self.rest, ("/".join(segments[at:]),)

    def _find_below(self, segments: Sequence[str], at: int) -> Iterator[tuple[_Leaves[T], tuple[str, ...]]]:
        if (node := self.texts.get(segments[at])) is not None:
            yield from node.find(segments, at + 1)
        if self.parameter is not None and segments[at]:
            for leaves, captured in self.parameter.find(segments, at + 1):
                yield leaves, (segments[at], *captured)


class Router(Generic[T]):
    """Routes by method and path. A trailing slash makes no difference; HEAD is taken by GET's route."""

    def __init__(self, routes: Iterable[tuple[str, str, T]]) -> None:
        """Takes (method, path, route). Raises `PathError`; conflicts are found by `paths.check_routes` before."""
        self._root: _Node[T] = _Node()
        #: Most paths have no parameter: one look-up answers them.
        self._fixed: dict[str, _Leaves[T]] = {}
        for method, path, route in routes:
            self._add(method, path, route)

    def _add(self, method: str, text: str, route: T) -> None:
        path = parse(text)
        node, leaves = self._root, self._root.here
        for segment in path.segments:
            if segment.kind == "rest":
                leaves = node.rest
            else:
                node = node.below(segment.text, segment.kind)
                leaves = node.here
        leaves[method] = _Leaf(path.names, route)
        if not path.names:
            self._fixed["/" + "/".join(path.shape)] = leaves

    def find(self, method: str, path: str) -> Match[T] | OtherMethods | None:
        """The route, or the methods that the path takes instead, or None for a path that nothing takes."""
        fixed = self._fixed.get(path)
        if fixed is not None and (leaf := _leaf(fixed, method)) is not None:
            return Match(leaf.route, {})
        if not path.startswith("/"):  # "*", which asks about the server and not about a path
            return None
        allow: set[str] = set()
        for leaves, captured in self._root.find(split(path)):
            if (leaf := _leaf(leaves, method)) is not None:
                return Match(leaf.route, dict(zip(leaf.names, captured, strict=True)))
            allow.update(leaves)
        return OtherMethods(_allow(allow)) if allow else None


def _leaf(leaves: Mapping[str, _Leaf[T]], method: str) -> _Leaf[T] | None:
    return leaves.get(method) or (leaves.get("GET") if method == "HEAD" else None)


def _allow(methods: set[str]) -> tuple[str, ...]:
    head = {"HEAD"} if "GET" in methods else set[str]()
    return tuple(sorted(methods | head | {"OPTIONS"}))

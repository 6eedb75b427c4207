"""The paths of HTTP triggers: how they are written, and which of them cannot stand beside each other.

``/orders/:id`` and ``/orders/{id}`` are one path, which takes any one segment for `id`; ``/files/*rest`` takes all
segments that are left, none included. A trailing slash makes no difference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from motia_fast.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Paths that motia_fast answers itself, or will: the path, and all below it.
RESERVED = ("/healthz", "/readyz", "/metrics", "/_motia", "/openapi.json", "/docs", "/streams")

_NAME = re.compile(r"[^\W\d]\w*")
_PARAMETER = re.compile(r":(?P<colon>.*)|\{(?P<braces>.*)\}|\*(?P<rest>.*)", re.DOTALL)
_METHOD = re.compile(r"[A-Z]+")


class PathError(ValueError):
    """A path is not one that a trigger can have; the message says why, without repeating the path."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What stands between two slashes: the text itself, or the name of what it captures."""

    text: str
    #: "text": exactly this. "parameter": one segment, not empty. "rest": all that is left, last in its path.
    kind: Literal["text", "parameter", "rest"] = "text"


@dataclass(frozen=True, slots=True)
class Path:
    """A path, read."""

    #: As it was written.
    text: str
    segments: tuple[Segment, ...]

    @property
    def shape(self) -> tuple[str, ...]:
        """The path without its names: two paths of one shape take the same requests."""
        return tuple(s.text if s.kind == "text" else _SIGN[s.kind] for s in self.segments)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of what is captured, from left to right."""
        return tuple(s.text for s in self.segments if s.kind != "text")


#: "/" cannot be in a segment's text, so these are no text.
_SIGN: Mapping[str, str] = {"parameter": "/:", "rest": "/*"}


def parse(path: object) -> Path:
    """Reads a path. Raises `PathError`."""
    if not isinstance(path, str) or not path.startswith("/"):
        raise PathError('must be a string that begins with "/"')
    _check_characters(path)
    segments = tuple(_segment(text) for text in split(path))
    if any(s.kind == "rest" for s in segments[:-1]):
        raise PathError('has segments after its "*", which takes all that is left')
    names = [s.text for s in segments if s.kind != "text"]
    for name in names:
        if names.count(name) > 1:
            raise PathError(f'has two parameters named "{name}"')
    return Path(path, segments)


def split(path: str) -> list[str]:
    """The segments of a path: none for "/", and a trailing slash adds none."""
    segments = path[1:].split("/")
    if not segments[-1]:
        segments.pop()
    return segments


def _check_characters(path: str) -> None:
    for sign, why in (("?", "query parameters are not part of it"), ("#", "fragments never reach a server")):
        if sign in path:
            raise PathError(f'has a "{sign}"; {why}')
    if "%" in path:
        raise PathError('has a "%"; write it decoded, as "/café"')
    if not path.isprintable() or " " in path:
        raise PathError("has a blank or a control character")


def _segment(text: str) -> Segment:
    found = _PARAMETER.fullmatch(text)
    if found is None:
        return _text(text)
    name = found["colon"] or found["braces"] or found["rest"] or ""
    if not _NAME.fullmatch(name):
        raise PathError(f'has the segment "{text}", whose name "{name}" must be letters, digits and "_"')
    return Segment(name, "parameter" if found["rest"] is None else "rest")


def _text(text: str) -> Segment:
    if not text:
        raise PathError('has an empty segment ("//")')
    if set(text) & set("{}*"):
        raise PathError(f'has the segment "{text}"; a parameter must be a whole segment, as ":id" or "{{id}}"')
    return Segment(text)


# ---------------------------------------------------------------- all of an application


class Declared(NamedTuple):
    """One HTTP trigger: where it is declared, for the mistakes, and what it declares."""

    where: str
    method: str
    path: str


def check_routes(declared: Iterable[Declared]) -> list[Mistake]:
    """All mistakes of an application's routes: bad methods and paths, reserved paths, two triggers for one request."""
    mistakes: list[Mistake] = []
    taken: dict[tuple[str, tuple[str, ...]], Declared] = {}
    for route in declared:
        problem = _problem(route, taken)
        if problem is not None:
            mistakes.append(Mistake(route.where, problem))
    return mistakes


def _problem(route: Declared, taken: dict[tuple[str, tuple[str, ...]], Declared]) -> str | None:
    if not _METHOD.fullmatch(str(route.method)):  # a dict may have put anything there
        return f'method {route.method!r} is not one; take "GET", "POST", "PUT", "PATCH" or "DELETE"'
    try:
        path = parse(route.path)
    except PathError as error:
        return f'path "{route.path}" {error}'
    if (reserved := _reserved(path)) is not None:
        return f'path "{route.path}" is reserved: motia_fast itself answers {reserved} and what is below it'
    first = taken.setdefault((route.method, path.shape), route)
    if first is not route:
        return f'{route.method} {route.path} is already taken by "{first.path}" of {first.where}'
    return None


def _reserved(path: Path) -> str | None:
    first = path.segments[0] if path.segments else Segment("")
    return next((r for r in RESERVED if first.kind == "text" and r[1:] == first.text), None)

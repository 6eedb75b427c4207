"""What a pattern is made of, and sets of code points."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

#: Code points, each pair from the first to the last one, sorted, with gaps between.
Ranges = tuple[tuple[int, int], ...]

#: Every character that a string can have: surrogates are none.
ALL: Ranges = ((0, 0xD7FF), (0xE000, 0x10FFFF))


class Edge(Enum):
    """A place between characters."""

    START = auto()
    END = auto()
    WORD = auto()


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set, or one that is not of it."""

    ranges: Ranges
    negated: bool = False

    def all(self) -> Ranges:
        """The characters that it matches."""
        return complement(self.ranges) if self.negated else self.ranges


@dataclass(frozen=True, slots=True)
class Series:
    """One after the other."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """From `low` to `high` times; no end where `high` is None."""

    node: Node
    low: int
    high: int | None


Node = Edge | Chars | Series | Choice | Repeat


def merged(ranges: list[tuple[int, int]]) -> Ranges:
    """The ranges sorted, and joined where they touch."""
    result: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return tuple(result)


def complement(ranges: Ranges) -> Ranges:
    """Every character that is in none of the ranges."""
    result: list[tuple[int, int]] = []
    for first, last in ALL:
        at = first
        for low, high in ranges:
            if low > at and low <= last:
                result.append((at, low - 1))
            at = max(at, high + 1)
        if at <= last:
            result.append((at, last))
    return tuple(result)


def overlap(one: Ranges, other: Ranges) -> bool:
    """Whether some character is in both."""
    return any(low <= last and first <= high for low, high in one for first, last in other)


def nullable(node: Node) -> bool:
    """Whether it can match the empty text."""
    match node:
        case Chars():
            return False
        case Edge():
            return True
        case Series(items):
            return all(map(nullable, items))
        case Choice(options):
            return any(map(nullable, options))
        case Repeat(inner, low, _):
            return low == 0 or nullable(inner)


def size(node: Node) -> int:
    """How many characters and edges it has when counts are written out."""
    match node:
        case Chars() | Edge():
            return 1
        case Series(items):
            return sum(map(size, items))
        case Choice(options):
            return sum(map(size, options))
        case Repeat(inner, low, high):
            return size(inner) * max(1, low if high is None else high)

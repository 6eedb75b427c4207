"""Whether a repeat can read one text in exponentially many ways, each of which a backtracking search may have to try.

The body becomes an automaton of positions (Glushkov's): one for each character of the pattern, with an edge to each
position that may come next, and one more for each further way to get there. In the automaton of a repeat everything can
be reached from everywhere, so the ways multiply with each round exactly if two of them leave a position on the same
text and meet in one again (Weber and Seidl, "On the degree of ambiguity of finite automata", 1991).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations, product

from motia_fast.patterns.nodes import Chars, Choice, Edge, Node, Ranges, Repeat, Series, overlap, size

# So few rounds cannot explode: two ways in each of them make 2 to the power of it, a factor and no more.
_FEW_ROUNDS = 8
# Counts are written out up to so many positions, and read as endless beyond.
_WRITTEN_OUT = 64
# The search gives up after so many looks at two positions, about 0.1 s.
_MAX_LOOKS = 500_000


def explodes(repeat: Repeat) -> bool:
    """Whether the repeat needs exponential time, or is too large to tell."""
    if repeat.high is not None and repeat.high <= _FEW_ROUNDS:
        return False
    automaton = _Automaton()
    automaton.loop(automaton.add(repeat.node))
    try:
        return _meets_again(automaton)
    except _TooLargeError:
        return True


class _TooLargeError(Exception):
    """The search gave up."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of the pattern: where it may begin and end, and whether it may be empty."""

    empty: bool
    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()


_NOTHING = _Part(empty=True)


@dataclass(slots=True)
class _Automaton:
    chars: list[Ranges] = field(default_factory=list)
    follow: list[list[int]] = field(default_factory=list)

    def add(self, node: Node) -> _Part:
        match node:
            case Chars():
                return self._position(node)
            case Edge():
                return _NOTHING
            case Series(items):
                return self._series(items)
            case Choice(options):
                return _one_of([self.add(option) for option in options])
            case Repeat():
                return self._repeat(node)

    def loop(self, part: _Part) -> None:
        self._join(part, part)

    def _position(self, node: Chars) -> _Part:
        at = (len(self.chars),)
        self.chars.append(node.all())
        self.follow.append([])
        return _Part(empty=False, first=at, last=at)

    def _series(self, items: tuple[Node, ...]) -> _Part:
        whole = _NOTHING
        for item in items:
            part = self.add(item)
            self._join(whole, part)
            first = whole.first + part.first if whole.empty else whole.first
            last = whole.last + part.last if part.empty else part.last
            whole = _Part(whole.empty and part.empty, first, last)
        return whole

    def _repeat(self, node: Repeat) -> _Part:
        if node.high is not None and node.high > 1 and size(node) <= _WRITTEN_OUT:
            return self._series(_written_out(node.node, node.low, node.high))
        if node.high == 0:
            return _NOTHING
        part = self.add(node.node)
        if node.high != 1:
            self.loop(part)
        return _Part(part.empty or node.low == 0, part.first, part.last)

    def _join(self, before: _Part, after: _Part) -> None:
        for position in before.last:
            self.follow[position].extend(after.first)


def _one_of(parts: list[_Part]) -> _Part:
    first = tuple(position for part in parts for position in part.first)
    last = tuple(position for part in parts for position in part.last)
    return _Part(any(part.empty for part in parts), first, last)


def _written_out(node: Node, low: int, high: int) -> tuple[Node, ...]:
    """``a{2,4}`` as ``aa(?:a(?:a)?)?``, in which each text has one way."""
    rest: tuple[Node, ...] = ()
    for _ in range(high - low):
        rest = (Repeat(Series((node, *rest)), 0, 1),)
    return (node,) * low + rest


def _meets_again(automaton: _Automaton) -> bool:
    """Whether two ways that leave one position read the same text and come to one position again."""
    same = _Same(automaton.chars)
    pairs = [pair for follow in automaton.follow for pair in combinations(follow, 2) if same(*pair)]
    seen: set[tuple[int, int]] = set()
    while pairs:
        one, other = pairs.pop()
        if one == other:
            return True
        if (one, other) in seen:
            continue
        seen |= {(one, other), (other, one)}
        pairs.extend(pair for pair in product(automaton.follow[one], automaton.follow[other]) if same(*pair))
    return False


class _Same:
    """Whether two positions can read the same character, worked out once for each two sets."""

    __slots__ = ("_chars", "_known", "_looks")

    def __init__(self, chars: list[Ranges]) -> None:
        self._chars = chars
        self._known: dict[tuple[Ranges, Ranges], bool] = {}
        self._looks = 0

    def __call__(self, one: int, other: int) -> bool:
        self._looks += 1
        if self._looks > _MAX_LOOKS:
            raise _TooLargeError
        key = (self._chars[one], self._chars[other])
        if key not in self._known:
            self._known[key] = overlap(*key)
        return self._known[key]

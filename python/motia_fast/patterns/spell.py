r"""How each engine is told what a pattern is. The spellings differ only in the end of the text and the edge of a word.

Sets are written out, so that no engine's own idea of ``\d`` counts, and whatever may be special is escaped.
"""

from __future__ import annotations

from dataclasses import dataclass

from motia_fast.patterns.nodes import Chars, Choice, Edge, Node, Repeat, Series

# Special to one of the engines somewhere; both read all of them behind a backslash as themselves.
_SPECIAL = frozenset(r"\.+*?()|[]{}^$#&-~")
_LAST_SHORT, _LAST_LONG = 0xFF, 0xFFFF


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the engines spell differently."""

    end: str
    word: str


RUST = Dialect(end=r"\z", word=r"(?-u:\b)")
PYTHON = Dialect(end=r"\Z", word=r"(?a:\b)")


def spelled(node: Node, dialect: Dialect) -> str:
    """The pattern for one engine."""
    match node:
        case Chars():
            return _chars(node)
        case Edge():
            return {Edge.START: r"\A", Edge.END: dialect.end, Edge.WORD: dialect.word}[node]
        case Series(items):
            return "".join(_grouped(item, dialect, (Choice,)) for item in items)
        case Choice(options):
            return "|".join(spelled(option, dialect) for option in options)
        case Repeat(inner, low, high):
            return _grouped(inner, dialect, (Choice, Series, Repeat, Edge)) + _count(low, high)


def _grouped(node: Node, dialect: Dialect, loose: tuple[type, ...]) -> str:
    text = spelled(node, dialect)
    return f"(?:{text})" if isinstance(node, loose) else text


def _count(low: int, high: int | None) -> str:
    if high is None:
        return {0: "*", 1: "+"}.get(low, f"{{{low},}}")
    if low == high:
        return f"{{{low}}}"
    return "?" if (low, high) == (0, 1) else f"{{{low},{high}}}"


def _chars(chars: Chars) -> str:
    if chars.negated and chars.ranges == ((0x0A, 0x0A),):
        return "."
    if not chars.negated and len(chars.ranges) == 1 and chars.ranges[0][0] == chars.ranges[0][1]:
        return _char(chars.ranges[0][0])
    return f"[{'^' if chars.negated else ''}{''.join(map(_range, chars.ranges))}]"


def _range(pair: tuple[int, int]) -> str:
    low, high = pair
    return _char(low) if low == high else f"{_char(low)}-{_char(high)}"


def _char(point: int) -> str:
    char = chr(point)
    if char in _SPECIAL:
        return f"\\{char}"
    if char.isprintable():
        return char
    if point <= _LAST_SHORT:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= _LAST_LONG else f"\\U{point:08x}"

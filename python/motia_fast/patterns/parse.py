"""From the text of a pattern to what it is made of, or to an error that names what is not supported, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NoReturn

from motia_fast.errors import ConditionError
from motia_fast.patterns.ambiguity import explodes
from motia_fast.patterns.nodes import Chars, Choice, Edge, Node, Repeat, Series, merged, nullable, size
from motia_fast.patterns.spell import PYTHON, RUST, spelled

#: Characters of a pattern.
MAX_LENGTH: Final = 500
#: Characters and edges of a pattern whose counts are written out: ``[a-z]{3}`` has three.
MAX_SIZE: Final = 1000
_MAX_GROUPS = 20  # groups within groups

_DIGIT = ((0x30, 0x39),)
_WORD = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE = ((0x09, 0x0D), (0x20, 0x20))
_SETS = {
    "d": Chars(_DIGIT),
    "w": Chars(_WORD),
    "s": Chars(_SPACE),
    "D": Chars(_DIGIT, negated=True),
    "W": Chars(_WORD, negated=True),
    "S": Chars(_SPACE, negated=True),
}
_SIMPLE: dict[str, Node] = {".": Chars(((0x0A, 0x0A),), negated=True), "^": Edge.START, "$": Edge.END}
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_HEX = {"x": re.compile(r"[0-9A-Fa-f]{2}"), "u": re.compile(r"[0-9A-Fa-f]{4}"), "U": re.compile(r"[0-9A-Fa-f]{8}")}
_COUNT = re.compile(r"\{([0-9]*)(,?)([0-9]*)\}")
_QUANTIFIERS = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~\s]", re.ASCII)  # white space too, because `re.escape` escapes it

_REFUSED_GROUPS = {
    "(?=": "a lookahead",
    "(?!": "a lookahead",
    "(?<=": "a lookbehind",
    "(?<!": "a lookbehind",
    "(?>": "an atomic group",
    "(?P=": "a backreference",
    "(?P<": "a named group; write (?:..)",
    "(?<": "a named group; write (?:..)",
    "(?#": "a comment",
    "(?(": "a conditional group",
}
_REFUSED_ESCAPES = {
    "A": "an anchor; write ^",
    "Z": "an anchor; write $",
    "z": "an anchor; write $",
    "G": "an anchor",
    "b": "the edge of a word in a class",
    "B": "a place that is no word edge",
    "p": "a Unicode property",
    "P": "a Unicode property",
    "N": "a named character; write it, or its \\u escape",
    "k": "a backreference",
    "g": "a backreference",
}


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern, as it was written and as each engine is to compile it, without flags, to search with it."""

    text: str
    rust: str
    python: str


def parse(text: str) -> Pattern:
    """Reads a pattern. Raises `ConditionError` naming what is not supported, and its position, counted from 0."""
    if len(text) > MAX_LENGTH:
        raise ConditionError(f"the pattern {text[:40]!r}.. has {len(text)} characters, and may have {MAX_LENGTH}")
    reader = _Reader(text)
    node = reader.choice(0)
    if reader.at < len(text):
        reader.refuse(reader.at, "a ) without its (; a literal one is written \\)")
    return Pattern(text, spelled(node, RUST), spelled(node, PYTHON))


class _Reader:
    """A recursive descent over the text; `at` is the next position."""

    __slots__ = ("at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def refuse(self, at: int, what: str) -> NoReturn:
        raise ConditionError(f"the pattern {self.text!r} has at position {at} {what}")

    def _next(self) -> str:
        """The next character, not taken; empty at the end."""
        return self.text[self.at : self.at + 1]

    def _take(self, token: str) -> bool:
        found = self.text.startswith(token, self.at)
        self.at += len(token) * found
        return found

    # ------------------------------------------------------------ choices, series, repeats

    def choice(self, depth: int) -> Node:
        options = [self._series(depth)]
        while self._take("|"):
            options.append(self._series(depth))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _series(self, depth: int) -> Node:
        items: list[Node] = []
        while self._next() not in {"", "|", ")"}:
            items.append(self._repeated(depth))
        return items[0] if len(items) == 1 else Series(tuple(items))

    def _repeated(self, depth: int) -> Node:
        node = self._atom(depth)
        at = self.at
        count = self._quantifier()
        if count is None:
            return node
        if isinstance(node, Edge):
            self.refuse(at, "a repeat of a place between characters")
        self._take("?")  # lazy: finds another match, but finds one just when the greedy repeat does
        if self._next() in {"*", "+", "?", "{"}:
            self.refuse(self.at, "a possessive repeat" if self._next() == "+" else "a repeat of a repeat; group it")
        return self._checked(Repeat(node, *count), at)

    def _quantifier(self) -> tuple[int, int | None] | None:
        if self._next() == "{":
            return self._count()
        count = _QUANTIFIERS.get(self._next())
        self.at += count is not None
        return count

    def _count(self) -> tuple[int, int | None]:
        at = self.at
        found = _COUNT.match(self.text, at)
        if found is None or not (found[1] or found[3]):
            self.refuse(at, "a { that begins no count such as {3}, {3,} or {3,5}; a literal one is written \\{")
        low = int(found[1] or 0)
        high = (int(found[3]) if found[3] else None) if found[2] else low
        if high is not None and low > high:
            self.refuse(at, f"a count whose first number is greater than its second, {found[0]}")
        self.at = found.end()
        return low, high

    def _checked(self, repeat: Repeat, at: int) -> Repeat:
        endless = repeat.high is None or repeat.high > 1
        if endless and nullable(repeat.node):
            self.refuse(at, "a repeat of what can match the empty text")
        if size(repeat) > MAX_SIZE:
            self.refuse(at, f"a repeat that makes more than {MAX_SIZE} characters of it")
        if explodes(repeat):
            self.refuse(
                at,
                "a repeat whose body reads the same text in several ways, so that a search can take exponential time; "
                "let the next character decide, as in ([a-z]+-)*",
            )
        return repeat

    # ------------------------------------------------------------ one character, one group

    def _atom(self, depth: int) -> Node:
        at = self.at
        char = self.text[at]
        self.at += 1
        if char in _SIMPLE:
            return _SIMPLE[char]
        if char == "(":
            return self._group(at, depth)
        if char == "[":
            return self._class(at)
        if char == "\\":
            return Edge.WORD if self._take("b") else self._escape(at)
        if char in "*+?{}]":
            what = f"a bare {char}" if char in "{}]" else f"a {char} with nothing to repeat before it"
            self.refuse(at, f"{what}; a literal one is written \\{char}")
        return self._literal(char, at)

    def _group(self, at: int, depth: int) -> Node:
        if depth >= _MAX_GROUPS:
            self.refuse(at, f"more than {_MAX_GROUPS} groups within groups")
        if not self._take("?:") and self._next() == "?":
            what = next((what for begin, what in _REFUSED_GROUPS.items() if self.text.startswith(begin, at)), None)
            self.refuse(at, f"{what or 'an inline flag'}, which is not supported")
        node = self.choice(depth + 1)
        if not self._take(")"):
            self.refuse(at, "a ( without its ); a literal one is written \\(")
        return node

    def _literal(self, char: str, at: int) -> Chars:
        if 0xD800 <= ord(char) <= 0xDFFF:  # noqa: PLR2004 -- the surrogates
            self.refuse(at, "a lone surrogate, which no JSON string has")
        return Chars(((ord(char), ord(char)),))

    def _escape(self, at: int) -> Chars:
        char = self._next()
        self.at += 1
        if char in _SETS:
            return _SETS[char]
        if char in _HEX:
            return self._literal(self._hex(char, at), at)
        if char in _CONTROLS:
            return self._literal(_CONTROLS[char], at)
        if _PUNCTUATION.fullmatch(char):
            return self._literal(char, at)
        return self._refuse_escape(char, at)

    def _refuse_escape(self, char: str, at: int) -> NoReturn:
        if not char:
            self.refuse(at, "a \\ that escapes nothing; a literal one is written \\\\")
        if char.isdecimal():
            self.refuse(at, f"a backreference or octal escape, \\{char}, which is not supported")
        self.refuse(at, f"{_REFUSED_ESCAPES.get(char, 'an unknown escape')}, \\{char}, which is not supported")

    def _hex(self, kind: str, at: int) -> str:
        found = _HEX[kind].match(self.text, self.at)
        if found is None or int(found[0], 16) > 0x10FFFF:  # noqa: PLR2004 -- the last code point
            digits = {"x": 2, "u": 4, "U": 8}[kind]
            self.refuse(at, f"an escape \\{kind} without the {digits} hexadecimal digits of a character")
        self.at = found.end()
        return chr(int(found[0], 16))

    # ------------------------------------------------------------ classes

    def _class(self, at: int) -> Chars:
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        first = self.at
        while self.at == first or not self._take("]"):
            ranges.extend(self._member(at, first))
        return Chars(merged(ranges), negated)

    def _member(self, begin: int, first: int) -> tuple[tuple[int, int], ...]:
        """One character, escape or range of a class."""
        at = self.at
        if self._next() == "-" and at != first and not self.text.startswith("-]", at):
            self.refuse(at, "a - in the middle of a class; a literal one is written \\-")
        low = self._class_char(begin)
        if self._next() != "-" or self.text.startswith("-]", self.at):
            return low.all()
        self.at += 1
        high = self._class_char(begin)
        return self._range(low, high, at)

    def _range(self, low: Chars, high: Chars, at: int) -> tuple[tuple[int, int], ...]:
        (first, end), (start, last) = low.all()[0], high.all()[-1]
        if first != end or start != last:
            self.refuse(at, "a range from or to a set of characters; a literal - is written \\-")
        if first > last:
            self.refuse(at, f"a range that runs backwards, {self.text[at : self.at]}")
        return ((first, last),)

    def _class_char(self, begin: int) -> Chars:
        at = self.at
        char = self._next()
        self.at += 1
        if char == "\\":
            return self._escape(at)
        if char == "":
            self.refuse(begin, "a [ without its ]; a literal one is written \\[")
        if char in "[]":
            self.refuse(at, f"a bare {char} in a class; a literal one is written \\{char}")
        return self._literal(char, at)

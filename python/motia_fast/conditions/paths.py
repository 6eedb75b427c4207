"""`F`: places in a payload, and what can be asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from keyword import iskeyword
from typing import TYPE_CHECKING, Final, NoReturn

from typing_extensions import override

from motia_fast.conditions.condition import Condition, nested, not_a_condition
from motia_fast.conditions.literals import Literal, as_json, integer, ordered, scalar, several, text
from motia_fast.encoding import encode
from motia_fast.errors import ConditionError
from motia_fast.patterns import parse

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Path:
    """A place in a JSON value: `F.customer.tier`, ``F["a b"]``, ``F.items[0].sku``.

    A key that begins with ``_`` or is the name of a method is reached as ``F["len"]``. Comparisons make a `Condition`,
    and raise `ConditionError` for anything but None, bool, int, float and str, which no value of a payload equals.
    """

    __segments__: tuple[str | int, ...] = ()

    def __getattr__(self, name: str) -> Path:
        if name.startswith("_"):
            raise AttributeError(f'{self}.{name}: a key that begins with "_" is written {self}[{name!r}]')
        return Path((*self.__segments__, name))

    def __getitem__(self, key: str | int) -> Path:
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise ConditionError(f"{self}[{key!r}]: a key is a string, a place in an array an int")
        if isinstance(key, int) and not 0 <= key < 2**32:
            raise ConditionError(f"{self}[{key!r}]: a place in an array counts from 0 at its start, up to 2**32 - 1")
        return Path((*self.__segments__, text(key, f"{self}[..]") if isinstance(key, str) else int(key)))

    @override
    def __eq__(self, other: object) -> Condition:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return _equality("==", self, other)

    @override
    def __ne__(self, other: object) -> Condition:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return _equality("!=", self, other)

    def __lt__(self, other: float | str) -> Condition:
        return _order("<", self, other)

    def __le__(self, other: float | str) -> Condition:
        return _order("<=", self, other)

    def __gt__(self, other: float | str) -> Condition:
        return _order(">", self, other)

    def __ge__(self, other: float | str) -> Condition:
        return _order(">=", self, other)

    def in_(self, values: Iterable[Literal]) -> Condition:
        """Whether it equals one of a list, tuple or set."""
        return _one_of(self, values)

    def contains(self, value: Literal) -> Condition:
        """Whether a string has the string `value` in it, or an array an item that equals `value`."""
        return _asked("contains", self, scalar(value, f"{self}.contains(..)"))

    def startswith(self, prefix: str) -> Condition:
        """Whether a string begins with `prefix`."""
        return _asked("startswith", self, text(prefix, f"{self}.startswith(..)"))

    def endswith(self, suffix: str) -> Condition:
        """Whether a string ends with `suffix`."""
        return _asked("endswith", self, text(suffix, f"{self}.endswith(..)"))

    def matches(self, pattern: str) -> Condition:
        """Whether a string has `pattern` somewhere in it; `motia_fast.patterns` says which ones are supported.

        Raises `ConditionError` naming what is not, and its position.
        """
        source = f"{self}.matches({pattern!r})"
        found = parse(text(pattern, f"{self}.matches(..)"))
        return Condition(_json("matches", self, pattern=found.text, regex=found.rust), source)

    def exists(self) -> Condition:
        """Whether there is something, a null too."""
        return Condition(_json("exists", self), f"{self}.exists()")

    def is_null(self) -> Condition:
        """Whether there is a null."""
        return Condition(_json("is_null", self), f"{self}.is_null()")

    def len(self) -> Length:
        """The length of an array, of a string in code points, or of an object in keys, to be compared."""
        return Length(self)

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self} is a path, which has no value yet; compare it, {self} == True, and join by & | ~")

    def __invert__(self) -> NoReturn:
        not_a_condition("~", self)

    def __and__(self, other: object) -> NoReturn:
        not_a_condition("&", self)

    def __or__(self, other: object) -> NoReturn:
        not_a_condition("|", self)

    __rand__, __ror__ = __and__, __or__

    def __contains__(self, item: object) -> NoReturn:
        raise TypeError(f"instead of `{item!r} in {self}` write {self}.contains({item!r})")

    def __len__(self) -> NoReturn:
        raise TypeError(f"instead of len({self}) write {self}.len()")

    def __iter__(self) -> NoReturn:
        raise TypeError(f"{self} has no items yet; use any_({self}, ..) or all_({self}, ..)")

    @override
    def __hash__(self) -> int:
        return hash(self.__segments__)

    @override
    def __repr__(self) -> str:
        return "F" + "".join(map(_segment, self.__segments__))


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Length:
    """The length of what is at a path; it compares with integers."""

    path: Path

    @override
    def __eq__(self, other: object) -> Condition:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return _length("==", self, other)

    @override
    def __ne__(self, other: object) -> Condition:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return _length("!=", self, other)

    def __lt__(self, other: int) -> Condition:
        return _length("<", self, other)

    def __le__(self, other: int) -> Condition:
        return _length("<=", self, other)

    def __gt__(self, other: int) -> Condition:
        return _length(">", self, other)

    def __ge__(self, other: int) -> Condition:
        return _length(">=", self, other)

    def in_(self, values: Iterable[int]) -> Condition:
        """Whether it equals one of a list, tuple or set of integers."""
        return _one_of(self, values)

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self} is a length, which has no value yet; compare it, {self} > 0")

    @override
    def __hash__(self) -> int:
        return hash((Length, self.path.__segments__))

    @override
    def __repr__(self) -> str:
        return f"{self.path}.len()"


#: The whole payload, where every path begins; inside of `any_` and `all_` the item.
F: Final = Path()


def any_(path: Path, condition: Condition) -> Condition:
    """Whether the array at `path` has an item for which `condition` is true: ``any_(F.items, F.price > 10)``."""
    return _each("any", path, condition)


def all_(path: Path, condition: Condition) -> Condition:
    """Whether there is an array at `path`, and `condition` is true for all of its items; true for an empty one."""
    return _each("all", path, condition)


# ---------------------------------------------------------------- conditions from paths

_Operand = Path | Length


def _json(op: str, operand: _Operand, **more: object) -> bytes:
    name, path = ("path", operand) if isinstance(operand, Path) else ("len", operand.path)
    return encode({"op": op, name: path.__segments__, **more}, "condition")


def _equality(op: str, path: Path, value: object) -> Condition:
    return _compared(op, path, scalar(value, f"{path} {op} .."))


def _order(op: str, path: Path, value: object) -> Condition:
    return _compared(op, path, ordered(value, f"{path} {op} .."))


def _length(op: str, length: Length, value: object) -> Condition:
    return _compared(op, length, integer(value, f"{length} {op} .."))


def _compared(op: str, operand: _Operand, value: str | float | None) -> Condition:
    return Condition(_json(op, operand, value=as_json(value)), f"{operand} {op} {value!r}", loose=True)


def _asked(method: str, path: Path, value: str | float | None) -> Condition:
    return Condition(_json(method, path, value=as_json(value)), f"{path}.{method}({value!r})")


def _one_of(operand: _Operand, values: object) -> Condition:
    where = f"{operand}.in_(..)"
    one = integer if isinstance(operand, Length) else scalar
    members = [one(value, where) for value in several(values, where)]
    return Condition(_json("in", operand, values=[as_json(m) for m in members]), f"{operand}.in_({members!r})")


def _each(op: str, path: object, condition: object) -> Condition:
    if not isinstance(path, Path):
        raise TypeError(f"{op}_({path!r}, ..): the first argument is a path, such as F.items")
    if not isinstance(condition, Condition):
        raise TypeError(
            f"{op}_({path!r}, {condition!r}): the second argument is a condition on an item, such as F.price > 10"
        )
    json = b'{"op":"%b","path":%b,"of":%b}' % (op.encode(), encode(path.__segments__), condition.to_json())
    return nested(json, f"{op}_({path}, {condition})", condition.depth)


def _segment(segment: str | int) -> str:
    """As the source would write it: an attribute where that reaches it."""
    if isinstance(segment, int) or not _is_attribute(segment):
        return f"[{segment!r}]"
    return f".{segment}"


def _is_attribute(key: str) -> bool:
    # Python normalises identifiers (NFKC), so that only ASCII ones are sure to come back as they were.
    return key.isidentifier() and key.isascii() and not iskeyword(key) and key[0] != "_" and key not in _METHODS


_METHODS = frozenset(name for name in vars(Path) if not name.startswith("_"))

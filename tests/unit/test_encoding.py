"""The one encoder: what becomes which JSON, what is refused and where, and that decoding is exact."""

from __future__ import annotations

import json
import math
from collections import OrderedDict, UserDict, defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

import orjson
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel, field_serializer

from motia_fast.encoding import MAX_DEPTH, decode, encode
from motia_fast.errors import MotiaError, NotEncodable


class Pet(BaseModel):
    pet_id: str = Field(serialization_alias="petId")
    weight: float = 1.5
    note: str | None = None
    born: date = date(2024, 2, 29)


class Tags(RootModel[set[str]]):
    pass


class Failing(BaseModel):
    x: int = 1

    @field_serializer("x")
    def _write(self, _x: int) -> int:
        message = "no pen"
        raise KeyError(message)


@dataclass
class Plain:
    a: int
    _b: int = 2
    kind: ClassVar[str] = "not a field"


@dataclass(frozen=True, slots=True)
class Slotted:
    a: float
    inner: Plain | None = None


@dataclass
class Loop:
    next: Any = None
    tags: list[str] = field(default_factory=list)


@pydantic.dataclasses.dataclass
class Aliased:
    pet_id: str = Field(serialization_alias="petId")


class Colour(Enum):
    RED = "red"
    PAIR = (1, 2)
    NAN = math.nan


class Size(StrEnum):
    BIG = "big"


class Level(IntEnum):
    HIGH = 9


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Ratio(float):
    pass


class Moment(datetime):
    pass


class Point(NamedTuple):
    x: int
    y: int


def with_extra() -> Plain:
    plain = Plain(1)
    plain.extra = 5  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
    return plain


ZONE = timezone(timedelta(hours=2))

ENCODED: list[tuple[Any, bytes]] = [
    # what JSON has
    (None, b"null"),
    (True, b"true"),
    ("é\u2028😀\x00", '"é\u2028😀\\u0000"'.encode()),
    ({"a": [1, 1.5, None, {"b": False}]}, b'{"a":[1,1.5,null,{"b":false}]}'),
    (OrderedDict(b=1, a=2), b'{"b":1,"a":2}'),
    (defaultdict(int, a=1), b'{"a":1}'),
    # subclasses of what JSON has
    ({Text("k"): Text("v")}, b'{"k":"v"}'),
    ([Number(3), Ratio(0.5)], b"[3,0.5]"),
    # models and dataclasses
    (Pet(pet_id="p1"), b'{"petId":"p1","weight":1.5,"note":null,"born":"2024-02-29"}'),
    ({"pets": [Pet(pet_id="p1", note="x")]}, b'{"pets":[{"petId":"p1","weight":1.5,"note":"x","born":"2024-02-29"}]}'),
    (Tags({"x"}), b'["x"]'),
    (with_extra(), b'{"a":1,"_b":2}'),  # the fields, all of them, and nothing else
    (Slotted(1.5, Plain(3)), b'{"a":1.5,"inner":{"a":3,"_b":2}}'),
    (Slotted(1.5), b'{"a":1.5,"inner":null}'),
    (Aliased(pet_id="p"), b'{"petId":"p"}'),
    # times
    (datetime(2024, 1, 2, 3, 4, 5, 6, UTC), b'"2024-01-02T03:04:05.000006+00:00"'),
    (datetime(2024, 1, 2, 3, 4, 5, tzinfo=ZONE), b'"2024-01-02T03:04:05+02:00"'),
    (datetime(2024, 1, 2), b'"2024-01-02T00:00:00"'),  # noqa: DTZ001 -- a naive time is written as it is
    (Moment(2024, 1, 2, tzinfo=UTC), b'"2024-01-02T00:00:00+00:00"'),
    (date(2024, 1, 2), b'"2024-01-02"'),
    (time(1, 2, 3), b'"01:02:03"'),
    (time(1, 2, tzinfo=ZONE), b'"01:02:00+02:00"'),
    # other scalars
    (UUID(int=1), b'"00000000-0000-0000-0000-000000000001"'),
    (Decimal("1.50"), b'"1.50"'),
    (Colour.RED, b'"red"'),
    ([Colour.PAIR, Size.BIG, Level.HIGH], b'[[1,2],"big",9]'),
    (PurePosixPath("/a/b"), b'"/a/b"'),
    (Path("a"), b'"a"'),
    # collections
    ((1, (2,)), b"[1,[2]]"),
    (Point(1, 2), b"[1,2]"),
    ({"c", "a", "b"}, b'["a","b","c"]'),
    (frozenset({3, 1}), b"[1,3]"),
    (deque([1, 2]), b"[1,2]"),
    (MappingProxyType({"a": 1}), b'{"a":1}'),
    (UserDict(a=1), b'{"a":1}'),
    # integers of any size
    (2**64 - 1, b"18446744073709551615"),
    (2**64, b"18446744073709551616"),
    (-(2**63) - 1, b"-9223372036854775809"),
    ({"n": 10**40, "f": 1e16, "s": "é"}, b'{"n":1' + b"0" * 40 + ',"f":1e+16,"s":"é"}'.encode()),
    # keys
    ({1: "a", -2: "b"}, b'{"1":"a","-2":"b"}'),
    ({True: 1, None: 2, 1.5: 3}, b'{"true":1,"null":2,"1.5":3}'),
    ({Size.BIG: 1, Level.HIGH: 2, Colour.RED: 3}, b'{"big":1,"9":2,"red":3}'),
    ({UUID(int=1): 1}, b'{"00000000-0000-0000-0000-000000000001":1}'),
    ({2**70: 1}, b'{"1180591620717411303424":1}'),
    ({"deep": [{1: {2: None}}]}, b'{"deep":[{"1":{"2":null}}]}'),
]


@pytest.mark.parametrize(("value", "data"), ENCODED, ids=range(len(ENCODED)))
def test_a_value_becomes_this_json(value: Any, data: bytes) -> None:
    assert encode(value) == data


@pytest.mark.parametrize(("value", "data"), ENCODED, ids=range(len(ENCODED)))
def test_a_value_becomes_the_same_json_beside_one_that_orjson_cannot_write(value: Any, data: bytes) -> None:
    beside = decode(encode([value, 2**64]))  # which takes the exact way
    assert beside == [decode(data), 2**64]


circular_list: list[Any] = []
circular_list.append(circular_list)
circular_dict: dict[str, Any] = {"a": {}}
circular_dict["a"]["b"] = [circular_dict]
loop = Loop()
loop.next = loop


def nested(levels: int, innermost: Any = None) -> Any:
    value: Any = [] if innermost is None else [innermost]
    for _ in range(levels - 1):
        value = [value]
    return value


REFUSED: list[tuple[Any, str]] = [
    # numbers
    (math.nan, "payload: NaN is not JSON"),
    ({"items": [1, 2, 3, {"price": math.nan}]}, "payload.items[3].price: NaN is not JSON"),
    ({"a b": [-math.inf]}, 'payload["a b"][0]: infinity is not JSON'),
    ({"n": None, "x": math.inf}, "payload.x: infinity is not JSON"),
    ([None, (1, math.nan)], "payload[1][1]: NaN is not JSON"),
    ([None, Ratio("nan")], "payload[1]: NaN is not JSON"),
    (Decimal("NaN"), "payload: NaN is not JSON"),
    (Decimal("-Infinity"), "payload: infinity is not JSON"),
    (Colour.NAN, "payload: NaN is not JSON"),
    ({"pet": Pet(pet_id="p", weight=math.nan)}, "payload.pet.weight: NaN is not JSON"),
    ([Slotted(math.inf)], "payload[0].a: infinity is not JSON"),
    ({"s": MappingProxyType({"x": {math.nan}})}, "payload.s.x[0]: NaN is not JSON"),
    ({"n": 10**5000}, "payload.n: an integer of so many digits cannot be written"),
    # strings
    ("a\ud800", "payload: a lone surrogate is not JSON (U+D800 at character 1)"),
    ({"a": ["\udfff"]}, "payload.a[0]: a lone surrogate is not JSON (U+DFFF at character 0)"),
    ({"a": {"\ud800": 1}}, "payload.a: key: a lone surrogate is not JSON (U+D800 at character 0)"),
    (Pet(pet_id="\ud800"), "payload.petId: a lone surrogate is not JSON (U+D800 at character 0)"),
    (PurePosixPath("\udc80"), "payload: a lone surrogate is not JSON (U+DC80 at character 0)"),
    # keys
    ({"a": {(1, 2): 3}}, "payload.a: the key (1, 2) is a tuple; a key is a string, or a number, bool or None"),
    ({b"a": 1}, "payload: the key b'a' is bytes; a key is a string, or a number, bool or None"),
    ({math.nan: 1}, "payload: key: NaN is not JSON"),
    ({1: "a", "1": "b"}, "payload: two keys become \"1\", one of them is '1'"),
    # types
    ({"raw": b"x"}, "payload.raw: bytes is not JSON; decode it to a string, such as by base64"),
    ({"wait": timedelta(1)}, "payload.wait: a timedelta is not JSON; take .total_seconds()"),
    ([object()], "payload[0]: an object is not JSON; give its fields, a pydantic model or a dataclass"),
    ((n for n in "ab"), "payload: a generator is not JSON; make a list of it"),
    (1j, "payload: a complex is not JSON"),
    (Pet, "payload: a ModelMetaclass is not JSON; give its fields, a pydantic model or a dataclass"),
    (orjson.Fragment(b"null"), "payload: a Fragment is not JSON; give its fields, a pydantic model or a dataclass"),
    (
        {"a": Loop(next=object())},
        "payload.a.next: an object is not JSON; give its fields, a pydantic model or a dataclass",
    ),
    # shape
    (circular_list, "payload[0]: a circular reference is not JSON"),
    (circular_dict, "payload.a.b[0]: a circular reference is not JSON"),
    (loop, "payload.next: a circular reference is not JSON"),
    (nested(MAX_DEPTH + 1), "payload: nested deeper than 254 levels"),
]


@pytest.mark.parametrize(("value", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_json_cannot_hold_is_refused_by_its_path(value: Any, message: str) -> None:
    with pytest.raises(NotEncodable) as caught:
        encode(value)
    assert str(caught.value) == message


def test_a_serializer_that_raises_is_named_with_its_error() -> None:
    with pytest.raises(NotEncodable, match=r"^payload\.f: a Failing could not be made JSON: .*no pen"):
        encode({"f": Failing()})


def test_the_path_begins_with_the_name_that_the_caller_gives() -> None:
    with pytest.raises(NotEncodable, match=r"^body\.x: NaN"):
        encode({"x": math.nan}, "body")


def test_not_encodable_is_a_type_error_and_a_motia_error() -> None:
    assert issubclass(NotEncodable, TypeError)
    assert issubclass(NotEncodable, MotiaError)


@pytest.mark.parametrize("innermost", [None, {1: 1}.copy(), 2**64], ids=["orjson", "key", "integer"])
def test_254_levels_can_be_encoded_and_decoded(innermost: Any) -> None:
    levels = MAX_DEPTH - isinstance(innermost, dict)
    assert decode(encode(nested(levels, innermost))) is not None


def test_an_object_that_appears_twice_is_no_circle() -> None:
    shared = {1: 2}
    assert encode([shared, shared, {"a": shared}]) == b'[{"1":2},{"1":2},{"a":{"1":2}}]'


def test_none_beside_numbers_is_no_nan() -> None:
    assert encode({"a": None, "t": (1.5, None), "p": Pet(pet_id="p")}).count(b"null") == 3


# ---------------------------------------------------------------- decode

DECODED: list[tuple[bytes, Any]] = [
    (b" 1 ", 1),
    (b'{"a":1,"a":2}', {"a": 2}),
    (b"18446744073709551615", 2**64 - 1),
    (b"18446744073709551616", 2**64),
    (b"-9223372036854775808", -(2**63)),
    (b"-9223372036854775809", -(2**63) - 1),
    (b"1" * 400, int("1" * 400)),  # beyond the range of a float as well
    (b"[1700000000000000000, 1.5]", [1700000000000000000, 1.5]),
    (b'{"id":"99999999999999999999","n":1e2}', {"id": "99999999999999999999", "n": 100.0}),
    (b"0.12345678901234567890123", 0.12345678901234568),
    (b'"\\u00e900000000000000000000000"', "é00000000000000000000000"),  # the run begins inside an escape
    (b'["\\ud83d\\ude00", 18446744073709551616]', ["😀", 2**64]),
    (b"[1e-00000000000000000000005]", [1e-5]),
]


@pytest.mark.parametrize(("data", "value"), DECODED, ids=range(len(DECODED)))
def test_decoding_is_exact(data: bytes, value: Any) -> None:
    found = decode(data)
    assert (found, repr(found)) == (value, repr(value))


# What is refused, is refused beside a long integer too, where another decoder does the work.
MALFORMED = [
    b"",
    b"[1,]",
    b"NaN",
    b"[Infinity]",
    b"1e999",
    b"01",
    b'"\\ud800"',
    b'"\xed\xa0\x80"',
    b"\xff",
    b'"\x01"',
    b"\xef\xbb\xbf1",
    b"{'a':1}",
    b"[" * 1025 + b"]" * 1025,
]


@pytest.mark.parametrize("data", MALFORMED)
@pytest.mark.parametrize("long", [b"%s", b"[18446744073709551616,%s]"], ids=["alone", "beside a long integer"])
def test_what_is_not_json_is_refused(data: bytes, long: bytes) -> None:
    with pytest.raises(json.JSONDecodeError):
        decode(long % data)


@pytest.mark.parametrize(
    "data",
    [
        b"1" * 5000,  # more than Python converts
        b"0" * 30,
        b"[1e00000000000000000000400]",
        b"18446744073709551616e300",
        b"[" * 1000 + b"18446744073709551616" + b"]" * 1000,
    ],
    ids=["digits", "zeros", "exponent", "range", "depth"],
)
def test_a_long_run_of_digits_that_is_no_number_of_ours_is_refused(data: bytes) -> None:
    with pytest.raises(json.JSONDecodeError):
        decode(data)


def test_each_decoding_is_a_fresh_object() -> None:
    data = b'{"a":[]}'
    decode(data)["a"].append(1)
    assert decode(data) == {"a": []}


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
BIG = st.integers(-(10**60), 10**60)
JSON = st.recursive(SCALARS | BIG, lambda c: st.lists(c, max_size=5) | st.dictionaries(TEXT, c, max_size=5))


def exactly(value: Any) -> str:
    return repr(value)  # tells 1 from 1.0 and True, and 0.0 from -0.0


@given(JSON)
def test_what_is_json_comes_back_as_it_was(value: Any) -> None:
    data = encode(value)
    assert exactly(decode(data)) == exactly(value)
    assert exactly(json.loads(data)) == exactly(value)  # the standard library reads it alike


@given(JSON, st.sampled_from([math.nan, math.inf, -math.inf]), st.randoms(use_true_random=False))
def test_a_nan_anywhere_is_found(value: Any, bad: float, random: Any) -> None:
    container: Any = [value, None]
    for _ in range(random.randint(0, 3)):
        container = random.choice([[container, None], {"k": container}, (container,), Loop(container)])
    spoilt = random.choice(
        [[container, bad], {"a": bad, "b": container}, Loop(bad, container), {None: bad, 1: container}]
    )
    with pytest.raises(NotEncodable, match=r"(NaN|infinity) is not JSON"):
        encode(spoilt)

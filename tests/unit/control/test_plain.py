"""The client's plain values are what the one encoder makes of the same value."""

from __future__ import annotations

import dataclasses
import enum
from collections import OrderedDict, deque
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from motia_fast.control.plain import to_plain
from motia_fast.encoding import decode, encode
from motia_fast.errors import NotEncodable


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 9


class Order(BaseModel):
    pet_id: str = Field(serialization_alias="petId")
    when: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    price: Decimal = Decimal("9.90")


@dataclasses.dataclass
class Point:
    x: int
    _hidden: int = 2
    at: date = date(2026, 1, 2)


@pydantic.dataclasses.dataclass
class Aliased:
    pet_id: str = Field(serialization_alias="petId")


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2.5, None, True, "ü"]},
        2**70,
        (1, 2),
        deque([1]),
        {3, 1, 2},
        OrderedDict(a=1),
        {1: "int", 2.5: "float", False: "bool", None: "none", UUID(int=1): "uuid", Color.RED: "enum"},
        [datetime(2026, 1, 1, 12, tzinfo=UTC), date(2026, 1, 1), time(12, 30)],
        [UUID(int=7), Decimal("1.50"), PurePosixPath("a/b"), Color.RED, Level.HIGH],
        Order(pet_id="7"),
        [Point(1), {"nested": Point(2)}],
        Aliased(pet_id="7"),
    ],
)
def test_plain_is_what_the_encoder_writes(value: Any) -> None:
    assert to_plain(value) == decode(encode(value))
    assert type(to_plain(value)) is type(decode(encode(value)))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_stays_as_it_is(value: Any) -> None:
    assert to_plain(value) == value


def circle() -> list[Any]:
    around: list[Any] = []
    around.append(around)
    return around


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, float("nan")]}, r"payload\.a\[1\]: nan is not JSON"),
        (Decimal("Infinity"), r"payload: inf is not JSON"),
        ({"a": object()}, r"payload\.a: object is not JSON; give its fields"),
        ({"a": b"x"}, r"payload\.a: bytes is not JSON"),
        ({(1, 2): 3}, r"payload: the key \(1, 2\) is not a string"),
        (circle(), r"payload: a circular reference, or nested too deeply"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_the_path_to_it(value: Any, message: str) -> None:
    with pytest.raises(NotEncodable, match=message):
        to_plain(value)

"""What cannot be meant is refused where it is written, and the error names the fix."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from math import inf, nan
from typing import Any
from uuid import UUID

import pytest

from motia_fast.conditions import MAX_DEPTH, F, all_, any_, as_condition
from motia_fast.errors import ConditionError, MotiaError

NAMES = {
    "F": F,
    "any_": any_,
    "all_": all_,
    "Decimal": Decimal,
    "datetime": datetime,
    "UTC": UTC,
    "UUID": UUID,
    "inf": inf,
    "nan": nan,
}


def written(source: str) -> object:
    return eval(source, NAMES)  # noqa: S307 -- as source, since type checkers and linters refuse most of it too


# Python's own operators, which cannot be made to mean a condition.
OPERATORS: list[tuple[str, str]] = [
    ("bool(F.x)", "F.x is a path, which has no value yet; compare it, F.x == True, and join by & | ~"),
    ("not F.x", "F.x is a path"),
    ("bool(F.x.len())", "F.x.len() is a length, which has no value yet; compare it, F.x.len() > 0"),
    ("bool(F.x == 1)", "F.x == 1 is a condition, which is true or false only for a payload; instead of `and`"),
    ("F.a > 1 and F.b > 2", "F.a > 1 is a condition"),
    ("F.a > 1 or F.b > 2", "F.a > 1 is a condition"),
    ("1 < F.a < 5", "instead of 1 < F.a < 5 write (F.a > 1) & (F.a < 5)"),
    ('F.x in ["a"]', "instead of `in` use .in_([..]) or .contains(..)"),
    ('"a" in F.x', "instead of `'a' in F.x` write F.x.contains('a')"),
    ("len(F.x)", "instead of len(F.x) write F.x.len()"),
    ("list(F.x)", "F.x has no items yet; use any_(F.x, ..) or all_(F.x, ..)"),
    # parentheses left out, which make Python join a path or a literal
    ("F.a == 1 & F.b == 2", "F.b is no condition, which & needs beside it; compare it first, and put each"),
    ("F.a == 1 | F.b == 2", "F.b is no condition, which | needs beside it"),
    ("(F.a == 1) & F.b == 2", "F.b is no condition, which & needs beside it"),
    ("(F.a == 1) | F.b == 2", "F.b is no condition, which | needs beside it"),
    ("F.a & (F.b == 2)", "F.a is no condition, which & needs beside it"),
    ("F.a | (F.b == 2)", "F.a is no condition, which | needs beside it"),
    ("~F.a == 1", "F.a is no condition, which ~ needs beside it"),
    ("(F.a == 1) & True", "True is no condition, which & needs beside it"),
    ("True | (F.a == 1)", "True is no condition, which | needs beside it"),
    ("True & (F.a == 1)", "True is no condition, which & needs beside it"),
    ("F.a.exists & (F.b == 2)", "F.a.exists, which is not called, is no condition"),
    # arguments
    ("any_(F.items, F.price)", "any_(F.items, F.price): the second argument is a condition on an item"),
    ("all_(F.items, True)", "all_(F.items, True): the second argument is a condition on an item"),
    ("any_(True, F.price > 10)", "any_(True, ..): the first argument is a path, such as F.items"),
]


@pytest.mark.parametrize(("source", "message"), OPERATORS)
def test_python_s_own_operators_are_refused_by_a_type_error(source: str, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        written(source)
    assert message in str(caught.value)


SCALAR = "takes None, a bool, a number or a string, not"
VALUES: list[tuple[str, str]] = [
    ('F.x == {"a": 1}', f"F.x == .. {SCALAR} {{'a': 1}} (dict)"),
    ("F.x == [1]", f"F.x == .. {SCALAR} [1] (list)"),
    ('F.x != b"a"', f"F.x != .. {SCALAR} b'a' (bytes)"),
    ("F.x == nan", "F.x == ..: nan is not JSON, so that no payload has it"),
    ("F.x < inf", "F.x < ..: inf is not JSON"),
    ('F.x == "\\ud800"', "F.x == ..: '\\ud800' has a lone surrogate, which no payload has"),
    ("F.x == 10**2000", "F.x == ..: an integer of more than 4096 bits"),
    ("F.x == F.y", f"F.x == .. {SCALAR} F.y (Path); two places of a payload cannot be compared"),
    ("F.x == (F.y > 1)", f"F.x == .. {SCALAR} F.y > 1 (Condition); put each comparison in parentheses"),
    ("F.x > Decimal(1)", "F.x > .. takes a number or a string, not Decimal('1') (Decimal); compare with the"),
    ("F.x > datetime(2024, 1, 1, tzinfo=UTC)", "(datetime); compare with the string that it is in JSON"),
    ("F.x == UUID(int=1)", "(UUID); compare with the string that it is in JSON, str(..)"),
    ("F.x == int", f"F.x == .. {SCALAR} <class 'int'> (type)"),
    ("F.x > None", "F.x > .. takes a number or a string, not None (NoneType)"),
    ("F.x <= True", "F.x <= .. takes a number or a string, not True (bool)"),
    ("F.x.len() == 1.0", "F.x.len() == .. takes an integer, not 1.0 (float)"),
    ("F.x.len() > True", "F.x.len() > .. takes an integer, not True (bool)"),
    ('F.x.len() == "a"', "F.x.len() == .. takes an integer, not 'a' (str)"),
    ("F.x.len().in_([1, 2.5])", "F.x.len().in_(..) takes an integer, not 2.5 (float)"),
    ('F.x.in_("abc")', "F.x.in_(..) takes a list, tuple or set, not 'abc' (str)"),
    ('F.x.in_([["a"]])', f"F.x.in_(..) {SCALAR} ['a'] (list)"),
    ("F.x.in_([1, nan])", "F.x.in_(..): nan is not JSON"),
    ('F.x.contains({"a"})', f"F.x.contains(..) {SCALAR} {{'a'}} (set)"),
    ("F.x.startswith(1)", "F.x.startswith(..) takes a string, not 1 (int)"),
    ('F.x.endswith(("a", "b"))', "F.x.endswith(..) takes a string, not ('a', 'b') (tuple)"),
    ("F.x.matches(1)", "F.x.matches(..) takes a string, not 1 (int)"),
    ('F.x.matches("a(?=b)")', "the pattern 'a(?=b)' has at position 1 a lookahead, which is not supported"),
    ("F.x[-1]", "F.x[-1]: a place in an array counts from 0 at its start"),
    ("F.x[2**32]", "F.x[4294967296]: a place in an array counts from 0"),
    ("F.x[1:2]", "F.x[slice(1, 2, None)]: a key is a string, a place in an array an int"),
    ("F.x[True]", "F.x[True]: a key is a string"),
    ("F.x[1.5]", "F.x[1.5]: a key is a string"),
    ('F["\\ud800"]', "F[..]: '\\ud800' has a lone surrogate"),
]


@pytest.mark.parametrize(("source", "message"), VALUES)
def test_what_no_payload_equals_is_refused_by_a_condition_error(source: str, message: str) -> None:
    with pytest.raises(ConditionError) as caught:
        written(source)
    assert message in str(caught.value)


def test_a_condition_error_is_a_value_error_and_a_motia_error() -> None:
    assert issubclass(ConditionError, ValueError)
    assert issubclass(ConditionError, MotiaError)


@pytest.mark.parametrize("name", ["_id", "__len", "_", "__wrapped__", "_segments"])
def test_a_name_that_begins_with_an_underscore_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"F\.x\.{name}: .* is written F\.x\['{name}'\]"):
        getattr(F.x, name)


def test_conditions_nest_to_a_depth() -> None:
    deepest = F.x.exists()
    for _ in range(MAX_DEPTH - 1):
        deepest = ~deepest
    with pytest.raises(ConditionError, match="a condition nests at most 32 deep"):
        _ = ~deepest
    with pytest.raises(ConditionError, match="a condition nests at most 32 deep"):
        any_(F.items, deepest)
    with pytest.raises(ConditionError, match="a condition nests at most 32 deep"):
        _ = deepest & F.y.exists()


def test_a_row_of_any_length_is_one_level() -> None:
    row = F.x == 0
    for n in range(200):
        row |= F.x == n
    assert row.to_json().count(b'"op":"or"') == 1


# ---------------------------------------------------------------- what a trigger takes


def predicate(data: object) -> bool:
    return bool(data)


@pytest.mark.parametrize("condition", [F.a == 1, predicate, any_(F.a, F == 1)], ids=repr)
def test_a_trigger_takes_an_expression_or_a_function(condition: Any) -> None:
    assert as_condition(condition) is condition


SLIPS: list[tuple[Any, str]] = [
    (F.paid, "F.paid is no condition; it is an F expression such as F.amount > 1000, or a function"),
    (F.a.len(), "F.a.len() is no condition"),
    (F.a.exists, "F.a.exists is not called; write F.a.exists(..)"),
    (F.a.len, "F.a.len is not called"),
    (False, "a condition cannot be False; a comparison of a method without its () gives that"),
    (3, "3 is no condition"),
    ({"op": "=="}, "{'op': '=='} is no condition"),
    (None, "None is no condition"),
]


@pytest.mark.parametrize(("value", "message"), SLIPS, ids=[message[:30] for _, message in SLIPS])
def test_a_trigger_refuses_what_only_looks_like_a_condition(value: Any, message: str) -> None:
    with pytest.raises(ConditionError) as caught:
        as_condition(value)
    assert message in str(caught.value)

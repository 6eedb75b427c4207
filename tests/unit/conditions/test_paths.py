"""What an expression says: its JSON, its source, and that the source says the same again."""

from __future__ import annotations

import copy
import json
import pickle
from enum import Enum, IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motia_fast.conditions import Condition, F, Length, Path, all_, any_
from motia_fast.encoding import encode


class Status(Enum):
    PAID = "paid"


class Tier(StrEnum):
    GOLD = "gold"


class Level(IntEnum):
    HIGH = 9


# Each is what a Rust engine will read, so that a change here changes a format.
SAID: list[tuple[Condition, str, str]] = [
    # paths
    (F == 1, '{"op":"==","path":[],"value":1}', "F == 1"),
    (F.customer.tier == 1, '{"op":"==","path":["customer","tier"],"value":1}', "F.customer.tier == 1"),
    (F["a b"].c == 1, '{"op":"==","path":["a b","c"],"value":1}', "F['a b'].c == 1"),
    (F.items[0].sku == 1, '{"op":"==","path":["items",0,"sku"],"value":1}', "F.items[0].sku == 1"),
    (F["0"] == 1, '{"op":"==","path":["0"],"value":1}', "F['0'] == 1"),
    (F["len"].x == 1, '{"op":"==","path":["len","x"],"value":1}', "F['len'].x == 1"),
    (F["_id"] == 1, '{"op":"==","path":["_id"],"value":1}', "F['_id'] == 1"),
    (F["class"] == 1, '{"op":"==","path":["class"],"value":1}', "F['class'] == 1"),
    (F[""] == 1, '{"op":"==","path":[""],"value":1}', "F[''] == 1"),
    (F["é"] == 1, '{"op":"==","path":["é"],"value":1}', "F['é'] == 1"),
    (F.json == 1, '{"op":"==","path":["json"],"value":1}', "F.json == 1"),
    # comparisons
    (F.a != "x", '{"op":"!=","path":["a"],"value":"x"}', "F.a != 'x'"),
    (F.a < 1, '{"op":"<","path":["a"],"value":1}', "F.a < 1"),
    (F.a <= 1.5, '{"op":"<=","path":["a"],"value":1.5}', "F.a <= 1.5"),
    (F.a > 1.0, '{"op":">","path":["a"],"value":1.0}', "F.a > 1.0"),
    (F.a >= "m", '{"op":">=","path":["a"],"value":"m"}', "F.a >= 'm'"),
    (5 < F.a, '{"op":">","path":["a"],"value":5}', "F.a > 5"),  # noqa: SIM300 -- read from the other side
    (F.a == None, '{"op":"==","path":["a"],"value":null}', "F.a == None"),  # noqa: E711 -- what is tested
    (F.a == True, '{"op":"==","path":["a"],"value":true}', "F.a == True"),  # noqa: E712 -- what is tested
    # literals
    (F.a == Status.PAID, '{"op":"==","path":["a"],"value":"paid"}', "F.a == 'paid'"),
    (F.a > Level.HIGH, '{"op":">","path":["a"],"value":9}', "F.a > 9"),
    (F.a.startswith(Tier.GOLD), '{"op":"startswith","path":["a"],"value":"gold"}', "F.a.startswith('gold')"),
    (F.a < 2**64 - 1, '{"op":"<","path":["a"],"value":18446744073709551615}', "F.a < 18446744073709551615"),
    (F.a < 2**64, '{"op":"<","path":["a"],"value":{"integer":"18446744073709551616"}}', "F.a < 18446744073709551616"),
    (F.a > -(2**63), '{"op":">","path":["a"],"value":-9223372036854775808}', "F.a > -9223372036854775808"),
    (
        F.a > -(2**63) - 1,
        '{"op":">","path":["a"],"value":{"integer":"-9223372036854775809"}}',
        "F.a > -9223372036854775809",
    ),
    # methods
    (F.a.in_(["x", 1, None]), '{"op":"in","path":["a"],"values":["x",1,null]}', "F.a.in_(['x', 1, None])"),
    (F.a.in_((True, 2.5)), '{"op":"in","path":["a"],"values":[true,2.5]}', "F.a.in_([True, 2.5])"),
    (F.a.in_({"c", "a", "b"}), '{"op":"in","path":["a"],"values":["a","b","c"]}', "F.a.in_(['a', 'b', 'c'])"),
    (F.a.in_([]), '{"op":"in","path":["a"],"values":[]}', "F.a.in_([])"),
    (F.a.in_([2**64]), '{"op":"in","path":["a"],"values":[{"integer":"18446744073709551616"}]}', f"F.a.in_([{2**64}])"),
    (F.a.contains("x"), '{"op":"contains","path":["a"],"value":"x"}', "F.a.contains('x')"),
    (F.a.contains(None), '{"op":"contains","path":["a"],"value":null}', "F.a.contains(None)"),
    (F.a.endswith("x"), '{"op":"endswith","path":["a"],"value":"x"}', "F.a.endswith('x')"),
    (
        F.a.matches(r"^\d+$"),
        r'{"op":"matches","path":["a"],"pattern":"^\\d+$","regex":"\\A[0-9]+\\z"}',
        r"F.a.matches('^\\d+$')",
    ),
    (F.a.exists(), '{"op":"exists","path":["a"]}', "F.a.exists()"),
    (F.a.is_null(), '{"op":"is_null","path":["a"]}', "F.a.is_null()"),
    # lengths
    (F.a.len() > 3, '{"op":">","len":["a"],"value":3}', "F.a.len() > 3"),
    (F.a.len() != 3, '{"op":"!=","len":["a"],"value":3}', "F.a.len() != 3"),
    (F.a.len() < 3, '{"op":"<","len":["a"],"value":3}', "F.a.len() < 3"),
    (F.a.len() <= 3, '{"op":"<=","len":["a"],"value":3}', "F.a.len() <= 3"),
    (F.a.len() >= 3, '{"op":">=","len":["a"],"value":3}', "F.a.len() >= 3"),
    (F.len() == 3, '{"op":"==","len":[],"value":3}', "F.len() == 3"),
    (F.a.len().in_([1, 2]), '{"op":"in","len":["a"],"values":[1,2]}', "F.a.len().in_([1, 2])"),
    # joined
    (
        (F.a > 1) & (F.b == 2) & F.c.exists(),  # a row is one
        (
            '{"op":"and","of":[{"op":">","path":["a"],"value":1},{"op":"==","path":["b"],"value":2},'
            '{"op":"exists","path":["c"]}]}'
        ),
        "(F.a > 1) & (F.b == 2) & F.c.exists()",
    ),
    (
        F.a.exists() & (F.b.exists() & F.c.exists()),
        '{"op":"and","of":[{"op":"exists","path":["a"]},{"op":"exists","path":["b"]},{"op":"exists","path":["c"]}]}',
        "F.a.exists() & F.b.exists() & F.c.exists()",
    ),
    (
        (F.a.exists() & F.b.exists()) | F.c.exists(),
        (
            '{"op":"or","of":[{"op":"and","of":[{"op":"exists","path":["a"]},{"op":"exists","path":["b"]}]},'
            '{"op":"exists","path":["c"]}]}'
        ),
        "(F.a.exists() & F.b.exists()) | F.c.exists()",
    ),
    (~(F.a > 1), '{"op":"not","of":{"op":">","path":["a"],"value":1}}', "~(F.a > 1)"),
    (~~F.a.exists(), '{"op":"not","of":{"op":"not","of":{"op":"exists","path":["a"]}}}', "~~F.a.exists()"),
    (
        ~F.a.exists() & F.b.exists(),
        '{"op":"and","of":[{"op":"not","of":{"op":"exists","path":["a"]}},{"op":"exists","path":["b"]}]}',
        "~F.a.exists() & F.b.exists()",
    ),
    (
        any_(F.items, F.price > 10),
        '{"op":"any","path":["items"],"of":{"op":">","path":["price"],"value":10}}',
        "any_(F.items, F.price > 10)",
    ),
    (
        ~all_(F.tags, F == "x"),
        '{"op":"not","of":{"op":"all","path":["tags"],"of":{"op":"==","path":[],"value":"x"}}}',
        "~all_(F.tags, F == 'x')",
    ),
    (
        any_(F.orders, all_(F.items, F.sku.exists()) & (F.id == 1)),
        (
            '{"op":"any","path":["orders"],"of":{"op":"and","of":[{"op":"all","path":["items"],'
            '"of":{"op":"exists","path":["sku"]}},{"op":"==","path":["id"],"value":1}]}}'
        ),
        "any_(F.orders, all_(F.items, F.sku.exists()) & (F.id == 1))",
    ),
]


@pytest.mark.parametrize(("condition", "as_json", "source"), SAID, ids=[source for _, _, source in SAID])
def test_an_expression_has_this_json_and_this_source(condition: Condition, as_json: str, source: str) -> None:
    assert condition.to_json().decode() == as_json
    assert repr(condition) == source


def evaluated(source: str) -> Any:
    return eval(source, {"F": F, "any_": any_, "all_": all_})  # noqa: S307 -- our own repr


@pytest.mark.parametrize("condition", [condition for condition, _, _ in SAID], ids=repr)
def test_the_source_says_the_same_again(condition: Condition) -> None:
    again = evaluated(repr(condition))
    assert again == condition
    assert repr(again) == repr(condition)


KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["len", "in_", "class", "F", "_x"]
)


@given(st.lists(KEYS | st.integers(0, 2**32 - 1), max_size=4))
def test_every_key_and_place_can_be_reached(segments: list[str | int]) -> None:
    path = F
    for segment in segments:
        path = path[segment]
    assert json.loads(path.exists().to_json())["path"] == segments
    assert evaluated(repr(path)).exists() == path.exists()


@pytest.mark.parametrize("name", ["in_", "contains", "startswith", "endswith", "matches", "exists", "is_null", "len"])
def test_the_name_of_a_method_is_reached_as_a_key(name: str) -> None:
    assert json.loads((F[name] == 1).to_json())["path"] == [name]


def test_conditions_are_equal_where_they_say_the_same() -> None:
    assert (F.a == 1) == (F["a"] == 1)
    assert (F.a == 1) != (F.a == True)  # noqa: E712 -- what is tested
    assert (F.a == 1) != (F.b == 1)
    assert (F.a == 1) != "F.a == 1"
    assert len({F.a > 1, F["a"] > 1, F.a > 2}) == 2


def test_paths_and_lengths_can_be_keys_of_a_dict() -> None:
    paths: dict[Path | Length, int] = {F.a: 1}
    assert hash(F.a.b) == hash(F["a"]["b"])
    assert hash(F.a.len()) == hash(F["a"].len())
    assert list(paths.values()) == [1]


@pytest.mark.parametrize("attribute", ["source", "json", "other"])
def test_a_condition_does_not_change(attribute: str) -> None:
    with pytest.raises((AttributeError, TypeError)):
        setattr(F.a == 1, attribute, "x")


def test_a_path_does_not_change() -> None:
    with pytest.raises((AttributeError, TypeError)):
        setattr(F.a, "b", 1)  # noqa: B010 -- a type checker refuses the statement


@pytest.mark.parametrize("made", [F, F.a[0]["x y"], F.a.len(), F.a == 1, (F.a > 1) & ~any_(F.b, F == 1)], ids=repr)
def test_what_is_declared_can_be_copied_and_pickled(made: object) -> None:
    for again in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):  # noqa: S301 -- our own
        assert (type(again), repr(again)) == (type(made), repr(made))


def test_the_json_of_a_condition_is_not_what_the_encoder_takes() -> None:
    assert json.loads(encode({"condition": (F.a == 1).to_json().decode()}))["condition"].startswith("{")

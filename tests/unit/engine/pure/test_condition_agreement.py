"""Random conditions on random payloads, against a reference that works in another way.

The reference interprets the JSON of a condition on the spot. It pairs each value with the name of its type, has numbers
as fractions, what is missing as None where a null is a pair, and mismatches as a list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motia_fast.conditions import Condition, F, Path, all_, any_
from motia_fast.encoding import encode
from motia_fast.engine.pure.condition import Document, Verdict, compile_condition


def verdict(condition: Condition, payload: Any) -> Verdict:
    return compile_condition(condition.to_json()).evaluate(Document(encode(payload)))


class Typed(NamedTuple):
    kind: str
    value: Any


NAMES = {type(None): "null", bool: "bool", str: "string", list: "array", dict: "object"}


def typed(value: Any) -> Typed:
    return Typed(NAMES[type(value)], value) if type(value) in NAMES else Typed("number", Fraction(value))


def literal(value: Any) -> Typed:
    return typed(int(value["integer"]) if isinstance(value, dict) else value)


def lookup(value: Any, path: list[str | int]) -> Typed | None:
    containers: dict[type, Any] = {str: dict, int: list}
    for segment in path:
        try:
            value = containers[type(segment)].__getitem__(value, segment)
        except (LookupError, TypeError):
            return None
    return typed(value)


def holds(node: Any, value: Any, wrong: list[str]) -> bool:
    if node["op"] in {"and", "or"}:
        stop = node["op"] == "or"
        return next((stop for part in node["of"] if holds(part, value, wrong) is stop), not stop)
    if node["op"] == "not":
        return not holds(node["of"], value, wrong)
    found = lookup(value, node["len"] if "len" in node else node["path"])
    if found is None or node["op"] in {"exists", "is_null"}:
        return found is not None and (node["op"] == "exists" or found.kind == "null")
    if "len" in node and found.kind in {"string", "array", "object"}:
        found = Typed("number", Fraction(len(list(found.value))))
    elif "len" in node and found.kind != "null":
        found = Typed("without a length", None)
    return asked(node, found, wrong)


def asked(node: Any, found: Typed, wrong: list[str]) -> bool:
    op = node["op"]
    wanted = [literal(value) for value in node.get("values", [node.get("value")])]
    kinds = {want.kind for want in wanted}
    if op in {"any", "all"}:
        kinds = {"array"}
    elif op == "contains":
        kinds = {"array"} | (kinds & {"string"})
    elif op == "matches":
        kinds = {"string"}
    if found.kind == "null" and "null" not in kinds:
        return False
    if kinds - {"null"} and found.kind not in kinds | {"null"}:
        wrong.append(op)
        return False
    if op in {"any", "all"}:
        stop = op == "any"
        return next((stop for item in found.value if holds(node["of"], item, wrong) is stop), not stop)
    if op == "matches":
        return re.search(node["pattern"], found.value) is not None
    return OPERATORS[op](found, wanted)


def points(value: Any) -> Any:
    return [*map(ord, value)] if isinstance(value, str) else value


def has(found: Typed, wanted: Typed) -> bool:
    if found.kind == "array":
        return any(item == wanted for item in map(typed, found.value))
    return bool(found.value.find(wanted.value) >= 0)


OPERATORS: dict[str, Callable[[Typed, list[Typed]], bool]] = {
    "==": lambda found, wanted: found in wanted,
    "in": lambda found, wanted: found in wanted,
    "!=": lambda found, wanted: found not in wanted,
    "<": lambda found, wanted: bool(points(found.value) < points(wanted[0].value)),
    "<=": lambda found, wanted: not points(wanted[0].value) < points(found.value),
    ">": lambda found, wanted: bool(points(wanted[0].value) < points(found.value)),
    ">=": lambda found, wanted: not points(found.value) < points(wanted[0].value),
    "contains": lambda found, wanted: has(found, wanted[0]),
    "startswith": lambda found, wanted: bool(found.value[: len(wanted[0].value)] == wanted[0].value),
    "endswith": lambda found, wanted: bool(found.value.removesuffix(wanted[0].value) + wanted[0].value == found.value),
}

# Few paths, keys and values, so that conditions and payloads meet.
BIG = 2**53
PATHS = st.sampled_from([F, F.a, F.a, F.a, F.b, F.a.b, F.a[0], F[0].a, F["0"]])
TEXTS = ["", "a", "ab", "ba", "é", "\uffff", "\U0001f600"]
NUMERALS = [0, 1, 2, 1.0, 0.5, -0.0, BIG, BIG + 1, float(BIG), 2**64, 2**64 + 1, float(2**64)]
STRINGS = st.sampled_from(TEXTS)
NUMBERS: st.SearchStrategy[float] = st.sampled_from(NUMERALS)
SCALARS: st.SearchStrategy[Any] = st.booleans() | NUMBERS | STRINGS | st.none()
VALUES = st.recursive(
    SCALARS, lambda c: st.lists(c, max_size=3) | st.dictionaries(STRINGS, c, max_size=2), max_leaves=6
)

# Each value at each place that a path may look at. Random payloads alone seldom have there what a comparison is about.
PLAIN: list[Any] = [
    *TEXTS,
    *NUMERALS,
    True,
    False,
    None,
    [],
    {},
    [1, "a"],
    [None, True],
    [[1], {"a": 1}],
    {"a": 2, "b": ""},
]
EVERYWHERE: list[Any] = [
    shape
    for value in PLAIN
    for shape in (value, {"a": value}, {"a": 1, "b": value}, {"a": {"b": value}}, {"a": [value, 1]}, [{"a": value}])
]
DOCUMENTS = [(payload, Document(encode(payload))) for payload in EVERYWHERE]
SCALAR_LITERALS: list[Any] = [*TEXTS, *NUMERALS, True, False, None]
PATTERNS = ["", "a", "^a", "b.", "[^a]", "a$", "a|é"]


def comparisons(path: Path) -> Iterator[Condition]:
    """Every operator on the path, with every literal that it takes."""
    for value in SCALAR_LITERALS:
        yield from (Path.__eq__(path, value), Path.__ne__(path, value), path.contains(value), path.in_([value]))
        yield from (path.in_([value, 1]), path.in_([value, None, "a"]), path.in_([True, value]))
    orderable: list[Any] = [*TEXTS, *NUMERALS]
    for ordered in orderable:
        yield from (path < ordered, path <= ordered, path > ordered, path >= ordered)
    for text in TEXTS:
        yield from (path.startswith(text), path.endswith(text))
    yield from map(path.matches, PATTERNS)
    yield from (path.exists(), path.is_null(), path.in_([]))
    for n in range(3):
        size = path.len()
        yield from (size == n, size != n, size < n, size <= n, size > n, size >= n, size.in_([n, 2]), size.in_([]))


LEAVES = PATHS.flatmap(lambda path: st.sampled_from(list(comparisons(path))))


def joined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    return st.one_of(
        st.builds(Condition.__and__, inner, inner),
        st.builds(Condition.__or__, inner, inner),
        st.builds(Condition.__invert__, inner),
        st.builds(any_, PATHS, inner),
        st.builds(all_, PATHS, inner),
    )


def check(condition: Condition, documents: list[tuple[Any, Document]]) -> None:
    evaluator, node = compile_condition(condition.to_json()), json.loads(condition.to_json())
    for payload, document in documents:
        wrong: list[str] = []
        assert evaluator.evaluate(document) == (holds(node, payload, wrong), len(wrong)), payload


@pytest.mark.parametrize("path", [F, F.a], ids=repr)
def test_every_comparison_with_every_value_is_that_of_the_reference(path: Path) -> None:
    for condition in comparisons(path):
        check(condition, DOCUMENTS)


@settings(max_examples=300)
@given(st.recursive(LEAVES, joined, max_leaves=5), VALUES)
def test_the_verdict_is_that_of_the_reference(condition: Condition, value: Any) -> None:
    check(condition, [*DOCUMENTS, (value, Document(encode(value)))])


@given(VALUES, SCALARS)
def test_a_comparison_and_its_opposite_are_never_both_true(payload: Any, value: Any) -> None:
    equal, unequal = (verdict(condition, payload) for condition in (Path.__eq__(F, value), Path.__ne__(F, value)))
    assert not (equal.matched and unequal.matched)
    assert equal.mismatches == unequal.mismatches


@given(NUMBERS | st.floats(allow_nan=False, allow_infinity=False) | st.integers(), NUMBERS | st.integers())
def test_of_two_numbers_one_is_less_or_they_are_equal(one: float, other: float) -> None:
    held = [verdict(condition, one).matched for condition in (other > F, Path.__eq__(F, other), other < F)]
    assert held == [Fraction(one) < other, Fraction(one) == other, Fraction(one) > other]

"""Both engines give the same verdict, mismatches included, on the same bytes; and what is not JSON is so for both.

Each random condition meets every payload of `PAYLOADS`, and random ones, so that a run compares over 40,000 verdicts.
Payloads are spelled by hand and not by an encoder, because the spelling is what engines could read differently.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motia_fast.conditions import Condition, F, Literal, Path, all_, any_
from motia_fast.engine.pure.condition import Document, compile_condition

if importlib.util.find_spec("motia_fast._core") is None:
    pytest.skip("the Rust engine is not built here", allow_module_level=True)

#: `(condition, payload) -> (matched, mismatches)`; raises ValueError where the payload is not JSON.
rust: Callable[[bytes, bytes], tuple[bool, int]] = importlib.import_module("motia_fast._core").evaluate

NOT_JSON = "not JSON"

LARGEST = int(1.7976931348623157e308)
INTEGERS = [
    *(0, 1, 2, -1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64 - 1, 2**64, 2**64 + 1),
    *(10**22, 10**23, 99999999999999991611392, LARGEST, LARGEST + 1, 10**400),  # the fourth but last is 1e23
]
FLOATS = [0.0, -0.0, 1.0, 0.5, 2.0**53, 2.0**63, -(2.0**63), 2.0**64, 1e22, 1e23, 5e-324, float(LARGEST)]
TEXTS = ["", "a", "ab", "b", "é", "e\u0301", "\uffff", "\U0001f600", 'a"\\\n', "\0"]
PATTERNS = ["", "a", "^a", "b.", "[^a]", "a$", "a|é", r"\w\b", "^.$"]

NUMERALS = [
    *map(str, INTEGERS),
    *map(repr, FLOATS),
    *("-0", "1e0", "10e-1", "1E+0", "1.50", "1e-400", "0e999", f"1{'0' * 400}e-400", f"0.{'0' * 400}1e401"),
    *("9007199254740993.0", "9007199254740992.5", "9223372036854775807.5", "1.0000000000000000001"),
]
SPELLINGS = [
    *('""', '"a"', r'"\u0061b"', '"b"', '"é"', r'"\u00e9"', '"e\u0301"', r'"\uffff"', r'"\ud83d\ude00"'),
    *('"\U0001f600"', r'"a\"\\\n"', r'"\u0000"', r'"\/"'),
]
SCALARS = [*NUMERALS, *SPELLINGS, "true", "false", "null"]
CONTAINERS = ["[]", "{}", '[1,"a"]', "[null,true]", '[[1],{"a":1}]', '{"a":2,"b":""}', r'{"a":1,"\u0061":2}']
PLACES = ["%s", '{"a":%s}', '{"a":1,"b":%s}', '{"a":{"b":%s}}', '{"a":[%s,1]}', '[{"a":%s}]', '{"a":0,"a":[[%s]]}']
PAYLOADS = [(place % value).encode() for value in [*SCALARS, *CONTAINERS] for place in PLACES]


def pure(condition: Condition, payload: bytes) -> tuple[bool, int] | str:
    try:
        return compile_condition(condition.to_json()).evaluate(Document(payload))
    except json.JSONDecodeError:
        return NOT_JSON


def native(condition: Condition, payload: bytes) -> tuple[bool, int] | str:
    try:
        return rust(condition.to_json(), payload)
    except ValueError:
        return NOT_JSON


# ---------------------------------------------------------------- conditions

PATHS = st.sampled_from([F, F.a, F.a, F.a, F.b, F.a.b, F.a[0], F.a[0][0], F[0].a, F["0"]])


def comparisons(path: Path) -> Iterator[Condition]:
    """Every operator on the path, with every literal that it takes."""
    scalars: list[Literal] = [*TEXTS, *INTEGERS, *FLOATS, True, False, None]
    for value in scalars:
        yield from (Path.__eq__(path, value), Path.__ne__(path, value), path.contains(value), path.in_([value, 1, "a"]))
    ordered: list[str | int | float] = [*TEXTS, *INTEGERS, *FLOATS]
    for bound in ordered:
        yield from (path < bound, path <= bound, path > bound, path >= bound)
    for text in TEXTS:
        yield from (path.startswith(text), path.endswith(text))
    yield from map(path.matches, PATTERNS)
    yield from (path.exists(), path.is_null(), path.in_([]), path.in_([None]), path.in_([*scalars[:12], None]))
    for n in range(3):
        size = path.len()
        yield from (size == n, size != n, size < n, size <= n, size > n, size >= n, size.in_([n, 2]), size.in_([]))


def joined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    return st.one_of(
        st.builds(Condition.__and__, inner, inner),
        st.builds(Condition.__or__, inner, inner),
        st.builds(Condition.__invert__, inner),
        st.builds(any_, PATHS, inner),
        st.builds(all_, PATHS, inner),
    )


LEAVES = PATHS.flatmap(lambda path: st.sampled_from(list(comparisons(path))))
CONDITIONS = st.recursive(LEAVES, joined, max_leaves=5)

# ---------------------------------------------------------------- payloads

KEYS = st.sampled_from(['"a"', '"b"', r'"\u0061"', '""', '"0"'])


def containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = st.lists(inner, max_size=3).map(lambda items: f"[{' ,'.join(items)}]")
    entries = st.lists(st.tuples(KEYS, inner).map(": ".join), max_size=3).map(
        lambda entries: f"{{{','.join(entries)}}}"
    )
    return items | entries


TREES = st.recursive(st.sampled_from(SCALARS), containers, max_leaves=6).map(str.encode)

#: What a payload is damaged with.
DAMAGE = st.sampled_from(
    [
        *(b"", b" ", b"\n", b"\0", b"\x0c", b"[", b"]", b"{", b"}", b",", b":", b"tru", b"NaN"),
        *(b"0", b"-", b"+", b".", b"e", b"1e400", b"9" * 20),
        *(b'"', b"\\", rb"\u", rb"\ud83d", rb"\ude00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf"),
    ]
)


@settings(max_examples=100, deadline=None)
@given(CONDITIONS, st.lists(TREES, max_size=3))
def test_both_engines_give_the_same_verdict(condition: Condition, payloads: list[bytes]) -> None:
    evaluator = compile_condition(condition.to_json())
    for payload in [*PAYLOADS, *payloads]:
        assert native(condition, payload) == evaluator.evaluate(Document(payload)), payload


@pytest.mark.parametrize("path", [F, F.a], ids=repr)
def test_every_comparison_with_every_value_is_alike(path: Path) -> None:
    values = [document for document in PAYLOADS if document.startswith(b'{"a":') is (path is not F)][::3]
    documents = [(payload, Document(payload)) for payload in values]
    for condition in comparisons(path):
        evaluator = compile_condition(condition.to_json())
        for payload, document in documents:
            assert native(condition, payload) == evaluator.evaluate(document), (condition, payload)


@settings(max_examples=1000, deadline=None)
@given(TREES, DAMAGE, st.integers(0, 60), st.integers(0, 2))
def test_what_is_no_json_is_none_for_both(payload: bytes, damage: bytes, at: int, cut: int) -> None:
    damaged = payload[:at] + damage + payload[at + cut :]
    for condition in (F.exists(), F.nobody.has.this == 1):
        assert native(condition, damaged) == pure(condition, damaged)


EDGES = {
    "nothing": b"",
    "white space": b" ",
    "1024 arrays": b"[" * 1024 + b"]" * 1024,
    "1025 arrays": b"[" * 1025 + b"]" * 1025,
    "1024 objects": b'{"a":' * 1024 + b"1" + b"}" * 1024,
    "1025 objects": b'{"a":' * 1025 + b"1" + b"}" * 1025,
    "open arrays": b"[" * 100_000,
    "4300 digits": b"9" * 4300,
    "4300 digits and a sign": b"-" + b"9" * 4300,
    "4301 digits": b"9" * 4301,
    "rounded to the largest float": b"1.7976931348623158e308",
    "rounded beyond the largest float": b"1.7976931348623159e308",
    "1e400, written out": b"1" + b"0" * 400 + b".0",
    "a large exponent": b"1e99999999999999999999",
    "a small exponent": b"1e-99999999999999999999",
    "1.0 from far behind the point": b"0.%s1e700001" % (b"0" * 700_000),
    "1e309 from far behind the point": b"0.%s1e700310" % (b"0" * 700_000),
    "a control character": b'"%s\x1f"' % (b"a" * 7),
    "a string behind a string": b'{"a":"\xf0\x9f\x98\x80""b"}',
}


@pytest.mark.parametrize("payload", EDGES.values(), ids=EDGES)
def test_the_edges_of_json_are_the_same(payload: bytes) -> None:
    for condition in (F.a.len() == 1, F > 0, F.nobody.has.this == 1):
        assert native(condition, payload) == pure(condition, payload)

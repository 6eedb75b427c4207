"""What conditions mean: tables of decided cases."""

from __future__ import annotations

import json

import pytest

from motia_fast.conditions import MAX_DEPTH, Condition, F, all_, any_
from motia_fast.engine.pure.condition import Document, Verdict, compile_condition
from motia_fast.errors import ConditionError


def verdict(condition: Condition, payload: bytes) -> Verdict:
    return compile_condition(condition.to_json()).evaluate(Document(payload))


YES, NO, MISMATCH = Verdict(matched=True, mismatches=0), Verdict(matched=False, mismatches=0), Verdict(False, 1)

BIG = 2**53

MEANING: dict[str, list[tuple[Condition, str, Verdict]]] = {
    "equality": [
        (F.a == 1, '{"a":1}', YES),
        (F.a == 1, '{"a":2}', NO),
        (F.a == 1, '{"a":1.0}', YES),  # by value
        (F.a == "x", '{"a":"x"}', YES),
        (F.a == "x", '{"a":"X"}', NO),
        (F.a == True, '{"a":true}', YES),  # noqa: E712 -- what is tested
        (F.a != 1, '{"a":2}', YES),
        (F.a != 1, '{"a":1.0}', NO),
        (F == "x", '"x"', YES),
        (F == 1, "1", YES),
    ],
    "missing: false, != too": [
        (F.a == 1, "{}", NO),
        (F.a != 1, "{}", NO),
        (F.a > 1, "{}", NO),
        (F.a == None, "{}", NO),  # noqa: E711 -- what is tested
        (F.a != None, "{}", NO),  # noqa: E711 -- what is tested
        (F.a.in_([1]), "{}", NO),
        (F.a.in_([None]), "{}", NO),
        (F.a.contains(1), "{}", NO),
        (F.a.len() == 0, "{}", NO),
        (F.a.len() != 0, "{}", NO),
        (any_(F.a, F == 1), "{}", NO),
        (all_(F.a, F == 1), "{}", NO),
        (F.a.b == 1, '{"a":1}', NO),  # a number has no keys, so that nothing is there: no mismatch
        (F.a[0] == 1, '{"a":{"0":1}}', NO),  # nor has an object places
        (F.a["0"] == 1, '{"a":[1]}', NO),  # nor an array keys
        (F.a[1] == 1, '{"a":[1]}', NO),
        (F.a[0] == "x", '{"a":"xyz"}', NO),
        (F.a == 1, "[]", NO),
    ],
    "null: as missing, except where None is meant": [
        (F.a == 1, '{"a":null}', NO),
        (F.a != 1, '{"a":null}', NO),
        (F.a < 1, '{"a":null}', NO),
        (F.a.len() == 0, '{"a":null}', NO),
        (F.a.contains("x"), '{"a":null}', NO),
        (any_(F.a, F == 1), '{"a":null}', NO),
        (F.a == None, '{"a":null}', YES),  # noqa: E711 -- what is tested
        (F.a != None, '{"a":null}', NO),  # noqa: E711 -- what is tested
        (F.a == None, '{"a":0}', NO),  # noqa: E711 -- what is tested
        (F.a != None, '{"a":[]}', YES),  # noqa: E711 -- what is tested
        (F.a.in_([1, None]), '{"a":null}', YES),
        (F.a.in_([1]), '{"a":null}', NO),
        (F.a.contains(None), '{"a":[null]}', YES),
    ],
    "another type: false, != too, and counted": [
        (F.a == 1, '{"a":"1"}', MISMATCH),
        (F.a != 1, '{"a":"1"}', MISMATCH),
        (F.a == "1", '{"a":1}', MISMATCH),
        (F.a != "1", '{"a":[]}', MISMATCH),
        (F.a > 1, '{"a":"2"}', MISMATCH),
        (F.a > "1", '{"a":2}', MISMATCH),
        (F.a > 1, '{"a":{}}', MISMATCH),
        (F.a.startswith("x"), '{"a":1}', MISMATCH),
        (F.a.endswith("x"), '{"a":["x"]}', MISMATCH),
        (F.a.matches("x"), '{"a":true}', MISMATCH),
        (F.a.contains("x"), '{"a":1}', MISMATCH),
        (F.a.contains("x"), '{"a":{"x":1}}', MISMATCH),
        (F.a.contains(1), '{"a":"1"}', MISMATCH),
        (F.a.in_([1, 2]), '{"a":"1"}', MISMATCH),
        (F.a.in_([1, None]), '{"a":"1"}', MISMATCH),
        (F.a.len() == 1, '{"a":1}', MISMATCH),
        (F.a.len() != 1, '{"a":true}', MISMATCH),
        (any_(F.a, F == 1), '{"a":{}}', MISMATCH),
        (all_(F.a, F == 1), '{"a":"x"}', MISMATCH),
    ],
    "a bool is no number": [
        (F.a == 1, '{"a":true}', MISMATCH),
        (F.a == True, '{"a":1}', MISMATCH),  # noqa: E712 -- what is tested
        (F.a >= 0, '{"a":false}', MISMATCH),
        (F.a.in_([1, 0]), '{"a":true}', MISMATCH),
        (F.a.in_([True]), '{"a":1}', MISMATCH),
        (F.a.in_([1, False]), '{"a":true}', NO),  # a bool is taken, and is not 1
        (F.a.contains(1), '{"a":[true]}', NO),
        (F.a.contains(False), '{"a":[0]}', NO),
        (F.a.contains(False), '{"a":[0, false]}', YES),
    ],
    "order": [
        (F.a < 2, '{"a":1}', YES),
        (F.a < 2, '{"a":2}', NO),
        (F.a <= 2, '{"a":2.0}', YES),
        (F.a > 1.5, '{"a":2}', YES),
        (F.a >= 2, '{"a":1.9}', NO),
        (F.a < 0, '{"a":-0.0}', NO),
        (F.a < "b", '{"a":"a"}', YES),
        (F.a < "b", '{"a":"B"}', YES),  # capitals come first
        (F.a < "b", '{"a":"ab"}', YES),
        (F.a > "\uffff", '{"a":"\U0001f600"}', YES),  # by code point, where UTF-16 has it the other way round
        (F.a > "z", '{"a":"é"}', YES),
    ],
    "numbers are exact": [
        (F.a == float(BIG), f'{{"a":{BIG + 1}}}', NO),  # which a conversion to float makes equal
        (F.a > float(BIG), f'{{"a":{BIG + 1}}}', YES),
        (F.a == BIG + 1, f'{{"a":{BIG}.0}}', NO),
        (F.a == 2**64, f'{{"a":{2**64}}}', YES),
        (F.a == 2**64, f'{{"a":{2**64 + 1}}}', NO),
        (F.a < 2**64 + 1, f'{{"a":{2**64}}}', YES),
        (F.a == float(2**64), f'{{"a":{2**64}}}', YES),
        (F.a == float(2**64), f'{{"a":{2**64 + 1}}}', NO),
        (F.a > 1e308, '{"a":1' + "0" * 400 + "}", YES),
        (F.a == -(2**63) - 1, f'{{"a":{-(2**63) - 1}}}', YES),
        (F.a.in_([2**64]), f'{{"a":{2**64}}}', YES),
        (F.a.contains(2**64), f'{{"a":[{2**64}]}}', YES),
        (F.a == 0.1, '{"a":0.1}', YES),
        (F.a == 1, '{"a":1e0}', YES),
    ],
    "in_": [
        (F.a.in_(["x", "y"]), '{"a":"y"}', YES),
        (F.a.in_(["x", "y"]), '{"a":"z"}', NO),
        (F.a.in_(["x", 1]), '{"a":1.0}', YES),
        (F.a.in_(["x", 1]), '{"a":2}', NO),
        (F.a.in_([]), '{"a":1}', NO),  # no type is named, so that none is wrong
        (F.a.in_([None]), '{"a":1}', NO),
    ],
    "contains": [
        (F.a.contains("ell"), '{"a":"hello"}', YES),
        (F.a.contains("elo"), '{"a":"hello"}', NO),
        (F.a.contains(""), '{"a":""}', YES),
        (F.a.contains("x"), '{"a":["y","x"]}', YES),
        (F.a.contains("x"), '{"a":["xy"]}', NO),  # an item, not a part of one
        (F.a.contains(1), '{"a":["1",[1],1.0]}', YES),
        (F.a.contains(1), '{"a":["1",[1],{"1":1}]}', NO),  # items of other types are no mismatch
        (F.a.contains("x"), '{"a":[]}', NO),
    ],
    "strings": [
        (F.a.startswith("ab"), '{"a":"abc"}', YES),
        (F.a.startswith("b"), '{"a":"abc"}', NO),
        (F.a.endswith("bc"), '{"a":"abc"}', YES),
        (F.a.endswith(""), '{"a":"abc"}', YES),
        (F.a.startswith("é"), '{"a":"e\u0301"}', NO),  # no normalisation
        (F.a.matches("b"), '{"a":"abc"}', YES),  # a search
        (F.a.matches("^b"), '{"a":"abc"}', NO),
        (F.a.matches("c$"), '{"a":"abc\\n"}', NO),  # the very end
        (F.a.matches(r"^[\w.]+@\w+\.\w{2,}$"), '{"a":"ada.l@example.org"}', YES),
        (F.a.matches(r"^\d+$"), '{"a":"\u0663"}', NO),  # ASCII digits
    ],
    "exists and is_null": [
        (F.a.exists(), '{"a":null}', YES),
        (F.a.exists(), "{}", NO),
        (F.exists(), "null", YES),
        (F.a.is_null(), '{"a":null}', YES),
        (F.a.is_null(), '{"a":0}', NO),
        (F.a.is_null(), "{}", NO),
    ],
    "len": [
        (F.a.len() == 2, '{"a":[1,[2]]}', YES),
        (F.a.len() == 2, '{"a":{"x":1,"y":2}}', YES),
        (F.a.len() == 2, '{"a":"é\U0001f600"}', YES),  # code points
        (F.a.len() > 0, '{"a":""}', NO),
        (F.a.len().in_([1, 2]), '{"a":[0]}', YES),
        (F.len() == 1, '{"a":1}', YES),
        (F.a.len() == 1, '{"a":{"x":1,"x":2}}', YES),  # of equal keys the last counts
    ],
    "any_ and all_": [
        (any_(F.a, F.p > 10), '{"a":[{"p":1},{"p":11}]}', YES),
        (any_(F.a, F.p > 10), '{"a":[{"p":1},{}]}', NO),
        (all_(F.a, F.p > 10), '{"a":[{"p":12},{"p":11}]}', YES),
        (all_(F.a, F.p > 10), '{"a":[{"p":12},{}]}', NO),
        (any_(F.a, F == "x"), '{"a":["y","x"]}', YES),
        (any_(F.a, F == 1), '{"a":[]}', NO),
        (all_(F.a, F == 1), '{"a":[]}', YES),
        (any_(F, F == 1), "[0,1]", YES),
        (any_(F.a, all_(F.b, F.c == 1)), '{"a":[{"b":[{"c":2}]},{"b":[{"c":1}]}]}', YES),
        (any_(F.a, F == 1), '{"a":["x","y",1]}', Verdict(matched=True, mismatches=2)),
        (any_(F.a, F == 1), '{"a":[1,"x","y"]}', YES),  # stops at the first
        (all_(F.a, F == 1), '{"a":[1,"x","y"]}', MISMATCH),  # stops at the first that is not
    ],
    "negation is real": [
        (~(F.a == 1), "{}", YES),
        (~(F.a == 1), '{"a":null}', YES),
        (~(F.a == 1), '{"a":"1"}', Verdict(matched=True, mismatches=1)),
        (~(F.a != 1), "{}", YES),
        (~(F.a == 1), '{"a":1}', NO),
        (~~(F.a == 1), '{"a":1}', YES),
        (~any_(F.a, F == 1), '{"a":[]}', YES),
    ],
    "left to right, and no further than needed": [
        ((F.a == 1) & (F.b == 1), '{"a":1,"b":1}', YES),
        ((F.a == 1) & (F.b == 1), '{"a":1,"b":"x"}', MISMATCH),
        ((F.a == 1) & (F.b == 1), '{"a":2,"b":"x"}', NO),
        ((F.a == 1) | (F.b == 1), '{"a":1,"b":"x"}', YES),
        ((F.a == 1) | (F.b == 1), '{"a":"x","b":1}', Verdict(matched=True, mismatches=1)),
        ((F.a == 1) | (F.b == 1), '{"a":"x","b":"x"}', Verdict(matched=False, mismatches=2)),
        ((F.a == 1) | (F.b == 1) & (F.c == 1), '{"b":1,"c":1}', YES),
    ],
    "paths": [
        (F.a.b.c == 1, '{"a":{"b":{"c":1}}}', YES),
        (F["a b"]["_x"] == 1, '{"a b":{"_x":1}}', YES),
        (F.a[1].b == 1, '{"a":[0,{"b":1}]}', YES),
        (F[0] == 1, "[1]", YES),
        (F["len"] == 1, '{"len":1}', YES),
        (F.a == 2, '{"a":1,"a":2}', YES),
        (F[""] == 1, '{"":1}', YES),
    ],
}
CASES = [pytest.param(*row, id=f"{about}, {n}") for about, rows in MEANING.items() for n, row in enumerate(rows)]


@pytest.mark.parametrize(("condition", "payload", "expected"), CASES)
def test_the_meaning(condition: Condition, payload: str, expected: Verdict) -> None:
    assert verdict(condition, payload.encode()) == expected


# ---------------------------------------------------------------- documents


def test_a_document_is_decoded_once_for_all_conditions() -> None:
    document = Document(b'{"a":1}')
    assert document.root is document.root
    assert compile_condition((F.a == 1).to_json()).evaluate(document).matched
    assert compile_condition((F.a == 2).to_json()).evaluate(document).matched is False


def test_a_document_that_nothing_looks_at_is_not_decoded() -> None:
    Document(b"not JSON")


def test_a_document_that_is_not_json_raises_where_it_is_looked_at() -> None:
    with pytest.raises(json.JSONDecodeError):
        verdict(F.a == 1, b"not JSON")


def test_a_null_document_is_decoded_once_too() -> None:
    document = Document(b"null")
    assert [document.root, document.root] == [None, None]


# ---------------------------------------------------------------- JSON that no expression makes

WRONG = [
    b"not JSON",
    b"null",
    b"[]",
    b'"=="',
    b"{}",
    b'{"op":1}',
    b'{"op":[]}',
    b'{"op":"xor","of":[]}',
    b'{"op":"and"}',
    b'{"op":"and","of":[]}',
    b'{"op":"and","of":{}}',
    b'{"op":"or","of":[1]}',
    b'{"op":"not","of":[]}',
    b'{"op":"=="}',
    b'{"op":"==","path":["a"]}',
    b'{"op":"==","value":1}',
    b'{"op":"==","path":"a","value":1}',
    b'{"op":"==","path":[null],"value":1}',
    b'{"op":"==","path":[true],"value":1}',
    b'{"op":"==","path":[-1],"value":1}',
    b'{"op":"==","path":[1.0],"value":1}',
    b'{"op":"==","path":["a"],"value":[]}',
    b'{"op":"==","path":["a"],"value":{}}',
    b'{"op":"==","path":["a"],"value":{"integer":"x"}}',
    b'{"op":"==","path":["a"],"value":{"integer":null}}',
    b'{"op":"==","len":["a"],"value":null}',
    b'{"op":"==","len":["a"],"value":true}',
    b'{"op":"<","path":["a"],"value":null}',
    b'{"op":"<","path":["a"],"value":true}',
    b'{"op":"in","path":["a"],"values":1}',
    b'{"op":"in","path":["a"],"values":[[]]}',
    b'{"op":"startswith","path":["a"],"value":1}',
    b'{"op":"matches","path":["a"],"pattern":1}',
    b'{"op":"matches","path":["a"],"pattern":"(?=a)"}',
    b'{"op":"any","of":{"op":"exists","path":[]}}',
    b'{"op":"any","path":[]}',
    b'{"op":"not","of":' * MAX_DEPTH + b'{"op":"exists","path":[]}' + b"}" * MAX_DEPTH,
]


@pytest.mark.parametrize("condition", WRONG)
def test_what_is_no_condition_is_refused(condition: bytes) -> None:
    with pytest.raises(ConditionError):
        compile_condition(condition)


def test_the_deepest_condition_that_can_be_declared_can_be_evaluated() -> None:
    condition = F.a == 1
    for _ in range(MAX_DEPTH - 1):
        condition = ~condition
    assert verdict(condition, b'{"a":1}').matched is (MAX_DEPTH % 2 == 1)

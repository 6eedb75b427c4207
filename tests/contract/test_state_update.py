"""State updates: operations at places inside a value, all of them atomic."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from motia_fast.contract import OpKind, StateWrite, UpdateOp
from motia_fast.errors import PayloadTooLarge, UpdateRefused, VersionConflict
from tests.contract.rig import Rig
from tests.contract.verbs import item, set_state, value, write

if TYPE_CHECKING:
    from motia_fast.contract import Engine

REMOVED = object()


def op(kind: OpKind, *path: str | int, to: object = REMOVED) -> UpdateOp:
    return UpdateOp(kind, path, None if to is REMOVED else json.dumps(to).encode())


def update(engine: Engine, *ops: UpdateOp, **options: Any) -> Any:
    return write(engine, StateWrite("g", "k", ops=ops, **options)).changes[0]


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ({"a": 1}, op("set", "a", to=2), {"a": 2}),
        ({"a": 1}, op("set", to=[1]), [1]),
        ({}, op("set", "a", "b", "c", to=1), {"a": {"b": {"c": 1}}}),
        ({"a": {"x": 1}}, op("set", "a", "b", to=2), {"a": {"x": 1, "b": 2}}),
        ({"a": [1, 2, 3]}, op("set", "a", 1, to=9), {"a": [1, 9, 3]}),
        ({"a": [{"b": 1}]}, op("set", "a", 0, "b", to=2), {"a": [{"b": 2}]}),
        ({"a.b": 1}, op("set", "a.b", to=2), {"a.b": 2}),
        ({"a": 1, "b": {"x": 1}}, op("merge", to={"b": {"y": 2}, "c": 3}), {"a": 1, "b": {"y": 2}, "c": 3}),
        ({"a": {"x": 1}}, op("merge", "a", to={"y": 2}), {"a": {"x": 1, "y": 2}}),
        ({}, op("merge", "a", to={"y": 2}), {"a": {"y": 2}}),
        ({"n": 1}, op("increment", "n", to=2), {"n": 3}),
        ({"n": 1}, op("increment", "n", to=0.5), {"n": 1.5}),
        ({"n": 0.5}, op("increment", "n", to=1), {"n": 1.5}),
        ({"n": 1}, op("decrement", "n", to=3), {"n": -2}),
        ({}, op("increment", "n", to=2), {"n": 2}),
        ({}, op("decrement", "n", to=2), {"n": -2}),
        (5, op("increment", to=2), 7),
        ({"a": [1]}, op("append", "a", to=2), {"a": [1, 2]}),
        ({"a": [1]}, op("append", "a", to=[2]), {"a": [1, [2]]}),
        ({}, op("append", "a", to=1), {"a": [1]}),
        ([], op("append", to=1), [1]),
        ({"a": 1, "b": 2}, op("remove", "a"), {"b": 2}),
        ({"a": {"b": 1}}, op("remove", "a", "b"), {"a": {}}),
        ({"a": [1, 2, 3]}, op("remove", "a", 1), {"a": [1, 3]}),
        ({"b": 2}, op("remove", "a"), {"b": 2}),
        ({"b": 2}, op("remove", "a", "b", "c"), {"b": 2}),
        ({"a": [1]}, op("remove", "a", 7), {"a": [1]}),
    ],
    ids=str,
)
def test_an_operation_changes_its_place_alone(engine: Engine, before: object, change: UpdateOp, after: object) -> None:
    set_state(engine, "g", "k", before)
    update(engine, change)
    found = value(engine, "g", "k")
    assert found == after
    assert json.dumps(found) == json.dumps(after)  # an int stays an int, and keys keep their order


@pytest.mark.parametrize(
    ("change", "after"),
    [
        (op("set", "a", to=1), {"a": 1}),
        (op("set", to=1), 1),
        (op("merge", to={"a": 1}), {"a": 1}),
        (op("increment", to=2), 2),
        (op("increment", "n", to=2), {"n": 2}),
        (op("append", to=1), [1]),
    ],
    ids=str,
)
def test_an_operation_on_an_item_that_does_not_exist_makes_it(engine: Engine, change: UpdateOp, after: object) -> None:
    made = update(engine, change)
    assert (made.old, made.version) == (None, 1)
    assert value(engine, "g", "k") == after


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({"n": "one"}, op("increment", "n", to=1)),
        ({"n": None}, op("increment", "n", to=1)),
        ({"n": True}, op("increment", "n", to=1)),
        ({"n": 1}, op("increment", "n", to="1")),
        ({"n": 1}, op("decrement", "n", to=[1])),
        ({"a": {}}, op("append", "a", to=1)),
        ({"a": "text"}, op("append", "a", to=1)),
        ({"a": [1]}, op("merge", "a", to={"x": 1})),
        ({"a": 1}, op("merge", "a", to={"x": 1})),
        ({"a": {}}, op("merge", "a", to=[1])),
        ({"a": 1}, op("set", "a", "b", to=1)),
        ({"a": "text"}, op("set", "a", 0, to="T")),
        ({"a": [1]}, op("set", "a", 5, to=1)),
        ({"a": [1]}, op("set", "a", "x", to=1)),
    ],
    ids=str,
)
def test_an_operation_that_does_not_fit_the_value_is_refused_and_writes_nothing(
    engine: Engine, before: object, change: UpdateOp
) -> None:
    set_state(engine, "g", "k", before)
    committed = engine.committed
    with pytest.raises(UpdateRefused, match="g/k"):
        update(engine, op("set", "other", to=1), change)
    assert engine.committed == committed
    assert value(engine, "g", "k") == before


def test_operations_of_an_update_see_each_other_in_order(engine: Engine) -> None:
    update(
        engine,
        op("set", "items", to=[]),
        op("append", "items", to="a"),
        op("append", "items", to="b"),
        op("increment", "count", to=2),
        op("decrement", "count", to=1),
        op("remove", "items", 0),
    )
    assert value(engine, "g", "k") == {"items": ["b"], "count": 1}


def test_an_update_is_one_version_and_returns_what_was_and_what_is(engine: Engine) -> None:
    set_state(engine, "g", "k", {"n": 1})
    changed = update(engine, op("increment", "n", to=1), op("increment", "n", to=1))
    assert (json.loads(changed.old), json.loads(changed.new), changed.version) == ({"n": 1}, {"n": 3}, 2)


def test_an_update_checks_the_expected_version(engine: Engine) -> None:
    set_state(engine, "g", "k", {"n": 1})
    with pytest.raises(VersionConflict):
        update(engine, op("increment", "n", to=1), expected_version=4)
    update(engine, op("increment", "n", to=1), expected_version=1)
    assert value(engine, "g", "k") == {"n": 2}


def test_an_update_that_grows_a_value_over_the_limit_is_refused(rig: Rig) -> None:
    engine = rig.open(max_value=100)
    set_state(engine, "g", "k", {"a": "x" * 60})
    with pytest.raises(PayloadTooLarge):
        update(engine, op("set", "b", to="y" * 60))
    assert value(engine, "g", "k") == {"a": "x" * 60}


def race(engine: Engine) -> None:
    """400 increments from 4 threads."""

    def increment() -> None:
        for _ in range(100):
            engine.wait(write(engine, StateWrite("g", "k", ops=(op("increment", "n", to=1),))).commit)

    threads = [threading.Thread(target=increment) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_increments_that_race_all_count_although_nothing_stays_in_memory(rig: Rig) -> None:
    engine = rig.open(state_cache_bytes=0)
    race(engine)
    assert value(engine, "g", "k") == {"n": 400}


def test_increments_that_race_all_count(engine: Engine) -> None:
    race(engine)
    found = item(engine, "g", "k")
    assert found is not None
    assert (json.loads(found.value), found.version) == ({"n": 400}, 400)


def test_an_increment_beyond_64_bits_is_exact_or_refused(engine: Engine) -> None:
    set_state(engine, "g", "k", 2**63 - 1)
    try:
        update(engine, op("increment", to=2**63 - 1))
    except UpdateRefused:
        assert value(engine, "g", "k") == 2**63 - 1
    else:
        assert value(engine, "g", "k") == 2**64 - 2


def test_increments_of_floats_never_make_what_json_cannot_hold(engine: Engine) -> None:
    set_state(engine, "g", "k", 1.7e308)
    with pytest.raises(UpdateRefused):
        update(engine, op("increment", to=1.7e308))
    assert value(engine, "g", "k") == 1.7e308


def test_other_members_of_a_value_come_back_as_they_were(engine: Engine) -> None:
    write(engine, StateWrite("g", "k", b'{"big": 123456789012345678901234567890, "n": 1}'))
    update(engine, op("increment", "n", to=1))
    assert value(engine, "g", "k") == {"big": 123456789012345678901234567890, "n": 2}


def test_an_increment_of_what_no_float_holds_by_a_float_is_refused(engine: Engine) -> None:
    set_state(engine, "g", "k", 10**309)  # a float ends at 1.8e308
    with pytest.raises(UpdateRefused, match="310 digits"):
        update(engine, op("increment", to=0.5))
    assert value(engine, "g", "k") == 10**309


def test_a_path_longer_than_any_value_is_deep_is_refused(engine: Engine) -> None:
    set_state(engine, "g", "k", {})
    with pytest.raises(UpdateRefused, match="2000 segments"):
        update(engine, op("set", *["a"] * 2_000, to=1))
    assert value(engine, "g", "k") == {}

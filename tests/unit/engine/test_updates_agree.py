"""Random updates of random values: both engines keep the same value, or refuse with the same text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from motia_fast.contract import OpKind, StateWrite, UpdateOp
from motia_fast.errors import UpdateRefused
from tests.contract.engines import ENGINES
from tests.contract.rig import Rig
from tests.contract.verbs import item, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from motia_fast.contract import Engine, Segments

pytestmark = pytest.mark.skipif(len(ENGINES) < 2, reason="there is one engine only")

KEYS = ["a", "b", "n", "", "a.b", "0", "-1", "it's", "\n", "é", "日", "\xa0", "\u0301", "\U0001f600"]

# Up to 300 digits: a float holds them, so that none of the sums is beyond it before it is written.
big = st.integers(-300, 300).flatmap(lambda digits: st.integers(-9, 9).map(lambda n: n + 10 ** abs(digits)))
integers = st.integers(-10, 10) | st.integers(-(2**65), 2**65) | big
floats = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([-0.0, 1e16, 1e-7, 1e22, 1.7e308, -1.7e308])
numbers = integers | floats
text = st.text(st.characters(codec="utf-8"), max_size=8)
keys = st.sampled_from(KEYS) | text
scalars = st.none() | st.booleans() | numbers | text
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)

KINDS: list[OpKind] = ["set", "merge", "increment", "decrement", "append", "remove"]
FITTING: dict[OpKind, st.SearchStrategy[Any]] = {
    "set": values,
    "merge": st.dictionaries(keys, values, max_size=4),
    "increment": numbers,
    "decrement": numbers,
    "append": values,
}


class Update(NamedTuple):
    before: bytes | None
    ops: tuple[UpdateOp, ...]


def spelled(value: object, draw: st.DrawFn) -> bytes:
    """JSON as some program may write it."""
    return json.dumps(value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, None, 1]))).encode()


def place(value: Any, draw: st.DrawFn) -> tuple[Segments, Any]:
    """A place that is there, and what is there; or one beyond it, which has nothing."""
    path: list[str | int] = []
    while isinstance(value, dict | list) and value and draw(st.integers(0, 3)):
        step = draw(st.sampled_from(list(value)) if isinstance(value, dict) else st.integers(0, len(value) - 1))
        path.append(step)
        value = value[step]
    if draw(st.integers(0, 4)):
        return tuple(path), value
    return (*path, *draw(st.lists(st.sampled_from(KEYS) | st.integers(-2, 5), min_size=1, max_size=2))), None


def kinds(found: object) -> list[OpKind]:
    """What fits there."""
    match found:
        case dict():
            return ["merge", "set", "remove"]
        case list():
            return ["append", "set", "remove"]
        case bool() | str():
            return ["set", "remove"]
        case int() | float():
            return ["increment", "decrement"]
        case _:
            return KINDS


def operation(value: Any, draw: st.DrawFn) -> UpdateOp:
    """Most fit, if none did before it."""
    path, found = place(value, draw)
    kind = draw(st.sampled_from(kinds(found) if draw(st.integers(0, 7)) else KINDS))
    if kind == "remove" or not draw(st.integers(0, 15)):
        return UpdateOp(kind, path)
    return UpdateOp(kind, path, spelled(draw(FITTING[kind] if draw(st.integers(0, 15)) else values), draw))


@st.composite
def updates(draw: st.DrawFn) -> Update:
    value = draw(values)
    ops = tuple(operation(value, draw) for _ in range(draw(st.sampled_from([1, 1, 2, 4]))))
    return Update(spelled(value, draw) if draw(st.integers(0, 9)) else None, ops)


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[list[Engine]]:
    rigs = [Rig(name, tmp_path / name) for name in ENGINES]
    yield [rig.open(durability="memory") for rig in rigs]
    for rig in rigs:
        rig.end()


def outcome(engine: Engine, update: Update) -> tuple[str, int]:
    """The value afterwards, as exactly as Python knows it, or the error; and the version."""
    try:
        (change,) = write(engine, StateWrite("g", "k", ops=update.ops)).changes
    except UpdateRefused as error:
        found = item(engine, "g", "k")
        return str(error), found.version if found else 0
    assert change.new is not None
    return repr(json.loads(change.new)), change.version  # 1 is not 1.0, and members have an order


@given(updates())
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_update_does_the_same_in_both_engines(engines: list[Engine], update: Update) -> None:
    outcomes = []
    for engine in engines:
        write(engine, StateWrite("g", "k", update.before, delete=update.before is None))
        outcomes.append(outcome(engine, update))
    assert outcomes[0] == outcomes[1]

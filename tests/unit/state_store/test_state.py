"""State as users call it, async and blocking, on the real engine."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from motia_fast import App
from motia_fast.errors import NotEncodable, PayloadTooLarge, UpdateRefused, ValidationFailed, VersionConflict
from motia_fast.state_store import Change
from motia_fast.state_store.values import PAGE
from motia_fast.testing import Harness


class Order(BaseModel):
    id: str
    quantity: int


class Both:
    """Calls `app.state`, or `app.sync.state` in a thread: every test below is one of the two."""

    def __init__(self, app: App, kind: str) -> None:
        self._app, self._kind = app, kind

    async def __call__(self, verb: str, *args: Any, **options: Any) -> Any:
        if self._kind == "async":
            return await getattr(self._app.state, verb)(*args, **options)
        return await asyncio.to_thread(getattr(self._app.sync.state, verb), *args, **options)

    async def scanned(self, group: str) -> list[str]:
        if self._kind == "async":
            return [key async for key, _ in self._app.state.scan(group)]
        return await asyncio.to_thread(lambda: [key for key, _ in self._app.sync.state.scan(group)])


@pytest.fixture(params=["async", "blocking"])
async def state(request: pytest.FixtureRequest) -> Any:
    app = App("test")
    async with Harness(app):
        yield Both(app, request.param)


async def test_set_returns_what_was_and_is(state: Both) -> None:
    assert await state("set", "g", "k", {"a": 1}) == Change(None, {"a": 1}, 1)
    assert await state("set", "g", "k", [2]) == Change({"a": 1}, [2], 2)


async def test_get_gives_the_value_or_the_default(state: Both) -> None:
    await state("set", "g", "k", None)
    assert await state("get", "g", "k", "default") is None
    assert await state("get", "g", "other") is None
    assert await state("get", "g", "other", "default") == "default"


async def test_each_get_is_a_fresh_object(state: Both) -> None:
    await state("set", "g", "k", {"xs": [1]})
    (await state("get", "g", "k"))["xs"].append(2)
    assert await state("get", "g", "k") == {"xs": [1]}


async def test_get_validates_as_a_model(state: Both) -> None:
    await state("set", "g", "k", Order(id="a", quantity=2))
    assert await state("get", "g", "k", as_=Order) == Order(id="a", quantity=2)
    assert await state("list", "g", as_=Order) == [Order(id="a", quantity=2)]
    await state("set", "g", "k", {"id": "a"})
    with pytest.raises(ValidationFailed, match="state g/k"):
        await state("get", "g", "k", as_=Order)


async def test_delete_returns_what_was(state: Both) -> None:
    await state("set", "g", "k", 1)
    assert await state("delete", "g", "k") == 1
    assert await state("delete", "g", "k") is None
    assert await state("get", "g", "k") is None


async def test_lists_are_in_the_order_of_the_first_set(state: Both) -> None:
    for key in ("b", "a", "c"):
        await state("set", "g", key, key.upper())
    await state("set", "g", "b", "again")
    assert await state("list", "g") == await state("get_group", "g") == ["again", "A", "C"]
    assert await state("keys", "g") == ["b", "a", "c"]
    assert await state("items", "g", 2) == [("b", "again"), ("a", "A")]
    assert await state("items", "g", 2, after="a") == [("c", "C")]
    assert await state("items", "g", after="c") == []
    assert await state("list", "nothing") == []


async def test_scan_goes_through_all_pages(state: Both) -> None:
    keys = [f"k{n}" for n in range(2 * PAGE + 1)]
    for key in keys:
        await state("set", "g", key, 1)
    assert await state.scanned("g") == keys


@pytest.mark.parametrize("count", [1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE])
async def test_a_scan_may_delete_what_it_sees(count: int) -> None:
    app = App("test")
    async with Harness(app):
        await asyncio.gather(*(app.state.set("g", f"k{n}", n) for n in range(count)))
        async for key, _ in app.state.scan("g"):
            await app.state.delete("g", key)
        assert await app.state.keys("g") == []


async def test_groups_are_listed_and_cleared(state: Both) -> None:
    await state("set", "g", "k", 1)
    await state("set", "g", "l", 1)
    await state("set", "h", "k", 1)
    assert await state("list_groups") == ["g", "h"]
    assert await state("clear", "g") == 2
    assert await state("clear", "g") == 0
    assert await state("list_groups") == ["h"]


async def test_update_applies_all_operations_or_none(state: Both) -> None:
    ops = [
        {"type": "increment", "path": "n", "by": 2},
        {"type": "append", "path": ["xs"], "value": 1},
        {"type": "set", "path": ["a", "b"], "value": True},
        {"type": "merge", "path": "a", "value": {"c": None}},
    ]
    assert (await state("update", "g", "k", ops)).new_value == {"n": 2, "xs": [1], "a": {"b": True, "c": None}}
    with pytest.raises(UpdateRefused):
        await state("update", "g", "k", [{"type": "remove", "path": "n"}, {"type": "increment", "path": "xs"}])
    assert (await state("get", "g", "k"))["n"] == 2


async def test_a_write_can_expect_a_version(state: Both) -> None:
    assert await state("version", "g", "k") == 0
    await state("set", "g", "k", 1, expected_version=0)
    assert await state("version", "g", "k") == 1
    for verb, args in (("set", (2,)), ("update", ([{"type": "increment"}],)), ("delete", ())):
        with pytest.raises(VersionConflict):
            await state(verb, "g", "k", *args, expected_version=7)
    assert await state("get", "g", "k") == 1
    await state("delete", "g", "k", expected_version=1)


@pytest.mark.parametrize("ttl", [60, timedelta(minutes=1)])
async def test_a_value_can_go_by_itself(ttl: Any) -> None:
    async with Harness(App("test")) as t:
        await t.app.state.set("g", "k", 1, ttl=ttl)
        await t.advance(seconds=59)
        assert await t.state("g") == {"k": 1}
        await t.advance(seconds=1)
        assert await t.state("g") == {}


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), True, timedelta(0)])
async def test_a_ttl_is_above_0(state: Both, ttl: Any) -> None:
    with pytest.raises(ValidationFailed, match="ttl"):
        await state("set", "g", "k", 1, ttl=ttl)


async def test_what_json_cannot_hold_is_refused_and_named(state: Both) -> None:
    with pytest.raises(NotEncodable, match=r"\.price"):
        await state("set", "g", "k", {"price": float("nan")})


async def test_a_value_that_is_too_large_is_refused(state: Both) -> None:
    with pytest.raises(PayloadTooLarge):
        await state("set", "g", "k", "x" * (1024 * 1024))
    assert await state("get", "g", "k") is None


@pytest.mark.parametrize("key", ["", "x" * 513, 7])
async def test_a_wrong_key_is_refused(state: Both, key: Any) -> None:
    for verb, args in (("get", ()), ("set", (1,)), ("delete", ()), ("update", ([{"type": "remove"}],))):
        with pytest.raises(ValidationFailed, match="key"):
            await state(verb, "g", key, *args)
    with pytest.raises(ValidationFailed, match="group"):
        await state("list", key)

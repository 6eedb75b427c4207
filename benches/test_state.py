"""State: reads of what is in memory, and writes that return when they survive a power cut."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from benches.applications import ORDER, application, opened
from benches.measuring import Measure, Name
from motia_fast import App

CALLERS = 64


@pytest.fixture
def app(home: Path, engine: Name, runner: asyncio.Runner) -> Iterator[App]:
    """An open engine with an item for each caller."""
    app = application(home, engine)

    async def start() -> None:
        await opened(app)
        await at_once(lambda caller, _: app.state.set("orders", f"order-{caller}", ORDER), 1)

    runner.run(start())
    yield app
    runner.run(app.close())


async def at_once(call: Callable[[int, int], Awaitable[object]], each: int) -> None:
    """64 callers, each of which makes its calls one after the other."""

    async def caller(number: int) -> None:
        for turn in range(each):
            await call(number, turn)

    await asyncio.gather(*map(caller, range(CALLERS)))


def test_get_answers_from_memory(app: App, measure: Measure, runner: asyncio.Runner) -> None:
    count = measure.size(100_000, smoke=500)

    async def get() -> None:
        for number in range(count):
            await app.state.get("orders", f"order-{number % CALLERS}")

    _, seconds = measure(lambda: runner.run(get()))
    measure.rate("state get", count, seconds)


def test_64_callers_set(app: App, measure: Measure, runner: asyncio.Runner) -> None:
    each = measure.size(500, smoke=3)
    new = {**ORDER, "quantity": 3}
    _, seconds = measure(
        lambda: runner.run(at_once(lambda caller, turn: app.state.set("new", f"{caller}-{turn % 100}", new), each))
    )
    measure.rate("durable state set, 64 callers", CALLERS * each, seconds)


def test_64_callers_update(app: App, measure: Measure, runner: asyncio.Runner) -> None:
    each = measure.size(500, smoke=3)
    add = [{"type": "increment", "path": "quantity", "by": 1}]
    _, seconds = measure(
        lambda: runner.run(at_once(lambda caller, _: app.state.update("orders", f"order-{caller}", add), each))
    )
    assert runner.run(app.state.get("orders", "order-7"))["quantity"] == 2 + each
    measure.rate("durable state update, 64 callers", CALLERS * each, seconds)

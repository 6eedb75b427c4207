"""The testing kit, as tests use it."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from motia_fast import App, Context, DeclarationError, Request, cron, http, queue
from motia_fast.testing import Harness, ManualClock

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def nothing(data: Any) -> None: ...


async def test_requests_take_the_whole_way_but_the_socket() -> None:
    app = App("test")

    @app.step(http("POST", "/orders/:id"))
    async def order(request: Request[Any], ctx: Context) -> dict[str, Any]:
        return {
            "status": 201,
            "headers": {"x-id": request.path_params["id"]},
            "body": {"body": request.body, "query": request.query_params, "agent": request.headers["user-agent"]},
        }

    async with Harness(app) as t:
        answer = await t.post("/orders/a%20b", json={"n": 1}, params={"x": ["1", "2"]}, headers={"user-agent": "me"})
        assert (answer.status, answer.headers["x-id"]) == (201, "a b")
        assert answer.json() == {"body": {"n": 1}, "query": {"x": ["1", "2"]}, "agent": "me"}
        assert (await t.get("/orders/1")).status == 405
        assert (await t.get("/nothing")).status == 404
        assert (await t.post("/orders/1", content=b"{")).status == 400
        assert (await t.get("/healthz")).status == 200
        assert (await t.get("/readyz")).json() == {"status": "ready"}
        assert "motia_fast_commits_total" in (await t.get("/metrics")).text


async def test_drain_runs_what_jobs_lead_to() -> None:
    app = App("test")

    @app.step(queue("count"))
    async def count(n: int, ctx: Context) -> None:
        await asyncio.sleep(0)
        if n < 50:
            await ctx.enqueue("count", n + 1)

    async with Harness(app) as t:
        await t.enqueue("count", 0)
        await t.drain()
        assert t.sent("count") == list(range(51))


async def test_drain_runs_more_jobs_than_one_turn_takes() -> None:
    app = App("test")
    ran: list[int] = []

    @app.step(queue("work", concurrency=1_000))
    async def work(n: int) -> None:
        ran.append(n)

    async with Harness(app) as t:
        await asyncio.gather(*(t.enqueue("work", n) for n in range(500)))
        await t.drain()
        assert sorted(ran) == list(range(500))


async def test_drain_says_which_handler_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    app = App("test")

    @app.step(queue("work"))
    async def hang(data: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("motia_fast.testing.harness.PATIENCE", 0.05)
    async with Harness(app) as t:
        await t.enqueue("work")
        with pytest.raises(TimeoutError, match="hang/work"):
            await t.drain()


async def test_advance_lets_everything_happen_at_its_time_and_in_order() -> None:
    app = App("test")
    seen: list[tuple[str, int]] = []

    @app.step(queue("work"), cron("*/10 * * * *"))
    async def work(data: Any, ctx: Context) -> None:
        seen.append((ctx.trigger.type, round((ctx.now() - NOW).total_seconds())))
        if data == "again":
            await ctx.enqueue("work", "last", delay=30)

    async with Harness(app, now=NOW) as t:
        await t.enqueue("work", "again", delay=590)
        await t.enqueue("work", None, delay=1201)
        await t.advance(minutes=20)
        assert seen == [("queue", 590), ("cron", 600), ("queue", 620), ("cron", 1200)]
        assert t.clock.elapsed() == 1_200_000_000
        await t.advance(seconds=1)
        assert seen[-1] == ("queue", 1201)


async def test_no_time_passes_by_itself() -> None:
    app = App("test")
    ran: list[Any] = []

    @app.step(queue("work"))
    async def work(data: Any) -> None:
        ran.append(data)

    async with Harness(app) as t:
        await t.enqueue("work", 1, delay=0.001)
        await asyncio.to_thread(lambda: None)
        await t.drain()
        assert ran == []
        await t.advance(seconds=0.001)
        assert ran == [1]


async def test_a_directory_outlives_the_harness(tmp_path: Path) -> None:
    app = App("test")
    ran: list[Any] = []

    @app.step(queue("work"))
    async def work(data: Any) -> None:
        ran.append(data)

    async with Harness(app, data_dir=tmp_path / "data") as t:
        await t.enqueue("work", 1, delay=60)
        await t.app.state.set("g", "k", 1)
    async with Harness(app, data_dir=tmp_path / "data") as t:
        assert await t.state("g", "k") == 1
        await t.advance(minutes=1)
        assert ran == [1]


async def test_in_memory_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with Harness(App("test", home=tmp_path)) as t:
        await t.app.state.set("g", "k", 1)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 -- nothing else runs


async def test_mistakes_are_raised_and_leave_the_app_free() -> None:
    app = App("test")

    mistaken: dict[str, Any] = {"max_retry": 1}
    app.step(queue("work", **mistaken))(nothing)

    for _ in range(2):
        with pytest.raises(DeclarationError, match="max_retry"):
            async with Harness(app):
                pass


async def test_a_lifespan_that_fails_leaves_the_app_free(tmp_path: Path) -> None:
    from collections.abc import AsyncGenerator
    from contextlib import asynccontextmanager

    up = False

    @asynccontextmanager
    async def lifespan() -> AsyncGenerator[None]:
        if not up:
            raise ConnectionError("no database")
        yield

    app = App("test", lifespan=lifespan)
    for _ in range(2):
        with pytest.raises(ConnectionError, match="no database"):
            async with Harness(app, data_dir=tmp_path / "data"):
                pass


def test_the_manual_clock_is_part_of_the_kit() -> None:
    clock = ManualClock()
    clock.advance(1)
    assert clock.elapsed() == 1_000_000

"""The testing kit, as tests use it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from motia_fast import App, Context, DeclarationError, MotiaError, Request, SyncContext, cron, http, queue
from motia_fast.encoding import decode
from motia_fast.testing import Harness, ManualClock
from tests.contract.engines import ENGINES, Name

Make = Callable[..., Harness]
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def nothing(data: Any) -> None: ...


async def refuse(data: Any) -> None:
    raise ConnectionError


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Name:
    name: Name = request.param
    return name


@pytest.fixture
def harness(engine: Name) -> Make:
    """Makes a `Harness`, with each engine that there is."""
    return partial(Harness, engine=engine)


async def test_requests_take_the_whole_way_but_the_socket(harness: Make) -> None:
    app = App("test")

    @app.step(http("POST", "/orders/:id"))
    async def order(request: Request[Any], ctx: Context) -> dict[str, Any]:
        return {
            "status": 201,
            "headers": {"x-id": request.path_params["id"]},
            "body": {"body": request.body, "query": request.query_params, "agent": request.headers["user-agent"]},
        }

    async with harness(app) as t:
        answer = await t.post("/orders/a%20b", json={"n": 1}, params={"x": ["1", "2"]}, headers={"user-agent": "me"})
        assert (answer.status, answer.headers["x-id"]) == (201, "a b")
        assert answer.json() == {"body": {"n": 1}, "query": {"x": ["1", "2"]}, "agent": "me"}
        assert (await t.get("/orders/1")).status == 405
        assert (await t.get("/nothing")).status == 404
        assert (await t.post("/orders/1", content=b"{")).status == 400
        assert (await t.get("/healthz")).status == 200
        assert (await t.get("/readyz")).json() == {"status": "ready"}
        assert "motia_fast_commits_total" in (await t.get("/metrics")).text


async def test_drain_runs_what_jobs_lead_to(harness: Make) -> None:
    app = App("test")

    @app.step(queue("count"))
    async def count(n: int, ctx: Context) -> None:
        await asyncio.sleep(0)
        if n < 50:
            await ctx.enqueue("count", n + 1)

    async with harness(app) as t:
        await t.enqueue("count", 0)
        await t.drain()
        assert t.sent("count") == list(range(51))


async def test_drain_runs_more_jobs_than_one_turn_takes(harness: Make) -> None:
    app = App("test")
    ran: list[int] = []

    @app.step(queue("work", concurrency=1_000))
    async def work(n: int) -> None:
        ran.append(n)

    async with harness(app) as t:
        await asyncio.gather(*(t.enqueue("work", n) for n in range(500)))
        await t.drain()
        assert sorted(ran) == list(range(500))


async def test_drain_says_which_handler_does_not_end(harness: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    app = App("test")

    @app.step(queue("work"))
    async def hang(data: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("motia_fast.testing.harness.PATIENCE", 0.05)
    async with harness(app) as t:
        await t.enqueue("work")
        with pytest.raises(TimeoutError, match="hang/work"):
            await t.drain()


async def test_advance_lets_everything_happen_at_its_time_and_in_order(harness: Make) -> None:
    app = App("test")
    seen: list[tuple[str, int]] = []

    @app.step(queue("work"), cron("*/10 * * * *"))
    async def work(data: Any, ctx: Context) -> None:
        seen.append((ctx.trigger.type, round((ctx.now() - NOW).total_seconds())))
        if data == "again":
            await ctx.enqueue("work", "last", delay=30)

    async with harness(app, now=NOW) as t:
        await t.enqueue("work", "again", delay=590)
        await t.enqueue("work", None, delay=1201)
        await t.advance(minutes=20)
        assert seen == [("queue", 590), ("cron", 600), ("queue", 620), ("cron", 1200)]
        assert t.clock.elapsed() == 1_200_000_000
        await t.advance(seconds=1)
        assert seen[-1] == ("queue", 1201)


async def test_no_time_passes_by_itself(harness: Make) -> None:
    app = App("test")
    ran: list[Any] = []

    @app.step(queue("work"))
    async def work(data: Any) -> None:
        ran.append(data)

    async with harness(app) as t:
        await t.enqueue("work", 1, delay=0.001)
        await asyncio.to_thread(lambda: None)
        await t.drain()
        assert ran == []
        await t.advance(seconds=0.001)
        assert ran == [1]


async def test_a_directory_outlives_the_harness(harness: Make, tmp_path: Path) -> None:
    app = App("test")
    ran: list[Any] = []

    @app.step(queue("work"))
    async def work(data: Any) -> None:
        ran.append(data)

    async with harness(app, data_dir=tmp_path / "data") as t:
        await t.enqueue("work", 1, delay=60)
        await t.app.state.set("g", "k", 1)
        await t.advance(seconds=20)
    async with harness(app, data_dir=tmp_path / "data", clock=t.clock) as t:
        assert await t.state("g", "k") == 1
        await t.advance(seconds=39)
        assert ran == []
        await t.advance(seconds=1)
        assert ran == [1]


async def test_a_restart_is_at_the_same_time_and_what_ran_runs_again(harness: Make, tmp_path: Path) -> None:
    app = App("test")
    ran: list[tuple[Any, int, int]] = []
    release = asyncio.Event()

    @app.step(queue("work"))
    async def work(data: Any, ctx: Context) -> None:
        ran.append((data, ctx.attempt, round(ctx.now().timestamp() - NOW.timestamp())))
        await release.wait()

    async with harness(app, now=NOW, data_dir=tmp_path / "data") as t:
        await t.enqueue("work", "held")
        await t.enqueue("work", "later", delay=60)
        await t.advance(seconds=30, wait=0.05)
        await t.restart()
        release.set()
        await t.advance(seconds=30)
        assert ran == [("held", 1, 0), ("held", 1, 30), ("later", 1, 60)]
        assert t.sent("work") == ["held", "later"]


async def test_a_harness_in_memory_has_nothing_to_restart_with(harness: Make) -> None:
    async with harness(App("test")) as t:
        with pytest.raises(MotiaError, match="data_dir="):
            await t.restart()
        assert (await t.get("/healthz")).status == 200


async def test_in_memory_nothing_is_written(harness: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with harness(App("test", home=tmp_path)) as t:
        await t.app.state.set("g", "k", 1)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 -- nothing else runs


async def test_mistakes_are_raised_and_leave_the_app_free(harness: Make) -> None:
    app = App("test")

    mistaken: dict[str, Any] = {"max_retry": 1}
    app.step(queue("work", **mistaken))(nothing)

    for _ in range(2):
        with pytest.raises(DeclarationError, match="max_retry"):
            async with harness(app):
                pass


async def test_a_lifespan_that_fails_leaves_the_app_free(harness: Make, tmp_path: Path) -> None:
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
            async with harness(app, data_dir=tmp_path / "data"):
                pass


def test_the_manual_clock_is_part_of_the_kit() -> None:
    clock = ManualClock()
    clock.advance(1)
    assert clock.elapsed() == 1_000_000


# ---------------------------------------------------------------- engines


async def test_the_engine_is_the_one_that_is_asked_for_and_else_the_app_s(engine: Name) -> None:
    async with Harness(App("test"), engine=engine) as t:
        assert (await t.app.stats()).engine == engine
    async with Harness(App("test", engine=engine)) as t:
        assert (await t.app.stats()).engine == engine


@pytest.mark.parametrize("kept", [False, True], ids=["in memory", "in a directory"])
async def test_both_kinds_of_handlers_run_at_their_time_to_the_microsecond(
    harness: Make, tmp_path: Path, kept: bool
) -> None:
    app = App("test")
    seen: list[tuple[str, int]] = []

    def noted(ctx: Context | SyncContext) -> None:
        seen.append((ctx.run.step, round((ctx.now() - NOW).total_seconds() * 1_000_000)))

    @app.step(queue("work", max_retries=2, backoff="exponential", backoff_delay=3600, backoff_max=86_400, jitter=0))
    async def on_the_loop(data: Any, ctx: Context) -> None:
        noted(ctx)
        raise ConnectionError

    @app.step(queue("work", max_retries=2, backoff="fixed", backoff_delay=5400.000001, backoff_max=86_400, jitter=0))
    def in_a_thread(data: Any, ctx: SyncContext) -> None:
        noted(ctx)
        raise ConnectionError

    async with harness(app, now=NOW, data_dir=tmp_path / "data" if kept else None) as t:
        await t.enqueue("work")
        await t.drain()
        assert sorted(seen) == [("in_a_thread", 0), ("on_the_loop", 0)]
        await t.advance(hours=4)
        hour = 3_600_000_000
        assert seen[2:] == [
            ("on_the_loop", hour),
            ("in_a_thread", 5_400_000_001),
            ("on_the_loop", 3 * hour),  # 1 h + 2 h
            ("in_a_thread", 10_800_000_002),
        ]
        assert [letter.subscription for letter in await t.dead()] == ["on_the_loop/work", "in_a_thread/work"]


async def test_a_clock_that_outlives_its_harness_can_go_on_elsewhere(harness: Make) -> None:
    async with harness(App("test"), now=NOW) as before:
        await before.advance(hours=1)
    async with harness(App("test"), clock=before.clock) as t:
        await t.advance(hours=1)
        assert t.clock is before.clock
        assert t.clock.elapsed() == 7_200_000_000


def test_a_clock_and_a_time_are_not_both_given() -> None:
    with pytest.raises(ValueError, match=r"now=.*clock="):
        Harness(App("test"), now=NOW, clock=ManualClock())


# ---------------------------------------------------------------- what became of it


async def test_jobs_are_those_that_are_not_finished_by_step_and_state(harness: Make) -> None:
    app = App("test")

    @app.step(queue("work"))
    async def work(data: Any) -> None: ...

    @app.step(queue("work", max_retries=0))
    async def fail(data: Any) -> None:
        raise ConnectionError

    async with harness(app) as t:
        await t.enqueue("work", "now")
        await t.enqueue("work", "later", delay=60)
        await t.drain()
        assert [(job.subscription, job.state, decode(job.payload)) for job in await t.jobs()] == [
            ("fail/work", "dead", "now"),
            ("work/work", "scheduled", "later"),
            ("fail/work", "scheduled", "later"),
        ]
        assert [job.state for job in await t.jobs("fail")] == ["dead", "scheduled"]
        assert [job.subscription for job in await t.jobs(state="dead")] == ["fail/work"]
        assert await t.jobs("work", state="ready") == []
        await t.advance(minutes=1)
        assert [job.state for job in await t.jobs()] == ["dead", "dead"]


async def test_more_jobs_are_listed_than_a_page_has(harness: Make) -> None:
    app = App("test")
    app.step(queue("work", max_retries=0))(refuse)

    async with harness(app) as t:
        for n in range(150):
            await t.enqueue("work", n, delay=1)
        assert len(await t.jobs(state="scheduled")) == 150
        await t.advance(seconds=1)
        assert sorted(decode(letter.payload) for letter in await t.dead("refuse")) == list(range(150))

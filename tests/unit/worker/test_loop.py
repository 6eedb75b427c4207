"""The worker between an engine whose disk waits or fails, and handlers that finish, hang and refuse to end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import threading
import weakref
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from motia_fast import App, Context, Request, SyncContext, http, queue
from motia_fast.contract import Engine, EngineSettings
from motia_fast.errors import ContextClosed, EngineStopped
from motia_fast.messages import message_of
from motia_fast.services import Services
from motia_fast.testing import Harness
from tests.contract.disk import Disk
from tests.contract.engines import open_on

SQLITE_FULL = 13
#: Whether a job runs to where it first waits before the call that starts it returns.
EAGER = sys.version_info >= (3, 12)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Every engine that is opened in the test writes through this disk, and may have only 8 operations pending."""
    disk = Disk()

    def opened(name: str, settings: EngineSettings) -> Engine:
        return open_on(disk, "pure", replace(settings, pending_operations=8))

    monkeypatch.setattr("motia_fast.services.open_engine", opened)
    return disk


def services_of(app: App) -> Services:
    assert app.services is not None
    return app.services


async def until(fact: Callable[[], Any]) -> None:
    """Lets the loop run until `fact` is true."""
    async with asyncio.timeout(30):
        while not fact():  # noqa: ASYNC110 -- facts of the worker have no event
            await asyncio.sleep(0.001)


async def still(task: asyncio.Task[Any]) -> bool:
    """Whether a task waits, after it has had every chance not to."""
    for _ in range(50):
        await asyncio.sleep(0)
    await asyncio.sleep(0.02)
    return not task.done()


# ---------------------------------------------------------------- a disk that waits


async def test_settles_that_find_no_room_are_kept_until_there_is(disk: Disk, tmp_path: Path) -> None:
    app, ran = App("test", home=tmp_path), 0

    @app.step(queue("work", concurrency=1))
    async def work(data: Any) -> None:
        nonlocal ran
        ran += 1

    async with app:
        for n in range(30):
            await app.enqueue("work", n)
    with disk.held():
        running = app.running()
        await running.__aenter__()
        await until(lambda: services_of(app).worker._room is not None)
        assert ran < 10  # a job's end is one operation, and 8 may be pending
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_exit(running)
        await until(lambda: services_of(app).worker.idle and ran == 30)
        stats = (await app.stats()).subscriptions[0]
        assert (stats.done, stats.ready, stats.running) == (30, 0, 0)


async def test_a_job_s_own_writes_do_not_wait_for_the_disk_and_the_application_s_do(disk: Disk, tmp_path: Path) -> None:
    app, held, done, durable = App("test", home=tmp_path), asyncio.Event(), asyncio.Event(), asyncio.Event()

    @app.step(queue("work"))
    async def work(data: Any, ctx: Context) -> None:
        await held.wait()
        await ctx.state.set("g", "k", 1)
        await ctx.enqueue("nobody", 1)
        done.set()
        await ctx.durable()
        durable.set()

    async with app.running():
        await app.enqueue("work")
        with disk.held():
            held.set()
            await until(done.is_set)
            outside = asyncio.create_task(app.enqueue("nobody", 2))
            assert await still(outside)
            assert not durable.is_set()
        await outside
        await until(durable.is_set)


@pytest.mark.parametrize("method", ["post", "get"])
async def test_a_response_waits_for_the_disk_what_it_read_included(disk: Disk, method: str) -> None:
    app = App("test")

    @app.step(http("POST", "/orders"))
    async def write(request: Request[Any], ctx: Context) -> dict[str, Any]:
        await ctx.enqueue("nobody", 1)
        return {"status": 202}

    @app.step(http("GET", "/orders"))
    def read(request: Request[Any], ctx: SyncContext) -> dict[str, Any]:
        return {"status": 200, "body": ctx.state.get("g", "k")}

    async with Harness(app) as t:
        with disk.held():
            unsynced = asyncio.create_task(app.state.set("g", "k", 1))
            assert await still(unsynced)
            request: Awaitable[Any] = t.post("/orders") if method == "post" else t.get("/orders")
            answer = asyncio.ensure_future(request)
            assert await still(answer)
        assert (await answer).status == (202 if method == "post" else 200)
        await unsynced


# ---------------------------------------------------------------- a disk that fails


async def test_an_engine_that_stopped_is_told_and_running_handlers_may_end(disk: Disk, tmp_path: Path) -> None:
    app, began, go, ended = App("test", home=tmp_path), asyncio.Event(), asyncio.Event(), []

    @app.step(queue("work"))
    async def work(data: Any, ctx: Context) -> None:
        began.set()
        await go.wait()
        with pytest.raises(EngineStopped):
            await ctx.state.set("g", "k", 1)
        ended.append(ctx.attempt)

    async with app.running():
        services = services_of(app)
        await app.enqueue("work")
        await until(began.is_set)
        disk.break_with(SQLITE_FULL)
        with pytest.raises(EngineStopped):
            await app.enqueue("work", 2)
        await asyncio.wait_for(services.failed.wait(), 30)
        assert services.unready() is not None
        go.set()
        await until(lambda: ended == [1])
        await until(lambda: services.worker.idle)
        with pytest.raises(EngineStopped):
            await app.state.get("g", "k")
    async with app:  # the cause is gone: the job is there
        (job,) = services_of(app).engine.inspect.jobs()
        assert (job.payload, job.attempt) == (b"null", 0)


# ---------------------------------------------------------------- the end


async def test_what_runs_at_a_stop_is_finished(tmp_path: Path) -> None:
    app, began, go = App("test", home=tmp_path), asyncio.Event(), asyncio.Event()

    @app.step(queue("work"))
    async def work(data: Any, ctx: Context) -> None:
        began.set()
        await go.wait()
        await ctx.state.set("g", "k", "done")

    async def stop_later() -> None:
        async with app.running():
            await app.enqueue("work")
            await began.wait()

    stopping = asyncio.create_task(stop_later())
    await began.wait()
    assert await still(stopping)
    go.set()
    await stopping
    async with app:
        assert await app.state.get("g", "k") == "done"
        assert (await app.stats()).subscriptions[0].ready == 0


@pytest.mark.parametrize("stubborn", [False, True])
async def test_an_async_handler_that_outlives_the_grace_is_cancelled_and_released(
    tmp_path: Path, *, stubborn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("motia_fast.worker.loop.LAST_GASP", 0.1)
    app, began, closed = App("test", home=tmp_path, grace=0.05), asyncio.Event(), []
    go = asyncio.Event()

    @app.step(queue("work"))
    async def work(data: Any, ctx: Context) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            with pytest.raises(ContextClosed):
                await ctx.enqueue("nobody", 1)
            closed.append(ctx.attempt)
            if stubborn:
                with contextlib.suppress(asyncio.CancelledError):
                    await go.wait()

    async with app.running():
        await app.enqueue("work")
        await began.wait()
    assert closed == [1]
    go.set()
    async with app:
        (job,) = services_of(app).engine.inspect.jobs()
        assert (job.state, job.attempt, job.crashes) == ("ready", 0, 0)


async def test_a_thread_that_outlives_the_grace_is_released_and_cannot_write_any_more(tmp_path: Path) -> None:
    app, began, go = App("test", home=tmp_path, grace=0.05), threading.Event(), threading.Event()
    ended: list[BaseException] = []

    @app.step(queue("work"))
    def work(data: Any, ctx: SyncContext) -> None:
        began.set()
        go.wait(30)
        try:
            ctx.enqueue("nobody", 1)
        except BaseException as error:
            ended.append(error)
            raise

    async with app.running():
        await app.enqueue("work")
        await asyncio.to_thread(began.wait, 30)
    async with app:
        (job,) = services_of(app).engine.inspect.jobs()
        assert (job.state, job.attempt, job.crashes) == ("ready", 0, 0)
        go.set()
        await until(lambda: ended)
        assert isinstance(ended[0], ContextClosed)
        assert await asyncio.to_thread(services_of(app).engine.inspect.parked) == []


async def test_a_job_that_was_claimed_and_not_started_is_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("motia_fast.worker.loop.BUDGET", 0.0)  # one start a turn
    app, began, go, ran = App("test", home=tmp_path, grace=0.0), asyncio.Event(), asyncio.Event(), []

    @app.step(queue("work", concurrency=100))
    async def work(data: Any) -> None:
        ran.append(data)
        began.set()
        await go.wait()

    async with app:
        for n in range(50):
            await app.enqueue("work", n)
    async with app.running():
        await began.wait()
    assert len(ran) < 50
    async with app:
        jobs = services_of(app).engine.inspect.jobs()
        assert len(jobs) == 50
        assert {(job.state, job.attempt) for job in jobs} == {("ready", 0)}


async def test_a_job_that_timed_out_before_it_was_started_never_runs() -> None:
    app, ran = App("test"), []

    @app.step(queue("work", timeout=1, max_retries=0))
    async def work(data: Any) -> None:
        ran.append(data)

    async with Harness(app) as t:
        services = services_of(app)
        services.worker._batch = 1
        commit = services.engine.enqueue([message_of("work", n, {}) for n in range(3)]).commit
        services.engine.wait(commit)  # blocks the loop, which must not come to run anything before the last line
        services.worker.wake()  # claims three, and is about to start one; where starts are eager it has run already
        t.clock.advance(1)
        services.engine.tick()
        services.worker.wake()  # all the others are overdue
        await t.drain()
        assert ran == ([0] if EAGER else [])
        assert [letter.attempts[0].error.reason for letter in await t.dead()] == ["timeout"] * (3 - len(ran))


# ---------------------------------------------------------------- memory


class Kept:
    """What a job puts into its context, and nobody else has."""


kept: ContextVar[Kept] = ContextVar("kept")


@pytest.mark.parametrize("ends", ["at once", "later", "badly", "in a thread"])
async def test_nothing_of_a_job_that_ended_waits_for_the_collector(ends: str) -> None:
    app, seen = App("test"), []

    def keep() -> None:
        thing = Kept()
        seen.append(weakref.ref(thing))
        kept.set(thing)

    async def work(data: Any) -> None:
        keep()
        if ends == "later":
            await asyncio.sleep(0)
        if ends == "badly":
            raise ValueError("no")

    def work_in_thread(data: Any) -> None:
        keep()

    app.step(queue("work", max_retries=0), name="Work")(work_in_thread if ends == "in a thread" else work)
    async with Harness(app) as t:
        gc.collect()
        gc.disable()
        try:
            await t.enqueue("work", 1)
            await t.drain()
            await until(lambda: seen[0]() is None)
        finally:
            gc.enable()


# ---------------------------------------------------------------- fairness


async def test_what_becomes_ready_while_others_are_about_to_start_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("motia_fast.worker.loop.BUDGET", 0.0)  # one start a turn
    app, done, began = App("test", home=tmp_path, grace=0.0), asyncio.Event(), 0

    @app.step(queue("wait", concurrency=100))
    async def wait(data: Any, ctx: Context) -> None:
        nonlocal began
        began += 1
        if began == 1:
            await ctx.enqueue("other")
            engine = ctx.session.engine
            engine.wait(engine.committed)  # blocks the loop: the other is ready before the next of these is started
        await asyncio.Event().wait()  # no end of a job asks for another turn

    @app.step(queue("other"))
    async def other(data: Any) -> None:
        done.set()

    async with app:
        await asyncio.gather(*(app.enqueue("wait", n) for n in range(60)))
    async with app.running():
        await asyncio.wait_for(done.wait(), 30)
        assert began == 60


async def test_starting_many_jobs_leaves_turns_to_others(tmp_path: Path) -> None:
    app, turns, done = App("test", home=tmp_path), 0, asyncio.Event()

    @app.step(queue("work", concurrency=256))
    async def work(n: int) -> None:
        for _ in range(2_000):  # some 100 us of work that never waits
            pass
        if n == 499:
            done.set()

    async with app:
        await asyncio.gather(*(app.enqueue("work", n) for n in range(500)))

    async def other() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await asyncio.sleep(0)

    async with app.running():
        await asyncio.wait_for(other(), 60)
    assert turns > 10

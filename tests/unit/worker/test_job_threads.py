"""Threads that go from one job of a `def` step to the next, while the loop does other things, or nothing at all."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from motia_fast import App, Context, SyncContext, queue
from motia_fast import logger as ambient_logger
from motia_fast.contract import Engine, EngineSettings, Job
from motia_fast.services import Services
from motia_fast.testing import Harness
from motia_fast.worker import Worker
from tests.contract.disk import Disk
from tests.contract.engines import open_on

SQLITE_FULL = 13
number: ContextVar[int] = ContextVar("number", default=0)


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


async def until(fact: Callable[[], Any], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not fact():  # noqa: ASYNC110 -- facts of the worker have no event
            await asyncio.sleep(0.001)


async def enqueued(app: App, topic: str, count: int) -> None:
    for n in range(count):
        await app.enqueue(topic, n)


# ---------------------------------------------------------------- from job to job


async def test_a_thread_goes_on_while_the_loop_is_blocked(tmp_path: Path) -> None:
    app, ran, all_ran = App("test", home=tmp_path), [], threading.Event()

    @app.step(queue("work", concurrency=1))
    def work(n: int) -> None:
        ran.append((n, threading.current_thread().name))
        if n == 0:
            assert blocked.wait(30)
        if n == 4:
            all_ran.set()

    blocked = threading.Event()
    async with app:
        await enqueued(app, "work", 5)
    async with app.running():
        await until(lambda: ran)
        blocked.set()
        assert all_ran.wait(30)  # blocks the loop
        await until(lambda: services_of(app).worker.idle)
    assert [n for n, _ in ran] == [0, 1, 2, 3, 4]
    assert len({name for _, name in ran}) == 1


async def test_each_job_of_a_thread_has_a_context_of_its_own(tmp_path: Path) -> None:
    app, seen = App("test", home=tmp_path, threads=1), []

    @app.step(queue("work"))
    def work(n: int) -> None:
        seen.append(number.get())
        number.set(n + 1)

    async with app:
        await enqueued(app, "work", 3)
    async with app.running():
        await until(lambda: len(seen) == 3)
    assert seen == [0, 0, 0]


async def test_at_most_so_many_jobs_run_as_there_are_threads_and_all_of_them_run(tmp_path: Path) -> None:
    app, lock, running, most, done = App("test", home=tmp_path, threads=3), threading.Lock(), 0, 0, 0
    barrier = threading.Barrier(3, timeout=30)

    @app.step(queue("work", concurrency=100))
    def work(n: int) -> None:
        nonlocal running, most, done
        with lock:
            running += 1
            most = max(most, running)
        barrier.wait()  # 30 jobs pass it only if three run at once
        with lock:
            running -= 1
            done += 1

    async with app:
        await enqueued(app, "work", 30)
    async with app.running():
        await until(lambda: services_of(app).worker.idle and done == 30)
        assert (await app.stats()).subscriptions[0].done == 30
    assert most == 3


async def test_the_loop_is_told_when_a_thread_becomes_idle() -> None:
    app, go = App("test"), threading.Event()

    @app.step(queue("work"))
    def work(data: Any) -> None:
        assert go.wait(30)

    async with Harness(app) as t:
        worker = services_of(app).worker
        await t.enqueue("work", 1)
        await until(worker.runs)
        asyncio.get_running_loop().call_later(0.05, go.set)
        async with asyncio.timeout(20):
            await worker.until(lambda: worker.idle)  # looks after a turn only


async def test_a_retry_that_a_thread_asked_for_comes_in_time(tmp_path: Path) -> None:
    app, attempts = App("test", home=tmp_path), []

    @app.step(queue("work", backoff_delay=0.02, jitter=0))
    def work(n: int, ctx: SyncContext) -> None:
        attempts.append(ctx.attempt)
        if ctx.attempt == 1:
            raise ValueError("not yet")

    async with app.running():
        await app.enqueue("work", 1)
        await until(lambda: attempts == [1, 2], 10)


# ---------------------------------------------------------------- conditions


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_condition_is_asked_in_the_thread_and_can_use_its_context(*, wanted: bool) -> None:
    app, asked, ran = App("test"), [], []

    def condition(data: Any, ctx: SyncContext) -> bool:
        asked.append((threading.get_ident(), ctx.state.get("g", "wanted")))
        return bool(asked[-1][1])

    @app.step(queue("work", condition=condition))
    def work(data: Any) -> None:
        ran.append(threading.get_ident())

    async with Harness(app) as t:
        await t.app.state.set("g", "wanted", wanted)
        await t.enqueue("work", 1)
        await t.drain()
        assert asked[0][1] is wanted
        assert ran == ([asked[0][0]] if wanted else [])
        assert (await t.app.stats()).subscriptions[0].skipped == int(not wanted)


async def test_an_async_condition_is_asked_on_the_loop() -> None:
    app, asked, ran = App("test"), [], []

    async def condition(data: Any, ctx: Context) -> bool:
        asked.append(threading.get_ident())
        ambient_logger.info("asked")  # finds the run
        return await ctx.state.get("g", "wanted", data > 1)  # type: ignore[no-any-return]  # a bool

    @app.step(queue("work", condition=condition))
    def work(data: Any) -> None:
        ran.append(data)

    async with Harness(app) as t:
        await t.enqueue("work", 1)
        await t.enqueue("work", 2)
        await t.drain()
    assert asked == [threading.get_ident()] * 2
    assert ran == [2]


async def test_an_async_condition_that_raises_is_a_failed_attempt_of_its_thread() -> None:
    app = App("test")

    async def condition(data: Any) -> bool:
        raise asyncio.CancelledError

    @app.step(queue("work", condition=condition, max_retries=0))
    def work(data: Any) -> None: ...

    async with Harness(app) as t:
        await t.enqueue("work", 1)
        await t.drain()
        (letter,) = await t.dead()
        assert letter.attempts[0].error.type.endswith("CancelledError")


# ---------------------------------------------------------------- what a turn brings


async def test_a_thread_that_finds_no_room_for_its_settle_waits_for_it(disk: Disk, tmp_path: Path) -> None:
    app, ran = App("test", home=tmp_path, threads=1), 0

    @app.step(queue("work"))
    def work(n: int) -> None:
        nonlocal ran
        ran += 1

    async with app:
        await enqueued(app, "work", 20)
    with disk.held():
        running = app.running()
        await running.__aenter__()
        await until(lambda: ran > 1)
        assert len(services_of(app).worker.runs()) == 1  # the thread waits with its job
        assert ran < 10  # a job's end is one operation, and 8 may be pending
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_exit(running)
        await until(lambda: services_of(app).worker.idle and ran == 20)
        assert (await app.stats()).subscriptions[0].done == 20


async def test_a_thread_of_an_engine_that_stopped_becomes_idle(disk: Disk, tmp_path: Path) -> None:
    app, began, go = App("test", home=tmp_path), threading.Event(), threading.Event()

    @app.step(queue("work", concurrency=1))
    def work(n: int) -> None:
        began.set()
        assert go.wait(30)

    async with app.running():
        services = services_of(app)
        await app.enqueue("work", 1)
        await until(began.is_set)
        disk.break_with(SQLITE_FULL)
        with pytest.raises(Exception, match="stopped"):
            await app.enqueue("work", 2)
        await asyncio.wait_for(services.failed.wait(), 30)
        go.set()
        await until(lambda: services.worker.idle)
    async with app:
        (job,) = services_of(app).engine.inspect.jobs()
        assert (job.payload, job.attempt) == (b"1", 0)


async def test_a_notice_that_a_thread_takes_is_heeded_by_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    app, began, ended = App("test"), threading.Barrier(3, timeout=30), threading.Event()
    go, go_other = threading.Event(), threading.Event()

    @app.step(queue("long", timeout=1))
    def long(data: Any) -> None:
        began.wait()
        assert go.wait(30)

    @app.step(queue("other", concurrency=1))
    def other(data: Any) -> None:
        if data == 1:
            began.wait()
            assert go_other.wait(30)
        else:
            ended.set()

    async with Harness(app) as t:
        engine = services_of(app).engine
        await t.enqueue("long")
        await t.enqueue("other", 1)
        await t.enqueue("other", 2)
        await asyncio.to_thread(began.wait)
        # From here to the end of the block the loop is blocked, so that it can take no notice itself.
        t.clock.advance(2)
        engine.tick()
        go_other.set()
        assert ended.wait(30)
        # The thread that began the second has had its turn.
        await until(lambda: "runs longer than its timeout of 1 s" in caplog.text)
        go.set()
        await t.drain()
        assert [s.done for s in (await app.stats()).subscriptions] == [1, 2]


async def test_a_timeout_shorter_than_that_of_the_job_before_is_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app, go, go_first = App("test", home=tmp_path, threads=1), threading.Event(), threading.Event()
    began = threading.Event()

    @app.step(queue("first", timeout=None))
    def first(data: Any) -> None:
        began.set()
        assert go_first.wait(30)

    @app.step(queue("second", timeout=0.05))
    def second(data: Any) -> None:
        began.set()
        assert go.wait(30)

    async with app.running():
        await app.enqueue("first")
        await until(began.is_set)
        await app.enqueue("second")
        began.clear()
        go_first.set()
        assert began.wait(30)  # blocks the loop: nobody but the thread can have claimed it
        await until(lambda: "runs longer than its timeout of 0.05 s" in caplog.text, 10)
        go.set()


# ---------------------------------------------------------------- the end


async def test_a_thread_claims_no_more_once_the_worker_stops(tmp_path: Path) -> None:
    app, began, go, ran = App("test", home=tmp_path), threading.Event(), threading.Event(), []

    @app.step(queue("work", concurrency=1))
    def work(n: int) -> None:
        ran.append(n)
        began.set()
        assert go.wait(30)

    async with app:
        await enqueued(app, "work", 3)

    async def stop_once_it_runs() -> None:
        async with app.running():
            workers.append(services_of(app).worker)
            await until(began.is_set)

    workers: list[Worker] = []
    stopping = asyncio.create_task(stop_once_it_runs())
    await until(lambda: workers and not workers[0]._threads.claiming)
    go.set()
    await stopping
    assert ran == [0]
    async with app:
        jobs = await asyncio.to_thread(services_of(app).engine.inspect.jobs)
        assert [(job.state, job.attempt, job.crashes) for job in jobs] == [("ready", 0, 0)] * 2


async def test_a_job_that_a_thread_got_as_the_worker_stopped_is_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, ran = App("test", home=tmp_path), []

    @app.step(queue("work"))
    def work(n: int) -> None:
        ran.append(n)

    async with app.running():
        worker, begun = services_of(app).worker, 0
        begin = worker._threads.begin

        def stop_and_begin(jobs: Sequence[Job]) -> None:
            nonlocal begun
            if jobs:
                worker._claim_no_more()
            begin(jobs)
            begun += len(jobs)

        monkeypatch.setattr(worker._threads, "begin", stop_and_begin)
        await app.enqueue("work", 1)
        await until(lambda: begun and worker.idle)
    async with app:
        (left,) = await asyncio.to_thread(services_of(app).engine.inspect.jobs)
        assert (left.state, left.attempt, left.crashes) == ("ready", 0, 0)
    assert ran == []


async def test_threads_end_with_the_worker(tmp_path: Path) -> None:
    app = App("test", home=tmp_path)

    @app.step(queue("work"))
    def work(n: int) -> None:
        threads.append(threading.current_thread())

    threads: list[threading.Thread] = []
    async with app.running():
        await app.enqueue("work", 1)
        await until(lambda: threads)
    await asyncio.to_thread(threads[0].join, 30)
    assert not threads[0].is_alive()


def test_a_keyboard_interrupt_in_a_thread_ends_the_loop_and_costs_the_job_no_attempt(tmp_path: Path) -> None:
    app, attempts = App("test", home=tmp_path), []

    @app.step(queue("work"))
    def work(n: int, ctx: SyncContext) -> None:
        attempts.append(ctx.attempt)
        if len(attempts) == 1:
            raise KeyboardInterrupt

    async def serve() -> None:
        async with app.running():
            await app.enqueue("work", 1)
            await asyncio.Event().wait()

    async def serve_again() -> None:
        async with app.running():
            await until(lambda: services_of(app).worker.idle and len(attempts) == 2)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(serve())
    asyncio.run(serve_again())
    assert attempts == [1, 1]

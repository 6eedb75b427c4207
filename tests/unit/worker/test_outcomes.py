"""What becomes of a job, by what its handler does. On the real engine in memory, on a manual clock."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

import pytest
from pydantic import BaseModel

from motia_fast import App, Context, Dead, F, Retry, Skip, Snooze, StepTimeout, SyncContext, queue
from motia_fast.contract import JobView
from motia_fast.errors import ContextClosed
from motia_fast.testing import Harness


class Order(BaseModel):
    id: str
    quantity: int = 1


async def jobs(t: Harness) -> list[JobView]:
    services = t.app.services
    assert services is not None
    return await services.access.cold(services.engine.inspect.jobs)


def app_with(handler: Any, **options: Any) -> App:
    app = App("test")
    options.setdefault("jitter", 0)
    app.step(queue("work", **options), name="Work")(handler)
    return app


# ---------------------------------------------------------------- ends


async def test_a_job_whose_handler_returns_is_gone() -> None:
    async def work(data: Any) -> str:
        return "ignored"

    async with Harness(app_with(work)) as t:
        await t.enqueue("work", 1)
        await t.drain()
        assert await jobs(t) == []
        assert await t.dead() == []


@pytest.mark.parametrize("kind", ["async", "thread"])
async def test_a_handler_that_raises_is_run_again_after_its_back_off(kind: str) -> None:
    attempts: list[int] = []

    async def work(data: Any, ctx: Context) -> None:
        attempts.append(ctx.attempt)
        raise ValueError("no")

    def work_in_thread(data: Any, ctx: SyncContext) -> None:
        attempts.append(ctx.attempt)
        raise ValueError("no")

    handler = work if kind == "async" else work_in_thread
    async with Harness(app_with(handler, max_retries=2, backoff="fixed", backoff_delay=10)) as t:
        await t.enqueue("work", 1)
        await t.drain()
        assert attempts == [1]
        await t.advance(seconds=9)
        assert attempts == [1]
        await t.advance(seconds=1)
        assert attempts == [1, 2]
        await t.advance(seconds=10)
        assert attempts == [1, 2, 3]
        (letter,) = await t.dead("Work")
        assert [a.error.message for a in letter.attempts] == ["no", "no", "no"]
        assert "test_outcomes.py" in letter.attempts[0].error.traceback


@pytest.mark.parametrize(
    ("signal", "state", "attempt"),
    [
        (Retry(after=60), "scheduled", 1),  # the attempt counts
        (Snooze(60), "scheduled", 0),  # it does not
        (Dead("spoiled"), "dead", 1),
    ],
)
async def test_a_signal_says_what_becomes_of_the_job(signal: Exception, state: str, attempt: int) -> None:
    async def work(data: Any) -> None:
        raise signal

    async with Harness(app_with(work)) as t:
        await t.enqueue("work", 1)
        await t.drain()
        (job,) = await jobs(t)
        assert (job.state, job.attempt) == (state, attempt)


async def test_a_skipped_job_is_gone_and_counted() -> None:
    async def work(data: Any) -> None:
        raise Skip("not today")

    async with Harness(app_with(work)) as t:
        await t.enqueue("work", 1)
        await t.drain()
        (stats,) = (await t.app.stats()).subscriptions
        assert (stats.skipped, stats.done, await jobs(t)) == (1, 0, [])


@pytest.mark.parametrize(
    ("options", "error", "dead"),
    [
        ({"discard_on": (KeyError,)}, KeyError("x"), True),
        ({"discard_on": (LookupError,)}, KeyError("x"), True),
        ({"discard_on": (KeyError,)}, ValueError("x"), False),
        ({"retry_on": (ValueError,)}, ValueError("x"), False),
        ({"retry_on": (ValueError,)}, KeyError("x"), True),
    ],
)
async def test_discard_on_and_retry_on_decide_by_type(options: dict[str, Any], error: Exception, dead: bool) -> None:
    async def work(data: Any) -> None:
        raise error

    async with Harness(app_with(work, **options)) as t:
        await t.enqueue("work", 1)
        await t.drain()
        assert len(await t.dead()) == int(dead)


@pytest.mark.parametrize("kind", ["async", "thread"])
@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError(), BaseException("odd")])
async def test_a_handler_that_means_to_end_more_than_itself_only_fails(kind: str, error: BaseException) -> None:
    async def work(data: Any) -> None:
        raise error

    def work_in_thread(data: Any) -> None:
        raise error

    handler = work if kind == "async" else work_in_thread
    async with Harness(app_with(handler, max_retries=0)) as t:
        await t.enqueue("work", 1)
        await t.drain()
        (letter,) = await t.dead()
        assert letter.attempts[0].error.type.endswith(type(error).__name__)


async def test_an_invalid_payload_is_dead_at_once_with_the_details() -> None:
    ran: list[Order] = []

    async def work(order: Order) -> None:
        ran.append(order)

    app = app_with(work, input=Order, max_retries=3)
    async with Harness(app, validate_enqueue=False) as t:
        await t.enqueue("work", {"id": 7, "quantity": "many"})
        await t.drain()
        (letter,) = await t.dead()
        assert letter.attempts[-1].error.reason == "invalid_payload"
        assert "quantity" in letter.attempts[-1].error.message
        assert ran == []


# ---------------------------------------------------------------- conditions


async def test_a_callable_condition_that_is_false_skips_the_job() -> None:
    ran: list[int] = []

    async def work(data: int) -> None:
        ran.append(data)

    async with Harness(app_with(work, condition=lambda data: data > 1)) as t:
        await t.enqueue("work", 1)
        await t.enqueue("work", 2)
        await t.drain()
        (stats,) = (await t.app.stats()).subscriptions
        assert (ran, stats.skipped, stats.done) == ([2], 1, 1)


async def test_a_condition_that_raises_is_a_failed_attempt() -> None:
    async def work(data: int) -> None: ...

    async def broken(data: int, ctx: Context) -> bool:
        raise ValueError(f"cannot say in attempt {ctx.attempt}")

    async with Harness(app_with(work, condition=broken, max_retries=0)) as t:
        await t.enqueue("work", 1)
        await t.drain()
        (letter,) = await t.dead()
        assert letter.attempts[0].error.message == "cannot say in attempt 1"


async def test_an_f_condition_is_decided_by_the_engine() -> None:
    ran: list[Any] = []

    async def work(data: Any) -> None:
        ran.append(data)

    async with Harness(app_with(work, condition=F.amount > 1000)) as t:
        await t.enqueue("work", {"amount": 1000})
        await t.enqueue("work", {"amount": 1001})
        await t.drain()
        assert ran == [{"amount": 1001}]


# ---------------------------------------------------------------- timeouts


async def test_a_handler_that_runs_too_long_is_cancelled_and_has_failed() -> None:
    ended: list[str] = []

    async def work(data: Any, ctx: Context) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            with pytest.raises(ContextClosed):
                await ctx.state.set("g", "k", 1)
            raise

    async with Harness(app_with(work, timeout=900, max_retries=0)) as t:
        await t.enqueue("work", 1)
        await t.advance(seconds=899, wait=0.05)
        assert ended == []
        await t.advance(seconds=1)
        assert ended == ["cancelled"]
        (letter,) = await t.dead()
        error = letter.attempts[0].error
        assert (error.reason, error.type) == ("timeout", "StepTimeout")
        assert "await asyncio.Event().wait()" in error.traceback  # where it was
        assert await t.state("g", "k") is None


async def test_a_timeout_obeys_discard_on() -> None:
    async def work(data: Any) -> None:
        await asyncio.Event().wait()

    async with Harness(app_with(work, timeout=1, discard_on=(StepTimeout,), max_retries=5)) as t:
        await t.enqueue("work", 1)
        await t.advance(seconds=1, wait=0.05)
        assert len(await t.dead()) == 1


async def test_a_handler_that_swallows_its_cancellation_keeps_its_place_until_it_ends() -> None:
    go, runs = asyncio.Event(), 0

    async def work(data: Any) -> None:
        nonlocal runs
        runs += 1
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await go.wait()

    async with Harness(app_with(work, timeout=10, concurrency=1, max_retries=0)) as t:
        await t.enqueue("work", 1)
        await t.enqueue("work", 2)
        await t.advance(seconds=10, wait=0.05)
        assert (runs, await t.dead()) == (1, [])  # the second waits for the place
        go.set()
        await t.advance(seconds=1, wait=0.05)
        assert runs == 2
        (letter,) = await t.dead()
        assert letter.attempts[0].error.reason == "timeout"


async def test_a_thread_that_runs_too_long_settles_with_its_real_outcome() -> None:
    go = threading.Event()

    def work(data: Any, ctx: SyncContext) -> None:
        go.wait(30)
        ctx.state.set("g", "k", "written late")

    async with Harness(app_with(work, timeout=10, max_retries=0)) as t:
        await t.enqueue("work", 1)
        await t.advance(seconds=60, wait=0.05)
        (stats,) = (await t.app.stats()).subscriptions
        assert stats.running == 1  # it holds its place
        go.set()
        await t.drain()
        assert await t.state("g", "k") == "written late"
        assert (await t.app.stats()).subscriptions[0].done == 1


# ---------------------------------------------------------------- isolation


async def test_each_job_has_a_context_of_its_own() -> None:
    from contextvars import ContextVar

    number: ContextVar[int] = ContextVar("number", default=0)
    seen: list[int] = []

    async def work(data: int) -> None:
        seen.append(number.get())
        number.set(data)
        await asyncio.sleep(0)
        seen.append(number.get())

    async with Harness(app_with(work, concurrency=1)) as t:
        await asyncio.gather(*(t.enqueue("work", n) for n in (1, 2, 3)))  # the end of one starts the next
        await t.drain()
        assert seen == [0, 1, 0, 2, 0, 3]


async def test_a_context_still_works_in_a_task_that_a_handler_left_running() -> None:
    go, tasks = asyncio.Event(), []

    async def work(data: Any, ctx: Context) -> None:
        async def later() -> None:
            await go.wait()
            await ctx.state.set("g", "k", "later")
            await ctx.enqueue("other", 1)

        tasks.append(asyncio.create_task(later()))

    async with Harness(app_with(work)) as t:
        await t.enqueue("work", 1)
        await t.drain()
        go.set()
        await asyncio.gather(*tasks)
        assert await t.state("g", "k") == "later"
        assert t.sent("other") == [1]

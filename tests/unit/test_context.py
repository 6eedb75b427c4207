"""What handlers find on `ctx`, and by ambient names."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import motia_fast
from motia_fast import App, Context, MotiaError, NoRunningStep, Request, SyncContext, cron, http, queue, sync
from motia_fast.contract import Failure
from motia_fast.errors import ContextClosed, ValidationFailed
from motia_fast.testing import Harness

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def ran_as_job(handler: Any, data: Any = None, **options: Any) -> Harness:
    app = App("test")
    options.setdefault("max_retries", 0)
    app.step(queue("work", **options), name="Work", flows=["a", "b"])(handler)
    harness = Harness(app, now=NOW)
    async with harness as t:
        await t.enqueue("work", data)
        await t.drain()
        failed = [letter.attempts[-1].error for letter in await t.dead()]
        assert failed == []
    return harness


# ---------------------------------------------------------------- facts


async def test_a_job_knows_its_run() -> None:
    seen: list[Context] = []

    async def work(data: Any, ctx: Context) -> None:
        seen.append(ctx)

    await ran_as_job(work, {"a": 1}, max_retries=4)
    (ctx,) = seen
    assert (ctx.trigger.type, ctx.trigger.topic, ctx.trigger.index) == ("queue", "work", 0)
    assert (ctx.attempt, ctx.max_attempts, ctx.last_error) == (1, 5, None)
    assert isinstance(ctx.job_id, int)
    assert ctx.flows == ("a", "b")
    assert (ctx.is_queue(), ctx.is_http(), ctx.is_cron()) == (True, False, False)
    assert ctx.get_data() == ctx.getData() == {"a": 1}
    assert ctx.now() == NOW
    assert len(ctx.trace_id) == 32


async def test_a_later_attempt_knows_how_the_last_one_failed() -> None:
    seen: list[tuple[int | None, int, Failure | None]] = []
    app = App("test")

    @app.step(queue("work", max_retries=1, backoff_delay=1, jitter=0))
    async def work(data: Any, ctx: Context) -> None:
        seen.append((ctx.job_id, ctx.attempt, ctx.last_error))
        raise ValueError(f"attempt {ctx.attempt}")

    async with Harness(app) as t:
        await t.enqueue("work")
        await t.advance(seconds=1)
    (first, second) = seen
    assert first[0] == second[0]
    assert second[1] == 2
    assert second[2] is not None
    assert (second[2].type, second[2].message) == ("ValueError", "attempt 1")


async def test_a_tick_knows_the_time_for_which_it_fired() -> None:
    seen: list[Any] = []
    app = App("test")

    @app.step(cron("0 * * * *"))
    async def hourly(ctx: Context) -> None:
        seen.append((ctx.trigger.expression, ctx.trigger.at, ctx.is_cron(), ctx.get_data()))

    async with Harness(app, now=NOW) as t:
        await t.advance(hours=1)
    assert seen == [("0 * * * *", NOW + timedelta(hours=1), True, None)]


async def test_new_ids_differ_and_have_their_prefix() -> None:
    seen: set[str] = set()

    async def work(data: Any, ctx: Context) -> None:
        seen.update(ctx.new_id("order") for _ in range(100))

    await ran_as_job(work)
    assert len(seen) == 100
    assert all(len(name) == len("order-") + 32 and name.startswith("order-") for name in seen)


async def test_resources_are_what_the_lifespan_yielded() -> None:
    from collections.abc import AsyncGenerator
    from contextlib import asynccontextmanager

    seen: list[Any] = []

    @asynccontextmanager
    async def lifespan(app: App) -> AsyncGenerator[dict[str, str]]:
        seen.append("entered")
        yield {"pool": app.name}
        seen.append("left")

    app = App("test", lifespan=lifespan)

    @app.step(queue("work"))
    async def work(data: Any, ctx: Context) -> None:
        seen.append(ctx.resources)

    @app.step(queue("work"))
    def work_in_thread(data: Any, ctx: SyncContext) -> None:
        seen.append(ctx.resources)

    async with Harness(app) as t:
        await t.enqueue("work")
        await t.drain()
    assert seen == ["entered", {"pool": "test"}, {"pool": "test"}, "left"]


async def test_match_calls_the_case_of_the_trigger() -> None:
    seen: list[Any] = []
    app = App("test")

    @app.step(queue("work"), http("GET", "/work"), cron("0 * * * *"))
    async def work(data: Any, ctx: Context) -> Any:
        async def by_queue(message: Any) -> None:
            seen.append(("queue", message))

        return await ctx.match(
            {
                "queue": by_queue,
                "http": lambda request: {"status": 200, "body": request.path},
                "default": lambda _: seen.append(("default", None)),
            }
        )

    async with Harness(app, now=NOW) as t:
        await t.enqueue("work", 7)
        await t.drain()
        assert (await t.get("/work")).text == "/work"
        await t.advance(hours=1)
    assert seen == [("queue", 7), ("default", None)]


async def test_match_without_a_case_says_which_are_there() -> None:
    async def work(data: Any, ctx: Context) -> None:
        with pytest.raises(MotiaError, match=r'no case "queue".*http'):
            await ctx.match({"http": lambda _: None})

    await ran_as_job(work)


# ---------------------------------------------------------------- enqueue


async def test_what_a_run_enqueues_carries_its_trace() -> None:
    traces: list[str] = []
    app = App("test")

    @app.step(http("POST", "/start"))
    async def start(request: Request[Any], ctx: Context) -> dict[str, Any]:
        traces.append(ctx.trace_id)
        await ctx.enqueue("first", 1)
        return {"status": 202}

    @app.step(queue("first"))
    async def first(data: Any, ctx: Context) -> None:
        traces.append(ctx.trace_id)
        await ctx.enqueue({"topic": "second", "data": 2})

    @app.step(queue("second"))
    def second(data: Any, ctx: SyncContext) -> None:
        traces.append(ctx.trace_id)

    async with Harness(app) as t:
        sent = "4bf92f3577b34da6a3ce929d0e0e4736"
        await t.post("/start", headers={"traceparent": f"00-{sent}-00f067aa0ba902b7-01"})
        await t.drain()
        assert traces == [sent] * 3
        await t.post("/start", headers={"traceparent": "nonsense"})
        await t.drain()
    assert len(set(traces[3:])) == 1
    assert traces[3] not in (sent, "nonsense")


async def test_a_delayed_message_runs_at_its_time() -> None:
    seen: list[Any] = []
    app = App("test")

    @app.step(queue("work"))
    async def work(data: Any, ctx: Context) -> None:
        seen.append((data, ctx.now() - NOW))

    async with Harness(app, now=NOW) as t:
        await t.enqueue("work", "a", delay=5)
        await t.enqueue("work", "b", delay=timedelta(minutes=1))
        await t.enqueue("work", "c", run_at=NOW + timedelta(seconds=30))
        await t.drain()
        assert seen == []
        await t.advance(hours=1)
    assert seen == [("a", timedelta(seconds=5)), ("c", timedelta(seconds=30)), ("b", timedelta(minutes=1))]


async def test_a_payload_that_every_subscriber_refuses_is_refused_at_the_call() -> None:
    app = App("test")
    ran: list[Any] = []

    @app.step(queue("strict", input=int), queue("mixed", input=int))
    async def numbers(data: int) -> None:
        ran.append(data)

    @app.step(queue("mixed"))
    async def anything(data: Any) -> None:
        ran.append(data)

    async with Harness(app) as t:
        with pytest.raises(ValidationFailed, match='payload for topic "strict"'):
            await t.enqueue("strict", "one")
        assert t.sent("strict") == []
        with pytest.raises(ValidationFailed):
            await numbers.enqueue("one", topic="strict")
        await t.enqueue("mixed", "one")  # one subscriber takes it
        await t.drain()
        assert ran == ["one"]
        assert [letter.subscription for letter in await t.dead()] == ["numbers/mixed"]


async def test_a_step_is_enqueued_to_alone() -> None:
    app = App("test")
    ran: list[str] = []

    @app.step(queue("work"))
    async def one(data: Any) -> None:
        ran.append("one")

    @app.step(queue("work"))
    async def other(data: Any) -> None:
        ran.append("other")

    @app.step(queue("start"))
    async def start(data: Any) -> None:
        await one.enqueue({})

    async with Harness(app) as t:
        await one.enqueue({})
        await t.drain()
        assert ran == ["one"]
        await t.enqueue("start")
        await t.drain()
        assert ran == ["one", "one"]


# ---------------------------------------------------------------- ambient


async def test_ambient_names_speak_for_the_running_step() -> None:
    async def work(data: Any, ctx: Context) -> None:
        await motia_fast.enqueue("other", {"n": 1})
        await motia_fast.state_manager.set("g", "k", 1)
        motia_fast.logger.info("hello", n=1)
        assert await ctx.state.get("g", "k") == 1

    t = await ran_as_job(work)
    assert t.sent("other") == [{"n": 1}]


async def test_ambient_names_work_in_what_a_handler_calls_and_starts() -> None:
    async def helper() -> None:
        await motia_fast.enqueue("other", 1)

    async def work(data: Any) -> None:
        await helper()
        await asyncio.create_task(helper())

    assert (await ran_as_job(work)).sent("other") == [1, 1]


async def test_ambient_names_outside_a_step_say_what_to_do() -> None:
    with pytest.raises(NoRunningStep, match=r"app\.enqueue"):
        await motia_fast.enqueue("work", 1)
    with pytest.raises(NoRunningStep, match=r"app\.state"):
        await motia_fast.state_manager.get("g", "k")
    with pytest.raises(NoRunningStep, match="logging"):
        motia_fast.logger.info("hello")


def test_blocking_names_outside_a_step_and_without_an_app_say_what_to_do() -> None:
    with pytest.raises(NoRunningStep, match="Client"):
        sync.enqueue("work", 1)
    with pytest.raises(NoRunningStep, match="Client"):
        sync.state_manager.get("g", "k")


async def test_a_def_handler_has_blocking_names_and_the_async_ones_name_them() -> None:
    def work(data: Any, ctx: SyncContext) -> None:
        sync.enqueue("other", data)
        sync.state_manager.set("g", "k", 1)
        sync.logger.info("hello")
        motia_fast.logger.info("hello")
        assert ctx.state.get("g", "k") == 1
        with pytest.raises(NoRunningStep, match=r"motia_fast\.sync import enqueue"):
            asyncio.run(motia_fast.enqueue("other", 2))

    assert (await ran_as_job(work, 7)).sent("other") == [7]


async def test_blocking_names_refuse_on_a_loop_s_thread() -> None:
    async def work(data: Any) -> None:
        with pytest.raises(MotiaError, match="await"):
            sync.enqueue("other", 1)
        with pytest.raises(MotiaError, match="await"):
            sync.state_manager.get("g", "k")

    assert (await ran_as_job(work)).sent("other") == []


async def test_blocking_names_work_in_a_thread_of_an_async_handler() -> None:
    async def work(data: Any) -> None:
        await asyncio.to_thread(sync.enqueue, "other", 1)

    assert (await ran_as_job(work)).sent("other") == [1]


async def test_blocking_names_in_a_script_s_thread_use_the_app_of_this_process() -> None:
    app = App("test")
    ran: list[Any] = []

    @app.step(queue("work"))
    async def work(data: Any) -> None:
        ran.append(data)

    async with Harness(app) as t:
        receipt = await asyncio.to_thread(sync.enqueue, "work", 5)
        assert len(receipt.job_ids) == 1
        await asyncio.to_thread(app.sync.enqueue, "work", 6)
        await asyncio.to_thread(app.sync.state.set, "g", "k", 1)
        with pytest.raises(MotiaError, match=r"app\.sync"):
            app.sync.enqueue("work", 7)
        await t.drain()
        assert (ran, await t.state("g", "k")) == ([5, 6], 1)


async def test_with_two_apps_a_script_has_to_say_which() -> None:
    async with Harness(App("one")), Harness(App("two")):
        with pytest.raises(NoRunningStep, match="2 Apps"):
            await asyncio.to_thread(sync.enqueue, "work", 1)


# ---------------------------------------------------------------- closing


async def test_a_closed_context_refuses_writes_and_still_reads() -> None:
    async def work(data: Any, ctx: Context) -> None:
        await ctx.state.set("g", "k", 1)
        ctx.session.ledger.closed = "over"
        with pytest.raises(ContextClosed, match="over"):
            await ctx.enqueue("other", 1)
        with pytest.raises(ContextClosed):
            await ctx.state.set("g", "k", 2)
        with pytest.raises(ContextClosed):
            await ctx.state.clear("g")
        assert await ctx.state.get("g", "k") == 1

    assert (await ran_as_job(work)).sent("other") == []


async def test_durable_returns_when_what_the_run_saw_survives() -> None:
    async def work(data: Any, ctx: Context) -> None:
        await ctx.state.set("g", "k", 1)
        await ctx.durable()
        assert ctx.session.engine.durable >= ctx.session.ledger.seen > 0

    await ran_as_job(work)

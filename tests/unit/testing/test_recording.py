"""A context for one handler alone."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from datetime import UTC, datetime
from typing import Any

import pytest

from motia_fast import Context, Request, SyncContext, TriggerInfo, VersionConflict, cron, http, noop, queue, step, sync
from motia_fast import enqueue as ambient_enqueue
from motia_fast import logger as ambient_logger
from motia_fast import state_manager as ambient_state
from motia_fast.errors import EngineClosed, NoRunningStep, ValidationFailed
from motia_fast.testing import ManualClock, Sent, context, sync_context
from tests.contract.engines import ENGINES, Name

RUN_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@step(queue("orders", max_retries=5), http("POST", "/orders"), flows=["shop"])
async def place(order: dict[str, Any], ctx: Context) -> None:
    await ctx.state.set("orders", order["id"], order)
    await ctx.enqueue("mail", {"to": order["email"]}, delay=60, priority=9)
    await ctx.enqueue("audit", order["id"], run_at=RUN_AT)


@step(queue("images"))
def resize(image: str, ctx: SyncContext) -> None:
    ctx.state.update("sizes", image, [{"type": "increment", "by": 1}])
    ctx.enqueue("resized", image)
    ctx.durable()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Name:
    name: Name = request.param
    return name


async def test_a_handler_on_the_loop_is_called_with_it_and_what_it_did_is_seen(engine: Name) -> None:
    ctx = context(engine=engine)
    await place({"id": "o-1", "email": "a@example.com"}, ctx)
    assert ctx.sent("mail") == [{"to": "a@example.com"}]
    assert ctx.enqueued == [
        Sent("mail", {"to": "a@example.com"}, delay=60.0, priority=9),
        Sent("audit", "o-1", run_at=RUN_AT),
    ]
    assert await ctx.state.list("orders") == [{"id": "o-1", "email": "a@example.com"}]
    await ctx.durable()


def test_a_handler_in_a_thread_is_called_with_the_blocking_one(engine: Name) -> None:
    ctx = sync_context(engine=engine)
    resize("cat", ctx)
    resize("cat", ctx)
    assert ctx.enqueued == [Sent("resized", "cat"), Sent("resized", "cat")]
    assert ctx.sent("elsewhere") == []
    assert ctx.state.get("sizes", "cat") == 2


async def test_its_state_is_the_real_one_with_versions_and_expiry(engine: Name) -> None:
    ctx = context(engine=engine)
    await ctx.state.set("g", "k", 1, ttl=60)
    with pytest.raises(VersionConflict):
        await ctx.state.set("g", "k", 2, expected_version=0)
    ctx.clock.advance(59)
    assert await ctx.state.items("g") == [("k", 1)]
    ctx.clock.advance(1)
    assert (await ctx.state.get("g", "k"), await ctx.state.items("g")) == (None, [])


async def test_each_has_a_state_of_its_own(engine: Name) -> None:
    one, other = context(engine=engine), context(engine=engine)
    await one.state.set("g", "k", 1)
    assert await other.state.get("g", "k") is None


async def test_what_the_real_one_refuses_is_refused_and_not_kept(engine: Name) -> None:
    ctx = context(engine=engine)
    options: Any = {"dellay": 1}
    with pytest.raises(ValidationFailed, match='did you mean "delay"'):
        await ctx.enqueue("mail", 1, **options)
    assert ctx.enqueued == []


async def test_without_a_step_it_is_the_first_attempt_of_a_message() -> None:
    ctx = context(data={"n": 1})
    assert (ctx.trigger, ctx.attempt, ctx.max_attempts, ctx.last_error) == (TriggerInfo("queue"), 1, 4, None)
    assert (ctx.run.step, ctx.flows, ctx.job_id, ctx.resources) == ("test", (), 1, None)
    assert ctx.get_data() == {"n": 1}
    assert await ctx.match({"queue": lambda data: data["n"]}) == 1
    assert ctx.now() == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_with_a_step_it_has_its_name_its_flows_and_its_first_trigger() -> None:
    ctx = context(place)
    assert (ctx.run.step, ctx.flows, ctx.trigger) == ("place", ("shop",), TriggerInfo("queue", topic="orders"))
    assert (ctx.attempt, ctx.max_attempts) == (1, 6)
    ctx = context(place, trigger=TriggerInfo("http", 1, method="POST", path="/orders"))
    assert (ctx.is_http(), ctx.job_id, ctx.max_attempts) == (True, None, 1)


@pytest.mark.parametrize(
    ("trigger", "info", "attempts"),
    [
        (http("GET", "/pets/:id"), TriggerInfo("http", method="GET", path="/pets/:id"), 1),
        (cron("0 0 * * *"), TriggerInfo("cron", expression="0 0 * * *"), 4),
        (queue("work", max_retries=0), TriggerInfo("queue", topic="work"), 1),
        (noop(), TriggerInfo("queue"), 4),
    ],
    ids=["http", "cron", "queue", "noop"],
)
def test_the_first_trigger_may_be_of_any_type(trigger: Any, info: TriggerInfo, attempts: int) -> None:
    async def handler(data: Any) -> None: ...

    ctx = context(step(trigger)(handler))
    assert (ctx.trigger, ctx.max_attempts) == (info, attempts)


def test_a_later_attempt_knows_how_the_last_one_failed() -> None:
    pool, clock = object(), ManualClock()
    clock.advance(5)
    ctx = sync_context(attempt=3, max_attempts=3, last_error=ConnectionError("no"), resources=pool, clock=clock)
    assert (ctx.attempt, ctx.max_attempts, ctx.resources) == (3, 3, pool)
    assert ctx.last_error is not None
    assert (ctx.last_error.type, ctx.last_error.message) == ("ConnectionError", "no")
    assert ctx.now().second == 25
    assert ctx.clock is clock


async def test_its_log_lines_are_those_of_the_step(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    context(place).logger.info("Placed", {"n": 1})
    assert [(record.name, record.message) for record in caplog.records] == [("motia_fast.step.place", "Placed")]


async def test_a_request_is_made_by_the_test() -> None:
    @step(http("GET", "/orders/:id"))
    async def show(request: Request, ctx: Context) -> dict[str, Any]:
        return {"body": await ctx.state.get("orders", request.path_params["id"])}

    ctx = context(show)
    await ctx.state.set("orders", "o-1", {"status": "placed"})
    assert await show(Request(path_params={"id": "o-1"}), ctx) == {"body": {"status": "placed"}}


# ---------------------------------------------------------------- ambient names


async def test_the_ambient_names_find_it_inside_its_block() -> None:
    async def handler(n: int) -> None:
        ambient_logger.info("Here")
        await ambient_state.set("g", "k", n)
        await ambient_enqueue("next", n)

    with context() as ctx:
        await handler(1)
    assert ctx.sent("next") == [1]
    assert await ctx.state.get("g", "k") == 1
    with pytest.raises(NoRunningStep):
        await handler(2)


def test_the_blocking_ambient_names_find_the_blocking_one() -> None:
    with sync_context() as ctx:
        sync.enqueue("next", 1)
        sync.state_manager.set("g", "k", 1)
    assert (ctx.sent("next"), ctx.state.get("g", "k")) == ([1], 1)


# ---------------------------------------------------------------- its end


def test_its_engine_is_closed_when_nobody_has_it_any_more(engine: Name) -> None:
    ctx = sync_context(engine=engine)
    resize("cat", ctx)
    opened, seen = ctx.session.engine, weakref.ref(ctx)
    gc.disable()  # it has no part in a cycle, which would keep the engine until the collector comes
    try:
        del ctx
        assert seen() is None
    finally:
        gc.enable()
    with pytest.raises(EngineClosed):
        opened.stats()


def test_it_outlives_the_loop_of_its_handler(engine: Name) -> None:
    ctx = context(engine=engine)
    asyncio.run(place.handler({"id": "o-1", "email": "a@example.com"}, ctx))
    assert asyncio.run(ctx.state.keys("orders")) == ["o-1"]

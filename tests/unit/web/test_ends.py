"""When a response is sent, and how a request ends that takes too long or is in the way of a stop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

import pytest

from motia_fast.context import Context, SyncContext
from motia_fast.errors import ContextClosed, EngineStopped
from motia_fast.requests import Request
from motia_fast.steps import step
from motia_fast.triggers import http
from motia_fast.web import RawRequest
from tests.unit.web.site import Site, raising, returning, until

# ---------------------------------------------------------------- when it is sent


async def test_a_response_waits_for_the_disk() -> None:
    site = Site(returning({"status": 202}))
    site.execution.disk.clear()
    asking = asyncio.create_task(site.ask("GET", "/"))
    await until(lambda: site.application.running == 0 and site.execution.opened)
    done, _ = await asyncio.wait({asking}, timeout=0.05)
    assert not done
    site.execution.disk.set()
    assert (await asking).status == 202


@pytest.mark.parametrize("handler", [raising(ValueError()), returning(17), returning(None, condition=lambda _: False)])
async def test_an_error_waits_for_the_disk_too(handler: Any) -> None:
    site = Site(handler)
    site.execution.disk.clear()
    asking = asyncio.create_task(site.ask("GET", "/"))
    await until(lambda: site.application.running == 0 and site.execution.opened)
    done, _ = await asyncio.wait({asking}, timeout=0.05)
    assert not done
    site.execution.disk.set()
    assert (await asking).status in {422, 500}


async def test_a_disk_that_fails_before_the_response_makes_it_a_503() -> None:
    site = Site(returning({"status": 202}))
    site.execution.failure = EngineStopped("/data/engine.db: I/O error")
    answer = await site.ask("GET", "/")
    assert answer.status == 503
    assert "/data" not in answer.json["message"]


# ---------------------------------------------------------------- timeouts


async def test_a_request_that_timed_out_is_answered_once_and_its_task_waits_for_that() -> None:
    @step(http("GET", "/", request_timeout=0.02), name="Slow")
    async def slow(request: Request[Any]) -> Any:
        await asyncio.Event().wait()

    site, sent = Site(slow), list[int]()
    site.execution.disk.clear()
    raw = RawRequest.of("GET", "/")
    task = asyncio.create_task(site.application.respond(raw, lambda status, _headers, _data: sent.append(status)))
    await until(lambda: site.execution.opened and site.application.running == 0)
    site.application.abort()
    done, _ = await asyncio.wait({task}, timeout=0.05)
    assert (done, sent) == (set(), [])  # a server would answer for a task that ended without an answer
    site.execution.disk.set()
    await asyncio.wait_for(task, 5)
    assert sent == [504]


async def test_a_request_that_is_aborted_after_it_timed_out_keeps_its_answer() -> None:
    go = asyncio.Event()

    @step(http("GET", "/", request_timeout=0.02), name="Stubborn")
    async def stubborn(request: Request[Any]) -> Any:
        while not go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await go.wait()

    site, sent = Site(stubborn), list[int]()
    raw = RawRequest.of("GET", "/")
    task = asyncio.create_task(site.application.respond(raw, lambda status, _headers, _data: sent.append(status)))
    await until(lambda: sent)
    site.application.abort()
    go.set()
    await asyncio.wait_for(task, 5)
    assert sent == [504]


async def test_a_handler_that_takes_too_long_is_a_504_and_is_cancelled_and_may_not_write() -> None:
    ends: list[str] = []

    @step(http("GET", "/", request_timeout=0.02), name="Slow")
    async def slow(request: Request[Any], ctx: Context) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ends.append("cancelled")
            with pytest.raises(ContextClosed, match=r"timed out after 0\.02 s"):
                ctx.session.ledger.check()
            raise

    site = Site(slow)
    answer = await site.ask("GET", "/")
    assert (answer.status, answer.json["error"]) == (504, "timeout")
    assert "0.02 s" in answer.json["message"]
    await asyncio.wait_for(site.application.drained(), 5)
    assert ends == ["cancelled"]


async def test_a_handler_that_will_not_be_cancelled_does_not_keep_its_client_waiting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    go = asyncio.Event()

    @step(http("GET", "/", request_timeout=0.02), name="Stubborn")
    async def stubborn(request: Request[Any]) -> Any:
        while not go.is_set():
            try:
                await go.wait()
            except asyncio.CancelledError:
                continue
        raise ValueError("late")

    site = Site(stubborn)
    assert (await site.ask("GET", "/")).status == 504
    assert site.application.running == 1
    go.set()
    await asyncio.wait_for(site.application.drained(), 5)
    assert "its request timed out" in caplog.records[0].__dict__["fields"]["after"]


async def test_a_def_handler_that_takes_too_long_runs_on_and_may_write() -> None:
    go, ended = threading.Event(), threading.Event()

    @step(http("GET", "/", request_timeout=0.02), name="Slow")
    def slow(request: Request[Any], ctx: SyncContext) -> Any:
        go.wait(10)
        ctx.session.ledger.check()
        ended.set()

    site = Site(slow)
    assert (await site.ask("GET", "/")).status == 504
    assert not ended.is_set()
    go.set()
    await asyncio.wait_for(site.application.drained(), 5)
    assert ended.is_set()


async def test_middleware_counts_and_a_def_handler_that_was_not_reached_is_not_run() -> None:
    called: list[int] = []

    async def stuck(request: Request[Any], ctx: Context, then: Any) -> Any:
        await asyncio.Event().wait()

    @step(http("GET", "/", request_timeout=0.02, middleware=[stuck]), name="Never")
    def never(request: Request[Any]) -> Any:
        called.append(1)

    site = Site(never)
    assert (await site.ask("GET", "/")).status == 504
    await asyncio.wait_for(site.application.drained(), 5)
    assert called == []


async def test_without_a_timeout_a_handler_may_take_as_long_as_it_likes() -> None:
    go = asyncio.Event()

    @step(http("GET", "/", request_timeout=None), name="Slow")
    async def slow(request: Request[Any]) -> Any:
        await go.wait()
        return {"status": 200}

    site = Site(slow)
    asking = asyncio.create_task(site.ask("GET", "/"))
    await until(lambda: site.application.running == 1)
    go.set()
    assert (await asking).status == 200


async def test_a_client_that_goes_away_does_not_stop_its_step() -> None:
    go, ended = asyncio.Event(), asyncio.Event()

    @step(http("GET", "/"), name="Slow")
    async def slow(request: Request[Any]) -> Any:
        await go.wait()
        ended.set()

    site = Site(slow)
    asking = asyncio.create_task(site.ask("GET", "/"))
    await until(lambda: site.application.running == 1)
    asking.cancel()
    go.set()
    await asyncio.wait_for(ended.wait(), 5)
    await asyncio.wait_for(site.application.drained(), 5)


# ---------------------------------------------------------------- stopping


async def test_what_runs_is_waited_for_and_then_aborted() -> None:
    @step(http("GET", "/"), name="Slow")
    async def slow(request: Request[Any]) -> Any:
        await asyncio.Event().wait()

    site = Site(slow)
    asking = [asyncio.create_task(site.ask("GET", "/")) for _ in range(3)]
    await until(lambda: site.application.running == 3)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(site.application.drained(), 0.02)
    site.application.abort()
    assert [(await one).status for one in asking] == [503, 503, 503]
    await asyncio.wait_for(site.application.drained(), 5)

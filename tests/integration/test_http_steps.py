"""HTTP steps on the real worker and the real engine: what they write, and when they may not."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from motia_fast import App, Context, ContextClosed, Request, SyncContext, enqueue, http, queue, state_manager
from motia_fast.testing import Harness


class Order(BaseModel):
    pet_id: str
    quantity: int = 1


async def test_a_request_is_answered_when_its_job_is_on_the_disk_and_the_job_is_done(tmp_path: Path) -> None:
    app = App("shop")
    commits: list[int] = []

    @app.step(http("POST", "/orders"))
    async def create(request: Request[Order], ctx: Context) -> Any:
        assert ctx.get_data() == request.model
        await ctx.enqueue("order", request.model)
        commits.append(ctx.session.engine.committed)
        return {"status": 202, "body": {"status": "pending"}}

    @app.step(queue("order"))
    async def keep(order: Order, ctx: Context) -> None:
        await ctx.state.set("orders", order.pet_id, order)

    async with Harness(app, data_dir=tmp_path / "data") as t:
        answer = await t.post("/orders", json={"pet_id": "p"})
        assert answer.status == 202
        assert t._services.engine.durable >= commits[0] > 0
        assert (await t.post("/orders", json={"quantity": 1})).status == 400
        await t.drain()
        assert await t.state("orders") == {"p": {"pet_id": "p", "quantity": 1}}


async def test_a_def_handler_and_middleware_reach_the_engine_too() -> None:
    app = App("shop")

    async def count(request: Request[Any], ctx: Context, then: Any) -> Any:
        await state_manager.set("counts", "requests", 1)  # the ambient names work around a handler, too
        return await then()

    @app.step(http("GET", "/def", middleware=[count]))
    def blocking(request: Request[Any], ctx: SyncContext) -> Any:
        ctx.state.set("counts", "handlers", 1)
        return {"status": 200, "body": ctx.state.get("counts", "requests")}

    @app.step(http("POST", "/ambient"))
    async def ambient(request: Request[Any]) -> Any:
        await enqueue("nobody", request.body)
        return {"status": 202}

    async with Harness(app) as t:
        assert (await t.get("/def")).json() == 1
        assert await t.state("counts") == {"requests": 1, "handlers": 1}
        assert (await t.post("/ambient", json={"a": 1})).status == 202
        assert t.sent("nobody") == [{"a": 1}]


async def test_what_a_handler_writes_after_its_504_is_refused() -> None:
    app = App("shop")
    refused = asyncio.Event()

    @app.step(http("POST", "/slow", request_timeout=1))  # long enough for the first write on a busy machine
    async def slow(request: Request[Any], ctx: Context) -> Any:
        await ctx.state.set("slow", "before", 1)
        try:
            await asyncio.Event().wait()
        finally:
            with pytest.raises(ContextClosed):
                await ctx.state.set("slow", "after", 1)
            refused.set()

    async with Harness(app) as t:
        assert (await t.post("/slow")).status == 504
        await asyncio.wait_for(refused.wait(), 10)
        assert await t.state("slow") == {"before": 1}


async def test_a_def_handler_s_writes_after_its_504_stand() -> None:
    app = App("shop")
    go, ended = threading.Event(), threading.Event()

    @app.step(http("POST", "/slow", request_timeout=0.05))
    def slow(request: Request[Any], ctx: SyncContext) -> Any:
        go.wait(10)
        ctx.state.set("slow", "after", 1)
        ended.set()

    async with Harness(app) as t:
        assert (await t.post("/slow")).status == 504
        go.set()
        await asyncio.to_thread(ended.wait, 10)
        assert await t.state("slow") == {"after": 1}


async def test_a_wrong_answer_keeps_what_was_written_before_it() -> None:
    app = App("shop")

    @app.step(http("POST", "/wrong"))
    async def wrong(request: Request[Any], ctx: Context) -> Any:
        await ctx.state.set("kept", "a", 1)
        return 17

    async with Harness(app) as t:
        answer = await t.post("/wrong")
        assert (answer.status, answer.json()["error"]) == (500, "internal_error")
        assert await t.state("kept") == {"a": 1}

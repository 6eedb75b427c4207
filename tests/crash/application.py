"""The application that is killed. An order comes by HTTP; it is placed and billed by a job each, and then told of.

What it did is in the state, and in a journal that does not depend on the engine. It runs by ``python -m motia_fast run
tests.crash.application:app`` with CRASH_JOURNAL in its environment, and with CRASH_POOL for worker processes.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
import time
import zlib
from collections.abc import AsyncGenerator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from motia_fast import App, Context, Request, SyncContext, http, queue
from tests.crash import points
from tests.crash.journal import Writer

JOURNAL = Writer(Path(os.environ["CRASH_JOURNAL"]))
#: Jobs take this many seconds, at random: clients post more than that, so that at any moment some run and some wait.
TAKES = (0.01, 0.06)


class Order(BaseModel):
    id: str
    text: str
    #: Whose handler kills its process.
    deadly: Literal["", "place", "bill"] = ""


class Arm(BaseModel):
    point: str
    passings: int


@asynccontextmanager
async def workers() -> AsyncGenerator[ProcessPoolExecutor]:
    """A pool of two processes, both of which live from the start."""
    # "fork" is what inherits the port and the lock, and was Linux's way until Python 3.14.
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(pool, at_work) for _ in range(2)))
        yield pool


def at_work() -> None:
    JOURNAL.note("child", "-", os.getpid())
    time.sleep(0.2)  # the next task finds this process busy, so that it gets one of its own


def checksum(text: str) -> int:
    return zlib.crc32(text.encode())


points.install()
app = App("crash", lifespan=workers if "CRASH_POOL" in os.environ else None)


@app.step(http("POST", "/orders", body_schema=Order))
async def receive(request: Request[Order], ctx: Context) -> Any:
    assert request.model is not None
    await ctx.enqueue("order", request.model)
    return {"status": 202, "body": {"id": request.model.id}}


@app.step(http("GET", "/totals"))
async def totals(request: Request[Any], ctx: Context) -> Any:
    return {"status": 200, "body": await ctx.state.get("totals", "placed", {"a": 0, "b": 0})}


@app.step(http("POST", "/arm", body_schema=Arm))
async def arm(request: Request[Arm]) -> Any:
    assert request.model is not None
    points.TRAP.arm(request.model.point, request.model.passings)
    return {"status": 200}


@app.step(queue("order", input=Order, concurrency=8))
async def place(order: Order, ctx: Context) -> None:
    note("start", "place", order.id, ctx)
    if order.deadly == "place":
        os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.sleep(random.uniform(*TAKES))
    value = {"text": order.text, "sum": await summed(order.text, ctx.resources)}
    await ctx.state.set("placed", order.id, value)
    # Two fields that are always equal, by one write.
    await ctx.state.update("totals", "placed", [{"type": "increment", "path": name, "by": 1} for name in ("a", "b")])
    await ctx.enqueue("placed", {"id": order.id})
    note("done", "place", order.id, ctx)


async def summed(text: str, pool: ProcessPoolExecutor | None) -> int:
    if pool is None:
        return checksum(text)
    return await asyncio.get_running_loop().run_in_executor(pool, checksum, text)


@app.step(queue("order", input=Order, concurrency=6))
def bill(order: Order, ctx: SyncContext) -> None:
    note("start", "bill", order.id, ctx)
    if order.deadly == "bill":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(random.uniform(*TAKES))
    ctx.state.set("billed", order.id, {"sum": checksum(order.text)})
    note("done", "bill", order.id, ctx)


@app.step(queue("placed", concurrency=8))
async def tell(data: dict[str, str], ctx: Context) -> None:
    note("start", "tell", data["id"], ctx)
    await ctx.state.set("told", data["id"], {"order": data["id"]})
    note("done", "tell", data["id"], ctx)


def note(what: str, step: str, order: str, ctx: Context | SyncContext) -> None:
    assert ctx.job_id is not None
    JOURNAL.note(what, step, ctx.job_id, order, ctx.attempt)

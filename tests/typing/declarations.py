"""Declarations as users write them. mypy and pyright check this file; nothing runs it.

A complaint of mypy that is wanted is silenced on its line; one that does not come is a complaint of its own, so each is
tested. Those of pyright are in ``refused_by_pyright.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any, assert_type

from pydantic import BaseModel

from motia_fast import App, Context, F, Receipt, Request, Step, SyncContext, cron, http, noop, queue, step
from motia_fast.steps import StepConfig
from motia_fast.triggers import CronTrigger, HttpTrigger, NoopTrigger, QueueTrigger


class Order(BaseModel):
    id: str
    amount: int = 0


app = App("orders")

# ---------------------------------------------------------------- triggers

assert_type(http("POST", "/orders", body_schema=Order, request_timeout=timedelta(seconds=5)), HttpTrigger)
assert_type(queue(input=Order, max_retries=5, backoff="linear", discard_on=(KeyError, ValueError)), QueueTrigger)
assert_type(cron("0 0 * * *", timezone="Europe/Berlin", misfire="all"), CronTrigger)
assert_type(noop(), NoopTrigger)

queue("orders", condition=F.amount > 1000)
queue("orders", condition=lambda order: order.amount > 1000)
queue("orders", condition=lambda order, ctx: order.amount > ctx.attempt)
queue("orders", retry_on=OSError, timeout=None, delay=0.5)

queue("orders", max_retry=3)  # type: ignore[call-arg]
queue("orders", max_retries="3")  # type: ignore[arg-type]
queue("orders", backoff="exponentiel")  # type: ignore[arg-type]
queue("orders", condition=3)  # type: ignore[arg-type]
http("GET")  # type: ignore[call-arg]
cron("@daily", misfire="twice")  # type: ignore[arg-type]

# ---------------------------------------------------------------- decorators


@app.step(http("POST", "/orders", body_schema=Order), flows=["orders"])
async def create_order(request: Request[Order]) -> dict[str, Any]:
    assert_type(request.model, Order)
    assert_type(await place_order.enqueue(request.model, delay=timedelta(seconds=1), priority=9), Receipt)
    return {"status": 202}


@app.step(queue(input=Order, max_retries=3), flows=["orders"], enqueues=["notification"])
async def place_order(order: Order, ctx: Context) -> int:
    await ctx.state.set("orders", order.id, order)
    return order.amount


@step(queue("orders"), cron("@daily"), {"type": "queue", "topic": "more"}, was="count")
def count_orders(order: Order, ctx: SyncContext) -> int:
    ctx.state.set("orders", order.id, order)
    return order.amount


async def call(order: Order, ctx: Context, blocking: SyncContext) -> None:
    assert_type(await place_order(order, ctx), int)
    assert_type(count_orders(order, blocking), int)
    await place_order("order", ctx)  # type: ignore[arg-type]
    await place_order.enqueue(order, prio=9)  # type: ignore[call-arg]


@app.step(queue(), flow=["orders"])  # type: ignore[call-arg]
async def misspelt() -> None: ...


@step(queue(), flow=["orders"])  # type: ignore[call-overload, untyped-decorator]
async def misspelt_too() -> None: ...


# ---------------------------------------------------------------- Motia's file form

step_config: StepConfig = {
    "name": "ProcessFoodOrder",
    "triggers": [queue("process-food-order", input=Order), {"type": "cron", "expression": "@daily"}],
    "enqueues": ["notification", {"topic": "audit", "label": "Audit"}],
    "flows": ["orders"],
}
wrong: StepConfig = {"name": "Wrong", "trigger": []}  # type: ignore[typeddict-unknown-key]


async def process(order: Order, ctx: Context) -> None: ...


config, handler = step(step_config, process)
assert_type(config, Mapping[str, Any])
declared: Step[[Order, Context], Coroutine[Any, Any, None]] = handler
function: Callable[[Order, Context], Coroutine[Any, Any, None]] = handler
handler(3)  # type: ignore[call-arg, arg-type, unused-coroutine]
app.add(handler, create_order)

"""Declarations that pyright must complain about; nothing runs this file. Without the complaint, the silence is one."""
# mypy: ignore-errors
# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from motia_fast import App, cron, http, queue, step
from motia_fast.steps import StepConfig

app = App("orders")

queue("orders", max_retry=3)  # pyright: ignore[reportCallIssue]
queue("orders", max_retries="3")  # pyright: ignore[reportArgumentType]
queue("orders", backoff="exponentiel")  # pyright: ignore[reportArgumentType]
queue("orders", condition=3)  # pyright: ignore[reportArgumentType]
http("GET")  # pyright: ignore[reportCallIssue]
cron("@daily", misfire="twice")  # pyright: ignore[reportArgumentType]


@app.step(queue(), flow=["orders"])  # pyright: ignore[reportCallIssue, reportUntypedFunctionDecorator]
async def misspelt() -> None: ...


@step(queue(), flow=["orders"])  # pyright: ignore[reportCallIssue, reportUntypedFunctionDecorator]
async def misspelt_too() -> None: ...


@app.step(queue())
async def place_order(order: str) -> None: ...


async def call() -> None:
    await place_order(3)  # pyright: ignore[reportArgumentType]
    await place_order.enqueue("order", prio=9)  # pyright: ignore[reportCallIssue]


wrong: StepConfig = {"name": "Wrong", "trigger": []}  # pyright: ignore[reportAssignmentType]

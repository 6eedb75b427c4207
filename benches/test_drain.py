"""How fast waiting jobs run when their handler does nothing: what is left is what a job costs by itself.

The clock runs from the start of the worker, on an open engine, until the last settle survives a power cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from benches.applications import PAYLOAD, application, drain, fill, opened
from benches.measuring import Measure, Name
from motia_fast import App, queue
from motia_fast.contract import Message


class Order(BaseModel):
    """What a job is checked and converted to, where a step asks for it."""

    id: str
    petId: str  # noqa: N815 -- as a client spells it
    quantity: int


def plain_async(app: App) -> None:
    @app.step(queue("work", concurrency=256), name="work")
    async def work(data: object) -> None: ...


def model_async(app: App) -> None:
    @app.step(queue("work", input=Order, concurrency=256), name="work")
    async def work(order: Order) -> None: ...


def plain_def(app: App) -> None:
    @app.step(queue("work", concurrency=256), name="work")
    def work(data: object) -> None: ...


def model_def(app: App) -> None:
    @app.step(queue("work", input=Order, concurrency=256), name="work")
    def work(order: Order) -> None: ...


@pytest.mark.parametrize(
    ("declare", "title", "full"),
    [
        pytest.param(plain_async, "drain, async", 50_000, id="async"),
        pytest.param(model_async, "drain, async, pydantic model", 50_000, id="async-model"),
        pytest.param(plain_def, "drain, def", 20_000, id="def"),
        pytest.param(model_def, "drain, def, pydantic model", 20_000, id="def-model"),
    ],
)
def test_waiting_jobs_run(
    declare: Callable[[App], None],
    title: str,
    full: int,
    home: Path,
    engine: Name,
    measure: Measure,
    runner: asyncio.Runner,
) -> None:
    jobs = measure.size(full, smoke=300)
    app = application(home, engine)
    declare(app)
    services = runner.run(opened(app))
    runner.run(fill(services, [Message("work", PAYLOAD)] * jobs))
    _, seconds = measure(lambda: runner.run(drain(services)))
    (stats,) = runner.run(app.stats()).subscriptions
    runner.run(app.close())
    assert stats.done == jobs
    measure.rate(title, jobs, seconds, headline=True)

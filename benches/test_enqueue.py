"""What an acknowledgement costs: each enqueue returns when its jobs survive a power cut. Nothing drains meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from benches.applications import LIST, ORDER, PAYLOAD, application, opened
from benches.measuring import Measure, Name
from motia_fast import App, queue
from motia_fast.contract import Message
from motia_fast.services import Services

CALLERS = 64


@pytest.fixture
def app(home: Path, engine: Name, runner: asyncio.Runner) -> Iterator[App]:
    """An open engine, with one step that takes what is enqueued."""
    app = application(home, engine)

    @app.step(queue("work"))
    async def work(data: object) -> None: ...

    runner.run(opened(app))
    yield app
    runner.run(app.close())


async def enqueue_one_by_one(app: App, jobs: int) -> None:
    for _ in range(jobs):
        await app.enqueue("work", ORDER)


async def enqueue_lists(services: Services, lists: int) -> None:
    messages = [Message("work", PAYLOAD)] * LIST
    for _ in range(lists):
        await services.session.enqueue(messages)


def test_one_caller_enqueues_and_waits_for_the_disk_each_time(
    app: App, measure: Measure, runner: asyncio.Runner
) -> None:
    jobs = measure.size(5_000, smoke=100)
    _, seconds = measure(lambda: runner.run(enqueue_one_by_one(app, jobs)))
    measure.rate("durable enqueue, one caller", jobs, seconds, headline=True)


def test_64_callers_at_once_share_syncs(app: App, measure: Measure, runner: asyncio.Runner) -> None:
    each = measure.size(800, smoke=5)

    async def callers() -> None:
        await asyncio.gather(*(enqueue_one_by_one(app, each) for _ in range(CALLERS)))

    _, seconds = measure(lambda: runner.run(callers()))
    measure.rate("durable enqueue, 64 callers", CALLERS * each, seconds, headline=True)


def test_a_list_of_100_is_one_commit(app: App, measure: Measure, runner: asyncio.Runner) -> None:
    lists = measure.size(1_000, smoke=5)
    assert app.services is not None
    services = app.services
    _, seconds = measure(lambda: runner.run(enqueue_lists(services, lists)))
    measure.rate("durable enqueue, one caller, lists of 100", LIST * lists, seconds, headline=True)


def test_several_callers_with_lists_keep_the_disk_busy(app: App, measure: Measure, runner: asyncio.Runner) -> None:
    lists = measure.size(250, smoke=2)
    assert app.services is not None
    services = app.services

    async def callers() -> None:
        await asyncio.gather(*(enqueue_lists(services, lists) for _ in range(4)))

    _, seconds = measure(lambda: runner.run(callers()))
    measure.rate("durable enqueue, 4 callers, lists of 100", 4 * LIST * lists, seconds)

"""What ends too late is interrupted, in order, and nothing else is."""

from __future__ import annotations

import asyncio

import pytest

from motia_fast.web.deadlines import Deadlines, Patience
from tests.unit.web.site import until


async def test_members_are_late_in_the_order_in_which_they_came() -> None:
    late: list[str] = []
    last = asyncio.Event()

    def note(member: str) -> None:
        late.append(member)
        if member == "c":
            last.set()

    deadlines = Deadlines(0.01, note)
    for member in ("a", "b", "c"):
        deadlines.add(member)
        await asyncio.sleep(0)
    deadlines.discard("b")
    await asyncio.wait_for(last.wait(), 5)
    assert late == ["a", "c"]


async def test_none_is_late_before_its_time() -> None:
    loop = asyncio.get_running_loop()
    at: asyncio.Future[float] = loop.create_future()
    deadlines: Deadlines[str] = Deadlines(0.02, lambda _: at.set_result(loop.time()))
    deadlines.add("gone")
    deadlines.discard("gone")
    await asyncio.sleep(0.01)
    began = loop.time()
    deadlines.add("stays")  # the timer is still that of the first
    assert await asyncio.wait_for(at, 5) - began >= 0.02


async def test_members_that_end_in_time_leave_no_timer() -> None:
    late: list[int] = []
    deadlines = Deadlines(0.01, late.append)
    for member in range(1000):
        deadlines.add(member)
        deadlines.discard(member)
    assert deadlines.watching
    await until(lambda: not deadlines.watching)
    deadlines.add(1000)
    assert deadlines.watching
    deadlines.discard(1000)
    assert late == []


async def test_patience_ends_with_a_timeout_and_leaves_the_task_as_it_was() -> None:
    stuck = asyncio.Event()
    with pytest.raises(TimeoutError):
        await Patience(0.01).wait(stuck.wait())
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)  # nothing of the cancellation is left


async def test_patience_returns_what_came_in_time() -> None:
    assert await Patience(5).wait(asyncio.sleep(0, "here")) == "here"
    assert await Patience(None).wait(asyncio.sleep(0, "here")) == "here"


async def test_a_cancellation_from_elsewhere_is_no_timeout() -> None:
    patience = Patience(60)
    task = asyncio.create_task(patience.wait(asyncio.Event().wait()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

"""The timer that lets time pass."""

from __future__ import annotations

import asyncio

from motia_fast.worker.timer import LOOK_AGAIN, Timer


class Due:
    """Something that is due, and counts how often it was fired."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.fired = 0
        self.happened = asyncio.Event()

    def due(self) -> float | None:
        return self.seconds

    def fire(self) -> None:
        self.fired += 1
        self.seconds = None
        self.happened.set()


def waits_for(timer: Timer) -> float | None:
    handle = timer._handle
    return None if handle is None else handle.when() - asyncio.get_running_loop().time()


async def test_what_is_due_is_fired() -> None:
    due = Due(0.0)
    Timer(due.due, due.fire).start()
    await asyncio.wait_for(due.happened.wait(), 10)
    assert due.fired == 1


async def test_nothing_is_set_while_nothing_waits_for_time() -> None:
    timer = Timer(lambda: None, lambda: None)
    timer.start()
    assert waits_for(timer) is None


async def test_arming_again_follows_what_is_due_now() -> None:
    due = Due(10.0)
    timer = Timer(due.due, due.fire)
    timer.start()
    due.seconds = 0.0
    timer.arm()
    await asyncio.wait_for(due.happened.wait(), 10)
    due.seconds = None
    timer.arm()
    assert waits_for(timer) is None


async def test_arming_again_for_the_same_time_sets_no_other_timer() -> None:
    timer = Timer(lambda: 10.0, lambda: None)
    timer.start()
    handle = timer._handle
    timer.arm()
    assert timer._handle is handle
    timer.stop()


async def test_a_time_that_is_far_away_is_looked_at_again_before() -> None:
    timer = Timer(lambda: 86_400.0, lambda: None)
    timer.start()
    left = waits_for(timer)
    assert left is not None
    assert left <= LOOK_AGAIN
    timer.stop()


async def test_a_stopped_timer_fires_no_more_and_is_not_armed_again() -> None:
    due = Due(0.0)
    timer = Timer(due.due, due.fire)
    timer.start()
    timer.stop()
    timer.arm()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert due.fired == 0
    assert waits_for(timer) is None

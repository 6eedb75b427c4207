"""Jobs that ran in a crash, and more scheduled ones than memory holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.verbs import drain, message, sub, take, values

if TYPE_CHECKING:
    from tests.contract.rig import Rig

WINDOW = 2


def test_scheduled_jobs_beyond_the_window_come_after_a_crash_that_filled_it(rig: Rig) -> None:
    process = rig.start(sub(), window_jobs=WINDOW)
    process.call("durably", "enqueue", [message(n) for n in range(WINDOW)])
    process.call("durably", "enqueue", [message(n, delay=60.0) for n in range(10, 16)])
    process.call("claim", "worker", "async", WINDOW)
    process.kill()
    engine = rig.open(sub(), window_jobs=WINDOW)
    assert values(drain(engine, WINDOW)) == [0, 1]
    assert take(engine) == []
    rig.clock.advance(60.0)
    engine.tick()
    assert values(drain(engine, 6)) == [10, 11, 12, 13, 14, 15]

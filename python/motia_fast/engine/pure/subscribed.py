"""A subscription as the engine keeps it: its number in the file, its lanes, its free places, its counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motia_fast.contract import Subscription
from motia_fast.engine.pure.lane import Lane
from motia_fast.engine.pure.metrics import Counters
from motia_fast.engine.pure.wheel import Wheel

if TYPE_CHECKING:
    from motia_fast.contract import EngineSettings


class Subscribed:
    """One subscription that is declared, or was when its jobs were made (an orphan)."""

    __slots__ = (
        "counters",
        "declared",
        "id",
        "lanes",
        "number",
        "orphaned",
        "running",
        "scheduled",
        "suspected",
        "unfinished",
        "wheel",
    )

    def __init__(self, number: int, id: str, window: int = 65_536) -> None:  # noqa: A002 -- the contract's name
        """An orphan, until `register` declares it. Its wheel keeps about `window` scheduled jobs in memory."""
        self.number = number
        self.id = id
        self.orphaned = True
        #: As declared last: an orphan's running jobs still settle by the policy they started under.
        self.declared = Subscription(id, step=id.partition("/")[0], topic="")
        self.lanes: dict[int, Lane] = {}
        self.wheel = Wheel(window)
        self.running = 0
        #: Jobs in the state scheduled, in memory or in the store.
        self.scheduled = 0
        #: Ready jobs among the suspects, which are in no lane.
        self.suspected = 0
        #: Jobs that are neither finished nor dead, durable or not.
        self.unfinished = 0
        self.counters = Counters()

    @property
    def free(self) -> bool:
        """Whether one more of its jobs may run."""
        return not self.orphaned and self.running < self.declared.concurrency

    @property
    def ready(self) -> int:
        """Jobs that wait for a place, spilled ones included."""
        return self.suspected + sum(len(lane.jobs) + lane.spilled for lane in self.lanes.values())

    def lane(self, priority: int, settings: EngineSettings) -> Lane:
        """Its lane of that priority, made when first asked for."""
        lane = self.lanes.get(priority)
        if lane is None:
            lane = self.lanes[priority] = Lane(self, priority, settings.window_jobs, settings.window_bytes)
        return lane

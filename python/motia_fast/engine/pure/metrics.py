"""Counters and fixed histograms: a few integers, raised under the engine's lock."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from motia_fast.contract import Histogram

#: Upper bounds in seconds, for waits and runs: from what one wake-up takes to the longest default timeout.
SECONDS = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    900.0,
)
#: Upper bounds of the number of commits in a group, up to the 256 that one sync may carry.
COMMITS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)


class Observed:
    """A histogram that is being filled."""

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """`bounds` rise; what lies above the last one has a bucket of its own."""
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def add(self, value: float) -> None:
        """Counts one observation."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def view(self) -> Histogram:
        """What was observed so far."""
        return Histogram(self._bounds, tuple(self._counts), self._total)


@dataclass(slots=True)
class Counters:
    """What became of one subscription's jobs since the engine opened. Each failed attempt counts once as failed."""

    enqueued: int = 0
    done: int = 0
    failed: int = 0
    retried: int = 0
    snoozed: int = 0
    skipped: int = 0
    died: int = 0
    wait: Observed = field(default_factory=lambda: Observed(SECONDS))
    run: Observed = field(default_factory=lambda: Observed(SECONDS))

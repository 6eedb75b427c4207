"""Time as the engine sees it: two readings, in whole microseconds.

`now` follows the wall and may jump; `elapsed` only ever grows, at the pace of real time, and counts time in which the
machine was suspended. `run_at=` and cron follow `now`; delays, retries and timeouts follow `elapsed`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol
from weakref import WeakMethod

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable

#: Microseconds since the Unix epoch, or a difference of two such times.
Micros = int

SECOND: Micros = 1_000_000


#: 126,000 years: any longer duration means "never", and still fits a column when it is added to a time.
FOREVER: Micros = 4 * 10**18


def micros(seconds: float) -> Micros:
    """Seconds as whole microseconds, rounded to the nearest, and at most `FOREVER` either way."""
    return round(max(-FOREVER, min(seconds * SECOND, FOREVER)))


class Clock(Protocol):
    """Two readings of time. An engine reads its clock once per verb."""

    def now(self) -> Micros:
        """Wall time: microseconds since the Unix epoch. May jump either way."""
        ...

    def elapsed(self) -> Micros:
        """Microseconds since an arbitrary start; never goes back, and counts suspended time."""
        ...


#: CLOCK_MONOTONIC stands still while a Linux machine sleeps; CLOCK_BOOTTIME does not. macOS's own is enough.
_ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """The machine's clock: the only code that reads the wall."""

    __slots__ = ()

    def now(self) -> Micros:
        """Wall time in microseconds."""
        return time.time_ns() // 1000

    def elapsed(self) -> Micros:
        """Time since boot in microseconds, suspended time included."""
        return time.clock_gettime_ns(_ELAPSED) // 1000


class ManualClock:
    """A clock that moves only when it is told to; for tests."""

    __slots__ = ("_elapsed", "_followers", "_now")

    def __init__(self, now: Micros = 1_700_000_000 * SECOND) -> None:
        """Starts at `now`, by default 2023-11-14 22:13:20 UTC."""
        self._now = now
        self._elapsed = 0
        self._followers: list[WeakMethod[Callable[[Micros, Micros], None]]] = []

    def follow(self, moved: Callable[[Micros, Micros], None]) -> None:
        """Calls a method with both readings whenever the clock moves, as long as its object lives."""
        self._followers.append(WeakMethod(moved))

    @override
    def __getstate__(self) -> tuple[Micros, Micros]:
        """The readings: who follows a clock does not follow its copy."""
        return self._now, self._elapsed

    def __setstate__(self, readings: tuple[Micros, Micros]) -> None:
        self._now, self._elapsed = readings
        self._followers = []

    def now(self) -> Micros:
        """Wall time in microseconds."""
        return self._now

    def elapsed(self) -> Micros:
        """Microseconds by which the clock was advanced."""
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Lets `seconds` (0 or more) pass on both readings."""
        if seconds < 0:
            raise ValueError(f"time passes forwards: advance({seconds}); use jump() to set the wall clock back")
        self._move(micros(seconds), micros(seconds))

    def jump(self, seconds: float) -> None:
        """Sets the wall clock `seconds` forwards or back, as an administrator or NTP would; no time passes."""
        self._move(micros(seconds), 0)

    def _move(self, now: Micros, elapsed: Micros) -> None:
        self._now += now
        self._elapsed += elapsed
        for follower in self._followers:
            moved = follower()
            if moved is not None:
                moved(self._now, self._elapsed)

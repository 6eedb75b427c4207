"""Time for an engine: a timer of the event loop that is set for whatever is due next."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds after which the clock is asked again: the loop's timers stand still while the machine sleeps, and do not
#: follow a wall clock that is set.
LOOK_AGAIN = 15.0
#: Seconds by which a timer may be early or late without being set anew.
CLOSE_ENOUGH = 0.0005


class Timer:
    """Calls `fire` whenever `due` says so: seconds from now, or None while nothing waits for time."""

    def __init__(self, due: Callable[[], float | None], fire: Callable[[], None]) -> None:
        """Does nothing before `start`."""
        self._due = due
        self._fire = fire
        self._handle: asyncio.TimerHandle | None = None
        self._when = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begins, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self.arm()

    def stop(self) -> None:
        """Ends."""
        self._loop = None
        self._disarm()

    def arm(self) -> None:
        """Looks again at what is due: call it whenever that may have changed."""
        if self._loop is None:
            return
        due = self._due()
        if due is None:
            self._disarm()
            return
        when = self._loop.time() + min(due, LOOK_AGAIN)
        if self._handle is None or abs(when - self._when) > CLOSE_ENOUGH:
            self._disarm()
            self._when = when
            self._handle = self._loop.call_at(when, self._fired)

    def _fired(self) -> None:
        self._handle = None
        self._fire()
        self.arm()

    def _disarm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

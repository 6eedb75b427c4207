"""The native engine: `motia_fast._core` as the contract has it. Each verb is one call into Rust."""

from __future__ import annotations

import logging
import os
import weakref
from typing import TYPE_CHECKING, Self

from typing_extensions import override

from motia_fast import _core
from motia_fast.clock import ManualClock, SystemClock

if TYPE_CHECKING:
    from motia_fast.clock import Clock, Micros
    from motia_fast.contract import EngineSettings, Stats

log = logging.getLogger("motia_fast.engine")

_LEVELS = {"warning": logging.WARNING, "critical": logging.CRITICAL}


class NativeEngine(_core.Engine):
    """The engine in Rust. What it has to say is logged here, since Rust never calls Python."""

    name = "rust"
    settings: EngineSettings

    def __new__(cls, settings: EngineSettings, faults: _core.Faults | None = None) -> Self:
        """Opens the data directory. `faults` commands its store, in a build for tests.

        Raises what `contract.Open` raises, and `TypeError` for a clock that Rust cannot read.
        """
        given = () if faults is None else (faults,)
        engine = super().__new__(cls, settings, _readings(settings.clock), *given)
        engine.settings = settings
        if isinstance(settings.clock, ManualClock):
            settings.clock.follow(engine._moved)
        _OPEN.add(engine)
        engine._tell()
        return engine

    @override
    def acknowledge(self) -> None:
        """See the contract."""
        super().acknowledge()
        self._tell()

    @override
    def stats(self) -> Stats:
        """See the contract."""
        self._tell()
        return super().stats()

    @override
    def close(self) -> None:
        """See the contract."""
        try:
            super().close()
        finally:
            self._tell()

    def _moved(self, now: Micros, elapsed: Micros) -> None:
        self.set_clock(now, elapsed)

    def _tell(self) -> None:
        for level, text in self.drain_log():
            log.log(_LEVELS[level], "%s", text)


def _readings(clock: Clock) -> tuple[Micros, Micros] | None:
    """What Rust begins with; None where it reads the machine's clocks by itself."""
    if isinstance(clock, SystemClock):
        return None
    if isinstance(clock, ManualClock):
        return clock.now(), clock.elapsed()
    raise TypeError(f'the Rust engine reads a SystemClock or a ManualClock, not {clock!r}; use engine="pure"')


#: The engines of this process, for its forked children.
_OPEN: weakref.WeakSet[NativeEngine] = weakref.WeakSet()
#: In a forked child: closing what the parent has open would write to the parent's file.
_KEPT: list[NativeEngine] = []


def _after_fork_in_child() -> None:
    _KEPT.extend(_OPEN)
    for engine in _KEPT:
        engine.forked()


os.register_at_fork(after_in_child=_after_fork_in_child)

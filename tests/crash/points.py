"""Where the application kills itself: real seams of the product, passed on the way of every job.

`install` stands in front of them; nothing happens until a point is armed.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, cast

from typing_extensions import override

from motia_fast import services
from motia_fast.engine.pure import PureEngine
from motia_fast.worker import Execution

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from motia_fast.context import Context
    from motia_fast.contract import Engine, EngineSettings, Kind, Outcome, Settlement, Turn
    from motia_fast.engine import Name
    from motia_fast.engine.pure.store import Store
    from motia_fast.worker.running import Running

BEFORE_COMMIT = "before a commit"
IN_COMMIT = "in a commit, all of it written"
AFTER_COMMIT = "after a commit, before it is published"
BEFORE_ANSWER = "after a commit, before its acknowledgement"
CLAIMED = "between claim and start"
HANDLED = "between handler and settle"
SETTLED = "between settle and its commit"
#: Where only the engine's committer passes.
IN_STORE = frozenset({BEFORE_COMMIT, IN_COMMIT, AFTER_COMMIT})
#: Seconds that the disk takes before the process dies in it: what is told or begun too early gets out meanwhile.
LINGER = 0.05
#: In the order of a job's life.
POINTS = (BEFORE_COMMIT, IN_COMMIT, AFTER_COMMIT, BEFORE_ANSWER, CLAIMED, HANDLED, SETTLED)


class Trap:
    """Kills this process at the nth passing of one point."""

    def __init__(self) -> None:
        self._point = ""
        self._left = 0
        self._lock = threading.Lock()  # jobs pass on the loop and in threads
        #: Arms a point in a store that is not Python's.
        self.arm_store: Callable[[str, int], None] | None = None

    def arm(self, point: str, passings: int) -> None:
        if point not in POINTS:
            raise ValueError(f"no such point: {point}")
        if self.arm_store is not None and point in IN_STORE:
            self.arm_store(point, passings)
            return
        self._left = passings
        self._point = point

    def passed(self, point: str) -> None:
        if point != self._point:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                if point in IN_STORE:
                    time.sleep(LINGER)
                os.kill(os.getpid(), signal.SIGKILL)


TRAP = Trap()


class _MortalStore:
    """Passes everything on to the real store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        write = store._write

        def written(group: Any) -> None:
            write(group)
            TRAP.passed(IN_COMMIT)

        vars(store)["_write"] = written

    def commit(self, *arguments: Any) -> None:
        TRAP.passed(BEFORE_COMMIT)
        self._store.commit(*arguments)
        TRAP.passed(AFTER_COMMIT)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class _MortalExecution(Execution):
    @override
    async def execute(self, running: Running) -> Outcome:
        outcome = await super().execute(running)
        TRAP.passed(HANDLED)
        return outcome

    @override
    async def settle_http(self, ctx: Context) -> None:
        await super().settle_http(ctx)
        if ctx.run.trigger.path == "/orders":
            TRAP.passed(BEFORE_ANSWER)


def open_mortal(name: Name, settings: EngineSettings) -> Engine:
    """What `motia_fast.engine.open_engine` is, with an engine that passes the points."""
    engine = _opened(name, settings)
    turn = engine.turn

    def mortal_turn(owner: str, kind: Kind, settlements: Sequence[Settlement], limit: int) -> Turn:
        done = turn(owner, kind, settlements, limit)
        if settlements:
            TRAP.passed(SETTLED)
        if done.jobs:
            TRAP.passed(CLAIMED)
        return done

    vars(engine)["turn"] = mortal_turn
    return engine


def _opened(name: Name, settings: EngineSettings) -> Engine:
    """The engine of that name, in whose store the process can die."""
    if name == "pure":
        return PureEngine(settings, lambda store: cast("Store", _MortalStore(store)))
    assert name == "rust", f"teach points.py how the engine {name!r} takes a store"
    from motia_fast import _core
    from motia_fast.engine.native import NativeEngine

    faults = _core.Faults()
    TRAP.arm_store = faults.kill_at
    return NativeEngine(settings, faults)


def install() -> None:
    """Stands in front of the seams, in this process."""
    for name, mortal in {"open_engine": open_mortal, "Execution": _MortalExecution}.items():
        assert hasattr(services, name)
        setattr(services, name, mortal)

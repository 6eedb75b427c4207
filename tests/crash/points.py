"""Where the application kills itself: real seams of the product, passed on the way of every job.

`install` stands in front of them; nothing happens until a point is armed.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any, cast

from typing_extensions import override

from motia_fast import services
from motia_fast.engine.pure import PureEngine
from motia_fast.worker import Execution

if TYPE_CHECKING:
    from collections.abc import Sequence

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
#: In the order of a job's life.
POINTS = (BEFORE_COMMIT, IN_COMMIT, AFTER_COMMIT, BEFORE_ANSWER, CLAIMED, HANDLED, SETTLED)


class Trap:
    """Kills this process at the nth passing of one point."""

    def __init__(self) -> None:
        self._point = ""
        self._left = 0
        self._lock = threading.Lock()  # jobs pass on the loop and in threads

    def arm(self, point: str, passings: int) -> None:
        if point not in POINTS:
            raise ValueError(f"no such point: {point}")
        self._left = passings
        self._point = point

    def passed(self, point: str) -> None:
        if point != self._point:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
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


class _MortalEngine(PureEngine):
    @override
    def turn(self, owner: str, kind: Kind, settlements: Sequence[Settlement], limit: int) -> Turn:
        turn = super().turn(owner, kind, settlements, limit)
        if settlements:
            TRAP.passed(SETTLED)
        if turn.jobs:
            TRAP.passed(CLAIMED)
        return turn


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


def _open_mortal(name: Name, settings: EngineSettings) -> Engine:
    assert name == "auto", f"teach points.py how the engine {name!r} takes a store"
    return _MortalEngine(settings, lambda store: cast("Store", _MortalStore(store)))


def install() -> None:
    """Stands in front of the seams, in this process."""
    for name, mortal in {"open_engine": _open_mortal, "Execution": _MortalExecution}.items():
        assert hasattr(services, name)
        setattr(services, name, mortal)

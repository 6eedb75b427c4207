"""The pure engine: the contract's verbs, each in the module of its name."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING

from motia_fast.contract import Turn
from motia_fast.engine.pure.claim import claim
from motia_fast.engine.pure.dead import DeadLetters
from motia_fast.engine.pure.enqueue import enqueue
from motia_fast.engine.pure.inspect import Inspect
from motia_fast.engine.pure.open import close_parts, open_parts
from motia_fast.engine.pure.register import register
from motia_fast.engine.pure.schedule import Schedules
from motia_fast.engine.pure.settle import release, settle
from motia_fast.engine.pure.state import State
from motia_fast.engine.pure.statistics import stats
from motia_fast.engine.pure.tick import next_due, tick

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from motia_fast.contract import (
        EngineSettings,
        Enqueued,
        Job,
        Kind,
        Message,
        Registered,
        Settled,
        Settlement,
        Stats,
        Subscription,
    )
    from motia_fast.engine.pure.store import Store
    from motia_fast.errors import EngineStopped


def _as_it_is(store: Store) -> Store:
    return store


class PureEngine:
    """An engine in readable Python: the specification of the native one, its fallback and its yardstick."""

    name = "pure"

    def __init__(self, settings: EngineSettings, store: Callable[[Store], Store] = _as_it_is) -> None:
        """Opens the data directory. `store` may wrap the real store, to let it fail, wait or die in tests."""
        self.settings = settings
        self._opened = open_parts(settings, store)
        self._parts = self._opened.parts
        self.boot = self._parts.boot
        self.state = State(self._parts)
        self.schedules = Schedules(self._parts)
        self.dead = DeadLetters(self._parts)
        self.inspect = Inspect(self._parts)
        _OPEN.add(self)

    @property
    def failure(self) -> EngineStopped | None:
        """See the contract."""
        return self._parts.committer.failure

    def close(self) -> None:
        """See the contract."""
        if not self._parts.forked:
            close_parts(self._opened)

    def register(self, subscriptions: Sequence[Subscription]) -> Registered:
        """See the contract."""
        return register(self._parts, subscriptions)

    def enqueue(self, messages: Sequence[Message]) -> Enqueued:
        """See the contract."""
        return enqueue(self._parts, messages)

    def claim(self, owner: str, kind: Kind, limit: int) -> list[Job]:
        """See the contract."""
        return claim(self._parts, owner, kind, limit)

    def settle(self, settlements: Sequence[Settlement]) -> Settled:
        """See the contract."""
        return settle(self._parts, settlements)

    def release(self, owner: str) -> int:
        """See the contract."""
        return release(self._parts, owner)

    def turn(self, owner: str, kind: Kind, settlements: Sequence[Settlement], limit: int) -> Turn:
        """See the contract."""
        with self._parts.running():
            settled = settle(self._parts, settlements)
            jobs = claim(self._parts, owner, kind, limit)
            return Turn(settled, jobs, self._parts.leases.notices(owner, kind))

    @property
    def committed(self) -> int:
        """See the contract."""
        return self._parts.committer.committed

    @property
    def durable(self) -> int:
        """See the contract."""
        return self._parts.committer.durable

    def wait(self, commit: int, timeout: float | None = None) -> bool:
        """See the contract."""
        self._parts.require_ours()
        return self._parts.committer.wait(commit, timeout)

    def watch(self, commit: int) -> None:
        """See the contract."""
        self._parts.require_open()
        self._parts.committer.watch(commit)

    @property
    def wake_fd(self) -> int:
        """See the contract."""
        return self._parts.wake.fd

    def acknowledge(self) -> None:
        """See the contract."""
        self._parts.require_open()
        self._parts.wake.acknowledge()

    def tick(self) -> None:
        """See the contract."""
        tick(self._parts)

    def next_due(self) -> float | None:
        """See the contract."""
        return next_due(self._parts)

    def stats(self) -> Stats:
        """See the contract."""
        return stats(self._parts, self.name)

    def forked(self) -> None:
        """This process is a forked child: lets go of everything without touching it."""
        self._parts.forked = True
        if self._opened.directory is not None:
            self._opened.directory.release()


#: The engines of this process, for its forked children.
_OPEN: weakref.WeakSet[PureEngine] = weakref.WeakSet()
#: In a forked child: closing what the parent has open would write to the parent's file.
_KEPT: list[PureEngine] = []


def _after_fork_in_child() -> None:
    _KEPT.extend(_OPEN)
    for engine in _KEPT:
        engine.forked()


os.register_at_fork(after_in_child=_after_fork_in_child)

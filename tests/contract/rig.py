"""One data directory, one clock, and the engines that open it one after the other."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from motia_fast.clock import ManualClock
from motia_fast.contract import EngineSettings
from tests.contract.engines import Name, open_on, open_plain
from tests.contract.process import EngineProcess
from tests.contract.verbs import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from motia_fast.contract import Engine, Subscription
    from tests.contract.disk import Disk


class Rig:
    """Opens, reopens and kills engines on one directory. Whatever is open at the end of the test is closed."""

    def __init__(self, name: Name, path: Path) -> None:
        self.name: Name = name
        self.path = path
        self.clock = ManualClock()
        self._engines: list[Engine] = []
        self._processes: list[EngineProcess] = []

    def settings(self, **changes: Any) -> EngineSettings:
        """Commits are not synced unless `durability` says so: a test's process is killed, its machine is not."""
        plain = EngineSettings(self.path, durability="os", concurrency=2_000, min_free_disk=0, clock=self.clock)
        return replace(plain, **changes)

    def open(self, *subscriptions: Subscription, disk: Disk | None = None, **changes: Any) -> Engine:
        """Opens, and registers `subscriptions` if any are given."""
        settings = self.settings(**changes)
        engine = open_plain(self.name, settings) if disk is None else open_on(disk, self.name, settings)
        self._engines.append(engine)
        if subscriptions:
            engine.register(subscriptions)
        return engine

    def reopen(self, *subscriptions: Subscription, **changes: Any) -> Engine:
        """Closes what is open, and opens again. The monotonic clock starts anew, as after a restart of the machine."""
        self.close()
        now = self.clock.now()
        self.clock = ManualClock(now)
        return self.open(*subscriptions, **changes)

    def crash(self, *subscriptions: Subscription, **changes: Any) -> Engine:
        """Opens a copy of the files as they are: what a process that is killed now, at rest, would leave behind."""
        engine = self._engines[-1]
        assert engine.wait(engine.committed, DEADLINE)
        left = self.path.with_name(self.path.name + "+")
        shutil.copytree(self.path, left, ignore=shutil.ignore_patterns("*-shm"))
        self.close()
        self.path = left
        return self.reopen(*subscriptions, **changes)

    def start(self, *subscriptions: Subscription, under: Sequence[str] = (), **changes: Any) -> EngineProcess:
        """Opens the directory in a process of its own, which can be killed. Its clock stands at the rig's time."""
        process = EngineProcess(self.name, self.settings(**changes), under)
        self._processes.append(process)
        process.open()
        if subscriptions:
            process.call("register", subscriptions)
        return process

    def close(self) -> None:
        for engine in self._engines:
            engine.close()
        self._engines.clear()

    def end(self) -> None:
        self.close()
        for process in self._processes:
            process.kill()

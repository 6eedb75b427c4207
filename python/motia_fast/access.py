"""The engine as user code reaches it: it waits where the engine refuses to.

The engine never waits: a full pending list raises `PendingFull`, a cold key answers `COLD`, and a commit is durable
later. `AsyncAccess` turns these into awaits on the event loop, `SyncAccess` into blocking calls in threads.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import TYPE_CHECKING, Any, TypeVar

from motia_fast.contract import Cold
from motia_fast.errors import EngineStopped, PendingFull

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from motia_fast.contract import Engine

T = TypeVar("T")

_CLOSED = "the engine was closed while a commit waited for its sync"


class AsyncAccess:
    """One per event loop: owns the reader of `wake_fd`, and who waits for a commit to be durable."""

    def __init__(self, engine: Engine) -> None:
        """Nothing happens before `start`."""
        self.engine = engine
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._listeners: list[Callable[[], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Listens to `wake_fd` on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.engine.wake_fd, self._woken)

    def stop(self) -> None:
        """Stops listening; whoever still waits is told that the engine closed."""
        if self._loop is None:
            return
        self._loop.remove_reader(self.engine.wake_fd)
        self._loop = None
        self._fail(EngineStopped(_CLOSED))

    def listen(self, listener: Callable[[], None]) -> None:
        """Calls `listener` on the loop after each wake-up of the engine."""
        self._listeners.append(listener)

    async def durable(self, commit: int) -> None:
        """Returns once `commit` survives a crash. Raises `EngineStopped`."""
        if self.engine.durable >= commit:
            return
        if self.engine.failure is not None:
            raise self.engine.failure
        if self._loop is None:  # nobody would wake it
            raise EngineStopped(_CLOSED)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._waiters or commit < self._waiters[0][0]:  # else the first is watched, and `_release` goes on
            self.engine.watch(commit)
        heapq.heappush(self._waiters, (commit, next(self._order), future))
        await future

    async def call(self, verb: Callable[[], T]) -> T:
        """Calls a verb, again whenever there may be room for what it adds."""
        while True:
            try:
                return verb()
            except PendingFull:
                await self.durable(min(self.engine.durable + 1, self.engine.committed))

    async def warm(self, verb: Callable[[], T | Cold], keys: Sequence[tuple[str, str]]) -> T:
        """Calls a state verb, and loads `keys` in a thread whenever it answers `COLD`."""
        while True:
            answer = await self.call(verb)
            if not isinstance(answer, Cold):
                return answer
            await self.cold(lambda: self.engine.state.load(keys))

    async def cold(self, verb: Callable[[], T]) -> T:
        """Calls a cold verb in a thread."""
        return await asyncio.to_thread(verb)

    def ask(self, question: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine on the loop, for a thread that waits for it. Raises what it raises, and `EngineStopped`."""
        loop = self._loop
        if loop is None:
            question.close()
            raise EngineStopped(_CLOSED)
        return asyncio.run_coroutine_threadsafe(question, loop).result()

    def _woken(self) -> None:
        self.engine.acknowledge()
        self._release(self.engine.durable)
        if self.engine.failure is not None:
            self._fail(self.engine.failure)
        for listener in self._listeners:
            listener()

    def _release(self, durable: int) -> None:
        while self._waiters and self._waiters[0][0] <= durable:
            _set(heapq.heappop(self._waiters)[2])
        if self._waiters:
            self.engine.watch(self._waiters[0][0])

    def _fail(self, error: EngineStopped) -> None:
        waiters, self._waiters = self._waiters, []
        for _, _, future in waiters:
            if not future.done():
                future.set_exception(error)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():  # its task may have been cancelled meanwhile
        future.set_result(None)


class SyncAccess:
    """The same for threads and scripts: blocks, with the GIL released."""

    def __init__(self, engine: Engine) -> None:
        """Usable from any thread but one that runs an event loop."""
        self.engine = engine

    def durable(self, commit: int) -> None:
        """Returns once `commit` survives a crash. Raises `EngineStopped`."""
        self.engine.wait(commit)

    def call(self, verb: Callable[[], T]) -> T:
        """Calls a verb, again whenever there may be room for what it adds."""
        while True:
            try:
                return verb()
            except PendingFull:
                self.engine.wait(min(self.engine.durable + 1, self.engine.committed))

    def warm(self, verb: Callable[[], T | Cold], keys: Sequence[tuple[str, str]]) -> T:
        """Calls a state verb, and loads `keys` whenever it answers `COLD`."""
        while True:
            answer = self.call(verb)
            if not isinstance(answer, Cold):
                return answer
            self.engine.state.load(keys)

    def cold(self, verb: Callable[[], T]) -> T:
        """Calls a cold verb here."""
        return verb()

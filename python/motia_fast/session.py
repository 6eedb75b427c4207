"""How one run, or one script, reaches the engine: what it has seen, whether it may still write, whether it waits.

A run's ledger is shared by all that speaks for it: `ctx`, `ctx.state`, the ambient names, and in a thread their
blocking twins. So one number tells what a response has to wait for, and one word closes them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from motia_fast.access import SyncAccess
from motia_fast.errors import ContextClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from motia_fast.access import AsyncAccess
    from motia_fast.contract import Cold, Engine, Enqueued, Message, StateItem, StateWrite, StateWritten

T = TypeVar("T")


def _accept(_: Message) -> None:
    """Looks at no message."""


class Ledger:
    """What one run has seen of the engine, and why it may not write any more."""

    __slots__ = ("closed", "seen")

    def __init__(self) -> None:
        """Open, and nothing seen."""
        #: The newest commit that the run can have noticed, by writing it or by reading after it.
        self.seen = 0
        #: Why writes are refused, None while they are not.
        self.closed: str | None = None

    def note(self, commit: int) -> None:
        """Remembers that the run has seen everything up to `commit`."""
        self.seen = max(self.seen, commit)

    def check(self) -> None:
        """Raises `ContextClosed` if the run may not write any more."""
        if self.closed is not None:
            raise ContextClosed(self.closed)


class Session:
    """A run's way to the engine on the event loop."""

    __slots__ = ("access", "check", "ledger", "waits")

    def __init__(
        self,
        access: AsyncAccess,
        ledger: Ledger,
        check: Callable[[Message], None] = _accept,
        *,
        waits: bool = False,
    ) -> None:
        """With `waits`, a write returns only when it survives a crash; inside a run its own end waits for that.

        `check` sees each message before it is enqueued, and raises to refuse it.
        """
        self.access = access
        self.ledger = ledger
        self.waits = waits
        self.check = check

    @property
    def engine(self) -> Engine:
        """The engine behind it."""
        return self.access.engine

    async def enqueue(self, messages: Sequence[Message]) -> Enqueued:
        """Enqueues, in one commit. Raises as `Engine.enqueue` but for `PendingFull`, and `ContextClosed`."""
        self.ledger.check()
        for message in messages:
            self.check(message)
        made = await self.access.call(lambda: self._open().enqueue(messages))
        await self._made(made.commit)
        return made

    async def write(self, writes: Sequence[StateWrite]) -> StateWritten:
        """Changes state, in one commit. Raises as `State.write` but for `PendingFull`, and `ContextClosed`."""
        keys = [(write.group, write.key) for write in writes]
        made = await self.access.warm(lambda: self._open().state.write(writes), keys)
        await self._made(made.commit)
        return made

    async def clear(self, group: str) -> int:
        """Deletes a group of state; returns how many items it had."""
        blocking = SyncAccess(self.engine)
        commit, count = await self.access.cold(lambda: blocking.call(lambda: self._open().state.clear(group)))
        await self._made(commit)
        return count

    async def get(self, group: str, key: str) -> StateItem | None:
        """Reads one item of state."""
        item = await self.access.warm(lambda: self.engine.state.get(group, key), [(group, key)])
        self._read()
        return item

    async def read(self, verb: Callable[[], T]) -> T:
        """Calls a verb that reads and may touch the disk, in a thread."""
        answer = await self.access.cold(verb)
        self._read()
        return answer

    async def durable(self) -> None:
        """Returns once everything that the run has seen survives a crash."""
        await self.access.durable(self.ledger.seen)

    def _open(self) -> Engine:
        # Asked again whenever a call waited for room or for the disk: the run may have been closed meanwhile.
        self.ledger.check()
        return self.engine

    def _read(self) -> None:
        # What was read may be a write that is not durable yet, and is at most the newest one.
        self.ledger.note(self.engine.committed)

    async def _made(self, commit: int) -> None:
        self.ledger.note(commit)
        if self.waits:
            await self.access.durable(commit)


class SyncSession:
    """The same for a thread or a script: blocks, with the GIL released."""

    __slots__ = ("access", "check", "ledger", "waits")

    def __init__(
        self,
        access: SyncAccess,
        ledger: Ledger,
        check: Callable[[Message], None] = _accept,
        *,
        waits: bool = False,
    ) -> None:
        """As `Session`."""
        self.access = access
        self.ledger = ledger
        self.waits = waits
        self.check = check

    @property
    def engine(self) -> Engine:
        """The engine behind it."""
        return self.access.engine

    def enqueue(self, messages: Sequence[Message]) -> Enqueued:
        """As `Session.enqueue`."""
        self.ledger.check()
        for message in messages:
            self.check(message)
        made = self.access.call(lambda: self._open().enqueue(messages))
        self._made(made.commit)
        return made

    def write(self, writes: Sequence[StateWrite]) -> StateWritten:
        """As `Session.write`."""
        keys = [(write.group, write.key) for write in writes]

        def verb() -> StateWritten | Cold:
            return self._open().state.write(writes)

        made = self.access.warm(verb, keys)
        self._made(made.commit)
        return made

    def clear(self, group: str) -> int:
        """As `Session.clear`."""
        commit, count = self.access.call(lambda: self._open().state.clear(group))
        self._made(commit)
        return count

    def get(self, group: str, key: str) -> StateItem | None:
        """As `Session.get`."""
        item = self.access.warm(lambda: self.engine.state.get(group, key), [(group, key)])
        self._read()
        return item

    def read(self, verb: Callable[[], T]) -> T:
        """Calls a verb that reads and may touch the disk."""
        answer = verb()
        self._read()
        return answer

    def durable(self) -> None:
        """As `Session.durable`."""
        self.access.durable(self.ledger.seen)

    def _open(self) -> Engine:
        self.ledger.check()
        return self.engine

    def _read(self) -> None:
        self.ledger.note(self.engine.committed)

    def _made(self, commit: int) -> None:
        self.ledger.note(commit)
        if self.waits:
            self.access.durable(commit)

"""A disk that tests command: it stands between the engine's committer and the file, and is slow or broken at will."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from tests.contract.verbs import DEADLINE, until

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence


class Faults(Protocol):
    """What becomes of the groups that a committer brings."""

    @property
    def arrived(self) -> int:
        """Groups that were brought, without those that failed."""
        ...

    @property
    def groups(self) -> int:
        """Groups that are in the file."""
        ...

    @property
    def is_held(self) -> bool: ...

    def hold(self) -> None: ...

    def let_go(self) -> None: ...

    def break_with(self, codes: Sequence[int]) -> None: ...


class Disk:
    """Passes every group on to the real store, unless it is held or has a fault."""

    def __init__(self) -> None:
        self._faults: Faults = PureFaults()

    def pure(self) -> PureFaults:
        """What an engine in Python passes its groups through."""
        assert isinstance(self._faults, PureFaults)
        return self._faults

    def native(self) -> Any:
        """What the engine in Rust passes its groups through; a test may have commanded the disk before it opens."""
        from motia_fast import _core

        held = self.is_held
        self._faults = faults = _core.Faults()
        if held:
            faults.hold()
        return faults

    @property
    def groups(self) -> int:
        return self._faults.groups

    def hold(self) -> None:
        """From now on no group reaches the file."""
        self._faults.hold()

    def let_go(self) -> None:
        """What was held up goes on."""
        self._faults.let_go()

    @property
    def is_held(self) -> bool:
        return self._faults.is_held

    @contextmanager
    def held(self) -> Generator[None]:
        """No group reaches the file while the block runs."""
        self.hold()
        try:
            yield
        finally:
            self.let_go()

    def wait_for_group(self) -> None:
        """Returns when the committer has brought a group that the held disk does not take."""
        until(lambda: self._faults.arrived > self._faults.groups, "a group at the disk")

    def break_with(self, *codes: int) -> None:
        """The next groups fail with these SQLite result codes, one each."""
        self._faults.break_with(codes)


class PureFaults:
    """The faults of a store of the pure engine; those of the Rust engine are Rust's own."""

    def __init__(self) -> None:
        self.arrived = self.groups = 0
        self._free = threading.Event()
        self._free.set()
        self._codes: list[int] = []

    @property
    def is_held(self) -> bool:
        return not self._free.is_set()

    def hold(self) -> None:
        self._free.clear()

    def let_go(self) -> None:
        self._free.set()

    def break_with(self, codes: Sequence[int]) -> None:
        self._codes = list(codes)

    def commit(self, store: Any, arguments: tuple[Any, ...]) -> Any:
        self.arrived += 1
        assert self._free.wait(DEADLINE), "the test held the disk for too long"
        if self._codes:
            self.arrived -= 1
            raise _fault(self._codes.pop(0))
        answer = store.commit(*arguments)
        self.groups += 1
        return answer


def _fault(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(f"injected fault {code}")
    error.sqlite_errorcode = code
    return error


class StoreOnDisk:
    """A store of the pure engine, whose commits go through faults."""

    def __init__(self, store: Any, faults: PureFaults) -> None:
        self._store = store
        self._faults = faults

    def commit(self, *arguments: Any) -> Any:
        return self._faults.commit(self._store, arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

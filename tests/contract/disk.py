"""A disk that tests command: it stands between the engine's committer and the file, and is slow or broken at will."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.contract.verbs import DEADLINE, until

if TYPE_CHECKING:
    from collections.abc import Generator


class Disk:
    """Passes every group on to the real store, unless it is held or has a fault."""

    def __init__(self) -> None:
        self.groups = 0
        self._free = threading.Event()
        self._free.set()
        self._arrived = 0
        self._faults: list[int] = []

    def hold(self) -> None:
        """From now on no group reaches the file."""
        self._free.clear()

    def let_go(self) -> None:
        """What was held up goes on."""
        self._free.set()

    @property
    def is_held(self) -> bool:
        return not self._free.is_set()

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
        until(lambda: self._arrived > self.groups, "a group at the disk")

    def break_with(self, *codes: int) -> None:
        """The next groups fail with these SQLite result codes, one each."""
        self._faults = list(codes)

    def commit(self, store: Any, arguments: tuple[Any, ...]) -> Any:
        self._arrived += 1
        assert self._free.wait(DEADLINE), "the test held the disk for too long"
        if self._faults:
            self._arrived -= 1
            raise _fault(self._faults.pop(0))
        answer = store.commit(*arguments)
        self.groups += 1
        return answer


def _fault(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(f"injected fault {code}")
    error.sqlite_errorcode = code
    return error


class StoreOnDisk:
    """A store of the pure engine, whose commits go through a `Disk`."""

    def __init__(self, store: Any, disk: Disk) -> None:
        self._store = store
        self._disk = disk

    def commit(self, *arguments: Any) -> Any:
        return self._disk.commit(self._store, arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

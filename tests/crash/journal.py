"""What handlers did, in a file that no kill can take back: one appended line each, beside the engine and without it."""

from __future__ import annotations

import os
import threading
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """One line. `what` is "start" or "done" of a handler, or "child" for a worker process, whose pid is `job`."""

    what: str
    step: str
    job: int
    order: str
    attempt: int


class Writer:
    """The application's end."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def note(self, what: str, step: str, job: int, order: str = "-", attempt: int = 0) -> None:
        """Writes a line by one call, so that it is there whole or not at all."""
        os.write(self._fd, f"{what} {step} {job} {order} {attempt}\n".encode())


class Journal:
    """The suite's end: reads on from where it was."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._lock = threading.Lock()
        self.children: list[int] = []
        #: How often a step was started, and was done, for an order; and with which numbers of attempts.
        self.starts: Counter[tuple[str, str]] = Counter()
        self.ends: Counter[tuple[str, str]] = Counter()
        self.attempts: set[int] = set()
        self._done: defaultdict[str, set[str]] = defaultdict(set)

    def done(self, step: str) -> frozenset[str]:
        """The orders that a step is done with."""
        with self._lock:
            self._read()
            return frozenset(self._done[step])

    def count(self, step: str) -> int:
        """How many orders a step is done with."""
        with self._lock:
            self._read()
            return len(self._done[step])

    @property
    def reruns(self) -> int:
        """Starts of a step for an order that it had been started for before."""
        return self.starts.total() - len(self.starts)

    def _read(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            lines = file.read().splitlines(keepends=True)
        for line in lines:
            if line.endswith(b"\n"):
                self._offset += len(line)
                what, step, job, order, attempt = line.decode().split()
                self._take(Entry(what, step, int(job), order, int(attempt)))

    def _take(self, entry: Entry) -> None:
        if entry.what == "child":
            self.children.append(entry.job)
        elif entry.what == "start":
            self.starts[entry.step, entry.order] += 1
            self.attempts.add(entry.attempt)
        else:
            self.ends[entry.step, entry.order] += 1
            self._done[entry.step].add(entry.order)

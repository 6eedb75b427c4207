"""Runs an engine for a test in another process: reads calls from stdin, writes answers to stdout (see process.py)."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from motia_fast.clock import ManualClock
from motia_fast.contract import EngineSettings, Message
from motia_fast.engine import open_engine
from tests.contract.engines import Name
from tests.contract.lives import stream
from tests.contract.process import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from motia_fast.clock import Micros
    from motia_fast.contract import Engine

_writing = threading.Lock()


def answer(*value: object) -> None:
    """One `write` for one answer, so that a system call trace shows when it left."""
    with _writing:
        os.write(1, encode(value))


class Driver:
    """The verbs that are not the engine's own."""

    def __init__(self) -> None:
        self.engine: Engine

    def open(self, name: Name, settings: EngineSettings) -> int:
        self.settings = settings
        self.engine = open_engine(name, settings)
        return os.getpid()

    def advance(self, seconds: float) -> None:
        """Lets time pass, and does what it does."""
        self.settings.clock.advance(seconds)  # type: ignore[attr-defined] # a ManualClock
        self.engine.tick()

    def live(self, life: Callable[[Engine, ManualClock], None]) -> Micros:
        """Lets the engine live through one of `lives.py`; returns the time at its end."""
        clock = self.settings.clock
        assert isinstance(clock, ManualClock)
        life(self.engine, clock)
        return clock.now()

    def stream(self) -> None:
        """Commits of every kind from several threads until the process is killed, answering each round."""
        stream(self.engine, lambda number: answer("ok", number))

    def durably(self, verb: str, *arguments: object) -> Any:
        """Calls a verb, and answers when its commit is durable: what a program acknowledges."""
        value = self.call(verb, *arguments)
        self.engine.wait(value.commit)
        return value

    def failure(self) -> str:
        return str(self.engine.failure)

    def fork(self, verb: str, *arguments: object) -> str:
        """Calls a verb in a forked child; returns the name of what it raised, "" for nothing."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, self._raised(verb, *arguments).encode())
            os._exit(0)
        os.close(writing)
        os.waitpid(child, 0)
        raised = os.read(reading, 1_000).decode()
        os.close(reading)
        return raised

    def _raised(self, verb: str, *arguments: object) -> str:
        try:
            self.call(verb, *arguments)
        except BaseException as error:  # noqa: BLE001 -- its name is the answer
            return type(error).__name__
        return ""

    def orphan(self) -> int:
        """Forks a child that outlives this process, as a worker of a process pool does; returns its id."""
        child = os.fork()
        if child == 0:
            signal.pause()
            os._exit(0)
        return child

    def exit_in_a_child(self) -> int:
        """Forks a child that ends as a program does, with all clean-up; returns its status."""
        child = os.fork()
        if child == 0:
            sys.exit(0)  # through `main`, so that destructors and exit handlers run
        return os.waitpid(child, 0)[1]

    def limit_files(self, more: int) -> None:
        """No file of this process may grow by more than `more` bytes: the next write beyond fails with EFBIG."""
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        folder = self.settings.data_dir
        assert folder is not None
        size = max(path.stat().st_size for path in folder.iterdir()) + more
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    def pour(self, topic: str) -> None:
        """Enqueues from 4 threads until the process is killed, and answers each number once it is durable."""
        for thread in range(4):
            threading.Thread(target=self._pour, args=(topic, thread)).start()

    def _pour(self, topic: str, thread: int) -> None:
        number = thread
        while True:
            commit = self.engine.enqueue([Message(topic, str(number).encode())]).commit
            self.engine.wait(commit)
            answer("ok", number)
            number += 4

    def call(self, verb: str, *arguments: object) -> Any:
        if verb in vars(Driver):
            return getattr(self, verb)(*arguments)
        target: Any = self.engine
        for name in verb.split("."):
            target = getattr(target, name)
        return target(*arguments)


def main() -> None:
    driver = Driver()
    for line in sys.stdin.buffer:
        verb, arguments = decode(line)
        try:
            value = driver.call(verb, *arguments)
        except Exception as error:  # noqa: BLE001 -- the test judges it
            answer("raised", type(error).__name__, str(error))
        else:
            answer("ok", value)


if __name__ == "__main__":
    main()

"""An engine in a process of its own, so that a test can kill it at a fact that it has seen."""

from __future__ import annotations

import base64
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motia_fast.contract import EngineSettings
    from tests.contract.engines import Name

ROOT = Path(__file__).parents[2]
DRIVER = Path(__file__).with_name("driver.py")


class Raised(Exception):
    """What a verb raised in the other process."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        super().__init__(f"{name}: {text}")


class EngineProcess:
    """Speaks to `driver.py`: one line a call, one line an answer."""

    def __init__(self, name: Name, settings: EngineSettings, under: Sequence[str] = ()) -> None:
        self._opening = (name, settings)
        paths = os.pathsep.join([str(ROOT / "python"), str(ROOT)])
        self._process = subprocess.Popen(
            [*under, sys.executable, str(DRIVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": paths},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout

    def open(self) -> int:
        """Opens the engine; returns the process id of the driver, which is not that of a tracer around it."""
        pid: int = self.call("open", *self._opening)
        self.pid = pid
        return pid

    def send(self, verb: str, *arguments: object) -> None:
        """Asks, and does not wait for the answer."""
        self._stdin.write(encode((verb, arguments)))
        self._stdin.flush()

    def receive(self) -> Any:
        line = self._stdout.readline()
        assert line, f"the engine's process ended with {self._process.wait()} instead of answering"
        kind, *answer = decode(line)
        if kind == "raised":
            raise Raised(*answer)
        return answer[0]

    def call(self, verb: str, *arguments: object) -> Any:
        """Calls a verb of the engine, such as ``state.write``, or of the driver, such as ``fork``."""
        self.send(verb, *arguments)
        return self.receive()

    def put(self, *messages: object) -> Any:
        """Enqueues; returns when that is durable."""
        return self.call("durably", "enqueue", messages)

    def settle(self, *settlements: object) -> None:
        """Settles; returns when that is durable."""
        assert self.call("durably", "settle", settlements).refused == ()

    def kill(self) -> None:
        """SIGKILL: no clean-up of any kind runs. Returns when the process is gone."""
        if self._process.poll() is None:
            os.kill(getattr(self, "pid", self._process.pid), signal.SIGKILL)
        self.join()

    def join(self) -> int:
        """Waits for the process to end by itself."""
        self._stdin.close()
        code = self._process.wait(30)
        self._stdout.close()
        return code


def encode(value: object) -> bytes:
    """One line. Pickled, so that the contract's own values cross as they are; both ends are this file."""
    return base64.b64encode(pickle.dumps(value)) + b"\n"


def decode(line: bytes) -> Any:
    return pickle.loads(base64.b64decode(line))  # noqa: S301 -- written by our own other end

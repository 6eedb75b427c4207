"""The application as a real process, over and over: always the same data directory and the same port."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

from motia_fast import Client
from tests.contract.engines import Name
from tests.crash.journal import Journal

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
#: Seconds after which a fact that a test waits for is taken for a failure.
DEADLINE = 60.0
#: Seconds that a start may take on a busy machine, with whatever a kill left; most are spent on imports.
START = 20.0
#: Seconds in which the port of a killed process must be free.
PORT_FREE = 0.5
#: Ports that the system gives to no client. From the others, a client that asks while nobody listens may get the very
#: port that it asks for, and so talk to itself and hold the port.
PORTS = range(20_000, 32_000)


def until(fact: Callable[[], T], what: str, seconds: float = DEADLINE) -> T:
    """Polls until `fact` is true, and returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := fact():
            return found
        time.sleep(0.005)
    raise AssertionError(f"{what} did not happen within {seconds:g} s")


def free_port() -> int:
    while True:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port := random.choice(PORTS)))
            return port


class Answer(NamedTuple):
    status: int
    body: bytes


class Load(NamedTuple):
    """How many jobs run, and how many are ready and wait."""

    running: int
    ready: int


class Server:
    """The lives of one application."""

    def __init__(
        self, folder: Path, engine: Name, environment: Mapping[str, str] | None = None, data_dir: Path | None = None
    ) -> None:
        """Nothing runs yet. The data directory is in `folder` unless it is said to be elsewhere."""
        self.data_dir = data_dir or folder / "data"
        self.journal = Journal(folder / "journal")
        self.port = free_port()
        #: Seconds that each start took, until it was ready.
        self.starts: list[float] = []
        self._folder = folder
        self._log = folder / "log"
        self._lives: list[subprocess.Popen[bytes]] = []
        self._environment = {
            "PYTHONPATH": os.pathsep.join([str(ROOT / "python"), str(ROOT)]),
            "CRASH_JOURNAL": str(folder / "journal"),
            "MOTIA_FAST_ENGINE": engine,
            "MOTIA_FAST_PORT": str(self.port),
            "MOTIA_FAST_DATA_DIR": str(self.data_dir),
            "MOTIA_FAST_MIN_FREE_DISK": "0",
            **(environment or {}),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left behind: neither the last life, nor children that have outlived theirs."""
        for process in self._lives:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for pid in self.orphans():
            os.kill(pid, signal.SIGKILL)

    # ---------------------------------------------------------------- lives

    def spawn(self, *under: str) -> None:
        """Starts a process, in a group of its own, and does not wait for it."""
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [*under, sys.executable, "-m", "motia_fast", "run", "tests.crash.application:app"],
                cwd=self._folder,
                env=os.environ | self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._lives.append(process)

    def start(self, *under: str) -> None:
        """Starts it, at the first try and without any repair, and returns once it is ready."""
        began = time.monotonic()
        self.spawn(*under)
        until(self.ready, "the start", START)
        self.starts.append(time.monotonic() - began)

    def ready(self) -> bool:
        assert self.alive, f"the server ended with {self.code}:\n{self.output}"
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("GET", "/readyz", timeout=START).status == 200
        return False

    @property
    def alive(self) -> bool:
        return self._lives[-1].poll() is None

    @property
    def code(self) -> int | None:
        return self._lives[-1].returncode

    @property
    def pid(self) -> int:
        """Of the process that has the data directory, which is not that of a tracer around it."""
        return int(json.loads((self.data_dir / "lock").read_text())["pid"])

    @property
    def output(self) -> str:
        return self._log.read_text()

    def kill(self) -> None:
        """SIGKILL to the server alone, not to its children: no clean-up of any kind runs."""
        self._lives[-1].send_signal(signal.SIGKILL)
        self.dies()

    def dies(self) -> None:
        """Waits until it is gone, by SIGKILL; then its port must be free."""
        code = self.ends()
        assert code == -signal.SIGKILL, f"ended with {code}:\n{self.output}"
        until(self._port_is_free, "the end of the port's use", PORT_FREE)

    def terminate(self) -> None:
        """Asks it to stop, and does not wait."""
        os.kill(self.pid, signal.SIGTERM)

    def ends(self) -> int:
        """Waits until it has ended by itself; returns the exit code."""
        return self._lives[-1].wait(DEADLINE)

    def stop(self) -> None:
        """A clean end."""
        self.terminate()
        assert self.ends() == 0, self.output

    def orphans(self) -> list[int]:
        """The worker processes that live although their server is gone."""
        self.journal.count("-")
        gone = {process.pid for process in self._lives if process.poll() is not None}
        return [pid for pid in self.journal.children if _group(pid) in gone]

    def _port_is_free(self) -> bool:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", self.port))  # which nobody who listens would let happen
                return True
        return False

    # ---------------------------------------------------------------- questions

    def ask(self, method: str, path: str, body: Any = None, timeout: float = DEADLINE) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            return Answer(response.status, response.read())

    @property
    def client(self) -> Client:
        return Client(self.data_dir)

    def load(self) -> Load:
        rows: Sequence[Mapping[str, Any]] = self.client.stats()["subscriptions"]
        return Load(sum(row["running"] for row in rows), sum(row["ready"] for row in rows))

    def idle(self) -> bool:
        """Whether no job is left to be done, nor one on its way: it is ready only when its commit is durable."""
        stats = self.client.stats()
        left = sum(row[name] for row in stats["subscriptions"] for name in ("ready", "running", "scheduled"))
        return left == 0 and bool(stats["committed"] == stats["durable"])

    def arm(self, point: str, passings: int) -> None:
        """Makes it kill itself at the nth passing of a point from now on, perhaps before this returns."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            assert self.ask("POST", "/arm", {"point": point, "passings": passings}).status == 200


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None

"""A real application in a process of its own, for tests of what only a process can do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx

ROOT = Path(__file__).parents[2]
#: Seconds after which a fact that a test waits for is taken for a failure.
DEADLINE = 30.0


def until(fact: Callable[[], Any], what: str) -> Any:
    """Polls until `fact` is true, and returns it."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if found := fact():
            return found
        time.sleep(0.01)
    raise AssertionError(f"{what} did not happen within {DEADLINE:g} s")


class Served:
    """Runs ``python ARGS`` in a folder; its standard error is kept, line by line."""

    def __init__(self, folder: Path, *args: str, **environment: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, *args],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT / "python"), "PYTHONUNBUFFERED": "1", **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def logged(self, message: str) -> list[dict[str, Any]]:
        """The log lines that have `message` in theirs."""
        lines = [json.loads(line) for line in list(self.lines) if line.startswith("{")]
        return [line for line in lines if message in line["message"]]

    def starts(self, nth: int = 1) -> httpx.Client:
        """Waits for the nth start; returns a client for it."""

        def url() -> str | None:
            assert self.process.poll() is None, self.output
            found = self.logged(" is running at ")
            return found[nth - 1]["fields"]["url"] if len(found) >= nth else None

        return httpx.Client(base_url=until(url, "the start"), timeout=DEADLINE)

    def kill(self, number: int) -> None:
        self.process.send_signal(number)

    def ends(self) -> int:
        """Waits for the end; returns the exit code."""
        code = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        return code

    def stop(self) -> int:
        """Asks it to stop, and waits."""
        self.kill(signal.SIGTERM)
        return self.ends()

"""Processes that benches start, and what the system says of them."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

MIB = 1024 * 1024

_ROOT = Path(__file__).parents[1]
#: What a child imports is what its parent measures.
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(_ROOT / "python"), str(_ROOT)])}


@contextmanager
def python(module: str, *arguments: object) -> Generator[subprocess.Popen[str]]:
    """`python -m MODULE ARGUMENTS`, its output to be read; it is killed when the block ends, if it is not over."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str], start: str) -> str:
    """The rest of the next line that starts like this. Raises RuntimeError, with its output, if the process ends."""
    assert process.stdout is not None
    before: list[str] = []
    for text in process.stdout:
        if text.startswith(start):
            return text.removeprefix(start).strip()
        before.append(text)
    raise RuntimeError(f"{process.args!r} ended before it said {start!r}:\n{''.join(before)}")


def url(server: subprocess.Popen[str]) -> str:
    """The URL in a server's banner."""
    assert server.stdout is not None
    before: list[str] = []
    for text in server.stdout:
        before.append(text)
        for word in text.split():
            if word.startswith("http://"):
                return word
    raise RuntimeError(f"the server ended before it said where it listens:\n{''.join(before)}")


def resident(pid: int | str = "self", what: str = "VmRSS") -> int:
    """Bytes of a process that are in memory; "VmHWM" for the most that ever were. Linux alone has /proc."""
    for text in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = text.partition(":")
        if name == what:
            return int(value.split()[0]) * 1024
    raise RuntimeError(f"/proc/{pid}/status has no {what}")


def wake_ups(pid: int) -> int:
    """How often threads of a process came back to work after they had waited, as far as they live."""
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        for text in status.read_text().splitlines():
            if text.startswith("voluntary_ctxt_switches"):
                total += int(text.split()[1])
    return total

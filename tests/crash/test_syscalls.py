"""In which order the system is called: what a kill cannot show, since the page cache outlives the process.

A power cut takes what was written and not synced. So for each order: its commit is written to the log, then the log is
synced, and only then its 202 is sent and its jobs are started.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash.clients import Clients
from tests.crash.server import Server, until

#: What can write to the log, to a socket and to the journal, or sync.
CALLS = "write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync"
#: Enough of each buffer for a page of the log, in which an order's id stands as it was posted.
BYTES = 4_200
ORDERS = 60

_ORDER = re.compile(r"order-\d\d-\d{6}")
_LINE = re.compile(r"^(?P<thread>\d+) +(?:<\.\.\. )?(?P<name>\w+)(?P<rest>.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Call:
    """One system call: the line of the trace in which it began, and the one in which it had returned."""

    name: str
    began: int
    ended: int
    text: str


def calls(trace: Path) -> Iterator[Call]:
    """All calls of all threads; one that another thread's call came into is told in two lines."""
    begun: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(trace.read_text(errors="replace").splitlines()):
        match = _LINE.match(line)
        if match is None:
            continue
        thread, name, rest = match["thread"], match["name"], match["rest"]
        if rest.endswith("<unfinished ...>"):
            begun[thread] = number, rest
            continue
        resumed = rest.startswith(" resumed>")
        began, text = begun.pop(thread) if resumed else (number, "")
        yield Call(name, began, number, text + rest)


@dataclass(frozen=True, slots=True)
class Story:
    """What happened to one order, by the numbers of lines."""

    written: int
    answered: int
    started: int


def told(found: list[Call]) -> tuple[dict[str, Story], list[tuple[int, int]]]:
    """The story of each order, and when each sync of the log began and ended."""
    written: dict[str, int] = {}
    answered: dict[str, int] = {}
    started: dict[str, int] = {}
    syncs: list[tuple[int, int]] = []
    for call in sorted(found, key=lambda call: call.ended):
        if call.name in {"fsync", "fdatasync"}:
            syncs += [(call.began, call.ended)] * ("engine.db-wal>" in call.text)
        elif "engine.db-wal>" in call.text:
            for order in _ORDER.findall(call.text):
                written.setdefault(order, call.ended)
        elif "HTTP/1.1 202" in call.text:
            answered[_ORDER.findall(call.text)[-1]] = call.began
        elif "journal>" in call.text and '"start ' in call.text:
            started.setdefault(_ORDER.findall(call.text)[0], call.began)
    return {order: Story(written[order], answered[order], started[order]) for order in answered}, syncs


def cannot_trace() -> str:
    """Why system calls cannot be traced here; "" if they can."""
    if sys.platform != "linux" or not shutil.which("strace"):
        return "strace is not here (apt install strace), so the order of system calls cannot be seen"
    tried = subprocess.run(["strace", "-f", "true"], capture_output=True, text=True, check=False)
    return f"strace may not trace here: {tried.stderr.strip()}" if tried.returncode else ""


@pytest.fixture
def trace(server: Server, tmp_path: Path) -> Path:
    """What a server called that has answered, and done, some orders from several clients at once."""
    if why := cannot_trace():
        pytest.skip(why)
    path = tmp_path / "trace"
    server.start("strace", "-f", "-qq", "-y", "-s", str(BYTES), "-e", f"trace={CALLS}", "-o", str(path))
    with Clients(server.port, server.journal, size=lambda _: 40) as clients:
        until(lambda: len(clients.acknowledged) >= ORDERS, "the orders")
    until(server.idle, "the end of all jobs")
    server.stop()
    return path


def test_a_202_and_the_start_of_a_job_follow_the_sync_of_what_was_written(trace: Path) -> None:
    stories, syncs = told(list(calls(trace)))
    assert len(stories) >= ORDERS
    for order, story in stories.items():
        synced = min(ended for began, ended in syncs if began > story.written)
        assert story.written < synced < story.answered, f"the 202 of {order}"
        assert story.written < synced < story.started, f"the job of {order}"

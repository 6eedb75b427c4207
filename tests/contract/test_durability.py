"""The three classes of durability, and what reaches the disk in which order."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.contract.rig import Rig
from tests.contract.verbs import done, message, put, set_state, sub, take, values

if TYPE_CHECKING:
    from pathlib import Path

    from motia_fast.contract import Durability


@pytest.mark.parametrize("durability", ["sync", "os"])
def test_a_killed_process_loses_nothing_that_was_acknowledged(rig: Rig, durability: Durability) -> None:
    process = rig.start(sub(), durability=durability)
    process.put(message(1))
    process.kill()
    assert values(take(rig.open(sub(), durability=durability))) == [1]


def test_memory_keeps_nothing_and_writes_no_database(rig: Rig) -> None:
    engine = rig.open(sub(), durability="memory")
    put(engine)
    set_state(engine, "g", "k", 1)
    assert not (rig.path / "engine.db").exists()
    engine = rig.reopen(sub(), durability="memory")
    assert (take(engine), engine.state.groups()) == ([], [])


@pytest.mark.parametrize("durability", ["sync", "os", "memory"])
def test_stats_name_the_class_in_force(rig: Rig, durability: Durability) -> None:
    assert rig.open(durability=durability).stats().durability == durability


def test_what_one_class_wrote_another_opens(rig: Rig) -> None:
    put(rig.open(sub(), durability="sync"), 1)
    put(rig.reopen(sub(), durability="os"), 2)
    assert values(take(rig.reopen(sub(), durability="sync"))) == [1, 2]


# ---------------------------------------------------------------- the order of system calls

CALL = re.compile(r"^\d+ +(?:<\.\.\. )?(?P<name>\w+)(?:\(| resumed>)(?P<rest>.*)$")
SYNCS = {"fsync", "fdatasync"}


def can_trace() -> str:
    """Why system calls cannot be traced here; "" if they can."""
    if sys.platform != "linux" or not shutil.which("strace"):
        return "strace is not here (apt install strace), so the order of system calls cannot be seen"
    tried = subprocess.run(["strace", "-f", "true"], capture_output=True, text=True, check=False)
    return f"strace may not trace here: {tried.stderr.strip()}" if tried.returncode else ""


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """The file to which strace writes, a line for each call, at its end where it was interrupted."""
    if why := can_trace():
        pytest.skip(why)
    return tmp_path / "trace"


def traced(rig: Rig, trace: Path, durability: Durability) -> list[str]:
    """Enqueues, runs and settles one job after the other under strace; returns what was called, in order of its end.

    "write" is a write to the database or its log, "sync" a sync of one of them, "answer" what the test was told.
    """
    names = "write,pwrite64,writev,pwritev,fsync,fdatasync"
    tracer = ["strace", "-f", "-qq", "-y", "-s", "0", "-e", f"trace={names}", "-o", str(trace)]
    process = rig.start(sub(), under=tracer, durability=durability)
    before = len(events(trace))
    for n in range(5):
        process.put(message(n))
        (job,) = process.call("claim", "worker", "async", 1)
        process.settle(*done([job]))
    found = events(trace)[before:]
    process.call("close")
    process.join()
    return found


def events(trace: Path) -> list[str]:
    """What was called, in the order in which the calls ended: strace tells a call that was interrupted in two lines."""
    found: list[str] = []
    paths: dict[str, str] = {}
    for line in trace.read_text().splitlines():
        match = CALL.match(line)
        if match is None:
            continue
        thread, rest = line.split(maxsplit=1)[0], match["rest"]
        path = rest if "<unfinished" in rest or "resumed" not in line else paths.pop(thread, "")
        if "<unfinished" in rest:
            paths[thread] = rest
            continue
        found += kind_of(match["name"], path)
    return found


def kind_of(name: str, path: str) -> list[str]:
    if "engine.db-shm" in path:
        return []
    if "engine.db" in path:
        return ["sync" if name in SYNCS else "write"]
    return ["answer"] if name == "write" and path.startswith("1<") else []


def test_an_acknowledgement_follows_the_sync_of_what_was_written(rig: Rig, trace: Path) -> None:
    found = traced(rig, trace, "sync")
    assert found.count("sync") >= 10  # 5 enqueues and 5 settles, one by one
    unsynced = False
    for event in found:
        assert not (event == "answer" and unsynced), found
        unsynced = event == "write" or (unsynced and event != "sync")


def test_os_syncs_nothing_at_a_commit(rig: Rig, trace: Path) -> None:
    found = traced(rig, trace, "os")
    assert "sync" not in found
    assert found.count("write") >= 10

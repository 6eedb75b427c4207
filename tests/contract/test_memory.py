"""Waiting jobs need bounded memory: what a lane cannot hold stays in the store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.process import ROOT
from tests.contract.rig import Rig

#: Enqueues jobs of 1 kB in lists of 1,000, opens the engine again, and runs some; prints by how much its memory grew.
FILL_AND_DRAIN = """
import json, resource, sys
from pathlib import Path
from motia_fast.contract import Done, EngineSettings, Message, Settlement
from motia_fast.engine import open_engine
from tests.contract.verbs import DEADLINE, drain, sub

name, folder, count, window = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
settings = EngineSettings(folder, durability="os", min_free_disk=0, window_jobs=window)

def resident():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

def opened():
    engine = open_engine(name, settings)
    engine.register([sub()])
    return engine

engine = opened()
payload = b'"' + b"x" * 998 + b'"'
def fill(count):
    for _ in range(count // 1_000):
        sent = engine.enqueue([Message("jobs", payload)] * 1_000)
        engine.wait(sent.commit)
fill(10_000)  # fills the windows, and what the allocator keeps
before = resident()
fill(count)
filled = resident()
engine.close()
engine = opened()
reopened = resident()
ready = engine.stats().subscriptions[0].ready
drain(engine, 10_000)
drained = resident()
engine.close()
print(json.dumps({
    "filled": filled - before, "reopened": reopened - before, "drained": drained - before, "ready": ready
}))
"""


#: Makes dead letters of 1 kB, retries them all in one call, and runs some; prints by how much its memory grew.
RETRY_THE_DEAD = (
    FILL_AND_DRAIN.partition("engine = opened()")[0]
    + """
from motia_fast.contract import Died, Failure, JobFilter
engine = opened()
payload = b'"' + b"x" * 998 + b'"'
died = Died(Failure("E", "m"))
def kill(count):
    for _ in range(count // 200):
        engine.wait(engine.enqueue([Message("jobs", payload)] * 200).commit)
        settled = engine.settle([Settlement(job.lease, died) for job in engine.claim("w", "async", 200)])
        engine.wait(settled.commit)
kill(5_000)
before = resident()
kill(count)
filled = resident()
commit, number = engine.dead.retry(JobFilter())
engine.wait(commit)
reopened = resident()
drain(engine, 2_000)
drained = resident()
engine.close()
print(json.dumps({
    "filled": filled - before, "reopened": reopened - before, "drained": drained - before, "ready": number
}))
"""
)


PROC = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident memory is read from /proc")


def grown(rig: Rig, folder: Path, script: str, count: int, window: int) -> dict[str, int]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "python"), str(ROOT)])}
    command = [sys.executable, "-c", script, rig.name, str(folder), str(count), str(window)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    return found


@PROC
@pytest.mark.parametrize(
    "count",
    [pytest.param(100_000, id="100 thousand"), pytest.param(1_000_000, id="1 million", marks=pytest.mark.soak)],
)
@pytest.mark.timeout(600)
def test_waiting_jobs_need_bounded_memory(rig: Rig, tmp_path: Path, count: int) -> None:
    found = grown(rig, tmp_path / "data", FILL_AND_DRAIN, count, 5_000)
    assert found["ready"] == 10_000 + count
    bound = 32 * 1024 * 1024  # of more than 100 MB that wait, or more than 1 GB
    assert found["filled"] < bound
    assert found["reopened"] < bound
    assert found["drained"] < bound


@PROC
@pytest.mark.timeout(600)
def test_dead_letters_that_are_retried_at_once_need_bounded_memory(rig: Rig, tmp_path: Path) -> None:
    found = grown(rig, tmp_path / "data", RETRY_THE_DEAD, 30_000, 1_000)
    assert found["ready"] == 35_000
    bound = 24 * 1024 * 1024  # of 30 MB of payloads, and as much again around them
    assert found["filled"] < bound
    assert found["reopened"] < bound
    assert found["drained"] < bound

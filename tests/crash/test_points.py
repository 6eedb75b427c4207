"""The points in the store themselves: a process that dies there leaves what the point's name says."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.contract.engines import Name
from tests.crash import points
from tests.crash.server import ROOT

#: Enqueues two messages, each in a group of its own; dies in the second.
DIES = """
import sys
from pathlib import Path
from motia_fast.contract import EngineSettings, Message
from tests.contract.verbs import sub
from tests.crash import points

name, path, point = sys.argv[1:]
engine = points.open_mortal(name, EngineSettings(Path(path), min_free_disk=0))
engine.register([sub()])
engine.wait(engine.enqueue([Message("jobs", b"1")]).commit)
points.TRAP.arm(point, 1)
engine.wait(engine.enqueue([Message("jobs", b"2")]).commit)
"""


@pytest.mark.parametrize(
    ("point", "left"), [(points.BEFORE_COMMIT, 1), (points.IN_COMMIT, 1), (points.AFTER_COMMIT, 2)]
)
def test_a_point_in_the_store_kills_where_its_name_says(engine: Name, point: str, left: int, tmp_path: Path) -> None:
    paths = os.pathsep.join([str(ROOT / "python"), str(ROOT)])
    command = [sys.executable, "-c", DIES, engine, str(tmp_path / "data"), point]
    died = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=60, check=False
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    with closing(sqlite3.connect(tmp_path / "data" / "engine.db")) as file:
        assert file.execute("SELECT count(*) FROM job").fetchone() == (left,)

"""What a server costs that has nothing to do: it must not wake up by itself, and be small beside what it imports."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from benches.measuring import Measure, Name
from benches.processes import ENVIRONMENT, MIB, python, resident, url, wake_ups

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux alone has /proc")

#: Says what memory a process has that has only imported these modules.
_IMPORTS = """
import importlib, sys
for name in sys.stdin.read().split():
    try:
        importlib.import_module(name)
    except ImportError:  # made by other modules, such as `os.path` under its real name
        pass
from benches.processes import resident
print(resident())
"""


def imports_alone(modules: list[str]) -> int:
    """Bytes resident in a process that imports the same, and does nothing."""
    said = subprocess.run(
        [sys.executable, "-c", _IMPORTS],
        input="\n".join(modules),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(said.stdout)


def test_an_idle_server_sleeps(home: Path, engine: Name, measure: Measure) -> None:
    seconds = measure.size(10, smoke=1)
    with python("benches.server", home, engine) as server:
        with urlopen(f"{url(server)}/process") as answer:  # noqa: S310 -- of our own server
            modules = json.loads(answer.read())["modules"]
        imported = imports_alone([name for name in modules if name != "__main__"])
        time.sleep(1)  # what the start and the request left to do
        before = wake_ups(server.pid)
        measure(lambda: time.sleep(seconds))
        woken, memory = wake_ups(server.pid) - before, resident(server.pid)
    measure.figure("wake-ups of an idle server", 10 * woken / seconds, "in 10 s", headline=True)
    measure.figure("memory of an idle server, above imports", (memory - imported) / MIB, "MiB", headline=True)

"""A disk that is full, or fails, under a server that works: it stops, and loses nothing once the cause is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.engines import Name
from tests.crash import remains
from tests.crash.clients import Clients
from tests.crash.server import Server, until
from tests.crash.slices import one_engine

GRACE = 3.0
SETTINGS = {"MOTIA_FAST_GRACE": str(GRACE)}
#: Orders of 20 kB: a small disk is full of them soon.
SIZE = 20_000
#: How much more the files of a working server may grow before their writes fail.
MORE = 4 * 1024 * 1024


def small_mount(path: Path) -> None:
    """A file system of 8 MiB; skips the test where none can be had."""
    if sys.platform != "linux" or os.geteuid():
        pytest.skip("a small file system can be mounted by root on Linux only")
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")


def resize(path: Path, megabytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(path)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "small"
    small_mount(path)
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def limited(server: Server) -> None:
    """No file of the server may grow much more: a write beyond really fails (EFBIG)."""
    import resource

    if not hasattr(resource, "prlimit"):
        pytest.skip("the limits of another process can be set on Linux only")
    size = max(path.stat().st_size for path in server.data_dir.iterdir() if path.is_file()) + MORE
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, size))


def stops_and_opens_again(server: Server, scratch: Path, begin: Callable[[], None], mend: Callable[[], None]) -> None:
    """The whole story: a server under load meets a disk that takes no more, stops, and goes on when it is mended."""
    server.start()
    with Clients(server.port, server.journal, most=100_000, size=lambda _: SIZE) as clients:
        begin()
        until(lambda: server.ask("GET", "/readyz").status == 503, "the stop of the engine")
        stopped = time.monotonic()
        assert server.ask("POST", "/orders", {"id": "late", "text": "late"}).status == 503
        assert server.ask("GET", "/healthz").status == 200
        assert server.ends() == 1
        assert GRACE - 0.5 < time.monotonic() - stopped < GRACE + 10
    assert clients.statuses[202] > 20
    assert clients.statuses.keys() <= {202, 400, 503}
    assert str(server.data_dir) in server.output
    mend()
    # What was answered by 503 may have been committed all the same, as far as its client knows.
    clients.refused.clear()
    server.start()
    until(server.idle, "the end of all jobs")
    assert server.client.dead_list() == []
    server.stop()
    left = remains.read(server.data_dir, scratch)
    remains.check(left, clients, server.journal)
    assert left.jobs == {}
    for step in remains.GROUPS:
        assert clients.acknowledged <= server.journal.done(step)


@pytest.mark.parametrize("engine", one_engine(0))
def test_a_full_disk_stops_the_server_and_it_starts_again_with_nothing_lost(
    small_disk: Path, tmp_path: Path, engine: Name
) -> None:
    with Server(tmp_path, engine, SETTINGS, small_disk / "data") as server:
        stops_and_opens_again(server, tmp_path, begin=lambda: None, mend=lambda: resize(small_disk, 256))


@pytest.mark.parametrize("engine", one_engine(1))
def test_a_write_that_fails_stops_the_server_and_it_starts_again_with_nothing_lost(
    tmp_path: Path, engine: Name
) -> None:
    with Server(tmp_path, engine, SETTINGS) as server:
        # The limit ends with the process.
        stops_and_opens_again(server, tmp_path, begin=lambda: limited(server), mend=lambda: None)

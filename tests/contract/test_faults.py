"""Disks that fail: the engine stops for good, and opens again with nothing lost once the cause is gone."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from motia_fast.contract import Settlement
from motia_fast.errors import DataDirUnusable, DiskLow, EngineStopped
from tests.contract.disk import Disk
from tests.contract.process import Raised
from tests.contract.rig import Rig
from tests.contract.verbs import (
    done,
    finish,
    ids,
    message,
    put,
    put_numbers,
    quiet,
    readable,
    set_state,
    settle_all,
    sub,
    take,
    until,
    values,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from motia_fast.contract import Engine

FATAL = {
    "IOERR": sqlite3.SQLITE_IOERR,
    "IOERR_FSYNC": sqlite3.SQLITE_IOERR_FSYNC,  # an extended code of IOERR
    "FULL": sqlite3.SQLITE_FULL,
    "CORRUPT": sqlite3.SQLITE_CORRUPT,
    "NOTADB": sqlite3.SQLITE_NOTADB,
    "READONLY": sqlite3.SQLITE_READONLY,
    "CANTOPEN": sqlite3.SQLITE_CANTOPEN,
}


def stopped(rig: Rig, disk: Disk, code: int = sqlite3.SQLITE_IOERR) -> tuple[Engine, int]:
    """An engine with one acknowledged job, one running one, and a commit that hit the fault; also that commit."""
    engine = rig.open(sub(), disk=disk)
    put_numbers(engine, 2)
    assert len(take(engine, 1)) == 1
    disk.break_with(code)
    commit = engine.enqueue([message("never acknowledged")]).commit
    until(lambda: engine.failure)
    return engine, commit


# ---------------------------------------------------------------- fail-stop


@pytest.mark.parametrize("code", FATAL.values(), ids=FATAL)
def test_a_failed_commit_stops_the_engine_for_good(rig: Rig, disk: Disk, code: int) -> None:
    engine, commit = stopped(rig, disk, code)
    with pytest.raises(EngineStopped):
        engine.wait(commit, 10.0)
    assert engine.durable < commit
    groups = disk.groups
    for _ in range(3):  # sticky, although the disk would take it now
        with pytest.raises(EngineStopped):
            engine.enqueue([message()])
    assert disk.groups == groups


def test_the_failure_names_the_path_and_the_cause(rig: Rig, disk: Disk) -> None:
    engine, _ = stopped(rig, disk)
    assert isinstance(engine.failure, EngineStopped)
    assert str(rig.path) in str(engine.failure)
    assert "injected fault" in str(engine.failure)


def test_an_engine_that_works_has_no_failure(engine: Engine) -> None:
    engine.register([sub()])
    put(engine)
    assert engine.failure is None


STOPPED: dict[str, Callable[[Engine], object]] = {
    "enqueue": lambda engine: engine.enqueue([message()]),
    "settle": lambda engine: engine.settle([]),
    "claim": lambda engine: engine.claim("worker", "async", 1),
    "turn": lambda engine: engine.turn("worker", "async", [], 1),
    "state.write": lambda engine: set_state(engine, "g", "k", 1),
    "schedules.fire": lambda engine: engine.schedules.fire("clean/cron", 1),
    "wait": lambda engine: engine.wait(engine.committed, 10.0),
}


@pytest.mark.parametrize("verb", STOPPED)
def test_a_stopped_engine_refuses_whatever_would_change_it(rig: Rig, disk: Disk, verb: str) -> None:
    engine, _ = stopped(rig, disk)
    with pytest.raises(EngineStopped):
        STOPPED[verb](engine)


def test_who_waits_is_told_when_the_engine_stops(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    quiet(engine)
    told: list[Exception] = []

    def wait(commit: int) -> None:
        try:
            engine.wait(commit, 30.0)
        except EngineStopped as error:
            told.append(error)

    with disk.held():
        threads = [threading.Thread(target=wait, args=(engine.enqueue([message(n)]).commit,)) for n in range(5)]
        for thread in threads:
            thread.start()
        disk.wait_for_group()
        disk.break_with(sqlite3.SQLITE_FULL)
    for thread in threads:
        thread.join(30)
    assert len(told) == 5


def test_a_stop_wakes(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    quiet(engine)
    disk.break_with(sqlite3.SQLITE_IOERR)
    engine.enqueue([message()])
    assert readable(engine, 10.0)
    assert engine.failure is not None


def test_nothing_of_a_failed_group_is_handed_out(rig: Rig, disk: Disk) -> None:
    engine, _ = stopped(rig, disk)
    with pytest.raises(EngineStopped):
        take(engine)


def test_a_stopped_engine_closes_and_opens_again_with_nothing_lost(rig: Rig, disk: Disk) -> None:
    engine, _ = stopped(rig, disk)
    engine.close()
    engine = rig.open(sub())
    assert values(take(engine)) == [0, 1]


def test_a_settle_whose_commit_failed_runs_again(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    put(engine)
    (job,) = take(engine)
    disk.break_with(sqlite3.SQLITE_IOERR)
    commit = engine.settle(done([job])).commit
    with pytest.raises(EngineStopped):
        engine.wait(commit, 10.0)
    engine.close()
    assert ids(take(rig.open(sub()))) == [job.id]


def test_a_stop_by_a_fault_is_no_crash_of_the_jobs_that_ran(rig: Rig, disk: Disk) -> None:
    engine, _ = stopped(rig, disk)
    engine.close()
    assert [job.crashes for job in take(rig.open(sub()))] == [0, 0]


# ---------------------------------------------------------------- somebody else holds the file


LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
"""


def test_a_file_that_another_program_locks_holds_commits_up_and_loses_nothing(rig: Rig) -> None:
    engine = rig.open(sub())
    put(engine, "before")
    locker = subprocess.Popen(
        [sys.executable, "-c", LOCKER, str(rig.path / "engine.db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with locker:
        assert locker.stdout is not None
        assert locker.stdout.readline() == b"locked\n"
        commit = engine.enqueue([message("meanwhile")]).commit
        assert not engine.wait(commit, 0.2)
        assert engine.failure is None
        locker.communicate(b"\n")
    assert engine.wait(commit, 30.0)
    assert values(take(engine)) == ["before", "meanwhile"]


# ---------------------------------------------------------------- low disk


def test_below_min_free_disk_enqueues_are_refused_while_settles_go_on(rig: Rig) -> None:
    jobs = put_numbers(rig.open(sub()), 3)
    engine = rig.reopen(sub(), min_free_disk=1 << 62)
    with pytest.raises(DiskLow, match=str(rig.path)):
        engine.enqueue([message()])
    claimed = take(engine)
    assert ids(claimed) == jobs
    settle_all(engine, done(claimed))
    assert engine.inspect.jobs() == []


def test_a_running_job_can_settle_with_its_effects_below_min_free_disk(rig: Rig) -> None:
    put(rig.open(sub()))
    engine = rig.reopen(sub(), min_free_disk=1 << 62)
    (job,) = take(engine)
    settle_all(engine, [Settlement(job.lease, done([job])[0].outcome, (message("effect"),))])
    assert values(take(engine)) == ["effect"]


# ---------------------------------------------------------------- real faults


@contextmanager
def mounted(path: Path, options: str) -> Generator[None]:
    path.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
def small_disk(rig: Rig, tmp_path: Path) -> Iterator[Rig]:
    """The rig's directory is on a file system of 4 MiB."""
    if sys.platform != "linux" or os.geteuid():
        pytest.skip("a small file system can be mounted by root on Linux only")
    with mounted(tmp_path / "small", "size=4m"):
        rig.path = tmp_path / "small" / "data"
        yield rig
        rig.end()


def fill(engine: Engine) -> list[int]:
    """Enqueues 20 kB at a time until the engine stops; returns the jobs that were acknowledged."""
    acknowledged: list[int] = []
    while True:
        try:
            acknowledged.append(put(engine, "x" * 20_000))
        except EngineStopped:
            return acknowledged


def test_a_full_disk_stops_the_engine_and_it_opens_again_with_nothing_lost(small_disk: Rig, tmp_path: Path) -> None:
    engine = small_disk.open(sub())
    acknowledged = fill(engine)
    assert len(acknowledged) > 20
    assert "full" in str(engine.failure)
    engine.close()
    subprocess.run(["mount", "-o", "remount,size=64m", str(tmp_path / "small")], check=True)
    engine = small_disk.open(sub())
    found = take(engine)
    assert ids(found)[: len(acknowledged)] == acknowledged
    finish(engine, *found)


def test_a_full_disk_at_open_is_told(small_disk: Rig) -> None:
    put(small_disk.open(sub()), "kept")
    small_disk.close()
    filler = small_disk.path / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4_096):
            pass
    with pytest.raises((DataDirUnusable, EngineStopped), match=str(small_disk.path)):
        small_disk.open(sub())
    filler.unlink()
    assert values(take(small_disk.open(sub()))) == ["kept"]


def test_low_disk_is_seen_before_the_disk_is_full(small_disk: Rig) -> None:
    engine = small_disk.open(sub(), min_free_disk=2 * 1024 * 1024)

    def fill_slowly() -> None:
        for _ in range(200):
            put(engine, "x" * 20_000)
            small_disk.clock.advance(10.0)
            engine.tick()

    with pytest.raises(DiskLow):
        fill_slowly()
    assert engine.failure is None
    assert engine.stats().disk_low
    finish(engine, *take(engine))


def test_a_write_that_really_fails_stops_the_engine_and_it_opens_again_with_nothing_lost(rig: Rig) -> None:
    process = rig.start(sub())
    acknowledged = [job for receipt in process.put(message(1), message(2)).receipts for job in receipt.job_ids]
    process.call("limit_files", 50_000)

    def go_on() -> None:
        for _ in range(100):
            acknowledged.extend(process.put(message("x" * 20_000)).receipts[0].job_ids)

    with pytest.raises(Raised) as raised:
        go_on()
    assert raised.value.name == "EngineStopped"
    assert str(rig.path) in process.call("failure")
    process.kill()
    found = take(rig.open(sub()))
    assert ids(found)[: len(acknowledged)] == acknowledged


def test_a_directory_that_cannot_be_written_is_unusable(rig: Rig, tmp_path: Path) -> None:
    put(rig.open(sub()))
    rig.close()
    if os.geteuid():
        rig.path.chmod(0o500)
        with pytest.raises(DataDirUnusable, match=str(rig.path)):
            rig.open()
        rig.path.chmod(0o700)
        return
    with mounted(tmp_path / "sealed", "ro,size=1m"), pytest.raises(DataDirUnusable, match="sealed"):
        rig.open(data_dir=tmp_path / "sealed")

"""Closing while others use the engine: what was acknowledged is kept, everybody else is told."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from motia_fast.errors import EngineClosed
from tests.contract.verbs import DEADLINE, ids, message, put, sub, take, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from motia_fast.contract import Engine
    from tests.contract.disk import Disk
    from tests.contract.rig import Rig

#: The files that this process has open.
OPEN = Path("/proc/self/fd")


def in_thread(verb: Callable[..., object], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=verb, args=arguments)
    thread.start()
    return thread


def produce(engine: Engine, acknowledged: list[int]) -> None:
    """Enqueues until it is told that the engine closed."""
    with suppress(EngineClosed):
        while True:
            sent = engine.enqueue([message()])
            assert engine.wait(sent.commit, DEADLINE)
            acknowledged += sent.receipts[0].job_ids


def until_stopped(engine: Engine) -> None:
    until(lambda: engine.failure is not None)


def test_what_was_acknowledged_while_the_engine_closed_is_kept_and_nothing_else(rig: Rig) -> None:
    engine = rig.open(sub())
    acknowledged: list[list[int]] = [[] for _ in range(4)]
    producers = [in_thread(produce, engine, jobs) for jobs in acknowledged]
    until(lambda: all(acknowledged))
    engine.close()
    for producer in producers:
        producer.join(DEADLINE)
    assert ids(take(rig.reopen(sub()), 1_000_000)) == sorted(chain.from_iterable(acknowledged))


def test_nothing_is_accepted_once_the_last_group_is_on_its_way(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    with disk.held():
        kept = engine.enqueue([message("kept")]).receipts[0].job_ids
        disk.wait_for_group()
        closing = in_thread(engine.close)

        def refused() -> bool:
            try:
                engine.next_due()
            except EngineClosed:
                return True
            return False

        until(refused)
        with pytest.raises(EngineClosed):
            engine.enqueue([message("refused")])
    closing.join(DEADLINE)
    assert ids(take(rig.reopen(sub()))) == list(kept)


def test_who_waits_for_the_last_group_is_told_that_it_is_durable(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    told: list[bool] = []
    with disk.held():
        commit = engine.enqueue([message()]).commit
        waiting = in_thread(lambda: told.append(engine.wait(commit, DEADLINE)))
        disk.wait_for_group()
        closing = in_thread(engine.close)
    closing.join(DEADLINE)
    waiting.join(DEADLINE)
    assert told == [True]


def test_two_threads_may_close_at_once(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    with disk.held():
        engine.enqueue([message()])
        disk.wait_for_group()
        closing = [in_thread(engine.close) for _ in range(4)]
    for thread in closing:
        thread.join(DEADLINE)
    assert len(take(rig.reopen(sub()))) == 1


@pytest.mark.skipif(not OPEN.exists(), reason="this system does not list the files of a process")
@pytest.mark.parametrize("verb", ["stats", "acknowledge", "tick", "next_due"])
def test_a_closed_engine_leaves_its_files_alone(engine: Engine, rig: Rig, verb: str) -> None:
    engine.close()
    with pytest.raises(EngineClosed):
        getattr(engine, verb)()
    assert [path for path in OPEN.iterdir() if path.resolve().is_relative_to(rig.path)] == []


def test_a_group_that_fails_while_the_engine_closes_is_the_last_write(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    put(engine)
    with disk.held():
        engine.enqueue([message("never acknowledged")])
        disk.wait_for_group()
        disk.break_with(sqlite3.SQLITE_IOERR)
        closing = in_thread(engine.close)
    closing.join(DEADLINE)
    with sqlite3.connect(rig.path / "engine.db") as file:
        assert file.execute("SELECT v FROM meta WHERE k = 'clean'").fetchone() == (0,)
    file.close()
    assert len(take(rig.reopen(sub()))) == 1


def test_a_stop_by_a_broken_disk_is_no_crash_of_the_jobs_that_ran(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    job = put(engine)
    for _ in range(4):  # one more than makes a job dead
        (claimed,) = take(engine)
        assert (claimed.id, claimed.crashes) == (job, 0)
        disk.break_with(sqlite3.SQLITE_FULL)
        engine.enqueue([message("never acknowledged")])
        until_stopped(engine)
        engine = rig.reopen(sub(), disk=disk)

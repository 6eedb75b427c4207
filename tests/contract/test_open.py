"""`open` and `close`: who has the directory, and what is found in it."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from motia_fast.conditions import F
from motia_fast.contract import Died, JobFilter
from motia_fast.errors import DataDirLocked, DataDirUnusable, EngineClosed, StoreCorrupt
from tests.contract.disk import Disk
from tests.contract.rig import Rig
from tests.contract.verbs import BOOM, ids, message, put, set_state, settle, sub, take, take_one, value, view

if TYPE_CHECKING:
    from collections.abc import Callable

    from motia_fast.contract import Engine


def test_open_makes_the_data_directory_for_its_owner_alone(rig: Rig) -> None:
    rig.open()
    assert rig.path.stat().st_mode & 0o777 == 0o700


def test_open_says_the_engine_s_name(rig: Rig) -> None:
    assert rig.open().name == rig.name


def test_open_takes_the_lock_or_raises_data_dir_locked_naming_the_holder(rig: Rig) -> None:
    holder = rig.start()
    with pytest.raises(DataDirLocked) as raised:
        rig.open()
    assert raised.value.path == rig.path
    assert raised.value.holder["pid"] == holder.pid
    assert str(holder.pid) in str(raised.value)


def test_open_is_refused_in_the_process_that_has_the_directory_too(rig: Rig) -> None:
    engine = rig.open(sub())
    with pytest.raises(DataDirLocked) as raised:
        rig.open()
    assert raised.value.holder["pid"] == os.getpid()
    put(engine)  # and the refused one did not disturb the first


def test_a_refused_open_changes_nothing_in_the_directory(rig: Rig) -> None:
    holder = rig.start(sub())
    holder.put(message(1))
    before = {path.name: path.read_bytes() for path in rig.path.iterdir() if path.is_file()}
    with pytest.raises(DataDirLocked):
        rig.open()
    assert {path.name: path.read_bytes() for path in rig.path.iterdir() if path.is_file()} == before


def test_open_waits_lock_wait_seconds_for_the_holder(rig: Rig) -> None:
    rig.start()
    before = time.monotonic()
    with pytest.raises(DataDirLocked):
        rig.open(lock_wait=0.3)
    assert time.monotonic() - before >= 0.3


def test_open_with_lock_wait_succeeds_once_the_holder_ends(rig: Rig) -> None:
    holder = rig.start()
    opened: list[Engine] = []
    waiting = threading.Thread(target=lambda: opened.append(rig.open(lock_wait=30.0)))
    waiting.start()
    holder.call("close")
    waiting.join(30)
    assert opened[0].boot > 0


def test_open_gives_up_a_directory_that_it_could_not_open(rig: Rig) -> None:
    rig.path.mkdir()
    database = rig.path / "engine.db"
    database.write_bytes(b"no database" * 100)
    with pytest.raises(StoreCorrupt):
        rig.open()
    database.unlink()
    rig.open()


def test_the_lock_is_held_without_a_database_too(rig: Rig) -> None:
    rig.open(durability="memory")
    with pytest.raises(DataDirLocked):
        rig.open(durability="memory")


def test_an_engine_in_memory_needs_no_directory_and_shares_none(rig: Rig) -> None:
    one = rig.open(sub(), durability="memory", data_dir=None)
    two = rig.open(sub(), durability="memory", data_dir=None)
    job = put(one)
    assert take(two) == []
    assert ids(take(one)) == [job]


@pytest.mark.parametrize("parent", ["file", "file/data"])
def test_a_directory_that_cannot_be_one_is_unusable(rig: Rig, tmp_path: Path, parent: str) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(DataDirUnusable, match="file"):
        rig.open(data_dir=tmp_path / parent)


def test_a_directory_may_have_any_name(rig: Rig, tmp_path: Path) -> None:
    rig.path = tmp_path / "dä ta" / "%20 ?mode=ro#'\"\\"
    rig.path.parent.mkdir()
    job = put(rig.open(sub()))
    assert ids(take(rig.reopen(sub()))) == [job]
    assert (rig.path / "engine.db").exists()


# ---------------------------------------------------------------- what is found


def everything(rig: Rig) -> tuple[Engine, dict[str, int]]:
    """An engine with a job in each state, a parked message and a state item, all durable."""
    engine = rig.open(sub())
    dead = put(engine, "dead")
    settle(engine, take_one(engine), Died(BOOM))
    jobs = {
        "running": put(engine, "running"),
        "ready": put(engine, "ready"),
        "scheduled": put(engine, "scheduled", delay=60.0),
        "dead": dead,
    }
    engine.wait(engine.enqueue([message("parked", "elsewhere")]).commit)
    engine.wait(set_state(engine, "orders", "1", {"id": 1}).commit)
    assert take_one(engine).id == jobs["running"]
    return engine, jobs


def test_after_open_every_acknowledged_job_is_ready_scheduled_parked_or_dead(rig: Rig) -> None:
    _, jobs = everything(rig)
    engine = rig.reopen(sub())
    assert view(engine, jobs["ready"]).state == "ready"
    assert view(engine, jobs["running"]).state == "ready"
    assert view(engine, jobs["scheduled"]).state == "scheduled"
    assert view(engine, jobs["dead"]).state == "dead"
    assert [each.payload for each in engine.inspect.parked()] == [b'"parked"']
    assert value(engine, "orders", "1") == {"id": 1}


def test_opening_after_a_kill_needs_no_repair_step(rig: Rig) -> None:
    process = rig.start(sub())
    sent = process.put(*(message(n) for n in range(100)))
    process.kill()
    engine = rig.open(sub())
    assert ids(take(engine)) == [job for receipt in sent.receipts for job in receipt.job_ids]


def test_boot_rises_each_time_the_directory_is_opened(rig: Rig) -> None:
    first = rig.open().boot
    second = rig.reopen().boot
    rig.close()
    process = rig.start()
    process.kill()
    assert first < second < rig.open().boot - 1


def test_ids_never_repeat_over_restarts(rig: Rig) -> None:
    seen = [put(rig.open(sub()))]
    for _ in range(3):
        seen.append(put(rig.reopen(sub())))
        rig.close()
        process = rig.start(sub())
        seen += process.put(message()).receipts[0].job_ids
        process.kill()
    assert len(set(seen)) == 7
    assert seen == sorted(seen)


def test_ids_do_not_repeat_after_a_life_that_used_a_million(rig: Rig) -> None:
    """Ids are reserved in blocks. Messages that nobody takes use one each, and write nothing."""
    engine = rig.open(sub(), sub("nobody/rare", condition=F.never.exists().to_json()))
    rare = [message({}, "rare")] * 10_000
    for _ in range(110):
        engine.enqueue(rare)
    last = put(engine)
    assert last > 1_100_000
    engine = rig.crash(sub())
    assert put(engine) > last


def test_ids_do_not_repeat_after_their_jobs_are_gone(rig: Rig) -> None:
    engine = rig.open(sub())
    first = put(engine)
    settle(engine, take_one(engine), Died(BOOM))
    engine.wait(engine.dead.purge(JobFilter(ids=(first,)))[0])
    assert put(rig.reopen(sub())) > first


def test_commit_numbers_go_on_over_restarts(rig: Rig) -> None:
    engine = rig.open(sub())
    put(engine)
    before = engine.committed
    engine = rig.reopen(sub())
    assert engine.committed >= before
    assert engine.durable == engine.committed


# ---------------------------------------------------------------- close


def test_close_finishes_the_current_group(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    with disk.held():
        jobs = [engine.enqueue([message(n)]).receipts[0].job_ids[0] for n in range(10)]
        disk.wait_for_group()
        closing = threading.Thread(target=engine.close)
        closing.start()
    closing.join(30)
    assert ids(take(rig.open(sub()))) == jobs


def test_close_frees_the_directory(rig: Rig) -> None:
    rig.open().close()
    rig.open()


def test_closing_twice_is_fine(engine: Engine) -> None:
    engine.close()
    engine.close()


def test_leases_end_at_close_as_with_release(rig: Rig) -> None:
    engine = rig.open(sub())
    job = put(engine)
    take(engine)
    (again,) = take(rig.reopen(sub()))
    assert (again.id, again.attempt, again.crashes) == (job, 1, 0)


def test_close_leaves_no_thread_and_no_descriptor_behind(rig: Rig) -> None:
    rig.open(sub()).close()
    before = threading.active_count(), open_files()
    for n in range(5):
        engine = rig.open(sub())
        put(engine, n)
        assert len(engine.inspect.jobs()) == n + 1
        engine.close()
    assert (threading.active_count(), open_files()) == before


def test_an_open_that_fails_leaves_no_thread_and_no_descriptor_behind(rig: Rig) -> None:
    rig.path.mkdir()
    (rig.path / "engine.db").write_bytes(b"no database" * 100)
    before = threading.active_count(), open_files()
    for _ in range(5):
        with pytest.raises(StoreCorrupt):
            rig.open()
    assert (threading.active_count(), open_files()) == before


def open_files() -> int:
    """How many descriptors this process has; 0 where nobody counts them."""
    counted = Path("/proc/self/fd")
    return len(list(counted.iterdir())) if counted.exists() else 0


VERBS: dict[str, Callable[[Engine], object]] = {
    "register": lambda engine: engine.register([sub()]),
    "enqueue": lambda engine: engine.enqueue([message()]),
    "claim": lambda engine: engine.claim("worker", "async", 1),
    "settle": lambda engine: engine.settle([]),
    "release": lambda engine: engine.release("worker"),
    "turn": lambda engine: engine.turn("worker", "async", [], 1),
    "wait": lambda engine: engine.wait(1, 0.0),
    "tick": lambda engine: engine.tick(),
    "next_due": lambda engine: engine.next_due(),
    "stats": lambda engine: engine.stats(),
    "state.get": lambda engine: engine.state.get("g", "k"),
    "state.write": lambda engine: set_state(engine, "g", "k", 1),
    "state.load": lambda engine: engine.state.load([("g", "k")]),
    "state.items": lambda engine: engine.state.items("g"),
    "state.groups": lambda engine: engine.state.groups(),
    "state.clear": lambda engine: engine.state.clear("g"),
    "schedules.rows": lambda engine: engine.schedules.rows(),
    "schedules.declare": lambda engine: engine.schedules.declare("s/cron", "* * * * *", "UTC", 0),
    "schedules.reset": lambda engine: engine.schedules.reset("s/cron", 0),
    "schedules.unfinished": lambda engine: engine.schedules.unfinished("s/cron"),
    "schedules.fire": lambda engine: engine.schedules.fire("s/cron", 1),
    "dead.list": lambda engine: engine.dead.list(),
    "dead.get": lambda engine: engine.dead.get(1),
    "dead.retry": lambda engine: engine.dead.retry(JobFilter()),
    "dead.purge": lambda engine: engine.dead.purge(JobFilter()),
    "inspect.jobs": lambda engine: engine.inspect.jobs(),
    "inspect.job": lambda engine: engine.inspect.job(1),
    "inspect.parked": lambda engine: engine.inspect.parked(),
    "inspect.history": lambda engine: engine.inspect.history(),
}


@pytest.mark.parametrize("verb", VERBS)
def test_after_close_every_verb_raises_engine_closed(engine: Engine, verb: str) -> None:
    engine.register([sub(), sub("s/cron", topic="", source="cron")])
    engine.close()
    with pytest.raises(EngineClosed):
        VERBS[verb](engine)

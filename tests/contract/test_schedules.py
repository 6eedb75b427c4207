"""The rows of cron triggers, and the tick that never fires twice."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

from motia_fast.contract import Enqueued, JobFilter, ScheduleRow
from motia_fast.errors import DiskLow, UnknownSubscription
from tests.contract.disk import Disk
from tests.contract.rig import Rig
from tests.contract.verbs import fail, finish, ids, put, retrying, sub, take, take_one

if TYPE_CHECKING:
    from motia_fast.clock import ManualClock
    from motia_fast.contract import Engine, Subscription

ROW = ScheduleRow("clean/cron", "0 0 * * *", "UTC", 1_000)


def cron(name: str = "clean/cron", **options: object) -> Subscription:
    return sub(name, topic="", source="cron", **options)


def fire(engine: Engine, at: int, name: str = "clean/cron") -> int | None:
    """Fires, and waits until that is durable; returns the tick's job."""
    fired = engine.schedules.fire(name, at)
    if fired is None:
        return None
    assert engine.wait(fired.commit, 10.0)
    ((job,),) = [receipt.job_ids for receipt in fired.receipts]
    return job


@pytest.fixture
def clockwork(engine: Engine) -> Engine:
    """An engine with one cron trigger, declared at 1,000."""
    engine.register([cron()])
    engine.schedules.declare(*ROW)
    return engine


# ---------------------------------------------------------------- rows


def test_declare_makes_the_row(engine: Engine) -> None:
    engine.register([cron()])
    assert engine.schedules.declare(*ROW) == ROW
    assert engine.schedules.rows() == [ROW]


def test_declare_of_the_same_schedule_returns_the_row_as_it_is(clockwork: Engine) -> None:
    fire(clockwork, 5_000)
    assert clockwork.schedules.declare("clean/cron", "0 0 * * *", "UTC", 9_000).last == 5_000
    assert clockwork.schedules.rows()[0].last == 5_000


@pytest.mark.parametrize(("expression", "zone"), [("0 1 * * *", "UTC"), ("0 0 * * *", "Europe/Berlin")])
def test_declare_of_another_expression_or_zone_resets_the_row(clockwork: Engine, expression: str, zone: str) -> None:
    fire(clockwork, 5_000)
    assert clockwork.schedules.declare("clean/cron", expression, zone, 9_000) == ScheduleRow(
        "clean/cron", expression, zone, 9_000
    )


def test_rows_are_listed_by_subscription(engine: Engine) -> None:
    names = ["b/cron", "a/cron", "c/cron"]
    engine.register([cron(name) for name in names])
    for name in names:
        engine.schedules.declare(name, "* * * * *", "UTC", 0)
    assert [row.subscription for row in engine.schedules.rows()] == ["a/cron", "b/cron", "c/cron"]


def test_rows_survive_a_kill(rig: Rig) -> None:
    process = rig.start(cron(), sub())
    process.call("schedules.declare", *ROW)
    fired = process.call("schedules.fire", "clean/cron", 5_000)
    process.call("wait", fired.commit, 10.0)
    process.kill()
    assert rig.open(cron()).schedules.rows() == [ROW._replace(last=5_000)]


def test_reset_sets_last_and_is_a_commit(clockwork: Engine) -> None:
    fire(clockwork, 5_000)
    commit = clockwork.schedules.reset("clean/cron", 2_000)
    assert clockwork.wait(commit, 10.0)
    assert clockwork.schedules.rows()[0].last == 2_000
    assert fire(clockwork, 5_000) is not None


def test_was_adopts_the_schedule(rig: Rig) -> None:
    engine = rig.open(cron("old/cron"))
    engine.schedules.declare("old/cron", "0 0 * * *", "UTC", 1_000)
    fire(engine, 5_000, "old/cron")
    engine = rig.reopen(cron("new/cron", was=("old/cron",)))
    assert engine.schedules.declare("new/cron", "0 0 * * *", "UTC", 9_000).last == 5_000
    assert [row.subscription for row in engine.schedules.rows()] == ["new/cron"]


# ---------------------------------------------------------------- fire


def test_fire_makes_the_tick_s_job_and_moves_last_in_one_commit(clockwork: Engine) -> None:
    before = clockwork.committed
    fired = clockwork.schedules.fire("clean/cron", 5_000, b'{"trace":"t"}')
    assert isinstance(fired, Enqueued)
    assert fired.commit == clockwork.committed == before + 1
    assert clockwork.schedules.rows()[0].last == 5_000
    clockwork.wait(fired.commit)
    job = take_one(clockwork)
    assert (job.subscription, job.meta) == ("clean/cron", b'{"trace":"t"}')
    assert (job.id,) == fired.receipts[0].job_ids
    json.loads(job.payload)


def test_the_second_fire_for_the_same_time_makes_nothing(clockwork: Engine) -> None:
    job = fire(clockwork, 5_000)
    before = clockwork.committed
    assert fire(clockwork, 5_000) is None
    assert clockwork.committed == before
    assert ids(take(clockwork)) == [job]


def test_a_fire_for_an_earlier_time_makes_nothing(clockwork: Engine) -> None:
    fire(clockwork, 5_000)
    assert fire(clockwork, 4_999) is None
    assert fire(clockwork, 5_001) is not None


def test_a_fire_at_the_time_of_declaration_makes_nothing(clockwork: Engine) -> None:
    assert fire(clockwork, 1_000) is None


def test_fires_that_race_for_one_time_make_one_job(clockwork: Engine) -> None:
    fired: list[Enqueued | None] = []
    threads = [
        threading.Thread(target=lambda: fired.append(clockwork.schedules.fire("clean/cron", 5_000))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len([each for each in fired if each is not None]) == 1


def test_fire_of_an_unknown_subscription_is_refused(clockwork: Engine) -> None:
    before = clockwork.committed
    with pytest.raises(UnknownSubscription, match="gone/cron"):
        clockwork.schedules.fire("gone/cron", 5_000)
    assert clockwork.committed == before


def test_a_tick_that_was_durable_does_not_fire_again_after_a_kill(rig: Rig) -> None:
    process = rig.start(cron())
    process.call("schedules.declare", *ROW)
    fired = process.call("schedules.fire", "clean/cron", 5_000)
    process.call("wait", fired.commit, 10.0)
    process.kill()
    engine = rig.open(cron())
    assert engine.schedules.declare("clean/cron", "0 0 * * *", "UTC", 9_000).last == 5_000
    assert fire(engine, 5_000) is None
    assert tuple(ids(take(engine))) == fired.receipts[0].job_ids


def test_a_tick_s_job_is_handed_out_only_when_it_is_durable(rig: Rig, disk: Disk) -> None:
    engine = rig.open(cron(), disk=disk)
    engine.schedules.declare(*ROW)
    engine.wait(engine.committed)
    with disk.held():
        fired = engine.schedules.fire("clean/cron", 5_000)
        assert fired is not None
        disk.wait_for_group()
        assert take(engine) == []
        assert engine.schedules.fire("clean/cron", 5_000) is None
    engine.wait(fired.commit)
    assert tuple(ids(take(engine))) == fired.receipts[0].job_ids


def test_a_tick_is_a_job_like_any_other(clockwork: Engine) -> None:
    fire(clockwork, 5_000)
    finish(clockwork, take_one(clockwork))
    fire(clockwork, 6_000)
    job = put(clockwork, topic="", subscription="clean/cron")
    assert ids(take(clockwork))[-1] == job


def test_unfinished_counts_its_jobs_until_they_are_finished_or_dead(engine: Engine, clock: ManualClock) -> None:
    engine.register([cron(retry=retrying(1))])
    assert engine.schedules.unfinished("clean/cron") == engine.schedules.unfinished("gone/cron") == 0
    fire(engine, 5_000)
    put(engine, topic="", subscription="clean/cron", delay=60.0)
    assert engine.schedules.unfinished("clean/cron") == 2
    fail(engine, take_one(engine))
    assert engine.schedules.unfinished("clean/cron") == 2
    clock.advance(10.0)
    engine.tick()
    fail(engine, take_one(engine))
    assert engine.schedules.unfinished("clean/cron") == 1
    clock.advance(60.0)
    engine.tick()
    finish(engine, take_one(engine))
    assert engine.schedules.unfinished("clean/cron") == 0
    engine.wait(engine.dead.retry(JobFilter())[0])
    assert engine.schedules.unfinished("clean/cron") == 1


def test_unfinished_counts_what_is_not_durable_yet(rig: Rig, disk: Disk) -> None:
    engine = rig.open(cron(), disk=disk)
    engine.schedules.declare(*ROW)
    engine.wait(engine.committed)
    with disk.held():
        engine.schedules.fire("clean/cron", 5_000)
        assert engine.schedules.unfinished("clean/cron") == 1


def test_unfinished_is_right_after_a_restart(rig: Rig) -> None:
    engine = rig.open(cron())
    fire(engine, 5_000)
    put(engine, topic="", subscription="clean/cron", delay=60.0)
    take_one(engine)
    assert rig.reopen(cron()).schedules.unfinished("clean/cron") == 2


def test_below_the_disk_limit_a_tick_is_refused_and_last_stays(rig: Rig) -> None:
    engine = rig.open(cron())
    engine.schedules.declare(*ROW)
    engine = rig.reopen(cron(), min_free_disk=1 << 62)
    with pytest.raises(DiskLow):
        engine.schedules.fire("clean/cron", 5_000)
    assert engine.schedules.rows() == [ROW]

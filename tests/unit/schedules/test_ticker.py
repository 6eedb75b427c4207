"""Firing what is due, on every engine."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from motia_fast.clock import SECOND, Micros
from motia_fast.contract import Died, Failure
from motia_fast.crontab import Crontab
from motia_fast.errors import EngineClosed
from motia_fast.schedules import Counts, Schedule, Ticker, schedules_of
from motia_fast.steps import step
from motia_fast.triggers import cron, http, queue
from tests.contract.disk import Disk
from tests.contract.engines import ENGINES
from tests.contract.rig import Rig
from tests.contract.verbs import DEADLINE, fail, finish, retrying, settle, sub, take, take_one

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from motia_fast.contract import Engine, Job, Subscription

REPORT = "Report/cron"
MINUTE = 60.0


def at(text: str) -> Micros:
    """A time of 2026-05-04, such as "10:00"."""
    return int(datetime.fromisoformat(f"2026-05-04T{text}").replace(tzinfo=UTC).timestamp()) * SECOND


def subscription(name: str = REPORT, **options: Any) -> Subscription:
    return sub(name, topic="", source="cron", **options)


def schedule(expression: str = "*/5 * * * *", name: str = REPORT, **options: Any) -> Schedule:
    return Schedule(name, Crontab.parse(expression), **options)


@pytest.fixture(params=ENGINES)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """It is 10:02."""
    rig = Rig(request.param, tmp_path / "data")
    set_clock(rig, "10:02")
    yield rig
    rig.end()


@pytest.fixture
def engine(rig: Rig) -> Engine:
    return rig.open(subscription())


def set_clock(rig: Rig, text: str) -> Micros:
    rig.clock.jump((at(text) - rig.clock.now()) / SECOND)
    return rig.clock.now()


def started(rig: Rig, engine: Engine, *schedules: Schedule) -> Ticker:
    """A ticker that has declared its schedules, at the time that it is."""
    ticker = Ticker(engine, schedules or [schedule()])
    ticker.fire_due(rig.clock.now())
    return ticker


def jobs(engine: Engine) -> list[Job]:
    """What can be claimed, once all that was committed is durable."""
    assert engine.wait(engine.committed, DEADLINE)
    return take(engine)


def times(found: list[Job]) -> list[Micros]:
    return [json.loads(job.meta)["at"] for job in found]


def last(engine: Engine, name: str = REPORT) -> Micros:
    (row,) = [row for row in engine.schedules.rows() if row.subscription == name]
    return row.last


def test_the_schedules_of_steps_are_their_cron_triggers() -> None:
    @step(
        cron("0 9 * * MON", "Europe/Berlin", misfire="all", overlap="allow"),
        queue("reports"),
        http("POST", "/reports"),
        cron("@daily"),
        name="Report",
    )
    async def report() -> None: ...

    assert schedules_of([report]) == [
        Schedule(REPORT, Crontab.parse("0 9 * * MON", "Europe/Berlin"), misfire="all", overlap="allow"),
        Schedule("Report/cron#2", Crontab.parse("@daily"), misfire="once", overlap="skip"),
    ]


def test_a_mistaken_trigger_has_no_schedule() -> None:
    @step(cron("0 25 * * *"), name="Report")
    async def report() -> None: ...

    assert schedules_of([report]) == []


# ---------------------------------------------------------------- the ordinary course


def test_a_new_schedule_is_declared_and_waits_for_its_first_time(engine: Engine) -> None:
    ticker = Ticker(engine, [schedule()])
    assert ticker.seconds_left(at("10:02")) == 0.0  # there is something to declare
    assert ticker.fire_due(at("10:02")) == at("10:05")
    assert ticker.next_due == at("10:05")
    assert ticker.seconds_left(at("10:02")) == 3 * MINUTE
    assert ticker.seconds_left(at("10:06")) == 0.0
    assert jobs(engine) == []
    (row,) = engine.schedules.rows()
    assert row == (REPORT, "*/5 * * * *", "UTC", at("10:02"))


def test_a_tick_is_a_job_with_its_time_and_a_trace(rig: Rig, engine: Engine) -> None:
    ticker = started(rig, engine)
    assert ticker.fire_due(at("10:05") + SECOND) == at("10:10")
    (job,) = jobs(engine)
    assert job.subscription == REPORT
    meta = json.loads(job.meta)
    assert meta["at"] == at("10:05")
    assert len(bytes.fromhex(meta["trace"])) == 16
    assert last(engine) == at("10:05")
    assert ticker.counts == {REPORT: Counts(fired=1)}


def test_a_tick_fires_once_however_often_it_is_asked_for(rig: Rig, engine: Engine) -> None:
    ticker, another = started(rig, engine), started(rig, engine)
    for now in (at("10:05"), at("10:05"), at("10:07")):
        assert ticker.fire_due(now) == at("10:10")
        assert another.fire_due(now) == at("10:10")
    assert times(jobs(engine)) == [at("10:05")]
    assert (ticker.counts[REPORT].fired, another.counts[REPORT].fired) == (1, 0)


def test_the_earliest_of_several_schedules_is_next(rig: Rig) -> None:
    engine = rig.open(subscription(), subscription("Cleanup/cron"))
    ticker = started(rig, engine, schedule(), schedule("7 * * * *", "Cleanup/cron"))
    assert ticker.next_due == at("10:05")
    assert ticker.fire_due(at("10:05")) == at("10:07")
    assert ticker.fire_due(at("10:07")) == at("10:10")
    assert {job.subscription for job in jobs(engine)} == {REPORT, "Cleanup/cron"}


def test_a_ticker_without_schedules_or_with_one_that_is_over_is_never_due(rig: Rig, engine: Engine) -> None:
    idle = Ticker(engine, [])
    assert (idle.next_due, idle.fire_due(at("10:02")), idle.seconds_left(at("10:02"))) == (None, None, None)
    over = started(rig, engine, schedule("0 5 10 4 5 * 2026"))
    assert over.next_due == at("10:05")
    assert over.fire_due(at("10:05")) is None
    assert over.seconds_left(at("10:05")) is None
    assert times(jobs(engine)) == [at("10:05")]


def test_a_tick_that_somebody_fired_by_hand_is_no_hindrance(rig: Rig, engine: Engine) -> None:
    ticker = started(rig, engine)
    assert engine.schedules.fire(REPORT, at("10:03")) is not None
    finish(engine, *jobs(engine))
    assert ticker.fire_due(at("10:05")) == at("10:10")
    assert times(jobs(engine)) == [at("10:05")]


# ---------------------------------------------------------------- missed, edited, wrong clocks


@pytest.mark.parametrize(
    ("misfire", "fired", "missed"),
    [
        ("once", ["10:20"], 3),  # 10:05, 10:10, 10:15 are passed over
        ("skip", [], 4),
        ("all", ["10:05", "10:10", "10:15", "10:20"], 0),
    ],
)
def test_ticks_that_a_stopped_process_missed_follow_the_policy(
    rig: Rig, misfire: Any, fired: list[str], missed: int, caplog: pytest.LogCaptureFixture
) -> None:
    started(rig, rig.open(subscription()), schedule(misfire=misfire))
    now = set_clock(rig, "10:23")
    engine = rig.reopen(subscription())
    ticker = Ticker(engine, [schedule(misfire=misfire)])
    with caplog.at_level(logging.WARNING):
        assert ticker.fire_due(now) == at("10:25")
    assert times(jobs(engine)) == [at(text) for text in fired]
    assert ticker.counts[REPORT] == Counts(fired=len(fired), missed=missed)
    assert last(engine) == at("10:20")
    assert [f"{missed} missed" in record.message for record in caplog.records] == [True] * bool(missed)


def test_what_was_passed_over_is_counted_once_and_does_not_come_back(rig: Rig) -> None:
    started(rig, rig.open(subscription()), schedule(misfire="skip"))
    now = set_clock(rig, "10:23")
    ticker = started(rig, rig.reopen(subscription()), schedule(misfire="skip"))
    ticker.fire_due(now)
    assert ticker.counts[REPORT] == Counts(missed=4)
    engine = rig.reopen(subscription())
    again = started(rig, engine, schedule(misfire="all"))  # a policy that would have made up for them
    assert jobs(engine) == []
    assert again.counts[REPORT] == Counts()


def test_a_tick_does_not_fire_again_after_a_restart(rig: Rig) -> None:
    engine = rig.open(subscription())
    started(rig, engine).fire_due(at("10:05"))
    finish(engine, *jobs(engine))
    now = set_clock(rig, "10:06")
    engine = rig.reopen(subscription())
    assert Ticker(engine, [schedule()]).fire_due(now) == at("10:10")
    assert jobs(engine) == []


@pytest.mark.parametrize("crontab", [Crontab.parse("*/3 * * * *"), Crontab.parse("*/5 * * * *", "Europe/Berlin")])
def test_an_edited_schedule_makes_up_for_nothing(rig: Rig, crontab: Crontab) -> None:
    started(rig, rig.open(subscription()))
    set_clock(rig, "10:23")
    engine = rig.reopen(subscription())
    ticker = started(rig, engine, Schedule(REPORT, crontab, misfire="all"))
    assert jobs(engine) == []
    assert ticker.counts[REPORT] == Counts()
    assert engine.schedules.rows() == [(REPORT, crontab.expression, crontab.timezone, at("10:23"))]


def test_a_last_fire_from_the_future_is_reset_with_a_warning(
    rig: Rig, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.schedules.declare(REPORT, "*/5 * * * *", "UTC", at("10:02") + 86_401 * SECOND)
    with caplog.at_level(logging.WARNING):
        ticker = started(rig, engine)
    (record,) = caplog.records
    assert record.message == (
        "Report/cron: the last fire is kept as 2026-05-05T10:02:01+00:00, more than a day ahead, so a clock was wrong; "
        "it goes on from 2026-05-04T10:02:00+00:00"
    )
    assert last(engine) == at("10:02")
    assert ticker.fire_due(at("10:05")) == at("10:10")
    assert times(jobs(engine)) == [at("10:05")]


def test_a_time_beyond_all_calendars_is_reset_too(rig: Rig, engine: Engine) -> None:
    engine.schedules.declare(REPORT, "*/5 * * * *", "UTC", 2**62)
    assert started(rig, engine).next_due == at("10:05")
    assert last(engine) == at("10:02")


def test_a_clock_that_is_set_back_fires_nothing_twice(rig: Rig, engine: Engine) -> None:
    ticker = started(rig, engine)
    ticker.fire_due(at("10:10"))
    finish(engine, *jobs(engine))
    for now in ("10:04", "10:05", "10:06", "10:10"):
        assert ticker.fire_due(at(now)) == at("10:15")
    assert jobs(engine) == []
    ticker.fire_due(at("10:15"))
    assert times(jobs(engine)) == [at("10:15")]


def test_a_clock_that_is_set_back_by_days_is_noticed_at_once(rig: Rig, engine: Engine) -> None:
    ticker = started(rig, engine)
    day_before = at("10:02") - 2 * 86_400 * SECOND
    assert ticker.fire_due(day_before) == day_before + 3 * 60 * SECOND
    assert last(engine) == day_before


# ---------------------------------------------------------------- overlap


def test_a_tick_is_skipped_while_the_one_before_is_unfinished(
    rig: Rig, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    ticker = started(rig, engine)
    ticker.fire_due(at("10:05"))
    with caplog.at_level(logging.WARNING):
        assert ticker.fire_due(at("10:10")) == at("10:15")  # ready: nobody claimed it
    assert [record.message for record in caplog.records] == [
        "Report/cron: the last tick is unfinished, so this one is skipped"
    ]
    (job,) = jobs(engine)
    assert ticker.fire_due(at("10:15")) == at("10:20")  # running
    assert ticker.counts[REPORT] == Counts(fired=1, overlapped=2)
    finish(engine, job)
    assert ticker.fire_due(at("10:16")) == at("10:20")  # what was skipped is not made up for
    ticker.fire_due(at("10:20"))
    assert times(jobs(engine)) == [at("10:20")]
    assert ticker.counts[REPORT] == Counts(fired=2, overlapped=2)


def test_a_tick_that_waits_for_its_retry_is_unfinished(rig: Rig) -> None:
    engine = rig.open(subscription(retry=retrying(1, delay=6 * MINUTE)))
    ticker = started(rig, engine)
    ticker.fire_due(at("10:05"))
    (job,) = jobs(engine)
    fail(engine, job)
    ticker.fire_due(at("10:10"))
    assert ticker.counts[REPORT] == Counts(fired=1, overlapped=1)


def test_a_dead_letter_is_finished(rig: Rig, engine: Engine) -> None:
    ticker = started(rig, engine)
    ticker.fire_due(at("10:05"))
    assert engine.wait(engine.committed, DEADLINE)
    settle(engine, take_one(engine), Died(Failure("ValueError", "boom")))
    ticker.fire_due(at("10:10"))
    assert ticker.counts[REPORT] == Counts(fired=2)


def test_a_tick_from_before_a_crash_is_unfinished_after_the_restart(rig: Rig) -> None:
    process = rig.start(subscription())
    process.call("schedules.declare", REPORT, "*/5 * * * *", "UTC", at("10:02"))
    fired = process.call("schedules.fire", REPORT, at("10:05"))
    assert process.call("wait", fired.commit, DEADLINE)
    process.kill()
    now = set_clock(rig, "10:11")
    engine = rig.open(subscription())
    ticker = Ticker(engine, [schedule()])
    ticker.fire_due(now)
    assert ticker.counts[REPORT] == Counts(overlapped=1)
    assert len(jobs(engine)) == 1


def test_unfinished_ticks_of_another_schedule_do_not_count(rig: Rig) -> None:
    engine = rig.open(subscription(), subscription("Cleanup/cron"))
    ticker = started(rig, engine, schedule(), schedule("7 * * * *", "Cleanup/cron"))
    ticker.fire_due(at("10:07"))
    assert {job.subscription for job in jobs(engine)} == {REPORT, "Cleanup/cron"}


def test_overlapping_ticks_run_side_by_side_where_that_is_allowed(rig: Rig, engine: Engine) -> None:
    ticker = started(rig, engine, schedule(overlap="allow"))
    ticker.fire_due(at("10:05"))
    ticker.fire_due(at("10:10"))
    assert times(jobs(engine)) == [at("10:05"), at("10:10")]


def test_ticks_that_are_made_up_for_together_do_not_skip_each_other(rig: Rig, engine: Engine) -> None:
    ticker = started(rig, engine, schedule(misfire="all", overlap="skip"))
    ticker.fire_due(at("10:15"))
    assert times(jobs(engine)) == [at("10:05"), at("10:10"), at("10:15")]
    ticker.fire_due(at("10:30"))  # none of them is finished
    assert ticker.counts[REPORT] == Counts(fired=3, overlapped=3)


# ---------------------------------------------------------------- an engine that refuses work


def test_a_tick_waits_for_room(rig: Rig) -> None:
    disk = Disk()
    engine = rig.open(subscription(), disk=disk, pending_operations=1)
    ticker = started(rig, engine)
    assert engine.wait(engine.committed, DEADLINE)
    with disk.held():
        engine.schedules.reset(REPORT, at("10:03"))  # something that fills the list of what is pending
        assert ticker.fire_due(at("10:05")) == at("10:05") + SECOND // 20
        assert last(engine) == at("10:03")
    assert engine.wait(engine.committed, DEADLINE)
    assert ticker.fire_due(at("10:05")) == at("10:10")
    assert times(jobs(engine)) == [at("10:05")]
    assert ticker.counts[REPORT] == Counts(fired=1)


def test_a_tick_waits_for_free_disk(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    started(rig, rig.open(subscription()))
    ticker = Ticker(rig.reopen(subscription(), min_free_disk=2**62), [schedule()])
    with caplog.at_level(logging.WARNING):
        assert ticker.fire_due(at("10:05")) == at("10:05") + 10 * SECOND
    assert "ticks are due, and are tried again in 10 s" in caplog.text
    engine = rig.reopen(subscription())
    assert Ticker(engine, [schedule()]).fire_due(at("10:05")) == at("10:10")
    assert times(jobs(engine)) == [at("10:05")]


def test_an_engine_that_is_closed_is_told_to_the_caller(rig: Rig, engine: Engine) -> None:
    ticker = started(rig, engine)
    rig.close()
    with pytest.raises(EngineClosed):
        ticker.fire_due(at("10:05"))
    assert ticker.seconds_left(at("10:05")) is None  # a timer that asks has nothing to wait for

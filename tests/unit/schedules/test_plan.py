"""What a schedule has to do now, by what is kept of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from motia_fast.clock import SECOND, Micros
from motia_fast.contract import ScheduleRow
from motia_fast.crontab import Crontab
from motia_fast.schedules import Plan, plan
from motia_fast.triggers import Misfire

HOURLY = Crontab.parse("0 * * * *")
MISFIRES: list[Misfire] = ["once", "skip", "all"]


def at(text: str) -> Micros:
    """A time of 2026-05-04, such as "10:00" or "10:00:30"."""
    return int(datetime.fromisoformat(f"2026-05-04T{text}").replace(tzinfo=UTC).timestamp()) * SECOND


def row(last: Micros, crontab: Crontab = HOURLY) -> ScheduleRow:
    return ScheduleRow("Report/cron", crontab.expression, crontab.timezone, last)


@pytest.mark.parametrize("misfire", MISFIRES)
@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        # Between two ticks nothing is due.
        ("10:00", "10:00", Plan(at("10:00"), at("11:00"))),
        ("10:00", "10:59:59", Plan(at("10:00"), at("11:00"))),
        # At the time itself, and up to a minute later, the tick is in time.
        ("10:00", "11:00", Plan(at("11:00"), at("12:00"), (at("11:00"),))),
        ("10:00", "11:00:02", Plan(at("11:00"), at("12:00"), (at("11:00"),))),
        ("10:00", "11:01:00", Plan(at("11:00"), at("12:00"), (at("11:00"),))),
        # A declaration at 10:30 was no tick; the first one comes after it.
        ("10:30", "11:00", Plan(at("11:00"), at("12:00"), (at("11:00"),))),
        # The clock was set back by 30 minutes after the tick of 11:00: it does not fire again.
        ("11:00", "10:30", Plan(at("11:00"), at("12:00"))),
        ("11:00", "11:00", Plan(at("11:00"), at("12:00"))),
    ],
)
def test_a_tick_in_time_fires_under_every_policy(misfire: Misfire, last: str, now: str, expected: Plan) -> None:
    assert plan(HOURLY, row(at(last)), misfire, at(now)) == expected


@pytest.mark.parametrize(
    ("misfire", "now", "expected"),
    [
        # Down from 10:00 to 13:30: 11:00, 12:00 and 13:00 were missed.
        ("once", "13:30", Plan(at("13:00"), at("14:00"), (at("13:00"),), missed=2)),
        ("skip", "13:30", Plan(at("13:00"), at("14:00"), (), "missed", missed=3)),
        ("all", "13:30", Plan(at("13:00"), at("14:00"), (at("11:00"), at("12:00"), at("13:00")))),
        # Up again at 13:00:30: the tick of 13:00 is 30 s late, which is in time.
        ("once", "13:00:30", Plan(at("13:00"), at("14:00"), (at("13:00"),), missed=2)),
        ("skip", "13:00:30", Plan(at("13:00"), at("14:00"), (at("13:00"),), missed=2)),
        # 61 s late is not.
        ("skip", "13:01:01", Plan(at("13:00"), at("14:00"), (), "missed", missed=3)),
        ("skip", "11:01:01", Plan(at("11:00"), at("12:00"), (), "missed", missed=1)),
        ("once", "11:01:01", Plan(at("11:00"), at("12:00"), (at("11:00"),))),
    ],
)
def test_missed_ticks_fire_by_the_policy(misfire: Misfire, now: str, expected: Plan) -> None:
    assert plan(HOURLY, row(at("10:00")), misfire, at(now)) == expected


MINUTELY = Crontab.parse("* * * * *")


@pytest.mark.parametrize(
    ("misfire", "first", "number", "missed"),
    [
        ("all", "11:41", 100, 1),  # 10:01 to 13:20 are 200 ticks; the latest 100 begin at 11:41
        ("once", "13:20", 1, 100),  # 101 are counted, one of them fires
        ("skip", "13:20", 1, 100),
    ],
)
def test_a_hundred_ticks_are_made_up_for_at_most(misfire: Misfire, first: str, number: int, missed: int) -> None:
    todo = plan(MINUTELY, row(at("10:00"), MINUTELY), misfire, at("13:20"))
    assert todo.fires == tuple(at(first) + n * 60 * SECOND for n in range(number))
    assert (todo.last, todo.missed, todo.next_due) == (at("13:20"), missed, at("13:21"))


@pytest.mark.parametrize(("until", "missed"), [("11:40", 0), ("11:41", 1)])  # 100 ticks, and 101
def test_a_hundred_missed_ticks_are_all_made_up_for(until: str, missed: int) -> None:
    todo = plan(MINUTELY, row(at("10:00"), MINUTELY), "all", at(until))
    assert (len(todo.fires), todo.missed) == (100, missed)


@pytest.mark.parametrize("misfire", MISFIRES)
@pytest.mark.parametrize(
    "kept",
    [
        None,
        ScheduleRow("Report/cron", "0 9 * * *", "UTC", at("00:00")),  # another expression
        ScheduleRow("Report/cron", "0 * * * *", "Europe/Berlin", at("00:00")),  # another zone
        ScheduleRow("Report/cron", "0 9 * * *", "UTC", at("23:00")),
    ],
)
def test_a_new_or_edited_schedule_begins_now(misfire: Misfire, kept: ScheduleRow | None) -> None:
    assert plan(HOURLY, kept, misfire, at("11:00")) == Plan(at("11:00"), at("12:00"), (), "declared")


DAY = 86_400 * SECOND


@pytest.mark.parametrize("misfire", MISFIRES)
def test_a_last_fire_more_than_a_day_ahead_is_reset(misfire: Misfire) -> None:
    now = at("10:00")
    assert plan(HOURLY, row(now + DAY + 1), misfire, now) == Plan(now, at("11:00"), (), "clock")
    # Exactly a day ahead it stands, and the schedule waits for it: 10:00 tomorrow, then 11:00.
    assert plan(HOURLY, row(now + DAY), misfire, now) == Plan(now + DAY, at("11:00") + DAY)


def test_a_schedule_whose_year_is_over_never_looks_again() -> None:
    over = Crontab.parse("0 0 12 4 5 * 2026")
    assert plan(over, row(at("11:00"), over), "once", at("12:00")) == Plan(at("12:00"), None, (at("12:00"),))
    assert plan(over, row(at("12:00"), over), "once", at("13:00")) == Plan(at("12:00"), None)


def test_both_passes_of_a_repeated_hour_are_ticks_of_an_hourly_schedule() -> None:
    berlin = Crontab.parse("0 * * * *", "Europe/Berlin")
    start = int(datetime(2026, 10, 25, 0, tzinfo=UTC).timestamp()) * SECOND  # 02:00+02:00; 02:00+01:00 is an hour later
    todo = plan(berlin, row(start, berlin), "all", start + 2 * 3600 * SECOND)
    assert todo.fires == (start + 3600 * SECOND, start + 7200 * SECOND)


def test_a_daily_schedule_fires_once_in_the_night_of_the_repeated_hour() -> None:
    berlin = Crontab.parse("30 2 * * *", "Europe/Berlin")
    first = int(datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()) * SECOND  # 02:30+02:00
    second = first + 3600 * SECOND  # 02:30+01:00
    assert plan(berlin, row(first, berlin), "all", second) == Plan(first, first + 25 * 3600 * SECOND)

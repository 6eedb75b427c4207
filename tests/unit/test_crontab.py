"""When a cron expression fires: on ordinary days, and when the clocks are moved."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from motia_fast.clock import SECOND, Micros
from motia_fast.crontab import DAY, LAST_TIME, Crontab
from motia_fast.errors import CronError

if TYPE_CHECKING:
    from collections.abc import Iterator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(time: datetime) -> Micros:
    return (time - EPOCH) // timedelta(microseconds=1)


def at(text: str) -> Micros:
    """An ISO time with an offset, or in UTC without one."""
    time = datetime.fromisoformat(text)
    return micros(time if time.tzinfo else time.replace(tzinfo=UTC))


def local(time: Micros, zone: str) -> str:
    """An instant as the wall in the zone shows it, such as "2026-03-08 03:00-04:00"."""
    return (EPOCH + timedelta(microseconds=time)).astimezone(ZoneInfo(zone)).isoformat(" ", "minutes")


def fires(expression: str, zone: str, after: str, until: str) -> list[str]:
    found = Crontab.parse(expression, zone).fires_between(at(after), at(until), 1_000)
    return [local(time, zone) for time in found]


# ---------------------------------------------------------------- ordinary days


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("* * * * *", "2026-01-01 12:00", "2026-01-01 12:01"),  # later than, not at
        ("* * * * *", "2026-01-01 11:59:59.999999", "2026-01-01 12:00"),
        ("* * * * *", "2026-01-01 12:00:00.000001", "2026-01-01 12:01"),
        ("*/20 * * * * *", "2026-01-01 12:00:39.5", "2026-01-01 12:00:40"),
        ("0 0 * * *", "2026-12-31 00:00", "2027-01-01"),
        ("@hourly", "2026-01-01 12:30", "2026-01-01 13:00"),
        ("@weekly", "2026-01-01", "2026-01-04"),  # 2026-01-01 is a Thursday
        ("@monthly", "2026-01-01", "2026-02-01"),
        ("@yearly", "2026-01-01", "2027-01-01"),
        ("0 22-6/3 * * *", "2026-01-01 22:00", "2026-01-02 01:00"),
        ("0 0 31 * *", "2026-01-31", "2026-03-31"),
        ("0 0 29 2 *", "2026-01-01", "2028-02-29"),
        ("0 0 29 2 *", "2096-02-29", "2104-02-29"),  # 2100 is no leap year
        ("0 0 * 2 FRI#5", "2064-02-29", "2092-02-29"),
        ("0 0 13 * FRI", "2026-01-01", "2026-01-02"),  # either: Friday the 2nd, then the 9th, then Tuesday the 13th
        ("0 0 13 * FRI", "2026-01-09", "2026-01-13"),
        ("0 0 L * *", "2028-02-01", "2028-02-29"),
        ("0 0 15W * *", "2026-02-01", "2026-02-16"),  # the 15th is a Sunday
        ("0 0 1W * *", "2026-07-31", "2026-08-03"),  # the 1st is a Saturday, and Friday is in another month
        ("0 0 * * FRI#2", "2026-01-01", "2026-01-09"),
        ("0 0 * * FRIL", "2026-01-01", "2026-01-30"),
        ("0 0 0 1 1 * 2030", "2026-01-01", "2030-01-01"),
        ("0 0 0 1 1 * 2099", "1970-01-01", "2099-01-01"),
        ("0 0 0 1 1 * 2030/5", "2030-01-01", "2035-01-01"),
    ],
)
def test_the_next_fire_is_the_first_match_later_than_a_time(expression: str, after: str, expected: str) -> None:
    assert Crontab.parse(expression).next_fire(at(after)) == at(expected)


def test_a_year_that_is_over_has_no_next_fire() -> None:
    assert Crontab.parse("0 0 0 1 1 * 2020").next_fire(at("2026-01-01")) is None
    assert Crontab.parse("* * * 1 1 * 2020", "Europe/Berlin").next_fire(at("2026-01-01")) is None


def test_nothing_fires_beyond_the_times_that_python_can_hold() -> None:
    assert Crontab.parse("* * * * *").next_fire(LAST_TIME) is None
    assert Crontab.parse("0 0 * * *", "Europe/Berlin").next_fire(2**63) is None


def test_fires_between_has_the_end_but_not_the_start_and_the_first_of_too_many() -> None:
    crontab = Crontab.parse("0 * * * *")
    start, end = at("2026-01-01 10:00"), at("2026-01-01 13:00")
    hours = [start + n * 3600 * SECOND for n in (1, 2, 3)]
    assert crontab.fires_between(start, end, 10) == hours
    assert crontab.fires_between(start, end - 1, 10) == hours[:2]
    assert crontab.fires_between(start, end, 2) == hours[:2]
    assert crontab.fires_between(end, start, 10) == []


@pytest.mark.parametrize("limit", [1, 3, 100])
@pytest.mark.parametrize("expression", ["0 * * * *", "* 5 * * *", "*/7 * * * *", "0 0 1 * *", "0-30/10 0 12 * * *"])
def test_the_latest_fires_are_the_tail_of_all_fires(expression: str, limit: int) -> None:
    crontab = Crontab.parse(expression, "Europe/Berlin")
    start, end = at("2026-03-25 10:00"), at("2026-04-01 05:30")  # a change of the clocks is within
    everything = crontab.fires_between(start, end, 10_000)
    assert crontab.latest_fires(start, end, limit) == everything[-limit:]


def test_the_latest_of_a_year_of_seconds_are_found_without_walking_it() -> None:
    end = at("2026-01-01 00:00:00.5")
    found = Crontab.parse("* * * * * *").latest_fires(end - 365 * DAY, end, 2)
    assert found == [at("2025-12-31 23:59:59"), at("2026-01-01")]


def test_equal_expressions_in_one_zone_are_equal() -> None:
    assert Crontab.parse("0  0 * * *") == Crontab.parse(" 0 0 * * * ")
    assert Crontab.parse("0 0 * * *") != Crontab.parse("0 0 * * *", "Europe/Berlin")
    assert Crontab.parse("0  0 * * *").expression == "0 0 * * *"


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("zone", "message"),
    [
        ("Europe/Berln", 'unknown time zone "Europe/Berln"; did you mean "Europe/Berlin"?'),
        ("europe/berlin", 'unknown time zone "europe/berlin"; did you mean "Europe/Berlin"?'),
        ("", 'unknown time zone ""'),
    ],
)
def test_an_unknown_zone_is_named_with_the_nearest_known_one(zone: str, message: str) -> None:
    with pytest.raises(CronError) as caught:
        Crontab.parse("0 0 * * *", zone)
    assert str(caught.value) == message


@pytest.mark.parametrize("zone", ["Europe", "../Berlin", "/etc/localtime", "a\0b", "Europe/", "x" * 5_000])
def test_a_path_is_no_zone(zone: str) -> None:
    with pytest.raises(CronError) as caught:
        Crontab.parse("0 0 * * *", zone)
    assert str(caught.value).startswith(f'unknown time zone "{zone}"')


def test_an_interval_that_lies_in_a_gap_each_year_never_fires() -> None:
    # The second Sunday in March is when New York skips 02:00 to 03:00, since 2007; in 1970 it was another day.
    with pytest.raises(CronError) as caught:
        Crontab.parse("*/15 2 * 3 SUN#2", "America/New_York")
    assert str(caught.value) == ('"*/15 2 * 3 SUN#2" never fires: the clocks of America/New_York always skip its times')


@pytest.mark.parametrize(("expression", "zone"), [(None, "UTC"), (b"0 0 * * *", "UTC"), ("0 0 * * *", 2)])
def test_what_is_not_text_is_refused(expression: str, zone: str) -> None:
    with pytest.raises(CronError, match="of a cron trigger is text, not"):
        Crontab.parse(expression, zone)


# ---------------------------------------------------------------- the clocks go forward


@pytest.mark.parametrize(
    ("expression", "zone", "after", "until", "expected"),
    [
        # New York, 2026-03-08: 02:00-05:00 becomes 03:00-04:00. 02:30 does not exist: it fires at the end of the gap.
        ("30 2 * * *", "America/New_York", "2026-03-07T12:00-05:00", "2026-03-09T12:00-04:00",
         ["2026-03-08 03:00-04:00", "2026-03-09 02:30-04:00"]),
        # 02:00, 02:20, 02:40 and 03:00 all map to 03:00, which fires once.
        ("0-59/20 2-3 * * *", "America/New_York", "2026-03-08T00:00-05:00",
         "2026-03-08T05:00-04:00",
         ["2026-03-08 03:00-04:00", "2026-03-08 03:20-04:00", "2026-03-08 03:40-04:00"]),
        # An interval goes on in elapsed time: 01:45 and then 03:00 are 15 minutes apart.
        ("*/15 * * * *", "America/New_York", "2026-03-08T01:30-05:00", "2026-03-08T03:15-04:00",
         ["2026-03-08 01:45-05:00", "2026-03-08 03:00-04:00", "2026-03-08 03:15-04:00"]),
        ("0 * * * *", "America/New_York", "2026-03-08T00:30-05:00", "2026-03-08T04:00-04:00",
         ["2026-03-08 01:00-05:00", "2026-03-08 03:00-04:00", "2026-03-08 04:00-04:00"]),
        # An interval does not fire for times that do not exist.
        ("*/30 2 * * *", "America/New_York", "2026-03-08T00:00-05:00", "2026-03-09T12:00-04:00",
         ["2026-03-09 02:00-04:00", "2026-03-09 02:30-04:00"]),
        # Berlin, 2026-03-29: 02:00+01:00 becomes 03:00+02:00.
        ("0 2 * * *", "Europe/Berlin", "2026-03-29T00:00+01:00", "2026-03-30T12:00+02:00",
         ["2026-03-29 03:00+02:00", "2026-03-30 02:00+02:00"]),
        ("30 2 29 3 *", "Europe/Berlin", "2026-01-01T00:00+01:00", "2027-12-31T00:00+01:00",
         ["2026-03-29 03:00+02:00", "2027-03-29 02:30+02:00"]),
        # Lord Howe, 2026-10-04: 02:00+10:30 becomes 02:30+11:00; 02:45 exists, 02:15 does not.
        ("15,45 2 * * *", "Australia/Lord_Howe", "2026-10-04T00:00+10:30", "2026-10-04T12:00+11:00",
         ["2026-10-04 02:30+11:00", "2026-10-04 02:45+11:00"]),
        ("*/15 * * * *", "Australia/Lord_Howe", "2026-10-04T01:30+10:30", "2026-10-04T02:45+11:00",
         ["2026-10-04 01:45+10:30", "2026-10-04 02:30+11:00", "2026-10-04 02:45+11:00"]),
        # Santiago, 2026-09-06: midnight itself does not exist, 00:00-04:00 becomes 01:00-03:00.
        ("0 0 * * *", "America/Santiago", "2026-09-05T12:00-04:00", "2026-09-07T12:00-03:00",
         ["2026-09-06 01:00-03:00", "2026-09-07 00:00-03:00"]),
        # Samoa had no 2011-12-30: what was due on it fires at the first instant of the 31st.
        ("0 9 * * *", "Pacific/Apia", "2011-12-29T12:00-10:00", "2011-12-31T12:00+14:00",
         ["2011-12-31 00:00+14:00", "2011-12-31 09:00+14:00"]),
    ],
)  # fmt: skip
def test_a_gap_fires_fixed_times_once_and_intervals_by_elapsed_time(
    expression: str, zone: str, after: str, until: str, expected: list[str]
) -> None:
    assert fires(expression, zone, after, until) == expected


# ---------------------------------------------------------------- the clocks go back


@pytest.mark.parametrize(
    ("expression", "zone", "after", "until", "expected"),
    [
        # New York, 2026-11-01: 02:00-04:00 becomes 01:00-05:00, so 01:30 comes twice. Only the first fires.
        ("30 1 * * *", "America/New_York", "2026-10-31T12:00-04:00", "2026-11-02T12:00-05:00",
         ["2026-11-01 01:30-04:00", "2026-11-02 01:30-05:00"]),
        ("0 1,2 * * *", "America/New_York", "2026-11-01T00:00-04:00", "2026-11-01T12:00-05:00",
         ["2026-11-01 01:00-04:00", "2026-11-01 02:00-05:00"]),
        ("0 30 1 * * *", "America/New_York", "2026-11-01T00:00-04:00", "2026-11-01T12:00-05:00",
         ["2026-11-01 01:30-04:00"]),
        # An interval goes on through both passes: 01:30 to 01:30 is an hour.
        ("*/30 * * * *", "America/New_York", "2026-11-01T01:00-04:00", "2026-11-01T02:00-05:00",
         ["2026-11-01 01:30-04:00", "2026-11-01 01:00-05:00", "2026-11-01 01:30-05:00", "2026-11-01 02:00-05:00"]),
        ("0 * * * *", "America/New_York", "2026-11-01T00:30-04:00", "2026-11-01T02:00-05:00",
         ["2026-11-01 01:00-04:00", "2026-11-01 01:00-05:00", "2026-11-01 02:00-05:00"]),
        ("*/30 1 * * *", "America/New_York", "2026-11-01T00:00-04:00", "2026-11-01T12:00-05:00",
         ["2026-11-01 01:00-04:00", "2026-11-01 01:30-04:00", "2026-11-01 01:00-05:00", "2026-11-01 01:30-05:00"]),
        # Also when what repeats is the last that the expression names.
        ("0 */30 1 1 11 ? 2026", "America/New_York", "2026-11-01T00:00-04:00", "2027-11-02T12:00-05:00",
         ["2026-11-01 01:00-04:00", "2026-11-01 01:30-04:00", "2026-11-01 01:00-05:00", "2026-11-01 01:30-05:00"]),
        # Berlin, 2026-10-25: 03:00+02:00 becomes 02:00+01:00.
        ("0 2 * * *", "Europe/Berlin", "2026-10-25T00:00+02:00", "2026-10-26T12:00+01:00",
         ["2026-10-25 02:00+02:00", "2026-10-26 02:00+01:00"]),
        # Lord Howe, 2026-04-05: 02:00+11:00 becomes 01:30+10:30; the half hour from 01:30 comes twice.
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-05T00:00+11:00", "2026-04-05T12:00+10:30",
         ["2026-04-05 01:45+11:00"]),
        ("*/15 * * * *", "Australia/Lord_Howe", "2026-04-05T01:30+11:00", "2026-04-05T02:00+10:30",
         ["2026-04-05 01:45+11:00", "2026-04-05 01:30+10:30", "2026-04-05 01:45+10:30", "2026-04-05 02:00+10:30"]),
        # Santiago, 2026-04-05: 00:00-03:00 becomes 23:00-04:00 of the day before.
        ("30 23 * * *", "America/Santiago", "2026-04-04T12:00-03:00", "2026-04-05T12:00-04:00",
         ["2026-04-04 23:30-03:00"]),
        ("0 0 * * *", "America/Santiago", "2026-04-04T12:00-03:00", "2026-04-05T12:00-04:00",
         ["2026-04-05 00:00-04:00"]),
        # Kathmandu is 5:45 ahead and never moves.
        ("0 2 * * *", "Asia/Kathmandu", "2026-03-28T12:00+05:45", "2026-03-30T12:00+05:45",
         ["2026-03-29 02:00+05:45", "2026-03-30 02:00+05:45"]),
    ],
)  # fmt: skip
def test_a_repeat_fires_fixed_times_once_and_intervals_in_both_passes(
    expression: str, zone: str, after: str, until: str, expected: list[str]
) -> None:
    assert fires(expression, zone, after, until) == expected


def test_the_second_pass_of_a_repeated_hour_is_not_the_time_of_a_fixed_job() -> None:
    # Asked within the second pass, at 01:15-05:00: 01:30 was an hour and 45 minutes ago, and comes again tomorrow.
    crontab = Crontab.parse("30 1 * * *", "America/New_York")
    assert crontab.next_fire(at("2026-11-01T01:15-05:00")) == at("2026-11-02T01:30-05:00")


# ---------------------------------------------------------------- cronsim as the oracle

YEAR_START, YEAR = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=365)


def oracle(expression: str, start: datetime, until: datetime) -> Iterator[Micros]:
    for time in CronSim(expression, start):
        if time.astimezone(UTC) > until:
            return
        yield micros(time.astimezone(UTC))


# What is left out, since the two differ by design:
# - "*/2" in a day field beside the other day field: cronsim then wants both, as Debian's cron; here either suffices.
# - 6 fields in a zone: cronsim takes none of them for a fixed time.
# - An interval whose hours are restricted (*/30 */2) where the clocks move by less than an hour: cronsim goes through
#   the hours in whole ones, and misses 02:00+10:30 on Lord Howe, which is half an hour after 02:00+11:00.
@pytest.mark.parametrize(
    "zone",
    ["America/New_York", "Europe/Berlin", "Europe/Dublin", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca",
     "America/Santiago", "Africa/Cairo"],
)  # fmt: skip
@pytest.mark.parametrize(
    "expression",
    ["0 0 * * *", "30 2 * * *", "0-59/20 1-3 * * SUN", "30 0,1,23 * * *", "0 9 * * MON-FRI", "0 0 L * *",
     "0 12 * * FRI#2", "0 2 * * 0L", "15 1-23/2 13 * FRI", "45 2 29 2 *", "5 0 31 * *", "20 * * * SUN"],
)  # fmt: skip
def test_a_year_in_a_zone_is_as_cronsim_has_it(expression: str, zone: str) -> None:
    start, until = YEAR_START.astimezone(ZoneInfo(zone)), YEAR_START + YEAR
    expected = list(oracle(expression, start, until))
    assert Crontab.parse(expression, zone).fires_between(micros(start), micros(until), 10_000) == expected


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Africa/Casablanca", "America/Santiago"])
@pytest.mark.parametrize("expression", ["*/15 * * * *", "0 * * * *", "*/20 2 * * *", "7 */2 * * *", "* 0 * * *"])
def test_an_interval_around_each_change_of_the_clocks_is_as_cronsim_has_it(expression: str, zone: str) -> None:
    crontab = Crontab.parse(expression, zone)
    changes = [day for day in days_of_the_year(zone) if day.utcoffset() != (day + timedelta(days=1)).utcoffset()]
    assert changes
    for day in changes:
        start, until = day - timedelta(days=1), (day + timedelta(days=2)).astimezone(UTC)
        expected = list(oracle(expression, start, until))
        assert crontab.fires_between(micros(start), micros(until), 10_000) == expected


def days_of_the_year(zone: str) -> list[datetime]:
    return [datetime(2026, 1, 1, 12, tzinfo=ZoneInfo(zone)) + timedelta(days=n) for n in range(365)]


RANGES = {"second": (0, 59), "minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}


def random_field(dice: random.Random, name: str) -> str:
    """A field that both understand: no ranges that wrap, and no step from a start in the week."""
    if dice.random() < 0.4:
        return dice.choice(["*", f"*/{dice.randint(1, 7)}"])
    special = {"day": "L", "weekday": f"{dice.randint(0, 6)}{dice.choice(['L', '#1', '#5'])}"}.get(name)
    if special and dice.random() < 0.2:
        return special
    return ",".join(random_atom(dice, name) for _ in range(dice.randint(1, 3)))


def random_atom(dice: random.Random, name: str) -> str:
    low, high = RANGES[name]
    first = dice.randint(low, high)
    forms = [str(first)]
    if first < high:
        span = f"{first}-{dice.randint(first + 1, high)}"
        forms += [span, f"{span}/{dice.randint(1, 6)}"]
    if name != "weekday":
        forms.append(f"{first}/{dice.randint(1, 7)}")
    return dice.choice(forms)


def random_expression(dice: random.Random) -> str:
    fields = [random_field(dice, name) for name in list(RANGES)[dice.randint(0, 1) :]]
    if fields[-1] != "*":  # one day field at a time: what two mean is where cron programs differ
        fields[-3] = "*"
    return " ".join(fields)


@pytest.mark.parametrize("seed", range(10))
def test_random_expressions_in_utc_are_as_cronsim_has_them(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(30):
        expression, start = random_expression(dice), EPOCH + timedelta(seconds=dice.randint(0, 4_000_000_000))
        try:
            crontab = Crontab.parse(expression)
        except CronError as error:
            assert "never fires" in str(error)  # noqa: PT017 -- the other way round, each expression would be tried twice
            continue
        times = iter(CronSim(expression, start))
        expected = [micros(next(times)) for _ in range(10)]
        assert crontab.fires_between(micros(start), LAST_TIME, 10) == expected, (expression, start)

"""Cron expressions: what they name, and what is said of wrong ones."""

from __future__ import annotations

import pytest

from motia_fast.cron_fields import ALIASES, Fields, parse_fields, refuse_impossible
from motia_fast.errors import CronError


def mistakes(expression: str) -> str:
    with pytest.raises(CronError) as caught:
        refuse_impossible(expression, parse_fields(expression))
    return str(caught.value)


@pytest.mark.parametrize(
    ("expression", "hours"),
    [
        ("0 5 * * *", (5,)),
        ("0 9-12 * * *", (9, 10, 11, 12)),
        ("0 12,3,12 * * *", (3, 12)),
        ("0 */6 * * *", (0, 6, 12, 18)),
        ("0 5/6 * * *", (5, 11, 17, 23)),  # from 5 to the end of the field
        ("0 1-10/4 * * *", (1, 5, 9)),
        ("0 22-2 * * *", (0, 1, 2, 22, 23)),  # through midnight
        ("0 22-6/3 * * *", (1, 4, 22)),  # 22, 25 - 24, 28 - 24; 31 - 24 = 7 is beyond 6
        ("0 23/2 * * *", (23,)),
        ("0 */24 * * *", (0,)),
        ("0 *,5 * * *", tuple(range(24))),
    ],
)
def test_a_list_range_or_step_names_its_values(expression: str, hours: tuple[int, ...]) -> None:
    assert parse_fields(expression).hour.values == hours


@pytest.mark.parametrize(
    ("weekday", "values", "marks"),
    [
        ("*", (), ()),
        ("?", (), ()),
        ("7", (0,), ()),
        ("mon-fri", (1, 2, 3, 4, 5), ()),
        ("5-7", (0, 5, 6), ()),  # to Sunday, written as 7
        ("SAT-MON", (0, 1, 6), ()),
        ("7-2", (0, 1, 2), ()),
        ("0-7", (0, 1, 2, 3, 4, 5, 6), ()),
        ("*/2", (0, 2, 4, 6), ()),
        ("FRI#2", (), ("5#2",)),
        ("7#1", (), ("0#1",)),
        ("5L", (), ("l5",)),
        ("L5", (), ("l5",)),
        ("FRIL", (), ("l5",)),
        ("MON#1,MON#3", (), ("1#1", "1#3")),
    ],
)
def test_weekdays_count_from_sunday_and_have_names(
    weekday: str, values: tuple[int, ...], marks: tuple[str, ...]
) -> None:
    field = parse_fields(f"0 0 * * {weekday}").weekday
    assert (field.values, field.marks) == (values, marks)


@pytest.mark.parametrize(
    ("day", "values", "marks"),
    [("L", (), ("l",)), ("15,L", (15,), ("l",)), ("15W", (), ("15w",)), ("28-3", (1, 2, 3, 28, 29, 30, 31), ())],
)
def test_days_of_the_month_have_marks(day: str, values: tuple[int, ...], marks: tuple[str, ...]) -> None:
    field = parse_fields(f"0 0 {day} * *").day
    assert (field.values, field.marks) == (values, marks)


def test_months_have_names() -> None:
    assert parse_fields("0 0 1 nov-FEB *").month.values == (1, 2, 11, 12)


def clock_of(fields: Fields) -> tuple[tuple[int, ...], ...]:
    return fields.second.values, fields.minute.values, fields.hour.values


def test_five_fields_fire_at_second_0_and_six_and_seven_have_the_second_first() -> None:
    assert clock_of(parse_fields("1 2 * * *")) == ((0,), (1,), (2,))
    assert clock_of(parse_fields("30 1 2 * * *")) == ((30,), (1,), (2,))
    assert clock_of(parse_fields("30 1 2 * * * 2030")) == ((30,), (1,), (2,))
    assert parse_fields("30 1 2 * * * 2030").year.values == (2030,)


@pytest.mark.parametrize("alias", sorted(ALIASES))
def test_an_alias_says_what_its_fields_say(alias: str) -> None:
    assert parse_fields(alias.upper()) == parse_fields(ALIASES[alias])


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("0 25 * * *", ": field 2 (hour) has 25; hours go from 0 to 23"),
        ("0 0 25 * * *", ": field 3 (hour) has 25; hours go from 0 to 23"),
        (
            "0 0 0 * *",
            ": field 3 (day of month) has 0; days go from 1 to 31, or L (last day), or 15W (workday nearest the 15th)",
        ),
        ("* * * 13 *", ": field 4 (month) has 13; months go from 1 to 12, or JAN to DEC"),
        (
            "* * * * FOO",
            ": field 5 (day of week) has FOO; weekdays go from 0 to 7 (0 and 7 are Sunday), or SUN to SAT",
        ),
        ("0 0 0 * * * 1969", ": field 7 (year) has 1969; years go from 1970 to 2099"),
        (
            "60 24 * * *",
            ": field 1 (minute) has 60; minutes go from 0 to 59\nfield 2 (hour) has 24; hours go from 0 to 23",
        ),
        ("*/90 * * * *", ": field 1 (minute) has the step 90; steps of minutes go from 1 to 60"),
        ("*/0 * * * *", ": field 1 (minute) has the step 0; steps of minutes go from 1 to 60"),
        ("*/x * * * *", ": field 1 (minute) has the step X; steps of minutes go from 1 to 60"),
        ("5-5 * * * *", ": field 1 (minute) has the range 5-5, which ends where it begins"),
        ("0 0 0 * * * 2030-2026", ": field 7 (year) has the range 2030-2026, which runs back"),
        (
            "1,,2 * * * *",
            ': field 1 (minute) has "", which is no number, range (1-5), step (*/15) or list of these',
        ),
        (
            "*-5 * * * *",
            ': field 1 (minute) has "*-5", which is no number, range (1-5), step (*/15) or list of these',
        ),
        ("0 0 * * FRI#6", ': field 5 (day of week) has "FRI#6"; after # goes which one of the month, 1 to 5'),
        (
            "0 0 * * FRI#1,MON",
            ': field 5 (day of week) has "FRI#1,MON", which mixes weekdays of a month (#, L) with plain ones',
        ),
        ("0 0 15W,20 * *", ': field 3 (day of month) has "15W,20"; a nearest workday (W) stands alone'),
        (
            "* * * *",
            " has 4 fields; cron takes 5 (minute hour day month weekday), 6 (second first) or 7 (year last)",
        ),
        ("@reboot", " names no time; do what is to be done at each start in App(lifespan=..)"),
        (
            "@often",
            " is no alias of cron; known are @annually, @daily, @hourly, @midnight, @monthly, @weekly, @yearly",
        ),
        ("0 0 31 2 *", " never fires: February has no day 31"),
        ("0 0 31 4,6 *", " never fires: April and June have no day 31"),
        ("0 0 0 29 2 * 2025-2027", " never fires: February has no day 29 in 2025-2027"),
        (
            "0 0 1 * FRI#1",
            ": # and L in the day of week, and W in the day of month, need the other day field to be *",
        ),
        (
            "0 0 15W * FRI",
            ": # and L in the day of week, and W in the day of month, need the other day field to be *",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_field_and_range(expression: str, message: str) -> None:
    assert mistakes(expression) == f'"{expression}"{message}'


@pytest.mark.parametrize("text", ["?", "H", "-5", "٣", "1-2-3", "1/2/3", "L", "#", "5#1", "1.5", "0x1", "00000"])
def test_a_minute_is_nothing_else(text: str) -> None:
    assert mistakes(f"{text} * * * *").startswith(f'"{text} * * * *": field 1 (minute) has ')


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 31 2 MON", "0 0 L 2 *", "0 0 31W 2 *", "0 0 30,31 2,3 *"])
def test_rare_days_are_not_impossible_ones(expression: str) -> None:
    refuse_impossible(expression, parse_fields(expression))


@pytest.mark.parametrize(
    ("expression", "fixed"),
    [
        ("30 2 * * *", True),
        ("0 9-17 * * *", True),
        ("0 0-23/2 * * *", True),
        ("0,30 2 */2 * MON", True),  # only the fields of the clock count
        ("15 30 2 * * *", True),
        ("0 * * * *", False),
        ("*/15 2 * * *", False),
        ("*/10 30 2 * * *", False),
        ("@daily", True),
        ("@hourly", False),
    ],
)
def test_a_star_in_the_clock_makes_an_interval(expression: str, fixed: bool) -> None:
    assert parse_fields(expression).is_fixed_time is fixed

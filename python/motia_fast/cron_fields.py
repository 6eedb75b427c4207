"""What a cron expression says: its fields, checked and expanded to numbers.

Everything is expanded here and not by croniter, which widens ``5-5`` to the whole field and loses step where a range
wraps (``22-6/3`` gives 2, 5, 22 there, and 1, 4, 22 here).
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from motia_fast.errors import CronError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
WEEKDAYS = {"SUN": 0, "MON": 1, "TUE": 2, "WED": 3, "THU": 4, "FRI": 5, "SAT": 6}
#: The most days that a month has, in any year.
MONTH_DAYS = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_ATOM = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\w+))?", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,4}")
_NEAREST_WORKDAY = re.compile(r"(?P<day>[0-9]+)W")
_NTH_WEEKDAY = re.compile(r"(?P<weekday>\w+)#(?P<nth>\w*)", re.ASCII)
_LAST_WEEKDAY = re.compile(r"L(?P<before>[0-7])|(?P<after>\w+)L", re.ASCII)


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """What one field counts: its name, its plural, and the numbers and names that it takes."""

    name: str
    plural: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)
    #: Said after the range, where the range alone does not tell.
    hint: str = ""

    @property
    def cycle(self) -> int:
        """How many different values there are."""
        return 7 if self is WEEKDAY else self.high - self.low + 1


SECOND = Unit("second", "seconds", 0, 59)
MINUTE = Unit("minute", "minutes", 0, 59)
HOUR = Unit("hour", "hours", 0, 23)
DAY = Unit("day of month", "days", 1, 31, hint=", or L (last day), or 15W (workday nearest the 15th)")
MONTH = Unit("month", "months", 1, 12, MONTHS, hint=", or JAN to DEC")
WEEKDAY = Unit("day of week", "weekdays", 0, 7, WEEKDAYS, hint=" (0 and 7 are Sunday), or SUN to SAT")
YEAR = Unit("year", "years", 1970, 2099)

_UNITS = {
    5: (MINUTE, HOUR, DAY, MONTH, WEEKDAY),
    6: (SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY),
    7: (SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, YEAR),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field, expanded. No values and no marks: it takes every value."""

    unit: Unit
    text: str
    #: The numbers that it names; weekdays are 0 (Sunday) to 6.
    values: tuple[int, ...] = ()
    #: What has no number, as croniter writes it: "l" (last day), "15w", "5#2" (second Friday), "l5" (last Friday).
    marks: tuple[str, ...] = ()

    @property
    def is_any(self) -> bool:
        """Whether it takes every value."""
        return not self.values and not self.marks

    def for_croniter(self) -> str:
        """The field as croniter takes it."""
        return ",".join([*map(str, self.values), *self.marks]) or "*"


@dataclass(frozen=True, slots=True)
class Fields:
    """A whole expression, expanded."""

    second: Field
    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field
    year: Field

    @property
    def is_fixed_time(self) -> bool:
        """Whether no ``*`` is in the fields of the clock (second, minute, hour)."""
        return not any("*" in part.text for part in (self.second, self.minute, self.hour))

    def for_croniter(self) -> str:
        """The expression in croniter's own order, which has the second and the year last."""
        order = (self.minute, self.hour, self.day, self.month, self.weekday, self.second, self.year)
        return " ".join(part.for_croniter() for part in order)


def parse_fields(expression: str) -> Fields:
    """Checks and expands an expression or an alias. Raises `CronError`, one line for each wrong field."""
    texts = _expand_alias(expression).upper().split()
    if len(texts) not in _UNITS:
        count = f"{len(texts)} {'field' if len(texts) == 1 else 'fields'}"
        takes = "cron takes 5 (minute hour day month weekday), 6 (second first) or 7 (year last)"
        raise CronError(f'"{expression}" has {count}; {takes}')
    found = {SECOND: Field(SECOND, "0", (0,)), YEAR: Field(YEAR, "*")}
    mistakes: list[str] = []
    for number, (unit, text) in enumerate(zip(_UNITS[len(texts)], texts, strict=True), start=1):
        try:
            found[unit] = _parse_field(unit, text)
        except CronError as error:
            mistakes.append(f"field {number} ({unit.name}) {error}")
    if mistakes:
        raise CronError(f'"{expression}": ' + "\n".join(mistakes))
    return Fields(*(found[unit] for unit in _UNITS[7]))


def _expand_alias(expression: str) -> str:
    if not expression.startswith("@"):
        return expression
    name = expression.lower()
    if name == "@reboot":
        raise CronError('"@reboot" names no time; do what is to be done at each start in App(lifespan=..)')
    if name not in ALIASES:
        raise CronError(f'"{expression}" is no alias of cron; known are {", ".join(sorted(ALIASES))}')
    return ALIASES[name]


def _parse_field(unit: Unit, text: str) -> Field:
    if text == "*" or (text == "?" and unit in (DAY, WEEKDAY)):
        return Field(unit, text)
    atoms = text.split(",")
    marks = [mark for atom in atoms if (mark := _mark(unit, atom))]
    values = {value for atom in atoms if not _mark(unit, atom) for value in _expand(unit, atom)}
    _refuse_mixed_marks(unit, text, marks, len(atoms))
    return Field(unit, text, tuple(sorted(values)), tuple(sorted(set(marks))))


def _mark(unit: Unit, atom: str) -> str | None:
    if unit is DAY:
        return _day_mark(atom)
    return _weekday_mark(atom) if unit is WEEKDAY else None


def _day_mark(atom: str) -> str | None:
    if match := _NEAREST_WORKDAY.fullmatch(atom):
        return f"{_number(DAY, match['day'])}w"
    return "l" if atom == "L" else None


def _weekday_mark(atom: str) -> str | None:
    if match := _NTH_WEEKDAY.fullmatch(atom):
        if match["nth"] not in {"1", "2", "3", "4", "5"}:
            raise CronError(f'has "{atom}"; after # goes which one of the month, 1 to 5')
        return f"{_number(WEEKDAY, match['weekday']) % 7}#{match['nth']}"
    if match := _LAST_WEEKDAY.fullmatch(atom):
        return f"l{_number(WEEKDAY, match['before'] or match['after']) % 7}"
    return None


def _refuse_mixed_marks(unit: Unit, text: str, marks: Sequence[str], atoms: int) -> None:
    if unit is WEEKDAY and 0 < len(marks) < atoms:
        raise CronError(f'has "{text}", which mixes weekdays of a month (#, L) with plain ones')
    if atoms > 1 and any(mark.endswith("w") for mark in marks):
        raise CronError(f'has "{text}"; a nearest workday (W) stands alone')


def _expand(unit: Unit, atom: str) -> Sequence[int]:
    match = _ATOM.fullmatch(atom)
    if match is None or (match["first"] == "*" and match["last"]):
        raise CronError(f'has "{atom}", which is no number, range (1-5), step (*/15) or list of these')
    step = _step(unit, match["step"])
    if match["first"] == "*":
        return _span(unit, unit.low, _top(unit), step)
    first = _number(unit, match["first"])
    if match["last"]:
        return _span(unit, *_range(unit, first, _number(unit, match["last"])), step)
    return _span(unit, first, _top(unit), step) if match["step"] else [first % 7 if unit is WEEKDAY else first]


def _range(unit: Unit, first: int, last: int) -> tuple[int, int]:
    if unit is WEEKDAY:
        first %= 7
    if first == last or (unit is YEAR and first > last):
        raise CronError(
            f"has the range {first}-{last}, which {'ends where it begins' if first == last else 'runs back'}"
        )
    return first, last


def _span(unit: Unit, first: int, last: int, step: int) -> Sequence[int]:
    """From first to last, through the end of the field and on from its beginning if last is the smaller one."""
    through = last if last > first or last == first else last + unit.cycle
    return [unit.low + (value - unit.low) % unit.cycle for value in range(first, through + 1, step)]


def _top(unit: Unit) -> int:
    return unit.low + unit.cycle - 1


def _step(unit: Unit, text: str | None) -> int:
    if text is None:
        return 1
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= unit.cycle:
        raise CronError(f"has the step {text}; steps of {unit.plural} go from 1 to {unit.cycle}")
    return int(text)


def _number(unit: Unit, text: str) -> int:
    value = unit.names.get(text) if not _NUMBER.fullmatch(text) else int(text)
    if value is None or not unit.low <= value <= unit.high:
        raise CronError(f"has {text}; {unit.plural} go from {unit.low} to {unit.high}{unit.hint}")
    return value


def refuse_impossible(expression: str, fields: Fields) -> None:
    """Raises `CronError` where two fields contradict each other, or no month that is named has the days."""
    _refuse_mixed_days(expression, fields)
    if not fields.weekday.is_any or fields.day.is_any or fields.day.marks:
        return
    months = fields.month.values or tuple(range(1, 13))
    first = fields.day.values[0]
    if any(first <= _most_days(month, fields.year) for month in months):
        return
    names = " and ".join(calendar.month_name[month] for month in months)
    verb = "has" if len(months) == 1 else "have"
    when = f" in {fields.year.text}" if first == 29 and 2 in months else ""  # noqa: PLR2004 -- 29 February
    raise CronError(f'"{expression}" never fires: {names} {verb} no day {first}{when}')


def _refuse_mixed_days(expression: str, fields: Fields) -> None:
    if fields.day.is_any or fields.weekday.is_any:
        return
    if fields.weekday.marks or any(mark.endswith("w") for mark in fields.day.marks):
        raise CronError(
            f'"{expression}": # and L in the day of week, and W in the day of month, need the other day field to be *'
        )


def _most_days(month: int, year: Field) -> int:
    if month == 2 and year.values and not any(map(calendar.isleap, year.values)):  # noqa: PLR2004 -- February
        return 28
    return MONTH_DAYS[month]

"""A cron expression as a value: whether it is valid, and when it fires next.

`cron_fields` checks it, croniter finds the wall-clock times that match, and this module maps wall-clock times to
instants, so that a change of the clocks neither repeats nor loses a job:

- A *fixed-time* expression has no ``*`` in its second, minute and hour fields (``30 2 * * *``, ``0 9-17 * * MON``). It
  fires once for each wall-clock time that it names: at the first of the two when the clocks go back, and at the end
  of the gap, once for all times in it, when they go forward.
- Any other is an *interval* (``*/15 * * * *``, ``0 * * * *``). It fires whenever the clock on the wall matches: in both
  passes of a repeated hour, and not for times that do not exist.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from croniter import CroniterBadDateError, croniter

from motia_fast.clock import SECOND, Micros
from motia_fast.cron_fields import parse_fields, refuse_impossible
from motia_fast.errors import CronError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    #: The first matching wall-clock time after another one; None without one.
    Search = Callable[[Micros], Micros | None]

DAY: Micros = 86_400 * SECOND
#: No zone ever moved its clocks by more than a day (Samoa skipped one in 2011).
FARTHEST_MOVE: Micros = 2 * DAY
#: How far ahead a fire is looked for. Rare days come every 40 years at most (the fifth Friday of February, over 2100),
#: and a year field names 1970 to 2099.
HORIZON_YEARS = 130
HORIZON: Micros = HORIZON_YEARS * 366 * DAY
#: The year 9000, beyond which nothing fires; `datetime` ends with the year 9999.
LAST_TIME: Micros = (9_000 - 1_970) * 365 * DAY

#: 2026-01-01: an expression without a year is tried from here, since clocks were moved on other days in 1970.
_TODAYS_RULES: Micros = 20_454 * DAY

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WALL_EPOCH = _EPOCH.replace(tzinfo=None)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Crontab:
    """A checked cron expression in a time zone. Make one with `parse`; equal where expression and zone are."""

    #: As it was written, with single spaces.
    expression: str
    #: The zone's name, such as "Europe/Berlin".
    timezone: str
    #: Whether it fires once per wall-clock time that it names, whatever the clocks do; see the module.
    fixed_time: bool = field(compare=False)
    _zone: tzinfo = field(compare=False, repr=False)
    _fields: str = field(compare=False, repr=False)

    @classmethod
    def parse(cls, expression: str, timezone: str = "UTC") -> Crontab:
        """Checks an expression of 5 fields, of 6 or 7 with seconds first and the year last, or an alias like "@daily".

        Raises `CronError`, which names each wrong field and its range, or the nearest known zone, or says why the
        expression never fires.
        """
        text = " ".join(_text("expression", expression).split())
        fields = parse_fields(text)
        refuse_impossible(text, fields)
        zone = _zone_named(_text("time zone", timezone))
        crontab = cls(text, timezone, fields.is_fixed_time, zone, fields.for_croniter())
        if crontab.next_fire(-DAY if fields.year.values else _TODAYS_RULES) is None:
            raise CronError(f'"{text}" never fires: the clocks of {timezone} always skip its times')
        return crontab

    def next_fire(self, after: Micros) -> Micros | None:
        """The first fire later than `after`; None where there is none within 130 years."""
        return next(self._fires(after), None)

    def fires_between(self, after: Micros, until: Micros, limit: int) -> list[Micros]:
        """The first `limit` fires later than `after` and not later than `until`, oldest first."""
        return list(islice(_up_to(self._fires(after), until), limit))

    def latest_fires(self, after: Micros, until: Micros, limit: int) -> list[Micros]:
        """The last `limit` fires (1 or more) later than `after` and not later than `until`, oldest first."""
        fires = self.fires_between(after, until, limit + 1)
        if len(fires) <= limit:
            return fires
        # More than `limit` fires are later than `low`, fewer are later than `high`. No two fires share a second, so
        # between them is a second after which there are exactly `limit`: a month of seconds is halved about 20 times.
        low, high = after, until
        while len(fires) != limit:
            middle = (low + high) // 2
            fires = self.fires_between(middle, until, limit + 1)
            low, high = (middle, high) if len(fires) > limit else (low, middle)
        return fires

    def _fires(self, after: Micros) -> Iterator[Micros]:
        search = _wall_search(self._fields)
        step = _next_fixed if self.fixed_time else _next_interval
        fire = step(search, self._zone, after) if after < LAST_TIME else None
        while fire is not None:
            yield fire
            fire = step(search, self._zone, fire) if fire < LAST_TIME else None


def _up_to(fires: Iterable[Micros], until: Micros) -> Iterator[Micros]:
    for fire in fires:
        if fire > until:
            return
        yield fire


# ---------------------------------------------------------------- wall-clock time


def _wall_search(fields: str) -> Search:
    """Wall-clock times are microseconds too, since 1970-01-01 00:00 on the same wall."""
    # One croniter per search: it keeps its place in itself, so one for all would not be safe to share among threads.
    matches = croniter(fields, _WALL_EPOCH, ret_type=datetime, max_years_between_matches=HORIZON_YEARS)

    def search(after: Micros) -> Micros | None:
        start = _WALL_EPOCH + timedelta(seconds=after // SECOND)
        try:
            found: datetime = matches.get_next(datetime, start_time=start)
        except CroniterBadDateError:
            return None
        return (found - _WALL_EPOCH) // _MICROSECOND

    return search


# ---------------------------------------------------------------- wall-clock time to instants


def _next_fixed(search: Search, zone: tzinfo, after: Micros) -> Micros | None:
    # Later wall-clock times never map to earlier instants, so those up to the wall's time at `after` are past.
    wall = search(after + _offset(zone, after))
    while wall is not None:
        instant = _instant(zone, wall)
        if instant > after:
            return instant
        wall = search(wall)
    return None


def _instant(zone: tzinfo, wall: Micros) -> Micros:
    """When the wall shows `wall`: the first time if twice, the end of the gap if never."""
    local = (_WALL_EPOCH + timedelta(microseconds=wall)).replace(tzinfo=zone)
    before, after = _offset_at(local), _offset_at(local.replace(fold=1))
    # In a gap the zone gives the offset before the change for fold 0, the larger one after it for fold 1 (PEP 495).
    change = _first_change(zone, wall - after, wall - before) if before < after else None
    return wall - before if change is None else change


def _next_interval(search: Search, zone: tzinfo, after: Micros) -> Micros | None:
    """Goes from change to change of the offset; between two changes the wall runs with time."""
    start, limit = after + 1, after + HORIZON
    while start < limit:
        offset = _offset(zone, start)
        wall = search(start + offset - 1)
        match = limit + FARTHEST_MOVE if wall is None else wall - offset
        near = min(match, start + FARTHEST_MOVE)
        change = _first_change(zone, start, near)
        if change is None and near == match:
            return match
        # Only clocks that go back soon after `start` can show again what was before it. Later changes show what lies
        # between, which does not match, so all until shortly before the match is passed over.
        start = change if change is not None else max(near, match - FARTHEST_MOVE)
    return None


def _first_change(zone: tzinfo, start: Micros, until: Micros) -> Micros | None:
    """The first instant after `start`, up to `until`, at which the offset is another one than just before."""
    while start < until:
        end = min(start + DAY, until)
        if _offset(zone, end) != _offset(zone, start):
            return _bisect_change(zone, start, end)
        start = end
    return None


def _bisect_change(zone: tzinfo, low: Micros, high: Micros) -> Micros:
    offset = _offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
    return high


def _offset(zone: tzinfo, at: Micros) -> Micros:
    """What the wall is ahead of UTC at an instant."""
    return _offset_at((_EPOCH + timedelta(microseconds=at)).astimezone(zone))


def _offset_at(local: datetime) -> Micros:
    return (local.utcoffset() or timedelta()) // _MICROSECOND


# ---------------------------------------------------------------- what was given


def _text(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise CronError(f"the {what} of a cron trigger is text, not {value!r}")
    return value


def _zone_named(name: str) -> tzinfo:
    if name == "UTC":  # also on a machine without zone files
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found, no zone's name, a directory of zones such as "Europe"
        raise CronError(f'unknown time zone "{name}"{_nearest_zone(name)}') from None


def _nearest_zone(name: str) -> str:
    return nearest(name, available_timezones())

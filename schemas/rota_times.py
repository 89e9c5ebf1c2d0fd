"""When shifts run and leave lasts: from the rota's local times to UTC ms.

A shift is meant in the rota's zone, so it lasts an hour more or less in the nights in which clocks
are moved. What nobody can read is left out: ``schemas/rota_problems.py`` has said so before.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from schemas.rota import DAYS, Leave, RotaEntry, Shift
from schemas.time_zone import zone_named

_DAY = timedelta(days=1)
_WHOLE_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]):[0-5]\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Period:
    """A shift on one day, from (inclusive) until (exclusive)."""

    from_ms: int
    until_ms: int
    shift: Shift


@dataclass(frozen=True, slots=True)
class Absence:
    """Who is away from (inclusive) until (exclusive)."""

    name: str
    from_ms: int
    until_ms: int


def zone_of(rota: RotaEntry) -> ZoneInfo:
    """Give the zone in which a rota is meant; UTC for one that nobody knows."""
    return zone_named(rota.zone) or ZoneInfo("UTC")


def periods(shifts: Iterable[Shift], zone: ZoneInfo, first: date, last: date) -> list[Period]:
    """Give the shifts that begin on these days, the last one too, by their begin."""
    found = []
    for shift in shifts:
        times = _times(shift)
        if times is None:
            continue
        for ahead in range((last - first).days + 1):
            one = _period(shift, times, zone, first + timedelta(days=ahead))
            if one is not None:
                found.append(one)
    return sorted(found, key=lambda period: period.from_ms)


def is_readable(shift: Shift) -> bool:
    """Whether the shift ever runs."""
    return bool(shift.days) and _times(shift) is not None


def absences(rota: RotaEntry) -> list[Absence]:
    """Give who is away when."""
    zone = zone_of(rota)
    return [one for one in (absence(leave, zone) for leave in rota.leave) if one is not None]


def absence(leave: Leave, zone: ZoneInfo) -> Absence | None:
    """Give when a leave begins and ends; None if nobody can read it."""
    from_ms, until_ms = moment_ms(leave.begins, zone), moment_ms(leave.ends, zone, is_end=True)
    if from_ms is None or until_ms is None:
        return None
    return Absence(leave.name, from_ms, until_ms)


def moment_ms(text: str, zone: ZoneInfo, *, is_end: bool = False) -> int | None:
    """Read a day or a minute; a day ends (``is_end``) as the next one begins."""
    try:
        if _WHOLE_DAY.fullmatch(text):
            day = date.fromisoformat(text) + (_DAY if is_end else timedelta())
            return _instant(datetime.combine(day, time(), zone))
        if _MOMENT.fullmatch(text):
            return _instant(datetime.fromisoformat(text).replace(tzinfo=zone))
    except (ValueError, OverflowError):  # there is no such day; the calendar ends
        return None
    return None


def _period(shift: Shift, times: tuple[time, time], zone: ZoneInfo, day: date) -> Period | None:
    if DAYS[day.weekday()] not in shift.days:
        return None
    begins, ends = times
    last = day + _DAY if ends <= begins else day
    from_ms = _instant(datetime.combine(day, begins, zone))
    until_ms = _instant(datetime.combine(last, ends, zone))
    if from_ms >= until_ms:  # in the hour that clocks skip there is no shift
        return None
    return Period(from_ms, until_ms, shift)


def _times(shift: Shift) -> tuple[time, time] | None:
    try:
        begins, ends = time.fromisoformat(shift.begins), time.fromisoformat(shift.ends)
    except ValueError:
        return None
    return (begins, ends) if begins.tzinfo is None and ends.tzinfo is None else None


def _instant(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() * 1000)

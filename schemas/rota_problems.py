"""What is wrong with a rota, in sentences, before anybody relies on it."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from schemas.registry import ENTRY_BYTES_MAX
from schemas.rota import Leave, RotaEntry
from schemas.rota_times import Absence, Period, absence, absences, moment_ms, periods, zone_of
from schemas.time_zone import zone_named

_PROGRAMME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LOCAL_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_LEAVE_MS_MAX = 366 * 86_400_000


def problems(rota: RotaEntry) -> list[str]:
    """Say in sentences what is wrong with a rota; nothing if it can be used as it is."""
    found = []
    if not _PROGRAMME.fullmatch(rota.programme):
        found.append(f"{rota.programme!r} is no name of a programme: use letters, digits, dashes.")
    if zone_named(rota.zone) is None:
        found.append(f"{rota.zone!r} is no time zone such as Europe/Berlin.")
    for shift in rota.shifts:
        found += [
            f"{text!r} is no time of day such as 07:00."
            for text in (shift.begins, shift.ends)
            if not _LOCAL_TIME.fullmatch(text)
        ]
        if not shift.on_duty or not shift.days:
            found.append(f"The shift from {shift.begins} has no day, or nobody on duty.")
    if rota.off_hours is None or not rota.off_hours.on_duty:
        found.append("Nobody is told of a critical alert outside the shifts: set off_hours.")
    if not rota.programme_lead:
        found.append("Without a programme_lead the chain ends where nobody answers.")
    if not rota.technical:
        found.append("Nobody is told of technical trouble: set technical.")
    size = len(msgspec.json.encode(rota))
    if size > ENTRY_BYTES_MAX:
        found.append(
            f"The rota has {size:,} bytes, and may have {ENTRY_BYTES_MAX:,}: take out what is over,"
            " such as old leave."
        )
    unreachable = sorted(_names(rota) - {one.name for one in rota.contacts if one.channels})
    found += [f"The rota does not say how to reach {name}: add a contact." for name in unreachable]
    wrong = [sentence for leave in rota.leave for sentence in _wrong(leave, rota)]
    return found + (wrong or _deserted(rota))


def remarks(rota: RotaEntry) -> list[str]:
    """Say in sentences what may be meant so, and nobody will be told of later."""
    places = [f"the shift from {one.begins}" for one in rota.shifts if not one.second]
    if rota.off_hours is not None and not rota.off_hours.second:
        places.append("off_hours")
    return [
        f"Nobody is second in {place}: who is on duty is followed by the programme lead."
        for place in places
    ]


def _names(rota: RotaEntry) -> set[str]:
    lists: list[Sequence[str]] = [rota.programme_lead, rota.technical]
    lists += [names for shift in rota.shifts for names in (shift.on_duty, shift.second, shift.lead)]
    if rota.off_hours is not None:
        lists += [rota.off_hours.on_duty, rota.off_hours.second]
    return {name for names in lists for name in names}


def _wrong(leave: Leave, rota: RotaEntry) -> list[str]:
    """Say what is wrong with a leave by itself."""
    zone = zone_of(rota)
    away = absence(leave, zone)
    if away is None:
        texts = {leave.begins: False, leave.ends: True}
        return [
            f"{text!r} is no day 2026-12-24, and no 2026-12-24T12:00."
            for text, is_end in texts.items()
            if moment_ms(text, zone, is_end=is_end) is None
        ]
    if away.from_ms >= away.until_ms:
        return [f"The leave of {leave.name} ends before it begins."]
    if away.until_ms - away.from_ms > _LEAVE_MS_MAX:
        return [f"{leave.name} is on leave for more than a year: take the name out of the rota."]
    if leave.name not in _names(rota):
        return [f"{leave.name} is on leave, but stands nowhere in the rota."]
    return []


def _deserted(rota: RotaEntry) -> list[str]:
    """Say where everybody is on leave at once: the first time for each shift, and each list."""
    zone, away = zone_of(rota), absences(rota)
    said: dict[str, str] = {}
    for at_ms in sorted({at_ms for one in away for at_ms in _turns(rota, one, zone)}):
        absent = {one.name for one in away if one.from_ms <= at_ms < one.until_ms}
        for place, people in _places(rota, at_ms, zone):
            if people and absent.issuperset(people):
                when = datetime.fromtimestamp(at_ms / 1000, zone)
                said.setdefault(place, f"On {when:%Y-%m-%d at %H:%M} all of {place} are on leave.")
    return [*said.values()]


def _turns(rota: RotaEntry, one: Absence, zone: ZoneInfo) -> Iterable[int]:
    """Give the instants of an absence at which somebody may be missed: between them nothing turns.

    As it begins, and as a shift begins or ends during it.
    """
    around = _around(rota, one.from_ms, one.until_ms, zone)
    turns = (at_ms for period in around for at_ms in (period.from_ms, period.until_ms))
    return [one.from_ms, *(at_ms for at_ms in turns if one.from_ms < at_ms < one.until_ms)]


def _places(rota: RotaEntry, at_ms: int, zone: ZoneInfo) -> Iterable[tuple[str, Sequence[str]]]:
    """Name who is to be told at an instant, by the place in the rota that says so."""
    running = [
        period.shift
        for period in _around(rota, at_ms, at_ms, zone)
        if period.from_ms <= at_ms < period.until_ms
    ]
    for shift in running:
        yield f"the shift from {shift.begins}", [*shift.on_duty, *shift.second]
    if not running and rota.off_hours is not None:
        yield "off_hours", [*rota.off_hours.on_duty, *rota.off_hours.second]
    yield "programme_lead", rota.programme_lead
    yield "technical", rota.technical


def _around(rota: RotaEntry, from_ms: int, until_ms: int, zone: ZoneInfo) -> list[Period]:
    first, last = _day(from_ms, zone) - timedelta(days=2), _day(until_ms, zone)
    return periods(rota.shifts, zone, first, last)


def _day(at_ms: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).date()

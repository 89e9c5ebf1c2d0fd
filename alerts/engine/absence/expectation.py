"""When a patient's silence is due: by the last contact, the care plan and the patient's own clock.

Contact is any measurement or failed attempt; a patient who never sent one counts from the start of
the plan. A deadline never falls before a window of the schedule has closed and its grace is over:
nobody is missed who may still be about to measure. Nor does it fall into a pause, and silence that
would be told after one counts from its end; what was told before one is over when it begins.
"""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import count

import msgspec

from alerts.records import TIME_MS_MAX
from schemas.day_time import DAY_MIN

WORK_FROM_MIN = 8 * 60
WORK_UNTIL_MIN = 20 * 60
"""The work list takes absences in the patient's day only."""
_NO_END_MS = 2**62
_LONG_AGO_MS = -_NO_END_MS


class Pause(msgspec.Struct, frozen=True):
    """No reading is expected from ``from_ms`` (inclusive) until ``until_ms``; None: until told."""

    from_ms: int
    until_ms: int | None


class Expectation(msgspec.Struct, frozen=True):  # of a million patients: quick to make
    """What is expected of one patient for one vital.

    ``zones``: since when the patient lives in which, the first one since ever. ``closes_min``:
    minutes of the local day at which the schedule's windows close, sorted; empty: no schedule.
    ``at_once``: due at any hour, else only in the work list's hours. Pauses are sorted.
    """

    absent_for_ms: int
    from_ms: int
    zones: tuple[tuple[int, tzinfo], ...]
    closes_min: tuple[int, ...] = ()
    grace_ms: int = 0
    pauses: tuple[Pause, ...] = ()
    at_once: bool = False


def deadline_ms(
    expectation: Expectation, contact_ms: int | None, now_ms: int = _LONG_AGO_MS
) -> int | None:
    """Tell when silence since a contact is due, UTC ms; None while a pause has no end.

    A pause that has begun by ``now_ms`` counts also if silence was due before it.
    """
    since_ms = max(expectation.from_ms, expectation.from_ms if contact_ms is None else contact_ms)
    due_ms = _told_ms(expectation, since_ms)
    for pause in expectation.pauses:
        if pause.from_ms >= due_ms and pause.from_ms > now_ms:
            break
        if pause.until_ms is None:
            return None
        if pause.until_ms > since_ms:
            since_ms = pause.until_ms
            due_ms = _told_ms(expectation, since_ms)
    return due_ms


def silent_ms(expectation: Expectation, contact_ms: int, now_ms: int) -> int | None:
    """Tell since when silence is due, whatever the hour: what is open holds by it."""
    at_any_hour = msgspec.structs.replace(expectation, at_once=True)
    return deadline_ms(at_any_hour, contact_ms, now_ms)


def next_pause_ms(expectation: Expectation, at_ms: int) -> int:
    """Tell when the next pause after an instant begins; ``_NO_END_MS``: none does."""
    return min(
        (one.from_ms for one in expectation.pauses if one.from_ms > at_ms), default=_NO_END_MS
    )


def _told_ms(expectation: Expectation, since_ms: int) -> int:
    """Tell when silence is told that no pause interrupts."""
    due_ms = min(since_ms + expectation.absent_for_ms, TIME_MS_MAX)  # no log gets there
    return in_hours(expectation, _after_window(expectation, due_ms))


def _after_window(expectation: Expectation, at_ms: int) -> int:
    """Move to the first close of a window, with its grace, that is not before."""
    if not expectation.closes_min:
        return at_ms
    for begin_ms, end_ms, zone in _periods(expectation, at_ms - expectation.grace_ms):
        closed_ms = _first_close(expectation.closes_min, zone, begin_ms)
        if closed_ms < end_ms:
            return closed_ms + expectation.grace_ms
    raise AssertionError("the last zone has no end")


def in_hours(expectation: Expectation, at_ms: int) -> int:
    """Move to the patient's day what is not told at any hour."""
    if expectation.at_once:
        return at_ms
    for begin_ms, end_ms, zone in _periods(expectation, at_ms):
        day_ms = _first_of_day(zone, begin_ms)
        if day_ms < end_ms:
            return day_ms
    raise AssertionError("the last zone has no end")


def _periods(expectation: Expectation, at_ms: int) -> Iterator[tuple[int, int, tzinfo]]:
    """Give from when until when from an instant on the patient lives in which zone."""
    ends_ms = [from_ms for from_ms, _ in expectation.zones[1:]]
    for (from_ms, zone), end_ms in zip(expectation.zones, [*ends_ms, _NO_END_MS], strict=True):
        if end_ms > at_ms:
            yield max(from_ms, at_ms), end_ms, zone


def _first_close(closes_min: tuple[int, ...], zone: tzinfo, at_ms: int) -> int:
    day = _local(at_ms, zone).date() - timedelta(days=1)
    for days in count():
        for minute in closes_min:
            closed_ms = _utc_ms(zone, day + timedelta(days=days), minute)
            if closed_ms >= at_ms:
                return closed_ms
    raise AssertionError("days do not end")


def _first_of_day(zone: tzinfo, at_ms: int) -> int:
    local = _local(at_ms, zone)
    minute = local.hour * 60 + local.minute
    if WORK_FROM_MIN <= minute < WORK_UNTIL_MIN:
        return at_ms
    day = local.date() + timedelta(days=bisect_right((WORK_UNTIL_MIN,), minute))
    return _utc_ms(zone, day, WORK_FROM_MIN)


def _local(at_ms: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)


def _utc_ms(zone: tzinfo, day: date, minute: int) -> int:
    days, minute = divmod(minute, DAY_MIN)
    at = datetime.combine(day + timedelta(days=days), time(minute // 60, minute % 60), zone)
    return int(at.timestamp() * 1000)

"""When a patient's silence is due: by the last contact, the care plan and the patient's own clock.

Contact is any measurement or failed attempt; a patient who never sent one counts from the start of
the plan. A deadline never falls before a window of the schedule has closed and its grace is over:
nobody is missed who may still be about to measure.
"""

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import count

import msgspec

DAY_MIN = 24 * 60
WORK_FROM_MIN = 8 * 60
WORK_UNTIL_MIN = 20 * 60
"""The work list takes absences in the patient's day only."""


class Pause(msgspec.Struct, frozen=True):
    """No reading is expected from ``from_ms`` (inclusive) until ``until_ms``; None: until told."""

    from_ms: int
    until_ms: int | None


class Expectation(msgspec.Struct, frozen=True):  # of a million patients: quick to make
    """What is expected of one patient for one vital.

    ``closes_min``: minutes of the local day at which the schedule's windows close, sorted; empty:
    no schedule. ``at_once``: due at any hour, else only in the work list's hours. Pauses are
    sorted.
    """

    absent_for_ms: int
    from_ms: int
    zone: tzinfo
    closes_min: tuple[int, ...] = ()
    grace_ms: int = 0
    pauses: tuple[Pause, ...] = ()
    at_once: bool = False


def deadline_ms(expectation: Expectation, contact_ms: int | None) -> int | None:
    """Tell when silence since a contact is due, UTC ms; None while a pause has no end."""
    since_ms = max(expectation.from_ms, expectation.from_ms if contact_ms is None else contact_ms)
    due_ms = since_ms + expectation.absent_for_ms
    for pause in expectation.pauses:
        # A pause that begins after the silence is due does not undo it.
        if pause.from_ms >= due_ms or (pause.until_ms is not None and pause.until_ms <= since_ms):
            continue
        if pause.until_ms is None:
            return None
        due_ms = max(due_ms, pause.until_ms + expectation.absent_for_ms)
    return _in_hours(expectation, _after_window(expectation, due_ms))


def _after_window(expectation: Expectation, at_ms: int) -> int:
    """Move to the first close of a window, with its grace, that is not before."""
    if not expectation.closes_min:
        return at_ms
    day = _local(at_ms - expectation.grace_ms, expectation.zone).date() - timedelta(days=1)
    for days in count():
        for minute in expectation.closes_min:
            closed_ms = _utc_ms(expectation.zone, day + timedelta(days=days), minute)
            if closed_ms + expectation.grace_ms >= at_ms:
                return closed_ms + expectation.grace_ms
    raise AssertionError("days do not end")


def _in_hours(expectation: Expectation, at_ms: int) -> int:
    """Move to the patient's day, unless the rule says that night is no reason to wait."""
    if expectation.at_once:
        return at_ms
    local = _local(at_ms, expectation.zone)
    minute = local.hour * 60 + local.minute
    if WORK_FROM_MIN <= minute < WORK_UNTIL_MIN:
        return at_ms
    day = local.date() + timedelta(days=bisect_right((WORK_UNTIL_MIN,), minute))
    return _utc_ms(expectation.zone, day, WORK_FROM_MIN)


def _local(at_ms: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)


def _utc_ms(zone: tzinfo, day: date, minute: int) -> int:
    days, minute = divmod(minute, DAY_MIN)
    at = datetime.combine(day + timedelta(days=days), time(minute // 60, minute % 60), zone)
    return int(at.timestamp() * 1000)

"""When silence is due, looked for quarter of an hour by quarter of an hour.

``absent_for`` runs from the later of last contact, plan start and pause end; silence is told when a
window of the schedule has closed and its grace is over, in the patient's day unless it notifies.
"""

from datetime import UTC, datetime, timedelta

from alerts.engine.absence.expectation import Expectation

QUARTER_MS = 15 * 60_000
DAYS_MAX = 90


def silence_due_ms(expected: Expectation, contact_ms: int, now_ms: int) -> int | None:
    """All times lie on quarters; None if it is not due within ``DAYS_MAX``.

    What was told before a pause that has begun by now is over with it.
    """
    begin_ms = max(expected.from_ms, contact_ms)
    absent: int | None = None
    for at_ms in range(begin_ms, begin_ms + DAYS_MAX * 24 * 4 * QUARTER_MS, QUARTER_MS):
        if not is_absent(expected, begin_ms, at_ms):
            absent = None
        elif absent is None:
            absent = at_ms
        over = any(at_ms <= pause.from_ms <= now_ms for pause in expected.pauses)
        if absent is not None and may_be_told(expected, absent, at_ms) and not over:
            return at_ms
    return None


def is_absent(expected: Expectation, since_ms: int, at_ms: int) -> bool:
    """Has nothing come for so long, though it was expected all the time?"""
    for pause in expected.pauses:
        if pause.from_ms < at_ms and (pause.until_ms is None or at_ms < pause.until_ms):
            return False
        if pause.until_ms is not None and pause.until_ms <= at_ms:
            since_ms = max(since_ms, pause.until_ms)
    return at_ms - since_ms >= expected.absent_for_ms


def may_be_told(expected: Expectation, absent_ms: int, at_ms: int) -> bool:
    hour = expected.at_once or by_day(expected, at_ms)
    return hour and window_is_over(expected, absent_ms, at_ms)


def window_is_over(expected: Expectation, absent_ms: int, at_ms: int) -> bool:
    """Has a window closed, with its grace, since it was due?"""
    if not expected.closes_min:
        return True
    ends = range(absent_ms, at_ms + QUARTER_MS, QUARTER_MS)
    return any(closes(expected, end_ms - expected.grace_ms) for end_ms in ends)


def closes(expected: Expectation, at_ms: int) -> bool:
    """Midnight closes the day before, or this one."""
    minute = local(expected, at_ms)
    return minute in expected.closes_min or (minute == 0 and 24 * 60 in expected.closes_min)


def by_day(expected: Expectation, at_ms: int) -> bool:
    return 8 * 60 <= local(expected, at_ms) < 20 * 60


def in_hours(expected: Expectation, at_ms: int) -> int:
    """Nobody's work list takes a silence at night; quarter by quarter, as clocks are set."""
    while not (expected.at_once or by_day(expected, at_ms)):
        at_ms += QUARTER_MS - at_ms % QUARTER_MS
    return at_ms


def local(expected: Expectation, at_ms: int) -> int:
    """Minutes of the patient's day, where the patient lives then."""
    zone = [zone for from_ms, zone in expected.zones if from_ms <= at_ms][-1]
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
    return timedelta(hours=at.hour, minutes=at.minute) // timedelta(minutes=1)

"""Every screen against a wrong stamp by its name, and what passes all of them."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.clocks.trust import AHEAD_OF_UTC_MOST, Stamped, device_time
from gateway.record import ClockMove, DeviceClock, SessionFacts
from schemas.gatt import date_time
from schemas.gatt.date_time import DateTime
from schemas.gatt.measurement import Stamp
from schemas.reading import Capture, Device, TimeScreen
from tests.gateway.records import ADDRESS, BOOT

NOW = datetime(2026, 3, 14, 7, 15)  # noqa: DTZ001  (a device's clock has no zone)
CLOCK = DeviceClock(NOW, 10_000)
CAPTURE = Capture(BOOT, 11_000)
FACTS = SessionFacts("session", Device(ADDRESS), CLOCK)
WITHOUT_CLOCK = SessionFacts("session", Device(ADDRESS))


def stamped(
    shown: datetime, number: int | None = None, base: datetime | None = None, at: Capture = CAPTURE
) -> Stamped:
    return Stamped(Stamp(date_time.of(base or shown), shown), number, at)


def judged(
    record: Stamped, facts: SessionFacts = FACTS, before: Stamped | None = None
) -> tuple[list[TimeScreen], int | None]:
    told = device_time(record, facts, before)
    assert told is not None
    return told.screens, told.age_ms


def test_a_stamp_that_passes_gives_an_age_by_the_devices_own_clock() -> None:
    assert judged(stamped(NOW - timedelta(minutes=5))) == ([], 301_000)


@pytest.mark.parametrize(
    ("shown", "screen"),
    [
        (datetime(2000, 1, 1, 0, 12), "epoch-default"),  # noqa: DTZ001
        (datetime(1970, 1, 1), "epoch-default"),  # noqa: DTZ001
        (datetime(2014, 12, 31, 23, 59), "before-2015"),  # noqa: DTZ001
        (NOW + timedelta(seconds=62), "in-the-future"),
    ],
)
def test_a_stamp_that_cannot_be_right(shown: datetime, screen: TimeScreen) -> None:
    assert judged(stamped(shown)) == ([screen], None)


def test_a_stamp_without_year_and_one_that_its_device_doubts() -> None:
    without_year = Stamped(Stamp(DateTime(0, 3, 14, 7, 5, 9), None), None, CAPTURE)
    assert judged(without_year) == (["year-unknown"], None)
    doubted = Stamped(Stamp(date_time.of(NOW), None, fault=True), 3, CAPTURE)
    assert judged(doubted) == ([], None)


def test_a_good_stamp_beside_a_clock_that_was_never_set() -> None:
    never = SessionFacts("session", Device(ADDRESS), DeviceClock(datetime(2000, 1, 1), 0))  # noqa: DTZ001
    assert judged(stamped(NOW), never) == (["clock-unset"], None)


def test_without_the_devices_clock_only_what_no_zone_explains_is_in_the_future() -> None:
    utc = NOW.replace(tzinfo=UTC)
    known = Capture(BOOT, 11_000, wall_ms=int(utc.timestamp() * 1000))
    assert judged(stamped(NOW + AHEAD_OF_UTC_MOST, at=known), WITHOUT_CLOCK) == ([], None)
    beyond = NOW + AHEAD_OF_UTC_MOST + timedelta(seconds=1)
    assert judged(stamped(beyond, at=known), WITHOUT_CLOCK) == (["in-the-future"], None)
    assert judged(stamped(beyond), WITHOUT_CLOCK) == ([], None)


@pytest.mark.parametrize(
    ("number", "minutes", "screens"),
    [
        (8, 1, []),
        (8, 0, ["repeated-stamp"]),
        (8, -1, ["out-of-order"]),
        (7, 0, []),  # the very record again
        (6, -1, []),  # a meter that hands over its newest first
        (6, 1, ["out-of-order"]),
    ],
)
def test_numbers_and_stamps_must_agree(
    number: int, minutes: int, screens: list[TimeScreen]
) -> None:
    before = stamped(NOW - timedelta(hours=1), 7)
    record = stamped(NOW - timedelta(hours=1) + timedelta(minutes=minutes), number)
    assert judged(record, before=before)[0] == screens


def test_records_without_a_time_that_was_shown_are_held_against_no_moves() -> None:
    """An offset that overran, and a date without year: neither is of any timeline."""
    moved = SessionFacts(
        "session", Device(ADDRESS), moves=(ClockMove(3_600_000, old_until=NOW, new_since=NOW),)
    )
    overrun = Stamped(Stamp(date_time.of(NOW), None, fault=True), 8, CAPTURE)
    without_year = Stamped(Stamp(DateTime(0, 3, 14, 7, 5, 9), None), 9, CAPTURE)
    before = stamped(NOW - timedelta(days=1), 7)
    assert judged(overrun, moved, before)[0] == []
    assert judged(without_year, moved, overrun)[0] == ["year-unknown"]


def test_numbers_that_wrap_still_rise_and_cuffs_have_none() -> None:
    hour = timedelta(hours=1)
    assert judged(stamped(NOW, 0), before=stamped(NOW - hour, 65_535))[0] == []
    assert judged(stamped(NOW - hour), before=stamped(NOW))[0] == []


def test_the_base_time_orders_and_not_the_display_that_its_user_moves() -> None:
    """domain: a user who moves the clock changes the offset, and the base runs on."""
    before = stamped(NOW, 7, base=NOW - timedelta(hours=2))
    later = stamped(NOW - timedelta(minutes=30), 8, base=NOW - timedelta(hours=1))
    assert judged(later, before=before)[0] == []


def test_a_clock_that_was_moved_dates_its_old_records_by_the_old_timeline() -> None:
    """Set an hour forward ten minutes ago; a record of five minutes before that is 15 old."""
    hour = timedelta(hours=1)
    set_at = NOW - timedelta(minutes=10)
    moves = (ClockMove(3_600_000, old_until=set_at - hour, new_since=set_at),)
    facts = SessionFacts("session", Device(ADDRESS), CLOCK, moves=moves)
    assert judged(stamped(set_at - hour - timedelta(minutes=5)), facts) == ([], 15 * 60_000 + 1_000)
    assert judged(stamped(NOW), facts) == ([], 1_000)
    assert judged(stamped(set_at - hour / 2), facts) == (["clock-moved"], None)
    unread = SessionFacts("session", Device(ADDRESS), moves=moves)
    assert judged(stamped(set_at - 2 * hour), unread) == (["clock-moved"], None)


def test_a_move_that_is_known_puts_nothing_out_of_order() -> None:
    """It was an hour ahead and was set right: the next record carries an earlier stamp."""
    hour, set_at = timedelta(hours=1), NOW - timedelta(minutes=10)
    moves = (ClockMove(-3_600_000, old_until=set_at + hour, new_since=set_at, last_number=7),)
    facts = SessionFacts("session", Device(ADDRESS), CLOCK, moves=moves)
    before_the_set = stamped(set_at - timedelta(minutes=1), 7)  # an hour before that, in truth
    assert judged(stamped(NOW - timedelta(minutes=5), 8), facts, before_the_set)[0] == []
    somewhere = stamped(set_at + hour / 2, 7)  # in the hour that was shown twice
    assert judged(stamped(NOW - timedelta(minutes=5), 8), facts, somewhere)[0] == []
    assert judged(stamped(NOW - timedelta(minutes=5), 8), FACTS, somewhere)[0] == ["out-of-order"]

"""A device's clock that somebody moves: each stamp gets its true age, or none."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clocks.timeline import (
    MOVED_BEYOND_MS,
    MOVES_MAX,
    Timeline,
    guessed_lag_ms,
    jump_ms,
    setting,
)
from gateway.record import ClockMove, DeviceClock, Moment
from schemas.gatt.quirks import ClockWay
from schemas.reading import Coincidence
from tests.gateway.records import BOOT

HOUR_MS = 3_600_000
SHOWS = datetime(2026, 3, 14, 7, 5, 9)  # noqa: DTZ001  (a device's clock has no zone)
WALL_MS = int(datetime(2026, 3, 14, 6, 5, 9, tzinfo=UTC).timestamp() * 1000)
BERLIN = ZoneInfo("Europe/Berlin")


def moment(at_ms: int, wall_ms: int | None = None, boot: str = BOOT) -> Moment:
    return Moment(boot, at_ms, wall_ms)


def later(ms: int) -> datetime:
    return SHOWS + timedelta(milliseconds=ms)


def sights(*pairs: tuple[int, int]) -> Timeline:
    """See a clock at these times of ours (ms), each showing so many ms after ``SHOWS``."""
    timeline = Timeline()
    for at_ms, shows_ms in pairs:
        timeline = timeline.sight(DeviceClock(later(shows_ms), at_ms), moment(at_ms))
    return timeline


def test_a_clock_that_runs_on_was_not_moved() -> None:
    drifting = sights((0, 0), (24 * HOUR_MS, 24 * HOUR_MS + MOVED_BEYOND_MS))
    assert drifting.moves == ()


@pytest.mark.parametrize("jump", [HOUR_MS, -HOUR_MS])
def test_a_clock_whose_difference_to_ours_changed_was_moved_in_between(jump: int) -> None:
    (move,) = sights((0, 0), (2 * HOUR_MS, 2 * HOUR_MS + jump)).moves
    assert move == ClockMove(jump, later(2 * HOUR_MS), later(jump))


@given(
    jump=st.integers(MOVED_BEYOND_MS + 1, 1000 * HOUR_MS).flatmap(
        lambda jump: st.sampled_from([jump, -jump])
    ),
    taken_ms=st.integers(-1000 * HOUR_MS, 2 * HOUR_MS),
)
def test_a_move_that_was_noted_and_not_made_gives_no_wrong_age(jump: int, taken_ms: int) -> None:
    """The daemon died between: the clock runs on as it did."""
    noted = sights((0, 0)).set_to(later(jump), DeviceClock(SHOWS, 0), moment(0), None)
    seen = noted.sight(DeviceClock(later(2 * HOUR_MS), 2 * HOUR_MS), moment(2 * HOUR_MS))
    assert len(seen.moves) == 2
    assert jump_ms(later(taken_ms), None, seen.moves) in {0, None}


def test_across_a_boot_only_true_wall_clocks_tell() -> None:
    before, after = DeviceClock(SHOWS, 5_000), DeviceClock(later(3 * HOUR_MS), 900)
    for wall_ms, moves in ((WALL_MS, 1), (None, 0)):
        timeline = Timeline().sight(before, moment(5_000, wall_ms))
        timeline = timeline.sight(after, moment(900, WALL_MS + HOUR_MS, "1" * 32))
        assert len(timeline.moves) == moves


def test_a_jump_of_the_gateways_own_clock_moves_no_devices_clock() -> None:
    timeline = Timeline().sight(DeviceClock(SHOWS, 0), moment(0, WALL_MS))
    timeline = timeline.sight(DeviceClock(later(HOUR_MS), HOUR_MS), moment(HOUR_MS, 9 * WALL_MS))
    assert timeline.moves == ()


def test_our_own_move_is_known_to_the_moment_and_not_found_again() -> None:
    clock = DeviceClock(SHOWS, 1_000)
    timeline = Timeline().sight(clock, moment(1_000))
    timeline = timeline.set_to(later(HOUR_MS), clock, moment(3_000), 7)
    (move,) = timeline.moves
    assert move == ClockMove(HOUR_MS - 2_000, later(2_000), later(HOUR_MS), 7)
    again = timeline.sight(DeviceClock(later(2 * HOUR_MS), 3_000 + HOUR_MS), moment(5_000_000))
    assert again.moves == timeline.moves


def test_a_record_from_before_our_own_move_has_its_age_by_the_old_timeline() -> None:
    """The clock went from 08:05 to 07:05; a record stamped 08:00 is five minutes older than that.

    Within the hour that was shown twice only the record's number tells, if anything does.
    """
    set_back = (ClockMove(-HOUR_MS, later(HOUR_MS), SHOWS, last_number=7),)
    before, twice, after = later(-60_000), later(HOUR_MS // 2), later(HOUR_MS + 1)
    assert jump_ms(before, None, set_back) == -HOUR_MS
    assert jump_ms(after, None, set_back) == 0
    assert jump_ms(twice, 8, set_back) == 0
    assert jump_ms(twice, 7, set_back) is None
    assert jump_ms(twice, None, set_back) is None


def test_a_stamp_of_whole_minutes_from_the_minute_of_a_move_may_be_from_after_it() -> None:
    """The clock was set back to 07:05:09: what it stamps at 07:05:40 says 07:05, as an hour ago."""
    set_back = (ClockMove(-HOUR_MS, later(HOUR_MS), SHOWS),)
    assert jump_ms(SHOWS.replace(second=0), None, set_back) is None
    assert jump_ms(SHOWS.replace(minute=4, second=59), None, set_back) == -HOUR_MS


def test_a_stamp_that_no_timeline_can_have_shown_has_no_age() -> None:
    set_forward = (ClockMove(HOUR_MS, SHOWS, later(HOUR_MS)),)
    assert jump_ms(later(HOUR_MS // 2), None, set_forward) is None
    assert jump_ms(SHOWS, None, set_forward) == HOUR_MS


def test_what_is_older_than_every_move_that_is_kept_has_no_age() -> None:
    moves = tuple(
        ClockMove(HOUR_MS, later(number * HOUR_MS), later((number + 1) * HOUR_MS))
        for number in range(1, 2 * MOVES_MAX, 2)
    )
    assert jump_ms(SHOWS, None, moves) is None
    assert jump_ms(SHOWS, None, moves[1:]) == (MOVES_MAX - 1) * HOUR_MS


@given(
    st.lists(
        st.tuples(st.integers(1, 1000), st.integers(-500, 500), st.booleans()),
        max_size=MOVES_MAX - 1,
    ),
    st.data(),
)
def test_an_age_that_is_given_is_the_true_one(
    life: list[tuple[int, int, bool]], data: st.DataObject
) -> None:
    """Minutes pass, the clock jumps (by us or by somebody), and records are stamped."""
    timeline, now_min, error_min = sights((0, 0)), 0, 0
    records: list[tuple[int, datetime]] = []  # true minute, stamp
    for passed_min, jump_min, by_us in life:
        for _ in range(2):
            at_min = data.draw(st.integers(now_min, now_min + passed_min))
            records.append((at_min, later((at_min + error_min) * 60_000)))
        now_min += passed_min
        clock = DeviceClock(later((now_min + error_min) * 60_000), now_min * 60_000)
        error_min += jump_min
        shows = later((now_min + error_min) * 60_000)
        if by_us:
            timeline = timeline.sight(clock, moment(now_min * 60_000))
            timeline = timeline.set_to(shows, clock, moment(now_min * 60_000), None)
        else:  # somebody moved it just before we came
            timeline = timeline.sight(
                DeviceClock(shows, now_min * 60_000), moment(now_min * 60_000)
            )
    for at_min, stamp in records:
        jumped_ms = jump_ms(stamp, None, timeline.moves)
        if jumped_ms is not None:
            age_min = (later((now_min + error_min) * 60_000) - stamp) // timedelta(minutes=1)
            # Moves of a minute are taken for drift, and left out.
            small = sum(abs(jump) for _, jump, by_us in life if not by_us and abs(jump) == 1)
            assert abs(age_min - jumped_ms // 60_000 - (now_min - at_min)) <= small


def test_the_last_five_sessions_speak_for_a_clock_that_cannot_be_read() -> None:
    timeline = Timeline()
    for number in range(7):
        timeline = timeline.met(Coincidence(number, "2026-03-14T07:05:09"))
    assert [one.captured_ms for one in timeline.coincidences] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("lags_min", "guessed_min"),
    [
        ((-2,), -2),  # a stamp from the future
        ((-1,), None),
        ((30, 30, 30, 30), None),  # somebody transfers half an hour later
        ((30, 40, 50, 30, 35), 30),  # nobody does so each time
        ((30, 40, 50, 9, 35), None),
        ((), None),
    ],
)
def test_a_clock_that_cannot_be_read_is_known_by_its_stamps(
    lags_min: tuple[int, ...], guessed_min: int | None
) -> None:
    pairs = tuple(
        Coincidence(WALL_MS, later(-60_000 * lag).isoformat(timespec="seconds")) for lag in lags_min
    )
    now = moment(0, WALL_MS)
    guessed = guessed_lag_ms(pairs, ClockWay.CONTOUR, now, BERLIN)
    assert guessed == (None if guessed_min is None else guessed_min * 60_000)
    assert guessed_lag_ms(pairs, ClockWay.CURRENT_TIME, now, BERLIN) is None
    assert guessed_lag_ms(pairs, ClockWay.CONTOUR, moment(0), BERLIN) is None
    assert guessed_lag_ms(pairs, ClockWay.CONTOUR, now, None) is None


def test_after_a_blind_set_only_later_records_are_believed() -> None:
    timeline = Timeline().met(Coincidence(WALL_MS, "2026-03-14T07:05:09"))
    timeline = timeline.set_blindly(HOUR_MS, 7)
    assert timeline.coincidences == ()
    assert jump_ms(SHOWS, 8, timeline.moves) == 0
    assert jump_ms(SHOWS, 7, timeline.moves) is None


def test_a_wrong_clock_is_set_to_the_homes_time() -> None:
    an_hour_off = DeviceClock(later(-HOUR_MS), 0)
    right = setting(an_hour_off, ClockWay.CURRENT_TIME, moment(500, WALL_MS), BERLIN)
    assert right is not None
    assert right.replace(tzinfo=None) == SHOWS
    assert right.utcoffset() == timedelta(hours=1)


@pytest.mark.parametrize(
    ("shows_ms", "wall_ms", "zone"),
    [
        (60_000, WALL_MS, BERLIN),  # right enough
        (HOUR_MS, None, BERLIN),  # nothing keeps our own clock true
        (HOUR_MS, WALL_MS, None),  # nobody said where we are
    ],
)
def test_no_clock_is_set_without_need_or_knowledge(
    shows_ms: int, wall_ms: int | None, zone: ZoneInfo | None
) -> None:
    clock = DeviceClock(later(shows_ms), 0)
    assert setting(clock, ClockWay.CURRENT_TIME, moment(0, wall_ms), zone) is None
    assert setting(None, ClockWay.CURRENT_TIME, moment(0, WALL_MS), BERLIN) is None


def test_a_clock_that_was_read_a_while_ago_has_run_on_since() -> None:
    right, read_ms, now_ms = DeviceClock(SHOWS, HOUR_MS), HOUR_MS, 2 * HOUR_MS
    now = moment(now_ms, WALL_MS + now_ms - read_ms)
    assert setting(right, ClockWay.CURRENT_TIME, now, BERLIN) is None
    seen = Timeline().sight(right, now).seen
    assert seen is not None
    assert (seen.monotonic_ms, seen.wall_ms) == (read_ms, WALL_MS)


def test_omrons_clock_is_set_only_when_far_off_and_one_never_set_always() -> None:
    omron, now = ClockWay.CURRENT_TIME_AFTER_NOTIFICATION, moment(0, WALL_MS)
    assert setting(DeviceClock(later(600_000), 0), omron, now, BERLIN) is None
    assert setting(DeviceClock(later(601_000), 0), omron, now, BERLIN) is not None
    never = DeviceClock(datetime.min, 0)  # noqa: DTZ901
    assert setting(never, omron, now, BERLIN) is not None
    assert Timeline().set_to(SHOWS, never, now, None).moves[0].new_since == SHOWS

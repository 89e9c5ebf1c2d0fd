"""Who is there at an instant: the minute of handover, weekends, nights in which clocks move."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.desk.staffing import Staffing, has_off_hours_routing, routing
from schemas.rota import Leave, OffHours, RotaEntry, Shift

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
DAY_SHIFT = Shift("07:00", "19:00", ["day"], ["day-second"], ["day-lead"])
NIGHT_SHIFT = Shift("19:00", "07:00", ["night"])
OFF_HOURS = OffHours(["home"], ["home-second"])


def rota(
    *shifts: Shift,
    zone: str = "UTC",
    off_hours: OffHours | None = OFF_HOURS,
    leave: Sequence[Leave] = (),
) -> Staffing:
    entry = RotaEntry(
        "p",
        zone=zone,
        shifts=list(shifts),
        off_hours=off_hours,
        programme_lead=["chief"],
        technical=["support", "engineer"],
        leave=list(leave),
    )
    return Staffing(entry)


def at(text: str, zone: str = "UTC") -> int:
    """``2026-01-05 07:00`` of a zone, in ms; 2026-01-05 is a Monday."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def test_at_the_minute_of_handover_the_shift_that_comes_is_there() -> None:
    both = rota(DAY_SHIFT, NIGHT_SHIFT)
    handover_ms = at("2026-01-05 19:00")
    assert both.people(0, handover_ms - 1) == ["day"]
    assert both.people(0, handover_ms) == ["night"]
    assert both.people(0, at("2026-01-06 07:00") - 1) == ["night"]
    assert both.people(0, at("2026-01-06 07:00")) == ["day"]


def test_while_shifts_overlap_everybody_of_both_is_there_and_named_once() -> None:
    night = Shift("19:00", "07:15", ["night", "both"], ["night-second"], ["night-lead"])
    day = Shift("06:45", "19:00", ["day", "both"], [], ["day-lead"])
    both = rota(day, night)
    instants = [at(f"2026-01-06 {text}") for text in ("06:44", "06:45", "07:14", "07:15")]
    assert [both.people(0, ms) for ms in instants] == [
        ["night", "both"],
        ["night", "both", "day"],
        ["night", "both", "day"],
        ["day", "both"],
    ]
    assert [both.people(1, ms) for ms in instants[1:]] == [["night-second"], ["night-second"], []]
    assert both.people(2, instants[1]) == ["chief"]
    assert both.shift_lead(instants[1]) == ["night-lead", "day-lead"]
    assert both.end_of_shift_ms(instants[0]) == instants[3]
    assert both.end_of_shift_ms(instants[1]) == at("2026-01-06 19:00")


def test_whoever_is_on_leave_is_nowhere_in_the_chain() -> None:
    names = ("day", "day-lead", "home", "chief", "support")
    day = Shift("07:00", "19:00", ["day", "other"], ["day-second"], ["day-lead"])
    away = [Leave(name, "2026-01-05", "2026-01-06") for name in names]
    one = rota(day, off_hours=OffHours(["home"], ["home-second"]), leave=away)
    for noon_ms in (at("2026-01-05 12:00"), at("2026-01-06 12:00")):
        assert [one.people(step, noon_ms) for step in range(3)] == [["other"], ["day-second"], []]
        assert one.shift_lead(noon_ms) == ["other"]
        assert one.people(0, noon_ms, technical=True) == ["engineer"]
        assert one.is_staffed(noon_ms)
    assert one.people(0, at("2026-01-05 23:00")) == []
    assert one.people(0, at("2026-01-07 12:00")) == ["day", "other"]


@pytest.mark.parametrize(
    ("begins", "ends", "first", "after"),
    [
        ("2026-03-28", "2026-03-29", "2026-03-28 00:00", "2026-03-30 00:00"),
        ("2026-03-28", "2026-03-28", "2026-03-28 00:00", "2026-03-29 00:00"),
        ("2026-03-28T12:00", "2026-03-29", "2026-03-28 12:00", "2026-03-30 00:00"),
        ("2026-03-28 12:00", "2026-03-28 12:30", "2026-03-28 12:00", "2026-03-28 12:30"),
    ],
)
def test_leave_is_meant_in_the_clinics_zone(begins: str, ends: str, first: str, after: str) -> None:
    """In the night of 2026-03-29 Berlin sets its clocks."""
    one = rota(zone="Europe/Berlin", leave=[Leave("home", begins, ends)])
    first_ms, after_ms = (at(text, "Europe/Berlin") for text in (first, after))
    instants = first_ms - 1, first_ms, after_ms - 1, after_ms
    assert [bool(one.people(0, ms)) for ms in instants] == [True, False, False, True]


def test_a_leave_that_nobody_can_read_is_none() -> None:
    texts = (
        "soon",
        "2026-02-30",
        "2026-01-05T25:00",
        "0001-01-01",
        "9999-12-31",
        "\u0662026-01-05",
    )
    away = [Leave("home", text, text) for text in texts]
    assert rota(zone="Asia/Tokyo", leave=away).people(0, at("2026-01-05 12:00")) == ["home"]


def test_a_shift_holds_its_first_instant_and_not_its_last() -> None:
    one = rota(DAY_SHIFT)
    begin_ms, end_ms = at("2026-01-05 07:00"), at("2026-01-05 19:00")
    instants = begin_ms - 1, begin_ms, end_ms - 1, end_ms
    assert [one.is_staffed(ms) for ms in instants] == [False, True, True, False]
    assert one.next_staffed_ms(begin_ms - 1) == one.next_staffed_ms(begin_ms) == begin_ms
    assert one.next_staffed_ms(end_ms) == begin_ms + DAY_MS


def test_the_chain_goes_round_and_outside_shifts_it_is_that_of_the_off_hours() -> None:
    one = rota(DAY_SHIFT)
    noon_ms, night_ms = at("2026-01-05 12:00"), at("2026-01-05 23:00")
    assert [one.people(step, noon_ms) for step in range(4)] == [
        ["day"],
        ["day-second"],
        ["chief"],
        ["day"],
    ]
    assert [one.people(step, night_ms) for step in range(3)] == [
        ["home"],
        ["home-second"],
        ["chief"],
    ]
    alone = rota(DAY_SHIFT, off_hours=None)
    assert [alone.people(step, night_ms) for step in range(3)] == [[], [], ["chief"]]


def test_the_work_list_is_the_shift_leads_else_whose_turn_it_is() -> None:
    both = rota(DAY_SHIFT, NIGHT_SHIFT)
    assert both.shift_lead(at("2026-01-05 12:00")) == ["day-lead"]
    assert both.shift_lead(at("2026-01-05 20:00")) == ["night"]
    assert rota(DAY_SHIFT).shift_lead(at("2026-01-05 20:00")) == ["home"]


@pytest.mark.parametrize(
    ("begin", "minutes", "end"),
    [
        ("2026-01-05 12:00", 15, "2026-01-05 12:15"),
        ("2026-01-05 18:44", 15, "2026-01-05 18:59"),
        ("2026-01-05 18:45", 15, "2026-01-06 07:00"),  # at 19:00 nobody is there any more
        ("2026-01-05 18:50", 15, "2026-01-06 07:05"),
        ("2026-01-05 19:00", 15, "2026-01-06 07:15"),
        ("2026-01-05 03:00", 15, "2026-01-05 07:15"),
        ("2026-01-05 18:00", 13 * 60, "2026-01-07 07:00"),
        ("2026-01-05 18:00", 13 * 60 + 1, "2026-01-07 07:01"),
    ],
)
def test_staffed_time_stands_still_outside_shifts(begin: str, minutes: int, end: str) -> None:
    assert rota(DAY_SHIFT).after_staffed(at(begin), minutes * MINUTE_MS) == at(end)


def test_where_one_shift_ends_as_the_next_begins_somebody_is_there() -> None:
    end = at("2026-01-05 19:00")
    assert rota(DAY_SHIFT, NIGHT_SHIFT).after_staffed(end - MINUTE_MS, MINUTE_MS) == end


def test_a_shift_once_a_week_is_found_a_week_ahead_and_again_the_week_after() -> None:
    mondays = rota(Shift("07:00", "08:00", ["day"], days=["mon"]))
    after_ms = at("2026-01-05 08:00")
    assert mondays.next_staffed_ms(after_ms) == at("2026-01-12 07:00")
    assert mondays.end_of_shift_ms(after_ms) == at("2026-01-12 08:00")
    assert mondays.after_staffed(after_ms, 90 * MINUTE_MS) == at("2026-01-19 07:30")
    assert not mondays.is_staffed(at("2026-01-06 07:30"))


@pytest.mark.parametrize("asked_first", ["2026-01-05 08:00", "2026-01-05 23:59"])
def test_what_was_asked_before_on_the_same_day_changes_nothing(asked_first: str) -> None:
    for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"):
        nights = rota(Shift("22:00", "06:00", ["night"], days=["mon"]), zone=zone)
        nights.is_staffed(at(asked_first))
        monday_ms = at("2026-01-05 22:00", zone)
        assert nights.next_staffed_ms(monday_ms - 1) == monday_ms
        assert nights.is_staffed(monday_ms + 8 * HOUR_MS - 1)
        assert not nights.is_staffed(monday_ms + 8 * HOUR_MS)
        assert nights.next_staffed_ms(monday_ms + 8 * HOUR_MS) == monday_ms + 7 * DAY_MS


def test_the_end_of_a_shift_is_of_the_one_that_runs_or_comes_next() -> None:
    one = rota(DAY_SHIFT)
    assert one.end_of_shift_ms(at("2026-01-05 07:00")) == at("2026-01-05 19:00")
    assert one.end_of_shift_ms(at("2026-01-05 19:00")) == at("2026-01-06 19:00")
    assert one.end_of_shift_ms(at("2026-01-05 06:59")) == at("2026-01-05 19:00")


def test_a_night_shift_lasts_an_hour_more_when_clocks_go_back_and_less_when_they_go_on() -> None:
    nights = rota(Shift("22:00", "06:00", ["night"]), zone="Europe/Berlin")
    autumn_ms = at("2026-10-24 22:00", "Europe/Berlin")
    assert nights.end_of_shift_ms(autumn_ms) == autumn_ms + 9 * HOUR_MS
    spring_ms = at("2026-03-28 22:00", "Europe/Berlin")
    assert nights.end_of_shift_ms(spring_ms) == spring_ms + 7 * HOUR_MS


def test_a_rota_that_nobody_can_read_counts_as_staffed_always() -> None:
    """What is withheld until the next shift must not wait for ever."""
    unreadable = rota(
        Shift("late", "later", ["x"]),
        Shift("07:00", "soon", ["x"]),
        Shift("07:00", "19:00", ["x"], days=[]),
        Shift("07:00+01:00", "19:00", ["x"]),
        Shift("07:00", "19:00+01:00", ["x"]),
    )
    night_ms = at("2026-01-05 23:00")
    assert unreadable.is_staffed(night_ms)
    assert unreadable.next_staffed_ms(night_ms) == night_ms
    assert unreadable.after_staffed(night_ms, 15 * MINUTE_MS) == night_ms + 15 * MINUTE_MS
    assert unreadable.end_of_shift_ms(night_ms) == night_ms + DAY_MS
    assert unreadable.people(0, night_ms) == ["home"]


def test_a_zone_that_nobody_knows_is_read_as_utc() -> None:
    for zone in ("Mars/Olympus", "../etc/passwd", ""):
        assert rota(DAY_SHIFT, zone=zone).is_staffed(at("2026-01-05 07:00"))


def test_the_rota_that_names_a_book_answers_for_it_before_the_one_that_names_none() -> None:
    general, named = RotaEntry("a"), RotaEntry("b", books=["pregnancy"])
    other = RotaEntry("c", books=["pregnancy", "oncology"])
    assert routing([other, named, general], "pregnancy") is named
    assert routing([other, named, general], "oncology") is other
    assert routing([other, named, general], "adult-standard") is general
    assert routing([other, named], "adult-standard") is None
    assert routing([], "adult-standard") is None
    assert routing([RotaEntry("z"), general], "adult-standard") is general


def test_a_book_needs_somebody_who_hears_its_critical_alerts_at_night() -> None:
    heard = RotaEntry("a", off_hours=OffHours(["home"]))
    nobody = RotaEntry("b", books=["oncology"], off_hours=OffHours([], ["second"]))
    assert has_off_hours_routing([heard, nobody], "adult-standard") is True
    assert has_off_hours_routing([heard, nobody], "oncology") is False
    assert has_off_hours_routing([RotaEntry("c")], "adult-standard") is False
    assert has_off_hours_routing([nobody], "adult-standard") is False


shifts = st.builds(
    lambda begin, length, days: Shift(
        f"{begin // 60:02}:{begin % 60:02}",
        f"{(begin + length) % 1440 // 60:02}:{(begin + length) % 60:02}",
        ["x"],
        days=days,
    ),
    st.integers(0, 1439),
    st.integers(60, 1440),
    st.sampled_from(
        [["mon"], ["tue", "wed"], ["mon", "tue", "wed", "thu", "fri"], ["sat", "sun", "mon"]]
    ),
)


def staffed_minute(one: Shift, minute: int) -> bool:
    """Say it by counting, for minutes since Monday, 2026-01-05, in UTC."""
    begins = int(one.begins[:2]) * 60 + int(one.begins[3:])
    ends = int(one.ends[:2]) * 60 + int(one.ends[3:])
    length = (ends - begins - 1) % 1440 + 1
    names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    return any(
        (minute - names.index(day) * 1440 - begins) % (7 * 1440) < length for day in one.days
    )


@settings(max_examples=40)
@given(st.lists(shifts, min_size=1, max_size=3), st.integers(0, 3 * 1440), st.integers(1, 150))
def test_staffed_time_is_what_counting_minutes_says(
    several: list[Shift], begin: int, length: int
) -> None:
    one = rota(*several)
    monday_ms = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1000)
    begin_ms = monday_ms + begin * MINUTE_MS

    def staffed(minute: int) -> bool:
        return any(staffed_minute(shift, minute) for shift in several)

    assert one.is_staffed(begin_ms) == staffed(begin)
    following = next(minute for minute in range(begin, begin + 8 * 1440) if staffed(minute))
    assert one.next_staffed_ms(begin_ms) == monday_ms + following * MINUTE_MS
    minute, left = begin, length
    while left:
        left -= staffed(minute)
        minute += 1
    minute = next(later for later in range(minute, minute + 8 * 1440) if staffed(later))
    assert one.after_staffed(begin_ms, length * MINUTE_MS) == monday_ms + minute * MINUTE_MS


@pytest.mark.parametrize(
    ("shift", "next_begin"),
    [
        (Shift("02:30", "03:00", ["night"]), "2026-03-30 02:30"),
        (Shift("02:00", "03:00", ["night"], days=["sun"]), "2026-04-05 02:00"),
    ],
)
def test_a_shift_in_the_hour_that_clocks_skip_is_left_out(shift: Shift, next_begin: str) -> None:
    """It would end before it begins, and nobody would ever be there."""
    one = rota(shift, zone="Europe/Berlin")
    begin_ms = at(next_begin, "Europe/Berlin")
    for before in ("2026-03-28 12:00", "2026-03-29 01:59", "2026-03-29 12:00"):
        asked_ms = at(before, "Europe/Berlin")
        assert one.next_staffed_ms(asked_ms) == begin_ms
        assert one.after_staffed(asked_ms, 10 * MINUTE_MS) == begin_ms + 10 * MINUTE_MS
        assert one.end_of_shift_ms(asked_ms) > begin_ms
    assert one.after_staffed(at("2026-03-23 12:00"), MINUTE_MS) > 0

"""When silence is due: the specification's examples, and what must hold for every plan."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.engine.absence.expectation import Expectation, Pause, deadline_ms
from tests.alerts.oracle_absence import QUARTER_MS, silence_due_ms

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LONG_AGO_MS = -(2**62)
BERLIN = ((LONG_AGO_MS, ZoneInfo("Europe/Berlin")),)


def ms(text: str) -> int:
    """Read a UTC time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def plan(
    *,
    days: int = 3,
    closes_min: tuple[int, ...] = (),
    pauses: tuple[Pause, ...] = (),
    at_once: bool = False,
    zones: tuple[tuple[int, ZoneInfo], ...] = BERLIN,
) -> Expectation:
    """Expect from a patient in Berlin, since the first of November."""
    return Expectation(
        absent_for_ms=days * DAY_MS,
        from_ms=ms("2026-11-01T09:00"),
        zones=zones,
        closes_min=closes_min,
        grace_ms=2 * HOUR_MS,
        pauses=pauses,
        at_once=at_once,
    )


def test_a_patient_who_never_sent_one_counts_from_the_plans_beginning() -> None:
    assert deadline_ms(plan(), None) == ms("2026-11-04T09:00")


def test_a_contact_before_the_plan_does_not_count() -> None:
    assert deadline_ms(plan(), ms("2026-10-20T09:00")) == ms("2026-11-04T09:00")


def test_the_last_contact_counts() -> None:
    assert deadline_ms(plan(), ms("2026-11-10T12:00")) == ms("2026-11-13T12:00")


def test_at_night_it_waits_for_the_patients_morning() -> None:
    # 21:30 in Berlin: due at 08:00 there, which is 07:00 UTC in winter.
    assert deadline_ms(plan(), ms("2026-11-10T20:30")) == ms("2026-11-14T07:00")
    # 05:10 in Berlin: the same morning.
    assert deadline_ms(plan(), ms("2026-11-10T04:10")) == ms("2026-11-13T07:00")


def test_a_rule_that_notifies_does_not_wait_for_the_morning() -> None:
    assert deadline_ms(plan(at_once=True), ms("2026-11-10T20:30")) == ms("2026-11-13T20:30")


def test_nobody_is_missed_before_the_window_and_its_grace_are_over() -> None:
    twice_a_day = (11 * 60, 22 * 60)
    # Due at 08:30 Berlin, but the morning window closes at 11:00 and has two hours of grace.
    due = deadline_ms(plan(closes_min=twice_a_day), ms("2026-11-10T07:30"))
    assert due == ms("2026-11-13T12:00")


def test_a_window_s_grace_holds_its_last_instant_and_then_the_next_window_counts() -> None:
    """13:00 in Berlin is the end of the morning's grace; that of the evening ends at midnight."""
    twice_a_day = (11 * 60, 22 * 60)
    noon_ms = ms("2026-11-10T12:00")

    def due(contact_ms: int) -> int | None:
        return deadline_ms(plan(closes_min=twice_a_day, at_once=True), contact_ms)

    assert due(noon_ms) == ms("2026-11-13T12:00")
    assert due(noon_ms + 1) == ms("2026-11-13T23:00")
    assert due(ms("2026-11-10T23:00")) == ms("2026-11-13T23:00")
    assert due(ms("2026-11-10T23:00") + 1) == ms("2026-11-14T12:00")


def test_a_pause_moves_it_and_one_without_an_end_stops_it() -> None:
    away = Pause(ms("2026-11-11T00:00"), ms("2026-11-20T10:00"))
    assert deadline_ms(plan(pauses=(away,)), ms("2026-11-10T12:00")) == ms("2026-11-23T10:00")
    open_end = Pause(ms("2026-11-11T00:00"), None)
    assert deadline_ms(plan(pauses=(open_end,)), ms("2026-11-10T12:00")) is None


def test_a_pause_before_the_contact_or_after_the_deadline_changes_nothing() -> None:
    before = Pause(ms("2026-11-02T00:00"), ms("2026-11-09T00:00"))
    after = Pause(ms("2026-11-14T00:00"), None)
    assert deadline_ms(plan(pauses=(before, after)), ms("2026-11-10T12:00")) == ms(
        "2026-11-13T12:00"
    )


def test_a_pause_in_which_it_would_be_told_moves_it_though_it_was_due_before() -> None:
    """Absent at 08:30 in Berlin, but told at 13:00: who is in hospital by then is not missed."""
    morning = (11 * 60,)
    contact_ms, away_ms = ms("2026-11-10T07:30"), ms("2026-11-13T08:00")
    open_end = plan(closes_min=morning, at_once=True, pauses=(Pause(away_ms, None),))
    assert deadline_ms(open_end, contact_ms) is None
    over = plan(closes_min=morning, at_once=True, pauses=(Pause(away_ms, ms("2026-11-13T12:00")),))
    assert deadline_ms(over, contact_ms) == ms("2026-11-16T12:00")


def test_a_pause_of_the_night_before_the_morning_in_which_it_would_be_told_moves_it() -> None:
    night = Pause(ms("2026-11-13T22:00"), ms("2026-11-14T06:00"))
    assert deadline_ms(plan(pauses=(night,)), ms("2026-11-10T20:30")) == ms("2026-11-17T07:00")


def test_a_pause_that_has_begun_after_it_was_due_moves_it_too() -> None:
    """Who is in hospital since a silence was told is missed again, by the time since."""
    contact_ms, away_ms = ms("2026-11-10T12:00"), ms("2026-11-14T10:00")
    away = plan(pauses=(Pause(away_ms, ms("2026-11-20T10:00")),))
    assert deadline_ms(away, contact_ms, away_ms - 1) == ms("2026-11-13T12:00")
    assert deadline_ms(away, contact_ms, away_ms) == ms("2026-11-23T10:00")
    assert deadline_ms(plan(pauses=(Pause(away_ms, None),)), contact_ms, away_ms) is None


def test_windows_and_the_day_are_those_of_where_the_patient_lives_then() -> None:
    """Who moves to New York in December is missed by Berlin's clock in November."""
    zones = (*BERLIN, (ms("2026-12-01T00:00"), ZoneInfo("America/New_York")))
    contact_ms = ms("2026-11-10T20:30")
    assert deadline_ms(plan(zones=zones), contact_ms) == ms("2026-11-14T07:00")
    closing = plan(zones=zones, closes_min=(11 * 60,), at_once=True)
    assert deadline_ms(closing, contact_ms) == ms("2026-11-14T12:00")
    # Due in Berlin's night: an hour later it is seven in the evening, in New York.
    assert deadline_ms(plan(zones=zones), ms("2026-11-27T23:00")) == ms("2026-12-01T00:00")


def test_a_window_that_closes_in_the_hour_that_is_skipped_still_closes() -> None:
    # On 28 March 2027 Berlin's clocks go from 02:00 to 03:00.
    due = deadline_ms(plan(days=1, closes_min=(150,), at_once=True), ms("2027-03-26T23:30"))
    assert due is not None
    assert ms("2027-03-28T03:00") <= due <= ms("2027-03-28T04:30")


@given(
    contact_ms=st.integers(ms("2026-11-01T00:00"), ms("2027-11-01T00:00")),
    closes_min=st.sets(st.integers(0, 24 * 60), max_size=3),
    at_once=st.booleans(),
    zone=st.sampled_from(["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia"]),
)
def test_it_is_never_early_never_later_than_two_days_and_in_the_patients_day(
    contact_ms: int, closes_min: set[int], at_once: bool, zone: str
) -> None:
    expectation = Expectation(
        3 * DAY_MS,
        0,
        ((LONG_AGO_MS, ZoneInfo(zone)),),
        tuple(sorted(closes_min)),
        2 * HOUR_MS,
        (),
        at_once,
    )
    due = deadline_ms(expectation, contact_ms)
    assert due is not None
    assert contact_ms + 3 * DAY_MS <= due <= contact_ms + 3 * DAY_MS + 2 * DAY_MS + 3 * HOUR_MS
    local = datetime.fromtimestamp(due / 1000, UTC).astimezone(ZoneInfo(zone))
    assert at_once or timedelta(hours=8) <= timedelta(hours=local.hour) < timedelta(hours=20)


@given(st.lists(st.integers(0, 60 * 24), min_size=2, max_size=20))
def test_a_later_contact_is_never_due_earlier(hours: list[int]) -> None:
    contacts = sorted(ms("2026-11-01T09:00") + hour * HOUR_MS for hour in hours)
    dues = [deadline_ms(plan(closes_min=(11 * 60, 22 * 60)), contact) for contact in contacts]
    assert all(a is not None and b is not None and a <= b for a, b in pairwise(dues))


quarters = st.integers(0, 20 * 24 * 4).map(lambda n: ms("2026-10-20T00:00") + n * QUARTER_MS)
"""Among them the night of 25 October (Berlin) and that of 1 November (Newfoundland)."""


@st.composite
def pauses(draw: st.DrawFn) -> tuple[Pause, ...]:
    times = sorted(draw(st.sets(quarters, max_size=4)))
    found = [Pause(begin, end) for begin, end in zip(times[::2], times[1::2], strict=False)]
    if len(times) % 2 and draw(st.booleans()):
        found.append(Pause(times[-1], None))
    return tuple(found)


@st.composite
def expectations(draw: st.DrawFn) -> Expectation:
    zones = ["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "UTC"]
    moves = draw(st.lists(st.tuples(quarters, st.sampled_from(zones)), max_size=2))
    closes = draw(st.sets(st.sampled_from([0, 5 * 60, 11 * 60, 22 * 60, 24 * 60]), max_size=2))
    return Expectation(
        draw(st.integers(1, 3)) * DAY_MS,
        draw(quarters),
        tuple(
            (from_ms, ZoneInfo(zone))
            for from_ms, zone in sorted([(LONG_AGO_MS, draw(st.sampled_from(zones))), *moves])
        ),
        tuple(sorted(closes)),
        2 * HOUR_MS,
        draw(pauses()),
        draw(st.booleans()),
    )


@settings(max_examples=60)
@given(expectations(), quarters, quarters)
def test_it_is_due_when_a_look_at_each_quarter_of_an_hour_finds_it(
    expected: Expectation, contact_ms: int, now_ms: int
) -> None:
    found = deadline_ms(expected, contact_ms, now_ms)
    assert found == silence_due_ms(expected, contact_ms, now_ms)

"""From a care plan to what is expected; from what was noticed to what a nurse reads."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.engine.absence.expectation import Pause, deadline_ms
from alerts.engine.absence.explained import gateway_transition, patient_transition
from alerts.engine.absence.noticed import Noticed, Open
from alerts.engine.absence.rules import AbsenceRule, absence_rules, expectation, speaking
from alerts.records import TIME_MS_MAX
from alerts.rules.reader import read_book
from schemas import registry
from schemas.alert import Cause
from tests.alerts.engine.absence.silence_book import BOOK

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LONG_AGO_MS = -(2**62)
(RULE,) = absence_rules([read_book("silence.toml", BOOK)])


def test_a_plan_becomes_an_expectation() -> None:
    patient = registry.PatientEntry(
        "p-1",
        "p-1",
        books=["silence"],
        care_plan_from_ms=7,
        schedules=[
            registry.Schedule("blood_pressure", [("06:00", "11:00"), ("22:00", "01:30")], 90),
            registry.Schedule("glucose", [("12:00", "13:00")]),
        ],
        pauses=[registry.Pause(50, None), registry.Pause(10, 20)],
    )
    zones = ((LONG_AGO_MS, ZoneInfo("Europe/Berlin")),)
    found = expectation(patient, RULE, zones)
    assert found.zones == zones
    assert found.absent_for_ms == 3 * DAY_MS
    assert found.from_ms == 7
    assert found.closes_min == (11 * 60, 25 * 60 + 30)
    assert found.grace_ms == 90 * 60_000
    assert found.pauses == (Pause(10, 20), Pause(50, None))
    assert not found.at_once


CLOCKS = ["06:00", "24:00", "6", "06", "0600", "06:00:30", "06:00+02:00", "99:99", "", "9" * 20]
TIMES = st.integers() | st.integers(-(10**18), 10**18) | st.integers(0, 4 * 10**12)
UNTIL_9999_MS = 253_402_214_400_000


@given(
    window=st.tuples(st.sampled_from(CLOCKS), st.sampled_from(CLOCKS)),
    grace_min=st.integers() | st.integers(0, 3000),
    times=st.tuples(TIMES, TIMES, TIMES, TIMES | st.just(UNTIL_9999_MS)),
    contact_ms=st.none() | st.integers(0, TIME_MS_MAX),
)
def test_no_care_plan_stops_the_engine(
    window: tuple[str, str],
    grace_min: int,
    times: tuple[int, int, int, int],
    contact_ms: int | None,
) -> None:
    """A pause until 9999, a window 06-11: an engine that fails at one patient watches none."""
    from_ms, moved_ms, paused_ms, until_ms = times
    patient = registry.PatientEntry(
        "p-1",
        "p-1",
        books=["silence"],
        care_plan_from_ms=from_ms,
        schedules=[registry.Schedule("blood_pressure", [window], grace_min)],
        pauses=[registry.Pause(paused_ms, until_ms)],
    )
    zones = ((LONG_AGO_MS, ZoneInfo("Europe/Berlin")), (moved_ms, ZoneInfo("Asia/Tokyo")))
    due_ms = deadline_ms(expectation(patient, RULE, zones), contact_ms)
    assert due_ms is None or 0 <= due_ms <= TIME_MS_MAX + 30 * DAY_MS


def test_what_nobody_can_read_in_a_plan_is_left_out() -> None:
    windows = [("06", "11"), ("06:00", "11:00:00"), ("17:00", "24:00")]
    patient = registry.PatientEntry(
        "p-1",
        "p-1",
        books=["silence"],
        schedules=[registry.Schedule("blood_pressure", windows, 10**12)],
        pauses=[registry.Pause(50, UNTIL_9999_MS)],
    )
    found = expectation(patient, RULE, ((LONG_AGO_MS, ZoneInfo("UTC")),))
    assert found.closes_min == (24 * 60,)
    assert found.grace_ms == DAY_MS
    assert found.pauses == (Pause(50, None),)


def test_nothing_is_expected_of_a_patient_under_another_book() -> None:
    assert speaking([RULE], ["adult-standard"]) == (None,)
    assert speaking([RULE], ["silence"]) == (RULE,)


def told(book: str, days: int = 3, severity: str = "medium", notify: str = "false") -> AbsenceRule:
    """A rule on the ladder of RULE, in a book of its own."""
    text = BOOK.replace('book = "silence"', f'book = "{book}"')
    text = text.replace('"3d"', f'"{days}d"\nnotify = {notify}')
    text = text.replace('severity = "medium"', f'severity = "{severity}"')
    (rule,) = absence_rules([read_book(f"{book}.toml", text)])
    return rule


def test_two_books_that_miss_the_same_raise_one_alert() -> None:
    """A patient under the book for adults and that of oncology: one task, not two."""
    same = told("other")
    for rules in ([RULE, same], [same, RULE]):
        spoken_by = speaking(rules, ["silence", "other"])
        assert [rule.key for rule in spoken_by if rule] == ["other/bp-silent"]
    assert speaking([RULE, same], ["silence"]) == (RULE, None)


@pytest.mark.parametrize(
    ("other", "alone"),
    [
        (told("other", days=1, severity="high", notify="true"), True),
        (told("other", days=1), True),
        (told("other", days=5), False),
        (told("other", days=1, severity="info"), False),
        (told("other", severity="high"), True),
    ],
)
def test_a_rule_is_silent_where_another_told_it_before_and_as_severely(
    other: AbsenceRule, alone: bool
) -> None:
    assert (speaking([RULE, other], ["silence", "other"]) == (None, other)) is alone


def test_a_rule_that_notifies_at_night_waits_for_none_that_does_not() -> None:
    by_day, at_night = told("a", days=1), told("night", notify="true")
    assert speaking([at_night, by_day], ["night", "a"]) == (at_night, by_day)


@pytest.mark.parametrize(
    ("cause", "gateway", "words"),
    [
        ("not-measured", 1, "nothing was measured"),
        ("not-measured", 0, "nothing is known of a gateway"),
        ("device-silent", 1, "has not heard the device"),
        ("gateway-offline", 1, "gateway in the home is offline"),
        ("pipeline-late", 1, "late"),
    ],
)
def test_the_sentence_says_how_long_and_why(cause: Cause, gateway: int, words: str) -> None:
    absence = Open(10 * DAY_MS, 7 * DAY_MS, cause, gateway)
    found = patient_transition("p-1", RULE, Noticed("onset", 0, 0, absence, 10 * DAY_MS, 0))
    assert "No blood pressure for 3 days" in found.reason
    assert words in found.reason
    assert (found.severity, found.notify, found.cause) == ("medium", False, cause)
    assert (found.ladder, found.rule, found.book) == (
        "absence-blood-pressure",
        "bp-silent",
        "silence",
    )


@pytest.mark.parametrize(
    ("hours", "words"), [(47, "47 h"), (48, "2 days"), (50, "2 days"), (71, "2 days")]
)
def test_from_two_days_on_a_silence_is_told_in_whole_days(hours: int, words: str) -> None:
    absence = Open(10 * DAY_MS, 10 * DAY_MS - hours * HOUR_MS, "not-measured", 1)
    found = patient_transition("p-1", RULE, Noticed("onset", 0, 0, absence, 10 * DAY_MS, 0))
    assert found.reason.startswith(f"No blood pressure for {words};")


def test_the_end_belongs_to_the_alert_of_its_beginning() -> None:
    absence = Open(10 * DAY_MS, 7 * DAY_MS, "not-measured", 0)
    onset = patient_transition("p-1", RULE, Noticed("onset", 0, 0, absence, 10 * DAY_MS, 0))
    end = patient_transition("p-1", RULE, Noticed("returned", 0, 0, absence, 11 * DAY_MS, 3, 0))
    assert onset.alert_id == end.alert_id
    assert onset.event_id != end.event_id


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        (0, "The patient has measured blood pressure again, or tried to"),
        (-1, "The care plan was changed: by now no blood pressure is overdue"),
    ],
)
def test_the_end_says_whether_a_reading_or_the_plan_ended_it(place: int, sentence: str) -> None:
    absence = Open(10 * DAY_MS, 7 * DAY_MS, "not-measured", 0)
    end = Noticed("returned", 0, 0, absence, 11 * DAY_MS, 3, place)
    assert patient_transition("p-1", RULE, end).reason == sentence


def test_a_gateways_alert_is_about_the_gateway_and_about_nobody() -> None:
    away = Open(9 * DAY_MS, 7 * DAY_MS, "gateway-offline", 1)
    found = gateway_transition("home-7", Noticed("onset", -1, -1, away, 10 * DAY_MS, 0))
    assert (found.patient_id, found.subject) == ("", "gateway/home-7")
    assert not found.notify, "it is work, like the silence that it explains"
    assert "24 h" in found.reason
    back = gateway_transition("home-7", Noticed("returned", -1, -1, away, 12 * DAY_MS, 0))
    assert back.alert_id == found.alert_id
    assert "back after 3 days" in back.reason

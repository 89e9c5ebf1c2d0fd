"""Several alerts, patients and reads at once: what one says of the other, and what it must not."""

import time

import pytest

from alerts.desk.fold import Desk
from alerts.desk.staffing import Staffing
from schemas.alert import Action
from schemas.rota import RotaEntry, Shift
from tests.alert_records import acknowledgement, transition
from tests.alerts.desk.cases import case_of
from tests.alerts.desk.stories import acknowledged
from tests.alerts.desk.virtual_desk import (
    ALWAYS,
    HOUR_MS,
    MINUTE_MS,
    MONDAY_MS,
    NIGHT_MS,
    VirtualDesk,
)

DAY_MS = 24 * HOUR_MS


def reasons(desk: VirtualDesk, alert_id: str) -> list[str]:
    return [
        one.reason or ""
        for one in desk.log
        if isinstance(one, Action)
        and one.alert_ids == [alert_id]
        and one.kind in ("notify", "withhold")
    ]


# -- one record ------------------------------------------------------------------------------------


def test_two_patients_in_the_same_millisecond_are_told_of_both() -> None:
    desk = VirtualDesk()
    desk.find("1", alert_id="a", patient_id="p")
    desk.find("2", alert_id="b", patient_id="q")
    desk.find("3", alert_id="c", severity="high", patient_id="", subject="gateway/7")
    desk.find("4", alert_id="d", severity="high", patient_id="", subject="gateway/8")
    desk.after(1_000)
    assert [reasons(desk, name) for name in "abcd"] == [["onset"]] * 4


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("critical", "high", ["attached"]),
        ("critical", "critical", ["attached"]),
        ("high", "critical", ["onset"]),  # it is worse than what was told
    ],
)
def test_a_record_whose_events_come_in_two_reads_notifies_as_one(
    first: str, second: str, expected: list[str]
) -> None:
    desk = VirtualDesk()
    at_ms = desk.now_ms
    desk.find("1", severity=first, alert_id="a", patient_id="p")
    desk.after(1_000)
    desk.find("2", severity=second, alert_id="b", patient_id="p", at_ms=at_ms)
    desk.after(1_000)
    assert reasons(desk, "a") == ["onset"]
    assert reasons(desk, "b") == expected
    desk.find("3", severity=second, alert_id="c", patient_id="p")
    desk.after(1_000)
    assert reasons(desk, "c") == ["onset"], "another record is another matter"


def test_the_most_severe_of_a_record_is_told_whatever_its_place() -> None:
    """By what the alert weighs, not by the event: one that eased is critical until answered."""
    desk = VirtualDesk()
    desk.find("1", severity="high", alert_id="a", patient_id="p")
    desk.find("2", severity="critical", alert_id="b", patient_id="p")
    desk.find("3", severity="critical", alert_id="c", patient_id="p")
    desk.after(1_000)
    assert [reasons(desk, name) for name in "abc"] == [["attached"], ["onset"], ["attached"]]


def test_older_records_of_a_patient_are_decided_first() -> None:
    desk = VirtualDesk()
    desk.find("2", alert_id="b", patient_id="p", at_ms=desk.now_ms)
    desk.find("1", alert_id="a", patient_id="p", at_ms=desk.now_ms - 5_000)
    desk.now_ms += 250
    assert [one.alert_ids for one in desk.core.decide(desk.now_ms)] == [["a"]]


def test_a_notice_speaks_of_the_patients_other_alerts_that_wait() -> None:
    desk = VirtualDesk(rota=ALWAYS)
    desk.find("1", alert_id="a", patient_id="p")
    desk.find("2", alert_id="b", patient_id="p", severity="high")
    desk.find("3", alert_id="c", patient_id="q", severity="high")
    desk.find("4", "repeat-asked", "high", alert_id="d", patient_id="p")
    desk.find("5", alert_id="e", patient_id="p", severity="info")
    desk.find("6", alert_id="f", patient_id="p", severity="high")
    desk.do("acknowledge", "f")
    desk.after(1_000)
    (_, page), *_ = desk.delivered
    assert page.alert_ids == ["a"]
    assert [case.alert_id for case in desk.core.companions(page)] == ["b"]
    desk.do("acknowledge", "b")
    assert desk.core.companions(page) == []


# -- one after the other ---------------------------------------------------------------------------


def test_a_cool_down_runs_from_the_last_notification_of_the_whole_ladder() -> None:
    desk = VirtualDesk(rota=ALWAYS)
    fields = {"severity": "high", "patient_id": "p", "cooldown_ms": DAY_MS}
    for number, (name, hours) in enumerate([("a", 25), ("b", 23), ("c", 0)]):
        desk.find(f"{number}", alert_id=name, **fields)
        desk.after(1_000)
        if name != "c":
            desk.do("resolve", name, outcome="advised")
            desk.find(f"{number}-back", "returned", "high", alert_id=name, patient_id="p")
        desk.after(hours * HOUR_MS)
    assert [reasons(desk, name) for name in "abc"] == [["onset"], ["onset"], ["cool-down"]]


def test_another_ladder_does_not_cool_down_with_it() -> None:
    desk = VirtualDesk(rota=ALWAYS)
    desk.find("1", severity="high", alert_id="a", patient_id="p", cooldown_ms=DAY_MS)
    desk.after(HOUR_MS)
    fields = {"severity": "high", "patient_id": "p", "cooldown_ms": DAY_MS}
    desk.find("2", alert_id="b", ladder="glucose-high", **fields)
    desk.after(1_000)
    assert reasons(desk, "b") == ["onset"]


def test_a_worse_alert_of_the_ladder_breaks_the_cool_down_and_an_equal_one_does_not() -> None:
    for severity, expected in (("critical", "recurred"), ("high", "cool-down")):
        desk = VirtualDesk(rota=ALWAYS)
        desk.find("1", severity="high", alert_id="a", patient_id="p", cooldown_ms=DAY_MS)
        desk.after(MINUTE_MS)
        desk.find("2", "returned", "high", alert_id="a", patient_id="p")
        desk.find("3", severity=severity, alert_id="b", patient_id="p", cooldown_ms=DAY_MS)
        desk.after(1_000)
        assert reasons(desk, "b")[0] == expected


def test_trouble_is_reported_once_a_day_however_many_alerts_meet_it() -> None:
    desk = VirtualDesk(rota=RotaEntry("home"))
    desk.find("1", alert_id="a", patient_id="p")
    desk.find("2", alert_id="b", patient_id="q")
    desk.after(1_000)
    assert desk.said("technical") == [("technical", "")]
    desk.after(6 * MINUTE_MS)
    assert desk.said("technical") == [("technical", "")]


def test_what_came_after_an_acknowledgement_is_why_it_expires() -> None:
    def expired(*events: tuple[str, str]) -> list[tuple[str, str]]:
        desk = VirtualDesk()
        acknowledged(desk)
        for number, (event, severity) in enumerate(events):
            desk.after(MINUTE_MS)
            desk.find(f"later-{number}", event, severity)
        desk.after(61 * MINUTE_MS)
        return desk.said("expire")[:1]

    assert expired() == [("expire", "no-reading")]
    assert expired(("again", "critical")) == [("expire", "no-outcome")]
    assert expired(("returned", "critical")) == [("expire", "no-outcome")]
    at_once = VirtualDesk()
    at_once.find("1")
    at_once.do("acknowledge")  # in the very millisecond: nothing came after it
    at_once.after(61 * MINUTE_MS)
    assert at_once.said("expire") == [("expire", "no-reading")]


def test_whoever_is_told_of_a_list_or_a_retraction_is_told_outside_the_chain() -> None:
    desk = VirtualDesk(rota=ALWAYS)
    desk.find("1", alert_id="a", severity="medium")
    desk.find("2", alert_id="b")
    desk.after(6 * MINUTE_MS)
    desk.find("3", "retracted", alert_id="b")
    desk.after(HOUR_MS)
    steps = [(one.reason, one.step) for _, one in desk.delivered]
    assert steps == [("onset", 0), ("escalation", 1), ("retracted", 0), ("listed", 0)]


# -- one card --------------------------------------------------------------------------------------


def test_a_graver_task_before_the_alert_silences_no_grave_match_after_it() -> None:
    """What was only asked about has told nobody."""
    desk = VirtualDesk()
    desk.find("1", "repeat-asked", "critical")
    desk.find("2", severity="high")
    desk.after(MINUTE_MS)
    desk.do("acknowledge")
    desk.find("3", "again", "critical")
    desk.after(MINUTE_MS)
    assert reasons(desk, "a")[-1] == "recurred"


def test_a_task_beside_an_alert_does_not_say_how_severe_it_is() -> None:
    beside = transition("2", "repeat-asked", "critical", at_ms=1)
    assert case_of(transition("1", severity="high"), beside).severity == "high"
    answered = case_of(transition("1", severity="high"), acknowledgement("1"), beside)
    assert answered.severity == "high"


def test_notes_are_those_that_somebody_wrote_as_such() -> None:
    def said(kind: str, name: str, note: str) -> Action:
        return Action(name, ["a"], kind, "Anna", 5, "p", note=note, event_ids=["1"])  # type: ignore[arg-type]

    note, empty = said("note", "n", "called"), said("note", "m", "")
    case = case_of(transition("1"), note, empty, said("shelve", "s", "in hospital"))
    assert case.notes == (note,)


def test_whether_an_action_answers_by_itself() -> None:
    desk = Desk()
    answer, note = acknowledgement("1", at_ms=1), Action("n", ["a"], "note", "Anna", 2, "p")
    assert not desk.answered_by("a", answer), "nothing is known of it"
    desk.done(answer)
    assert not desk.answered_by("a", answer), "not what it answers"
    desk.found(transition("1"))
    assert desk.answered_by("a", answer)
    assert not desk.answered_by("a", note)
    desk.found(transition("2", "worsened", at_ms=3))
    assert not desk.answered_by("a", answer)


# -- reasons ---------------------------------------------------------------------------------------


def test_a_step_up_is_told_though_another_alert_of_the_ladder_was_as_severe() -> None:
    desk = VirtualDesk(rota=ALWAYS)
    fields = {"patient_id": "p", "cooldown_ms": DAY_MS}
    desk.find("1", alert_id="a", severity="critical", **fields)
    desk.after(MINUTE_MS)
    desk.do("resolve", "a", outcome="advised")
    desk.find("2", "returned", "critical", alert_id="a", patient_id="p")
    desk.find("3", alert_id="b", severity="high", **fields)
    desk.after(MINUTE_MS)
    assert reasons(desk, "b") == ["cool-down"]
    desk.find("4", "worsened", "critical", alert_id="b", **fields)
    desk.after(1_000)
    assert reasons(desk, "b")[1] == "worsened"


def test_what_holds_already_as_its_rule_comes_is_work_whatever_it_is_called() -> None:
    desk = VirtualDesk()
    desk.find("1", marks=["standing"])
    desk.after(6 * MINUTE_MS)
    assert desk.said("notify", "withhold") == [("withhold", "work-list")]


def test_a_confirmation_of_what_was_paged_already_tells_nobody_again() -> None:
    desk = VirtualDesk()
    by_ms = desk.now_ms + 10 * MINUTE_MS
    desk.find("1", marks=["awaiting-confirmation"], confirm_by_ms=by_ms)
    desk.after(12 * MINUTE_MS)
    assert [reason for _, reason, _ in desk.told()] == ["confirmed"]
    desk.find("2", "confirmed")
    desk.after(MINUTE_MS)
    assert reasons(desk, "a")[-1] == "attached"
    assert len(desk.told()) == 1


def test_that_it_was_taken_back_begins_no_cool_down() -> None:
    desk = VirtualDesk(rota=ALWAYS)
    trend = {"severity": "high", "patient_id": "p", "cooldown_ms": DAY_MS}
    desk.find("1", alert_id="a", **trend)
    desk.after(MINUTE_MS)
    desk.do("acknowledge", "a")
    desk.after(7 * HOUR_MS)
    desk.find("2", "retracted", alert_id="a", **trend)
    desk.after(HOUR_MS)
    desk.find("3", alert_id="b", **trend)
    desk.after(DAY_MS - 8 * HOUR_MS)
    assert [reason for _, reason, _ in desk.told()] == ["onset", "retracted", "onset"]


def test_a_cool_down_is_over_in_its_last_millisecond() -> None:
    desk = VirtualDesk(rota=ALWAYS)
    fields = {"severity": "high", "patient_id": "p", "cooldown_ms": HOUR_MS}
    desk.find("1", alert_id="a", **fields)
    desk.after(250)
    desk.do("resolve", "a", outcome="advised")
    desk.find("2", "returned", "high", alert_id="a", patient_id="p")
    desk.after(HOUR_MS - 250)
    desk.find("3", alert_id="b", **fields)
    desk.after(250)
    assert reasons(desk, "b") == ["onset"]


def test_an_acknowledgement_that_led_to_nothing_is_reminded_of_after_the_return_too() -> None:
    """Once: then escalation stops, and the card stays until a person closes it."""
    desk = VirtualDesk()
    acknowledged(desk)
    desk.find("2", "returned")
    desk.after(5 * HOUR_MS)
    assert [reason for _, reason, _ in desk.told()] == ["onset", "reminder"]
    assert not desk.case().settled


def test_a_shelf_that_ends_at_night_waits_for_the_shift_and_is_not_forgotten() -> None:
    desk = VirtualDesk(MONDAY_MS + 18 * HOUR_MS)
    desk.find("1", severity="high")
    desk.after(MINUTE_MS)
    desk.do("shelve", note="asleep", until_ms=NIGHT_MS)
    desk.until(NIGHT_MS)
    assert reasons(desk, "a") == ["onset", "off-hours"]
    desk.until(MONDAY_MS + 31 * HOUR_MS)
    assert [(reason, people) for _, reason, people in desk.told()] == [
        ("onset", ["nurse"]),
        ("shelf-ended", ["nurse"]),
    ]


def test_what_recurs_at_night_is_said_to_recur_in_the_morning() -> None:
    desk = VirtualDesk(MONDAY_MS + 18 * HOUR_MS)
    desk.find("1", severity="high")
    desk.until(NIGHT_MS)
    desk.find("2", "returned", "high")
    desk.find("3", severity="high", alert_id="b", patient_id="patient-of-a")
    desk.until(MONDAY_MS + 31 * HOUR_MS)
    assert reasons(desk, "b") == ["off-hours", "recurred"]


def test_a_step_up_after_a_shelf_that_ended_is_said_to_be_one_in_the_morning() -> None:
    desk = VirtualDesk(NIGHT_MS)
    desk.find("1", severity="medium")
    desk.do("shelve", note="asleep", until_ms=desk.now_ms + HOUR_MS)
    desk.after(2 * HOUR_MS)
    desk.find("2", "worsened", "high")
    desk.until(MONDAY_MS + 31 * HOUR_MS)
    assert reasons(desk, "a")[-2:] == ["off-hours", "worsened"]


def test_a_rule_that_notifies_nobody_never_does() -> None:
    desk = VirtualDesk()
    desk.find("1", notify=False)
    desk.after(6 * HOUR_MS)
    assert desk.told() == []
    assert desk.core.due_ms() is None


def test_an_unknown_zone_is_utc_wherever_the_machine_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        lost = Staffing(RotaEntry("p", zone="nowhere", shifts=[Shift("07:00", "19:00", ["day"])]))
        assert lost.is_staffed(MONDAY_MS + 18 * HOUR_MS)
        assert not lost.is_staffed(MONDAY_MS + 19 * HOUR_MS)
    finally:
        monkeypatch.undo()
        time.tzset()

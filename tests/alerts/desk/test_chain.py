"""What becomes of an alert that nobody answers, that somebody answers, or that ends by itself."""

import pytest

from schemas.alert import Event
from schemas.rota import RotaEntry
from tests.alerts.desk.stories import (
    DAY_MS,
    acknowledged,
    cooling,
    one_record,
    shelved,
)
from tests.alerts.desk.virtual_desk import (
    DAY_SHIFT_MS,
    HOUR_MS,
    MINUTE_MS,
    MONDAY_MS,
    NIGHT_MS,
    NOBODY,
    ROTA,
    VirtualDesk,
)


def test_a_critical_alert_goes_round_the_chain_until_acknowledged() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.after(16 * MINUTE_MS)
    assert desk.told() == [
        (0, "onset", ["nurse"]),
        (300, "escalation", ["second"]),
        (600, "escalation", ["chief"]),
        (900, "escalation", ["nurse"]),
    ]
    desk.do("acknowledge")
    desk.after(40 * MINUTE_MS)
    assert len(desk.told()) == 4


def test_a_critical_alert_pages_at_night() -> None:
    desk = VirtualDesk(NIGHT_MS)
    desk.find("1")
    desk.after(6 * MINUTE_MS)
    assert [people for _, _, people in desk.told()] == [["night"], ["night-second"]]


def test_a_high_alert_waits_for_the_next_shift_and_escalates_in_staffed_time() -> None:
    desk = VirtualDesk(NIGHT_MS)
    desk.find("1", severity="high")
    desk.after(DAY_MS)
    morning_s = (MONDAY_MS + 31 * HOUR_MS - NIGHT_MS) // 1000
    assert desk.said("withhold") == [("withhold", "off-hours")]
    assert desk.told()[:3] == [
        (morning_s, "onset", ["nurse"]),
        (morning_s + 15 * 60, "escalation", ["second"]),
        (morning_s + 30 * 60, "escalation", ["chief"]),
    ]


def test_a_high_alert_at_the_end_of_a_shift_escalates_in_the_next() -> None:
    evening_ms = MONDAY_MS + 19 * HOUR_MS - 5 * MINUTE_MS
    desk = VirtualDesk(evening_ms)
    desk.find("1", severity="high")
    desk.after(13 * HOUR_MS)
    night_and_rest_s = (12 * HOUR_MS + 15 * MINUTE_MS) // 1000
    assert desk.told()[:2] == [
        (0, "onset", ["nurse"]),
        (night_and_rest_s, "escalation", ["second"]),
    ]


def test_a_medium_alert_is_listed_to_the_shift_lead_once() -> None:
    desk = VirtualDesk()
    desk.find("1", severity="medium")
    desk.after(5 * HOUR_MS)
    assert desk.told() == [(30 * 60, "listed", ["lead"])]


def test_an_empty_step_is_passed_over_at_once_and_reported() -> None:
    shift = ROTA.shifts[0]
    rota = RotaEntry(
        "home",
        shifts=[type(shift)("07:00", "19:00", [], ["second"])],
        programme_lead=["chief"],
        technical=["technician"],
    )
    desk = VirtualDesk(rota=rota)
    desk.find("1")
    desk.after(1_000)
    assert desk.told() == [(0, "onset", ["second"]), (0, "onset", ["technician"])]
    technical = next(case for case in desk.core.desk.cases() if case.alert_id != "a")
    assert (technical.severity, technical.demand.title) == ("high", "Nobody is on the rota")


@pytest.mark.parametrize("rota", [NOBODY, None])
def test_without_any_rota_the_desk_says_so_and_tries_again(rota: RotaEntry | None) -> None:
    desk = VirtualDesk(rota=rota)
    desk.find("1")
    desk.after(11 * MINUTE_MS)
    assert desk.told() == []
    assert desk.said("technical") == [("technical", "")]
    assert [reason for _, reason in desk.said("notify")].count("escalation") >= 2
    desk.core.put_rota(ROTA)
    desk.after(1_000)
    assert [people for _, _, people in desk.told()] == [["nurse"], ["technician"]]


def test_a_notice_that_no_channel_takes_goes_to_the_next_at_once_and_is_reported() -> None:
    desk = VirtualDesk(reaches=lambda notice: notice.to != ["nurse"])
    desk.find("1")
    desk.after(2_000)
    people = [people for _, _, people in desk.told()]
    assert people == [["nurse"], ["second"], ["technician"]]
    assert desk.told()[1][0] == 0


def test_acknowledging_a_critical_alert_expires_without_an_outcome() -> None:
    desk = VirtualDesk()
    acknowledged(desk)
    desk.after(61 * MINUTE_MS)
    assert desk.said("expire") == [("expire", "no-reading")]
    assert desk.case().attention == "unacknowledged"
    assert desk.told()[1:] == [(3660, "reminder", ["nurse"])]


def test_acknowledging_a_high_alert_expires_after_eight_staffed_hours() -> None:
    desk = VirtualDesk(MONDAY_MS + 17 * HOUR_MS)
    desk.find("1", severity="high")
    desk.after(MINUTE_MS)
    desk.do("acknowledge")
    desk.until(MONDAY_MS + 31 * HOUR_MS)  # from 17:01 on the first two hours, then the night
    assert desk.said("expire") == []
    desk.until(MONDAY_MS + 37 * HOUR_MS + 2 * MINUTE_MS)
    assert desk.said("expire") == [("expire", "no-reading")]


def test_what_is_closed_with_an_outcome_is_quiet() -> None:
    desk = VirtualDesk()
    acknowledged(desk)
    desk.do("resolve", outcome="advised")
    desk.after(DAY_MS)
    assert len(desk.told()) == 1
    assert desk.case().settled


def test_an_acknowledgement_can_be_undone_and_the_chain_goes_on() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.after(MINUTE_MS)
    slip = desk.do("acknowledge")
    desk.after(MINUTE_MS)
    desk.do("undo", answers=slip.action_id)
    desk.after(4 * MINUTE_MS)
    assert desk.told() == [(0, "onset", ["nurse"]), (300, "escalation", ["second"])]


@pytest.mark.parametrize(
    ("severity", "reason"), [("critical", "onset"), ("high", "onset"), ("medium", "listed")]
)
def test_an_answer_quicker_than_the_desk_that_is_taken_back_leaves_nobody_untold(
    severity: str, reason: str
) -> None:
    """Acknowledged within a quarter of a second, then undone: the desk had told nobody."""
    desk = VirtualDesk()
    desk.find("1", severity=severity)
    answer = desk.do("acknowledge")
    desk.after(MINUTE_MS)
    assert desk.delivered == []
    desk.do("undo", answers=answer.action_id)
    desk.after(40 * MINUTE_MS)
    assert desk.delivered[0][1].reason == reason


def test_returned_before_acknowledged_one_more_step_and_the_card_stays() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.after(2 * MINUTE_MS)
    desk.find("2", "returned")
    desk.after(3 * HOUR_MS)
    assert [reason for _, reason, _ in desk.told()] == ["onset", "escalation"]
    case = desk.case()
    assert (case.attention, case.condition, case.settled) == ("unacknowledged", "returned", False)


@pytest.mark.parametrize(
    ("unreachable", "told"),
    [
        (["second"], ["nurse", "second", "chief"]),
        (["second", "chief"], ["nurse", "second", "chief", "nurse"]),
        (["nurse", "second", "chief"], ["nurse", "second", "chief"] * 2),  # and that is enough
    ],
)
def test_the_step_after_the_return_is_one_that_reaches_somebody(
    unreachable: list[str], told: list[str]
) -> None:
    desk = VirtualDesk(reaches=lambda notice: not set(notice.to) <= set(unreachable))
    desk.find("1")
    desk.after(1_000)
    desk.find("2", "returned")
    desk.after(HOUR_MS)
    notices = [notice for _, notice in desk.delivered if notice.alert_ids == ["a"]]
    assert [name for notice in notices for name in notice.to] == told


def test_return_never_closes_what_was_critical() -> None:
    desk = VirtualDesk()
    acknowledged(desk)
    desk.find("2", "eased", "high")
    desk.find("3", "returned", "high")
    desk.after(1_000)
    assert not desk.case().settled
    desk.do("resolve", outcome="advised")
    assert desk.case().settled


def test_a_shelf_of_a_critical_alert_ends_after_eight_hours_and_tells_again() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.after(MINUTE_MS)
    desk.do("shelve", note="in hospital", until_ms=desk.now_ms + 3 * DAY_MS)
    assert desk.case().attention == "shelved"
    desk.after(8 * HOUR_MS + MINUTE_MS)
    assert desk.said("expire") == [("expire", "shelf-ended")]
    assert desk.told()[1] == (60 + 8 * 3600, "shelf-ended", ["nurse"])


def test_a_shelf_that_ends_after_the_return_is_silent() -> None:
    desk = VirtualDesk()
    shelved(desk)
    desk.find("2", "returned")
    desk.after(DAY_MS)
    assert len(desk.told()) == 1
    assert desk.case().attention == "unacknowledged"


@pytest.mark.parametrize(
    ("event", "end"),
    [("stale", None), ("inactive", None), ("onset", "not-confirmed"), ("onset", "retracted")],
)
def test_a_task_or_what_is_over_comes_back_to_the_list_when_its_shelf_ends(
    event: Event, end: Event | None
) -> None:
    desk = VirtualDesk()
    waits = {"marks": ["awaiting-confirmation"], "confirm_by_ms": desk.now_ms + 10 * MINUTE_MS}
    desk.find("1", event, "high", **(waits if end == "not-confirmed" else {}))
    desk.after(MINUTE_MS)
    desk.do("shelve", note="tomorrow", until_ms=desk.now_ms + HOUR_MS)
    if end is not None:
        desk.find("2", end, "high")
    desk.after(MINUTE_MS)
    told = len(desk.told())
    assert desk.case().attention == "shelved"
    desk.after(HOUR_MS)
    assert desk.case().attention == "unacknowledged"
    assert not desk.case().settled
    assert len(desk.told()) == told, "nobody is called for it"


def test_a_cool_down_delays_and_never_discards() -> None:
    desk = VirtualDesk()
    cooling()(desk)
    desk.after(MINUTE_MS)
    desk.find("4", "returned", "high", alert_id="b", patient_id="patient-of-a")
    desk.after(DAY_MS)
    assert desk.told()[:2] == [(0, "onset", ["nurse"]), (86_400, "onset", ["nurse"])]


def test_what_nobody_confirms_pages_even_if_the_engine_is_silent() -> None:
    desk = VirtualDesk()
    by_ms = desk.now_ms + 10 * MINUTE_MS
    desk.find("1", marks=["awaiting-confirmation"], confirm_by_ms=by_ms)
    desk.after(10 * MINUTE_MS)
    assert desk.told() == []
    desk.after(2 * MINUTE_MS)
    assert [reason for _, reason, _ in desk.told()] == ["confirmed"]


def test_of_two_that_are_confirmed_at_once_one_is_told_and_the_other_escalates_in_time() -> None:
    desk = VirtualDesk()
    waiting = {"marks": ["awaiting-confirmation"], "confirm_by_ms": desk.now_ms + 10 * MINUTE_MS}
    for number, alert_id in enumerate("ab"):
        desk.find(f"{number}", alert_id=alert_id, patient_id="p", **waiting)
    desk.after(MINUTE_MS)
    for number, alert_id in enumerate("ab"):
        desk.find(f"{number}-confirmed", "confirmed", alert_id=alert_id, patient_id="p")
    desk.after(MINUTE_MS)
    desk.do("acknowledge", "a")
    desk.after(10 * MINUTE_MS)
    assert [
        (at_s, reason, notice.alert_ids)
        for (at_s, reason, _), (_, notice) in zip(desk.told(), desk.delivered, strict=True)
    ] == [
        (60, "confirmed", ["a"]),
        (360, "escalation", ["b"]),
        (660, "escalation", ["b"]),
    ]


def test_what_a_repeat_contradicts_is_a_task_and_pages_nobody() -> None:
    desk = VirtualDesk()
    desk.find("1", marks=["awaiting-confirmation"], confirm_by_ms=desk.now_ms + 10 * MINUTE_MS)
    desk.after(MINUTE_MS)
    desk.find("2", "not-confirmed")
    desk.after(DAY_MS)
    assert desk.told() == []
    assert desk.case().kind == "work"


def test_whoever_was_told_is_told_of_a_retraction() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.after(6 * MINUTE_MS)
    desk.find("2", "retracted")
    desk.after(HOUR_MS)
    assert desk.told()[2:] == [(360, "retracted", ["nurse", "second"])]
    assert not desk.case().settled
    desk.do("acknowledge")
    assert desk.case().settled


def test_it_is_told_though_the_alert_was_over_and_a_person_has_closed_it() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.after(MINUTE_MS)
    desk.find("2", "returned")
    desk.do("resolve", outcome="advised")
    desk.after(DAY_MS)
    desk.find("3", "retracted")
    desk.after(HOUR_MS)
    assert [(reason, to) for _, reason, to in desk.told()] == [
        ("onset", ["nurse"]),
        ("retracted", ["nurse"]),
    ]


def test_a_second_retraction_is_told_too() -> None:
    """The reading came back to its patient, and went away once more."""
    desk = VirtualDesk()
    for number, event in enumerate(["onset", "retracted"] * 2):
        desk.find(str(number), event)
        desk.after(MINUTE_MS)
    assert [reason for _, reason, _ in desk.told()] == ["onset", "retracted"] * 2


def test_alerts_of_a_rule_that_is_gone_close() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.after(MINUTE_MS)
    desk.find("2", "retired")
    desk.after(HOUR_MS)
    assert desk.case().settled
    assert len(desk.told()) == 1


def test_one_whose_rule_comes_back_calls_anew_until_somebody_answers() -> None:
    """Whoever had answered had nothing left to do when it closed."""
    desk = VirtualDesk()
    desk.find("1")
    desk.after(MINUTE_MS)
    desk.do("acknowledge")
    desk.find("2", "retired")
    desk.after(MINUTE_MS)
    desk.find("3", "onset")
    desk.after(6 * MINUTE_MS)
    assert [(reason, people) for _, reason, people in desk.told()] == [
        ("onset", ["nurse"]),
        ("onset", ["nurse"]),
        ("escalation", ["second"]),
    ]
    assert (desk.case().attention, desk.case().condition) == ("unacknowledged", "active")


def test_an_attached_alert_keeps_its_own_attention_and_escalates() -> None:
    desk = VirtualDesk()
    one_record(("a", "onset", "critical"), ("b", "onset", "critical"))(desk)
    desk.after(MINUTE_MS)
    desk.do("acknowledge", "a")
    desk.after(5 * MINUTE_MS)
    assert [(reason, people) for _, reason, people in desk.told()] == [
        ("onset", ["nurse"]),
        ("escalation", ["second"]),
    ]


def test_technical_alerts_go_to_the_technical_chain_at_night_too() -> None:
    desk = VirtualDesk(NIGHT_MS)
    desk.find("1", severity="high", patient_id="", subject="gateway/7")
    desk.after(1_000)
    assert desk.told() == [(0, "onset", ["technician"])]


def test_after_an_outage_what_still_holds_is_told_once_for_each_alert() -> None:
    desk = VirtualDesk()
    desk.find("1", severity="high", at_ms=DAY_SHIFT_MS - 2 * HOUR_MS)
    desk.find("2", "worsened", at_ms=DAY_SHIFT_MS - HOUR_MS)
    desk.find("3", "again", at_ms=DAY_SHIFT_MS - HOUR_MS // 2)
    desk.after(MINUTE_MS)
    assert [reason for _, reason, _ in desk.told()] == ["worsened"]
    assert {one for _, one in desk.said("withhold")} == {"attached"}

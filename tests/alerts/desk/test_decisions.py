"""Every decision of the desk with its reason, by tables."""

import pytest

from alerts.desk.calls import Desktop, tell
from alerts.desk.core import HELD_BACK_MS
from alerts.desk.staffing import Staffing
from alerts.desk.triage import GATHER_MS
from tests.alerts.desk.stories import (
    Story,
    acknowledged,
    cooling,
    one_record,
    recurred_after,
    shelved,
)
from tests.alerts.desk.virtual_desk import (
    ALWAYS,
    HOUR_MS,
    MINUTE_MS,
    ROTA,
    VirtualDesk,
)

CASES: dict[str, tuple[Story, list[tuple[str, str]]]] = {
    "sent: onset": (lambda desk: desk.find("1"), [("notify", "onset")]),
    "sent: worsened": (
        lambda desk: (
            desk.find("1", severity="high"),
            desk.after(1000),
            desk.find("2", "worsened"),
        ),
        [("notify", "onset"), ("notify", "worsened")],
    ),
    "sent: recurred, 30 min after the last notification": (
        recurred_after(30),
        [("notify", "onset"), ("notify", "recurred")],
    ),
    "withheld: attached, within 30 min of it": (
        recurred_after(28),
        [("notify", "onset"), ("withhold", "attached")],
    ),
    "withheld: attached, for what is not critical however late": (
        recurred_after(90, "high"),
        [("notify", "onset"), ("withhold", "attached")],
    ),
    "withheld: attached, for a reading that is not critical itself": (
        lambda desk: (
            acknowledged(desk),
            desk.after(31 * MINUTE_MS),
            desk.find("2", "again", matched="medium"),
        ),
        [("notify", "onset"), ("withhold", "attached")],
    ),
    "sent: recurred, after return": (
        lambda desk: (
            acknowledged(desk),
            desk.find("2", "returned"),
            desk.find("3", alert_id="b", patient_id="patient-of-a"),
        ),
        [("notify", "onset"), ("notify", "recurred")],
    ),
    "sent: onset, after what never was": (
        lambda desk: (
            desk.find("1"),
            desk.after(MINUTE_MS),
            desk.find("2", "retracted"),
            desk.find("3", alert_id="b", patient_id="patient-of-a"),
        ),
        [("notify", "onset"), ("notify", "retracted"), ("notify", "onset")],
    ),
    "sent: onset, after what its repeat contradicted": (
        lambda desk: (
            desk.find("1", marks=["awaiting-confirmation"]),
            desk.after(MINUTE_MS),
            desk.find("2", "not-confirmed"),
            desk.find("3", alert_id="b", patient_id="patient-of-a"),
        ),
        [("withhold", "awaiting-confirmation"), ("notify", "onset")],
    ),
    "sent: onset, of what was reopened before anybody was told": (
        lambda desk: (
            desk.find("1", marks=["awaiting-confirmation"]),
            desk.after(MINUTE_MS),
            desk.find("2", "not-confirmed"),
            desk.after(MINUTE_MS),
            desk.find("3", "reopened"),
        ),
        [("withhold", "awaiting-confirmation"), ("notify", "onset")],
    ),
    "sent: recurred, of what was reopened after somebody had answered": (
        lambda desk: (
            acknowledged(desk),
            desk.find("2", "returned"),
            desk.after(MINUTE_MS),
            desk.find("3", "reopened"),
        ),
        [("notify", "onset"), ("notify", "recurred")],
    ),
    "withheld: what was ended by mistake, long ago": (
        lambda desk: desk.find("1", "wrongly-ended", "medium"),
        [("withhold", "work-list")],
    ),
    "withheld: shelved": (
        lambda desk: (shelved(desk), desk.after(HOUR_MS), desk.find("2", "again")),
        [("notify", "onset"), ("withhold", "shelved")],
    ),
    "sent: worsened breaks a shelf": (
        lambda desk: (
            desk.find("1", severity="high"),
            desk.after(1000),
            desk.do("shelve", note="known", until_ms=desk.now_ms + HOUR_MS),
            desk.find("2", "worsened"),
        ),
        [("notify", "onset"), ("notify", "worsened")],
    ),
    "withheld: cool-down, which survives return": (
        cooling(),
        [("notify", "onset"), ("withhold", "cool-down")],
    ),
    "sent: worsened breaks a cool-down": (
        cooling(
            lambda desk: (
                desk.after(1000),
                desk.find("4", "worsened", alert_id="b", patient_id="patient-of-a"),
            )
        ),
        [("notify", "onset"), ("withhold", "cool-down"), ("notify", "worsened")],
    ),
    "withheld: stale": (lambda desk: desk.find("1", "stale", "medium"), [("withhold", "stale")]),
    "withheld: resolved before seen": (
        lambda desk: desk.find("1", "resolved-before-seen", "medium"),
        [("withhold", "resolved-before-seen")],
    ),
    "withheld: ended before the desk saw it": (
        lambda desk: (desk.find("1"), desk.find("2", "returned")),
        [("withhold", "resolved-before-seen")],
    ),
    "withheld: awaiting confirmation": (
        lambda desk: desk.find(
            "1", marks=["awaiting-confirmation"], confirm_by_ms=desk.now_ms + 10 * MINUTE_MS
        ),
        [("withhold", "awaiting-confirmation")],
    ),
    "sent: confirmed": (
        lambda desk: (
            desk.find("1", marks=["awaiting-confirmation"]),
            desk.after(MINUTE_MS),
            desk.find("2", "confirmed"),
        ),
        [("withhold", "awaiting-confirmation"), ("notify", "confirmed")],
    ),
    "withheld: acknowledged before it was confirmed": (
        lambda desk: (
            desk.find("1", marks=["awaiting-confirmation"]),
            desk.after(MINUTE_MS),
            desk.do("acknowledge"),
            desk.find("2", "confirmed"),
        ),
        [("withhold", "awaiting-confirmation"), ("withhold", "acknowledged")],
    ),
    "withheld: a rule that notifies nobody": (
        lambda desk: desk.find("1", notify=False),
        [("withhold", "not-notifying")],
    ),
    "withheld: info is for the record": (
        lambda desk: desk.find("1", severity="info"),
        [("withhold", "not-notifying")],
    ),
    "withheld: a task": (
        lambda desk: desk.find("1", "repeat-asked", "high"),
        [("withhold", "work-list")],
    ),
    "withheld: true already when the rule came": (
        lambda desk: desk.find("1", "standing", "high"),
        [("withhold", "work-list")],
    ),
    "withheld: medium is listed, never paged": (
        lambda desk: desk.find("1", severity="medium"),
        [("withhold", "listing")],
    ),
    "one record, one notification: the most severe": (
        one_record(("a", "onset", "high"), ("b", "onset", "critical"), ("c", "onset", "medium")),
        [("withhold", "listing"), ("notify", "onset"), ("withhold", "attached")],
    ),
}


@pytest.mark.parametrize(("story", "decisions"), CASES.values(), ids=CASES)
def test_each_decision_has_its_reason(story: Story, decisions: list[tuple[str, str]]) -> None:
    desk = VirtualDesk()
    story(desk)
    desk.after(1_000)
    assert desk.said("notify", "withhold") == decisions


def test_a_shelved_alert_silences_no_other() -> None:
    desk = VirtualDesk()
    desk.find("1", alert_id="a", patient_id="p")
    desk.after(1_000)
    desk.do("shelve", "a", note="known", until_ms=desk.now_ms + HOUR_MS)
    desk.after(31 * MINUTE_MS)
    desk.find("2", "again", alert_id="a", patient_id="p")
    desk.find("3", "onset", "high", alert_id="b", patient_id="p")
    desk.after(1_000)
    assert desk.said("notify", "withhold")[1:] == [("withhold", "shelved"), ("notify", "onset")]


def test_a_repeat_is_asked_for_while_it_can_be_taken() -> None:
    desk = VirtualDesk()
    desk.find("1", "repeat-asked", confirm_by_ms=desk.now_ms + 15 * MINUTE_MS)
    desk.after(16 * MINUTE_MS)
    assert not desk.case().settled, "the engine may still be about to say that none came"
    desk.after(MINUTE_MS)
    assert desk.case().settled
    assert desk.delivered == []


def test_no_repeat_came_though_the_task_to_ask_for_one_was_over_already() -> None:
    desk = VirtualDesk()
    desk.find("1", "repeat-asked", confirm_by_ms=desk.now_ms + 15 * MINUTE_MS)
    desk.after(HOUR_MS)
    desk.find("2", "onset", "high", marks=["unverified"])
    desk.after(1_000)
    assert (desk.case().kind, desk.case().attention) == ("alert", "unacknowledged")
    assert desk.said("notify") == [("notify", "onset")]


def test_what_recurs_does_not_count_against_the_one_of_its_record() -> None:
    desk = VirtualDesk()
    acknowledged(desk)
    desk.after(31 * MINUTE_MS)
    desk.find("2", "again")
    desk.find("3", alert_id="b", patient_id="patient-of-a", ladder="glucose-low")
    desk.after(MINUTE_MS)
    assert sorted(desk.said("notify"))[:3] == [
        ("notify", "onset"),
        ("notify", "onset"),
        ("notify", "recurred"),
    ]


def test_of_a_record_the_one_speaks_of_whose_alert_nobody_knows_the_worst() -> None:
    """What is confirmed is high by now, but nobody has heard of its critical reading yet."""
    desk = VirtualDesk()
    by_ms = desk.now_ms + 10 * MINUTE_MS
    desk.find("1", patient_id="p", marks=["awaiting-confirmation"], confirm_by_ms=by_ms)
    desk.after(5 * MINUTE_MS)
    desk.find("2", "confirmed", "high", patient_id="p")
    desk.find("3", alert_id="b", patient_id="p")
    desk.after(250)
    assert [(one.alert_ids, one.reason) for _, one in desk.delivered] == [(["a"], "confirmed")]
    assert desk.said("withhold")[-1] == ("withhold", "attached")


def test_what_is_decided_once_more_has_the_same_name_whatever_was_found_meanwhile() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.after(MINUTE_MS)
    desk.now_ms += 5 * MINUTE_MS
    (step,) = desk.core.decide(desk.now_ms)
    desk.find("2", "eased", "high")
    (again,) = desk.core.decide(desk.now_ms)
    assert (step.reason, again.reason) == ("escalation", "escalation")
    assert step.action_id == again.action_id


def test_an_alert_that_is_for_the_record_by_now_tells_nobody() -> None:
    desk = VirtualDesk()
    desk.find("1", severity="info")
    at = Desktop(desk.case(), Staffing(ROTA), desk.now_ms, technical=False)
    (said,) = tell(at, "onset")
    assert (said.kind, said.reason, said.event_ids) == ("withhold", "not-notifying", ["1"])


def test_a_notice_that_an_answer_held_back_is_not_kept_for_ever() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.now_ms += GATHER_MS
    (notice,) = desk.core.decide(desk.now_ms)
    desk.put(notice)
    desk.core.let_go(notice.at_ms + HELD_BACK_MS)
    assert desk.core.is_under_way(notice), "nobody has answered: it is to be sent"
    desk.do("acknowledge")
    desk.core.let_go(notice.at_ms + HELD_BACK_MS - 1)
    assert desk.core.is_under_way(notice), "the answer may be taken back"
    assert notice.action_id not in desk.core.let_go(notice.at_ms + HELD_BACK_MS)
    assert not desk.core.is_under_way(notice)


def test_of_a_retraction_nobody_hears_where_nobody_heard_of_the_alert() -> None:
    desk = VirtualDesk()
    desk.find("1", severity="info")
    desk.after(MINUTE_MS)
    desk.find("2", "retracted", "info")
    desk.after(MINUTE_MS)
    assert desk.said("notify") == []


@pytest.mark.parametrize("deed", ["acknowledge", "shelve", "undo"])
def test_of_a_rule_that_notifies_nobody_nobody_is_told_when_an_answer_runs_out(deed: str) -> None:
    desk = VirtualDesk(rota=ALWAYS)
    desk.find("1", severity="high", notify=False)
    desk.after(MINUTE_MS)
    if deed == "acknowledge":
        desk.do("acknowledge")
    else:
        shelf = desk.do("shelve", note="away", until_ms=desk.now_ms + 2 * HOUR_MS)
        if deed == "undo":
            desk.do("undo", answers=shelf.action_id)
    desk.after(9 * HOUR_MS)
    assert desk.case().attention == "unacknowledged"
    assert desk.told() == []

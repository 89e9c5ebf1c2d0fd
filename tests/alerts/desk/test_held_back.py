"""A notice that was written and never sent: what becomes of it when the alert asks again."""

import pytest

from schemas.alert import Deed
from tests.alerts.desk.stories import acknowledged
from tests.alerts.desk.virtual_desk import ALWAYS, HOUR_MS, MINUTE_MS, VirtualDesk

DAY_MS = 24 * HOUR_MS


def test_a_notice_that_an_answer_held_back_and_the_next_step_are_one_when_it_is_taken_back() -> (
    None
):
    desk = VirtualDesk()
    desk.find("1")
    desk.decide_only()
    slip = desk.do("acknowledge")  # first in the log, before the notice is sent
    desk.after(40 * MINUTE_MS)
    assert desk.told() == []
    desk.do("undo", answers=slip.action_id)
    desk.after(4 * MINUTE_MS)
    assert [people for _, _, people in desk.told()] == [["nurse"]], "who is on duty knows nothing"
    desk.after(MINUTE_MS)
    assert [people for _, _, people in desk.told()] == [["nurse"], ["second"]]


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("deed", ["acknowledge", "resolve", "shelve"])
@pytest.mark.parametrize(
    ("severity", "event", "reason"),
    [("high", "worsened", "worsened"), ("critical", "again", "recurred")],
)
def test_a_notice_that_an_answer_held_back_does_not_go_out_beside_a_later_one(
    severity: str, event: str, reason: str, deed: Deed, *, restarted: bool
) -> None:
    """The nurse was rung twice in one second: for what somebody had answered, and for the worse."""
    desk = VirtualDesk(rota=ALWAYS, quick=lambda _: deed if desk.told() == [] else None)
    desk.find("1", severity=severity)
    desk.after(31 * MINUTE_MS)
    desk.quick = lambda _: None
    if restarted:
        desk.restart()
    assert desk.told() == []
    desk.find("2", event, "critical")
    desk.after(MINUTE_MS)
    expected = [] if (deed, event) == ("shelve", "again") else [(31 * 60, reason, ["nurse"])]
    assert desk.told() == expected, "only a step up breaks a shelf"


def test_a_reminder_that_a_shelf_held_back_does_not_go_out_beside_what_breaks_the_shelf() -> None:
    desk = VirtualDesk(rota=ALWAYS)
    acknowledged(desk)
    desk.quick = lambda _: "shelve"
    desk.after(HOUR_MS)  # it ran out
    assert (desk.case().attention, len(desk.told())) == ("shelved", 1)
    desk.quick = lambda _: None
    desk.after(20 * MINUTE_MS)
    desk.find("2", "worsened")
    desk.after(MINUTE_MS)
    assert [reason for _, reason, _ in desk.told()] == ["onset", "worsened"]


def test_what_a_desk_that_died_had_not_sent_goes_out_if_what_came_later_cools_down() -> None:
    """Else nobody would hear of it for a day."""
    desk = VirtualDesk(rota=ALWAYS)
    for name, event in (("1", "onset"), ("2", "returned"), ("3", "again")):
        desk.find(name, event, "high", cooldown_ms=DAY_MS)
        desk.decide_only()  # and it died
    assert desk.said("notify", "withhold") == [("notify", "onset"), ("withhold", "cool-down")]
    desk.restart()
    desk.after(1_000)
    assert [reason for _, reason, _ in desk.told()] == ["onset"]


def test_of_what_a_desk_that_died_had_not_sent_a_worse_one_takes_the_place() -> None:
    desk = VirtualDesk(rota=ALWAYS)
    for name, event, severity in (("1", "onset", "high"), ("2", "worsened", "critical")):
        desk.find(name, event, severity)
        desk.decide_only()  # and it died
    desk.restart()
    desk.after(MINUTE_MS)
    assert [reason for _, reason, _ in desk.told()] == ["worsened"]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (14.999, [(15, "onset", ["nurse"]), (300, "escalation", ["second"])]),
        (15, [(15, "reminder", ["nurse"]), (315, "escalation", ["second"])]),
    ],
)
def test_an_answer_taken_back_within_fifteen_seconds_has_held_nothing_back(
    seconds: float, told: list[tuple[int, str, list[str]]]
) -> None:
    """Until then the notice may still go out: its chain goes on where it was."""
    desk = VirtualDesk()
    desk.find("1")
    desk.decide_only()
    slip = desk.do("acknowledge")
    desk.after(int(seconds * 1000))
    desk.do("undo", answers=slip.action_id)
    desk.after(6 * MINUTE_MS)
    assert desk.told() == told

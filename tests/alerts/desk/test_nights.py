"""What was due in the evening is no reason to page the night."""

from collections.abc import Sequence

import pytest

from alerts.desk.staffing import Staffing
from alerts.feed.outlook import outlook
from tests.alerts.desk.virtual_desk import (
    DAY_SHIFT_MS,
    HOUR_MS,
    MINUTE_MS,
    MONDAY_MS,
    NIGHT_MS,
    ROTA,
    VirtualDesk,
)

DAY_MS = 24 * HOUR_MS
MORNING_MS = MONDAY_MS + 31 * HOUR_MS


def test_a_high_alert_of_the_morning_leaves_the_night_in_peace() -> None:
    """Told at 07:00, it goes on every quarter of an hour: one of them is when the shift ends."""
    desk = VirtualDesk(NIGHT_MS)
    desk.find("1", severity="high")
    desk.after(DAY_MS + 9 * HOUR_MS)
    people = {name for _, notice in desk.delivered for name in notice.to}
    assert people == {"nurse", "second", "chief"}
    evening_s, morning_s = (
        (MONDAY_MS + hours * HOUR_MS - NIGHT_MS) // 1000 for hours in (24 + 19, 48 + 7)
    )
    times = [at_s for at_s, _, _ in desk.told()]
    assert evening_s - 15 * 60 in times
    assert not [at_s for at_s in times if evening_s <= at_s < morning_s]
    assert morning_s in times


def test_a_desk_that_comes_back_at_night_pages_nobody_for_a_high_or_medium_alert() -> None:
    """What was due in the evening is due in the morning; nobody is paged for it at night."""
    desk = VirtualDesk(MONDAY_MS + 18 * HOUR_MS)
    desk.find("1", severity="high", alert_id="a", patient_id="p")
    desk.find("2", severity="medium", alert_id="b", patient_id="q")
    desk.after(1_000)
    assert [notice.to for _, notice in desk.delivered] == [["nurse"]]
    desk.now_ms = NIGHT_MS
    desk.restart()
    desk.after(HOUR_MS)
    assert len(desk.delivered) == 1
    desk.until(MONDAY_MS + (24 + 8) * HOUR_MS)
    told = [(notice.alert_ids[0], notice.reason, notice.to) for _, notice in desk.delivered[1:]]
    assert told[0] == ("a", "escalation", ["second"])
    assert ("b", "listed", ["lead"]) in told


def two_of_a_record(desk: VirtualDesk) -> None:
    for name in "ab":
        desk.find(name, severity="high", alert_id=name, patient_id="p", ladder=name)


def told_since(desk: VirtualDesk, since_ms: int) -> list[tuple[int, str, str | None, list[str]]]:
    """Give (minutes since then, alert, reason, people) of each notice."""
    return [
        ((at_ms - since_ms) // MINUTE_MS, one.alert_ids[0], one.reason, one.to)
        for at_ms, one in desk.delivered
        if at_ms >= since_ms
    ]


@pytest.mark.parametrize("deed", ["resolve", "acknowledge", "shelve", "retracted", "worsened"])
def test_what_attached_to_another_of_the_night_is_told_itself_if_that_one_is_not(deed: str) -> None:
    desk = VirtualDesk(NIGHT_MS)
    two_of_a_record(desk)
    desk.after(HOUR_MS)
    match deed:
        case "retracted":
            desk.find("9", "retracted", "high", alert_id="a", patient_id="p", ladder="a")
        case "worsened":  # told at once, and answered
            desk.find("9", "worsened", "critical", alert_id="a", patient_id="p", ladder="a")
            desk.after(MINUTE_MS)
            desk.do("resolve", "a", outcome="advised")
        case "shelve":
            desk.do("shelve", "a", until_ms=desk.now_ms + 3 * DAY_MS, note="away")
        case _:
            desk.do(deed, "a", outcome="advised" if deed == "resolve" else None)  # type: ignore[arg-type]
    desk.until(MORNING_MS + 20 * MINUTE_MS)
    assert told_since(desk, MORNING_MS) == [
        (0, "b", "onset", ["nurse"]),
        (15, "b", "escalation", ["second"]),
    ]


@pytest.mark.parametrize(("over", "one", "other"), [((), "a", "b"), (("a",), "b", "a")])
def test_of_two_that_waited_for_the_morning_one_is_told_and_rather_the_one_that_holds(
    over: Sequence[str], one: str, other: str
) -> None:
    desk = VirtualDesk(NIGHT_MS)
    two_of_a_record(desk)
    desk.after(HOUR_MS)
    for name in over:
        desk.find("9", "returned", "high", alert_id=name, patient_id="p", ladder=name)
    desk.restart()
    desk.until(MORNING_MS + 20 * MINUTE_MS)
    assert sorted(told_since(desk, MORNING_MS)) == [
        (0, one, "onset", ["nurse"]),
        *sorted((15, name, "escalation", ["second"]) for name in (one, other)),
    ]


def test_of_two_that_no_repeat_confirmed_while_the_engine_is_silent_the_worse_is_told() -> None:
    desk = VirtualDesk()
    fields = {
        "marks": ["awaiting-confirmation"],
        "confirm_by_ms": desk.now_ms + 10 * MINUTE_MS,
        "patient_id": "p",
    }
    desk.find("1", severity="high", alert_id="a", **fields)
    desk.find("2", severity="critical", alert_id="b", **fields)
    desk.after(12 * MINUTE_MS)
    assert [(one.alert_ids, one.reason) for _, one in desk.delivered] == [(["b"], "confirmed")]


TREND = {"patient_id": "p", "ladder": "l", "cooldown_ms": DAY_MS}


def comes_and_goes(desk: VirtualDesk, severity: str, **fields: object) -> None:
    """Let a problem begin and return and begin, as one alert after the other."""
    for name, before in (("b", ""), ("c", "b"), ("d", "c")):
        if before:
            desk.find(f"{before}-over", "returned", severity, alert_id=before, **fields)
            desk.after(MINUTE_MS)
        desk.find(f"{name}-on", "onset", severity, alert_id=name, **fields)
        desk.after(10 * MINUTE_MS)


@pytest.mark.parametrize("severity", ["high", "medium"])
def test_what_came_back_while_a_cool_down_held_it_is_told_once(severity: str) -> None:
    desk = VirtualDesk(DAY_SHIFT_MS)
    desk.find("1", "onset", severity, alert_id="a", **TREND)
    desk.after(HOUR_MS)
    desk.do("acknowledge", "a")
    desk.find("2", "returned", severity, alert_id="a", **TREND)
    desk.after(HOUR_MS)
    comes_and_goes(desk, severity, **TREND)
    since_ms = desk.now_ms
    desk.until(DAY_SHIFT_MS + 30 * HOUR_MS)
    desk.restart()
    desk.turn()
    told = [(name, why) for _, name, why, _ in told_since(desk, since_ms) if why != "escalation"]
    assert told == [("d", "recurred" if severity == "high" else "listed")]
    assert {name for _, name, _, _ in told_since(desk, since_ms)} == {"d"}
    assert desk.case("b").attention == "unacknowledged"  # its card stays, beside the one of d


def test_what_came_back_in_the_night_is_told_once_in_the_morning() -> None:
    desk = VirtualDesk(NIGHT_MS)
    comes_and_goes(desk, "high", patient_id="p", ladder="l")
    desk.until(MORNING_MS + 20 * MINUTE_MS)
    assert told_since(desk, NIGHT_MS - DAY_MS)[0][1:3] == ("d", "recurred")
    assert {one.alert_ids[0] for _, one in desk.delivered} == {"d"}


def test_what_came_back_milder_or_never_did_does_not_speak_for_what_was_there() -> None:
    desk = VirtualDesk(NIGHT_MS)
    fields = {"patient_id": "p", "ladder": "l"}
    desk.find("1", severity="high", alert_id="a", **fields)
    desk.after(MINUTE_MS)
    desk.find("2", "returned", "high", alert_id="a", **fields)
    desk.find("3", severity="medium", alert_id="b", **fields)
    desk.after(MINUTE_MS)
    desk.find("4", "returned", "medium", alert_id="b", **fields)
    desk.find("5", severity="high", alert_id="c", **fields)
    desk.after(MINUTE_MS)
    desk.find("6", "retracted", "high", alert_id="c", **fields)
    desk.until(MORNING_MS + MINUTE_MS)
    assert [(one.alert_ids[0], one.reason) for _, one in desk.delivered] == [("a", "onset")]


def test_who_is_on_duty_in_the_morning_hears_first_of_what_stood_beside_a_page_of_the_night() -> (
    None
):
    """The night was told of what is critical; the day began with the second, at 07:15."""
    desk = VirtualDesk(NIGHT_MS)
    desk.find("1", severity="critical", alert_id="a", patient_id="p")
    desk.find("2", severity="high", alert_id="b", patient_id="p")
    desk.after(MINUTE_MS)
    desk.do("acknowledge", "a")
    desk.do("resolve", "a")
    assert outlook(desk.case("b"), Staffing(ROTA)).at_ms == MORNING_MS
    desk.until(MORNING_MS + 31 * MINUTE_MS)
    assert told_since(desk, MORNING_MS) == [
        (0, "b", "escalation", ["nurse"]),
        (15, "b", "escalation", ["second"]),
        (30, "b", "escalation", ["chief"]),
    ]

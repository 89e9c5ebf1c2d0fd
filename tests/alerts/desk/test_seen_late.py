"""What is over, or never was, when the desk decides, or when it tells somebody."""

import pytest

from tests.alerts.desk.virtual_desk import HOUR_MS, MINUTE_MS, NIGHT_MS, VirtualDesk

DAY_MS = 24 * HOUR_MS


def told_of(desk: VirtualDesk, alert_id: str) -> list[tuple[str, list[str]]]:
    return [(one.reason or "", one.to) for _, one in desk.delivered if one.alert_ids == [alert_id]]


@pytest.mark.parametrize("apart_ms", [0, 100], ids=["in one record", "before the desk has decided"])
def test_a_high_alert_that_gets_critical_and_returns_at_once_is_told_and_goes_one_step_on(
    apart_ms: int,
) -> None:
    """Nobody was called any more, not even the second, who was due in five minutes."""
    desk = VirtualDesk()
    desk.find("1", severity="high")
    desk.after(10 * MINUTE_MS)
    desk.find("2", "worsened")
    desk.now_ms += apart_ms
    desk.find("3", "returned")
    desk.after(3 * HOUR_MS)
    assert told_of(desk, "a") == [
        ("onset", ["nurse"]),
        ("worsened", ["nurse"]),
        ("escalation", ["second"]),
    ]
    assert not desk.case().settled


@pytest.mark.parametrize("ago_ms", [HOUR_MS, DAY_MS, DAY_MS + 1_000])
def test_a_critical_episode_while_no_desk_ran_is_told_of_within_a_day(ago_ms: int) -> None:
    """A person closes it, so somebody hears of it: no high one, and no one of yesterday."""
    desk = VirtualDesk(NIGHT_MS)
    for name, severity in (("a", "critical"), ("b", "high")):
        fields = {"alert_id": name, "patient_id": name, "severity": severity}
        desk.find(f"{name}1", at_ms=desk.now_ms - ago_ms - MINUTE_MS, **fields)
        desk.find(f"{name}2", "returned", at_ms=desk.now_ms + 250 - ago_ms, **fields)
    desk.after(DAY_MS)
    told = [("onset", ["night"]), ("escalation", ["night-second"])]
    assert told_of(desk, "a") == (told if ago_ms <= DAY_MS else [])
    assert told_of(desk, "b") == []
    assert {desk.case(name).attention for name in "ab"} == {"unacknowledged"}, "the cards stay"


@pytest.mark.parametrize("end", ["retracted", "retired", "not-confirmed"])
def test_of_a_critical_episode_that_never_was_or_is_no_rule_s_nobody_hears(end: str) -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.now_ms += 100
    desk.find("2", end)
    desk.after(DAY_MS)
    assert desk.delivered == []


@pytest.mark.parametrize("end", ["retracted", "not-confirmed"])
def test_what_was_taken_back_and_opens_again_milder_is_as_severe_as_it_is_now(end: str) -> None:
    """It paged the night as critical, and asked for an outcome."""
    desk = VirtualDesk(NIGHT_MS)
    waits = {"marks": ["awaiting-confirmation"], "confirm_by_ms": desk.now_ms + 10 * MINUTE_MS}
    desk.find("1", **(waits if end == "not-confirmed" else {}))
    desk.after(MINUTE_MS)
    desk.find("2", end)
    desk.after(MINUTE_MS)
    told = len(desk.delivered)
    desk.find("3", "reopened", "high", marks=["delayed"])
    desk.after(HOUR_MS)
    case = desk.case()
    assert (case.severity, case.was_critical, case.raised.event_id) == ("high", False, "3")
    assert len(desk.delivered) == told
    desk.after(8 * HOUR_MS)
    assert told_of(desk, "a")[told][1] == ["nurse"]


def test_what_ended_and_opens_again_milder_shows_the_worst_that_nobody_has_answered() -> None:
    desk = VirtualDesk()
    for number, (event, severity) in enumerate(
        [("onset", "critical"), ("returned", "critical"), ("reopened", "high")]
    ):
        desk.find(str(number), event, severity)
        desk.after(MINUTE_MS)
    assert (desk.case().severity, desk.case().was_critical) == ("critical", True)


def test_of_a_retraction_hears_who_was_reached() -> None:
    """Of those whom no channel reached nobody knows of anything that could be taken back."""
    desk = VirtualDesk(reaches=lambda notice: notice.to != ["nurse"])
    desk.find("1")
    desk.after(MINUTE_MS)
    desk.find("2", "retracted")
    desk.after(MINUTE_MS)
    assert told_of(desk, "a")[-1] == ("retracted", ["second"])


def test_of_a_retraction_nobody_hears_where_nobody_was_reached() -> None:
    desk = VirtualDesk(reaches=lambda _: False)
    desk.find("1")
    desk.after(MINUTE_MS)
    desk.find("2", "retracted")
    desk.after(HOUR_MS)
    assert "retracted" not in {reason for reason, _ in told_of(desk, "a")}


@pytest.mark.parametrize(
    ("severity", "taken_back", "told"),
    [("critical", False, []), ("critical", True, ["onset"]), ("medium", False, ["onset"])],
)
def test_what_ended_in_a_cool_down_is_not_told_after_a_graver_one_that_was(
    severity: str, told: list[str], *, taken_back: bool
) -> None:
    desk = VirtualDesk()
    fields = {"patient_id": "p", "ladder": "l"}
    trend = {**fields, "cooldown_ms": DAY_MS}
    for name, how in (("a", "critical"), ("b", "high")):
        desk.find(f"{name}1", "onset", "high", alert_id=name, **trend)
        desk.after(MINUTE_MS)
        desk.find(f"{name}2", "returned", "high", alert_id=name, **trend)
        desk.after(HOUR_MS)
        if how == "critical":
            desk.do("acknowledge", name)
    desk.find("c1", "onset", severity, alert_id="c", **fields)
    desk.after(MINUTE_MS)
    if taken_back:
        desk.find("c2", "retracted", severity, alert_id="c", **fields)
    desk.do("resolve", "c")
    desk.after(DAY_MS)
    assert [reason for reason, _ in told_of(desk, "b")] == told
    assert desk.case("b").attention == "unacknowledged"

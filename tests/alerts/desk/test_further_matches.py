"""A critical alert is matched again: of what nobody was told by a notice of its own, too."""

import pytest

from schemas.alert import Deed
from tests.alerts.desk.virtual_desk import ALWAYS, HOUR_MS, MINUTE_MS, MONDAY_MS, VirtualDesk


def told_of(desk: VirtualDesk, alert_id: str) -> list[tuple[int, str | None, list[str]]]:
    """Give (minutes since the first record, reason, people) of each notice of an alert."""
    return [
        ((at_ms - desk.began_ms) // MINUTE_MS, one.reason, one.to)
        for at_ms, one in desk.delivered
        if one.alert_ids == [alert_id]
    ]


@pytest.mark.parametrize("deed", ["acknowledge", "resolve"])
@pytest.mark.parametrize("minutes", [29, 31])
def test_what_attached_to_another_and_was_answered_recurs_after_thirty_minutes(
    deed: Deed, minutes: int
) -> None:
    desk = VirtualDesk()
    for name in ("a", "b"):
        desk.find(name, alert_id=name, patient_id="p", ladder=name)
    desk.after(MINUTE_MS)
    for name in ("a", "b"):
        desk.do(deed, name, outcome="advised" if deed == "resolve" else None)
    desk.after((minutes - 1) * MINUTE_MS)
    desk.find("2", "again", alert_id="b", patient_id="p", ladder="b")
    desk.after(MINUTE_MS)
    assert told_of(desk, "b") == ([(31, "recurred", ["nurse"])] if minutes == 31 else [])


def test_what_gets_worse_beside_another_and_is_matched_a_minute_later_attaches() -> None:
    desk = VirtualDesk()
    desk.find("1", severity="high", alert_id="b", patient_id="p", ladder="b")
    desk.after(MINUTE_MS)
    desk.do("acknowledge", "b")
    desk.after(HOUR_MS)
    desk.find("2", alert_id="a", patient_id="p", ladder="a")
    desk.find("3", "worsened", alert_id="b", patient_id="p", ladder="b")
    desk.after(MINUTE_MS)
    desk.find("4", "again", alert_id="b", patient_id="p", ladder="b")
    desk.after(MINUTE_MS)
    assert told_of(desk, "b") == [(0, "onset", ["nurse"])]


def test_what_was_closed_before_its_page_recurs() -> None:
    desk = VirtualDesk()
    waits = {"marks": ["awaiting-confirmation"], "confirm_by_ms": desk.now_ms + 10 * MINUTE_MS}
    desk.find("1", **waits)
    desk.after(3 * MINUTE_MS)
    desk.do("resolve", outcome="advised")
    desk.find("2", "confirmed")
    desk.after(57 * MINUTE_MS)
    desk.find("3", "again")
    desk.after(MINUTE_MS)
    assert told_of(desk, "a") == [(60, "recurred", ["nurse"])]


@pytest.mark.parametrize("ago", [(), (35,), (5,), (35, 5)])
def test_after_an_outage_what_still_holds_is_told_to_whoever_is_on_duty_at_once(
    ago: tuple[int, ...],
) -> None:
    desk = VirtualDesk()
    now_ms = desk.now_ms
    desk.find("1", at_ms=now_ms - 40 * MINUTE_MS)
    for minutes in ago:
        desk.find(f"{minutes} ago", "again", at_ms=now_ms - minutes * MINUTE_MS)
    desk.find("2", "again")
    desk.after(4 * MINUTE_MS)
    assert [(minute, who) for minute, _, who in told_of(desk, "a")] == [(40, ["nurse"])]


@pytest.mark.parametrize("between", [0, 1])
def test_of_what_is_read_at_once_only_what_asks_most_is_told(between: int) -> None:
    """A log that is read after an outage: who is told of the step up need not hear of the onset."""
    desk = VirtualDesk()
    desk.find("1", severity="high")
    for number in range(between):
        desk.now_ms += 1
        desk.find(f"again {number}", "again", "high")
    desk.now_ms += 1
    desk.find("2", "worsened")
    desk.after(MINUTE_MS)
    assert desk.said("notify", "withhold") == [
        *[("withhold", "attached")] * (1 + between),
        ("notify", "worsened"),
    ]


@pytest.mark.parametrize(
    ("late_ms", "severity", "matched", "told"),
    [
        (0, "high", None, []),
        (1, "high", None, ["recurred"]),
        (1, "high", "medium", []),
        (1, "medium", None, []),
    ],
)
def test_what_somebody_closed_while_it_holds_asks_again_by_a_match_eight_hours_later(
    late_ms: int, severity: str, matched: str | None, told: list[str]
) -> None:
    """A systolic pressure of 70 in the evening is no step up from the 88 of the morning."""
    desk = VirtualDesk(MONDAY_MS + 7 * HOUR_MS)
    desk.find("1", severity=severity)
    desk.after(HOUR_MS)
    desk.do("resolve")
    since = len(desk.delivered)
    desk.after(8 * HOUR_MS - 250 + late_ms)  # decided a quarter of a second later
    desk.find("2", "again", severity, matched=matched)
    desk.after(MINUTE_MS)
    assert [one.reason for _, one in desk.delivered[since:]] == told
    assert desk.case().settled == (not told)


def test_of_a_trend_that_was_closed_while_it_holds_nobody_hears_before_its_cool_down_ends() -> None:
    desk = VirtualDesk(MONDAY_MS + 7 * HOUR_MS)
    desk.find("1", severity="high", cooldown_ms=24 * HOUR_MS)
    desk.after(MINUTE_MS)
    desk.do("resolve")
    for hour in range(9, 30, 2):
        desk.until(desk.began_ms + hour * HOUR_MS)
        desk.find(f"{hour}", "again", "high", cooldown_ms=24 * HOUR_MS)
    desk.after(MINUTE_MS)
    again = [(at_ms, one.reason) for at_ms, one in desk.delivered][1:2]
    assert again == [(desk.began_ms + 24 * HOUR_MS + 250, "recurred")]


def test_of_what_was_answered_twice_before_its_page_the_last_counts() -> None:
    """Ten minutes after the step up it is no news, though the onset was 50 minutes ago."""
    desk = VirtualDesk(rota=ALWAYS)
    desk.find("1", severity="high")
    desk.do("acknowledge")
    desk.after(40 * MINUTE_MS)
    desk.find("2", "worsened")
    desk.do("acknowledge")
    desk.after(10 * MINUTE_MS)
    desk.find("3", "again")
    desk.after(MINUTE_MS)
    assert desk.said("notify", "withhold") == [
        ("withhold", "acknowledged"),
        ("withhold", "acknowledged"),
        ("withhold", "attached"),
    ]

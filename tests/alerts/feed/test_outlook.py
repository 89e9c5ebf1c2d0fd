"""What a card says of what comes next is what the desk then does."""

import pytest

from alerts.desk.staffing import Staffing
from alerts.feed.outlook import outlook
from tests.alerts.desk.stories import acknowledged, cooling, shelved
from tests.alerts.desk.virtual_desk import HOUR_MS, MINUTE_MS, NIGHT_MS, ROTA, VirtualDesk

CALLED = "If nobody answers, the next person is called at"
CONFIRM_MS = 10 * MINUTE_MS


def said(desk: VirtualDesk, alert_id: str = "a") -> tuple[str, int]:
    """Give what the card says, and in how many minutes that is."""
    ahead = outlook(desk.case(alert_id), Staffing(ROTA))
    return ahead.what, (ahead.at_ms - desk.now_ms) // MINUTE_MS if ahead.what else 0


def begun(severity: str = "critical", now_ms: int | None = None, **fields: object) -> VirtualDesk:
    desk = VirtualDesk() if now_ms is None else VirtualDesk(now_ms)
    desk.find("1", severity=severity, **fields)
    desk.after(1_000)
    return desk


@pytest.mark.parametrize("severity", ["critical", "high"])
def test_the_next_person_is_called_when_the_card_says(severity: str) -> None:
    desk = begun(severity)
    what, minutes = said(desk)
    assert (what, minutes) == (CALLED, 4 if severity == "critical" else 14)
    desk.after(minutes * MINUTE_MS)
    assert len(desk.told()) == 1
    desk.after(MINUTE_MS)
    assert len(desk.told()) == 2


def test_of_one_reading_to_be_confirmed_it_says_that_nobody_is_called_yet() -> None:
    desk = VirtualDesk()
    by_ms = desk.now_ms + CONFIRM_MS
    desk.find("1", marks=["awaiting-confirmation"], confirm_by_ms=by_ms)
    desk.after(MINUTE_MS)
    assert said(desk) == ("Nobody is called before a repeat confirms it, or none has come by", 9)
    desk.do("acknowledge")
    desk.after(MINUTE_MS)
    assert said(desk)[0] == "Asks again, unless it is closed, at"
    desk.after(CONFIRM_MS)
    desk.find("2", "confirmed")
    desk.after(30 * MINUTE_MS)
    assert desk.told() == []


@pytest.mark.parametrize("severity", ["critical", "high"])
def test_an_acknowledged_alert_asks_again_when_the_card_says(severity: str) -> None:
    desk = begun(severity)
    desk.do("acknowledge")
    desk.after(1_000)
    what, minutes = said(desk)
    assert (what, minutes) == (
        "Asks again, unless it is closed, at",
        59 if severity == "critical" else 8 * 60 - 1,
    )
    desk.after(minutes * MINUTE_MS)
    assert desk.case().attention == "acknowledged"
    desk.after(MINUTE_MS)
    assert desk.case().attention == "unacknowledged"
    assert said(desk)[0] == CALLED


def test_what_the_night_holds_back_says_when_the_shift_begins() -> None:
    desk = begun("high", NIGHT_MS)
    assert said(desk) == ("Nobody is called before the next shift, at", 8 * 60 - 1)


def test_the_lists_next_reader_is_named() -> None:
    desk = begun("medium")
    assert said(desk) == ("The shift lead is told of it at", 29)
    assert outlook(desk.case(), Staffing(ROTA)).due_ms == desk.now_ms - 1_000 + 9 * HOUR_MS


def test_what_cools_down_says_until_when() -> None:
    desk = VirtualDesk()
    cooling()(desk)
    desk.after(MINUTE_MS)
    assert said(desk, "b") == ("Somebody was told not long ago; somebody is again at", 23 * 60 - 2)


def test_what_is_closed_shelved_or_not_decided_yet_says_nothing_more() -> None:
    desk = VirtualDesk()
    shelved(desk)
    assert said(desk) == ("", 0)  # until when, a shelf says itself
    desk = VirtualDesk()
    acknowledged(desk)
    desk.do("resolve", outcome="advised")
    desk.after(1_000)
    assert said(desk) == ("", 0)
    fresh = VirtualDesk()
    fresh.find("1")
    assert said(fresh) == ("", 0)

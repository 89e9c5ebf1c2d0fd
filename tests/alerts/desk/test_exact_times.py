"""To the millisecond: when the desk pages, escalates, reminds, lists and takes a shelf away.

The numbers are alerting.md's, written out: a constant of the code must not be its own judge.
"""

from collections.abc import Callable

import pytest

from alerts.desk.fold import KEPT_MAX
from alerts.desk.triage import GATHER_MS
from schemas.rota import RotaEntry
from tests.alerts.desk.virtual_desk import (
    ALWAYS,
    DAY_SHIFT_MS,
    MONDAY_MS,
    NIGHT_MS,
    ROTA,
    VirtualDesk,
)

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def exactly(desk: VirtualDesk) -> list[tuple[int, str, list[str]]]:
    """Give (ms since the first record, reason, people) of each notice."""
    return [(ms - desk.began_ms, one.reason or "", one.to) for ms, one in desk.delivered]


def test_the_events_of_one_record_are_waited_for_a_quarter_of_a_second() -> None:
    assert GATHER_MS == 250
    desk = VirtualDesk()
    desk.find("1")
    assert desk.core.due_ms() == DAY_SHIFT_MS + 250
    assert desk.core.decide(DAY_SHIFT_MS + 249) == []
    assert [one.kind for one in desk.core.decide(DAY_SHIFT_MS + 250)] == ["notify"]


@pytest.mark.parametrize(
    ("severity", "rota", "expected"),
    [
        (
            "critical",
            ROTA,
            [
                (250, "onset", ["nurse"]),
                (5 * MINUTE_MS + 250, "escalation", ["second"]),
                (10 * MINUTE_MS + 250, "escalation", ["chief"]),
                (15 * MINUTE_MS + 250, "escalation", ["nurse"]),
            ],
        ),
        (
            "high",
            ALWAYS,
            [
                (250, "onset", ["nurse"]),
                (15 * MINUTE_MS + 250, "escalation", ["second"]),
                (30 * MINUTE_MS + 250, "escalation", ["chief"]),
            ],
        ),
        ("medium", ALWAYS, [(30 * MINUTE_MS + 250, "listed", ["lead"])]),
        ("info", ALWAYS, []),
    ],
)
def test_who_is_told_when(
    severity: str, rota: RotaEntry, expected: list[tuple[int, str, list[str]]]
) -> None:
    desk = VirtualDesk(rota=rota)
    desk.find("1", severity=severity)
    desk.after(15 * MINUTE_MS + 250 if severity == "critical" else 31 * MINUTE_MS)
    assert exactly(desk) == expected


def test_what_is_high_at_night_waits_for_the_minute_in_which_the_shift_begins() -> None:
    desk = VirtualDesk(NIGHT_MS, rota=ROTA)
    desk.find("1", severity="high")
    desk.until(MONDAY_MS + 31 * HOUR_MS - 1)
    assert desk.delivered == []
    desk.until(MONDAY_MS + 31 * HOUR_MS)
    assert exactly(desk) == [(8 * HOUR_MS, "onset", ["nurse"])]


def test_a_technical_alert_escalates_after_fifteen_minutes_of_the_night_too() -> None:
    desk = VirtualDesk(NIGHT_MS)
    desk.find("1", severity="high", patient_id="", subject="gateway/7")
    desk.after(15 * MINUTE_MS + 250)
    assert exactly(desk) == [
        (250, "onset", ["technician"]),
        (15 * MINUTE_MS + 250, "escalation", ["technician"]),
    ]


@pytest.mark.parametrize(
    ("severity", "lasts_ms"), [("critical", 60 * MINUTE_MS), ("high", 8 * HOUR_MS)]
)
def test_an_acknowledgement_without_an_outcome_lasts(severity: str, lasts_ms: int) -> None:
    desk = VirtualDesk(rota=ALWAYS)
    desk.find("1", severity=severity)
    desk.after(MINUTE_MS)
    desk.do("acknowledge")
    desk.after(lasts_ms - 1)
    assert desk.said("expire") == []
    desk.after(1)
    assert desk.said("expire") == [("expire", "no-reading")]
    assert exactly(desk)[1:] == [(MINUTE_MS + lasts_ms, "reminder", ["nurse"])]


def test_what_nobody_acknowledges_of_a_medium_alert_expires_never() -> None:
    desk = VirtualDesk(rota=ALWAYS)
    desk.find("1", severity="medium")
    desk.after(MINUTE_MS)
    desk.do("acknowledge")
    assert desk.core.due_ms() is None


@pytest.mark.parametrize(("severity", "hours"), [("critical", 8), ("high", 7 * 24)])
def test_a_shelf_lasts_so_long_at_most(severity: str, hours: int) -> None:
    desk = VirtualDesk(rota=ALWAYS)
    desk.find("1", severity=severity)
    desk.after(MINUTE_MS)
    desk.do("shelve", note="in hospital", until_ms=desk.now_ms + 30 * DAY_MS)
    shelf = desk.case().shelf
    assert shelf is not None
    assert shelf.until_ms == DAY_SHIFT_MS + MINUTE_MS + hours * HOUR_MS
    desk.until(shelf.until_ms - 1)
    assert desk.case().attention == "shelved"
    desk.after(1)
    assert exactly(desk)[1:] == [(MINUTE_MS + hours * HOUR_MS, "shelf-ended", ["nurse"])]


def test_a_shelf_that_was_critical_once_lasts_eight_hours_though_it_eased() -> None:
    desk = VirtualDesk(rota=ALWAYS)
    desk.find("1")
    desk.after(MINUTE_MS)
    desk.find("2", "eased", "high")
    desk.do("shelve", note="in hospital", until_ms=desk.now_ms + 2 * DAY_MS)
    shelf = desk.case().shelf
    assert shelf is not None
    assert shelf.until_ms == desk.now_ms + 8 * HOUR_MS


def test_a_shorter_shelf_ends_when_it_was_said_to() -> None:
    desk = VirtualDesk(rota=ALWAYS)
    desk.find("1")
    desk.after(MINUTE_MS)
    desk.do("shelve", note="bath", until_ms=desk.now_ms + HOUR_MS)
    desk.after(HOUR_MS)
    assert exactly(desk)[1:] == [(MINUTE_MS + HOUR_MS, "shelf-ended", ["nurse"])]


def cooling(minutes: int, cooldown_ms: int = DAY_MS) -> Callable[[VirtualDesk], None]:
    def story(desk: VirtualDesk) -> None:
        desk.find("1", severity="high", cooldown_ms=cooldown_ms)
        desk.after(250)
        desk.do("resolve", outcome="advised")
        desk.find("2", "returned", "high")
        desk.after(minutes * MINUTE_MS)
        fields = {"alert_id": "b", "patient_id": "patient-of-a", "cooldown_ms": cooldown_ms}
        desk.find("3", severity="high", **fields)

    return story


def test_a_cool_down_runs_from_the_last_notification() -> None:
    desk = VirtualDesk(rota=ALWAYS)
    cooling(60)(desk)
    desk.until(DAY_SHIFT_MS + 250 + DAY_MS - 1)
    assert len(desk.delivered) == 1
    desk.after(1)
    assert exactly(desk)[1:] == [(250 + DAY_MS, "onset", ["nurse"])]


def test_a_cool_down_lasts_thirty_days_at_most() -> None:
    desk = VirtualDesk(rota=ALWAYS)
    cooling(60, 90 * DAY_MS)(desk)
    desk.until(DAY_SHIFT_MS + 250 + 30 * DAY_MS)
    assert exactly(desk)[1:] == [(250 + 30 * DAY_MS, "onset", ["nurse"])]


def test_when_a_cool_down_is_over_the_next_is_told_at_once() -> None:
    desk = VirtualDesk(rota=ALWAYS)
    cooling(24 * 60)(desk)  # decided a quarter of a second later: a day after the first
    desk.after(250)
    assert exactly(desk)[1:] == [(DAY_MS + 500, "onset", ["nurse"])]


@pytest.mark.parametrize(("late_ms", "reason"), [(0, "attached"), (1, "recurred")])
def test_a_further_match_recurs_later_than_thirty_minutes_after_the_last_notification(
    late_ms: int, reason: str
) -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.after(250)
    desk.do("acknowledge")
    desk.after(30 * MINUTE_MS - 250 + late_ms)
    desk.find("2", "again")
    desk.after(250)
    kind = "notify" if reason == "recurred" else "withhold"
    assert desk.said("notify", "withhold")[1:] == [(kind, reason)]


def test_a_page_waits_a_minute_and_a_half_for_an_engine_that_says_nothing() -> None:
    desk = VirtualDesk()
    by_ms = desk.now_ms + 10 * MINUTE_MS
    desk.find("1", marks=["awaiting-confirmation"], confirm_by_ms=by_ms)
    desk.until(by_ms + 90 * SECOND_MS - 1)
    assert desk.delivered == []
    desk.after(1)
    assert exactly(desk) == [(10 * MINUTE_MS + 90 * SECOND_MS, "confirmed", ["nurse"])]


def test_a_rota_that_changes_moves_what_waits() -> None:
    """A step that waits for tomorrow's shift comes at once if somebody is there tonight."""
    desk = VirtualDesk(MONDAY_MS + 19 * HOUR_MS - 5 * MINUTE_MS)
    desk.find("1", severity="high")
    desk.after(MINUTE_MS)
    tomorrow_ms = MONDAY_MS + 31 * HOUR_MS + 10 * MINUTE_MS + 250
    assert desk.core.due_ms() == tomorrow_ms
    desk.core.put_rota(ALWAYS)
    assert desk.core.due_ms() == desk.began_ms + 15 * MINUTE_MS + 250
    desk.core.put_rota(ROTA)
    assert desk.core.due_ms() == tomorrow_ms
    desk.core.remove_rota("elsewhere")
    assert desk.core.due_ms() == tomorrow_ms
    desk.core.remove_rota("home")
    assert desk.core.due_ms() == desk.began_ms + 15 * MINUTE_MS + 250


def test_a_rota_that_comes_between_two_events_of_a_record_hurries_nobody() -> None:
    desk = VirtualDesk()
    desk.find("1", severity="high", patient_id="p")
    desk.core.put_rota(ALWAYS)
    assert desk.core.due_ms() == DAY_SHIFT_MS + 250
    desk.after(249)
    desk.find("2", severity="critical", alert_id="b", patient_id="p", at_ms=DAY_SHIFT_MS)
    desk.after(1)
    assert [one.alert_ids for _, one in desk.delivered] == [["b"]]


def test_twenty_thousand_settled_alerts_are_remembered() -> None:
    assert KEPT_MAX == 20_000


def test_a_shelf_is_as_long_as_the_worst_that_its_owner_knew_of_allows() -> None:
    """A critical match that came after is another matter: it breaks the shelf or attaches."""
    desk = VirtualDesk(rota=ALWAYS)
    desk.find("1", severity="high")
    desk.after(MINUTE_MS)
    desk.do("shelve", note="in hospital", until_ms=desk.now_ms + 2 * DAY_MS)
    asked_ms = desk.now_ms
    desk.find("2", "again", "critical")
    shelf = desk.case().shelf
    assert shelf is not None
    assert shelf.until_ms == asked_ms + 2 * DAY_MS

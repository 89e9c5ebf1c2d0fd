"""Trouble of the desk itself ends by itself when its cause is gone, and stays in the history."""

from collections.abc import Sequence

import msgspec
import pytest

from alerts.desk.technical import report
from alerts.lateness import BANNER_MS
from tests.alerts.desk.virtual_desk import HOUR_MS, MINUTE_MS, NOBODY, ROTA, VirtualDesk

LATE = "Readings wait 61 s to be judged, or no engine judges them."


def trouble(desk: VirtualDesk, rule: str) -> list[str]:
    """Give the attention of each alert about such trouble, oldest first."""
    cases = [one for one in desk.core.desk.technical_cases() if one.demand.rule == rule]
    return [one.attention for one in sorted(cases, key=lambda one: one.demand.at_ms)]


def look(desk: VirtualDesk, late_ms: int = 0) -> None:
    for one in desk.core.recovered(desk.now_ms, late_ms):
        desk.put(one)


def is_late(desk: VirtualDesk) -> None:
    for one in desk.core.raised(report("late", "", desk.now_ms, LATE)):
        desk.put(one)


def test_lateness_ends_when_readings_are_judged_in_time_again_and_may_come_again() -> None:
    desk = VirtualDesk()
    is_late(desk)
    look(desk, BANNER_MS + 1)
    assert trouble(desk, "late") == ["unacknowledged"]
    look(desk, BANNER_MS)
    assert trouble(desk, "late") == ["resolved"]
    desk.now_ms += MINUTE_MS
    is_late(desk)
    is_late(desk)
    assert trouble(desk, "late") == ["resolved", "unacknowledged"]
    desk.restart()
    assert trouble(desk, "late") == ["resolved", "unacknowledged"]


def test_what_a_person_closed_stays_closed_that_day() -> None:
    desk = VirtualDesk()
    is_late(desk)
    (case,) = desk.core.desk.technical_cases()
    desk.do("resolve", case.alert_id, outcome="other", note="We know.")
    is_late(desk)
    assert trouble(desk, "late") == ["resolved"]


def test_an_empty_rota_ends_when_somebody_stands_at_every_step() -> None:
    desk = VirtualDesk(rota=NOBODY)
    desk.find("1")
    desk.after(MINUTE_MS)
    look(desk)
    assert trouble(desk, "empty-rota") == ["unacknowledged"]
    desk.core.put_rota(msgspec.structs.replace(ROTA, programme_lead=[]))
    look(desk)
    assert trouble(desk, "empty-rota") == ["unacknowledged"]
    desk.core.put_rota(ROTA)
    look(desk)
    assert trouble(desk, "empty-rota") == ["resolved"]


@pytest.mark.parametrize(
    ("mended", "attention"), [((), "unacknowledged"), (("nurse",), "resolved")]
)
def test_a_dead_channel_is_mended_when_it_took_something_and_not_when_another_one_did(
    mended: Sequence[str], attention: str
) -> None:
    desk = VirtualDesk()
    desk.reaches = lambda notice: "nurse" not in notice.to
    desk.find("1")
    desk.after(MINUTE_MS)  # the second was reached at once
    look(desk)
    assert trouble(desk, "undelivered") == ["unacknowledged"]
    desk.reaches = lambda notice: "nurse" not in notice.to or "nurse" in mended
    desk.find("2", alert_id="b")
    desk.after(HOUR_MS)
    look(desk)
    assert trouble(desk, "undelivered") == [attention]

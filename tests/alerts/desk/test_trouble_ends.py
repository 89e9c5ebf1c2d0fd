"""Trouble of the desk itself ends by itself when its cause is gone, and stays in the history."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from alerts.desk.message import notice_of
from alerts.desk.technical import Way, report, ways
from alerts.lateness import BANNER_MS
from schemas.rota import Channel, Contact, RotaEntry, Shift
from tests.alerts.desk.virtual_desk import HOUR_MS, MINUTE_MS, NOBODY, ROTA, VirtualDesk

LATE = "Readings wait 61 s to be judged, or no engine judges them."


def trouble(desk: VirtualDesk, rule: str) -> list[str]:
    """Give the attention of each alert about such trouble, oldest first."""
    cases = [one for one in desk.core.desk.technical_cases() if one.demand.rule == rule]
    return [one.attention for one in sorted(cases, key=lambda one: one.demand.at_ms)]


def look(desk: VirtualDesk, late_ms: int = 0) -> None:
    for one in desk.core.recovered(desk.now_ms, late_ms):
        desk.put(one)


def reachable(*channels: Channel) -> RotaEntry:
    return msgspec.structs.replace(ROTA, contacts=[Contact("nurse", list(channels))])


TWO = reachable(Channel("webhook", "u"), Channel("email", "v"))
WEBHOOK, EMAIL = ways(TWO, "nurse")


def fails(desk: VirtualDesk, way: Way = WEBHOOK) -> None:
    for one in desk.core.heard(way, "The webhook answered 404.", desk.now_ms):
        desk.put(one)


def takes(desk: VirtualDesk, way: Way) -> None:
    for one in desk.core.heard(way, None, desk.now_ms):
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


def test_trouble_that_comes_and_goes_is_a_hundred_alerts_a_day_at_most() -> None:
    desk = VirtualDesk()
    for _ in range(103):
        is_late(desk)
        look(desk)
    assert trouble(desk, "late") == ["resolved"] * 100
    desk.now_ms += 24 * HOUR_MS
    is_late(desk)
    assert trouble(desk, "late") == ["resolved"] * 100 + ["unacknowledged"]


def test_trouble_that_the_desk_knows_no_end_of_stays() -> None:
    desk = VirtualDesk()
    said = report("late", "", desk.now_ms, "The rota service is gone.")
    desk.put(msgspec.structs.replace(said, assignee="rota"))
    look(desk)
    assert trouble(desk, "rota") == ["unacknowledged"]


@pytest.mark.parametrize(
    "mended", [ROTA, msgspec.structs.replace(ROTA, shifts=[Shift("07:00", "19:00", ["nurse"])])]
)
def test_an_empty_rota_ends_when_somebody_stands_at_every_step_that_it_has(
    mended: RotaEntry,
) -> None:
    desk = VirtualDesk(rota=NOBODY)
    desk.find("1")
    desk.after(MINUTE_MS)
    look(desk)
    assert trouble(desk, "empty-rota") == ["unacknowledged"]
    desk.core.put_rota(msgspec.structs.replace(ROTA, programme_lead=[]))
    look(desk)
    assert trouble(desk, "empty-rota") == ["unacknowledged"]
    desk.core.put_rota(mended)
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


def test_the_channels_of_one_programme_say_nothing_of_another_s() -> None:
    """A name is a person of its rota: another programme's page of that name proves nothing."""
    desk = VirtualDesk()
    desk.core.put_rota(msgspec.structs.replace(ROTA, programme="other", books=["other"]))
    desk.reaches = lambda notice: notice.alert_ids == ["b"]
    desk.find("1")
    desk.after(MINUTE_MS)
    desk.find("2", alert_id="b", book="other")
    desk.after(4 * MINUTE_MS)
    look(desk)
    assert "nurse" in desk.case("b").notices.reached_since(desk.began_ms)
    assert trouble(desk, "undelivered") == ["unacknowledged"]


def test_everybody_who_was_missed_must_be_reached_before_a_channel_counts_as_mended() -> None:
    desk = VirtualDesk()
    dead = {"nurse", "second", "chief"}
    desk.reaches = lambda notice: dead.isdisjoint(notice.to)
    desk.find("1")
    desk.after(250)  # all three are tried at once
    for person in ("nurse", "second", "chief"):
        look(desk)
        assert trouble(desk, "undelivered") == ["unacknowledged"]
        dead.discard(person)
        desk.after(5 * MINUTE_MS)
    desk.after(15 * MINUTE_MS)
    look(desk)
    assert trouble(desk, "undelivered") == ["resolved"]


def test_who_was_missed_on_an_earlier_day_is_not_waited_for() -> None:
    desk = VirtualDesk()
    dead = {"nurse", "second"}
    desk.reaches = lambda notice: dead.isdisjoint(notice.to)
    desk.find("1")
    desk.after(MINUTE_MS)
    desk.do("resolve", outcome="advised")
    desk.after(48 * HOUR_MS)
    dead = {"nurse"}
    desk.find("2", alert_id="b")
    desk.after(MINUTE_MS)
    dead = {"second"}
    desk.do("resolve", "b", outcome="advised")
    desk.find("3", alert_id="c")
    desk.after(MINUTE_MS)
    look(desk)
    assert trouble(desk, "undelivered")[-1] == "resolved"


def test_a_channel_that_fails_beside_one_that_works_is_one_alert_until_it_works_again() -> None:
    desk = VirtualDesk(rota=TWO)
    fails(desk)
    fails(desk)
    (case,) = desk.core.desk.technical_cases()
    assert case.demand.reason == (
        "Programme home: the webhook of nurse failed (The webhook answered 404.); "
        "another channel took the notice."
    )
    look(desk)
    takes(desk, EMAIL)
    takes(desk, replace(WEBHOOK, programme="other"))
    assert trouble(desk, "channel") == ["unacknowledged"]
    desk.restart()
    takes(desk, WEBHOOK)
    assert trouble(desk, "channel") == ["resolved"]
    desk.now_ms += MINUTE_MS
    takes(desk, WEBHOOK)
    fails(desk)
    assert trouble(desk, "channel") == ["resolved", "unacknowledged"]


def test_technical_staff_are_told_of_it_and_of_which_programme() -> None:
    desk = VirtualDesk(rota=reachable(Channel("webhook", "u")))
    fails(desk)
    desk.after(MINUTE_MS)
    ((_, told),) = desk.delivered
    assert told.to == ["technician"]
    notice = notice_of(told, desk.case(told.alert_ids[0]), [], "", "u")
    assert notice.subject == "HIGH: A channel takes nothing, programme home"


def test_a_channel_that_the_rota_names_no_more_is_nobodys_trouble() -> None:
    two = reachable(Channel("webhook", "u"), Channel("webhook", "v"))
    desk = VirtualDesk(rota=two)
    fails(desk, [*ways(two, "nurse")][1])
    look(desk)
    assert trouble(desk, "channel") == ["unacknowledged"]
    desk.core.put_rota(reachable(Channel("webhook", "u")))
    look(desk)
    assert trouble(desk, "channel") == ["resolved"]
    fails(desk, replace(WEBHOOK, programme="gone"))
    look(desk)
    assert trouble(desk, "channel") == ["resolved", "resolved"], "nor is one of no rota"


def test_what_failed_at_one_address_is_no_trouble_of_the_next_which_may_fail_itself() -> None:
    desk = VirtualDesk(rota=reachable(Channel("webhook", "u")))
    fails(desk)
    (case,) = desk.core.desk.technical_cases()
    desk.do("resolve", case.alert_id, outcome="other", note="mended")
    mended = reachable(Channel("webhook", "w"))
    desk.core.put_rota(mended)
    fails(desk, *ways(mended, "nurse"))
    assert trouble(desk, "channel") == ["resolved", "unacknowledged"], (
        "closed that day, by a person"
    )
    desk.core.put_rota(reachable(Channel("webhook", "x")))
    look(desk)
    assert trouble(desk, "channel") == ["resolved", "resolved"]

"""What holds of the desk whatever happens, in virtual time."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.desk.filed import whose
from schemas.alert import ENDING, Action, Deed, Transition
from tests.alerts.desk.happenings import PAUSES_MS, happen
from tests.alerts.desk.virtual_desk import (
    HOUR_MS,
    MINUTE_MS,
    MONDAY_MS,
    VirtualDesk,
)

QUICK: list[Deed] = ["acknowledge", "shelve", "resolve"]
LATE = ("cool-down", "awaiting-confirmation", "acknowledged")
FIRST = ("onset", "worsened", "confirmed")


@st.composite
def days(draw: st.DrawFn) -> VirtualDesk:
    """Some hours at a clinic of which every channel may fail."""
    lost = draw(st.sets(st.sampled_from(["nurse", "second", "chief", "night"])))
    quick = draw(st.lists(st.sampled_from([None, None, *QUICK]), max_size=6))
    answers = iter(quick)
    desk = VirtualDesk(
        MONDAY_MS + draw(st.integers(0, 23)) * HOUR_MS,
        reaches=lambda notice: not lost.issuperset(notice.to),
        quick=lambda _: next(answers, None),
    )
    for number in range(draw(st.integers(1, 7))):
        happen(desk, draw, number)
        desk.after(draw(st.sampled_from(PAUSES_MS)))
        if draw(st.integers(0, 4)) == 0:
            desk.restart()
    desk.after(1_000)
    desk.quick = lambda _: None
    return desk


def events_of(desk: VirtualDesk) -> list[Transition]:
    return [one for one in desk.log if isinstance(one, Transition)]


@settings(max_examples=40)
@given(days(), st.data())
def test_whatever_happens(desk: VirtualDesk, data: st.DataObject) -> None:
    at_most_one_notification_for_each_patient_and_record(desk)
    every_event_that_may_notify_is_decided_with_a_reason(desk)
    what_was_never_more_than_medium_is_never_paged(desk)
    nobody_hears_twice_at_once_of_one_alert(desk)
    the_log_alone_says_what_the_desk_remembers(desk)
    a_crash_repeats_only_the_same_keys(desk, data.draw(st.integers(0, len(desk.log))))


def at_most_one_notification_for_each_patient_and_record(desk: VirtualDesk) -> None:
    records = {one.event_id: (whose(one), one.at_ms) for one in events_of(desk)}
    late = {  # decided before, and said when a wait was over, or a quick answer was taken back
        one.alert_ids[0] for one in desk.log if isinstance(one, Action) and one.reason in LATE
    }
    told = Counter(
        records[one.event_ids[0]]
        for one in desk.log
        if isinstance(one, Action)
        and one.kind == "notify"
        and one.reason in FIRST
        and one.event_ids[0] in records
        and one.alert_ids[0] not in late
    )
    assert max(told.values(), default=0) <= 1, told


def every_event_that_may_notify_is_decided_with_a_reason(desk: VirtualDesk) -> None:
    assert [case.undecided for case in desk.core.desk.cases() if case.undecided] == []
    decided = {
        event_id
        for one in desk.log
        if isinstance(one, Action) and one.kind in ("notify", "withhold") and one.reason
        for event_id in one.event_ids
    }
    quiet = ENDING | {"eased", "corrected", "cause"}
    assert {one.event_id for one in events_of(desk) if one.event not in quiet} <= decided


def what_was_never_more_than_medium_is_never_paged(desk: VirtualDesk) -> None:
    for _, notice in desk.delivered:
        if notice.reason not in ("listed", "retracted") and notice.patient_id:
            worst = {one.severity for one in events_of(desk) if one.alert_id in notice.alert_ids}
            assert worst & {"critical", "high"}, notice


def nobody_hears_twice_at_once_of_one_alert(desk: VirtualDesk) -> None:
    """Whoever answers is quicker than a notice, or a channel takes none; else each has its time."""
    taken = {one.answers for one in desk.log if isinstance(one, Action) and one.kind == "delivered"}
    heard = Counter(
        (at_ms, one.alert_ids[0])
        for at_ms, one in desk.delivered
        if one.action_id in taken and one.reason != "retracted"
    )
    assert max(heard.values(), default=0) <= 1, heard


def the_log_alone_says_what_the_desk_remembers(desk: VirtualDesk) -> None:
    before = {case.alert_id: case for case in desk.core.desk.cases()}
    due_ms = desk.core.due_ms()
    desk.restart()
    assert {case.alert_id: case for case in desk.core.desk.cases()} == before
    assert desk.core.due_ms() == due_ms
    assert desk.turn() == []


def a_crash_repeats_only_the_same_keys(desk: VirtualDesk, cut: int) -> None:
    """Whoever dies after any record of the log goes on: no page is repeated that was taken."""
    again = VirtualDesk(desk.now_ms + 1_000)
    again.log = desk.log[:cut]
    again.restart()
    finished = {
        one.answers for one in again.log if isinstance(one, Action) and one.kind == "delivered"
    }
    again.turn()
    keys = [one.action_id for _, one in again.delivered]
    assert len(keys) == len(set(keys))
    assert not finished & set(keys)
    written = [one.action_id for one in again.log if isinstance(one, Action)]
    assert len(written) == len(set(written))


@settings(max_examples=40)
@given(days())
def test_never_silent_while_a_critical_alert_is_unacknowledged(desk: VirtualDesk) -> None:
    desk.after(2 * MINUTE_MS)  # what awaits its confirmation without a deadline pages by then
    waiting = {
        case.alert_id
        for case in desk.core.desk.cases()
        if case.severity == "critical"
        and case.attention == "unacknowledged"
        and case.kind == "alert"
        and case.ended is None
        and not _cools_down(desk, case.alert_id)
    }
    since_ms = desk.now_ms
    desk.after(5 * MINUTE_MS + 1_000)
    assert waiting <= {one.alert_ids[0] for at_ms, one in desk.delivered if at_ms > since_ms}


def _cools_down(desk: VirtualDesk, alert_id: str) -> bool:
    withheld = desk.case(alert_id).notices.withheld
    return withheld is not None and withheld.reason == "cool-down"

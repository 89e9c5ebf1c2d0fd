"""What holds of the desk whatever happens, in virtual time."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.desk.fold import whose
from schemas.alert import ENDING, Action, Deed, Event, Mark, Severity, Transition
from tests.alerts.desk.virtual_desk import (
    HOUR_MS,
    MINUTE_MS,
    MONDAY_MS,
    VirtualDesk,
)

FIRST = ("onset", "worsened", "confirmed")
EVENTS: list[Event] = [
    "onset",
    "onset",
    "again",
    "worsened",
    "confirmed",
    "eased",
    "returned",
    "retracted",
    "retired",
    "not-confirmed",
    "stale",
]
SEVERITIES: list[Severity] = ["critical", "critical", "high", "medium", "info"]
MARKS: list[list[Mark]] = [[], [], ["awaiting-confirmation"], ["delayed"]]
DEEDS: list[Deed] = ["acknowledge", "acknowledge", "shelve", "resolve", "undo", "note"]
PAUSES_MS = [0, 1_000, 2 * MINUTE_MS, 6 * MINUTE_MS, 31 * MINUTE_MS, 65 * MINUTE_MS]


def happen(desk: VirtualDesk, draw: st.DrawFn, number: int) -> None:
    """Let a record with some events come, or a person do something."""
    opened = [one.alert_id for one in desk.core.desk.cases() if one.demand.subject == ""]
    by_person: bool = draw(st.booleans())
    if opened and by_person:
        kind = draw(st.sampled_from(DEEDS))
        alert_id = draw(st.sampled_from(opened))
        undone = [
            one.action_id
            for one in desk.log
            if isinstance(one, Action) and one.kind in ("acknowledge", "shelve")
        ]
        hours = draw(st.integers(0, 30))
        if kind != "undo" or undone:
            desk.do(
                kind,
                alert_id,
                until_ms=desk.now_ms + hours * HOUR_MS if kind == "shelve" else None,
                answers=draw(st.sampled_from(undone)) if kind == "undo" else "",
            )
        return
    patient = draw(st.sampled_from(["p", "q"]))
    for place in range(draw(st.integers(1, 3))):
        ladder = f"{patient}-{draw(st.sampled_from('abc'))}"
        event, alert_id, severity = engine_says(
            desk, ladder, draw(st.sampled_from(EVENTS)), draw(st.sampled_from(SEVERITIES))
        )
        desk.find(
            f"{number}-{place}",
            event,
            severity,
            alert_id=alert_id,
            patient_id=patient,
            ladder=ladder,
            marks=draw(st.sampled_from(MARKS)) if event in ("onset", "worsened") else [],
            cooldown_ms=draw(st.sampled_from([0, 0, 24 * HOUR_MS])),
        )


def engine_says(
    desk: VirtualDesk, ladder: str, event: Event, severity: Severity
) -> tuple[Event, str, Severity]:
    """Make it what an engine may say: an ended alert never speaks again, a step up goes up."""
    alerts = [case for case in desk.core.desk.cases() if case.demand.ladder == ladder]
    if event == "stale":
        return event, f"{ladder}-stale-{len(alerts)}", "medium"
    last = next((case for case in alerts if case.ended is None and case.kind == "alert"), None)
    if last is None:
        return "onset", f"{ladder}-{len(alerts)}", severity
    now: Severity = last.latest.severity
    match event:
        case "worsened" if now != "critical":
            return event, last.alert_id, "critical"
        case "eased" if now == "critical":
            return event, last.alert_id, "high"
        case "onset" | "worsened" | "eased":
            return "again", last.alert_id, now
        case "confirmed" if "awaiting-confirmation" not in last.demand.marks:
            return "again", last.alert_id, now
        case _:
            return event, last.alert_id, now


@st.composite
def days(draw: st.DrawFn) -> VirtualDesk:
    """Some hours at a clinic of which every channel may fail."""
    lost = draw(st.sets(st.sampled_from(["nurse", "second", "chief", "night"])))
    desk = VirtualDesk(
        MONDAY_MS + draw(st.integers(0, 23)) * HOUR_MS,
        reaches=lambda notice: not lost.issuperset(notice.to),
    )
    for number in range(draw(st.integers(1, 7))):
        happen(desk, draw, number)
        desk.after(draw(st.sampled_from(PAUSES_MS)))
        if draw(st.integers(0, 4)) == 0:
            desk.restart()
    desk.after(1_000)
    return desk


def events_of(desk: VirtualDesk) -> list[Transition]:
    return [one for one in desk.log if isinstance(one, Transition)]


@settings(max_examples=40)
@given(days(), st.data())
def test_whatever_happens(desk: VirtualDesk, data: st.DataObject) -> None:
    at_most_one_notification_for_each_patient_and_record(desk)
    every_event_that_may_notify_is_decided_with_a_reason(desk)
    what_was_never_more_than_medium_is_never_paged(desk)
    the_log_alone_says_what_the_desk_remembers(desk)
    a_crash_repeats_only_the_same_keys(desk, data.draw(st.integers(0, len(desk.log))))


def at_most_one_notification_for_each_patient_and_record(desk: VirtualDesk) -> None:
    records = {one.event_id: (whose(one), one.at_ms) for one in events_of(desk)}
    late = {  # decided before, and said when a cool-down or the wait for a repeat was over
        one.alert_ids[0]
        for one in desk.log
        if isinstance(one, Action) and one.reason in ("cool-down", "awaiting-confirmation")
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

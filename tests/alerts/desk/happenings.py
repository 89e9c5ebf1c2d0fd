"""What may happen at a clinic, drawn: records of the engine, and what people do."""

from collections.abc import Sequence

from hypothesis import strategies as st

from alerts.desk.past import ANSWERED_WITHIN_MS
from schemas.alert import Action, Deed, Event, Mark, Severity, Transition
from tests.alerts.desk.virtual_desk import HOUR_MS, MINUTE_MS, VirtualDesk

Log = Sequence[Transition | Action]
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


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """What came to a clinic and what was decided there, the two topics read in any order."""
    desk = VirtualDesk()
    for number in range(draw(st.integers(1, 12))):
        happen(desk, draw, number)
        desk.after(draw(st.sampled_from(PAUSES_MS)))
    events = [one for one in desk.log if isinstance(one, Transition)]
    actions = [one for one in desk.log if isinstance(one, Action)]
    match draw(st.sampled_from(["as it was", "events first", "actions first"])):
        case "events first":
            return [*events, *actions]
        case "actions first":
            return [*actions, *events]
        case _:
            return list(desk.log)


def happen(desk: VirtualDesk, draw: st.DrawFn, number: int) -> None:
    """Let a record with some events come, or a person do something to what the page lets them."""
    opened = [
        one.alert_id
        for one in desk.core.desk.cases()
        if one.demand.subject == ""
        and not desk.core.desk.is_past(one.alert_id, desk.now_ms - ANSWERED_WITHIN_MS)
    ]
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

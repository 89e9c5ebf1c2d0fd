"""What the page and the API show of an alert: in words, ready to be read."""

from collections.abc import Sequence

import msgspec

from alerts.desk.answers import shelf_ms_max
from alerts.desk.case import Attention, Case, Condition, Kind
from alerts.feed import words
from alerts.feed.answers import OUTCOMES
from alerts.feed.outlook import Outlook
from schemas.alert import Action, Event, Evidence, Mark, Severity, Transition
from schemas.registry import PatientEntry

_TASKS: dict[Event, str] = {
    "repeat-asked": "Ask for a repeat",
    "stale": "Arrived late: for the record",
    "resolved-before-seen": "Over before anybody saw it",
    "standing": "True already when the rule came into force",
    "inactive": "Not judged: the baseline is missing",
    "warming": "Not judged yet: too few readings are known",
    "limit-expiring": "A personal limit ends soon",
    "corrected-match": "Corrected: beyond a limit, as it now says",
    "wrongly-ended": "An alert was ended by a wrong reading",
}
"""Nobody is to be called because of it: a repeat, or a correction, says otherwise."""
_BESIDE_NAMED_MAX = 8
_MARKS: dict[Mark, str] = {
    "delayed": "Delayed: call the patient",
    "unverified": "Unverified: no repeat came",
    "flagged": "Flagged by the device",
    "stale": "Old reading",
    "awaiting-confirmation": "A repeat is awaited",
    "standing": "Not new",
}


class Card(msgspec.Struct, frozen=True):
    """An alert (or work-list item). Times are UTC ms; ``event_id`` is what an answer must name.

    ``answered`` says how ``answered_by`` answered, ``shelved`` who shelved it and why; ``due_ms``
    is when the work should be done, 0 for what is more urgent than any list. ``charted``: there is
    a picture of its readings beside the limit; ``chart`` says the same in words. ``covers``: ids of
    alerts of the same problem that ended and nobody closed: what is done to this card is done to
    them. ``not_assessed``: what the device does not look for, in words. ``beside``: values as
    severe that nobody answered either. ``measured``: what happened at ``measured_at_ms``, such as
    ``silence began`` if nothing came. ``opened_at_ms``: when the alert began, if that was a
    minute or more before what the headline shows, else 0. ``withdrawn`` says how an answer of
    ``withdrawn_answer_ms`` was given that counts no longer, ``withdrawn_by`` why. ``next``: what
    happens at ``next_at_ms`` if nobody does anything.
    """

    alert_id: str
    event_id: str
    patient_id: str
    patient: str
    simulated: bool
    kind: Kind
    condition: Condition
    attention: Attention
    severity: Severity
    title: str
    what: str
    details: str
    not_assessed: str
    measured: str
    measured_at_ms: int
    time_note: str
    opened_at_ms: int
    marks: list[str]
    reason: str
    advice: str
    source: str
    rule: str
    book: str
    raised_at_ms: int
    beside: str
    latest: str
    latest_at_ms: int
    answered_by: str
    answered_at_ms: int
    note: str
    answered: str
    withdrawn: str
    withdrawn_answer_ms: int
    withdrawn_by: str
    withdrawn_at_ms: int
    next: str
    next_at_ms: int
    shelved_until_ms: int
    shelved: str
    assignee: str
    notes: list[str]
    due_ms: int
    longest_shelf_hours: int
    charted: bool
    chart: str
    covers: list[str]


def card(
    case: Case,
    patient: PatientEntry | None,
    ahead: Outlook,
    before: Sequence[Case] = (),
    chart: str = "",
) -> Card:
    """Write an alert; a patient that the registry does not know is shown by id."""
    demand, latest, evidence = case.raised, case.latest, case.raised.evidence
    moved_on = latest.event_id != demand.event_id
    shelved = case.attention == "shelved"
    gone = case.withdrawn
    return Card(
        alert_id=case.alert_id,
        event_id=latest.event_id,
        patient_id=case.patient_id,
        patient=patient.pseudonym if patient else case.patient_id or _subject(case),
        simulated=bool(patient and patient.simulated),
        kind=case.kind,
        condition=case.condition,
        attention=case.attention,
        severity=case.severity,
        title=demand.title,
        what=_what(evidence),
        details=_details(evidence),
        not_assessed=_not_assessed(evidence),
        measured=_measured(demand),
        measured_at_ms=evidence.measured_at_ms,
        time_note=words.time_note(evidence.time_quality) if evidence.reading_id else "",
        opened_at_ms=case.opened_ms if demand.at_ms - case.opened_ms >= words.MINUTE_MS else 0,
        marks=_marks(case, before),
        reason=_reason(case),
        advice="" if case.never_was else demand.advice,
        source=demand.source,
        rule=demand.rule,
        book=demand.book,
        raised_at_ms=demand.at_ms,
        beside=_beside(case, before),
        latest=_latest(case) if moved_on else "",
        latest_at_ms=_at_ms(latest) if moved_on else 0,
        answered_by=case.answer.who if case.answer else "",
        answered_at_ms=case.answer.at_ms if case.answer else 0,
        note=case.answer.note if case.answer else "",
        answered=_answered(case),
        withdrawn=_given(gone.answer) if gone else "",
        withdrawn_answer_ms=gone.answer.at_ms if gone else 0,
        withdrawn_by=_taken_away(gone.by) if gone else "",
        withdrawn_at_ms=gone.by.at_ms if gone else 0,
        next=ahead.what,
        next_at_ms=ahead.at_ms,
        shelved_until_ms=(case.shelf.until_ms or 0) if shelved and case.shelf else 0,
        shelved=f"{case.shelf.who}: {case.shelf.note}" if shelved and case.shelf else "",
        assignee=case.assignee,
        notes=[f"{note.who}: {note.note}" for note in case.notes],
        due_ms=ahead.due_ms,
        longest_shelf_hours=_longest_shelf_hours(case),
        charted=bool(chart),
        chart=chart,
        covers=[one.alert_id for one in before],
    )


def _longest_shelf_hours(case: Case) -> int:
    return shelf_ms_max("critical" if case.was_critical else case.severity) // words.HOUR_MS


def _subject(case: Case) -> str:
    """Name what an alert is about that belongs to no patient: ``gateway 7``."""
    return case.demand.subject.replace("/", " ") or "the clinic"


def _marks(case: Case, before: Sequence[Case]) -> list[str]:
    transition = case.raised
    over = case.ended is not None or case.confirmed is not None
    task = _TASKS.get(transition.event)
    marks = [
        _MARKS[mark] for mark in transition.marks if not (over and mark == "awaiting-confirmation")
    ]
    if case.was_critical and case.severity != "critical":
        marks.append("Was critical")  # as its value and its title say
    if before:
        marks.append("Came back: not closed since last time")
    return [task, *marks] if task else marks


def _reason(case: Case) -> str:
    """Say why; a repeat may be beyond another limit than what it confirms, and has other values."""
    confirmed = case.confirmed
    if confirmed is None:
        return case.raised.reason
    if confirmed.evidence.reading_id == case.raised.evidence.reading_id:
        return confirmed.reason
    return f"The repeat was {_what(confirmed.evidence)}: {confirmed.reason}"


def _measured(transition: Transition) -> str:
    """Say what the time of an alert is of: a silence has no measurement, nor has what is due."""
    if transition.evidence.reading_id:
        return "measured"
    return "silence began" if transition.cause else "noted"


def _at_ms(transition: Transition) -> int:
    """Give when something happened; that no reading comes, or one does, is known by the log."""
    evidence = transition.evidence
    return evidence.measured_at_ms if evidence.reading_id else transition.at_ms


def _what(evidence: Evidence) -> str:
    return words.headline(evidence.vital, evidence.quantities) if evidence.reading_id else ""


def _details(evidence: Evidence) -> str:
    parts = [words.rest(evidence.vital, evidence.quantities)]
    parts += [words.words(flag) for flag in evidence.status or ()]
    return ", ".join(part for part in parts if part)


def _not_assessed(evidence: Evidence) -> str:
    if not evidence.reading_id:
        return ""
    return words.not_assessed(evidence.vital, evidence.status, evidence.not_assessed)


def _beside(case: Case, before: Sequence[Case]) -> str:
    """Name the values as severe that the headline does not show; the latest stands by itself.

    Those of alerts that stand on this card, too: who answers it answers them.
    """
    waiting = [
        one
        for one in sorted(before, key=lambda one: one.opened_ms)
        if (one.attention, one.severity) == (case.attention, case.severity)
        and case.attention == "unacknowledged"
    ]
    matches = [match for one in waiting for match in (one.raised, *one.beside)]
    matches += [one for one in case.beside if one.event_id != case.latest.event_id]
    others = [what for one in matches if (what := _what(one.evidence))]
    if not others:
        return ""
    left = len(others) - _BESIDE_NAMED_MAX
    more = f" and {left} more" if left > 0 else ""
    named = ", ".join(others[-_BESIDE_NAMED_MAX:])
    return f"Also {_so_severe(case.severity)}, unanswered: {named}{more}"


def _so_severe(severity: Severity) -> str:
    """Name a severity where a value is beside it: a low pressure is not high."""
    return "high severity" if severity == "high" else severity


def _latest(case: Case) -> str:
    latest = case.latest
    match latest.event:
        case "retracted":
            return f"Retracted: {latest.reason}"
        case "retired":
            return f"Closed: {latest.reason}"
        case _:
            return f"{_news(latest)}: {_what(latest.evidence) or latest.reason}"


def _news(latest: Transition) -> str:
    match latest.event:
        case "eased" | "worsened":
            return f"{latest.event.capitalize()} to {_so_severe(latest.severity)}"
        case "returned" | "corrected" | "confirmed" | "not-confirmed":
            return latest.event.replace("-", " ").capitalize()
        case "cause":
            return "Known by now"
        case _:
            return "Again"


def _answered(case: Case) -> str:
    if case.answer is None:
        return ""
    if case.answer.kind != "resolve":
        return "Acknowledged by"
    outcome = OUTCOMES[case.answer.outcome] if case.answer.outcome else ""
    return f"{outcome}: closed by" if outcome else "Closed by"


def _given(answer: Action) -> str:
    if answer.kind == "shelve":
        return f"Shelved by {answer.who}: {answer.note}"
    return f"{'Closed' if answer.kind == 'resolve' else 'Acknowledged'} by {answer.who}"


def _taken_away(by: Action) -> str:
    """Say who took an answer back, or that its time was over."""
    match by.reason:
        case "no-outcome":
            return "ran out without an outcome"
        case "no-reading":
            return "ran out: no outcome, and no reading came"
        case "shelf-ended":
            return "that time was over"
        case _:
            return f"taken back by {by.who}"

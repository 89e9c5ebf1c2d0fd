"""From a finding to the record of alerts.v1."""

from collections.abc import Iterator

from alerts.engine.ladders import limits
from alerts.engine.ladders.findings import Finding
from alerts.engine.ladders.ladder import Ladder, Rung, severity
from alerts.engine.readings.identity import alert_id, event_id
from alerts.engine.readings.sight import evidence_of
from alerts.engine.transitions import wording
from schemas.alert import Transition


def transition(
    patient_id: str, ladder: Ladder, finding: Finding, gated: dict[str, str], anew: str = ""
) -> Transition:
    """Write a finding down, with its reason, its rule and where the limits came from.

    ``anew``: why its reading is judged once more: it has come back, or more is known of it.
    """
    rung, cause = ladder.rungs[finding.speaking], ladder.rungs[finding.cause]
    again, window = finding.event == "again", finding.window
    alert = alert_id(patient_id, finding.scope or ladder.name, finding.origin)
    return Transition(
        event_id=event_id(alert, finding.event, _occasion(finding) + anew),
        alert_id=alert,
        patient_id=patient_id,
        ladder=ladder.name,
        rule=rung.rule.id,
        event=finding.event,
        severity=severity(finding.rank),
        at_ms=finding.at_ms,
        title=rung.rule.title,
        reason=_reason(ladder, finding, gated),
        evidence=evidence_of(finding.sight),
        book=rung.book.name,
        book_sha256=rung.book.sha256,
        advice=rung.rule.advice,
        source=rung.rule.source,
        marks=list(finding.marks),
        limits=limits.in_force(
            rung.tests, finding.sight, finding.own, window.sums if window else None
        ),
        window=window.readings if window else [],
        held_before=ladder.keys(finding.held[0]),
        lowered_before=ladder.keys(finding.held[1]),
        notify=rung.rule.notify,
        cooldown_ms=rung.rule.cooldown_ms,
        confirm_by_ms=finding.deadline_ms,
        matched=severity(cause.rank) if again and cause.rank > finding.rank else None,
    )


def _occasion(finding: Finding) -> str:
    """Tell apart what one reading may do twice: at once, at its deadline, by one that came late."""
    if finding.event == "stale":
        return str(finding.count)
    if finding.occasion:
        return finding.occasion
    if finding.count:
        return f"{finding.sight.reading_id}/{finding.count}"
    due = "/unverified" if finding.unanswered else ""
    late = f"/by {finding.late}" if finding.late else ""
    return f"{finding.sight.reading_id}{late}{due}"


def _reason(ladder: Ladder, finding: Finding, gated: dict[str, str]) -> str:
    cause, sight = ladder.rungs[finding.cause], finding.sight
    if finding.event == "returned":
        return wording.ended_text(cause, finding)
    if finding.event == "not-confirmed":
        return f"Not confirmed by a repeat. {wording.ended_text(cause, finding)}"
    if finding.event == "retired":
        return f"Closed: {wording.rule_text(cause)} is no longer in force"
    if finding.event == "standing":
        return wording.standing_text(cause, finding)
    if finding.occasion:
        return wording.reopened_text(cause, finding)
    if finding.event == "eased":
        return wording.eased_text(cause, ladder.rungs[finding.speaking], finding)
    parts = [
        wording.match_text(cause, finding),
        *_quality(ladder, finding, gated),
        *_confirmation(cause, finding),
    ]
    if "delayed" in finding.marks:
        age = wording.duration_text(finding.at_ms - sight.measured_at_ms)
        parts.append(f"delayed, measured {age} before it came: call the patient")
    if finding.event == "resolved-before-seen":
        parts.append("a later reading was back within limits")
    if finding.event == "stale":
        parts.append(_count_text(finding.count))
    return "; ".join(parts)


def _quality(ladder: Ladder, finding: Finding, gated: dict[str, str]) -> Iterator[str]:
    """Say what the device itself doubts, and what follows from it."""
    if "flagged" not in finding.marks:
        return
    flags = wording.flags_text(finding.sight, gated)
    repeat = wording.duration_text(ladder.rungs[finding.cause].rule.repeat_within_ms)
    if finding.event == "repeat-asked":
        over = finding.deadline_ms == finding.at_ms  # it came too late to be repeated in time
        yield f"but {flags}: ask for a repeat{'' if over else f' within {repeat}'}"
    elif "unverified" in finding.marks:
        doubted = f"but {flags}, and " if flags else ""  # a correction may have taken them away
        yield f"{doubted}no repeat came within {repeat}"
    else:
        yield f"though {flags}"


def _confirmation(cause: Rung, finding: Finding) -> Iterator[str]:
    """Say what is to be confirmed, or how it was.

    Not who is told of it, or when: that is the desk's, and somebody may have answered by then.
    """
    within = wording.duration_text(cause.rule.confirm_within_ms)
    if "awaiting-confirmation" in finding.marks:
        yield f"one reading, to be confirmed by a repeat within {within}"
    elif finding.event == "confirmed" and finding.unanswered:
        yield f"no repeat within {within} says otherwise"
    elif finding.event == "confirmed":
        yield "confirmed by a repeat"


def _count_text(count: int) -> str:
    if count == 1:
        return "an old reading, arrived today"
    return f"the worst of {count} old readings outside limits, arrived today"

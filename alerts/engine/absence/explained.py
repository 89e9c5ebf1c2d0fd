"""From what was noticed to the record of alerts.v1: the sentence that says why nothing comes."""

from alerts.engine.absence.noticed import Noticed
from alerts.engine.absence.rules import AbsenceRule
from alerts.engine.readings.identity import alert_id, event_id
from alerts.engine.transitions.wording import duration_text
from schemas.alert import Cause, Evidence, Transition
from schemas.vitals import spoken

GATEWAY_LADDER = "gateway-offline"
_DAY_MS = 24 * 3_600_000
_LONG_MS = 2 * _DAY_MS

_CAUSES: dict[Cause, str] = {
    "not-measured": (
        "the gateway in the home is not reported offline, so it seems that nothing was measured"
    ),
    "device-silent": (
        "the gateway is there but has not heard the device since: not used, out of its reach, or "
        "its battery is empty"
    ),
    "gateway-offline": "the gateway in the home is offline, so nobody knows what was measured",
    "pipeline-late": "the way to the clinic is late, so nobody knows what was measured",
}


_NO_GATEWAY = "nothing is known of a gateway in the home: is it set up?"


def patient_transition(patient_id: str, rule: AbsenceRule, noticed: Noticed) -> Transition:
    """Write down what was noticed of a patient."""
    absence, told = noticed.absence, rule.rule
    alert = alert_id(patient_id, told.ladder, absence.alert)
    return Transition(
        event_id=event_id(alert, noticed.event, noticed.occasion),
        alert_id=alert,
        patient_id=patient_id,
        ladder=told.ladder,
        rule=told.id,
        event=noticed.event,
        severity=told.severity,
        at_ms=noticed.at_ms,
        title=told.title,
        reason=_reason(told.vital, noticed),
        evidence=Evidence("", told.vital, absence.since_ms, "receipt", {}),
        book=rule.book.name,
        book_sha256=rule.book.sha256,
        advice=told.advice,
        source=told.source,
        notify=told.notify,
        cause=absence.cause,
    )


def gateway_transition(gateway_id: str, noticed: Noticed) -> Transition:
    """Write down that a gateway is away, which explains every absence behind it."""
    absence = noticed.absence
    subject = f"gateway/{gateway_id}"
    alert = alert_id(subject, GATEWAY_LADDER, str(absence.origin_ms))
    gone = noticed.event == "returned"
    return Transition(
        event_id=event_id(alert, noticed.event, ""),
        alert_id=alert,
        patient_id="",
        ladder=GATEWAY_LADDER,
        rule=GATEWAY_LADDER,
        event=noticed.event,
        severity="medium",
        at_ms=noticed.at_ms,
        title="The gateway of a home is offline",
        reason=(
            f"Gateway {gateway_id} is back after {_long(noticed.at_ms - absence.origin_ms)}"
            if gone
            else f"Gateway {gateway_id} has been offline for "
            f"{_long(noticed.at_ms - absence.origin_ms)}, and readings are due: they may wait "
            "in the home; the patients there are not reported one by one"
        ),
        evidence=Evidence("", "", absence.origin_ms, "receipt", {}),
        book="",
        book_sha256="",
        advice="Call the household: is the box plugged in, does the internet work? Readings wait "
        "in the box and come by themselves.",
        notify=False,
        subject=subject,
        cause="gateway-offline",
    )


def _reason(vital: str, noticed: Noticed) -> str:
    absence, name = noticed.absence, spoken(vital)
    if noticed.event == "returned":
        if noticed.place >= 0:
            return f"The patient has measured {name} again, or tried to"
        return f"The care plan was changed: by now no {name} is overdue"
    silence = _long(noticed.at_ms - absence.since_ms)
    if noticed.event == "eased":
        return f"By what is known and expected now, no {name} for {silence}: less grave than before"
    unknown = absence.cause == "not-measured" and not absence.gateway
    return f"No {name} for {silence}; {_NO_GATEWAY if unknown else _CAUSES[absence.cause]}"


def _long(duration_ms: int) -> str:
    if duration_ms < _LONG_MS:
        return duration_text(duration_ms)
    return f"{duration_ms // _DAY_MS} days"

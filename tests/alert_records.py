"""Records of the alert topics and of what surrounds them, for tests of the desk, feed and pages."""

import msgspec

from schemas.alert import Action, Event, Evidence, Severity, Transition
from schemas.kafka import PatientReadings, Stamp, StampedReading
from schemas.reading import Capture, Device, Quantity, Reading
from schemas.registry import PatientEntry

SEVERE = Evidence(
    reading_id="00" * 16,
    vital="blood_pressure",
    measured_at_ms=1_000,
    time_quality="device-clock",
    quantities={"systolic": "192 mm[Hg]", "diastolic": "124 mm[Hg]", "pulse": "88 /min"},
)


def transition(
    event_id: str,
    event: Event = "onset",
    severity: Severity = "critical",
    at_ms: int = 0,
    alert_id: str = "a",
    **fields: object,
) -> Transition:
    """Make a record of alerts.v1; ``fields`` replace what is not given by position."""
    record = Transition(
        event_id=event_id,
        alert_id=alert_id,
        patient_id=f"patient-of-{alert_id}",
        ladder="bp-high",
        rule="bp-severe",
        event=event,
        severity=severity,
        at_ms=at_ms,
        title="Severe blood pressure",
        reason="192/124 mmHg is above the limit of 180/120 mmHg.",
        evidence=SEVERE,
        book="adult-standard",
        book_sha256="0" * 64,
        advice="Call the patient now. Ask for chest pain, breathlessness, weakness.",
        source="2025 AHA/ACC high blood pressure guideline",
    )
    return msgspec.structs.replace(record, **fields)


def acknowledgement(
    *event_ids: str,
    action_id: str = "x",
    at_ms: int = 0,
    alert_ids: tuple[str, ...] = ("a",),
    who: str = "Anna",
) -> Action:
    return Action(
        action_id, list(alert_ids), "acknowledge", who, at_ms, "p", event_ids=list(event_ids)
    )


def patient(patient_id: str, pseudonym: str, *, simulated: bool = True) -> PatientEntry:
    return PatientEntry(patient_id, pseudonym, ["adult-standard"], simulated=simulated)


def readings(
    patient_id: str,
    reading_id: str,
    quantities: dict[str, Quantity],
    at_ms: int,
    **fields: object,
) -> PatientReadings:
    """Make a record of readings.v1 with one reading, measured and received at ``at_ms``."""
    reading = Reading(
        seq=1,
        reading_id=reading_id,
        vital="glucose" if "glucose" in quantities else "blood_pressure",
        device=Device("C0:FF:EE:00:00:01"),
        characteristic="2a35",
        raw="",
        quantities=quantities,
        session_id="s",
        capture=Capture("b", 1),
    )
    stamp = Stamp(at_ms, at_ms, at_ms, at_ms, at_ms, "device-clock")
    stamped = StampedReading(msgspec.structs.replace(reading, **fields), stamp)
    return PatientReadings(patient_id, "gw", "0" * 16, at_ms, [stamped])


def pressure(systolic: int, diastolic: int, pulse: int = 72) -> dict[str, Quantity]:
    return {
        "systolic": Quantity("mm[Hg]", str(systolic)),
        "diastolic": Quantity("mm[Hg]", str(diastolic)),
        "pulse": Quantity("/min", str(pulse)),
    }


def sugar(value: str) -> dict[str, Quantity]:
    return {"glucose": Quantity("mg/dL", value)}

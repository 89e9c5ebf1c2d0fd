"""What the page shows of a reading: a row in words, ready to be read."""

import msgspec

from alerts.feed import words
from alerts.feed.latest import CORRECTED
from alerts.records import possible
from schemas.kafka import StampedReading
from schemas.reading import value_text
from schemas.registry import PatientEntry
from schemas.vitals import VITALS

_REASSURING = frozenset({"validated", "fully-qualified"})
"""What an oximeter says of a good value: beside it, in the colour of trouble, it would alarm."""


class Row(msgspec.Struct, frozen=True):
    """A reading. ``flags`` is what the device noticed, ``not_assessed`` that it looks for nothing.

    ``time_note``: how far to trust the time.
    """

    reading_id: str
    patient_id: str
    patient: str
    simulated: bool
    vital: str
    what: str
    details: str
    flags: str
    not_assessed: str
    measured_at_ms: int
    received_at_ms: int
    time_note: str


def row(patient_id: str, stamped: StampedReading, patient: PatientEntry | None) -> Row:
    """Write a reading."""
    reading = stamped.reading
    texts = {name: value_text(quantity) for name, quantity in reading.quantities.items()}
    what, details = words.headline(reading.vital, texts), words.rest(reading.vital, texts)
    if reading.outcome == "failed":  # a number that the device does not stand by is not a value
        shown = any(quantity.value is not None for quantity in reading.quantities.values())
        what, details = "no value", f"the device showed {what}" if shown else ""
    return Row(
        reading_id=reading.reading_id,
        patient_id=patient_id,
        patient=patient.pseudonym if patient else patient_id,
        simulated=bool(patient and patient.simulated),
        vital=words.vital_title(reading.vital),
        what=what,
        details=details,
        flags=_flags(stamped),
        not_assessed=words.not_assessed(reading.vital, reading.status, ())
        if reading.outcome == "measured"
        else "",
        measured_at_ms=stamped.stamp.measured_at_ms,
        received_at_ms=stamped.stamp.received_at_ms,
        time_note=words.time_note(stamped.stamp.quality),
    )


def is_shown(stamped: StampedReading) -> bool:
    """Whether a reading stands for itself: a meal that completes one is not a measurement.

    One whose times no calendar has cannot be shown; it must not take the page with it.
    """
    vital = VITALS.get(stamped.reading.vital)
    times = (stamped.stamp.measured_at_ms, stamped.stamp.received_at_ms)
    return (vital is None or vital.amends is None) and all(map(possible, times))


def _flags(stamped: StampedReading) -> str:
    reading = stamped.reading
    flags = [words.words(flag) for flag in reading.status or () if flag not in _REASSURING]
    if reading.outcome != "measured":
        flags.insert(0, words.words(reading.outcome))
    if CORRECTED in reading.attributes:
        flags.insert(0, CORRECTED)
    return ", ".join(flags)

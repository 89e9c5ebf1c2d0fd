"""From a device's bytes to the bridge's records: whose reading it is, and what is none.

Each packet goes the whole way in one process: decoded by the gateway, sealed, parsed, stamped and
attributed by the bridge.
"""

from decimal import Decimal

import msgspec
import pytest

from gateway.decoding.decode import decode
from gateway.record import BLOOD_PRESSURE, GLUCOSE, Entry, Record, SessionFacts
from ingest.bridge.parse import parse
from ingest.registry.view import RegistryView
from schemas import topics
from schemas.gatt import blood_pressure, date_time, glucose
from schemas.gatt.blood_pressure import USER_UNKNOWN, BloodPressureMeasurement
from schemas.gatt.glucose import GlucoseMeasurement, SampleLocation, SampleType, Status
from schemas.gatt.number import Absent, Number
from schemas.kafka import PatientReadings, StampedReading, Unassigned
from schemas.reading import Capture, Device, Quantity, Reading
from schemas.registry import Assignment
from tests.gateway.records import SHOWN
from tests.ingest.factories import BOOT, CUFF, SENT_MONOTONIC_MS, STREAM, device, message

COUPLE = RegistryView(
    [
        device(
            Assignment("a", "anna", 0, user_slot=1),
            Assignment("b", "ben", 0, user_slot=2),
        )
    ]
)
ANNAS = RegistryView([device(Assignment("a", "anna", 0))])


def arrived(characteristic: str, payload: bytes, view: RegistryView) -> tuple[str, StampedReading]:
    """Give the patient, or why there is none, and the reading as Kafka gets it."""
    capture = Capture(BOOT, SENT_MONOTONIC_MS - 2_000)
    record = Record(STREAM, 1, CUFF, characteristic, payload, "session", capture)
    facts = SessionFacts("session", Device(CUFF), ended=True, newest=1)
    item = decode(Entry(record, facts), "home-1")
    (outgoing,) = parse(message([item]), view.attribute, view.zone_of).records
    if outgoing.topic == topics.UNASSIGNED:
        waiting = msgspec.json.decode(outgoing.value, type=Unassigned)
        return waiting.reason, waiting.reading
    assert outgoing.topic == topics.READINGS, outgoing.value
    owned = msgspec.json.decode(outgoing.value, type=PatientReadings)
    return owned.patient_id, owned.readings[0]


def cuff(
    user: int | None = None,
    systolic: Number = Decimal(120),
    status: blood_pressure.Status | None = None,
) -> bytes:
    return blood_pressure.encode(
        BloodPressureMeasurement(
            systolic=systolic,
            diastolic=Decimal(80) if isinstance(systolic, Decimal) else systolic,
            mean=Decimal(93) if isinstance(systolic, Decimal) else systolic,
            timestamp=date_time.of(SHOWN),
            user=user,
            status=status,
        )
    )


def meter(
    concentration: Number | None = Decimal("0.00100"),
    sample_type: SampleType = SampleType.CAPILLARY_WHOLE_BLOOD,
    location: SampleLocation = SampleLocation.FINGER,
    status: Status | None = None,
) -> Reading:
    payload = glucose.encode(
        GlucoseMeasurement(
            sequence=7,
            base_time=date_time.of(SHOWN),
            concentration=concentration,
            sample_type=None if concentration is None else sample_type,
            sample_location=None if concentration is None else location,
            status=status,
        )
    )
    patient, stamped = arrived(GLUCOSE, payload, ANNAS)
    assert patient == "anna"
    return stamped.reading


@pytest.mark.parametrize(
    ("user", "whose"),
    [
        (1, "anna"),
        (2, "ben"),
        (3, "unknown-user-slot"),
        (USER_UNKNOWN, "unknown-user-slot"),
        (None, "unknown-user-slot"),
    ],
)
def test_on_a_cuff_of_two_only_a_known_slot_has_a_patient(user: int | None, whose: str) -> None:
    found, stamped = arrived(BLOOD_PRESSURE, cuff(user), COUPLE)
    assert found == whose
    assert stamped.reading.quantities["systolic"].value == "120"  # it waits whole


@pytest.mark.parametrize("user", [1, USER_UNKNOWN, None])
def test_a_cuff_that_a_person_gave_as_a_whole_is_one_patients(user: int | None) -> None:
    assert arrived(BLOOD_PRESSURE, cuff(user), ANNAS)[0] == "anna"


def test_a_failed_measurement_is_a_contact_and_no_value() -> None:
    patient, stamped = arrived(BLOOD_PRESSURE, cuff(systolic=Absent.NOT_A_NUMBER), ANNAS)
    assert (patient, stamped.reading.outcome) == ("anna", "failed")
    assert stamped.reading.quantities["systolic"] == Quantity("mm[Hg]", absent="not-a-number")


def test_quality_flags_travel_and_their_absence_is_not_fine() -> None:
    noticed = blood_pressure.Status.BODY_MOVED | blood_pressure.Status.CUFF_TOO_LOOSE
    flagged = arrived(BLOOD_PRESSURE, cuff(status=noticed), ANNAS)[1].reading
    assert flagged.status == ["body-moved", "cuff-too-loose"]
    assert arrived(BLOOD_PRESSURE, cuff(), ANNAS)[1].reading.status is None
    assert (
        arrived(BLOOD_PRESSURE, cuff(status=blood_pressure.Status(0)), ANNAS)[1].reading.status
        == []
    )


@pytest.mark.parametrize(
    ("sample_type", "location"),
    [
        (SampleType.CONTROL_SOLUTION, SampleLocation.FINGER),
        (SampleType.CAPILLARY_WHOLE_BLOOD, SampleLocation.CONTROL_SOLUTION),
    ],
)
def test_control_solution_is_said_so(sample_type: SampleType, location: SampleLocation) -> None:
    assert meter(sample_type=sample_type, location=location).outcome == "control-solution"


@pytest.mark.parametrize(
    ("concentration", "status", "absent"),
    [
        (Absent.POSITIVE_INFINITY, None, "positive-infinity"),
        (Absent.NEGATIVE_INFINITY, None, "negative-infinity"),
        (Decimal("0.00600"), Status.RESULT_ABOVE_RANGE, "positive-infinity"),
        (Decimal("0.00020"), Status.RESULT_BELOW_RANGE, "negative-infinity"),
        (None, Status.RESULT_BELOW_RANGE, "negative-infinity"),
    ],
)
def test_high_and_low_arrive_as_measured_and_beyond_the_meter(
    concentration: Number | None, status: Status | None, absent: str
) -> None:
    found = meter(concentration, status=status)
    assert (found.outcome, found.quantities["glucose"].absent) == ("measured", absent)


def test_a_strip_fault_without_a_value_is_a_failed_measurement() -> None:
    found = meter(Absent.NOT_A_NUMBER, status=Status.STRIP_INSERTION_ERROR)
    assert (found.outcome, found.status) == ("failed", ["strip-insertion-error"])

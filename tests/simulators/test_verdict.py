"""What is missing, doubled, invented or misplaced is said by the check; else all is well."""

from dataclasses import replace
from decimal import Decimal

import pytest

from schemas.gatt import blood_pressure, glucose
from schemas.gatt.blood_pressure import BloodPressureMeasurement, Status
from simulators.demo.verdict import Evidence, PayloadName, StoredRow, judge
from simulators.expectations import ExpectedEvent

CUFF, METER = "C4:DE:30:00:01:01", "C4:DE:30:00:01:02"
PATIENTS = {CUFF: "patient-001", METER: "patient-001"}


def pressure(systolic: int, diastolic: int, pulse: int = 70, status: int = 0) -> PayloadName:
    measurement = BloodPressureMeasurement(
        systolic=Decimal(systolic),
        diastolic=Decimal(diastolic),
        mean=Decimal(90),
        pulse=Decimal(pulse),
        status=Status(status),
    )
    return CUFF, "2a35", blood_pressure.encode(measurement).hex()


def row(name: PayloadName, reading_id: str, record: str = "") -> StoredRow:
    return StoredRow(name, reading_id, "patient-001", record or reading_id)


def onset(reading_id: str) -> ExpectedEvent:
    return ExpectedEvent("patient-001", "bp-high", "onset", "critical", reading_id)


NORMAL, SEVERE = pressure(128, 80), pressure(200, 110)
GOOD = Evidence(
    taken=[NORMAL, SEVERE],
    handed_over_ms={NORMAL: 1_000, SEVERE: 2_000},
    patients=PATIENTS,
    rows=[row(NORMAL, "a"), row(SEVERE, "b")],
    raised=[onset("b")],
    seen_ms={"b": 2_250},
    rejected=0,
    unassigned=0,
)


def test_all_is_well_if_everything_arrived_once_and_alerts_match() -> None:
    verdict = judge(GOOD)
    assert verdict.well
    assert (verdict.taken, verdict.handed_over, verdict.stored) == (2, 2, 2)
    assert (verdict.expected, verdict.raised) == (1, 1)
    assert verdict.latency_ms(50) == verdict.latency_ms(99) == 250


@pytest.mark.parametrize(
    ("evidence", "problem"),
    [
        (replace(GOOD, rows=GOOD.rows[1:]), "not in the database"),
        (replace(GOOD, rows=[*GOOD.rows, row(NORMAL, "a")]), "2 times"),
        (replace(GOOD, rows=[*GOOD.rows, row(pressure(1, 1), "c")]), "no device measured it"),
        (replace(GOOD, patients={CUFF: "patient-002"}), "is stored as patient-001's"),
        (replace(GOOD, raised=[]), "never raised: onset critical of bp-high"),
        (replace(GOOD, raised=[onset("b"), onset("a")]), "raised, not expected"),
        (replace(GOOD, raised=[onset("b"), onset("b")]), "raised, not expected"),
        (replace(GOOD, handed_over_ms={}, rows=[], raised=[]), "no device handed over anything"),
        (replace(GOOD, rejected=1), "1 payloads were rejected"),
        (replace(GOOD, unassigned=2), "2 readings found no patient"),
    ],
)
def test_every_discrepancy_is_said(evidence: Evidence, problem: str) -> None:
    verdict = judge(evidence)
    assert not verdict.well
    assert any(problem in said for said in verdict.problems)


def test_what_is_under_way_counts_as_in_flight() -> None:
    assert judge(replace(GOOD, rows=GOOD.rows[:1], raised=[])).in_flight == 1


def test_a_payload_that_arrived_without_the_devices_proof_is_judged_too() -> None:
    unproven = replace(GOOD, handed_over_ms={NORMAL: 1_000})
    assert judge(unproven).well


def test_a_measurement_still_on_its_device_is_not_expected_anywhere() -> None:
    waiting = pressure(210, 120)
    assert judge(replace(GOOD, taken=[*GOOD.taken, waiting])).well


def test_movement_and_words_are_read_from_the_payload() -> None:
    moved = pressure(200, 110, status=Status.BODY_MOVED)
    evidence = replace(
        GOOD,
        taken=[moved],
        handed_over_ms={moved: 1},
        rows=[row(moved, "m")],
        raised=[ExpectedEvent("patient-001", "bp-high", "repeat-asked", "critical", "m")],
    )
    assert judge(evidence).well


def test_latencies_are_ranked() -> None:
    payloads = [pressure(200, 110, pulse) for pulse in range(60, 160)]
    evidence = replace(
        GOOD,
        rows=[row(name, str(number)) for number, name in enumerate(payloads)],
        handed_over_ms=dict.fromkeys(payloads, 0),
        seen_ms={str(number): number + 1 for number in range(100)},
    )
    assert judge(evidence).latency_ms(50) == 50
    assert judge(evidence).latency_ms(99) == 99
    assert judge(replace(GOOD, seen_ms={})).latency_ms(50) is None


def test_a_context_of_a_meal_is_stored_but_judged_by_no_rule() -> None:
    measured = (METER, "2a18", glucose_payload(120))
    context = (METER, "2a34", "0200010001")
    evidence = replace(
        GOOD,
        taken=[measured, context],
        handed_over_ms={measured: 1, context: 1},
        rows=[row(measured, "g"), row(context, "c")],
        raised=[],
    )
    assert judge(evidence).well


def glucose_payload(mg_dl: int) -> str:
    sequence, year = (1).to_bytes(2, "little"), (2026).to_bytes(2, "little")
    base_time = year + bytes((11, 22, 5, 0, 0))
    word = (mg_dl | 0xB000).to_bytes(2, "little")  # SFLOAT, exponent -5: mg/dL as kg/L
    payload = b"\x02" + sequence + base_time + word + b"\x11"
    assert glucose.decode(payload).sequence == 1
    return payload.hex()

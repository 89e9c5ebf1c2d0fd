"""Readings, records and rule sets, as the tests of the engine write them."""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.plans import Plans
from alerts.rules.load import load_books
from schemas.kafka import (
    PatientReadings,
    ReadingsRecord,
    Stamp,
    StampedReading,
    TimeQuality,
    Unassigned,
)
from schemas.reading import Absence, Capture, Device, Outcome, Quantity, Reading
from schemas.registry import PatientEntry

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOON = 1_790_000_000_000 - 1_790_000_000_000 % DAY + 12 * HOUR
TRIAL = Path(__file__).parent / "books"
ADDRESS = "A0:00:00:00:00:01"
BASIC = TRIAL / "basic"
"""The rules of single readings, in books that stay as they are when a clinician changes a limit."""
BOTH = ["adult-standard", "adult-diabetes"]
_ABSENT: dict[str, Absence] = {
    "HI": "positive-infinity",
    "LO": "negative-infinity",
    "NaN": "not-a-number",
}


@functools.cache
def basic() -> RuleSet:
    return arrange(load_books(BASIC))


@functools.cache
def trial() -> RuleSet:
    """The basic books and one more that shares their ladders."""
    return arrange([*load_books(BASIC), *load_books(TRIAL)])


def fresh_state(*patients: PatientEntry, rules: RuleSet | None = None) -> PartitionState:
    rules = rules or basic()
    plans = Plans(rules)
    for patient in patients or (PatientEntry("p1", "Robin", BOTH),):
        assert plans.put(patient) == []
    return PartitionState(rules, plans)


def quantity(value: object, unit: str) -> Quantity:
    text = str(value)
    if text in _ABSENT:
        return Quantity(unit, absent=_ABSENT[text])
    return Quantity(unit, value=text)


@dataclass(frozen=True)
class Measured:
    """A reading before it has a place in the log; times in ms."""

    vital: str
    quantities: dict[str, Quantity]
    at_ms: int
    flags: tuple[str, ...] = ()
    time: TimeQuality = "device-clock"
    earliest_ms: int | None = None
    outcome: Outcome = "measured"
    name: str = ""
    session: str = ""
    """If it is not named: one with the others of its record."""
    attributes: dict[str, str] = field(default_factory=dict)
    amends: str | None = None

    @property
    def reading_id(self) -> str:
        """Follows from what was measured, unless it has a name."""
        what = self.name or f"{self.at_ms} {self.vital} {self.quantities}"
        return hashlib.sha256(what.encode()).hexdigest()[:32]


def pressure(
    at_ms: int, systolic: object, diastolic: object = 80, *flags: str, unit: str = "mm[Hg]"
) -> Measured:
    values = {"systolic": quantity(systolic, unit), "diastolic": quantity(diastolic, unit)}
    return Measured("blood_pressure", values, at_ms, flags)


def glucose(at_ms: int, value: object, unit: str = "mg/dL") -> Measured:
    return Measured("glucose", {"glucose": quantity(value, unit)}, at_ms)


def stamped(measured: Measured, received_ms: int, seq: int = 1) -> StampedReading:
    """Make the reading."""
    earliest_ms = measured.at_ms if measured.earliest_ms is None else measured.earliest_ms
    return StampedReading(
        Reading(
            seq=seq,
            reading_id=measured.reading_id,
            vital=measured.vital,
            device=Device(ADDRESS),
            characteristic="2a35",
            raw="",
            quantities=measured.quantities,
            session_id=measured.session or f"at {received_ms}",
            capture=Capture("boot", measured.at_ms),
            outcome=measured.outcome,
            status=list(measured.flags),
            attributes=measured.attributes,
            amends=measured.amends,
        ),
        Stamp(
            received_at_ms=received_ms,
            captured_at_ms=measured.at_ms,
            measured_at_ms=measured.at_ms,
            earliest_ms=earliest_ms,
            latest_ms=measured.at_ms,
            quality=measured.time,
        ),
    )


def record(
    received_ms: int, measured: Sequence[Measured], patient_id: str = "p1"
) -> PatientReadings:
    readings = [stamped(one, received_ms, seq) for seq, one in enumerate(measured, start=1)]
    return PatientReadings(patient_id, "home-1", "0" * 16, received_ms, readings)


def waiting(measured: Measured, received_ms: int | None = None, device: str = "") -> Unassigned:
    """A reading of a device that is nobody's."""
    at_ms = measured.at_ms if received_ms is None else received_ms
    reading = stamped(measured, at_ms)
    if device:
        reading = StampedReading(reading.reading, reading.stamp, device_id=device)
    return Unassigned("home-1", "0" * 16, at_ms, "no-assignment", reading)


def at_once(*measured: Measured, patient_id: str = "p1") -> list[ReadingsRecord]:
    """A record for each reading, received in the moment of measurement."""
    return [record(one.at_ms, [one], patient_id) for one in measured]


@dataclass(frozen=True)
class Version:
    """From here on these books are in force, as TOML."""

    books: tuple[str, ...]


def encoded(one: ReadingsRecord) -> bytes:
    return msgspec.json.encode(one)

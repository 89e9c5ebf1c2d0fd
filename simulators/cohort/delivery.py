"""From presses of a button to records of readings.v1: bytes, clocks, outages, duplicates.

The gateway's own decoder and the bridge's own stamp make the records, so they are exactly what the
clinic gets from such devices.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from gateway.decoding.decode import decode
from gateway.record import DeviceClock, Entry, Record, SessionFacts
from schemas.gatt import blood_pressure, date_time, glucose
from schemas.gatt.number import Absent, Number, scaled
from schemas.gatt.services import FEATURE_OF
from schemas.kafka import PatientReadings, StampedReading
from schemas.reading import Capture, Coincidence, Device, Reading
from schemas.stamp import Sending, stamp
from schemas.vitals import FROM_MMOL_L_GLUCOSE
from simulators.cohort.course import DAY_MIN
from simulators.cohort.devices import Mishap
from simulators.cohort.episodes import MINUTE_MS
from simulators.cohort.patient import Life, Sample

_BOOT_BEFORE_MS = 3_600_000_000
_CUFF, _METER = "2a35", "2a18"
_CUFF_FEATURES = int(
    blood_pressure.Feature.BODY_MOVEMENT_DETECTION
    | blood_pressure.Feature.CUFF_FIT_DETECTION
    | blood_pressure.Feature.IRREGULAR_PULSE_DETECTION
    | blood_pressure.Feature.POSITION_DETECTION
)
_METER_FEATURES = int(glucose.Feature.RESULT_RANGE_DETECTION | glucose.Feature.TIME_FAULT_DETECTION)
_FLAGS = {
    "body-moved": blood_pressure.Status.BODY_MOVED,
    "cuff-too-loose": blood_pressure.Status.CUFF_TOO_LOOSE,
    "improper-position": blood_pressure.Status.IMPROPER_POSITION,
    "irregular-pulse": blood_pressure.Status.IRREGULAR_PULSE,
}
_WRONG_BY_S = (3600, -3600, 43_200, -86_400, 900, -5_400, 365 * 86_400, -12 * 365 * 86_400)
_LATE_MS = 60_000
_ITEMS_MAX = 200


@dataclass(frozen=True, slots=True)
class Home:
    """How readings leave one home.

    ``clock_s``: how far the device's clock is ahead; ``clock_readable``: a session can read it;
    ``keeps``: the device is read once in an evening, not after each measurement; ``offline``: spans
    [begin, end) in minutes in which the home has no internet.
    """

    gateway_id: str
    stream: str
    address: str
    clock_s: int
    clock_readable: bool
    keeps: bool
    offline: tuple[tuple[float, float], ...]

    @staticmethod
    def draw(rng: np.random.Generator, number: int, days: int, *, meter: bool) -> "Home":
        """Draw it: one clock in sixteen is wrong, a connection breaks every three weeks."""
        offline = []
        minute = rng.exponential(21.0 * DAY_MIN)
        while minute < days * DAY_MIN:
            length = float(rng.lognormal(4.8, 1.2))
            offline.append((minute, minute + length))
            minute += length + rng.exponential(21.0 * DAY_MIN)
        wrong = rng.random() < 1 / 16
        return Home(
            gateway_id=f"home-{number:06}",
            stream=f"{rng.integers(1 << 62):016x}",
            address="C0:DE:" + ":".join(f"{number >> shift & 255:02X}" for shift in (24, 16, 8, 0)),
            clock_s=int(rng.choice(_WRONG_BY_S)) if wrong else round(rng.normal(0.0, 40.0)),
            clock_readable=bool(rng.random() < 0.7),
            keeps=bool(meter and rng.random() < 0.2),
            offline=tuple(offline),
        )

    @property
    def wrong_clock(self) -> bool:
        """Whether nobody should believe its stamps."""
        return abs(self.clock_s) > 600


@dataclass(slots=True)
class _Journal:
    """A home's gateway: numbers, the sessions' memory, what waits for the internet."""

    patient_id: str
    home: Home
    life: Life
    midnight_ms: int
    seq: int = 0
    sequence: int = 0
    coincidences: list[Coincidence] = field(default_factory=list)

    def capture(self, at_ms: int) -> Capture:
        return Capture("boot-1", at_ms - self.midnight_ms + _BOOT_BEFORE_MS, at_ms)

    def shown_at(self, at_ms: int) -> datetime:
        local = self.life.calendar.local(at_ms) + timedelta(seconds=self.home.clock_s)
        return local.replace(microsecond=0)

    def session(self, samples: list[Sample], captured_ms: int) -> list[Reading]:
        """Read the device: its new records, oldest first."""
        meter = "glucose" in samples[0].true
        number = _METER if meter else _CUFF
        features = _METER_FEATURES if meter else (_CUFF_FEATURES if self.life.assesses else 0)
        first = self.seq + 1
        self.seq += len(samples)
        clock = None
        if self.home.clock_readable:
            capture = self.capture(captured_ms)
            clock = DeviceClock(self.shown_at(captured_ms), capture.monotonic_ms)
        else:
            stamped = self.shown_at(self.midnight_ms + round(samples[-1].minute * MINUTE_MS))
            self.coincidences.append(Coincidence(captured_ms, stamped.isoformat()))
            del self.coincidences[:-5]
        facts = SessionFacts(
            session_id=f"{self.home.stream}-{first}",
            device=Device(self.home.address, "Simulated"),
            clock=clock,
            features={FEATURE_OF[number]: features},
            ended=True,
            newest=self.seq,
            coincidences=tuple(self.coincidences),
        )
        readings = []
        for seq, sample in enumerate(samples, start=first):
            payload = self._payload(sample, meter=meter)
            record = Record(
                self.home.stream, seq, self.home.address, number, payload,
                facts.session_id, self.capture(captured_ms),
            )  # fmt: skip
            item = decode(Entry(record, facts), self.home.gateway_id)
            assert isinstance(item, Reading), item
            readings.append(item)
        return readings

    def _payload(self, sample: Sample, *, meter: bool) -> bytes:
        at = self.shown_at(self.midnight_ms + round(sample.minute * MINUTE_MS))
        if meter:
            self.sequence = (self.sequence + 1) % (1 << 16)
            return _of_the_meter(sample, at, self.sequence, mmol=self.life.mmol)
        return _of_the_cuff(sample, at, assesses=self.life.assesses)


def _of_the_cuff(sample: Sample, at: datetime, *, assesses: bool) -> bytes:
    values = sample.shown.values
    absent: Number = Absent.NOT_A_NUMBER
    systolic = Decimal(values["systolic"]) if values else absent
    diastolic = Decimal(values["diastolic"]) if values else absent
    status = blood_pressure.Status(0)
    for flag in sample.shown.flags:
        status |= _FLAGS[flag]
    return blood_pressure.encode(
        blood_pressure.BloodPressureMeasurement(
            systolic=systolic,
            diastolic=diastolic,
            mean=Decimal((values["systolic"] + 2 * values["diastolic"]) // 3) if values else absent,
            timestamp=date_time.of(at),
            pulse=Decimal(values["pulse"]) if values else None,
            user=1,
            status=status if assesses else None,
        )
    )


def _of_the_meter(sample: Sample, at: datetime, sequence: int, *, mmol: bool) -> bytes:
    concentration: Number
    status = glucose.Status(0)
    if sample.shown.beyond:
        above = sample.shown.beyond > 0
        concentration = Absent.POSITIVE_INFINITY if above else Absent.NEGATIVE_INFINITY
        status |= glucose.Status.RESULT_ABOVE_RANGE if above else glucose.Status.RESULT_BELOW_RANGE
    else:
        shown = Decimal(sample.shown.values["glucose"])
        if mmol:
            tenths = FROM_MMOL_L_GLUCOSE.received(shown).quantize(Decimal("0.1"))
            concentration = scaled(tenths, -3)
        else:
            concentration = scaled(shown, -5)
    unit = glucose.ConcentrationUnit.MOL_PER_L if mmol else glucose.ConcentrationUnit.KG_PER_L
    return glucose.encode(
        glucose.GlucoseMeasurement(
            sequence=sequence,
            base_time=date_time.of(at),
            time_offset_min=0,
            unit=unit,
            concentration=concentration,
            sample_type=glucose.SampleType.CAPILLARY_WHOLE_BLOOD,
            sample_location=glucose.SampleLocation.FINGER,
            status=status,
        )
    )


@dataclass(frozen=True, slots=True)
class Delivered:
    """One patient's records, and what is behind each reading: (id, sample, mishaps)."""

    records: list[PatientReadings]
    measured: list[tuple[str, Sample, tuple[Mishap, ...]]]


def deliver(
    patient_id: str, life: Life, home: Home, days: int, rng: np.random.Generator
) -> Delivered:
    """Let a home send what was measured there; records by their receipt."""
    midnight_ms = life.calendar.ms(0, 0)
    journal = _Journal(patient_id, home, life, midnight_ms)
    records: list[PatientReadings] = []
    measured: list[tuple[str, Sample, tuple[Mishap, ...]]] = []
    waiting: dict[int, list[Reading]] = {}
    for samples, captured_min in _sessions(life, home, days):
        captured_ms = midnight_ms + round(captured_min * MINUTE_MS) + int(rng.integers(1500, 9000))
        readings = journal.session(samples, captured_ms)
        sent_ms = captured_ms + int(rng.integers(300, 20_000))
        for begin, end in home.offline:
            if begin <= captured_min < end:
                sent_ms = max(sent_ms, midnight_ms + round(end * MINUTE_MS))
        mishaps: tuple[Mishap, ...] = ("wrong-clock",) if home.wrong_clock else ()
        if sent_ms - captured_ms > _LATE_MS:
            mishaps = (*mishaps, "late")
        twice = rng.random() < 0.01
        if twice:
            mishaps = (*mishaps, "twice")
            again_ms = sent_ms + int(rng.integers(5_000, 7_200_000))
            records += _records(journal, readings, again_ms)
        waiting.setdefault(sent_ms, []).extend(readings)
        measured += [
            (reading.reading_id, sample, (*sample.shown.mishaps, *mishaps))
            for reading, sample in zip(readings, samples, strict=True)
        ]
    for sent_ms, readings in waiting.items():
        records += _records(journal, readings, sent_ms)
    records.sort(key=lambda record: record.received_at_ms)
    return Delivered(records, measured)


def _sessions(life: Life, home: Home, days: int) -> Iterator[tuple[list[Sample], float]]:
    """Group samples into the sessions that read them, with the minute of each session."""
    if not home.keeps:
        for sample in life.samples:
            yield [sample], sample.minute
        return
    kept = list(life.samples)
    for day in range(days + 1):
        evening = life.calendar.minute(day, 21.0)
        due = [sample for sample in kept if sample.minute < evening]
        kept = kept[len(due) :]
        if due:
            yield due, evening


def _records(journal: _Journal, readings: list[Reading], received_ms: int) -> list[PatientReadings]:
    sending = Sending(
        received_ms, "boot-1", received_ms - journal.midnight_ms + _BOOT_BEFORE_MS, received_ms
    )
    zone = journal.life.calendar.zone
    return [
        PatientReadings(
            patient_id=journal.patient_id,
            gateway_id=journal.home.gateway_id,
            stream=journal.home.stream,
            received_at_ms=received_ms,
            readings=[
                StampedReading(reading, stamp(reading, sending, lambda _: zone), "device-1", "worn")
                for reading in readings[begin : begin + _ITEMS_MAX]
            ],
        )
        for begin in range(0, len(readings), _ITEMS_MAX)
    ]

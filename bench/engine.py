"""The pure engine: readings a second with a million patients, and what single batches cost.

The books are adult-standard and adult-diabetes. Six patients in ten measure blood pressure, three
glucose, one both. Each has a level of their own and scatters around it; a week of two readings a
day goes through the engine before anything is timed, so that rings, sums and open alerts are those
of a clinic at work. ``walked`` says how many readings were not quiet: they are what costs.

Beside it: tests/alerts/oracle.py, reading by reading, and the engine one reading at a time.
"""

import gc
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from statistics import median

import numpy as np
import numpy.typing as npt

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.readings.columns import ASSESSED, Columns, Integers
from alerts.engine.state.archive import Source, decode_patient, encode_patients
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.plans import Plans
from alerts.engine.state.restoring import restore_patients
from alerts.engine.step import Outcome, step, step_columns
from alerts.rules.load import SHIPPED, load_books
from alerts.rules.values import Values
from bench.record import Figure, Reference, Target
from schemas.kafka import PatientReadings, ReadingsRecord, Stamp, StampedReading
from schemas.reading import Capture, Device, Quantity, Reading
from schemas.registry import PatientEntry
from tests.alerts.oracle import Oracle

PATIENTS = 1_000_000
FEW_PATIENTS = 100_000
POOR_PATIENTS = 10_000
BATCH = 10_000
BATCHES = 30
_RESTORED_AT_ONCE = 5_000
"""As many records of alerts.state.v1 as the engine reads at once."""
WEEK = 15
"""Readings of each patient before anything is timed, twelve hours apart."""
HALF_DAY_MS = 43_200_000
MINUTE_MS = 60_000
BEGIN_MS = 1_790_000_000_000
BOOKS = ["adult-standard", "adult-diabetes"]
NAMES = {"blood_pressure": ("systolic", "diastolic", "pulse"), "glucose": ("glucose",)}
UNITS = {"systolic": "mm[Hg]", "diastolic": "mm[Hg]", "pulse": "/min", "glucose": "mg/dL"}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Population:
    """What patients' values are like: mean, spread of their levels, scatter around one's own."""

    name: str
    systolic: tuple[float, float, float]
    diastolic: tuple[float, float, float]
    pulse: tuple[float, float, float]
    glucose: tuple[float, float, float]


CONTROLLED = Population("controlled", (117, 7, 6), (72, 5, 4), (72, 7, 5), (116, 10, 15))
"""Treated to their targets: few are above a limit."""
POOR = Population("poorly controlled", (131, 12, 8), (81, 8, 5), (76, 10, 6), (150, 25, 35))
"""A hypertension clinic on its first day, and glucose above 180 in one reading of five."""


class Sources(Sequence[StampedReading]):
    """Readings as objects, made when the engine asks: for sentences alone."""

    def __init__(self, vital: str, columns: Columns) -> None:
        self._vital = vital
        self._columns = columns

    def __len__(self) -> int:
        return len(self._columns)

    def __getitem__(self, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204
        columns, values = self._columns, self._columns.values.number[place]
        names = NAMES[self._vital]
        places = [0, 1, 3] if self._vital == "blood_pressure" else [0]
        quantities = {
            name: Quantity(UNITS[name], value=f"{values[at]:.0f}")
            for name, at in zip(names, places, strict=True)
        }
        at_ms = int(columns.measured_ms[place])
        return reading(self._vital, columns.name(place), at_ms, at_ms, quantities)


def reading(
    vital: str, name: str, at_ms: int, received_ms: int, quantities: dict[str, Quantity]
) -> StampedReading:
    """Make a reading by a device whose clock is right."""
    return StampedReading(
        Reading(
            seq=1,
            reading_id=name,
            vital=vital,
            device=Device("A0:00:00:00:00:01"),
            characteristic="2a35",
            raw="",
            quantities=quantities,
            session_id="session",
            capture=Capture("boot", at_ms),
            status=[],
        ),
        Stamp(received_ms, at_ms, at_ms, at_ms, at_ms, "device-clock"),
    )


class Clinic:
    """A state and the patients who are in it."""

    def __init__(self, rules: RuleSet, patients: int, population: Population) -> None:
        """Enrol them and let a week pass."""
        self.rng = np.random.default_rng(1)
        self.population = population
        plans = Plans(rules)
        self.state = PartitionState(rules, plans)
        self.state.reserve(patients)
        for row in range(patients):
            self.state.row(f"patient-{row:07}")
        draw = self.rng.standard_normal((patients, 4))
        spreads = (population.systolic, population.diastolic, population.pulse, population.glucose)
        self.levels = draw * [spread[1] for spread in spreads] + [spread[0] for spread in spreads]
        kind = self.rng.random(patients)
        self.measures = {"blood_pressure": kind < 0.7, "glucose": kind >= 0.6}
        self.vitals = {vital.vital.name: vital for vital in rules.vitals}
        self.now_ms = np.full(patients, BEGIN_MS)
        self.seq = 1
        for _ in range(WEEK):
            rows = self.rng.permutation(patients)
            for begin in range(0, patients, BATCH):
                self.take(rows[begin : begin + BATCH])

    def take(self, rows: Integers) -> tuple[float, Outcome]:
        """Let patients measure, half a day after their last reading; give what judging took."""
        self.now_ms[rows] += HALF_DAY_MS
        return self.judge(rows, self.now_ms[rows])

    def sit(self, rows: Integers) -> tuple[float, Outcome]:
        """Let patients sit for three readings, a minute apart."""
        self.now_ms[rows] += HALF_DAY_MS
        first = self.now_ms[rows]
        self.now_ms[rows] += 2 * MINUTE_MS
        times = first[None] + MINUTE_MS * np.arange(3)[:, None]
        return self.judge(np.tile(rows, 3), times.reshape(-1))

    def judge(self, rows: Integers, at_ms: Integers) -> tuple[float, Outcome]:
        """Judge readings, one a record, in this order."""
        parts = [
            (self.vitals[name], self.columns(name, rows, at_ms, np.flatnonzero(measures[rows])))
            for name, measures in self.measures.items()
        ]
        began_s = time.perf_counter()
        outcome = step_columns(self.state, at_ms, parts)
        return time.perf_counter() - began_s, outcome

    def columns(self, name: str, rows: Integers, at_ms: Integers, some: Integers) -> Columns:
        """Draw values of one vital for some of the records."""
        count, row, truth = len(some), rows[some], np.ones(len(some), np.bool_)
        identity = self.rng.integers(1, 2**63, (2, count), dtype=np.uint64)
        values = self._values(name, row)
        zero = np.zeros(count, np.int64)
        columns = Columns(
            entry=some,
            place=zero,
            row=row,
            measured_ms=at_ms[some],
            age_ms=zero,
            least_age_ms=zero,
            seq=zero + self.seq,
            high=identity[0],
            low=identity[1],
            flagged=~truth,
            trusted=truth,
            device_clock=truth,
            judged=truth,
            eligible=truth,
            flags=zero | ASSESSED,
            met=zero,
            values=values,
            sources=(),
        )
        object.__setattr__(columns, "sources", Sources(name, columns))
        self.seq += 1
        return columns

    def _values(self, name: str, row: Integers) -> Values:
        levels, people = self.levels[row], self.population
        noise = self.rng.standard_normal((len(row), 3))
        if name == "glucose":
            number = (levels[:, 3] + noise[:, 0] * people.glucose[2])[:, None]
        else:
            scatter = [people.systolic[2], people.diastolic[2], people.pulse[2]]
            number = np.insert(levels[:, :3] + noise * scatter, 2, np.nan, axis=1)
        number = np.rint(np.maximum(number, 30))
        number = np.asfortranarray(number)  # as whoever else makes columns lays values out
        nothing = np.zeros(number.shape, np.int8, "F")
        return Values(number, nothing, nothing)


def run() -> Iterator[Figure]:
    """Measure everything."""
    rules = arrange([book for book in load_books() if book.name in BOOKS])
    few = Clinic(rules, FEW_PATIENTS, CONTROLLED)
    few_per_s, _ = rate(few, sits=False)
    yield from _restores(rules, few.state, "100k", 6)
    del few
    poor = Clinic(rules, POOR_PATIENTS, POOR)
    poor_per_s, poor_walked = rate(poor, sits=False)
    del poor
    yield Figure("engine.poorly_controlled", poor_per_s, "readings/s")
    yield Figure("engine.poorly_controlled_walked", poor_walked, "of readings")
    clinic = Clinic(rules, PATIENTS, CONTROLLED)
    yield from _rates(clinic, few_per_s)
    yield from _batches(clinic)
    yield _memory(clinic.state)
    yield from _restores(rules, clinic.state, "1m", 60)


def rate(clinic: Clinic, *, sits: bool) -> tuple[float, float]:
    """Give readings a second, and the share that was walked."""
    rates, walked, judged = [], 0, 0
    gc.collect()
    gc.disable()
    try:
        for _ in range(BATCHES):
            size = BATCH // 3 if sits else BATCH
            rows = clinic.rng.choice(len(clinic.now_ms), size, replace=False)
            took_s, outcome = clinic.sit(rows) if sits else clinic.take(rows)
            rates.append(len(outcome.ages_ms) / took_s)
            walked, judged = walked + outcome.walked, judged + len(outcome.ages_ms)
    finally:
        gc.enable()
    return median(rates), walked / judged


def _rates(clinic: Clinic, few_per_s: float) -> Iterator[Figure]:
    per_s, walked = rate(clinic, sits=False)
    oracle_per_s = _oracle_per_s()
    slow = Reference("per-reading oracle", oracle_per_s)
    yield Figure("engine.throughput", per_s, "readings/s", slow, Target(">=", 400_000))
    ten = Target(">=", 10, of="ratio")
    yield Figure("engine.against_oracle", per_s, "readings/s", slow, ten)
    yield Figure("engine.walked", walked, "of readings")
    fewer = Reference(f"{FEW_PATIENTS:,} patients", few_per_s)
    yield Figure("engine.against_few_patients", per_s, "readings/s", fewer)
    sits_per_s, walked = rate(clinic, sits=True)
    yield Figure("engine.three_in_a_row", sits_per_s, "readings/s", slow, Target(">=", 250_000))
    yield Figure("engine.three_in_a_row_walked", walked, "of readings")


def _oracle_per_s() -> float:
    """Time the oracle on a hundred patients with a week behind them."""
    texts = [(SHIPPED / f"{name}.toml").read_text() for name in BOOKS]
    entries = [PatientEntry(f"p{number}", "Robin", BOOKS) for number in range(100)]
    oracle = Oracle(entries, texts)
    rng = np.random.default_rng(2)
    rates = []
    for turn in range(20):
        at_ms = BEGIN_MS + turn * HALF_DAY_MS
        log = [_record(entry.patient_id, [at_ms], at_ms, rng) for entry in entries]
        began_s = time.perf_counter()
        oracle.judge(log)
        rates.append(len(log) / (time.perf_counter() - began_s))
    return median(rates[-5:])


def _record(
    patient_id: str, times_ms: list[int], received_ms: int, rng: np.random.Generator
) -> ReadingsRecord:
    readings = []
    for at_ms in times_ms:
        numbers = rng.normal((119, 74, 72), (9, 6, 8)).round()
        quantities = {
            name: Quantity(UNITS[name], value=f"{number:.0f}")
            for name, number in zip(NAMES["blood_pressure"], numbers, strict=True)
        }
        name = rng.bytes(16).hex()
        readings.append(reading("blood_pressure", name, at_ms, received_ms, quantities))
    return PatientReadings(patient_id, "home-1", "0" * 16, received_ms, readings)


def _batches(clinic: Clinic) -> Iterator[Figure]:
    """Time batches of records as they come from Kafka."""
    rng, state = clinic.rng, clinic.state
    pressure = np.flatnonzero(clinic.measures["blood_pressure"])
    small, stored = [], []
    for _ in range(50):
        rows = rng.choice(pressure, 25, replace=False)
        clinic.now_ms[rows] += HALF_DAY_MS
        now_ms = int(clinic.now_ms[rows].max())
        log = [_record(state.patients[row], [int(clinic.now_ms[row])], now_ms, rng) for row in rows]
        small.append(_took_ms(state, log))
    for _ in range(9):
        row = int(rng.choice(pressure))
        first_ms = int(clinic.now_ms[row])
        clinic.now_ms[row] += 500 * HALF_DAY_MS // 3
        times_ms = [first_ms + number * HALF_DAY_MS // 3 for number in range(1, 501)]
        record = _record(state.patients[row], times_ms, times_ms[-1], rng)
        stored.append(_took_ms(state, [record]))
    one = [_took_ms(state, [_record("patient-0000001", [t], t, rng)]) for t in _minutes(clinic)]
    yield Figure("engine.batch_of_one", median(one), "ms")
    reference = Reference("25 batches of one", 25 * median(one))
    yield Figure("engine.batch_of_25", median(small), "ms", reference, Target("<=", 3))
    reference = Reference("500 batches of one", 500 * median(one))
    yield Figure("engine.stored_records_500", median(stored), "ms", reference, Target("<=", 100))


def _minutes(clinic: Clinic) -> list[int]:
    return [int(clinic.now_ms.max()) + number * MINUTE_MS for number in range(1, 51)]


def _took_ms(state: PartitionState, log: Sequence[ReadingsRecord]) -> float:
    began_s = time.perf_counter()
    step(state, log)
    return (time.perf_counter() - began_s) * 1000


def _memory(state: PartitionState) -> Figure:
    """Say what a patient and vital in use takes: the slot, and columns but those of the plan."""
    most = 0.0
    for vital, memory in zip(state.rule_set.vitals, state.memories, strict=True):
        ladders = [ladder.index for ladder in vital.ladders]
        columns = (state.waits, state.latched, state.clear)
        wide = sum(column[:1, ladders].nbytes for column in columns)
        most = max(most, memory.layout.slot.itemsize + wide + state.newest_ms.itemsize)
    return Figure("engine.state", most, "bytes a patient and vital", None, Target("<=", 1024))


def _restores(rules: RuleSet, state: PartitionState, name: str, limit_s: float) -> Iterator[Figure]:
    sources = repeat(Source("topic", 7))
    began_s = time.perf_counter()
    every = range(len(state.patients))
    kept = list(zip(state.patients, encode_patients(state, every, sources), strict=True))
    took_s = time.perf_counter() - began_s
    yield Figure(f"engine.encode_{name}", took_s, "s")
    size = sum(len(value) for _, value in kept) / len(kept)
    yield Figure(f"engine.record_{name}", size, "bytes a patient")
    other = PartitionState(rules, Plans(rules))
    began_s = time.perf_counter()
    for begin in range(0, len(kept), _RESTORED_AT_ONCE):
        some = kept[begin : begin + _RESTORED_AT_ONCE]
        records = {patient: decode_patient(value) for patient, value in some}
        restore_patients(other, {name: record for name, record in records.items() if record})
    assert len(other.patients) == len(kept), "it was written a moment ago"
    took_s = time.perf_counter() - began_s
    yield Figure(f"engine.restore_{name}", took_s, "s", None, Target("<=", limit_s))

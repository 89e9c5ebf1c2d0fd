"""A cohort from a seed: patients, the log as the clinic received it, and the truth behind it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from schemas.kafka import PatientReadings, Tick
from schemas.registry import PatientEntry, Schedule
from simulators.cohort.course import DAY_MIN
from simulators.cohort.delivery import Home, deliver
from simulators.cohort.devices import Mishap
from simulators.cohort.episodes import MINUTE_MS, Episode
from simulators.cohort.habits import Calendar
from simulators.cohort.patient import Life, live
from simulators.cohort.populations import POPULATIONS, Population, PopulationName

FIRST_DAY = date(2026, 10, 5)
"""Clocks go back in Europe on the 25th and in America on 1 November."""
_ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles", "Asia/Tokyo")
_WINDOWS = [("06:00", "11:00"), ("17:00", "22:00")]
_LAST_TICK_MS = 36 * 3_600_000
"""So long after the last record: what waits for a repeat, or is missing, has become due."""


class Measured(msgspec.Struct, frozen=True, omit_defaults=True):
    """The truth behind a reading: when it truly was (UTC ms), and what the values truly were.

    ``own``: whose body it was; False for somebody who shares the cuff. ``mishaps``: what went wrong
    in the hand, the device or the home, whether or not anything flagged it.
    """

    reading_id: str
    patient_id: str
    at_ms: int
    true: dict[str, float]
    own: bool = True
    mishaps: list[Mishap] = []


@dataclass(frozen=True, slots=True)
class Cohort:
    """Everything that is known of a cohort.

    ``records``: a log of readings.v1 in the order of its stamps, with a tick behind it.
    """

    population: PopulationName
    seed: int
    days: int
    patients: list[PatientEntry]
    records: list[PatientReadings | Tick]
    episodes: list[Episode]
    measured: list[Measured]

    @property
    def patient_weeks(self) -> float:
        """How much time was watched."""
        return len(self.patients) * self.days / 7


def generate(population: PopulationName, seed: int, patients: int, days: int) -> Cohort:
    """Draw a cohort; the same arguments give the same cohort, to the byte.

    A patient depends on the seed and its number alone: a larger cohort begins with the same ones.
    """
    entries: list[PatientEntry] = []
    records: list[PatientReadings | Tick] = []
    episodes: list[Episode] = []
    measured: list[Measured] = []
    for one in _each(POPULATIONS[population], seed, patients, days):
        entries.append(one.entry)
        records += one.records
        episodes += one.life.episodes
        measured += one.measured
    records.sort(key=lambda record: record.received_at_ms)  # stable: of equals the first patient
    end_ms = max((record.received_at_ms for record in records), default=0) + _LAST_TICK_MS
    records.append(Tick(end_ms))
    return Cohort(population, seed, days, entries, records, episodes, measured)


@dataclass(frozen=True, slots=True)
class _One:
    entry: PatientEntry
    life: Life
    records: list[PatientReadings]
    measured: list[Measured]


def _first_dose_ms(population: Population, life: Life) -> int | None:
    """A birth is no therapy: only a drug's first dose divides baseline from response."""
    if not population.antivegf or life.therapy_day is None:
        return None
    return life.calendar.ms(0, 0) + round(life.therapy_day * DAY_MIN) * MINUTE_MS


def _each(population: Population, seed: int, patients: int, days: int) -> Iterator[_One]:
    for number in range(patients):
        rng = np.random.default_rng([seed, number, *population.name.encode()])
        patient_id = f"{population.name}-{seed}-{number:05}"
        calendar = Calendar(FIRST_DAY, ZoneInfo(_ZONES[int(rng.integers(len(_ZONES)))]))
        life = live(population, patient_id, calendar, days, rng)
        home = Home.draw(rng, number, days, meter=bool(population.therapies))
        delivered = deliver(patient_id, life, home, days, rng)
        midnight_ms = calendar.ms(0, 0)
        entry = PatientEntry(
            patient_id=patient_id,
            pseudonym=f"Synthetic {number:05}",
            books=list(population.books),
            zone=calendar.zone.key,
            care_plan_from_ms=midnight_ms,
            simulated=True,
            schedules=[Schedule("glucose" if population.therapies else "blood_pressure", _WINDOWS)],
            therapy_start_ms=_first_dose_ms(population, life),
        )
        measured = [
            Measured(
                reading_id,
                patient_id,
                midnight_ms + round(sample.minute * MINUTE_MS),
                {name: round(value, 1) for name, value in sample.true.items()},
                own=sample.own,
                mishaps=list(mishaps),
            )
            for reading_id, sample, mishaps in delivered.measured
        ]
        yield _One(entry, life, delivered.records, measured)

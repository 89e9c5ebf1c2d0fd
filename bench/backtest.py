"""A back-test of 90 days of 10,000 patients from Parquet: reading, judging, counting. One core.

The reference is the file alone, read into memory by the same library in the same run.
"""

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alerts.backtest.history import history
from alerts.backtest.replay import play
from alerts.backtest.report import report
from alerts.backtest.sources import from_file
from alerts.rules.load import find_book, load_book
from bench.engine import CONTROLLED, POOR, Population
from bench.record import Figure, Reference, Target

PATIENTS, DAYS, A_DAY = 10_000, 90, 4
SECONDS = 30.0
BOOKS = ("adult-standard", "adult-diabetes")
_FIRST_MS = 1_790_000_000_000
_DAY_MS = 86_400_000
_HOURS = (7.3, 7.5, 18.8, 19.2)


def run() -> Iterator[Figure]:
    """Write each file, then time everything from the file to the tables."""
    for population, patients, target in (
        (CONTROLLED, PATIENTS, Target("<=", SECONDS)),
        (POOR, PATIENTS // 10, None),
    ):
        name = f"{population.name.replace(' ', '_')}_{patients}"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "readings.parquet"
            table(patients, DAYS, population).to_parquet(path, index=False)
            began_s = time.perf_counter()
            pd.read_parquet(path)
            read = Reference("the file, read into memory", time.perf_counter() - began_s)
            yield from _timed(name, path, read, target)


def _timed(name: str, path: Path, read: Reference, target: Target | None) -> Iterator[Figure]:
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    past = history(from_file(path))
    laid_out_s = time.perf_counter() - began_s
    books = [load_book(find_book(book)) for book in BOOKS]
    played = play(past, books)
    judged_s = time.perf_counter() - began_s
    report(books, played, UTC)
    all_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    yield Figure(f"backtest.{name}", all_s, "s", read, target)
    yield Figure(f"backtest.{name}.processor", cpu_s, "s")
    yield Figure(f"backtest.{name}.layout", laid_out_s, "s", read)
    yield Figure(f"backtest.{name}.judging", judged_s - laid_out_s, "s", read)
    yield Figure(f"backtest.{name}.readings_per_s", len(past) / all_s, "readings/s")
    yield Figure(f"backtest.{name}.transitions", len(played.transitions), "transitions")


def table(patients: int, days: int, population: Population) -> Any:  # noqa: ANN401 - pandas
    """Draw stored readings of a clinic: two of pressure and two of glucose a day for everybody."""
    rng = np.random.default_rng(1)
    size = patients * days * A_DAY
    patient = np.tile(np.repeat(np.arange(patients), A_DAY), days)
    day = np.repeat(np.arange(days), patients * A_DAY)
    slot = np.tile(np.arange(A_DAY), patients * days)
    hour = np.array(_HOURS)[slot] + rng.normal(0.0, 0.5, size)
    measured_ms = _FIRST_MS + day * _DAY_MS + (hour * 3_600_000).astype(np.int64)
    pressure = slot % 2 == 0
    systolic, diastolic, pulse, glucose = (
        (rng.normal(mean, spread, patients)[patient] + rng.normal(0.0, scatter, size)).round()
        for mean, spread, scatter in (
            population.systolic, population.diastolic, population.pulse, population.glucose,
        )
    )  # fmt: skip
    names = rng.bytes(16 * size).hex()
    nothing = np.full(size, np.nan)
    return pd.DataFrame(
        {
            "patient_id": pd.Series([f"patient-{number:05}" for number in range(patients)])[
                patient
            ].array,
            "vital": np.where(pressure, "blood_pressure", "glucose"),
            "measured_at": pd.to_datetime(measured_ms, unit="ms", utc=True),
            "received_at": pd.to_datetime(measured_ms + 4_000, unit="ms", utc=True),
            "reading_id": [names[place : place + 32] for place in range(0, 32 * size, 32)],
            "time_quality": "device-clock",
            "outcome": "measured",
            "unit": np.where(pressure, "mm[Hg]", "mg/dL"),
            "status": "",
            "systolic": np.where(pressure, systolic, nothing),
            "diastolic": np.where(pressure, diastolic, nothing),
            "pulse": np.where(pressure, pulse, nothing),
            "glucose": np.where(pressure, nothing, glucose),
        }
    )

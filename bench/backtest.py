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
from bench.record import Figure, Reference, Target

PATIENTS, DAYS, A_DAY = 10_000, 90, 4
SECONDS = 30.0
BOOKS = ("adult-standard", "adult-diabetes")
_FIRST_MS = 1_790_000_000_000
_DAY_MS = 86_400_000
_HOURS = (7.3, 7.5, 18.8, 19.2)
LOW_SHARE = 0.004


def run() -> Iterator[Figure]:
    """Write the file, then time it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "readings.parquet"
        table(PATIENTS, DAYS).to_parquet(path, index=False)
        began_s = time.perf_counter()
        pd.read_parquet(path)
        read_s = time.perf_counter() - began_s
        began_s = time.perf_counter()
        past = history(from_file(path))
        laid_out_s = time.perf_counter() - began_s
        played = play(past, [load_book(find_book(name)) for name in BOOKS])
        judged_s = time.perf_counter() - began_s
        report("bench", played, UTC)
        all_s = time.perf_counter() - began_s
    read = Reference("the file, read into memory", read_s)
    yield Figure("backtest.layout", laid_out_s, "s", read)
    yield Figure("backtest.judging", judged_s - laid_out_s, "s", read)
    yield Figure("backtest.90d_10000_patients", all_s, "s", read, Target("<=", SECONDS))
    yield Figure("backtest.readings_per_s", len(past) / all_s, "readings/s")
    yield Figure("backtest.transitions", len(played.transitions), "transitions")


def table(patients: int, days: int) -> Any:  # noqa: ANN401 - pandas has no types here
    """Draw stored readings of a clinic: two of pressure and two of glucose a day for everybody."""
    rng = np.random.default_rng(1)
    size = patients * days * A_DAY
    patient = np.tile(np.repeat(np.arange(patients), A_DAY), days)
    day = np.repeat(np.arange(days), patients * A_DAY)
    slot = np.tile(np.arange(A_DAY), patients * days)
    hour = np.array(_HOURS)[slot] + rng.normal(0.0, 0.5, size)
    measured_ms = _FIRST_MS + day * _DAY_MS + (hour * 3_600_000).astype(np.int64)
    pressure = slot % 2 == 0
    systolic = rng.normal(131, 10, patients)[patient] + rng.normal(0, 8, size)
    diastolic = 0.5 * systolic + 12 + rng.normal(0, 4, size)
    glucose = rng.normal(128, 16, patients)[patient] + np.abs(rng.normal(0, 28, size))
    glucose -= (rng.random(size) < LOW_SHARE) * 75
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
            "systolic": np.where(pressure, systolic.round(), nothing),
            "diastolic": np.where(pressure, diastolic.round(), nothing),
            "pulse": np.where(pressure, rng.normal(72, 8, size).round(), nothing),
            "glucose": np.where(pressure, nothing, glucose.round()),
        }
    )

"""A cohort in a folder: the log, the patients and the truth as JSON lines, and as Parquet."""

from pathlib import Path
from typing import TypeVar

import msgspec

from schemas.errors import UNREADABLE, MisconfiguredError
from schemas.kafka import READINGS_DECODER, PatientReadings, Tick
from schemas.registry import PatientEntry
from simulators.cohort.episodes import Episode
from simulators.cohort.generate import Cohort, Measured
from simulators.cohort.populations import POPULATIONS, PopulationName
from simulators.cohort.tables import episode_columns, reading_columns

RECORDS, PATIENTS = "readings.jsonl", "patients.jsonl"
EPISODES, MEASURED, COHORT = "episodes.jsonl", "measured.jsonl", "cohort.json"

_T = TypeVar("_T")


class _About(msgspec.Struct):
    """What a folder holds, and the command that made it."""

    population: PopulationName
    seed: int
    days: int
    patients: int
    command: str


def write(cohort: Cohort, folder: Path, *, parquet: bool) -> list[Path]:
    """Write a cohort; gives the files. The same cohort gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    about = _About(
        cohort.population,
        cohort.seed,
        cohort.days,
        len(cohort.patients),
        f"vitalwire simulate cohort --seed {cohort.seed} --patients {len(cohort.patients)} "
        f"--days {cohort.days} --population {cohort.population}",
    )
    (folder / COHORT).write_bytes(msgspec.json.format(msgspec.json.encode(about)) + b"\n")
    encoder = msgspec.json.Encoder()
    for name, lines in (
        (RECORDS, cohort.records),
        (PATIENTS, cohort.patients),
        (EPISODES, cohort.episodes),
        (MEASURED, cohort.measured),
    ):
        (folder / name).write_bytes(encoder.encode_lines(lines))
    files = [folder / name for name in (COHORT, RECORDS, PATIENTS, EPISODES, MEASURED)]
    return files + (_write_parquet(cohort, folder) if parquet else [])


def _write_parquet(cohort: Cohort, folder: Path) -> list[Path]:
    import pandas as pd  # noqa: PLC0415 - of the extra "analysis": JSON lines need none

    files = []
    for name, columns in (
        ("readings.parquet", reading_columns(cohort.records)),
        ("episodes.parquet", episode_columns(cohort.episodes)),
    ):
        files.append(folder / name)
        pd.DataFrame(columns).to_parquet(files[-1], index=False)
    return files


def read(folder: Path) -> Cohort:
    """Read a cohort back. Raises ``MisconfiguredError`` for a folder that holds none."""
    try:
        about = msgspec.json.decode((folder / COHORT).read_bytes(), type=_About)
        if about.population not in POPULATIONS:
            raise MisconfiguredError(f"There is no population {about.population}.")
        records = [
            READINGS_DECODER.decode(line) for line in (folder / RECORDS).read_bytes().splitlines()
        ]
        return Cohort(
            about.population,
            about.seed,
            about.days,
            _lines(folder / PATIENTS, PatientEntry),
            [record for record in records if isinstance(record, PatientReadings | Tick)],
            _lines(folder / EPISODES, Episode),
            _lines(folder / MEASURED, Measured),
        )
    except OSError as error:
        raise MisconfiguredError(
            f"{error.filename}: {error.strerror}.", "Make one with `vitalwire simulate cohort`."
        ) from error
    except UNREADABLE as error:
        raise MisconfiguredError(
            f"{folder} holds no cohort that can be read: {error}.",
            "Make it again with `vitalwire simulate cohort`.",
        ) from error


def _lines(path: Path, kind: type[_T]) -> list[_T]:
    return list(msgspec.json.Decoder(kind).decode_lines(path.read_bytes()))

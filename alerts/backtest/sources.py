"""Where history comes from: the clinic's database, a Parquet file, a CSV file. Bounded waits."""

import gzip
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import psycopg
import pyarrow as pa

from alerts.database import unavailable
from alerts.rules.book import Book
from alerts.rules.reader import read_book
from schemas.errors import UNREADABLE, InvalidInput, MisconfiguredError
from schemas.registry import BookEntry, PatientEntry
from schemas.vitals import VITALS, Vital

DATABASE = "database"
_CONNECT_WITHIN_S = 5
_STATEMENT_WITHIN_MS = 600_000
_ROWS_AT_ONCE = 50_000
TEXTS = (
    "patient_id", "vital", "reading_id", "unit", "status", "outcome", "time_quality", "session_id",
)  # fmt: skip


def from_file(path: Path, texts: Iterable[str] = ()) -> Any:  # noqa: ANN401 - pandas has no types here
    """Read a Parquet or CSV file into a table. Raises ``MisconfiguredError``.

    ``texts``: further columns that stay text, whatever they look like.
    """
    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
        elif path.name.endswith((".csv", ".csv.gz")):
            frame = _csv(path, {*TEXTS, *texts})
        else:
            raise MisconfiguredError(
                f"{path} is neither .parquet nor .csv nor .csv.gz.", "Name a file, or `database`."
            )
    except OSError as error:
        raise MisconfiguredError(f"{path}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise InvalidInput("file", f'{path} is not UTF-8: save it as "CSV UTF-8".') from error
    except (ValueError, EOFError, pa.ArrowInvalid) as error:  # pandas' parsers raise ValueErrors
        raise InvalidInput("file", f"{path} cannot be read: {error}") from error
    return frame


def _csv(path: Path, texts: set[str]) -> Any:  # noqa: ANN401
    """Read commas, or the semicolons and tabs that spreadsheets write where 5.4 is 5,4.

    Names and words stay text: a patient called 007 is not the number 7.
    """
    with (
        gzip.open(path, "rt", encoding="utf-8-sig")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8-sig") as text
    ):
        heading = text.readline().strip()
    separator = max(",;\t", key=heading.count)
    types = dict.fromkeys(texts, "string")
    return pd.read_csv(path, sep=separator, dtype=types, keep_default_na=False, na_values=[""])


def patients_from_file(path: Path) -> list[PatientEntry]:
    """Read patients, one registry entry a line. Raises ``MisconfiguredError``."""
    try:
        return list(msgspec.json.Decoder(PatientEntry).decode_lines(path.read_bytes()))
    except OSError as error:
        raise MisconfiguredError(f"{path}: {error.strerror}.") from error
    except UNREADABLE as error:
        raise InvalidInput("patients", f"{path} is no list of patients: {error}") from error


@dataclass(frozen=True, slots=True)
class Clinic:
    """What a clinic knows: its readings as a table, its care plans, the books put in force."""

    readings: Any
    patients: list[PatientEntry]
    active: list[Book] = field(default_factory=list)


def from_database(url: str, since: Callable[[int], int]) -> Clinic:
    """Read stored readings, each in its newest version, and the patients' care plans.

    ``since`` gets when the newest was measured, and says from when on they count (UTC ms).
    """
    try:
        with psycopg.connect(url, connect_timeout=_CONNECT_WITHIN_S) as connection:
            connection.execute(f"SET statement_timeout = {_STATEMENT_WITHIN_MS}")
            newest_ms = max(_newest_ms(connection, vital) for vital in _judged())
            from_ms = since(newest_ms)
            frames = [_vital(connection, vital, from_ms) for vital in _judged()]
            readings = pd.concat([one for one in frames if len(one)] or frames[:1])
            return Clinic(readings, _patients(connection), _active(connection))
    except psycopg.errors.UndefinedTable as error:
        raise MisconfiguredError(
            "The database has no readings of Vitalwire.", "Run `vitalwire ingest setup`."
        ) from error
    except psycopg.OperationalError as error:
        raise unavailable(error) from error


def _judged() -> Iterator[Vital]:
    return (vital for vital in VITALS.values() if not vital.amends)


def _newest_ms(connection: psycopg.Connection[Any], vital: Vital) -> int:
    query = f"SELECT extract(epoch FROM max(time)) FROM vitalwire.{vital.name}_current"  # noqa: S608
    row = connection.execute(query).fetchone()
    return int(row[0] * 1000) if row and row[0] is not None else 0


def _vital(connection: psycopg.Connection[Any], vital: Vital, from_ms: int) -> Any:  # noqa: ANN401
    quantities = ", ".join(
        f"CASE {quantity.name}_absent WHEN 'positive-infinity' THEN 'Infinity'::float8 "
        f"WHEN 'negative-infinity' THEN '-Infinity'::float8 "
        f"ELSE {quantity.name}_received::float8 END"
        for quantity in vital.quantities
    )
    names = [
        "patient_id", "reading_id", "measured_at", "received_at", "earliest_at", "time_quality",
        "outcome", "unit", "status", "session_id", *(one.name for one in vital.quantities),
    ]  # fmt: skip
    selected = (
        "patient_id, reading_id::text, time, received_at, time_earliest, time_quality, outcome,"
        f" unit_received, array_to_string(status, ' '), session_id, {quantities}"
    )
    since = "time >= to_timestamp(%s / 1000.0)"
    query = f"SELECT {selected} FROM vitalwire.{vital.name}_current WHERE {since}"  # noqa: S608
    with connection.cursor(name=f"backtest_{vital.name}") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute(query, [from_ms])
        frame = pd.DataFrame(cursor.fetchall(), columns=names)
    return frame.assign(vital=vital.name)


def _patients(connection: psycopg.Connection[Any]) -> list[PatientEntry]:
    rows = connection.execute(
        "SELECT patient_id, coalesce(books, '{}'), zone, under_13, coalesce(details, '{}')::text,"
        " coalesce((extract(epoch FROM starts_at) * 1000)::bigint, 0)"
        " FROM vitalwire.patients LEFT JOIN vitalwire.care_plans USING (patient_id)"
        " ORDER BY patient_id"
    )
    return [
        msgspec.convert(
            {
                **msgspec.json.decode(details),
                "kind": "patient",
                "patient_id": name,
                "pseudonym": name,  # nothing here needs another one
                "books": books,
                "zone": zone,
                "under_13": under_13,
                "care_plan_from_ms": from_ms,
            },
            PatientEntry,
        )
        for name, books, zone, under_13, details, from_ms in rows
    ]


def _active(connection: psycopg.Connection[Any]) -> list[Book]:
    """Read what was put in force, each book as it was activated last."""
    rows = connection.execute(
        "SELECT DISTINCT ON (name) entry::text FROM vitalwire.rule_books"
        " ORDER BY name, activation_id DESC"
    )
    entries = [msgspec.json.decode(text, type=BookEntry) for (text,) in rows]
    return [read_book(f"book/{entry.name}", entry.text) for entry in entries]

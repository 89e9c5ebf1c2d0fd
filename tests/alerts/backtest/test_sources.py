"""The clinic's database: newest versions, care plans with what is personal, books in force."""

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from alerts.backtest.history import history
from alerts.backtest.rows import reading_of
from alerts.backtest.sources import from_database, patients_from_file
from alerts.rules.load import find_book
from schemas.errors import InvalidInput, UnavailableError
from schemas.servers import DATABASE_VARIABLE
from vitalwire import cli

AT = datetime(2026, 10, 5, 8, tzinfo=UTC)
LIMIT = {
    "name": "severe-systolic",
    "values": ["190 mmHg"],
    "author": "Dr",
    "role": "physician",
    "reason": "",
    "valid_from_ms": 0,
}


@pytest.mark.parametrize(
    "content", [b"{", b'{"kind":"patient","patient_id":"\xff"}', b'{"x":' * 100_000]
)
def test_patients_that_cannot_be_read_are_the_file_s_fault(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "patients.jsonl"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match="no list of patients"):
        patients_from_file(file)


def store(url: str, systolic: str | None, absent: str | None = None, version: int = 1) -> None:
    """Put a reading into its table as the sink does."""
    row = {
        "time": AT,
        "patient_id": "p",
        "device_id": "d",
        "reading_id": uuid.UUID(int=1),
        "systolic": systolic,
        "systolic_received": systolic,
        "systolic_absent": absent,
        "diastolic": 95,
        "diastolic_received": 95,
        "unit_received": "mm[Hg]",
        "outcome": "measured",
        "status": ["irregular-pulse"],
        "attributes": "{}",
        "session_id": "s",
        "time_quality": "device-clock",
        "time_earliest": AT,
        "time_latest": AT,
        "captured_at": AT,
        "received_at": AT,
        "gateway_id": "home",
        "stream": "0",
        "seq": 1,
        "characteristic": "2a35",
        "raw": b"",
        "version": version,
    }
    names = ", ".join(row)
    places = ", ".join(["%s"] * len(row))
    with psycopg.connect(url) as connection:
        statement = f"INSERT INTO vitalwire.blood_pressure ({names}) VALUES ({places})"
        connection.execute(statement.encode(), list(row.values()))


def enrol(url: str, details: dict[str, object]) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO vitalwire.patients (patient_id, pseudonym, zone) VALUES ('p', 'A', 'UTC')"
        )
        connection.execute(
            "INSERT INTO vitalwire.care_plans (patient_id, books, starts_at, details)"
            " VALUES ('p', '{adult-standard}', '2026-01-01', %s)",
            [json.dumps(details)],
        )


def activate(url: str, text: str) -> None:
    entry = {
        "kind": "book",
        "name": "adult-standard",
        "text": text,
        "sha256": "",
        "who": "Dr",
        "at_ms": 0,
    }
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO vitalwire.rule_books (name, activated_at, who, sha256, entry)"
            " VALUES ('adult-standard', now(), 'Dr', '', %s)",
            [json.dumps(entry)],
        )


def test_stored_readings_come_as_they_were_received(database_url: str) -> None:
    store(database_url, "191")
    enrol(database_url, {"limits": [LIMIT]})
    clinic = from_database(database_url, lambda newest_ms: newest_ms - 1)
    past = history(clinic.readings)
    assert (len(past), past.rejected) == (1, {})
    reading = reading_of(past, 0).reading
    assert reading.quantities["systolic"].value == "191"
    assert (reading.status, reading.reading_id) == (["irregular-pulse"], f"{1:032x}")
    assert past.measured_ms.tolist() == [int(AT.timestamp() * 1000)]
    assert [limit.values for limit in clinic.patients[0].limits] == [["190 mmHg"]]


def test_only_what_was_asked_for_is_read(database_url: str) -> None:
    store(database_url, "191")
    assert len(from_database(database_url, lambda newest_ms: newest_ms + 1).readings) == 0


def test_live_is_the_book_that_was_activated(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(database_url, "191")
    enrol(database_url, {})
    text = find_book("adult-standard").read_text(encoding="utf-8")
    activate(database_url, text.replace('value = ["180 mmHg"]', 'value = ["195 mmHg"]'))
    monkeypatch.setenv(DATABASE_VARIABLE, database_url)
    arguments = ["rules", "backtest", "adult-standard", "--from", "database", "--against", "live"]
    done = CliRunner().invoke(cli, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert {row["change"]: row["rule"] for row in found["changed"]} == {"appears": "bp-severe"}


def test_a_database_that_does_not_answer_is_said() -> None:
    with pytest.raises(UnavailableError, match=r"refused\. Check the server"):
        from_database("postgresql://vitalwire@127.0.0.1:1/vitalwire", lambda _: 0)

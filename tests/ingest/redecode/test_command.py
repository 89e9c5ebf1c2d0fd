"""`vitalwire redecode` as people and programs call it."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from ingest import database
from ingest.redecode.command import redecode
from schemas.errors import MisconfiguredError, UnavailableError
from schemas.servers import DATABASE_VARIABLE
from tests.ingest.redecode.stored import Database, misread, rows, take

pytestmark = pytest.mark.usefixtures("registry")


@pytest.fixture
def command(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv(DATABASE_VARIABLE, database_url)

    def called(*arguments: str) -> Result:
        return CliRunner().invoke(redecode, arguments)

    return called


def test_the_command_tells_corrects_and_finds_nothing_more(
    connection: Database, command: Callable[..., Result]
) -> None:
    take(connection, misread())
    dry = command()
    assert dry.exit_code == 0
    assert "blood_pressure: 1 rows, 1 differ" in dry.output
    assert "pulse None -> 96.0" in dry.output
    assert "Nothing was changed" in dry.output
    assert "paged" not in dry.output
    applied = command("--apply", "--who", "Ada", "--reason", "why", "--json")
    said = json.loads(applied.output)
    assert said["applied"] is True
    assert said["vitals"]["blood_pressure"]["corrected"] == 1
    assert "Everything stored is what its bytes say." in command("--vital", "glucose").output
    assert "Everything stored is what its bytes say." in command().output
    runs = rows(connection, "who, after->>'run', after->>'reason' FROM vitalwire.audit_log")
    assert runs == [("Ada", said["run_id"], "why")]


@pytest.mark.parametrize("given", [(), ("--who", "Ada"), ("--reason", "why"), ("--who", " ")])
def test_a_correction_needs_a_name_and_a_reason(
    command: Callable[..., Result], given: tuple[str, ...]
) -> None:
    refused = command("--apply", *given)
    assert refused.exit_code == 2
    assert "--apply needs --who NAME and --reason TEXT." in refused.output


def test_two_runs_do_not_correct_at_once(other: Database, command: Callable[..., Result]) -> None:
    other.execute("SELECT pg_advisory_lock(%s)", [0x7265646563])
    refused = command("--apply", "--who", "Ada", "--reason", "why")
    assert isinstance(refused.exception, UnavailableError)
    assert command().exit_code == 0  # one that only looks disturbs nobody
    other.execute("SELECT pg_advisory_unlock_all()")


def test_a_database_without_tables_is_said(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE_VARIABLE, empty_database_url)
    refused = CliRunner().invoke(redecode, [])
    assert isinstance(refused.exception, UnavailableError | MisconfiguredError)
    assert "vitalwire ingest setup" in str(refused.exception)


def test_a_database_that_stops_answering_is_said_with_its_cause(
    database_url: str, command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "STATEMENT_WITHIN_MS", 1_000)
    with database.connect(database_url, "test") as locking:
        locking.execute("LOCK TABLE vitalwire.blood_pressure IN ACCESS EXCLUSIVE MODE")
        refused = command()
    assert isinstance(refused.exception, UnavailableError)
    assert "statement timeout" in refused.exception.cause

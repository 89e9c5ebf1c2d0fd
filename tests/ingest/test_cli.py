"""The command lines as people meet them."""

import json
from typing import Any

import msgspec
import psycopg
import pytest
from click.testing import CliRunner, Result

from ingest.cli import ingest, registry
from schemas.errors import MisconfiguredError, UnavailableError, VitalwireError
from schemas.registry import BookEntry
from schemas.servers import DATABASE_VARIABLE, KAFKA_VARIABLE
from simulators.stack.kafka import EmbeddedKafka
from tests.servers import broker_dies


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Any:  # noqa: ANN401
    monkeypatch.setenv(DATABASE_VARIABLE, database_url)

    def invoke(line: str) -> Result:
        return CliRunner().invoke(registry, line.split())

    return invoke


def error_of(result: Result) -> VitalwireError:
    assert isinstance(result.exception, VitalwireError), result.output
    return result.exception


def test_a_patient_gets_a_device_and_gives_it_back(run: Any) -> None:  # noqa: ANN401
    watched = run("patient add Blue-Heron --patient-id p-1 --book adult-standard")
    assert (watched.exit_code, watched.stderr) == (0, "")
    assert run("device add c0:ff:ee:00:00:01 --device-id cuff-1").exit_code == 0
    assert "cuff-1 is p-1's" in run("assign cuff-1 p-1 --from 2026-01-01").output
    assert "2026-01-01 00:00:00Z" in run("list").output
    assert "p-1" in run("device list").output
    assert run("device tickets").output == ""
    assert "no longer p-1's" in run("unassign cuff-1 --at 2026-02-01T01:00+01:00").output
    (line,) = run("list").output.splitlines()
    assert line.split("\t") == [
        *("cuff-1", "all", "Blue-Heron", "p-1"),
        *("2026-01-01 00:00:00Z", "2026-02-01 00:00:00Z"),
    ]


def test_an_assignment_that_never_was_is_removed_by_its_first_instant(run: Any) -> None:  # noqa: ANN401
    run("patient add Blue-Heron --patient-id p-1")
    run("device add c0:ff:ee:00:00:01 --device-id cuff-1")
    run("assign cuff-1 p-1 --from 2026-01-01")
    ended = run("unassign cuff-1 --at 2026-01-01")
    assert "cuff-1 was never p-1's from 2026-01-01 00:00:00Z on" in ended.output
    assert run("list").output == ""
    assert "cuff-1 is p-1's" in run("assign cuff-1 p-1 --from 2026-01-01").output


def test_json_is_for_programs(run: Any) -> None:  # noqa: ANN401
    answer = run("patient add Red-Fox --simulated --json")
    added = json.loads(answer.stdout)
    assert "No rule book" in answer.stderr
    (listed,) = json.loads(run("patient list --json").output)
    assert added.items() <= listed.items()
    assert listed["simulated"] is True


def test_a_plan_of_a_book_that_is_not_in_force_is_doubted(
    run: Any,  # noqa: ANN401
    database_url: str,
) -> None:
    entry = BookEntry("adult-standard", "", "", "Dr", 0)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO vitalwire.rule_books (name, activated_at, who, sha256, entry)"
            " VALUES ('adult-standard', now(), 'Dr', '', %s)",
            [msgspec.json.encode(entry).decode()],
        )
    said = "adult-standrd was never put in force (is adult-standard meant?)"
    assert said in run("patient add Blue-Heron --patient-id p-1 --book adult-standrd").stderr
    assert said in run("plan books p-1 adult-standrd").stderr
    assert run("plan books p-1 adult-standard").stderr == ""


def test_an_error_names_its_cause_and_the_way_out(run: Any) -> None:  # noqa: ANN401
    run("patient add Blue-Heron --patient-id p-1")
    run("patient add Red-Fox --patient-id p-2")
    run("device add C0:FF:EE:00:00:01 --device-id cuff-1")
    run("assign cuff-1 p-1 --from 2026-01-01")
    refused = error_of(run("assign cuff-1 p-2 --from 2026-06-01"))
    assert "is patient p-1's from 2026-01-01" in refused.cause
    assert "unassign cuff-1" in refused.way_out
    assert "no time such as" in run("assign cuff-1 p-2 --from tomorrow").output


def test_a_database_without_tables_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, empty_database_url: str
) -> None:
    monkeypatch.setenv(DATABASE_VARIABLE, empty_database_url)
    for line in ("list", "patient add X", "patient list"):
        refused = error_of(CliRunner().invoke(registry, line.split()))
        assert isinstance(refused, MisconfiguredError)
        assert "vitalwire ingest setup" in refused.way_out


def test_the_setup_is_repeatable(
    monkeypatch: pytest.MonkeyPatch, empty_database_url: str, kafka: EmbeddedKafka
) -> None:
    monkeypatch.setenv(DATABASE_VARIABLE, empty_database_url)
    monkeypatch.setenv(KAFKA_VARIABLE, kafka.bootstrap)
    first, second = (CliRunner().invoke(ingest, ["setup"]) for _ in range(2))
    assert "002_custody" in first.output
    assert second.output == "database: up to date\nkafka: up to date\n"


@broker_dies
def test_servers_that_are_not_named_or_not_there_are_said(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.delenv(DATABASE_VARIABLE, raising=False)
    assert DATABASE_VARIABLE in error_of(CliRunner().invoke(ingest, ["setup"])).cause
    monkeypatch.setenv(DATABASE_VARIABLE, database_url)
    monkeypatch.setenv(KAFKA_VARIABLE, "127.0.0.1:9")
    refused = error_of(CliRunner().invoke(ingest, ["setup"]))
    assert isinstance(refused, UnavailableError)
    assert "Kafka at 127.0.0.1:9" in refused.cause

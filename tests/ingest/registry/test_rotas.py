"""Rotas in the registry: kept, audited, on their way to Kafka; and the command that sets them."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest.cli import registry
from ingest.registry.rotas import put_rota, rotas
from schemas.errors import MisconfiguredError
from schemas.registry import ENTRY_BYTES_MAX, REGISTRY_DECODER
from schemas.rota import Channel, Contact, OffHours, RotaEntry
from tests.servers import NOW

HOME = RotaEntry(
    "home",
    contacts=[Contact("night", [Channel("webhook", "https://pager.example/1")])],
    off_hours=OffHours(["night"]),
    programme_lead=["night"],
    technical=["night"],
)


TOML = """
programme = "home"
programme_lead = ["night"]
technical = ["night"]
off_hours = { on_duty = ["night"] }
[[contacts]]
name = "night"
channels = [{ kind = "webhook", address = "https://pager.example/1" }]
"""


def test_a_rota_replaces_the_one_of_its_programme_and_leaves_its_trace(
    connection: Connection[TupleRow], other: Connection[TupleRow]
) -> None:
    changed = msgspec.structs.replace(HOME, zone="Europe/Berlin")
    assert put_rota(connection, HOME, "a nurse", NOW)
    assert not put_rota(connection, HOME, "a nurse", NOW)
    assert put_rota(connection, changed, "a nurse", NOW)
    assert rotas(other) == [changed]
    sent = other.execute("SELECT key, value FROM vitalwire.outbox ORDER BY outbox_id").fetchall()
    assert [key for key, _ in sent] == ["rota/home"] * 2
    assert [REGISTRY_DECODER.decode(bytes(value)) for _, value in sent] == [HOME, changed]
    audited = other.execute("SELECT action, who FROM vitalwire.audit_log").fetchall()
    assert audited == [("rota.set", "a nurse")] * 2


def test_a_person_sets_it_from_a_file(
    connection: Connection[TupleRow],
    migrated_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VITALWIRE_DATABASE_URL", migrated_url)
    file = tmp_path / "home.toml"
    file.write_text(TOML)
    run = CliRunner().invoke
    assert run(registry, ["rota", "set", str(file)], catch_exceptions=False).exit_code == 0
    listed = run(registry, ["rota", "list"], catch_exceptions=False).output
    assert listed.startswith("home\tevery other book\tUTC")
    file.write_text(TOML.replace("off_hours", "somebody"))
    with pytest.raises(MisconfiguredError, match="off_hours"):
        run(registry, ["rota", "set", str(file)], catch_exceptions=False)
    for text in ("programme = 7", "programme = " + "[" * 10_000, "programme = " + "9" * 10_000):
        file.write_text(text)
        with pytest.raises(MisconfiguredError, match="no rota"):
            run(registry, ["rota", "set", str(file)], catch_exceptions=False)


def test_a_file_is_checked_without_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VITALWIRE_DATABASE_URL", raising=False)
    file = tmp_path / "home.toml"
    file.write_text(TOML)
    run = CliRunner().invoke
    checked = run(registry, ["rota", "check", str(file)], catch_exceptions=False)
    assert checked.stdout.endswith("can be set for programme home.\n")
    assert checked.stderr.startswith("Nobody is second in off_hours: ")
    file.write_text(TOML.replace('["night"] }', '["night"], second = ["night"] }'))
    assert not run(registry, ["rota", "check", str(file)], catch_exceptions=False).stderr
    file.write_text(TOML)
    leave = '[[leave]]\nname = "night"\nbegins = "2026-12-24"\nends = "2026-12-26"\n'
    file.write_text(TOML + leave)
    with pytest.raises(MisconfiguredError, match="all of off_hours are on leave"):
        run(registry, ["rota", "check", str(file)], catch_exceptions=False)


def test_a_rota_that_no_record_of_the_registry_holds_is_refused(tmp_path: Path) -> None:
    """It was written without a word, and nobody read the record."""
    file = tmp_path / "home.toml"
    file.write_text(TOML.replace("/1", "/1" + "0" * ENTRY_BYTES_MAX))
    too_long = r"has 1,000,\d+ bytes, and may have 1,000,000"
    for command in ("check", "set"):
        with pytest.raises(MisconfiguredError, match=too_long):
            CliRunner().invoke(registry, ["rota", command, str(file)], catch_exceptions=False)


@pytest.mark.parametrize(
    ("was", "now", "sentence"),
    [
        ("technical =", "leaves = []\ntechnical =", "'leaves' is no field of the rota"),
        ("{ on_duty", "{ thrid = [], on_duty", "'thrid' is no field of off_hours"),
        ("channels =", 'channel = "x"\nchannels =', "'channel' is no field of contacts"),
    ],
)
def test_a_field_that_nobody_reads_is_refused(
    tmp_path: Path, was: str, now: str, sentence: str
) -> None:
    """A leave under a wrong name would page whoever is away."""
    file = tmp_path / "home.toml"
    file.write_text(TOML.replace(was, now))
    with pytest.raises(MisconfiguredError, match=sentence):
        CliRunner().invoke(registry, ["rota", "check", str(file)], catch_exceptions=False)

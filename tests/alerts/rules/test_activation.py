"""`rules activate` and `rules history`: who put which text in force, refused if nobody is told."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import Connection
from psycopg.rows import TupleRow

from alerts.cli import rules
from alerts.rules.entry import book_of, entry_of
from alerts.rules.errors import BookError
from alerts.rules.load import SHIPPED, load_books
from schemas.errors import MisconfiguredError, UnavailableError
from schemas.registry import REGISTRY_DECODER, BookEntry
from schemas.rota import Channel, Contact, OffHours, RotaEntry
from tests.alerts.book_text import PRESSURE, head, rule

ROTA = RotaEntry(
    "home",
    contacts=[Contact("night", [Channel("log")])],
    off_hours=OffHours(["night"]),
    programme_lead=["night"],
    technical=["night"],
)


@pytest.fixture
def connection(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Connection[TupleRow]]:
    monkeypatch.setenv("VITALWIRE_DATABASE_URL", database_url)
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def staffed(connection: Connection[TupleRow]) -> Connection[TupleRow]:
    connection.execute(
        "INSERT INTO vitalwire.rotas (programme, rota) VALUES (%s, %s)",
        [ROTA.programme, msgspec.json.encode(ROTA).decode()],
    )
    return connection


def run(*words: str) -> Result:
    return CliRunner().invoke(rules, words)


def test_a_book_is_its_record_and_back() -> None:
    for book in load_books():
        again = book_of(entry_of(book, "Dr Keller", 1))
        assert (again.name, again.sha256) == (book.name, book.sha256)
        assert [rule.id for rule in again.rules] == [rule.id for rule in book.rules]


def test_activating_leaves_a_row_an_audit_entry_and_a_record_for_kafka(
    staffed: Connection[TupleRow], tmp_path: Path
) -> None:
    first = run("activate", "adult-standard", "--by", "Dr Keller")
    assert first.exit_code == 0, first.exception
    assert "adult-standard " in first.output
    assert "was in force already" in run("activate", "adult-standard", "--by", "Kim").output
    changed = tmp_path / "ours.toml"
    text = (SHIPPED / "adult-standard.toml").read_text()
    changed.write_text(text.replace('value = ["180 mmHg"]', 'value = ["175 mmHg"]'))
    assert run("activate", str(changed), "--by", "Kim").exit_code == 0
    assert run("history", "adult-diabetes").output == (
        "adult-diabetes was never activated: engines use that of their folder, if it is there.\n"
    )
    lines = run("history", "adult-standard").output.splitlines()
    assert [("by Dr Keller" in line, "in force" in line) for line in lines] == [
        (True, False),
        (False, True),
    ]
    told = [
        msgspec.json.decode(line, type=BookEntry)
        for line in run("history", "--json").output.splitlines()
    ]
    assert [one.who for one in told] == ["Dr Keller", "Kim"]
    sent = staffed.execute("SELECT key, value FROM vitalwire.outbox ORDER BY outbox_id").fetchall()
    assert [(key, REGISTRY_DECODER.decode(bytes(value))) for key, value in sent] == [
        ("book/adult-standard", one) for one in told
    ]
    audited = staffed.execute("SELECT who, action FROM vitalwire.audit_log ORDER BY audit_id")
    assert list(audited) == [("Dr Keller", "book.activate"), ("Kim", "book.activate")]


def test_whoever_makes_a_rule_critical_is_told_what_is_open_by_it(
    staffed: Connection[TupleRow], tmp_path: Path
) -> None:
    """Also of the first text of a book: engines judged by the shipped one until then."""
    opened(staffed, "high")
    opened(staffed, "high", condition="returned")
    opened(staffed, "high", attention="resolved")
    opened(staffed, "critical")
    opened(staffed, "high", book="our-elderly")
    shipped = (SHIPPED / "adult-standard.toml").read_text()
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text(with_severity(shipped, "bp-low", "critical"))
    told = run("activate", str(first), "--by", "Kim")
    assert told.stderr == (
        "bp-low is critical now, and was high: 1 alert is open by it. None pages for that before"
        " the patient's next reading that matches: look at them now.\n"
    )
    assert run("activate", str(first), "--by", "Kim").stderr == ""
    second.write_text(with_severity(first.read_text(), "bp-mean-high", "critical"))
    assert run("activate", str(second), "--by", "Kim", "--json").stderr == (
        "bp-mean-high is critical now, and was medium: nothing is open by it.\n"
    )
    assert run("activate", "adult-standard", "--by", "Kim").stderr == "", "nothing became critical"


def with_severity(text: str, rule: str, severity: str) -> str:
    head, tail = text.split(f'id = "{rule}"', 1)
    return (
        head
        + f'id = "{rule}"'
        + re.sub(r'severity = "\w+"', f'severity = "{severity}"', tail, count=1)
    )


def opened(
    connection: Connection[TupleRow],
    severity: str,
    *,
    condition: str = "active",
    attention: str = "unacknowledged",
    book: str = "adult-standard",
) -> None:
    name = f"{condition} {attention} {severity} {book}"
    connection.execute(
        "INSERT INTO vitalwire.alerts (alert_id, patient_id, kind, ladder, rule, severity,"
        " condition, attention, title, reason, measured_at, opened_at, changed_at)"
        " VALUES (%s, 'p1', 'alert', 'bp-low', 'bp-low', %s, %s, %s, '', '', now(), now(), now())",
        [name, severity, condition, attention],
    )
    connection.execute(
        "INSERT INTO vitalwire.alert_events (event_id, alert_id, patient_id, topic, partition,"
        " log_offset, kind, at, record) VALUES (%s, %s, 'p1', 'alerts.v1', 0, 0, 'onset', now(),"
        " jsonb_build_object('book', %s::text, 'rule', 'bp-low'))",
        [name, name, book],
    )


def refused(result: Result, kind: type[Exception]) -> str:
    assert isinstance(result.exception, kind), result.output
    return str(result.exception)


def test_a_book_whose_alerts_nobody_hears_at_night_is_refused(
    connection: Connection[TupleRow],
) -> None:
    said = refused(run("activate", "adult-standard", "--by", "Kim"), MisconfiguredError)
    assert "Nobody is told of a critical alert of adult-standard" in said
    kept = connection.execute("SELECT count(*) FROM vitalwire.rule_books").fetchone()
    assert kept == (0,)
    assert "No book was ever activated" in run("history").stderr


def test_a_book_that_contradicts_one_in_force_is_refused(
    staffed: Connection[TupleRow], tmp_path: Path
) -> None:
    del staffed
    assert run("activate", "adult-standard", "--by", "Kim").exit_code == 0
    other = tmp_path / "other.toml"
    text = (SHIPPED / "oncology-antivegf.toml").read_text()
    other.write_text(text.replace('repeat_within = "15min"', 'repeat_within = "5min"'))
    said = refused(run("activate", str(other), "--by", "Kim"), MisconfiguredError)
    assert "disagree on 'gated' or 'repeat_within'" in said


def test_a_book_for_whose_rules_an_engine_has_no_room_is_refused_in_its_place(
    staffed: Connection[TupleRow], tmp_path: Path
) -> None:
    """Alone it is well: with the shipped book, never activated, the ladder is too full."""
    del staffed
    ours = tmp_path / "ours.toml"
    rules = (rule(f"r{at}", f"systolic > {100 + at} mmHg", ladder="bp-high") for at in range(32))
    ours.write_text(head("ours", PRESSURE) + "".join(rules))
    assert run("check", str(ours)).exit_code == 0
    said = refused(run("activate", str(ours), "--by", "Kim"), BookError)
    assert re.search(r"ours\.toml:\d+:10: Ladder 'bp-high' has 32 rules and \d+ in other", said)


def test_somebody_answers_for_a_book(staffed: Connection[TupleRow]) -> None:
    del staffed
    said = refused(run("activate", "adult-standard", "--by", " "), MisconfiguredError)
    assert "Name a clinician" in said


def test_a_database_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITALWIRE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert "is not available" in refused(run("history"), UnavailableError)

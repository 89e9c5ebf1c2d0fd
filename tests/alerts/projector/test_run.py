"""The tables of alerts follow the topics, whatever is away in between."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import psycopg
import pytest

from alerts.desk.case import judge
from alerts.desk.technical import report
from alerts.projector.rows import Found, alert_row, event_rows
from alerts.projector.run import Projector
from alerts.projector.store import Advance, OvertakenError, connect, write
from schemas.clock import SystemClock
from schemas.topics import ACTIONS, ALERTS
from simulators.stack.kafka import EmbeddedKafka
from simulators.stack.postgres import EmbeddedPostgres
from tests.alert_log import AlertLog
from tests.alert_records import acknowledgement, transition
from tests.servers import eventually

WITHIN_S = 30


@contextmanager
def projecting(kafka: EmbeddedKafka, database_url: str) -> Iterator[Projector]:
    projector = Projector(kafka.bootstrap, database_url, SystemClock(), Random(1))
    worker = threading.Thread(target=projector.run)
    worker.start()
    try:
        yield projector
    finally:
        projector.stop()
        worker.join(WITHIN_S)
        assert not worker.is_alive()


def attention(database_url: str) -> dict[str, str]:
    with psycopg.connect(database_url) as connection:
        return dict(connection.execute("SELECT alert_id, attention FROM vitalwire.alerts"))


def count(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM vitalwire.alert_events").fetchone()
    assert row is not None
    return int(row[0])


def test_the_table_is_the_fold(kafka: EmbeddedKafka, log: AlertLog, database_url: str) -> None:
    events = [transition("1", severity="high", at_ms=10), transition("2", "worsened", at_ms=20)]
    answers = [acknowledgement("1", at_ms=11), acknowledgement("2", action_id="y", at_ms=21)]
    log.put(*answers, *events, transition("3", alert_id="b"))
    log.put_raw(ALERTS, "p", b"{")
    log.put(transition("2", "worsened", at_ms=20))  # again, as after a crash of the engine
    with projecting(kafka, database_url):
        eventually(lambda: attention(database_url) == {"a": "acknowledged", "b": "unacknowledged"})
    with psycopg.connect(database_url) as connection:
        stored = connection.execute(
            "SELECT * FROM vitalwire.alerts WHERE alert_id = 'a'"
        ).fetchone()
    row = alert_row(judge(events, answers), opened_at_ms=10)
    assert stored is not None
    assert stored == tuple(getattr(row, name) for name in row.__slots__)
    assert (row.severity, row.answered_by) == ("critical", "Anna")
    assert count(database_url) == 5


def test_a_database_that_is_away_is_waited_for(
    kafka: EmbeddedKafka, log: AlertLog, postgres: EmbeddedPostgres, database_url: str
) -> None:
    log.put(transition("1"))
    with projecting(kafka, database_url) as projector:
        eventually(lambda: attention(database_url) == {"a": "unacknowledged"})
        eventually(lambda: projector.trouble is None)
        postgres.stop()
        log.put(acknowledgement("1"), transition("2", alert_id="b"))
        eventually(lambda: projector.trouble is not None)
        postgres.start().wait()
        eventually(lambda: attention(database_url) == {"a": "acknowledged", "b": "unacknowledged"})
        eventually(lambda: projector.trouble is None)


def test_a_restart_goes_on_and_topics_made_anew_are_read_again(
    kafka: EmbeddedKafka, log: AlertLog, database_url: str
) -> None:
    log.put(transition("1"))
    with projecting(kafka, database_url):
        eventually(lambda: count(database_url) == 1)
    log.put(acknowledgement("1"))
    with projecting(kafka, database_url):
        eventually(lambda: count(database_url) == 2)
        log.create_again()
        log.put(transition("1"), transition("2", "worsened", at_ms=9))  # the first, once more
        eventually(lambda: count(database_url) == 3)
    assert attention(database_url) == {"a": "unacknowledged"}


def test_who_was_overtaken_writes_nothing(database_url: str) -> None:
    found = Found(transition("1"), ALERTS, 0, 0)
    with connect(database_url) as connection:
        connection.autocommit = True
        with pytest.raises(OvertakenError):
            write(connection, [found], [Advance(ALERTS, 0, "id", expected=0, reached=1)])
    assert count(database_url) == 0


def test_a_character_that_postgresql_does_not_keep_stops_nothing(database_url: str) -> None:
    found = Found(transition("1", reason="nul \0 in it", title="\0"), ALERTS, 0, 0)
    with connect(database_url) as connection:
        connection.autocommit = True
        write(connection, [found], [])
    assert attention(database_url) == {"a": "unacknowledged"}


def test_an_action_on_two_alerts_is_two_rows() -> None:
    action = acknowledgement("1", "2", alert_ids=("a", "b", "a"))
    rows = list(event_rows(Found(action, ACTIONS, 0, 7)))
    assert [(row.alert_id, row.event_id, row.who, row.log_offset) for row in rows] == [
        ("a", "x", "Anna", 7),
        ("b", "x", "Anna", 7),
    ]


def test_trouble_of_the_desk_itself_is_an_alert_in_the_table_too(database_url: str) -> None:
    trouble = Found(report("empty-rota", "home", 5, "Nobody is on duty."), ACTIONS, 0, 0)
    with connect(database_url) as connection:
        connection.autocommit = True
        write(connection, [trouble], [])
        rows = connection.execute("SELECT title, severity, attention FROM vitalwire.alerts")
        assert rows.fetchall() == [("Nobody is on the rota", "high", "unacknowledged")]

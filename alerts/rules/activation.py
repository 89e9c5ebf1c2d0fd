"""Rule books in force, in PostgreSQL: every activation is kept, audited and on its way to Kafka.

Row, audit entry and outbox row are one transaction; the registry's publisher carries the outbox.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec
import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from alerts.database import unavailable
from schemas.errors import MisconfiguredError
from schemas.registry import BOOK_KEY, BookEntry
from schemas.rota import RotaEntry
from schemas.topics import REGISTRY

CHANNEL = "vitalwire_outbox"
_CONNECT_WITHIN_S = 5
_STATEMENT_WITHIN_MS = 30_000
_decode_book = msgspec.json.Decoder(BookEntry).decode
_decode_rota = msgspec.json.Decoder(RotaEntry).decode


@contextmanager
def connected(url: str) -> Iterator[Connection[TupleRow]]:
    """Connect; every wait has a bound. Raises ``UnavailableError``, ``MisconfiguredError``."""
    try:
        with psycopg.connect(
            url,
            application_name="vitalwire-rules",
            connect_timeout=_CONNECT_WITHIN_S,
            options=f"-c statement_timeout={_STATEMENT_WITHIN_MS} -c timezone=UTC",
        ) as connection:
            yield connection
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        cause = "The database has no tables of vitalwire, or older ones."
        raise MisconfiguredError(cause, "Run `vitalwire ingest setup`.") from error
    except psycopg.OperationalError as error:
        raise unavailable(error) from error


def activate(connection: Connection[TupleRow], entry: BookEntry) -> bool:
    """Put a book in force from now on; False if exactly this text is in force already."""
    with connection.transaction():
        connection.execute("LOCK TABLE vitalwire.rule_books IN SHARE ROW EXCLUSIVE MODE")
        known = activations(connection, entry.name)
        before = known[-1] if known else None
        if before is not None and before.sha256 == entry.sha256:
            return False
        at = datetime.fromtimestamp(entry.at_ms / 1000, UTC)
        text = msgspec.json.encode(entry).decode()
        connection.execute(
            "INSERT INTO vitalwire.rule_books (name, activated_at, who, sha256, entry)"
            " VALUES (%s, %s, %s, %s, %s)",
            [entry.name, at, entry.who, entry.sha256, text],
        )
        key = BOOK_KEY + entry.name
        old = None if before is None else msgspec.json.encode(before).decode()
        connection.execute(
            "INSERT INTO vitalwire.audit_log (at, who, action, subject, before, after)"
            " VALUES (%s, %s, 'book.activate', %s, %s, %s)",
            [at, entry.who, key, old, text],
        )
        connection.execute(
            "INSERT INTO vitalwire.outbox (topic, key, value) VALUES (%s, %s, %s)",
            [REGISTRY, key, text.encode()],
        )
        connection.execute(f"NOTIFY {CHANNEL}")
    return True


def activations(connection: Connection[TupleRow], name: str = "") -> list[BookEntry]:
    """Read every activation, or those of one book, the first one first."""
    rows = connection.execute(
        "SELECT entry::text FROM vitalwire.rule_books WHERE name = %s OR %s = ''"
        " ORDER BY name, activation_id",
        [name, name],
    )
    return [_decode_book(text) for (text,) in rows]


def in_force(connection: Connection[TupleRow]) -> list[BookEntry]:
    """Read the last activation of each book."""
    return list({entry.name: entry for entry in activations(connection)}.values())


def rotas(connection: Connection[TupleRow]) -> list[RotaEntry]:
    """Read who is told of what."""
    rows = connection.execute("SELECT rota::text FROM vitalwire.rotas ORDER BY programme")
    return [_decode_rota(text) for (text,) in rows]


def open_by(connection: Connection[TupleRow], book: str, rules: Sequence[str]) -> dict[str, int]:
    """Count the open alerts that rules of a book speak for, of which none asked as critical yet."""
    rows = connection.execute(
        "SELECT rule, count(*) FROM vitalwire.alerts AS alert"
        " WHERE kind = 'alert' AND condition = 'active' AND attention <> 'resolved'"
        " AND severity <> 'critical' AND rule = ANY(%s) AND EXISTS ("
        "SELECT FROM vitalwire.alert_events AS event WHERE event.alert_id = alert.alert_id"
        " AND record->>'book' = %s AND record->>'rule' = rule)"
        " GROUP BY rule",
        [list(rules), book],
    )
    return dict(rows.fetchall())

"""The tables of alerts and how far they have come, written together or not at all.

Offsets are kept under the topic's id and advance by compare-and-set: whoever was overtaken rolls
back. Every write is idempotent by itself, so a topic that was created again may be read again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass, fields
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from alerts.desk.case import judge
from alerts.desk.technical import finding_of
from alerts.log import TopicLife
from alerts.projector.rows import AlertRow, EventRow, Found, alert_row, event_rows
from alerts.records import Place
from schemas.alert import ACTION_DECODER, TRANSITION_DECODER, Action, Transition
from schemas.errors import UnavailableError
from schemas.topics import ALERTS

_CONNECT_WITHIN_S = 5
_STATEMENT_WITHIN_MS = 30_000

_BEGIN = """
INSERT INTO vitalwire.kafka_offsets (topic, partition, topic_id, next_offset)
VALUES (%s, %s, %s, %s)
ON CONFLICT (topic, partition) DO UPDATE
SET topic_id = EXCLUDED.topic_id, next_offset = EXCLUDED.next_offset
WHERE kafka_offsets.topic_id <> EXCLUDED.topic_id
"""
_ADVANCE = """
UPDATE vitalwire.kafka_offsets SET next_offset = %(reached)s
WHERE topic = %(topic)s AND partition = %(partition)s
AND topic_id = %(topic_id)s AND next_offset = %(expected)s
"""
_HISTORY = """
SELECT alert_id, topic, record::text FROM vitalwire.alert_events
WHERE alert_id = ANY (%s) ORDER BY alert_id, at, log_offset
"""


@dataclass(frozen=True, slots=True)
class Advance:
    """A partition's next offset moves from ``expected`` to ``reached``, if it is ``expected``."""

    topic: str
    partition: int
    topic_id: str
    expected: int
    reached: int


class OvertakenError(UnavailableError):
    """Another projector advanced the offsets: nothing of the batch was written."""


def connect(url: str) -> Connection[TupleRow]:
    """Connect; every wait on this connection has a bound."""
    return psycopg.connect(
        url,
        application_name="vitalwire-projector",
        connect_timeout=_CONNECT_WITHIN_S,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        options=f"-c statement_timeout={_STATEMENT_WITHIN_MS} -c timezone=UTC",
    )


def begin(
    connection: Connection[TupleRow], lives: Iterable[TopicLife], begins: Mapping[Place, int]
) -> dict[Place, int]:
    """Give where to read on; topics unknown so far, or created again, from their beginning."""
    with connection.transaction():
        places = {place: life for life in lives for place in life.places}
        for (topic, partition), life in places.items():
            values = [topic, partition, life.topic_id, begins[topic, partition]]
            connection.execute(_BEGIN, values)
        rows = connection.execute(
            "SELECT topic, partition, next_offset FROM vitalwire.kafka_offsets"
        )
        known = {(topic, partition): offset for topic, partition, offset in rows}
    return {place: known[place] for place in places}


def write(
    connection: Connection[TupleRow], found: Iterable[Found], advances: Iterable[Advance]
) -> None:
    """Write a batch and advance; raises ``OvertakenError``."""
    rows = [row for one in found for row in event_rows(one)]
    with connection.transaction():
        for advance in advances:
            if connection.execute(_ADVANCE, asdict(advance)).rowcount != 1:
                raise OvertakenError("Another projector is at work.", "Run only one.")
        if rows:
            with connection.cursor() as cursor:
                cursor.executemany(_insert(EventRow, "alert_events"), map(astuple, rows))
                touched = sorted({row.alert_id for row in rows})
                standing = [astuple(row) for row in _standing(connection, touched)]
                cursor.executemany(_upsert(AlertRow, "alerts", "alert_id"), standing)


def _standing(connection: Connection[TupleRow], alert_ids: list[str]) -> Iterable[AlertRow]:
    """Judge alerts afresh from all that was ever recorded of them."""
    events: dict[str, list[Transition]] = {}
    actions: dict[str, list[Action]] = {}
    for alert_id, topic, record in connection.execute(_HISTORY, [alert_ids]):
        if topic == ALERTS:
            events.setdefault(alert_id, []).append(TRANSITION_DECODER.decode(record))
        else:
            action = ACTION_DECODER.decode(record)
            actions.setdefault(alert_id, []).append(action)
            if action.kind == "technical":
                events.setdefault(alert_id, []).append(finding_of(action))
    for alert_id, history in events.items():
        case = judge(history, actions.get(alert_id, []))
        yield alert_row(case, opened_at_ms=history[0].at_ms)


def _insert(row: type[Any], table: str) -> sql.Composed:
    names = [field.name for field in fields(row)]
    return sql.SQL("INSERT INTO vitalwire.{} ({}) VALUES ({}) ON CONFLICT DO NOTHING").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(sql.Placeholder() for _ in names),
    )


def _upsert(row: type[Any], table: str, key: str) -> sql.Composed:
    names = [field.name for field in fields(row)]
    changes = [
        sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in names if name != key
    ]
    return sql.SQL(
        "INSERT INTO vitalwire.{} ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}"
    ).format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(sql.Placeholder() for _ in names),
        sql.Identifier(key),
        sql.SQL(", ").join(changes),
    )

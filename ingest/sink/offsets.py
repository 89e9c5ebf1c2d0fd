"""How far the sink has come: offsets in PostgreSQL, under the topic's id. Compare-and-set.

Whoever was overtaken (a zombie that wakes up after its replacement has worked) fails to advance and
rolls back what it stored.
"""

from collections.abc import Iterable, Mapping, Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from ingest.sink.positions import Advance, Partition, Start

_ADVANCE = """
UPDATE vitalwire.kafka_offsets AS known SET next_offset = moved.next_offset
FROM unnest(%s::text[], %s::int[], %s::text[], %s::bigint[], %s::bigint[])
    AS moved (topic, partition, topic_id, expected, next_offset)
WHERE known.topic = moved.topic AND known.partition = moved.partition
  AND known.topic_id = moved.topic_id AND known.next_offset = moved.expected
"""
_SET = """
INSERT INTO vitalwire.kafka_offsets (topic, partition, topic_id, next_offset)
VALUES (%s, %s, %s, %s)
ON CONFLICT (topic, partition) DO UPDATE
SET topic_id = EXCLUDED.topic_id, next_offset = EXCLUDED.next_offset
"""


class OvertakenError(Exception):
    """Somebody else advanced the offsets: nothing of the batch was stored."""


def advance(connection: Connection[TupleRow], moves: Sequence[Advance]) -> None:
    """Advance all, or raise ``OvertakenError``; inside the caller's transaction."""
    ordered = sorted(moves, key=lambda move: (move.topic, move.partition))
    moved = connection.execute(
        _ADVANCE,
        [
            [move.topic for move in ordered],
            [move.partition for move in ordered],
            [move.topic_id for move in ordered],
            [move.expected for move in ordered],
            [move.next_offset for move in ordered],
        ],
    )
    if moved.rowcount != len(ordered):
        raise OvertakenError


def load(connection: Connection[TupleRow]) -> dict[Partition, tuple[str, int]]:
    """Read topic id and next offset of every partition."""
    rows = connection.execute(
        "SELECT topic, partition, topic_id, next_offset FROM vitalwire.kafka_offsets"
    )
    return {(topic, partition): (topic_id, offset) for topic, partition, topic_id, offset in rows}


def save(
    connection: Connection[TupleRow],
    starts: Mapping[Partition, Start],
    topic_ids: Mapping[str, str],
) -> None:
    """Write where the partitions that do not resume at their stored offset begin."""
    moved: Iterable[tuple[str, int, str, int]] = [
        (topic, partition, topic_ids[topic], start.offset)
        for (topic, partition), start in starts.items()
        if start.reason is not None
    ]
    with connection.cursor() as cursor:
        cursor.executemany(_SET, list(moved))

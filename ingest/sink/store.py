"""One batch into the database in one transaction: rows, keys, custody, receipts, offsets.

What becomes of a reading is decided by the tables, not by what the bridge knew: the registry topic
can lag. Assignments cannot change while the transaction holds its lock on them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from ingest.registry import entries as registry_entries
from ingest.registry import outbox
from ingest.registry.release import own
from ingest.registry.view import Attributed, RegistryView, Waiting
from ingest.sink import custody
from ingest.sink.configs import note_devices
from ingest.sink.entries import Arrival, Entry, refused
from ingest.sink.offsets import advance
from ingest.sink.positions import Advance
from ingest.sink.rows import value_digest
from ingest.tables import SCHEMA, copied_columns
from schemas.kafka import PART, GatewayReport, Rejected
from schemas.vitals import VITALS

_NEW_KEYS = """
INSERT INTO vitalwire.reading_keys (reading_id, vital, time, digest)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::bytea[])
ON CONFLICT (reading_id) DO NOTHING RETURNING reading_id
"""
_KNOWN_DIGESTS = """
SELECT reading_id, digest FROM vitalwire.reading_keys WHERE reading_id = ANY(%(names)s)
UNION ALL
SELECT reading_id, digest FROM vitalwire.corrections WHERE reading_id = ANY(%(names)s)
"""


@dataclass(slots=True)
class Stored:
    """What a transaction did: ``outcomes`` counts entries, ``gateways`` have news to hear."""

    outcomes: Counter[str] = field(default_factory=Counter)
    gateways: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Sorted:
    """Readings by what the tables say of them."""

    to_store: list[Arrival] = field(default_factory=list)
    to_reroute: list[tuple[Arrival, Attributed]] = field(default_factory=list)
    to_wait: list[tuple[Arrival, Waiting]] = field(default_factory=list)


def store(
    connection: Connection[TupleRow],
    entries: Sequence[Entry],
    moves: Sequence[Advance],
    now: datetime,
) -> Stored:
    """Store a batch, or nothing of it.

    Raises ``OvertakenError`` if another sink has advanced the offsets, ``psycopg.DataError`` if the
    database refuses an entry, ``psycopg.OperationalError`` if it does not do its work.
    """
    stored = Stored()
    arrivals = [entry for entry in entries if isinstance(entry, Arrival)]
    refused_before = [entry for entry in entries if isinstance(entry, Rejected)]
    rejections = [entry for entry in refused_before if entry.reason != PART]
    reports = [entry for entry in entries if isinstance(entry, GatewayReport)]
    stored.outcomes[PART] += len(refused_before) - len(rejections)
    with connection.transaction():
        advance(connection, moves)
        if arrivals:
            rejections += _take_readings(connection, arrivals, now, stored)
        if rejections:
            custody.reject(connection, rejections)
            stored.outcomes["rejected"] += len(rejections)
        if reports:
            custody.report(connection, reports)
            stored.outcomes["report"] += len(reports)
        if arrivals:
            note_devices(connection, [_bringing(arrival) for arrival in arrivals])
        confirmed = list(_delivered(entries))
        if confirmed:
            custody.confirm(connection, confirmed)
    stored.gateways.update(key.gateway_id for key in confirmed)
    stored.gateways.update(report.gateway_id for report in reports)
    return stored


def _bringing(arrival: Arrival) -> tuple[str, str]:
    return arrival.gateway_id, arrival.stamped.reading.device.address


def _delivered(entries: Iterable[Entry]) -> Iterable[custody.Delivered]:
    """Name what the batch takes into custody; a rejection without a number confirms nothing."""
    for entry in entries:
        match entry:
            case Arrival():
                seq = entry.stamped.reading.seq
                yield custody.Delivered(entry.gateway_id, entry.stream, seq)
            case Rejected(stream=str(stream), seq=int(seq)):
                yield custody.Delivered(entry.gateway_id, stream, seq)
            case _:
                pass


def _take_readings(
    connection: Connection[TupleRow], arrivals: Sequence[Arrival], now: datetime, stored: Stored
) -> list[Rejected]:
    """Store, re-route or keep waiting; give the rejections of contradicting repetitions."""
    connection.execute("LOCK TABLE vitalwire.assignments IN SHARE MODE")
    addresses = {arrival.stamped.reading.device.address for arrival in arrivals}
    view = RegistryView(registry_entries.devices_at(connection, addresses))
    groups = _sort(arrivals, view)
    rejections = _store_new(connection, groups.to_store, stored)
    known = _known(connection, [arrival for arrival, _ in (*groups.to_reroute, *groups.to_wait)])
    to_reroute = [pair for pair in groups.to_reroute if pair[0].reading_id not in known]
    to_wait = [pair for pair in groups.to_wait if pair[0].reading_id not in known]
    stored.outcomes["duplicate"] += len(known)
    sent = custody.reroute(connection, to_reroute, now)
    if sent:
        outbox.put_readings(
            connection,
            [
                outbox.Owned(
                    found.patient_id,
                    arrival.gateway_id,
                    arrival.stream,
                    own(arrival.stamped, found),
                )
                for arrival, found in sent
            ],
            now,
        )
    if to_wait:
        custody.wait(connection, to_wait)
    stored.outcomes["rerouted"] += len(sent)
    stored.outcomes["waiting"] += len(to_wait)
    return rejections


def _sort(arrivals: Iterable[Arrival], view: RegistryView) -> _Sorted:
    groups = _Sorted()
    for arrival in arrivals:
        found = view.attribute(arrival.stamped)
        if isinstance(found, Waiting):
            groups.to_wait.append((arrival, found))
        elif found.patient_id == arrival.patient_id:
            groups.to_store.append(arrival)
        else:
            groups.to_reroute.append((arrival, found))
    return groups


def _store_new(
    connection: Connection[TupleRow], arrivals: Sequence[Arrival], stored: Stored
) -> list[Rejected]:
    """Store readings whose names are new; a known name with another value is kept as rejected."""
    first = {arrival.reading_id: arrival for arrival in reversed(arrivals)}
    new = _insert_keys(connection, [first[name] for name in sorted(first)])
    repeated = [
        arrival
        for arrival in arrivals
        if arrival.reading_id not in new or arrival is not first[arrival.reading_id]
    ]
    _copy(connection, [first[name] for name in sorted(new)])
    stored.outcomes["stored"] += len(new)
    stored.outcomes["duplicate"] += len(repeated)
    digests = _digests(connection, {arrival.reading_id for arrival in repeated})
    conflicting = [
        arrival for arrival in repeated if _digest(arrival) not in digests[arrival.reading_id]
    ]
    stored.outcomes["conflict"] += len(conflicting)
    return [
        refused(arrival, "conflict", "another value is stored under the same reading_id")
        for arrival in conflicting
    ]


def _insert_keys(connection: Connection[TupleRow], arrivals: Sequence[Arrival]) -> set[str]:
    """Claim the names of readings, sorted; give those that nobody had."""
    if not arrivals:
        return set()
    rows = connection.execute(
        _NEW_KEYS,
        [
            [UUID(arrival.reading_id) for arrival in arrivals],
            [arrival.stamped.reading.vital for arrival in arrivals],
            [arrival.row[0] for arrival in arrivals],
            [_digest(arrival) for arrival in arrivals],
        ],
    )
    return {name.hex for (name,) in rows}


def _copy(connection: Connection[TupleRow], arrivals: Iterable[Arrival]) -> None:
    """COPY rows into the tables of their vitals, in binary."""
    tables: dict[str, list[Arrival]] = {}
    for arrival in arrivals:
        tables.setdefault(arrival.stamped.reading.vital, []).append(arrival)
    for name in sorted(tables):
        columns = copied_columns(VITALS[name])
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
            sql.Identifier(SCHEMA, name),
            sql.SQL(", ").join(sql.Identifier(column) for column, _ in columns),
        )
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types([kind for _, kind in columns])
            for arrival in tables[name]:
                copy.write_row(arrival.row)


def _known(connection: Connection[TupleRow], arrivals: Sequence[Arrival]) -> set[str]:
    if not arrivals:
        return set()
    return set(_digests(connection, {arrival.reading_id for arrival in arrivals}))


def _digest(arrival: Arrival) -> bytes:
    reading = arrival.stamped.reading
    return value_digest(reading.vital, reading.outcome, reading.quantities)


def _digests(connection: Connection[TupleRow], names: Iterable[str]) -> dict[str, set[bytes]]:
    """Read the digests of those readings that are stored: of every version that each ever had.

    A home with an older decoder repeats what was corrected since, and contradicts nothing by it.
    """
    listed = [UUID(name) for name in names]
    if not listed:
        return {}
    digests: dict[str, set[bytes]] = {}
    for name, digest in connection.execute(_KNOWN_DIGESTS, {"names": listed}):
        digests.setdefault(name.hex, set()).add(bytes(digest))
    return digests

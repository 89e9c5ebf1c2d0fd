"""Rotas in PostgreSQL: each edit with its audit and its outbox row in one transaction."""

from datetime import datetime

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest.registry import outbox
from schemas.rota import RotaEntry

_decode = msgspec.json.Decoder(RotaEntry).decode


def rotas(connection: Connection[TupleRow]) -> list[RotaEntry]:
    """Read every rota."""
    rows = connection.execute("SELECT rota::text FROM vitalwire.rotas ORDER BY programme")
    return [_decode(text) for (text,) in rows]


def put_rota(connection: Connection[TupleRow], rota: RotaEntry, who: str, now: datetime) -> bool:
    """Add a rota, or replace the programme's; False if this very one was there already."""
    with connection.transaction():
        connection.execute("LOCK TABLE vitalwire.rotas IN SHARE ROW EXCLUSIVE MODE")
        before = next((one for one in rotas(connection) if one.programme == rota.programme), None)
        if before == rota:
            return False
        text = msgspec.json.encode(rota).decode()
        connection.execute(
            "INSERT INTO vitalwire.rotas (programme, rota) VALUES (%s, %s)"
            " ON CONFLICT (programme) DO UPDATE SET rota = EXCLUDED.rota",
            [rota.programme, text],
        )
        connection.execute(
            "INSERT INTO vitalwire.audit_log (at, who, action, subject, before, after)"
            " VALUES (%s, %s, 'rota.set', %s, %s, %s)",
            [
                now,
                who,
                outbox.entry_key(rota),
                None if before is None else msgspec.json.encode(before).decode(),
                text,
            ],
        )
        outbox.put_entry(connection, rota)
    return True

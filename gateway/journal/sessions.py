"""What each session learnt, beside its rows: a table of the journal."""

import sqlite3
from functools import lru_cache

import msgspec

from gateway.record import SessionFacts
from schemas.reading import Device

_CACHED = 64


class Sessions:
    """Over the journal's connection; whoever writes opens the transaction."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Use this connection; its owner closes it."""
        self._database = database
        self._known = lru_cache(_CACHED)(self._read)

    def of(self, session_id: str, address: str) -> SessionFacts:
        """Give what a session with a device learnt; only the address if it never told anything."""
        known = self._known(session_id)
        return known or SessionFacts(session_id, Device(address=address), ended=True)

    def write(self, facts: SessionFacts) -> None:
        """Write what a session has learnt so far."""
        self._database.execute(
            "INSERT OR REPLACE INTO sessions (session_id, address, ended, facts) VALUES (?,?,?,?)",
            (facts.session_id, facts.device.address, facts.ended, msgspec.json.encode(facts)),
        )
        self._known.cache_clear()

    def drop(self, session_id: str) -> None:
        """Forget a session."""
        self._database.execute("DELETE FROM sessions WHERE session_id = ?", (session_id,))
        self._known.cache_clear()

    def unended(self) -> list[SessionFacts]:
        """Give what sessions learnt that have not ended."""
        rows = self._database.execute("SELECT facts FROM sessions WHERE ended = 0").fetchall()
        return [msgspec.json.decode(text, type=SessionFacts) for (text,) in rows]

    def _read(self, session_id: str) -> SessionFacts | None:
        row = self._database.execute(
            "SELECT facts FROM sessions WHERE session_id = ?", (session_id,)
        ).fetchone()
        return msgspec.json.decode(row[0], type=SessionFacts) if row else None

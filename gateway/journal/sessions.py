"""What each session learnt, beside its rows: a table of the journal."""

import sqlite3
from functools import lru_cache

import msgspec
import structlog

from gateway.journal.checksums import checksum, of_row
from gateway.record import SessionFacts
from schemas.reading import Device

_CACHED = 64
CHECKSUM = of_row("session_id facts", "")
ALL = "SELECT session_id, facts, checksum FROM sessions"

log = structlog.get_logger(__name__)


class Sessions:
    """Over the journal's connection; whoever writes opens the transaction."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Use this connection; its owner closes it."""
        self._database = database
        self.known = lru_cache(_CACHED)(self._read)

    def of(self, session_id: str, address: str) -> SessionFacts:
        """Give what a session with a device learnt; only the address if it never told anything."""
        known = self.known(session_id)
        return known or SessionFacts(session_id, Device(address=address), ended=True)

    def write(self, facts: SessionFacts) -> None:
        """Write what a session has learnt so far."""
        text = msgspec.json.encode(facts).decode()
        told = checksum((facts.session_id, text))
        self._database.execute(
            "INSERT OR REPLACE INTO sessions (session_id, address, ended, facts, checksum)"
            " VALUES (?,?,?,?,?)",
            (facts.session_id, facts.device.address, facts.ended, text, told),
        )
        self.known.cache_clear()

    def drop(self, session_id: str) -> None:
        """Forget a session."""
        self._database.execute("DELETE FROM sessions WHERE session_id = ?", (session_id,))
        self.known.cache_clear()

    def unended(self) -> list[SessionFacts]:
        """Give what sessions learnt that have not ended."""
        rows = self._database.execute(f"{ALL} WHERE ended = 0").fetchall()
        return [facts for row in rows if (facts := facts_of(row)) is not None]

    def _read(self, session_id: str) -> SessionFacts | None:
        row = self._database.execute(f"{ALL} WHERE session_id = ?", (session_id,)).fetchone()
        return facts_of(row) if row else None


def facts_of(row: tuple[str, str, int]) -> SessionFacts | None:
    """Read id, facts and checksum; None if they are not what was written: nothing is known then."""
    session_id, text, told = row
    if told != checksum((session_id, text)):
        log.error("session.damaged", session_id=session_id)
        return None
    return msgspec.json.decode(text, type=SessionFacts)

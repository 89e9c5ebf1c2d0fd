"""Rows that are not what was written: set aside within the journal, told, and never sent.

A part of the open journal. What is left of such a row stays for ``KEPT_MS``, for somebody to look
at; its number is held no more, and the health report says how many there are.
"""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

import structlog

from gateway import metrics
from gateway.journal.damage import disk
from gateway.journal.relations import WRONG
from gateway.record import KEPT_DAYS

KEPT_MS = KEPT_DAYS * 24 * 3600 * 1000
LOOK_ROWS = 2000  # at a time: the event loop waits for it
_COLUMNS = (
    "session_id, address, characteristic, payload, boot_id, monotonic_ms, wall_ms, not_before_ms"
)

log = structlog.get_logger(__name__)


class DamagedRows:
    """Every method raises ``UnavailableError`` if the disk fails."""

    def __init__(
        self,
        database: sqlite3.Connection,
        transaction: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Use the journal's connection and its way to change it; the journal closes it."""
        self._database = database
        self._transaction = transaction
        self._looked_to = 0
        self.count = self._count()
        """How many there are."""

    @disk()
    def look(self) -> list[int]:
        """Look through some of the rows, in turn; set aside what is wrong, and give its numbers."""
        (last,) = self._database.execute(
            "SELECT max(seq) FROM (SELECT seq FROM rows WHERE seq > ? ORDER BY seq LIMIT ?)",
            (self._looked_to, LOOK_ROWS),
        ).fetchone()
        found = self._database.execute(
            f"{WRONG} AND seq > ? AND seq <= ?", (self._looked_to, last or 0)
        ).fetchall()
        self._looked_to = last or 0
        wrong = [seq for (seq,) in found]
        self.set_aside(wrong)
        return wrong

    def set_aside(self, numbers: Iterable[int]) -> None:
        """Move rows to where nothing is sent from."""
        numbers = list(numbers)
        if not numbers:
            return
        with disk(), self._transaction():
            for seq in numbers:
                self._database.execute(
                    f"INSERT INTO damaged_rows (seq, {_COLUMNS})"  # noqa: S608  (constants)
                    f" SELECT seq, {_COLUMNS} FROM rows WHERE seq = ?",
                    (seq,),
                )
                self._database.execute("DELETE FROM rows WHERE seq = ?", (seq,))
                self._database.execute("DELETE FROM segments WHERE seq = ?", (seq,))
        self._tell(len(numbers))

    def set_aside_of_anteroom(self, numbers: Iterable[int]) -> None:
        """Move what has no number yet there too; the caller holds a transaction."""
        numbers = list(numbers)
        for number in numbers:
            self._database.execute(
                f"INSERT INTO damaged_rows ({_COLUMNS})"  # noqa: S608  (constants)
                f" SELECT {_COLUMNS} FROM anteroom WHERE number = ?",
                (number,),
            )
        self._tell(len(numbers))

    def prune(self, now_wall_ms: int) -> None:
        """Let go what is old; the caller holds a transaction."""
        self._database.execute(
            "UPDATE damaged_rows SET set_aside_ms = ? WHERE set_aside_ms = 0", (now_wall_ms,)
        )
        self._database.execute(
            "DELETE FROM damaged_rows WHERE set_aside_ms < ?", (now_wall_ms - KEPT_MS,)
        )
        self.count = self._count()

    def _tell(self, rows: int) -> None:
        if rows:
            metrics.FAILURES.labels("journal-row-damaged").inc(rows)
            log.error("journal.rows_damaged", rows=rows)
            self.count = self._count()

    def _count(self) -> int:
        (count,) = self._database.execute("SELECT count(*) FROM damaged_rows").fetchone()
        assert isinstance(count, int)
        return count

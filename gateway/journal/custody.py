"""What of the journal the server has not confirmed yet, and what may go because it has.

A part of the open journal. A receipt is a set, never a maximum: a row leaves only by a receipt that
names it, and even then stays ``KEEP_RECEIPTED_MS``, or until space is needed.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager

import structlog

from gateway.journal.checksums import HELD, RECEIPTED
from gateway.journal.damage import disk
from gateway.journal.damaged_rows import DamagedRows
from gateway.journal.segments import Segments
from gateway.record import BLOOD_PRESSURE_RECORD, KEPT_DAYS
from schemas.ranges import Range

KEEP_RECEIPTED_MS = KEPT_DAYS * 24 * 3600 * 1000
PRUNE_ROWS_MAX = 1000  # at a time: the event loop waits for it

log = structlog.get_logger(__name__)


class Custody:
    """Every method raises ``UnavailableError`` if the disk fails."""

    def __init__(
        self,
        database: sqlite3.Connection,
        segments: Segments,
        damaged: DamagedRows,
        transaction: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Use the journal's connection and its way to change it; the journal closes it."""
        self._database = database
        self._segments = segments
        self._damaged = damaged
        self._transaction = transaction

    @disk()
    def held_after(self, seq: int, limit: int) -> list[tuple[int, str]]:
        """Give (number, stream) of rows to be sent that are above ``seq``, lowest first."""
        rows = self._database.execute(
            # One whose stream is not known is held too, until it is found to be damaged.
            "SELECT seq, coalesce(stream, '') FROM rows LEFT JOIN streams USING (stream_id)"
            " WHERE seq > ? AND receipted_ms IS NULL AND (characteristic <> ? OR seq IN"
            " (SELECT seq FROM segments WHERE spoken_by IS NOT NULL))"
            " ORDER BY stream_id, seq LIMIT ?",
            (seq, BLOOD_PRESSURE_RECORD, limit),
        )
        return rows.fetchall()

    @disk()
    def held_streams(self) -> dict[str, tuple[int, int, int]]:
        """Give, by stream: its id in the file, the lowest number held, and how many."""
        rows = self._database.execute(
            "SELECT stream, stream_id, min(seq), count(*) FROM rows JOIN streams USING (stream_id)"
            " WHERE receipted_ms IS NULL GROUP BY stream_id ORDER BY stream_id"
        )
        return {stream: (stream_id, lowest, held) for stream, stream_id, lowest, held in rows}

    def receipt(self, streams: Mapping[str, Iterable[Range]], now_wall_ms: int | None) -> list[int]:
        """Mark what the server has; give the numbers that are newly gone."""
        held = self.held_streams()
        gone: list[int] = []
        with disk(), self._transaction():
            for stream in streams.keys() & held.keys():
                for first, last in streams[stream]:
                    found = self._database.execute(
                        f"UPDATE rows SET receipted_ms = ?, checksum = {RECEIPTED}"  # noqa: S608  (a constant)
                        " WHERE receipted_ms IS NULL"
                        " AND stream_id = ? AND seq BETWEEN ? AND ? RETURNING seq",
                        (now_wall_ms or 0, held[stream][0], first, last),
                    ).fetchall()
                    gone += [seq for (seq,) in found]
        return gone

    @disk()
    def hold_unproven(self) -> int:
        """Hold again what seems to have a receipt and was never given one; give how many rows."""
        rows = self._database.execute(
            "UPDATE rows SET receipted_ms = NULL WHERE receipted_ms IS NOT NULL AND checksum >= 0"
        ).rowcount
        if rows:
            log.error("journal.receipts_unproven", rows=rows)
        return rows

    def resend(self, request: str, since_ms: int) -> int:
        """Hold again what was receipted at ``since_ms`` or later, once; give how many rows."""
        with disk(), self._transaction():
            new = self._database.execute(
                "INSERT OR IGNORE INTO resends (request) VALUES (?)", (request,)
            ).rowcount
            if not new:
                return 0
            return self._database.execute(
                f"UPDATE rows SET receipted_ms = NULL, checksum = {HELD}"  # noqa: S608  (a constant)
                " WHERE receipted_ms = 0 OR receipted_ms >= ?",
                (since_ms,),
            ).rowcount

    def prune(self, now_wall_ms: int | None, *, space_needed: bool) -> int:
        """Delete some receipted rows that are old, or any if space is needed; give how many."""
        before_ms = (now_wall_ms or 0) - KEEP_RECEIPTED_MS
        with disk(), self._transaction():
            if now_wall_ms is not None:  # rows receipted without a clock begin to age now
                self._database.execute(
                    "UPDATE rows SET receipted_ms = ? WHERE receipted_ms = 0", (now_wall_ms,)
                )
                self._segments.settle_overdue(now_wall_ms)
                self._damaged.prune(now_wall_ms)
            pruned = self._database.execute(
                "DELETE FROM rows WHERE seq IN (SELECT seq FROM rows WHERE receipted_ms IS NOT NULL"
                # Else nobody receipted it: see hold_unproven.
                " AND checksum < 0"
                " AND (? OR receipted_ms BETWEEN 1 AND ?)"
                # It may lend its name to one that is held.
                " AND NOT EXISTS (SELECT 1 FROM rows AS held WHERE held.receipted_ms IS NULL"
                " AND held.address = rows.address AND held.payload = rows.payload)"
                # It may be a part of one that is held: see gateway.journal.segments.
                " AND NOT EXISTS (SELECT 1 FROM segments JOIN rows AS held"
                " ON held.seq = segments.spoken_by"
                " WHERE segments.seq = rows.seq AND held.receipted_ms IS NULL)"
                " ORDER BY receipted_ms LIMIT ?)",
                (space_needed, before_ms, PRUNE_ROWS_MAX),
            ).rowcount
            if pruned:
                self._segments.forget_pruned()
                self._database.execute(
                    "DELETE FROM sessions WHERE ended = 1"
                    " AND session_id NOT IN (SELECT session_id FROM rows)"
                    " AND session_id NOT IN (SELECT session_id FROM anteroom)"
                )
        return pruned

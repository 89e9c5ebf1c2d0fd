"""Blood pressure records in segments: which row of the journal speaks for which.

A segment by itself says nothing: a record is told by the row that completed it, and the rows
before are spoken for. A cuff that is interrupted begins again, in other segments if it likes, so
what stays unfinished waits: for a later visit that brings the record whole, for one that read the
cuff to its end without it, or for ``UNFINISHED_MS``. Only then the last of its segments tells, once
and with all their bytes, that it never came whole.

Invariants: every row of 0x2B36 has a row here, at the latest when the next one comes or the journal
is opened; one with ``spoken_by`` NULL is not sent; what was settled once stays settled. What was
overwritten is found out anew from the rows themselves: a record that seemed to be spoken for by
another would never be told.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable

import structlog

from gateway.journal.checksums import FUNCTION, checksum, of_row
from gateway.record import BLOOD_PRESSURE_RECORD, Origin, Record
from schemas.gatt.blood_pressure_record import completed, decode_segment
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.measurement import content_of_segments

UNFINISHED_MS = 7 * 24 * 3600 * 1000
_DIGEST_BYTES = 16
_INTERPRETATIONS = (None, False, True)  # of the last two bytes as a checksum: nobody knows
CHECKSUM = of_row("address", "seq number spoken_by digest")
_FITS = f"checksum IS {CHECKSUM}"
# What does not fit is not changed: it would look right then.
_SPEAK = (
    "UPDATE segments SET spoken_by = ?1, checksum ="  # noqa: S608  (constants)
    f" {FUNCTION}(CAST(address AS BLOB), seq, number, ?1, digest) WHERE seq = ?2 AND {_FITS}"
)
_COMPLETED = (
    "UPDATE segments SET digest = ?1, checksum ="  # noqa: S608  (constants)
    f" {FUNCTION}(CAST(address AS BLOB), seq, number, spoken_by, ?1) WHERE seq = ?2 AND {_FITS}"
)

Values = tuple[str | bytes | int, ...]
Rows = Callable[[str, Values], list[Record]]
"""Gives the rows of the journal that satisfy a condition."""

log = structlog.get_logger(__name__)


class Segments:
    """The table ``segments``; its caller holds a transaction whenever something is written."""

    def __init__(self, database: sqlite3.Connection, rows: Rows) -> None:
        """Settle nothing yet."""
        self._database = database
        self._rows = rows
        self._settled: set[int] = set()

    def take_settled(self) -> list[Record]:
        """Give, once, the rows that may be sent by now, lowest first."""
        settled, self._settled = sorted(self._settled), set()
        held = "seq = ? AND receipted_ms IS NULL"
        return [
            row
            for seq in settled
            for row in self._rows(held, (seq,))
            if self.speaker(seq) is not None  # else what settled it was never committed
        ]

    def note(self) -> None:
        """Take in the rows that are new."""
        new = self._rows(
            "characteristic = ? AND seq > (SELECT coalesce(max(seq), 0) FROM segments)"
            " ORDER BY seq",
            (BLOOD_PRESSURE_RECORD,),
        )
        for record in new:
            self._note(record)

    def fit(self) -> bool:
        """Tell whether all is what was written."""
        wrong = f"SELECT 1 FROM segments WHERE NOT ({_FITS}) LIMIT 1"  # noqa: S608  (constants)
        return self._database.execute(wrong).fetchone() is None

    def mend(self) -> None:
        """Forget what was overwritten, and find out anew which rows make those records."""
        wrong = self._database.execute(
            f"DELETE FROM segments WHERE NOT ({_FITS})"  # noqa: S608  (constants)
        ).rowcount
        log.error("segments.damaged", rows=wrong)
        unknown = self._rows(
            "characteristic = ? AND seq NOT IN (SELECT seq FROM segments)",
            (BLOOD_PRESSURE_RECORD,),
        )
        for address, number in {(record.address, _number(record)) for record in unknown}:
            of_device = self._rows(
                "characteristic = ? AND address = ? ORDER BY seq", (BLOOD_PRESSURE_RECORD, address)
            )
            rows = [record for record in of_device if _number(record) == number]
            for record in rows:
                self._database.execute("DELETE FROM segments WHERE seq = ?", (record.seq,))
            for record in rows:
                self._note(record)
            self._settle(address, number, never=False)

    def settle(self, address: str, *, finished: bool) -> None:
        """End a visit: what a known record explains is spoken for.

        ``finished``: the cuff was read to its end, so what is still unfinished stays so.
        """
        unfinished = self._unfinished("address = ?", (address,))
        for number in {_number(record) for record in unfinished}:
            self._settle(address, number, never=finished)

    def settle_overdue(self, now_wall_ms: int) -> None:
        """Wait no longer for what is ``UNFINISHED_MS`` old; without any clock it waits on."""
        overdue = self._unfinished(
            "coalesce(wall_ms, not_before_ms) < ?", (now_wall_ms - UNFINISHED_MS,)
        )
        for address, number in {(record.address, _number(record)) for record in overdue}:
            self._settle(address, number, never=True)

    def speaker(self, seq: int) -> int | None:
        """Give the row that speaks for this one; None while nobody knows."""
        found = self._database.execute(
            f"SELECT spoken_by FROM segments WHERE seq = ? AND {_FITS}",  # noqa: S608  (constants)
            (seq,),
        ).fetchone()
        return found[0] if found else None

    def spoken_for_by(self, seq: int) -> tuple[Record, ...]:
        """Give the rows for which this one speaks, without itself, in their order."""
        condition = "seq < ? AND seq IN (SELECT seq FROM segments WHERE spoken_by = ?) ORDER BY seq"
        return tuple(self._rows(condition, (seq, seq)))

    def origin(self, seq: int) -> Origin | None:
        """Give where the record that this row completed came first; None if it completed none."""
        found = self._database.execute(
            "SELECT stream, origins.seq, captured_ms FROM origins JOIN segments USING"
            " (address, digest) WHERE segments.seq = ?",
            (seq,),
        ).fetchone()
        return Origin(*found) if found else None

    def forget_pruned(self) -> None:
        """Leave out what the journal no longer has."""
        self._database.execute("DELETE FROM segments WHERE seq NOT IN (SELECT seq FROM rows)")

    # Inside.

    def _note(self, record: Record) -> None:
        told = (record.seq, _number(record), None, None)
        self._database.execute(
            "INSERT INTO segments (seq, number, spoken_by, digest, address, checksum)"
            " VALUES (?,?,?,?,?,?)",
            (*told, record.address, checksum((record.address, *told))),
        )
        others = self._unfinished_of(record.address, _number(record))
        session = [row for row in others if row.session_id == record.session_id]
        try:
            whole = completed(row.payload for row in session)
        except MalformedPayload:  # no segment at all: it speaks for itself
            self._speak(record.seq, (record,))
            return
        if whole is not None:
            self._complete(record, whole)

    def _complete(self, record: Record, whole: tuple[bytes, ...]) -> None:
        """A record is there: one that its visit has brought before says nothing new."""
        digest, origin = _digest(whole), record.origin
        self._database.execute(
            "INSERT OR IGNORE INTO origins VALUES (?,?,?,?,?)",
            (record.address, digest, origin.stream, origin.seq, origin.captured_ms),
        )
        before = self._database.execute(
            "SELECT min(seq) FROM segments JOIN rows USING (seq) WHERE segments.address = ?"
            " AND number = ? AND digest = ? AND session_id = ? AND spoken_by = seq",
            (record.address, _number(record), digest, record.session_id),
        ).fetchone()[0]
        if before is None:
            self._database.execute(_COMPLETED, (digest, record.seq))
        unfinished = self._unfinished_of(record.address, _number(record))
        told = [row for row in unfinished if _is_of(row.payload, whole)]
        self._speak(record.seq if before is None else before, [*told, record])

    def _settle(self, address: str, number: int, *, never: bool) -> None:
        rows = self._unfinished_of(address, number)
        known = self._database.execute(
            "SELECT max(seq) FROM segments WHERE address = ? AND number = ?"
            " AND digest IS NOT NULL GROUP BY digest ORDER BY 1 DESC",
            (address, number),
        ).fetchall()
        for (seq,) in known:
            parts = (*self.spoken_for_by(seq), *self._rows("seq = ?", (seq,)))
            whole = completed(part.payload for part in parts)  # None: one of them was damaged
            explained = [one for one in rows if whole is not None and _is_of(one.payload, whole)]
            self._speak(seq, explained)
            rows = [row for row in rows if row not in explained]
        if never and rows:
            self._speak(rows[-1].seq, rows)

    def _speak(self, speaker: int, rows: Iterable[Record]) -> None:
        for row in rows:
            self._database.execute(_SPEAK, (speaker, row.seq))
            self._settled.add(row.seq)

    def _unfinished_of(self, address: str, number: int) -> list[Record]:
        return self._unfinished(
            "seq IN (SELECT seq FROM segments WHERE address = ? AND number = ?) ORDER BY seq",
            (address, number),
        )

    def _unfinished(self, condition: str, values: Values) -> list[Record]:
        nobody = "seq IN (SELECT seq FROM segments WHERE spoken_by IS NULL)"
        return self._rows(f"{nobody} AND {condition}", values)


def _is_of(payload: bytes, whole: tuple[bytes, ...]) -> bool:
    """Tell whether a segment is a part of this record, however that was cut."""
    return any(_fits(payload, whole, sealed=one) for one in _INTERPRETATIONS)


def _fits(payload: bytes, whole: tuple[bytes, ...], *, sealed: bool | None) -> bool:
    try:
        segment = decode_segment(payload, checksum=sealed)
        parts = [decode_segment(part, checksum=sealed) for part in whole]
    except MalformedPayload:
        return False
    inside = b"".join(part.part for part in parts)
    if segment.characteristic != parts[0].characteristic:
        return False
    if segment.first:
        return inside.startswith(segment.part)
    return inside.endswith(segment.part) if segment.last else segment.part in inside


def _number(record: Record) -> int:
    return int.from_bytes(record.payload[1:3], "little")


def _digest(whole: tuple[bytes, ...]) -> bytes:
    number, content = content_of_segments(whole)
    named = b"2b36" + number.to_bytes(2, "little") + content
    return hashlib.sha256(named).digest()[:_DIGEST_BYTES]

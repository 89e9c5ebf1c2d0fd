"""The journal: every notification under its number, on disk before anything else happens.

Invariants: numbers only grow (AUTOINCREMENT) and belong to the stream of the run that gave them
out; ``append`` returns only after the disk has it (WAL, synchronous=FULL: one fsync); a row leaves
only after the server's receipt (``gateway.journal.custody``). One process writes at a time (see
gateway/process.py). What a session learns goes beside the rows, never into them. File:
``DIR/journal.db``, SQLite, ``user_version`` is the layout's version.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

import msgspec
import structlog

from gateway.clocks.wall import Observation
from gateway.journal.anteroom import Anteroom
from gateway.journal.checksums import checksum
from gateway.journal.custody import Custody
from gateway.journal.damage import (
    OpenFile,
    begin_whole,
    disk,
    refuse_damaged,
)
from gateway.journal.damaged_rows import DamagedRows
from gateway.journal.file import FILE, open_or_create
from gateway.journal.known_devices import KnownDevices
from gateway.journal.numbering import Numbering
from gateway.journal.relations import RECORDS, SEQ, record_of, related
from gateway.journal.salvage import Salvage
from gateway.journal.segments import Segments
from gateway.journal.sessions import Sessions
from gateway.record import (
    BLOOD_PRESSURE_RECORD,
    Entry,
    Notification,
    Record,
    SessionFacts,
)
from schemas.errors import UnavailableError
from schemas.wire import StreamState

STREAMS_MAX = 100  # in a health report, oldest first
PROBE_BYTES = 64 * 1024  # room for a burst

log = structlog.get_logger(__name__)


class Journal:
    """The open journal of one run of the daemon; not for use by several threads."""

    def __init__(self, directory: Path, stream: str, *, anew: bool = False) -> None:
        """Open or create, and begin ``stream``. A file that is damaged or no journal is set aside.

        ``anew``: it was damaged while it was open, whatever it looks like now. Raises
        ``MisconfiguredError`` if it cannot be read or was written by a newer version, and
        ``UnavailableError`` if the disk is full.
        """
        self.stream = stream
        path = directory / FILE
        self.set_aside = begin_whole(path, stream, self._begin, anew=anew)
        self.file = OpenFile(self._database, path, stream)

    def close(self) -> None:
        """Close; nothing is lost without it."""
        self._database.close()

    def append(self, notification: Notification, *, newest: bool = False) -> Record:
        """Write a notification to the disk and give it its number.

        ``newest``: of what its session has brought so far. It is told by the same fsync: a daemon
        that died behind it would never tell. Raises ``UnavailableError`` if the disk does not take
        it (full, read-only, broken).
        """
        with disk(), self._transaction():
            record = self._numbering.write(notification)
            if newest:
                self._sessions.write(replace(self.facts(record), newest=record.seq))
        self._gave_out([record])
        return record

    # What came before it was known from whom.

    def hold_back(self, notification: Notification, facts: SessionFacts) -> bool:
        """Write a notification to the disk without a number: it is not yet known from whom it came.

        ``facts``: what its session has learnt so far, for a crash. False if there is no room for
        more of this device; raises ``UnavailableError`` if the disk does not take it.
        """
        with disk(), self._transaction():
            found_room = self.anteroom.put(notification)
            if found_room:
                self._sessions.write(facts)
        return found_room

    def attribute(
        self, session_id: str, tell: Callable[[list[Record]], SessionFacts]
    ) -> list[Record]:
        """Number what a session was held back, for it is the device that a person paired here.

        ``tell`` gives what the session has learnt: kept with the records, in one transaction.
        Raises ``UnavailableError`` if the disk refuses; then nothing has changed.
        """
        with disk(), self._transaction():
            records = [self._numbering.write(one) for one in self.anteroom.take(session_id)]
            facts = tell(records)
            self._sessions.write(facts)
            self.devices.believe(facts.device.address)
        self._gave_out(records)
        return records

    def refuse(self, session_id: str, address: str) -> int:
        """Delete what a session was held back, and doubt its device; give how much it was.

        Raises ``UnavailableError`` if the disk refuses; then nothing has changed.
        """
        with disk(), self._transaction():
            refused = len(self.anteroom.take(session_id))
            self.devices.doubt(address)
        return refused

    def sendable(self, record: Record | None = None) -> list[Record]:
        """Give, once, what may be sent now that this record is there, or that a session has ended.

        A segment of a blood pressure record may have to wait: see ``gateway.journal.segments``.
        """
        if record is not None and record.characteristic != BLOOD_PRESSURE_RECORD:
            return [record]
        return self._segments.take_settled()

    def probe(self) -> None:
        """Write something: raises ``UnavailableError`` if the disk does not take it."""
        with disk(), self._transaction():
            self._database.execute("CREATE TABLE probe (filler BLOB)")
            self._database.execute("INSERT INTO probe VALUES (zeroblob(?))", (PROBE_BYTES,))
            self._database.execute("DROP TABLE probe")

    # Sessions.

    def keep_facts(self, facts: SessionFacts, *, whole: bool = False) -> None:
        """Write what a session has learnt so far; ``whole``: its device was read to its end.

        One that is undecided stays open, for a later run too.
        """
        is_open = facts.undecided is not None
        with disk(), self._transaction():
            self._sessions.write(replace(facts, ended=False) if is_open else facts)
            if facts.ended:
                self._segments.settle(facts.device.address, finished=whole)

    def drop_facts(self, session_id: str) -> None:
        """Forget a session that brought no record."""
        with disk():
            self._sessions.drop(session_id)

    def facts(self, record: Record) -> SessionFacts:
        """Give what the record's session learnt; only the address if it never told anything."""
        return self.facts_of(record.session_id, record.address)

    def facts_of(self, session_id: str, address: str) -> SessionFacts:
        """Give what a session with a device learnt, as ``facts`` does."""
        return self._sessions.of(session_id, address)

    @disk()
    def records_of(self, session_id: str) -> list[Record]:
        """Give a session's records."""
        return self._records("session_id = ?", (session_id,))

    def observation(self) -> Observation | None:
        """Give the last true wall clock that any run has seen; None if it was overwritten."""
        row = self._database.execute("SELECT value, checksum FROM observation").fetchone()
        if row is None:
            return None
        if row[1] != checksum(row[:1]):
            log.error("observation.damaged")
            return None
        return msgspec.json.decode(row[0], type=Observation)

    def keep_observation(self, observation: Observation) -> None:
        """Write a true wall clock."""
        value = msgspec.json.encode(observation)
        with disk():
            self._database.execute(
                "INSERT OR REPLACE INTO observation (only, value, checksum) VALUES (1, ?, ?)",
                (value, checksum((value,))),
            )

    # What is to be sent, and what may go.

    @disk()
    def entries(self, numbers: range) -> list[Entry]:
        """Give records with all that decoding them needs; a damaged one is set aside instead.

        A segment of which nobody knows yet who speaks for it is left out.
        """
        rows = self._database.execute(
            f"{RECORDS} WHERE seq BETWEEN ? AND ? ORDER BY seq", (numbers.start, numbers.stop - 1)
        )
        read = {row[SEQ]: record_of(row) for row in rows.fetchall()}
        self.damaged.set_aside(seq for seq, record in read.items() if record is None)
        records = [record for record in read.values() if record is not None]
        if any(record.characteristic == BLOOD_PRESSURE_RECORD for record in records):
            self.mend_segments()
        return [
            Entry(record, self.facts(record), related(self._database, self._segments, record))
            for record in records
            if record.characteristic != BLOOD_PRESSURE_RECORD or self._segments.speaker(record.seq)
        ]

    @disk()
    def mend_segments(self) -> bool:
        """Find out anew which segments make a record, if that was overwritten; tell whether."""
        if self._segments.fit():
            return False
        with self._transaction():
            self._segments.mend()
        return True

    @disk()
    def states(self) -> dict[str, StreamState]:
        """Give, for the present stream and all that hold rows, what was given out and is held."""
        stream_id = self._numbering.stream_id
        states = {self.stream: StreamState(highest=self._highest.get(stream_id, 0))}
        for stream, (stream_id, lowest, held) in islice(
            self.custody.held_streams().items(), STREAMS_MAX
        ):
            states[stream] = StreamState(self._highest[stream_id], lowest, held)
        return states

    # Inside.

    def _begin(self, path: Path) -> None:
        """Open the file, read all that is needed of it, and begin the stream."""
        self._database = open_or_create(path)
        try:
            refuse_damaged(self._database)
            self._numbering = Numbering(self._database, self.stream)
            self._segments = Segments(self._database, self._records)
            self._sessions = Sessions(self._database)
            self.damaged = DamagedRows(self._database, self._transaction)
            self.mend_segments()
            self._note_segments()
            self._end_broken_sessions()
            self._segments.take_settled()  # they are found like all that is held
            highest = self._database.execute(
                "SELECT stream_id, max(seq) FROM rows GROUP BY stream_id"
            )
            self._highest: dict[int, int] = dict(highest.fetchall())
        except BaseException:
            self._database.close()
            raise
        self.custody = Custody(self._database, self._segments, self.damaged, self._transaction)
        self.devices = KnownDevices(self._database)
        self.anteroom = Anteroom(self._database, self.damaged)
        parts = (self._numbering, self._sessions, self.anteroom)
        self.salvage = Salvage(self._database, parts, self._transaction, self._gave_out)

    def _note_segments(self) -> None:
        with disk(), self._transaction():
            self._segments.note()

    def _records(self, condition: str, values: tuple[str | bytes | int, ...]) -> list[Record]:
        rows = self._database.execute(f"{RECORDS} WHERE {condition}", values)
        records = map(record_of, rows.fetchall())
        return [record for record in records if record is not None]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        finally:
            if self._database.in_transaction:  # a full disk may have ended it already
                self._database.execute("ROLLBACK")

    def _gave_out(self, records: Collection[Record]) -> None:
        """Note numbers that are on the disk now, and how their rows belong together."""
        stream_id = self._numbering.stream_id
        for record in records:
            assert record.seq > self._highest.get(stream_id, 0), record.seq
            self._highest[stream_id] = record.seq
        if any(record.characteristic == BLOOD_PRESSURE_RECORD for record in records):
            with suppress(UnavailableError):  # they are on the disk: the next one makes up for it
                self._note_segments()

    def _end_broken_sessions(self) -> None:
        """End what an earlier run left open: it will never tell more than it has told."""
        self.left_open = self._sessions.unended()
        for facts in self.left_open:
            self.keep_facts(replace(facts, ended=True))

"""What can still be read in a journal that was set aside is brought into the present one.

A row comes only if its checksum fits, with what its session told, under a number of the present
stream, and keeps its first one as its origin: so the reading has the same name, and the clinic
takes it once however often it comes. What has a receipt comes too, as receipted: others refer to
it. Rows are read ``ROWS`` at a time in a thread, since a failing card may take long for each, and
written in one transaction with how far that is: after a crash it goes on from there. The old file
stays as it is.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import structlog

from gateway.journal import first_page
from gateway.journal.anteroom import Anteroom
from gateway.journal.checksums import RECEIPTED, checksum
from gateway.journal.damage import disk
from gateway.journal.file import broken_journals
from gateway.journal.numbering import Numbering
from gateway.journal.sessions import Sessions
from gateway.journal.set_aside import Found, Part, read_part
from gateway.record import Record, Salvaged, SessionFacts
from schemas.errors import UnavailableError

PAUSE_S = 1.0

log = structlog.get_logger(__name__)


def progress(database: sqlite3.Connection) -> dict[str, tuple[int, Salvaged]]:
    """Give, by file, up to which number it was looked through, and what came of it.

    What was overwritten is not known: all is looked through once more, and what is here stays.
    """
    rows = database.execute(
        "SELECT file, reached, brought, unreadable, ended, checksum FROM salvages ORDER BY file"
    )
    found: dict[str, tuple[int, Salvaged]] = {}
    for *told, written in rows.fetchall():
        if written != checksum(told):
            log.error("salvage.damaged")
            continue
        file, reached, brought, unreadable, ended = told
        found[file] = reached, Salvaged(brought, unreadable, bool(ended))
    return found


class Salvage:
    """A part of the open journal."""

    def __init__(
        self,
        database: sqlite3.Connection,
        parts: tuple[Numbering, Sessions, Anteroom],
        transaction: Callable[[], AbstractContextManager[None]],
        gave_out: Callable[[Collection[Record]], None],
    ) -> None:
        """Use the journal's connection, its parts and its way to change it."""
        self._database = database
        self._numbering, self._sessions, self._anteroom = parts
        self._transaction = transaction
        self._gave_out = gave_out
        known = progress(database)
        self._reached = {file: reached for file, (reached, _) in known.items()}
        self.told = {file: told for file, (_, told) in known.items()}
        """By the name of the file."""

    async def run(
        self, directory: Path, may: Callable[[], bool], brought: Callable[[], None]
    ) -> None:
        """Bring in all of every file, while ``may`` says so; ``brought``: there is more to send.

        Ends never: its caller cancels it.
        """
        await asyncio.to_thread(first_page.forget_others, directory)
        for path in await asyncio.to_thread(broken_journals, directory):
            while not self.told.get(path.name, Salvaged()).ended:
                await asyncio.sleep(PAUSE_S)
                if may():
                    part = await asyncio.to_thread(read_part, path, self._reached.get(path.name, 0))
                    if part is None:
                        break  # it waits for a person
                    try:
                        self.bring_in(path.name, part)
                    except UnavailableError as error:  # again, once the disk takes something
                        log.warning("journal.not_salvaged", cause=error.cause)
                    else:
                        brought()
        await asyncio.Event().wait()

    def bring_in(self, file: str, part: Part) -> None:
        """Write what was read; raise ``UnavailableError`` if the disk refuses: then nothing is."""
        before = self.told.get(file, Salvaged())
        with disk(), self._transaction():
            records = [record for one in part.rows if (record := self._write(one)) is not None]
            for notification, facts in part.waiting:
                if self._anteroom.put(notification) and facts is not None:
                    self._learn(facts)
            told = Salvaged(
                before.brought + len(records), before.unreadable + part.unreadable, part.ended
            )
            row = (file, part.reached, told.brought, told.unreadable, int(told.ended))
            self._database.execute(
                "INSERT OR REPLACE INTO salvages"
                " (file, reached, brought, unreadable, ended, checksum) VALUES (?,?,?,?,?,?)",
                (*row, checksum(row)),
            )
        self._gave_out(records)
        self._reached[file], self.told[file] = part.reached, told
        if told.ended:
            log.info("journal.salvaged", brought=told.brought, unreadable=told.unreadable)

    def _write(self, found: Found) -> Record | None:
        """Make a row of it; None if it is here already."""
        origin = found.origin
        known = self._database.execute(
            "SELECT 1 FROM salvaged WHERE (first_stream, first_seq) = (?,?) UNION ALL"
            " SELECT 1 FROM rows JOIN streams USING (stream_id) WHERE (stream, seq) = (?,?)",
            (origin.stream, origin.seq, origin.stream, origin.seq),
        ).fetchone()
        if known is not None:
            return None
        record = self._numbering.write(found.notification, origin)
        self._database.execute(
            "INSERT INTO salvaged VALUES (?,?,?)", (record.seq, origin.stream, origin.seq)
        )
        if found.receipted_ms is not None:
            self._database.execute(
                f"UPDATE rows SET receipted_ms = ?, checksum = {RECEIPTED} WHERE seq = ?",  # noqa: S608  (a constant)
                (found.receipted_ms, record.seq),
            )
        if found.facts is not None:
            newest = record.seq if found.facts.newest == found.seq else None
            self._learn(found.facts, newest)
        return record

    def _learn(self, facts: SessionFacts, newest: int | None = None) -> None:
        """Keep what a session told, unless this journal knows more of it."""
        told = replace(facts, ended=True, newest=None)  # its number is another one here
        if self._sessions.known(facts.session_id) in (None, told):
            self._sessions.write(replace(told, newest=newest))

"""Follows registry.v1: who is watched, by which books, since when; and which books are in force."""

from collections.abc import Iterable
from itertools import chain

import structlog

from alerts.engine.ladders.library import Library
from alerts.engine.process.metrics import BOOKS_REFUSED, REJECTED, UNKNOWN_BOOKS
from alerts.engine.state.plans import Plans
from alerts.log import Log, LogRecord
from alerts.records import Record, Removed, decode
from schemas.errors import InvalidInput, MisconfiguredError
from schemas.registry import BOOK_KEY, PATIENT_KEY, BookEntry, PatientEntry
from schemas.topics import REGISTRY

_log = structlog.get_logger()


class Roster:
    """Keeps books and plans up to date; gives the patients whose plan changed."""

    def __init__(self, log: Log, library: Library, plans: Plans) -> None:
        """Know what ``library`` and ``plans`` say; read nothing yet."""
        self.plans = plans
        """Replaced when other books are in force."""
        self._log = log
        self._library = library
        self._rule_set = library.rule_set

    @property
    def outdated(self) -> bool:
        """Whether other books are in force than those that the plans name."""
        return self._library.rule_set is not self._rule_set

    def read_whole(self) -> set[str]:
        """Read the topic from its beginning, books first; raise ``UnavailableError``.

        The topic is compacted: its end is the registry.
        """
        self._log.seek({})
        last: dict[bytes, LogRecord] = {}
        for records in self._log.read_to_end():
            last |= {record.key or b"": record for record in records}
        books = {key: one for key, one in last.items() if key.startswith(BOOK_KEY.encode())}
        self._take_all(books.values())
        if self.outdated:
            surroundings = self.plans.surroundings
            self._rule_set = self._library.rule_set
            self.plans = Plans(self._rule_set)
            self.plans.surroundings = surroundings
        return self._take_all(one for key, one in last.items() if key not in books)

    def read_to_end(self) -> set[str]:
        """Read on to the present end; raise ``UnavailableError``."""
        return self._take_all(chain.from_iterable(self._log.read_to_end()))

    def read_news(self) -> set[str]:
        """Read what has come in."""
        return self._take_all(self._log.poll(0))

    def check(self) -> None:
        """Raise ``UnavailableError`` if the topic is away or was made again."""
        self._log.check()

    def _take_all(self, records: Iterable[LogRecord]) -> set[str]:
        taken = (self._take(record) for record in records)
        return {patient_id for patient_id in taken if patient_id is not None}

    def _take(self, record: LogRecord) -> str | None:
        try:
            entry = decode(REGISTRY, record.key, record.value)
        except InvalidInput as error:
            REJECTED.inc()
            _log.error("registry.unreadable", offset=record.offset, reason=error.reason)
            return None
        match entry:
            case Removed(key=key) if key.startswith(PATIENT_KEY):
                patient_id = key.removeprefix(PATIENT_KEY)
                self.plans.remove(patient_id)
                return patient_id
            case PatientEntry():
                self._put(entry)
                return entry.patient_id
            case _:
                self._shelve(entry)
                return None

    def _put(self, entry: PatientEntry) -> None:
        unknown = self.plans.put(entry)
        if unknown:
            UNKNOWN_BOOKS.inc()
            _log.error("registry.unknown-books", patient_id=entry.patient_id, books=unknown)

    def _shelve(self, entry: Record) -> None:
        """Put a book in force, or say aloud why not."""
        try:
            match entry:
                case Removed(key=key) if key.startswith(BOOK_KEY):
                    name = key.removeprefix(BOOK_KEY)
                    changed, sha256 = self._library.withdraw(name), ""
                case BookEntry(name=name, sha256=sha256):
                    changed = self._library.activate(entry)
                case _:
                    return
        except MisconfiguredError as error:
            BOOKS_REFUSED.inc()
            _log.error("book.refused", cause=error.cause, way_out=error.way_out)
            return
        if changed:
            _log.info("book.activated", book=name, sha256=sha256)

"""Follows registry.v1: who is watched, by which books, since when."""

import structlog

from alerts.engine.metrics import UNKNOWN_BOOKS
from alerts.engine.plans import Plans
from alerts.log import Log, LogRecord
from alerts.records import Removed, decode
from schemas.errors import InvalidInput
from schemas.registry import PATIENT_KEY, PatientEntry
from schemas.topics import REGISTRY

_POLL_MS = 100
_log = structlog.get_logger()


class Roster:
    """Keeps the plans up to date; gives the patients whose plan changed."""

    def __init__(self, log: Log, plans: Plans) -> None:
        """Read from the beginning: the topic is compacted, its end is the registry."""
        self._log = log
        self._plans = plans
        log.seek({})

    def read_to_end(self) -> set[str]:
        """Read everything that is in the topic now; raise ``UnavailableError``."""
        changed: set[str] = set()
        ends = self._log.ends()
        while any(self._log.position()[place] < end for place, end in ends.items()):
            changed |= self.read_news(_POLL_MS)
        return changed

    def read_news(self, timeout_ms: int = 0) -> set[str]:
        """Read what has come in."""
        taken = (self._take(record) for record in self._log.poll(timeout_ms))
        return {patient_id for patient_id in taken if patient_id is not None}

    def check(self) -> None:
        """Raise ``UnavailableError`` if the topic is away or was made again."""
        self._log.check()

    def _take(self, record: LogRecord) -> str | None:
        try:
            entry = decode(REGISTRY, record.key, record.value)
        except InvalidInput as error:
            _log.error("registry.unreadable", offset=record.offset, reason=error.reason)
            return None
        match entry:
            case Removed(key=key) if key.startswith(PATIENT_KEY):
                patient_id = key.removeprefix(PATIENT_KEY)
                self._plans.remove(patient_id)
                return patient_id
            case PatientEntry():
                self._put(entry)
                return entry.patient_id
            case _:
                return None

    def _put(self, entry: PatientEntry) -> None:
        unknown = self._plans.put(entry)
        if unknown:
            UNKNOWN_BOOKS.inc()
            _log.error("registry.unknown-books", patient_id=entry.patient_id, books=unknown)

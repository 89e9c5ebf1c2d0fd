"""Follows registry.v1: who is watched, by which books, since when."""

import msgspec
import structlog

from alerts.engine.metrics import UNKNOWN_BOOKS
from alerts.engine.plans import Plans
from alerts.log import Log, LogRecord
from schemas.registry import PATIENT_KEY, REGISTRY_DECODER, PatientEntry
from schemas.topics import REGISTRY
from schemas.wire import MAJOR_VERSION

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

    def _take(self, record: LogRecord) -> str | None:
        key = (record.key or b"").decode(errors="replace")
        if not key.startswith(PATIENT_KEY):
            return None
        patient_id = key.removeprefix(PATIENT_KEY)
        if not record.value:
            self._plans.remove(patient_id)
            return patient_id
        try:
            entry = REGISTRY_DECODER.decode(record.value)
        except msgspec.MsgspecError:
            entry = None
        if not isinstance(entry, PatientEntry) or entry.version != MAJOR_VERSION:
            _log.error("registry.unreadable", topic=REGISTRY, offset=record.offset)
            return None
        unknown = self._plans.put(entry)
        if unknown:
            UNKNOWN_BOOKS.inc()
            _log.error("registry.unknown-books", patient_id=patient_id, books=unknown)
        return entry.patient_id

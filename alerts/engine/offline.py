"""The engine without its process: a log in, transitions out, however the log is cut.

For `vitalwire rules judge`, back-tests and synthetic cohorts: one partition that nobody restores.
"""

from collections.abc import Sequence

import msgspec

from alerts.engine.ladders import RuleSet, arrange
from alerts.engine.log_lines import LogRecord
from alerts.engine.plans import Plans
from alerts.engine.state import PartitionState
from alerts.engine.step import step
from alerts.engine.unassigned import UnassignedDevices
from alerts.records import Removed
from alerts.rules.book import Book
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord, Unassigned
from schemas.registry import PATIENT_KEY, PatientEntry

ADULT = 13
"""Years from which the limits of adults are used."""


class Offline:
    """One partition's engine; who has no entry is judged by all books.

    ``unknown_books``: names in patients' entries for which no book was given. ``refused``: by
    patient, the books for older patients that an entry of somebody under 13 named.
    """

    def __init__(self, books: Sequence[Book]) -> None:
        """Start with nobody. Raises ``MisconfiguredError`` where books contradict each other."""
        self.rule_set: RuleSet = arrange(books)
        self.plans = Plans(self.rule_set)
        self.state = PartitionState(self.rule_set, self.plans)
        self.unknown_books: set[str] = set()
        self.refused: dict[str, list[str]] = {}
        self._unassigned = UnassignedDevices(self.rule_set)
        self._from_age = {book.name: book.from_age_years for book in books}

    def take(self, records: Sequence[LogRecord]) -> list[Transition]:
        """Judge records in the order of the log; an entry counts from its place on."""
        found: list[Transition] = []
        waiting: list[ReadingsRecord] = []
        for record in records:
            if not isinstance(record, Unassigned | PatientEntry | Removed):
                waiting.append(record)
                continue
            found += self._judge(waiting)
            waiting = []
            if isinstance(record, Unassigned):
                found += self._unassigned.judge([record])
            else:
                self._plan(record)
        return found + self._judge(waiting)

    def _judge(self, records: list[ReadingsRecord]) -> list[Transition]:
        return step(self.state, records).transitions if records else []

    def _plan(self, entry: PatientEntry | Removed) -> None:
        if isinstance(entry, Removed):
            if not entry.key.startswith(PATIENT_KEY):
                return
            patient_id = entry.key.removeprefix(PATIENT_KEY)
            self.plans.remove(patient_id)
        else:
            patient_id = entry.patient_id
            self.unknown_books.update(self.plans.put(self._allowed(entry)))
            self.state.row(patient_id)  # from whom nothing may ever come
        self.state.replan(patient_id)

    def _allowed(self, entry: PatientEntry) -> PatientEntry:
        """Take the books for older patients away from somebody under 13; all judge nobody else."""
        if not entry.under_13:
            return entry
        allowed = [name for name in entry.books if self._from_age.get(name, ADULT) < ADULT]
        refused = [name for name in entry.books if name not in allowed]
        if refused:
            self.refused[entry.patient_id] = refused
        return msgspec.structs.replace(entry, books=allowed)

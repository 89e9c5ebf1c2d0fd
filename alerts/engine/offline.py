"""The engine without its process: a log in, transitions out, however the log is cut.

For `vitalwire rules judge`, back-tests and synthetic cohorts: one partition that nobody restores.
Here every record is one of that partition's log: its time is the running maximum of all stamps. In
the process, where gateways report on a topic of their own, ticks follow each other by a minute.
"""

from collections.abc import Sequence

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.plans import Plans
from alerts.engine.step import step
from alerts.engine.unassigned import UnassignedDevices
from alerts.records import Removed
from alerts.rules.book import Book
from schemas.alert import Transition
from schemas.kafka import GatewayReport, ReadingsRecord, Tick, Unassigned
from schemas.registry import PATIENT_KEY, PatientEntry

LogRecord = ReadingsRecord | Unassigned | GatewayReport | PatientEntry | Removed
"""What of a log tells the rules anything."""


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

    def take(self, records: Sequence[LogRecord]) -> list[Transition]:
        """Judge records in the order of the log; an entry counts from its place on."""
        found: list[Transition] = []
        waiting: list[ReadingsRecord] = []
        for record in records:
            if not isinstance(record, Unassigned | GatewayReport | PatientEntry | Removed):
                waiting.append(record)
                continue
            if isinstance(record, Unassigned | GatewayReport):
                waiting.append(Tick(record.received_at_ms))  # what is due before it comes first
            found += self._judge(waiting)
            waiting = []
            if isinstance(record, Unassigned):
                found += self._unassigned.judge([record])
            elif isinstance(record, GatewayReport):
                if self.plans.surroundings.take(record):
                    self.state.absences.gateway_changed(record.gateway_id)
                    waiting.append(Tick(record.received_at_ms))
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
            self.unknown_books.update(self.plans.put(entry))
            refused = [name for name in self.plans.refused(entry) if name in entry.books]
            if refused:
                self.refused[patient_id] = refused
            self.state.row(patient_id)  # from whom nothing may ever come
        self.state.replan(patient_id)

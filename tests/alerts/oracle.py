"""The meaning of alerting.md, written down a second time: one reading after the other.

Slow, plain, and apart from the engine: Decimal instead of float columns, sets of rule names instead
of bit masks, a patient's whole history as a list from which each window is counted anew. Only the
parser and the naming of alerts are shared.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from schemas.kafka import Corrections as Corrected
from schemas.kafka import PatientReadings, ReadingsRecord, Withdrawals
from schemas.registry import PatientEntry
from tests.alerts.oracle_contexts import Contexts
from tests.alerts.oracle_patient import LONG_AGO_MS
from tests.alerts.oracle_rules import read_rules
from tests.alerts.oracle_words import Said
from tests.alerts.readings import BASIC, TRIAL


def texts(*folders: Path) -> list[str]:
    return [path.read_text() for folder in folders for path in sorted(folder.glob("*.toml"))]


class Oracle(Contexts):
    """Judges records one by one; between them care plans may change."""

    def __init__(
        self, patients: Sequence[PatientEntry], books: Sequence[str] | None = None
    ) -> None:
        self.rules = read_rules(texts(BASIC, TRIAL) if books is None else books)
        self.by_name = {rule.id: rule for rule in self.rules}
        assert len(self.by_name) == len(self.rules), "the oracle knows rules by their ids"
        self.ladders = sorted({rule.ladder for rule in self.rules})
        self.patients = {}
        self.log_ms = LONG_AGO_MS
        for entry in patients:
            self.plan(entry)

    def judge(self, log: Sequence[ReadingsRecord | PatientEntry]) -> list[Said]:
        return [said for item in log for said in self.take(item)]

    def take(self, item: ReadingsRecord | PatientEntry) -> Iterator[Said]:
        if isinstance(item, PatientEntry):
            self.plan(item)
            return
        yield from self.activate()
        yield from self.notices(item.received_at_ms)
        self.log_ms = max(self.log_ms, item.received_at_ms)
        yield from self.timers()
        if isinstance(item, PatientReadings):
            patient = self.patients[item.patient_id]
            for rule in self.in_force(patient):
                if rule.baseline is not None:
                    self.expect_baseline(patient, rule.vital, item.received_at_ms)
            yield from self.readings(patient, item)
            yield from self.contexts(patient, item)
        if isinstance(item, Corrected | Withdrawals):
            yield from self.correct(self.patients[item.patient_id], item)

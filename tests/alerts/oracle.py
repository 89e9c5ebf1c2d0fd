"""The meaning of alerting.md, written down a second time: one reading after the other.

Slow, plain, and apart from the engine: Decimal instead of float columns, sets of rule names instead
of bit masks, a patient's whole history as a list from which each window is counted anew. Only the
parser and the naming of alerts are shared.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from schemas.kafka import Corrections as Corrected
from schemas.kafka import GatewayReport, PatientReadings, ReadingsRecord, Withdrawals
from schemas.registry import PatientEntry
from tests.alerts.oracle_patient import LONG_AGO_MS
from tests.alerts.oracle_versions import Versions
from tests.alerts.oracle_words import Said
from tests.alerts.readings import BASIC, TRIAL, Version

Item = ReadingsRecord | PatientEntry | Version | GatewayReport


def texts(*folders: Path) -> list[str]:
    return [path.read_text() for folder in folders for path in sorted(folder.glob("*.toml"))]


class Oracle(Versions):
    """Judges records one by one; between them care plans and books may change."""

    def __init__(
        self,
        patients: Sequence[PatientEntry],
        books: Sequence[str] | None = None,
        gap_ms: int | None = None,
    ) -> None:
        self.homes, self.told_away = {}, {}
        self.gap_ms, self.gaps = gap_ms, []
        self.put(texts(BASIC, TRIAL) if books is None else books)
        self.patients = {}
        self.log_ms = LONG_AGO_MS
        for entry in patients:
            self.plan(entry)

    def judge(self, log: Sequence[Item]) -> list[Said]:
        return [said for item in log for said in self.take(item)]

    def take(self, item: Item) -> Iterator[Said]:
        if isinstance(item, PatientEntry):
            self.plan(item)
            return
        if isinstance(item, GatewayReport):
            self.report(item)
            return
        if isinstance(item, Version):
            self.version(item.books)
            return
        yield from self.activate()
        dated = list(self.notices(item.received_at_ms))
        before_ms, self.log_ms = self.log_ms, max(self.log_ms, item.received_at_ms)
        self.note_gap(before_ms)
        yield from sorted([*dated, *self.timers()], key=lambda one: (one.at_ms, one.patient_id))
        yield from self.silences()
        if isinstance(item, PatientReadings):
            patient = self.patients[item.patient_id]
            for rule in self.in_force(patient):
                if rule.baseline is not None:
                    self.expect_baseline(patient, rule.vital, item.received_at_ms)
            yield from self.readings(patient, item)
            yield from self.contexts(patient, item)
            yield from self.contact(patient, item)
        if isinstance(item, Corrected | Withdrawals):
            yield from self.correct(self.patients[item.patient_id], item)

"""Old readings: one item of the work list a patient, vital and day of arrival."""

from alerts.engine.readings.identity import alert_id
from tests.alerts.oracle_because import limits_of, reading_of
from tests.alerts.oracle_case import Case
from tests.alerts.oracle_ladders import Ladders
from tests.alerts.oracle_patient import Patient
from tests.alerts.oracle_rules import SEVERITIES, OracleRule
from tests.alerts.oracle_truth import OneReading, excess
from tests.alerts.oracle_words import Because, Said


class Old(Ladders):
    """Age and clock trust: what is stale."""

    def note_old(self, case: Case) -> None:
        name = self.worst(case.ladder, case.stale, set())
        rule, patient, kept = case.rule(name), case.patient, case.kept

        def far_beyond(rule: OracleRule) -> float:
            limits = patient.limits(rule, kept.at_ms)
            return excess(rule.when, OneReading(kept.quantities, kept.status, limits))

        grave = [case.rule(other) for other in case.stale if case.rule(other).rank == rule.rank]
        far = max(far_beyond(one) for one in grave)
        day = patient.day(self.log_ms).isoformat()
        item = patient.arrivals.get(rule.vital)
        if item is None or item["day"] < day:  # whoever goes west does not begin a day twice
            item = {"day": day, "count": 0, "worst": None}
            patient.arrivals[rule.vital] = item
        item["count"] += 1
        if item["worst"] is None or (rule.rank, -far) < item["worst"][:2]:
            item["worst"] = (rule.rank, -far, name, kept)

    def old_item(self, patient: Patient, vital: str) -> Said:
        item = patient.arrivals[vital]
        rank, _, name, kept = item["worst"]
        patient_id = patient.entry.patient_id
        return Said(
            "stale",
            patient_id,
            self.by_name[name].ladder,
            name,
            SEVERITIES[max(rank, 2)],
            self.log_ms,
            alert_id(patient_id, f"stale/{vital}", item["day"]),
            kept.reading_id,
            ("stale",),
            Because(
                reading_of(kept),
                kept.stamped.stamp.quality,
                limits_of(self.by_name[name], patient, kept.at_ms),
                (),
                frozenset(),
                frozenset(),
            ),
        )

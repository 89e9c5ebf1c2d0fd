"""Work that a date brings, and no reading: a personal limit ends, a baseline stayed empty."""

from collections.abc import Iterator

from alerts.engine.readings.identity import alert_id
from alerts.rules import syntax
from schemas.registry import PersonalLimit
from tests.alerts.oracle_patient import LONG_AGO_MS, Patient
from tests.alerts.oracle_plans import Plans
from tests.alerts.oracle_rules import DAY, OracleRule, names_of, tests_of
from tests.alerts.oracle_windows import baseline_readings, known
from tests.alerts.oracle_words import Said

WEEK = 7 * DAY


class Notices(Plans):
    """Each is said before the first record stamped later than its date, and never again."""

    def notices(self, until_ms: int) -> Iterator[Said]:
        due: list[tuple[int, Said]] = []
        for patient in self.patients.values():
            for limit in sorted(patient.entry.limits, key=announced_ms):
                due += self.expiring(patient, limit, until_ms)
            due += self.without_baseline(patient, until_ms)
        yield from (said for _, said in sorted(due, key=lambda one: one[0]))

    def expiring(
        self, patient: Patient, limit: PersonalLimit, until_ms: int
    ) -> Iterator[tuple[int, Said]]:
        """Seven days before it ends; a shorter one when it is entered.

        If that is over when limit, patient or rule come here: at once, unless the limit is too.
        """
        if limit.valid_until_ms is None:
            return
        date_ms = announced_ms(limit)
        rules = [rule for rule in self.in_force(patient) if limit.name in names_of(rule.when)]
        name = f"{limit.name}/{limit.valid_until_ms}"
        if date_ms >= until_ms or (name, date_ms) in patient.announced or not rules:
            return
        in_time = LONG_AGO_MS < self.log_ms <= date_ms
        if in_time or limit.valid_until_ms > max(until_ms, self.log_ms):
            patient.announced.add((name, date_ms))
            at_ms = max(date_ms, self.log_ms)
            yield at_ms, self.notice("limit-expiring", patient, rules[0], at_ms, (name, date_ms))

    def without_baseline(self, patient: Patient, until_ms: int) -> Iterator[tuple[int, Said]]:
        """Once the baseline and the patient's first reading are a day old, by the days of UTC."""
        due_ms = patient.baseline_due_ms
        if due_ms is None or due_ms >= until_ms:
            return
        patient.baseline_due_ms = None
        for rule in self.in_force(patient):
            if rule.baseline is None or rule.vital not in patient.history:
                continue
            fields = [part for field in fields_of(rule.when) for part in parts_of(field)]
            readings = baseline_readings(rule, rule.baseline, patient)
            least = min(len(known(readings, field)) for field in fields)
            if least < rule.baseline.readings and rule.id not in patient.inactive:
                patient.inactive.add(rule.id)
                name = f"{rule.book}/{rule.id}"
                yield due_ms, self.notice("inactive", patient, rule, due_ms, (name, due_ms))

    def expect_baseline(self, patient: Patient, vital: str | None, at_ms: int) -> None:
        """Wait for the day's end on which a baseline must be there."""
        rules = [rule for rule in self.in_force(patient) if rule.baseline is not None]
        if vital is None:  # the plan has changed
            patient.baseline_due_ms = None
        elif vital in patient.history or patient.baseline_due_ms is not None:
            return
        for rule in rules:
            assert rule.baseline is not None
            end_ms = patient.begins_ms(rule.baseline.before)
            tomorrow_ms = (at_ms // DAY + 1) * DAY
            over_ms = 0 if end_ms is None else (end_ms // DAY + 2) * DAY
            patient.baseline_due_ms = max(tomorrow_ms, over_ms) - 1

    def in_force(self, patient: Patient) -> list[OracleRule]:
        return [rule for rule in self.rules if rule.book in patient.entry.books]

    def notice(
        self, event: str, patient: Patient, rule: OracleRule, at_ms: int, what: tuple[str, int]
    ) -> Said:
        """``what``: its name, and its date."""
        patient_id, (name, date_ms) = patient.entry.patient_id, what
        identity = alert_id(patient_id, name, str(date_ms))
        return Said(event, patient_id, rule.ladder, rule.id, "medium", at_ms, identity, "", ())


def announced_ms(limit: PersonalLimit) -> int:
    return max((limit.valid_until_ms or 0) - WEEK, limit.entered_at_ms)


def fields_of(expression: syntax.Expression) -> list[str]:
    return [test.field for test in tests_of(expression)]


def parts_of(field: str) -> list[str]:
    return ["systolic", "diastolic"] if field == "map" else [field]

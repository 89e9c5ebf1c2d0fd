"""Care plans change between records: rules come into force for a patient, or go.

No judged reading is judged again. What is true already at the newest reading is work, unless it is
critical and fresh.
"""

from collections.abc import Iterator
from dataclasses import replace

from alerts.engine.readings.identity import alert_id
from schemas.registry import PatientEntry
from schemas.vitals import VITALS
from tests.alerts.oracle_case import Case, Verdict
from tests.alerts.oracle_kept import Kept
from tests.alerts.oracle_patient import Patient
from tests.alerts.oracle_problem import Gone, Problem
from tests.alerts.oracle_readings import Readings
from tests.alerts.oracle_rules import SEVERITIES, OracleRule, names_of
from tests.alerts.oracle_windows import truth
from tests.alerts.oracle_words import Said

MEDIUM = SEVERITIES.index("medium")


class Plans(Readings):
    """Activation."""

    def expect_baseline(self, patient: Patient, vital: str | None, at_ms: int) -> None:
        """See ``oracle_notices``."""
        raise NotImplementedError

    def plan(self, entry: PatientEntry) -> None:
        """Take a plan; what it changes is said before the next record."""
        patient = self.patients.setdefault(entry.patient_id, Patient(entry))
        if entry.therapy_start_ms != patient.entry.therapy_start_ms:
            for vital in VITALS:
                patient.forget_before_therapy(vital)
        before, patient.entry = replace(patient), entry
        self.ask_anew(patient, before)
        patient.replanned = True

    def ask_anew(self, patient: Patient, before: Patient) -> None:
        """The newest reading stands for no return by a limit that is another one for it now."""
        for newest in patient.newest.values():
            newest.back -= {
                rule.id
                for rule in self.rules
                for name in names_of(rule.when)
                if before.own_limit(name, newest.at_ms) != patient.own_limit(name, newest.at_ms)
            }

    def activate(self) -> Iterator[Said]:
        for patient in self.patients.values():
            now = {rule.id for rule in self.rules if rule.book in patient.entry.books}
            gone, new = patient.in_force - now, now - patient.in_force
            patient.in_force = now
            if patient.replanned:
                self.expect_baseline(patient, None, self.log_ms)
                patient.replanned = False
            for one in patient.gone:
                yield from self.without_rule(patient, one)
            patient.gone = []
            for ladder in self.ladders:
                yield from self.retire(patient, ladder, patient.problem(ladder), gone)
            for vital in VITALS:
                newest = patient.newest_in_windows(vital)
                for ladder in self.ladders_of(vital):
                    if newest is not None:
                        yield from self.stand(patient, ladder, newest, new)

    def retire(
        self, patient: Patient, ladder: str, problem: Problem, gone: set[str]
    ) -> Iterator[Said]:
        """Close what no rule is left of; what another rule keeps open is eased."""
        before = self.voice(ladder, problem)
        problem.drop(gone)
        after = self.voice(ladder, problem)
        if before is None or (after is not None and after[0] <= before[0]):
            return
        yield self.closed(patient, ladder, problem.origin, before, after)

    def without_rule(self, patient: Patient, gone: Gone) -> Iterator[Said]:
        """The same, of rules that a version has left out."""
        before = gone.rank, gone.rule
        known = gone.ladder in self.ladders
        after = self.voice(gone.ladder, patient.problem(gone.ladder)) if known else None
        if after is None or after[0] > before[0]:
            closed = self.closed(patient, gone.ladder, gone.origin, before, after)
            yield replace(closed, reading_id=gone.reading_id)

    def closed(
        self,
        patient: Patient,
        ladder: str,
        origin: str,
        before: tuple[int, str],
        after: tuple[int, str] | None,
    ) -> Said:
        rank, name = after or before
        patient_id = patient.entry.patient_id
        return Said(
            "retired" if after is None else "eased",
            patient_id,
            ladder,
            name,
            SEVERITIES[rank],
            self.log_ms,
            alert_id(patient_id, ladder, origin),
            origin,
            (),
        )

    def stand(self, patient: Patient, ladder: str, newest: Kept, new: set[str]) -> Iterator[Said]:
        problem = patient.problem(ladder)
        rules = [rule for rule in self.rules if rule.ladder == ladder]
        true = {
            rule.id
            for rule in rules
            if rule.id in new - problem.holding and truth(rule, patient, newest).matched
        }
        urgent = {name for name in true if self.is_urgent(self.by_name[name], newest)}
        case = self.standing_case(patient, ladder, newest, urgent)
        if urgent:
            told = self.on_ladder(case, older=False)
            yield from (one for one in told if one.event != "again")
        rest = true - urgent
        problem.note_before()
        before = self.voice(ladder, problem)
        if not rest:
            return
        problem.holding |= rest
        problem.lowered |= {name for name in rest if self.by_name[name].rank < MEDIUM}
        problem.rest_on(newest.reading_id, newest.at_ms, rest)
        if before is None:
            problem.origin = newest.reading_id
        after = self.voice(ladder, problem)
        assert after is not None
        if before is None or after[0] < before[0]:
            voice = (max(after[0], MEDIUM), after[1])
            told_of = self.say(case, "standing", voice, problem.origin, after[1])
            yield replace(told_of, marks=("standing",))

    def is_urgent(self, rule: OracleRule, newest: Kept) -> bool:
        return rule.rank == 0 and self.log_ms - newest.at_ms <= rule.fresh_ms

    def standing_case(self, patient: Patient, ladder: str, newest: Kept, urgent: set[str]) -> Case:
        """The newest reading, as it is remembered; only what is urgent of it counts."""
        verdicts = {
            rule.id: Verdict(
                rule, rule.id in urgent, False, False, "fresh" if rule.id in urgent else "delayed"
            )
            for rule in self.rules
            if rule.ladder == ladder
        }
        known = {
            name: value
            for name, value in newest.quantities.items()
            if value.absent in {None, "positive-infinity", "negative-infinity"}
        }
        return Case(patient, ladder, replace(newest, quantities=known), verdicts)

"""A new version of the books: rules go, come, or ask for something else.

What is kept goes by the names of rules. A rule that asks for something else is a new one where it
does not hold: it stands if it is true already. No judged reading is judged again.
"""

from collections.abc import Sequence

from schemas.vitals import VITALS
from tests.alerts.oracle_expected import read_absences
from tests.alerts.oracle_patient import Patient
from tests.alerts.oracle_problem import Gone
from tests.alerts.oracle_rules import OracleRule, asked_of, read_gates, read_rules
from tests.alerts.oracle_silence import Silence


class Versions(Silence):
    """Activation of a version."""

    def put(self, books: Sequence[str]) -> None:
        """Judge by these books from here on."""
        self.rules, self.absences = read_rules(books), read_absences(books)
        self.gates = read_gates(books)
        self.by_name = {rule.id: rule for rule in self.rules}
        assert len(self.by_name) == len(self.rules), "the oracle knows rules by their ids"
        self.ladders = sorted({rule.ladder for rule in self.rules})

    def version(self, books: Sequence[str]) -> None:
        """What it changes is said before the next record."""
        before = {rule.id: rule for rule in self.rules}
        now = {rule.id: rule for rule in read_rules(books)}
        for patient in self.patients.values():
            for ladder, problem in sorted(patient.problems.items()):
                voice = self.voice(ladder, problem)
                if problem.holding - now.keys() and voice is not None:
                    rank, name = voice
                    origin = problem.origin
                    patient.gone.append(Gone(ladder, rank, name, origin, origin))
                problem.drop(before.keys() - now.keys())
                problem.mean_said = {n: day for n, day in problem.mean_said.items() if n in now}
            self.forget(patient, before, now)
            self.forget_absences(patient, read_absences(books))
            patient.replanned = True
        self.put(books)
        for patient in self.patients.values():
            left = {name: one for name, one in patient.problems.items() if name in self.ladders}
            patient.problems = left

    def forget(
        self, patient: Patient, before: dict[str, OracleRule], now: dict[str, OracleRule]
    ) -> None:
        """Nothing is known of rules that were not there, nor of circumstances that none asked."""
        same = {name for name in now if name in before and now[name].asks == before[name].asks}
        patient.in_force &= same
        patient.inactive &= now.keys()
        for item in patient.arrivals.values():
            if item["worst"] is not None and item["worst"][2] not in now:
                item["worst"] = None  # the count goes on
        for newest in patient.newest.values():
            newest.back &= same
            newest.fresh &= now.keys()
        for vital in VITALS:
            asked = asked_of(before.values(), vital) & asked_of(now.values(), vital)
            for kept in patient.history.get(vital, []):
                kept.only_told(asked)
            fed, feeds = (
                any(rule.baseline for rule in rules.values() if rule.vital == vital)
                for rules in (before, now)
            )
            if feeds and not fed:
                patient.forget_before_therapy(vital)

"""One reading before one ladder."""

from dataclasses import dataclass

from tests.alerts.oracle_kept import Kept
from tests.alerts.oracle_patient import Patient
from tests.alerts.oracle_problem import Problem
from tests.alerts.oracle_rules import OracleRule


@dataclass
class Verdict:
    """What one rule makes of one reading."""

    rule: OracleRule
    matched: bool
    denied: bool
    returned: bool
    age: str


@dataclass
class Case:
    """One reading before one ladder."""

    patient: Patient
    ladder: str
    kept: Kept
    verdicts: dict[str, Verdict]

    @property
    def problem(self) -> Problem:
        return self.patient.problem(self.ladder)

    @property
    def at_ms(self) -> int:
        return self.kept.at_ms

    @property
    def flagged(self) -> bool:
        return self.kept.flagged

    @property
    def matched(self) -> set[str]:
        """Rules that match and for which the reading is not stale."""
        return {name for name, one in self.verdicts.items() if one.matched and one.age != "stale"}

    @property
    def stale(self) -> set[str]:
        return {name for name, one in self.verdicts.items() if one.matched and one.age == "stale"}

    def rule(self, name: str) -> OracleRule:
        return self.verdicts[name].rule

    def age(self, name: str) -> str:
        return self.verdicts[name].age

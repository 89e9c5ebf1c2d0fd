"""Who speaks for a ladder, and how it is said."""

from alerts.engine.readings.identity import alert_id
from tests.alerts.oracle_because import counted_of, limits_of, reading_of
from tests.alerts.oracle_case import Case
from tests.alerts.oracle_kept import Kept
from tests.alerts.oracle_patient import Patient
from tests.alerts.oracle_problem import Problem
from tests.alerts.oracle_rules import SEVERITIES, OracleRule
from tests.alerts.oracle_windows import truth
from tests.alerts.oracle_words import Because, Said


class Voices:
    """What both halves of the oracle need."""

    rules: list[OracleRule]
    gates: dict[str, frozenset[str]]
    by_name: dict[str, OracleRule]
    ladders: list[str]
    patients: dict[str, Patient]
    log_ms: int

    def rank(self, name: str, lowered: set[str]) -> int:
        return min(self.by_name[name].rank + (name in lowered), 3)

    def worst(self, ladder: str, names: set[str], lowered: set[str]) -> str:
        ordered = [rule.id for rule in self.rules if rule.ladder == ladder and rule.id in names]
        return min(ordered, key=lambda name: self.rank(name, lowered))

    def voice(self, ladder: str, problem: Problem) -> tuple[int, str] | None:
        if not problem.holding:
            return None
        name = self.worst(ladder, problem.holding, problem.lowered)
        return self.rank(name, problem.lowered), name

    def speakers(self, ladder: str, problem: Problem) -> set[str]:
        """All that hold and are as severe as the one that speaks."""
        voice = self.voice(ladder, problem)
        ranks = {name: self.rank(name, problem.lowered) for name in problem.holding}
        return {name for name, rank in ranks.items() if voice and rank == voice[0]}

    def say(
        self,
        case: Case,
        event: str,
        voice: tuple[int, str],
        origin: str,
        cause: str | None = None,
    ) -> Said:
        """``cause``: the rule that the reading matched, or that is over; it shows its window."""
        patient_id = case.patient.entry.patient_id
        return Said(
            event,
            patient_id,
            case.ladder,
            voice[1],
            SEVERITIES[voice[0]],
            self.log_ms,
            alert_id(patient_id, case.ladder, origin),
            case.kept.reading_id,
            (),
            self.because(case, voice[1], event, cause),
        )

    def because(self, case: Case, speaking: str, event: str, cause: str | None) -> Because:
        patient, kept = case.patient, case.kept
        window: tuple[Kept, ...] = ()
        rule = self.by_name[speaking if cause is None else cause]
        shown = cause is not None and rule.window is not None
        if shown and not (rule.is_averaged and event == "again"):  # which says nothing new
            window = truth(rule, patient, kept).window
        held, lowered = case.problem.before
        return Because(
            reading_of(kept),
            kept.stamped.stamp.quality,
            limits_of(self.by_name[speaking], patient, kept.at_ms),
            counted_of(window, patient),
            frozenset(self.by_name[name].key for name in held),
            frozenset(self.by_name[name].key for name in lowered),
        )

    def weakness(self, case: Case, cause: str) -> tuple[str, ...]:
        """Marks of the match that explains an event."""
        flagged = ["flagged"] if case.flagged else []
        delayed = ["delayed"] if case.age(cause) == "delayed" else []
        return (*flagged, *delayed)

    # -- what is over already ---------------------------------------------------------------------

    def all_over(self, case: Case, names: set[str]) -> bool:
        """Does the newest reading already meet the return condition of these rules?"""
        newest = case.patient.newest.get(case.kept.vital)
        return newest is not None and all(
            self.met(case.patient, self.by_name[name], newest) for name in names
        )

    def met(self, patient: Patient, rule: OracleRule, newest: Kept) -> bool:
        """What a reading says by itself was settled when it came; its windows may have changed."""
        windowed = truth(rule, patient, newest)
        return (
            newest.may_return
            and rule.id in newest.fresh
            and (newest.certain or rule.rank > 0)
            and (rule.id in newest.back if rule.window is None else windowed.returned)
        )

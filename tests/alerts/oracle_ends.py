"""Was it ended by mistake? What a reading had ended is asked again of all that are known."""

from dataclasses import dataclass

from tests.alerts.oracle_change import Change
from tests.alerts.oracle_kept import Kept
from tests.alerts.oracle_notices import Notices
from tests.alerts.oracle_patient import Patient
from tests.alerts.oracle_problem import End, Problem
from tests.alerts.oracle_rules import HOUR


@dataclass(frozen=True)
class Here:
    """A change of a reading, for one ladder of its patient."""

    ladder: str
    patient: Patient
    change: Change

    @property
    def patient_id(self) -> str:
        return self.patient.entry.patient_id

    @property
    def problem(self) -> Problem:
        return self.patient.problem(self.ladder)

    @property
    def newest(self) -> Kept | None:
        return self.patient.newest.get(self.change.was.vital)


class Ends(Notices):
    """Corrections: which ends no reading that is left stands for."""

    def wrongly(self, here: Here, end: End) -> tuple[set[str], set[str]]:
        """Which rules no reading ends that is left, and which one ends too late for a repeat."""
        wrong, unheard = set(), set()
        change, newest = here.change, here.newest
        for rule in sorted(end.was.holding):
            if not self.has_lost_its_end(change, end, rule):
                continue
            instead = self.ends_instead(change, end, rule)
            if instead is not None and end.enders[rule]:
                end.enders[rule] = instead.reading_id
                waited = end.was.awaiting
                late_ms = 0 if waited is None else instead.at_ms - waited.case.at_ms
                if waited is not None and rule in waited.rules and late_ms > waited.within_ms:
                    unheard.add(rule)
            elif instead is None and rule not in change.after.alone_ends:
                by_newest = (
                    newest is not None
                    and self.by_name[rule].window is None
                    and self.met(here.patient, self.by_name[rule], newest)
                )
                if not by_newest:
                    wrong.add(rule)
        return wrong, unheard

    def has_lost_its_end(self, change: Change, end: End, rule: str) -> bool:
        ender = end.enders[rule]
        if ender == change.was.reading_id:
            return True
        if not ender:  # the newest reading then: was it this one?
            return self.ends_at(change.was, change.before.ends, end, rule)
        several = self.by_name[rule].window is not None
        return (
            several
            and ender in change.after.ends
            and any(self.ends_at(one, change.before.ends, end, rule) for one in change.before.kept)
        )

    def ends_instead(self, change: Change, end: End, rule: str) -> Kept | None:
        for one in change.after.kept:
            if self.ends_at(one, change.after.ends, end, rule):
                return one
        return None

    def ends_at(self, kept: Kept, ends: dict[str, set[str]], end: End, rule: str) -> bool:
        """A reading newer than the last match; what is critical only by a time that is sure."""
        critical = self.by_name[rule].rank == 0 and rule not in end.was.lowered
        return (
            kept.at_ms > end.was.last_match_ms
            and (kept.certain or not critical)
            and rule in ends.get(kept.reading_id, set())
        )

    def ages(self, here: Here, back: Problem) -> tuple[set[str], set[str]]:
        newest = here.newest
        fresh, delayed = set(), set()
        for rule in back.holding:
            _, last_ms = last_match(back, rule)
            age_ms = self.log_ms - last_ms
            if age_ms <= self.by_name[rule].fresh_ms:
                fresh.add(rule)
            elif age_ms <= 24 * HOUR and (newest is None or newest.at_ms <= last_ms):
                delayed.add(rule)
        return fresh, delayed


def last_match(was: Problem, rule: str) -> tuple[str, int]:
    for match in reversed(was.rests):
        if rule in match.rules:
            return match.reading_id, match.at_ms
    return was.origin, int(was.last_match_ms)

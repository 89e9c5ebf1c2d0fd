"""A reading as it was judged and as it is now, and what rules say of it and of all others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from schemas.kafka import CorrectedReading, Corrections, Withdrawals, WithdrawnReading
from tests.alerts.oracle_case import Case
from tests.alerts.oracle_kept import Kept
from tests.alerts.oracle_patient import Patient
from tests.alerts.oracle_rules import OracleRule
from tests.alerts.oracle_windows import says, truth


@dataclass(frozen=True)
class Found:
    """What is true, and what would be ended, at each reading that windows know, oldest first.

    ``several``: rules about several readings; ``means``: those about means, at the newest;
    ``ends``: all, by their return condition. ``alone``: what the changed reading satisfies by
    itself; ``alone_anyhow``: in whatever circumstances; ``alone_ends``: what it ends by itself.
    """

    kept: Sequence[Kept] = ()
    several: dict[str, set[str]] = field(default_factory=dict)
    means: set[str] = field(default_factory=set)
    ends: dict[str, set[str]] = field(default_factory=dict)
    alone: set[str] = field(default_factory=set)
    alone_anyhow: set[str] = field(default_factory=set)
    alone_ends: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, rules: Sequence[OracleRule], patient: Patient, changed: Kept | None) -> "Found":
        vital = rules[0].vital if rules else ""
        patient.forget(vital)  # else what has been pushed out already still counts, before
        known = patient.known(vital)
        several, ends = {}, {}
        for kept in known:
            truths = [(rule, truth(rule, patient, kept)) for rule in rules]
            several[kept.reading_id] = {
                rule.id for rule, one in truths if one.matched and not is_alone(rule)
            }
            ends[kept.reading_id] = {
                rule.id
                for rule, one in truths
                if one.returned and not kept.censored and not kept.late
            }
        alone, anyhow, alone_ends = set(), set(), set()
        for rule in filter(is_alone, rules) if changed else ():
            assert changed is not None
            if says(rule, patient, changed) is True:
                alone.add(rule.id)
            if says(replace(rule, requires={}), patient, changed) is True:
                anyhow.add(rule.id)
            able = not changed.flagged and not changed.censored
            if able and says(rule, patient, changed, rule.band) is False:
                alone_ends.add(rule.id)
        averaged = {rule.id for rule in rules if rule.is_averaged}
        means = several[known[-1].reading_id] & averaged if known else set[str]()
        return cls(known, several, means, ends, alone, anyhow, alone_ends)


def is_alone(rule: OracleRule) -> bool:
    """Does one reading decide?"""
    return rule.window is None and rule.baseline is None


@dataclass(frozen=True)
class Change:
    """``now``: None if it is another patient's, or no measurement. ``known``: in windows, before.

    ``told``: what events show; of what is none of the patient's nothing.
    """

    was: Kept
    now: Kept | None
    told: Kept
    known: bool
    before: Found = field(default_factory=Found)
    after: Found = field(default_factory=Found)

    def seen(self, before: Found, after: Found) -> "Change":
        return replace(self, before=before, after=after)

    def said_of(self, case: Case) -> Case:
        return replace(case, kept=self.told)

    def untrue(self, rules: Sequence[OracleRule]) -> set[str]:
        """What the reading no longer satisfies, in whatever circumstances."""
        if self.now is None:
            return {rule.id for rule in rules if not rule.is_averaged}
        return {rule.id for rule in rules if is_alone(rule)} - self.after.alone_anyhow

    def newly_true(self, rules: Sequence[OracleRule]) -> set[str]:
        """What was measured before the plan is judged no more than when it came."""
        alone = {rule.id for rule in rules if is_alone(rule)}
        new = alone & self.after.alone - self.before.alone
        return new if self.was.judged and self.now is not None else set()

    def lost(self) -> Iterator[tuple[str, set[str]]]:
        return ((kept.reading_id, rules) for kept, rules in differ(self.before, self.after))

    def gained(self) -> Iterator[tuple[Kept, set[str]]]:
        return differ(self.after, self.before)


def differ(one: Found, other: Found) -> Iterator[tuple[Kept, set[str]]]:
    """At which readings something is true that is not in the other; means go with the newest."""
    for kept in one.kept:
        rules = one.several[kept.reading_id] - other.several.get(kept.reading_id, set())
        if kept is one.kept[-1]:
            rules -= other.means
        if rules:
            yield kept, rules


def changes(
    patient: Patient, record: Corrections | Withdrawals, gates: dict[str, frozenset[str]]
) -> Iterator[Change]:
    """One after the other, in the order of measurement; ``gates``: what spoils a reading by now."""
    readings: Sequence[CorrectedReading | WithdrawnReading] = record.readings
    for reading in sorted(readings, key=lambda one: (one.measured_at_ms, one.reading_id)):
        was = patient.find(reading.vital, reading.reading_id)
        if isinstance(reading, CorrectedReading) and reading.outcome_before != "measured":
            was = patient.unread.get(reading.reading_id) if reading.outcome == "measured" else None
        if was is None or (isinstance(record, Withdrawals) and reading.outcome != "measured"):
            continue
        yield change_of(patient, reading, was, gates[was.vital])


def change_of(
    patient: Patient,
    reading: CorrectedReading | WithdrawnReading,
    was: Kept,
    gated: frozenset[str],
) -> Change:
    known = was in patient.known(was.vital)
    nothing = replace(was, quantities={}, status=None)
    if isinstance(reading, CorrectedReading):
        patient.unread[reading.reading_id] = replace(was, quantities={}, status=reading.status)
    if isinstance(reading, WithdrawnReading) or reading.outcome != "measured":
        return Change(was, None, nothing, known)
    now = replace(was, quantities=reading.quantities, status=reading.status, gated=gated)
    now.late |= not was.eligible  # it has never ended anything
    if not known:  # of those in windows alone it is known what was said of them
        now.circumstances, now.met = [], set()
    return Change(was, now, now, known)

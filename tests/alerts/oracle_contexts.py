"""What a meter says of a measurement in a later record: it counts from then on.

Also beside a second delivery of it, which itself is dropped.
Rules that ask for the circumstance judge the measurement once more, by its age at that record, and
the windows that it completes; nothing else is judged again, and no further match is said.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.kafka import PatientReadings
from tests.alerts.oracle_case import Case, Verdict
from tests.alerts.oracle_change import Found, is_alone
from tests.alerts.oracle_corrections import Corrections
from tests.alerts.oracle_kept import Kept
from tests.alerts.oracle_patient import Patient
from tests.alerts.oracle_rules import OracleRule
from tests.alerts.oracle_windows import says
from tests.alerts.oracle_words import Said, over_before_seen


@dataclass(frozen=True)
class Seen:
    """What is true: at each known reading by windows, at the measurement by itself."""

    several: dict[str, set[str]]
    matched: set[str]
    denied: set[str]
    returned: set[str]

    @classmethod
    def of(cls, rules: list[OracleRule], patient: Patient, kept: Kept) -> "Seen":
        found = Found.of(rules, patient, kept)
        alone = [rule for rule in rules if is_alone(rule)]
        denied = {rule.id for rule in alone if says(rule, patient, kept) is False}
        returned = {rule.id for rule in alone if says(rule, patient, kept, rule.band) is False}
        return cls(found.several, found.alone, denied, returned)


class Contexts(Corrections):
    """Amendments of what was judged before."""

    def contexts(self, patient: Patient, record: PatientReadings) -> Iterator[Said]:
        here = {one.reading.reading_id for one in record.readings}
        asking = sorted({rule.vital for rule in self.rules if rule.requires})
        last = {one.reading.amends: one for one in record.readings}
        said: list[Said] = []
        for one in record.readings:
            amends = one.reading.amends
            if amends is None or (amends in here and last[amends] is not one):
                continue
            for vital in asking:
                for kept in patient.known(vital):
                    if kept.reading_id == amends:
                        received_ms = record.received_at_ms
                        said += self.amend(patient, kept, one.reading.attributes, received_ms)
            came = any(amends in patient.recent.get(vital, []) for vital in asking)
            if asking and not came and amends not in here:
                patient.told_early(amends, one.reading.attributes)
        yield from sorted(said, key=lambda one: one.ladder)

    def amend(
        self, patient: Patient, kept: Kept, told: dict[str, str], received_ms: int
    ) -> Iterator[Said]:
        rules = [rule for rule in self.rules if rule.vital == kept.vital]
        asked = [need for rule in rules for need in rule.requires.items()]
        if all(told.get(name) not in words or kept.meets(name, words) for name, words in asked):
            return
        before = Seen.of(rules, patient, kept)
        kept.circumstances.append(told)
        now = Seen.of(rules, patient, kept)
        self.note_end(patient, kept, now.returned - before.returned, received_ms)
        in_force = {rule.id for rule in self.in_force(patient)}
        found: list[tuple[int, str, Said]] = []
        old: set[str] = set()
        for later in patient.known(kept.vital):
            new = now.several[later.reading_id] - before.several[later.reading_id]
            if later is kept:
                new |= now.matched - before.matched
            if later is not kept and not new:
                continue
            for ladder in self.ladders_of(kept.vital):
                case = self.amended(patient, ladder, later, new & in_force, received_ms)
                if later is kept:
                    for name, verdict in case.verdicts.items():
                        verdict.denied = name in now.denied - before.denied
                        verdict.returned = name in now.returned - before.returned
                older = patient.has_newer(later)
                found += [(0, ladder, said) for said in self.on_ladder(case, older)]
                if case.stale:
                    self.note_old(case)
                    old.add(kept.vital)
        found = over_before_seen([one for one in found if one[2].event != "again"])
        yield from (said for _, _, said in found)
        yield from (self.old_item(patient, vital) for vital in old)

    def amended(
        self, patient: Patient, ladder: str, kept: Kept, matched: set[str], received_ms: int
    ) -> Case:
        older = patient.has_newer(kept)
        verdicts = {}
        for rule in self.rules:
            if rule.ladder == ladder:
                age = self.age(rule, kept, received_ms, older)
                verdicts[rule.id] = Verdict(rule, rule.id in matched, False, False, age)
        return Case(patient, ladder, kept.as_windows_know(), verdicts)

    def note_end(self, patient: Patient, kept: Kept, returned: set[str], received_ms: int) -> None:
        """The newest reading stands for what it turns out to end."""
        newest = patient.newest.get(kept.vital)
        if newest is None or newest.at_ms != kept.at_ms:
            return
        ages = {name: self.age(self.by_name[name], kept, received_ms, False) for name in returned}
        fresh = {name for name, age in ages.items() if age == "fresh"}
        newest.back |= fresh
        newest.fresh |= fresh

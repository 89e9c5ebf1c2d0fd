"""A record of readings: in which order they are judged, how old each is, and what it completes."""

from collections.abc import Iterator
from dataclasses import replace

from schemas.kafka import PatientReadings, StampedReading
from schemas.vitals import VITALS
from tests.alerts.oracle_case import Case, Verdict
from tests.alerts.oracle_kept import Kept
from tests.alerts.oracle_old import Old
from tests.alerts.oracle_patient import Patient
from tests.alerts.oracle_rules import HOUR, OracleRule
from tests.alerts.oracle_windows import truth
from tests.alerts.oracle_words import Said, over_before_seen

RECENT = 32
SESSIONS = 8
DATED = 2


def only_ones(patient: Patient, record: PatientReadings) -> set[str]:
    """Readings that are the only ones of their session, as far as anybody knows.

    What turns out to be none leaves the windows. It is asked of those that no clock dates; of
    sessions in which each reading so far has a time of its own only the last two are known.
    """
    came = [one for one in record.readings if one.reading.amends is None]
    asked = {one.reading.session_id for one in came if one.stamp.quality != "device-clock"}
    only = set[str]()
    for session in dict.fromkeys(one.reading.session_id for one in came):
        here = {one.reading.reading_id for one in came if one.reading.session_id == session}
        before = patient.sessions.pop(session, None)
        if before is None and session not in asked:
            patient.dated = (
                [session, *patient.dated] if session not in patient.dated[:1] else patient.dated
            )
            patient.dated = patient.dated[:DATED]
            continue
        if before is not None and len(before) == 1 and here != before:
            patient.leave_windows(*before)
        others = (
            {"one with a time of its own"}
            if before is None and session in patient.dated
            else set[str]()
        )
        patient.sessions[session] = (before or set()) | here | others
        if len(patient.sessions[session]) == 1:
            only |= here
    patient.sessions = dict([*patient.sessions.items()][-SESSIONS:])
    return only


class Readings(Old):
    """Log time, not wall time."""

    def readings(self, patient: Patient, record: PatientReadings) -> Iterator[Said]:
        # What contexts say of a reading that came before it, or with it.
        contexts = dict(patient.early)
        for stamped in record.readings:
            amends = stamped.reading.amends
            if amends is not None:
                contexts[amends] = patient.early.get(amends, {}) | stamped.reading.attributes
        only = only_ones(patient, record)
        ordered = sorted(
            record.readings,
            key=lambda one: (one.stamp.measured_at_ms, one.reading.seq, one.reading.reading_id),
        )
        said: list[tuple[int, str, Said]] = []
        last_place: dict[str, int] = {}
        old: set[str] = set()
        for place, stamped in enumerate(ordered):
            reading = stamped.reading
            if VITALS[reading.vital].amends:
                continue
            context = contexts.get(reading.reading_id, {})
            kept = self.kept(patient, stamped, record, context, only)
            if reading.outcome != "measured":
                patient.unread.setdefault(reading.reading_id, replace(kept, quantities={}))
                continue
            if not kept.judged:
                self.before_plan(patient, kept)
                continue
            last_place[reading.vital] = place
            recent = patient.recent.setdefault(reading.vital, [])
            if reading.reading_id in recent:
                continue
            patient.recent[reading.vital] = [*recent, reading.reading_id][-RECENT:]
            found = self.reading(patient, kept, record.received_at_ms, old)
            said += [(place, one.ladder, one) for one in found]
        said = over_before_seen(said)
        for vital in sorted(old, key=list(VITALS).index):
            one = self.old_item(patient, vital)
            said.append((last_place[vital], one.ladder, one))
        yield from (one for _, _, one in sorted(said, key=lambda item: item[:2]))

    def kept(
        self,
        patient: Patient,
        stamped: StampedReading,
        record: PatientReadings,
        context: dict[str, str],
        only: set[str],
    ) -> Kept:
        reading = stamped.reading
        return Kept(
            stamped,
            record.received_at_ms,
            patient.day(stamped.stamp.measured_at_ms),
            reading.reading_id in only,
            reading.quantities,
            reading.status,
            [reading.attributes | context],
            stamped.stamp.measured_at_ms >= patient.entry.care_plan_from_ms,
            self.gates[reading.vital],
        )

    def before_plan(self, patient: Patient, kept: Kept) -> None:
        """Never judged; it may feed a baseline, if there is one."""
        if not any(rule.baseline and rule.vital == kept.vital for rule in self.rules):
            return
        known = patient.history.get(kept.vital, [])
        if kept.reading_id not in {one.reading_id for one in known}:
            patient.keep(kept)

    def reading(
        self, patient: Patient, kept: Kept, received_ms: int, old: set[str]
    ) -> Iterator[Said]:
        vital = kept.vital
        older = patient.has_newer(kept)
        kept.late = any(
            rule.vital == vital
            and rule.book in patient.entry.books
            and self.age(rule, kept, received_ms, older) != "fresh"
            for rule in self.rules
        )
        patient.keep(kept)
        for ladder in self.ladders_of(vital):
            case = self.case(patient, ladder, kept, received_ms)
            yield from self.on_ladder(case, older)
            if case.stale:
                self.note_old(case)
                old.add(vital)
            kept.back |= {name for name, one in case.verdicts.items() if one.returned}
            kept.fresh |= {name for name in case.verdicts if case.age(name) == "fresh"}
        if kept.eligible:
            yield from self.completed(patient, kept, received_ms, old)
        if kept.trusted and not older:
            patient.newest[vital] = kept

    def ladders_of(self, vital: str) -> list[str]:
        return sorted({rule.ladder for rule in self.rules if rule.vital == vital})

    def case(self, patient: Patient, ladder: str, kept: Kept, received_ms: int) -> Case:
        older = patient.has_newer(kept)
        verdicts = {}
        for rule in self.rules:
            if rule.ladder == ladder:
                found = truth(rule, patient, kept)
                matched = found.matched and rule.book in patient.entry.books
                age = self.age(rule, kept, received_ms, older)
                verdicts[rule.id] = Verdict(rule, matched, found.denied, found.returned, age)
        return Case(patient, ladder, kept, verdicts)

    def completed(
        self, patient: Patient, late: Kept, received_ms: int, old: set[str]
    ) -> Iterator[Said]:
        """Judge once more the later readings at which a late one makes a window true.

        Each rule only where it is true first: its age is the age of that reading.
        """
        rules = [rule for rule in self.rules if rule.vital == late.vital]
        spoken = {rule.id for rule in rules if truth(rule, patient, late).matched}
        before = patient.without(late)
        for later in patient.eligible_after(late):
            for ladder in self.ladders_of(late.vital):
                case = self.case(patient, ladder, later, received_ms)
                newly = {
                    name
                    for name, one in case.verdicts.items()
                    if one.matched
                    and one.rule.window is not None
                    and not truth(one.rule, before, later).matched
                }
                for name, one in case.verdicts.items():
                    one.matched = name in newly - spoken
                    one.denied = one.returned = False
                spoken |= newly
                case.kept = later.as_windows_know()
                if case.matched:
                    yield from self.on_ladder(case, older=patient.has_newer(later))
                if case.stale:
                    self.note_old(case)
                    old.add(late.vital)

    def age(self, rule: OracleRule, kept: Kept, received_ms: int, older: bool) -> str:
        if kept.trusted and received_ms - kept.earliest_ms <= rule.fresh_ms:
            return "fresh"
        if kept.trusted and not older and received_ms - kept.at_ms <= 24 * HOUR:
            return "delayed"
        return "stale"

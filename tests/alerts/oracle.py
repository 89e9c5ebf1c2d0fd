"""The meaning of alerting.md, written down a second time: one reading after the other.

Slow, plain, and apart from the engine: Decimal instead of float columns, sets of rule names instead
of bit masks, a patient's whole history as a list from which each window is counted anew. Only the
parser and the naming of alerts are shared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from alerts.engine.identity import alert_id
from schemas.kafka import PatientReadings, ReadingsRecord, StampedReading
from schemas.registry import PatientEntry
from schemas.vitals import VITALS
from tests.alerts.oracle_gate import Gate
from tests.alerts.oracle_rules import HOUR, SEVERITIES, OracleRule, read_rules
from tests.alerts.oracle_truth import OneReading, excess
from tests.alerts.oracle_windows import truth
from tests.alerts.oracle_words import (
    Case,
    Kept,
    Patient,
    Said,
    Verdict,
    compare_voices,
    over_before_seen,
)
from tests.alerts.readings import BASIC, TRIAL

RECENT = 32


def texts(*folders: Path) -> list[str]:
    return [path.read_text() for folder in folders for path in sorted(folder.glob("*.toml"))]


class Oracle(Gate):
    """Judges records one by one."""

    def __init__(
        self, patients: Sequence[PatientEntry], books: Sequence[str] | None = None
    ) -> None:
        self.rules = read_rules(texts(BASIC, TRIAL) if books is None else books)
        self.by_name = {rule.id: rule for rule in self.rules}
        assert len(self.by_name) == len(self.rules), "the oracle knows rules by their ids"
        self.ladders = sorted({rule.ladder for rule in self.rules})
        self.patients = {entry.patient_id: Patient(entry) for entry in patients}
        self.log_ms = -(2**62)

    def judge(self, records: Sequence[ReadingsRecord]) -> list[Said]:
        return [said for record in records for said in self.record(record)]

    def record(self, record: ReadingsRecord) -> Iterator[Said]:
        self.log_ms = max(self.log_ms, record.received_at_ms)
        yield from self.timers()
        if isinstance(record, PatientReadings):
            yield from self.readings(self.patients[record.patient_id], record)

    # -- readings ---------------------------------------------------------------------------------

    def readings(self, patient: Patient, record: PatientReadings) -> Iterator[Said]:
        ordered = sorted(
            record.readings,
            key=lambda one: (one.stamp.measured_at_ms, one.reading.seq, one.reading.reading_id),
        )
        said: list[tuple[int, str, Said]] = []
        last_place: dict[str, int] = {}
        old: set[str] = set()
        for place, stamped in enumerate(ordered):
            reading = stamped.reading
            if reading.vital not in {rule.vital for rule in self.rules}:
                continue
            if reading.outcome != "measured":
                continue
            kept = self.kept(patient, stamped, record)
            if kept.at_ms < patient.entry.care_plan_from_ms:
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

    def kept(self, patient: Patient, stamped: StampedReading, record: PatientReadings) -> Kept:
        reading = stamped.reading
        session = [one for one in record.readings if one.reading.session_id == reading.session_id]
        return Kept(
            stamped,
            record.received_at_ms,
            patient.day(stamped.stamp.measured_at_ms),
            len({one.reading.reading_id for one in session}) == 1,
            reading.quantities,
            reading.status,
        )

    def before_plan(self, patient: Patient, kept: Kept) -> None:
        """Never judged; it may feed a baseline."""
        known = patient.history.get(kept.vital, [])
        if kept.reading_id not in {one.reading_id for one in known}:
            patient.keep(kept)

    def reading(
        self, patient: Patient, kept: Kept, received_ms: int, old: set[str]
    ) -> Iterator[Said]:
        vital = kept.vital
        older = patient.has_newer(kept)
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

    # -- ladders ----------------------------------------------------------------------------------

    def on_ladder(self, case: Case, older: bool) -> Iterator[Said]:
        if all(one.age == "stale" for one in case.verdicts.values()):
            return
        problem = case.problem
        confirmed, origin = self.answer(case)
        if case.flagged and case.matched:
            confirmed |= self.third_match(case)
        granted, asked = set(case.matched), set[str]()
        if case.flagged:
            granted &= confirmed | problem.holding
            asked = case.matched - confirmed - (problem.holding - problem.lowered)
        if older and not problem.holding and self.all_over(case, granted | asked):
            yield from self.over_already(case, granted)
            return
        gone = set() if older else self.returning(case)
        before = self.voice(case.ladder, problem)
        self.latch(case, granted, confirmed)
        problem.holding -= gone
        problem.lowered &= problem.holding
        if case.matched:
            problem.last_match_ms = max(problem.last_match_ms, case.at_ms)
        after = self.voice(case.ladder, problem)
        if before is None and after is not None:
            problem.origin = origin
        yield from self.change(case, before, after, granted, confirmed)
        if asked:
            yield self.ask(case, asked)

    def over_already(self, case: Case, granted: set[str]) -> Iterator[Said]:
        if granted:
            name = self.worst(case.ladder, granted, set())
            voice = (max(self.rank(name, set()), 2), name)
            over = self.say(case, "resolved-before-seen", voice, case.kept.reading_id)
            yield replace(over, marks=self.weakness(case, name))

    def latch(self, case: Case, granted: set[str], confirmed: set[str]) -> None:
        problem = case.problem
        for name in granted:
            sure = not case.flagged or name in confirmed
            if sure and (case.age(name) == "fresh" or case.rule(name).keeps):
                problem.lowered.discard(name)
            elif name not in problem.holding:
                problem.lowered.add(name)
            problem.holding.add(name)

    def change(
        self,
        case: Case,
        before: tuple[int, str] | None,
        after: tuple[int, str] | None,
        granted: set[str],
        confirmed: set[str],
    ) -> Iterator[Said]:
        problem = case.problem
        waited = problem.awaiting is not None
        event = compare_voices(before, after, again=self.speaks_again(case, granted))
        event = self.ends_wait(case, event, granted)
        over = waited and problem.awaiting is None
        spoken = after or before
        if event is None or spoken is None:
            return
        for name in granted:
            problem.mean_said[name] = case.kept.day
        told = self.say(case, event, spoken, problem.origin)
        if granted:
            cause = self.worst(case.ladder, granted, problem.lowered)
            told = replace(told, marks=self.weakness(case, cause))
        waits = event in {"onset", "worsened"} and self.begin_wait(case, confirmed)
        if waits and over and before is not None:
            # The first extreme is confirmed by this one, which is worse and waits in its turn.
            severity = SEVERITIES[before[0]]
            yield replace(told, event="confirmed", rule=before[1], severity=severity)
        marks = (*told.marks, "awaiting-confirmation") if waits else told.marks
        yield replace(told, marks=marks)

    def speaks_again(self, case: Case, granted: set[str]) -> bool:
        """A mean is said at most once a day."""
        return any(
            not case.rule(name).is_averaged or case.problem.mean_said.get(name) != case.kept.day
            for name in granted
        )

    def returning(self, case: Case) -> set[str]:
        if not case.kept.may_return or case.at_ms <= case.problem.last_match_ms:
            return set()
        return {
            name
            for name in case.problem.holding
            if case.age(name) == "fresh"
            and case.verdicts[name].returned
            and (case.kept.certain or case.rule(name).rank > 0 or name in case.problem.lowered)
        }

    # -- old readings -----------------------------------------------------------------------------

    def note_old(self, case: Case) -> None:
        name = self.worst(case.ladder, case.stale, set())
        rule, patient, kept = case.rule(name), case.patient, case.kept
        one = OneReading(kept.quantities, kept.status, patient.limits(rule, kept.at_ms))
        far = excess(rule.when, one)
        day = patient.day(self.log_ms).isoformat()
        item = patient.arrivals.get(rule.vital)
        if item is None or item["day"] != day:
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
        )

"""The meaning of single-reading rules, written down a second time: one reading after the other.

Slow, plain, and apart from the engine: Decimal instead of float columns, sets of rule names instead
of bit masks, one patient's history as a list. Only the parser and the naming of alerts are shared.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from alerts.engine.identity import alert_id
from alerts.rules.load import SHIPPED
from schemas.kafka import PatientReadings, ReadingsRecord, StampedReading
from schemas.registry import PatientEntry
from schemas.vitals import VITALS
from tests.alerts.oracle_rules import (
    HOUR,
    MINUTE,
    SEVERITIES,
    OracleRule,
    excess,
    holds,
    read_rules,
)
from tests.alerts.oracle_words import (
    Case,
    Patient,
    Problem,
    Said,
    Waiting,
    compare_voices,
    may_return,
    over_before_seen,
)
from tests.alerts.readings import TRIAL


class Oracle:
    """Judges records one by one."""

    def __init__(self, patients: list[PatientEntry]) -> None:
        self.rules = read_rules(SHIPPED, TRIAL)
        self.by_key = {f"{rule.ladder}/{rule.id}": rule for rule in self.rules}
        self.ladders = sorted({rule.ladder for rule in self.rules})
        self.patients = {entry.patient_id: Patient(entry) for entry in patients}
        self.log_ms = -(2**62)

    def judge(self, records: list[ReadingsRecord]) -> list[Said]:
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
            if stamped.stamp.measured_at_ms < patient.entry.care_plan_from_ms:
                continue
            last_place[reading.vital] = place
            recent = patient.recent.setdefault(reading.vital, [])
            if reading.reading_id in recent:
                continue
            patient.recent[reading.vital] = [*recent, reading.reading_id][-32:]
            found = self.reading(patient, stamped, record.received_at_ms, old)
            said += [(place, one.ladder, one) for one in found]
        said = over_before_seen(said)
        for vital in sorted(old, key=list(VITALS).index):
            one = self.old_item(patient, vital)
            said.append((last_place[vital], one.ladder, one))
        yield from (one for _, _, one in sorted(said, key=lambda item: item[:2]))

    def reading(
        self, patient: Patient, stamped: StampedReading, received_ms: int, old: set[str]
    ) -> Iterator[Said]:
        reading, stamp = stamped.reading, stamped.stamp
        vital = reading.vital
        newest_ms = patient.newest_ms.get(vital, float("-inf"))
        older = stamp.measured_at_ms < newest_ms
        trusted = stamp.quality != "untrusted"
        earliest = stamp.earliest_ms if stamp.quality == "bounded" else stamp.measured_at_ms
        clears: dict[str, bool] = {}
        for ladder in self.ladders:
            rules = [rule for rule in self.rules if rule.ladder == ladder]
            if rules[0].vital != vital:
                continue
            ages: dict[str, str] = {}
            for rule in rules:
                if trusted and received_ms - earliest <= rule.fresh_ms:
                    ages[rule.id] = "fresh"
                elif trusted and not older and received_ms - stamp.measured_at_ms <= 24 * HOUR:
                    ages[rule.id] = "delayed"
                else:
                    ages[rule.id] = "stale"
            matched = {
                rule.id
                for rule in rules
                if rule.book in patient.entry.books and holds(rule.when, reading.quantities) is True
            }
            fresh = {name for name, age in ages.items() if age == "fresh"}
            stale = {name for name in matched if ages[name] == "stale"}
            by_name = {rule.id: rule for rule in rules}
            case = Case(patient, ladder, stamped, by_name, ages, matched - stale)
            yield from self.on_ladder(case, older)
            if stale:
                self.note_old(patient, ladder, stamped, stale)
                old.add(vital)
            clears[ladder] = self.is_clear(patient, rules, stamped, fresh)
        if trusted and not older:
            patient.newest_ms[vital] = stamp.measured_at_ms
            for ladder, clear in clears.items():
                patient.problem(ladder).clear = clear

    def is_clear(
        self, patient: Patient, rules: list[OracleRule], stamped: StampedReading, fresh: set[str]
    ) -> bool:
        mine = [rule for rule in rules if rule.book in patient.entry.books]
        if not mine or not may_return(stamped):
            return False
        if stamped.stamp.quality != "device-clock" and any(rule.rank == 0 for rule in mine):
            return False
        return all(
            rule.id in fresh and holds(rule.when, stamped.reading.quantities, rule.band) is False
            for rule in mine
        )

    def on_ladder(self, case: Case, older: bool) -> Iterator[Said]:
        if all(age == "stale" for age in case.ages.values()):
            return
        problem = case.problem
        confirmed, origin = self.answer(case)
        if case.flagged and case.matched:
            confirmed |= self.third_match(case)
        granted, asked = set(case.matched), set[str]()
        if case.flagged:
            granted &= confirmed | problem.holding
            asked = case.matched - confirmed - (problem.holding - problem.lowered)
        if older and problem.clear and not problem.holding:
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
        yield from self.change(case, before, after, granted)
        if asked:
            yield self.ask(case, asked)

    def over_already(self, case: Case, granted: set[str]) -> Iterator[Said]:
        if granted:
            name = self.worst(case.ladder, granted, set())
            voice = (max(self.rank(name, set()), 2), name)
            reading_id = case.stamped.reading.reading_id
            yield self.say(case, "resolved-before-seen", voice, reading_id, name)

    def latch(self, case: Case, granted: set[str], confirmed: set[str]) -> None:
        problem = case.problem
        for name in granted:
            sure = not case.flagged or name in confirmed
            if sure and (case.ages[name] == "fresh" or case.rules[name].keeps):
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
    ) -> Iterator[Said]:
        event = compare_voices(before, after, again=bool(granted))
        spoken = after or before
        if event is not None and spoken is not None:
            lowered = case.problem.lowered
            cause = self.worst(case.ladder, granted, lowered) if granted else None
            yield self.say(case, event, spoken, case.problem.origin, cause)

    def answer(self, case: Case) -> tuple[set[str], str]:
        """Is this the repeat that somebody waits for, and what does it say?"""
        confirmed: set[str] = set()
        origin = case.stamped.reading.reading_id
        for waiting in case.problem.waiting:
            first_ms = waiting.reading.stamp.measured_at_ms
            if not first_ms < case.at_ms <= first_ms + 15 * MINUTE:
                continue
            answers = waiting.rules & case.matched
            if answers and not confirmed:
                origin = waiting.reading.reading.reading_id
            confirmed |= answers
            denied = {
                name
                for name in waiting.rules
                if case.ages[name] != "stale" and case.holds(name) is False
            }
            waiting.rules -= answers | denied
        case.problem.waiting = [waiting for waiting in case.problem.waiting if waiting.rules]
        return confirmed, origin

    def third_match(self, case: Case) -> set[str]:
        """Three flagged matches in 72 h count as confirmed."""
        since_ms = case.at_ms - 72 * HOUR
        recent = [(when, names) for when, names in case.problem.flagged if when >= since_ms]
        case.problem.flagged = [*recent, (case.at_ms, set(case.matched))][-16:]
        return {name for name in case.matched if sum(name in names for _, names in recent) >= 2}

    def returning(self, case: Case) -> set[str]:
        if not may_return(case.stamped) or case.at_ms <= case.problem.last_match_ms:
            return set()
        certain = case.stamped.stamp.quality == "device-clock"
        return {
            name
            for name in case.problem.holding
            if case.ages[name] == "fresh"
            and case.holds(name, widened=True) is False
            and (certain or case.rules[name].rank > 0 or name in case.problem.lowered)
        }

    def ask(self, case: Case, asked: set[str]) -> Said:
        name = self.worst(case.ladder, asked, set())
        deadline_ms = max(case.at_ms + 15 * MINUTE, self.log_ms)
        late = case.ages[name] == "delayed"
        case.problem.waiting.append(Waiting(case, set(asked), deadline_ms, late))
        reading_id = case.stamped.reading.reading_id
        return self.say(case, "repeat-asked", (self.rank(name, set()), name), reading_id, name)

    # -- timers -----------------------------------------------------------------------------------

    def timers(self) -> Iterator[Said]:
        due = []
        for name in sorted(self.patients):
            for ladder in self.ladders:
                problem = self.patients[name].problem(ladder)
                for waiting in problem.waiting:
                    if waiting.deadline_ms < self.log_ms:
                        reading_id = waiting.reading.reading.reading_id
                        due.append((waiting.deadline_ms, name, ladder, reading_id, waiting))
                problem.waiting = [
                    waiting for waiting in problem.waiting if waiting.deadline_ms >= self.log_ms
                ]
        for *_, waiting in sorted(due, key=lambda item: item[:4]):
            yield from self.unanswered(waiting)

    def unanswered(self, waiting: Waiting) -> Iterator[Said]:
        case, problem = waiting.case, waiting.case.problem
        before = self.voice(case.ladder, problem)
        origin = case.stamped.reading.reading_id
        if before is None and problem.clear:
            name = self.worst(case.ladder, waiting.rules, set())
            voice = (max(self.rank(name, {name}), 2), name)
            yield self.say(case, "resolved-before-seen", voice, origin, waiting)
            return
        problem.lowered |= waiting.rules - problem.holding
        problem.holding |= waiting.rules
        problem.last_match_ms = max(problem.last_match_ms, case.at_ms)
        after = self.voice(case.ladder, problem)
        assert after is not None
        if before is None:
            problem.origin = origin
        elif after[0] >= before[0]:
            return
        event = "onset" if before is None else "worsened"
        yield self.say(case, event, after, problem.origin, waiting)

    # -- old readings -----------------------------------------------------------------------------

    def note_old(
        self, patient: Patient, ladder: str, stamped: StampedReading, stale: set[str]
    ) -> None:
        name = self.worst(ladder, stale, set())
        rank = self.rank(name, set())
        far = excess(self.by_key[f"{ladder}/{name}"].when, stamped.reading.quantities)
        zone = ZoneInfo(patient.entry.zone)
        day = datetime.fromtimestamp(self.log_ms / 1000, UTC).astimezone(zone).date().isoformat()
        item = patient.arrivals.get(stamped.reading.vital)
        if item is None or item["day"] != day:
            item = {"day": day, "count": 0, "worst": None}
            patient.arrivals[stamped.reading.vital] = item
        item["count"] += 1
        if item["worst"] is None or (rank, -far) < item["worst"][:2]:
            item["worst"] = (rank, -far, name, stamped)

    def old_item(self, patient: Patient, vital: str) -> Said:
        item = patient.arrivals[vital]
        rank, _, name, stamped = item["worst"]
        patient_id = patient.entry.patient_id
        return Said(
            "stale",
            patient_id,
            self.rule(name).ladder,
            name,
            SEVERITIES[max(rank, 2)],
            self.log_ms,
            alert_id(patient_id, f"stale/{vital}", item["day"]),
            stamped.reading.reading_id,
            ("stale",),
        )

    # -- small things -----------------------------------------------------------------------------

    def rule(self, name: str) -> OracleRule:
        return next(rule for rule in self.rules if rule.id == name)

    def rank(self, name: str, lowered: set[str]) -> int:
        return min(self.rule(name).rank + (name in lowered), 3)

    def worst(self, ladder: str, names: set[str], lowered: set[str]) -> str:
        ordered = [rule.id for rule in self.rules if rule.ladder == ladder and rule.id in names]
        return min(ordered, key=lambda name: self.rank(name, lowered))

    def voice(self, ladder: str, problem: Problem) -> tuple[int, str] | None:
        if not problem.holding:
            return None
        name = self.worst(ladder, problem.holding, problem.lowered)
        return self.rank(name, problem.lowered), name

    def say(
        self,
        case: Case,
        event: str,
        voice: tuple[int, str],
        origin: str,
        cause: str | Waiting | None,
    ) -> Said:
        """``cause``: the matching rule that explains it, or the match that nobody repeated."""
        at_ms, marks = self.log_ms, []
        if isinstance(cause, Waiting):
            at_ms = cause.deadline_ms
            marks = ["unverified", "flagged", *(["delayed"] if cause.delayed else [])]
        elif cause is not None:
            marks = ["flagged"] if case.flagged else []
            marks += ["delayed"] if case.ages[cause] == "delayed" else []
        patient_id = case.patient.entry.patient_id
        return Said(
            event,
            patient_id,
            case.ladder,
            voice[1],
            SEVERITIES[voice[0]],
            at_ms,
            alert_id(patient_id, case.ladder, origin),
            case.stamped.reading.reading_id,
            tuple(marks),
        )

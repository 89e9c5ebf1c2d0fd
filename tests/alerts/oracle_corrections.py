"""A stored reading says something else now, or is another patient's.

Windows are counted anew. What an alert no longer rests on is taken back; what is true now and was
not before is work; nobody is paged for what the reading itself says, for it is old.
"""

from collections.abc import Iterator
from dataclasses import replace

from alerts.engine.readings.identity import alert_id
from schemas.kafka import Corrections as Corrected
from schemas.kafka import Withdrawals
from tests.alerts.oracle_because import reading_of
from tests.alerts.oracle_change import Change, Found, changes
from tests.alerts.oracle_ends import Here
from tests.alerts.oracle_kept import Kept
from tests.alerts.oracle_patient import Patient
from tests.alerts.oracle_problem import KNOWN_ENDS_MS, End, Problem
from tests.alerts.oracle_reopening import Reopening
from tests.alerts.oracle_rules import SEVERITIES, OracleRule
from tests.alerts.oracle_words import Reading, Said

MEDIUM = SEVERITIES.index("medium")


class Corrections(Reopening):
    """Corrections and re-attribution."""

    def correct(self, patient: Patient, record: Corrected | Withdrawals) -> Iterator[Said]:
        for change in changes(patient, record, self.gates):
            yield from self.take_change(patient, change)
            if isinstance(record, Withdrawals):  # it may come back
                recent = patient.recent.get(change.was.vital, [])
                gone = change.was.reading_id
                patient.recent[change.was.vital] = ["" if one == gone else one for one in recent]

    def take_change(self, patient: Patient, change: Change) -> Iterator[Said]:
        rules = [rule for rule in self.rules if rule.vital == change.was.vital]
        before = Found.of(rules, patient, change.was)
        patient.change(change.was, change.now)
        after = Found.of(rules, patient, change.now)
        for ladder in self.ladders_of(change.was.vital):
            yield from self.change_on(Here(ladder, patient, change.seen(before, after)))

    def change_on(self, here: Here) -> Iterator[Said]:
        problem, ladder = here.problem, here.ladder
        problem.note_before()
        was, before = problem.before, self.voice(ladder, problem)
        rested = self.take_back(problem, here)
        for end in problem.ends:
            over, alert = self.voice(ladder, end.was), self.was_an_alert(end, problem)
            self.take_back(end.was, here)
            if over and alert and not end.was.holding:
                yield self.taken_back(here, end.was, over)
        told = list(self.reopen(here))
        yield from told
        after = self.voice(ladder, problem)
        if before and rested and all(one.event == "wrongly-ended" for one in told):
            event = "retracted" if after is None else "corrected"
            event = "eased" if after and after[0] > before[0] else event
            problem.before = was
            yield self.told(here, event, after or before)
        yield from self.new_matches(here, after)

    def was_an_alert(self, end: End, now: Problem) -> bool:
        """Not a task, nor what was over before anybody saw it, nor a part of what is open."""
        told = not end.was.waiting and "" not in end.enders.values()
        part = bool(now.holding) and now.origin == end.was.origin
        return told and not part and self.log_ms - end.at_ms <= KNOWN_ENDS_MS

    def taken_back(self, here: Here, was: Problem, voice: tuple[int, str]) -> Said:
        """It is over, and never was: who was told of it hears that."""
        identity = alert_id(here.patient_id, here.ladder, was.origin)
        return self.of_sight(here, "retracted", voice, sight_of(here.change.told), identity)

    def rules_of(self, here: Here) -> list[OracleRule]:
        return [rule for rule in self.rules if rule.ladder == here.ladder]

    def take_back(self, problem: Problem, here: Here) -> bool:
        """Let nothing rest on what is no longer true; tell whether anything rested on it."""
        change, name = here.change, here.change.was.reading_id
        rested = bool(problem.holding) and problem.origin == name
        rested |= any(match.reading_id == name for match in problem.rests)
        for reading_id, rules in change.lost():
            # A mean is asked at the newest reading alone, for all on which it rests.
            means = {rule for rule in rules if self.by_name[rule].is_averaged}
            problem.beyond -= means
            for match in problem.rests:
                gone = match.rules & (rules if match.reading_id == reading_id else means)
                rested |= bool(gone)
                match.rules -= gone
        alone = change.untrue(self.rules_of(here))
        for match in problem.rests:
            if match.reading_id == name:
                match.rules -= alone
        problem.rests = [match for match in problem.rests if match.rules]
        self.nothing_waits_for(problem, change, alone)
        supported = problem.beyond.union(*(match.rules for match in problem.rests))
        problem.let_go(problem.holding - supported)
        if problem.awaiting is not None:
            problem.awaiting.rules &= problem.holding
            problem.awaiting = problem.awaiting if problem.awaiting.rules else None
        if rested and alone and problem.last_match_ms == change.was.at_ms:
            times = [match.at_ms for match in problem.rests]
            problem.last_match_ms = max(times, default=problem.last_match_ms)
        return rested

    def nothing_waits_for(self, problem: Problem, change: Change, untrue: set[str]) -> None:
        name, at_ms = change.was.reading_id, change.was.at_ms
        for waiting in [*problem.waiting, *problem.overdue]:
            if waiting.case.kept.reading_id == name:
                waiting.case = change.said_of(waiting.case)
                waiting.rules -= untrue
        problem.waiting = [waiting for waiting in problem.waiting if waiting.rules]
        problem.flagged = [
            (when, rules - untrue if when == at_ms else rules) for when, rules in problem.flagged
        ]
        awaiting = problem.awaiting
        if awaiting is not None and awaiting.case.kept.reading_id == name:
            awaiting.case = change.said_of(awaiting.case)

    def new_matches(self, here: Here, open_: tuple[int, str] | None) -> Iterator[Said]:
        """What is true now and was not before: one item a day and ladder."""
        change, ladder = here.change, here.ladder
        in_force = {rule.id for rule in self.in_force(here.patient) if rule.ladder == ladder}
        new = change.newly_true(self.rules_of(here)) & in_force
        others = list[tuple[Kept, set[str]]]()
        for kept, rules in change.gained():
            if kept is change.now:
                new |= rules & in_force
            else:
                others.append((kept.as_windows_know(), rules & in_force))
        for kept, rules in [(change.told, new), *others]:
            if not rules:
                continue
            name = self.worst(ladder, rules, set())
            rank = self.rank(name, set())
            if open_ is None or rank < open_[0]:
                yield self.item(here, kept, (max(rank, MEDIUM), name))

    def told(self, here: Here, event: str, voice: tuple[int, str]) -> Said:
        held, lowered = here.problem.before
        identity = alert_id(here.patient_id, here.ladder, here.problem.origin)
        said = self.of_sight(here, event, voice, sight_of(here.change.told), identity)
        assert said.because is not None
        because = replace(said.because, held=self.keys(held), lowered=self.keys(lowered))
        return replace(said, because=because)

    def item(self, here: Here, kept: Kept, voice: tuple[int, str]) -> Said:
        day = here.patient.day(self.log_ms).isoformat()
        identity = alert_id(here.patient_id, f"corrected/{here.ladder}", day)
        return self.of_sight(here, "corrected-match", voice, sight_of(kept), identity)


def sight_of(kept: Kept) -> tuple[Reading, str]:
    return reading_of(kept), kept.stamped.stamp.quality

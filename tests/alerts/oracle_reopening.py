"""What a reading had ended holds again once it is another patient's, or says otherwise.

As if it had never been there: unless another reading that is known, newer than the last match,
meets the return condition too. The last match is judged by its age at the present log time.
"""

from collections.abc import Iterator
from dataclasses import replace

from alerts.engine.readings.identity import alert_id
from tests.alerts.oracle_because import limits_of, reading_of
from tests.alerts.oracle_ends import Ends, Here, last_match
from tests.alerts.oracle_problem import KNOWN_ENDS_MS, Awaiting, End, Problem, Waiting
from tests.alerts.oracle_rules import SEVERITIES
from tests.alerts.oracle_words import Because, Reading, Said

MEDIUM = SEVERITIES.index("medium")


class Reopening(Ends):
    """Corrections: what was ended by mistake."""

    def reopen(self, here: Here) -> Iterator[Said]:
        problem = here.problem
        for end in problem.ends:
            held = set(problem.holding)
            if self.log_ms - end.at_ms <= KNOWN_ENDS_MS:
                yield from self.reopen_one(here, end)
            if problem.holding != held:
                problem.note_before()
        problem.forget_ends()

    def reopen_one(self, here: Here, end: End) -> Iterator[Said]:
        problem = here.problem
        wrong, unheard = self.wrongly(here, end)
        if unheard:
            yield from self.too_late(here, end.was, unheard)
            end.was.awaiting = None
        wrong &= {rule.id for rule in self.in_force(here.patient)}
        if not wrong:
            return
        back, waiting = end.was.part(wrong), end.was.waiting[:1]
        asked = replace(waiting[0], rules=set(wrong)) if waiting else None
        end.was.drop(wrong)
        fresh, delayed = self.ages(here, back)
        fresh |= wrong & problem.holding
        delayed -= fresh
        stale = wrong - fresh - delayed
        if stale:
            yield from self.too_late(here, back, stale)
        if asked is not None and fresh | delayed:
            asked.rules = fresh | delayed
            yield from self.wait_on(problem, asked)
        elif fresh | delayed:
            yield from self.hold_again(here, back, fresh, delayed)

    def wait_on(self, problem: Problem, asked: Waiting) -> Iterator[Said]:
        """A flagged match waits on for its repeat; if its time is over, it opens unverified."""
        if asked.deadline_ms >= self.log_ms:
            problem.waiting.append(asked)
            return
        for said in self.unanswered(asked):
            if said.event != "resolved-before-seen":
                event = "reopened" if said.event == "onset" else said.event
                yield replace(said, event=event, at_ms=self.log_ms)

    def hold_again(
        self, here: Here, back: Problem, fresh: set[str], delayed: set[str]
    ) -> Iterator[Said]:
        problem, ladder = here.problem, here.ladder
        held, lowered = problem.before
        was_open = bool(held)
        before = self.voice(ladder, Problem(set(held), set(lowered)))
        again = back.part(fresh | delayed)
        again.lowered |= {rule for rule in delayed if not self.by_name[rule].keeps}
        if not was_open:
            problem.origin = back.origin
        waits = problem.awaiting
        problem.join(again)
        problem.awaiting = waits
        after = self.voice(ladder, problem)
        assert after is not None
        if before is not None and after[0] >= before[0]:
            return
        cause = self.worst(ladder, again.holding, problem.lowered)
        problem.awaiting = None if was_open else self.waits_on(ladder, problem, back.awaiting)
        marks = ["delayed"] if cause in delayed else []
        marks += ["awaiting-confirmation"] if problem.awaiting else []
        sight, quality = self.sight(here, back, cause)
        event = "worsened" if was_open else "reopened"
        identity = alert_id(here.patient_id, ladder, problem.origin)
        said = self.of_sight(here, event, after, (sight, quality), identity)
        assert said.because is not None
        because = replace(
            said.because,
            held=self.keys(held),
            lowered=self.keys(lowered),
            confirm_by_ms=problem.awaiting.deadline_ms if problem.awaiting else None,
        )
        yield replace(said, marks=tuple(marks), because=because)

    def waits_on(self, ladder: str, problem: Problem, awaiting: Awaiting | None) -> Awaiting | None:
        """The wait goes on if its time is not over, and nothing else speaks."""
        if awaiting is None or awaiting.deadline_ms < self.log_ms:
            return None
        awaiting.rules &= problem.holding
        speakers = self.speakers(ladder, problem)
        return awaiting if awaiting.rules and speakers <= awaiting.rules else None

    def too_late(self, here: Here, back: Problem, rules: set[str]) -> Iterator[Said]:
        """Work, unless something as severe is open."""
        name = self.worst(here.ladder, rules, back.lowered)
        rank = self.rank(name, back.lowered)
        open_ = self.voice(here.ladder, here.problem)
        if open_ is not None and open_[0] <= rank:
            return
        identity = alert_id(here.patient_id, f"wrongly-ended/{here.ladder}", back.origin)
        voice = max(rank, MEDIUM), name
        sight = self.sight(here, back, name)
        yield self.of_sight(here, "wrongly-ended", voice, sight, identity)

    # -- how it is said ---------------------------------------------------------------------------

    def sight(self, here: Here, back: Problem, rule: str) -> tuple[Reading, str]:
        """The last match, as far as it is known, and the quality of its time."""
        reading_id, at_ms = last_match(back, rule)
        awaiting = back.awaiting
        if awaiting is not None and awaiting.case.kept.reading_id == reading_id:
            kept = awaiting.case.kept
            return reading_of(kept), kept.stamped.stamp.quality
        for kept in here.change.after.kept:
            if kept.reading_id == reading_id:
                return reading_of(kept.as_windows_know()), kept.stamped.stamp.quality
        return Reading(reading_id, at_ms, frozenset(), frozenset()), "receipt"

    def of_sight(
        self,
        here: Here,
        event: str,
        voice: tuple[int, str],
        sight: tuple[Reading, str],
        identity: str,
    ) -> Said:
        reading, quality = sight
        rank, name = voice
        limits = limits_of(self.by_name[name], here.patient, reading.at_ms)
        nothing = frozenset[str]()
        because = Because(reading, quality, limits, (), nothing, nothing)
        severity = SEVERITIES[rank]
        said = (event, here.patient_id, here.ladder, name, severity, self.log_ms, identity)
        return Said(*said, reading.reading_id, (), because)

    def keys(self, names: frozenset[str]) -> frozenset[str]:
        return frozenset(self.by_name[name].key for name in names)

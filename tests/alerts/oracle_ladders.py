"""One reading before one ladder: which rules hold now, who speaks, and what is said of it."""

from collections.abc import Iterator
from dataclasses import replace

from tests.alerts.oracle_case import Case
from tests.alerts.oracle_gate import Gate
from tests.alerts.oracle_problem import KNOWN_OVERDUE, Problem
from tests.alerts.oracle_rules import SEVERITIES
from tests.alerts.oracle_words import Said, by_then, compare_voices


class Ladders(Gate):
    """Words, and log time."""

    def on_ladder(self, case: Case, older: bool) -> Iterator[Said]:
        if all(one.age == "stale" for one in case.verdicts.values()):
            return
        problem = case.problem
        problem.note_before()
        problem.forget_old_ends(self.log_ms)
        confirmed, origin = self.answer(case)
        confirmed |= self.answer_late(case)
        if case.flagged and case.matched:
            confirmed |= self.third_match(case)
        granted, asked = set(case.matched), set[str]()
        if case.flagged:
            granted, asked = self.through_gate(case, older, confirmed)
        if older and not problem.holding and self.all_over(case, granted | asked):
            yield from self.over_already(case, granted, asked, confirmed)
            return
        gone = set() if older else self.returning(case)
        before = self.voice(case.ladder, problem)
        self.latch(case, granted, confirmed)
        if gone:
            problem.ended(gone, case.kept.reading_id, self.log_ms)
            problem.let_go(gone)
        if case.matched:
            problem.last_match_ms = max(problem.last_match_ms, case.at_ms)
        after = self.voice(case.ladder, problem)
        if before is None and after is not None:
            problem.origin = origin
        yield from self.change(case, before, after, granted, confirmed)
        if asked:
            yield self.ask(case, asked)

    def through_gate(
        self, case: Case, older: bool, confirmed: set[str]
    ) -> tuple[set[str], set[str]]:
        """Of a flagged match only what a repeat has confirmed counts, or what holds anyway."""
        problem = case.problem
        repeated, denials = self.answered_already(case) if older else (set(), {})
        confirmed |= repeated
        granted = case.matched & (confirmed | problem.holding)
        asked = case.matched - confirmed - (problem.holding - problem.lowered)
        for (_, ender), names in sorted(denials.items()):
            if names & asked:
                self.denied_already(case, ender, names & asked)
                asked -= names
        return granted, asked

    def over_already(
        self, case: Case, granted: set[str], asked: set[str], confirmed: set[str]
    ) -> Iterator[Said]:
        """A flagged match without a repeat would open at once, unverified."""
        names = granted or asked
        if names:
            if not granted:
                waits = self.waits_of(case, asked)
                case.problem.overdue = [*case.problem.overdue, waits][-KNOWN_OVERDUE:]
            was = Problem(lowered={name for name in names if not self.full(case, name, confirmed)})
            was.rest_on(case.kept.reading_id, case.at_ms, names)
            case.problem.never_held(was, "", self.log_ms)
            name = self.worst(case.ladder, names, set())
            voice = (max(self.rank(name, set()), 2), name)
            over = self.say(case, "resolved-before-seen", voice, case.kept.reading_id, name)
            unverified = () if granted else ("unverified",)
            yield replace(over, marks=(*unverified, *self.weakness(case, name)))

    def latch(self, case: Case, granted: set[str], confirmed: set[str]) -> None:
        problem = case.problem
        for name in granted:
            if self.full(case, name, confirmed):
                problem.lowered.discard(name)
            elif name not in problem.holding:
                problem.lowered.add(name)
            problem.holding.add(name)
        if granted:
            problem.rest_on(case.kept.reading_id, case.at_ms, granted)

    def full(self, case: Case, name: str, confirmed: set[str]) -> bool:
        """Is a match as severe as its rule says?"""
        sure = not case.flagged or name in confirmed
        return sure and (case.age(name) == "fresh" or case.rule(name).keeps)

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
        event = self.ends_wait(case, event, granted, confirmed)
        over = waited and problem.awaiting is None
        spoken = after or before
        if event is None or spoken is None:
            return
        for name in granted:
            problem.mean_said[name] = case.kept.day
        match = self.worst(case.ladder, granted, problem.lowered) if granted else None
        cause = before[1] if before and (match is None or event == "eased") else match
        told = self.say(case, event, spoken, problem.origin, cause)
        if match is not None:
            told = replace(told, marks=self.weakness(case, match))
        waits = event in {"onset", "worsened"} and self.begin_wait(case, confirmed)
        if waits and over and before is not None:
            # The first extreme is confirmed by this one, which is worse and waits in its turn.
            severity = SEVERITIES[before[0]]
            first = self.say(case, "confirmed", before, problem.origin, cause)
            yield replace(first, severity=severity, marks=told.marks)
        if waits:
            assert problem.awaiting is not None
            told = by_then(told, problem.awaiting.deadline_ms)
            told = replace(told, marks=(*told.marks, "awaiting-confirmation"))
        yield told

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

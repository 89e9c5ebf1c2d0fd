"""What waits, and how long: a flagged match for a repeat, an extreme one for its confirmation."""

from collections.abc import Iterator
from dataclasses import replace

from tests.alerts.oracle_case import Case
from tests.alerts.oracle_problem import KNOWN_OVERDUE, Awaiting, Problem, Waiting
from tests.alerts.oracle_rules import DAY, HOUR
from tests.alerts.oracle_voices import Voices
from tests.alerts.oracle_windows import says
from tests.alerts.oracle_words import Said, by_then


class Gate(Voices):
    """Quality and confirmation."""

    # -- flagged matches --------------------------------------------------------------------------

    def answer(self, case: Case) -> tuple[set[str], str]:
        """Is this the repeat that somebody waits for, and what does it say?

        Or is what waits the repeat of this one, which came after it?
        """
        confirmed: set[str] = set()
        origin = case.kept.reading_id
        for waiting in case.problem.waiting:
            first_ms = waiting.case.at_ms
            first = waiting.case.kept.reading_id
            if case.at_ms < first_ms <= case.at_ms + waiting.within_ms:
                if answers := waiting.rules & case.matched:
                    case.problem.rest_on(first, first_ms, answers)
                confirmed |= answers
                waiting.rules -= answers
                continue
            if not first_ms < case.at_ms <= first_ms + waiting.within_ms:
                continue
            answers = waiting.rules & case.matched
            if answers and not confirmed:
                origin = first
            confirmed |= answers
            if answers:  # the alert rests on both
                case.problem.rest_on(first, first_ms, answers)
            denied = {
                name
                for name in waiting.rules
                if case.age(name) != "stale" and case.verdicts[name].denied
            }
            if denied:
                was = Problem(lowered=set(denied), waiting=[replace(waiting, rules=set(denied))])
                was.rest_on(first, first_ms, denied)
                case.problem.never_held(was, case.kept.reading_id, self.log_ms)
            waiting.rules -= answers | denied
        case.problem.waiting = [waiting for waiting in case.problem.waiting if waiting.rules]
        return confirmed, origin

    def answer_late(self, case: Case) -> set[str]:
        """A repeat measured in its time confirms at once also when nobody waits for it any more.

        What it waited for is told already: one that does not confirm it takes nothing back.
        """
        confirmed: set[str] = set()
        for waiting in case.problem.overdue:
            apart_ms = case.at_ms - waiting.case.at_ms
            known = self.log_ms <= waiting.case.at_ms + waiting.within_ms + DAY
            if not known or apart_ms == 0 or abs(apart_ms) > waiting.within_ms:
                continue
            told = case.matched & waiting.rules
            confirmed |= told
            waiting.rules -= told
            if apart_ms > 0:
                waiting.rules -= {
                    name
                    for name in waiting.rules
                    if case.age(name) != "stale" and case.verdicts[name].denied
                }
        return confirmed

    def answered_already(self, case: Case) -> tuple[set[str], dict[tuple[int, str], set[str]]]:
        """What do repeats say that came before the flagged match, though measured after it?

        Those that windows know; the first that knows answers. And the newest reading, if it has
        returned what this one matches.
        """
        repeated, denials = set[str](), dict[tuple[int, str], set[str]]()
        newest = case.patient.newest.get(case.kept.vital)
        for name in sorted(case.matched):
            rule = case.rule(name)
            if rule.window is not None or rule.baseline is not None:
                continue
            later = [
                one
                for one in case.patient.eligible_after(case.kept)
                if 0 < one.at_ms - case.at_ms <= rule.repeat_ms
            ]
            known = [
                (one, what) for one in later if (what := says(rule, case.patient, one)) is not None
            ]
            if known:
                first, what = known[0]
                if what:
                    repeated.add(name)
                else:
                    denials.setdefault((first.at_ms, first.reading_id), set()).add(name)
            elif (
                newest is not None
                and newest.at_ms - case.at_ms <= rule.repeat_ms
                and self.met(case.patient, rule, newest)
            ):
                denials.setdefault((0, ""), set()).add(name)
        return repeated, denials

    def denied_already(self, case: Case, ender: str, names: set[str]) -> None:
        """It waits for nobody; but for who takes the repeat back."""
        waits = self.waits_of(case, names)
        was = Problem(lowered=set(names), waiting=[waits])
        was.rest_on(case.kept.reading_id, case.at_ms, names)
        case.problem.never_held(was, ender, self.log_ms)

    def waits_of(self, case: Case, names: set[str]) -> Waiting:
        name = self.worst(case.ladder, names, set())
        # One task has one time: that of the gravest rule.
        within_ms = case.rule(name).repeat_ms
        deadline_ms = max(case.at_ms + within_ms, self.log_ms)
        return Waiting(case, set(names), deadline_ms, within_ms, case.age(name) == "delayed")

    def third_match(self, case: Case) -> set[str]:
        """Three flagged matches in 72 h count as confirmed."""
        since_ms = case.at_ms - 72 * HOUR
        recent = [(when, names) for when, names in case.problem.flagged if when >= since_ms]
        case.problem.flagged = [*recent, (case.at_ms, set(case.matched))][-16:]
        return {name for name in case.matched if sum(name in names for _, names in recent) >= 2}

    def ask(self, case: Case, asked: set[str]) -> Said:
        name = self.worst(case.ladder, asked, set())
        waits = self.waits_of(case, asked)
        case.problem.waiting.append(waits)
        voice = (self.rank(name, set()), name)
        told = self.say(case, "repeat-asked", voice, case.kept.reading_id)
        task = by_then(told, waits.deadline_ms)
        return replace(task, marks=self.weakness(case, name))

    # -- extreme readings -------------------------------------------------------------------------

    def begin_wait(self, case: Case, confirmed: set[str]) -> bool:
        """One unflagged extreme reading: its page waits, unless a rule speaks that never waits."""
        problem = case.problem
        earlier, problem.awaiting = problem.awaiting, None
        speakers = self.speakers(case.ladder, problem)
        waits = {
            name: within_ms
            for name in speakers - confirmed
            if (within_ms := case.rule(name).confirm_ms) is not None and case.age(name) == "fresh"
        }
        if case.flagged or set(waits) != speakers:
            return False
        within_ms = min(waits.values())
        deadline_ms = case.at_ms + within_ms
        if deadline_ms < self.log_ms:  # it came after its wait
            return False
        if earlier is not None:  # a page that was promised comes no later
            deadline_ms = min(deadline_ms, earlier.deadline_ms)
        problem.awaiting = Awaiting(case, speakers, deadline_ms, within_ms)
        return True

    def ends_wait(
        self, case: Case, event: str | None, granted: set[str], sure: set[str]
    ) -> str | None:
        """Name the event anew if it is what an extreme reading has waited for.

        ``sure``: what two readings say, or three flagged ones, whichever they are.
        """
        problem, awaiting = case.problem, case.problem.awaiting
        if awaiting is None:
            return event
        first_ms = awaiting.case.at_ms
        repeat = case.at_ms != first_ms and abs(case.at_ms - first_ms) <= awaiting.within_ms
        confirmed = awaiting.rules & (sure | case.matched if repeat else sure)
        speakers = self.speakers(case.ladder, problem)
        awaiting.rules = awaiting.rules & problem.holding | granted & speakers
        impatient = {name for name in speakers if self.by_name[name].confirm_ms is None}
        if not (confirmed or not awaiting.rules or impatient):
            return event
        problem.awaiting = None
        if event == "again":
            return "confirmed"
        return "not-confirmed" if event == "returned" and repeat else event

    # -- deadlines --------------------------------------------------------------------------------

    def timers(self) -> Iterator[Said]:
        due: list[tuple[int, str, str, Waiting | Awaiting]] = []
        for name in sorted(self.patients):
            for ladder in self.ladders:
                problem = self.patients[name].problem(ladder)
                # Of one ladder a page that is due goes out before a new alert opens.
                everything: list[Waiting | Awaiting] = []
                everything += [problem.awaiting] if problem.awaiting else []
                everything += sorted(problem.waiting, key=lambda one: one.case.kept.reading_id)
                due += [
                    (one.deadline_ms, name, ladder, one)
                    for one in everything
                    if one.deadline_ms < self.log_ms
                ]
                problem.waiting = [
                    waiting for waiting in problem.waiting if waiting.deadline_ms >= self.log_ms
                ]
        for *_, one in sorted(due, key=lambda item: item[:3]):
            if isinstance(one, Waiting):
                yield from self.unanswered(one)
            elif one.case.problem.awaiting is one:
                yield self.unconfirmed(one)

    def unconfirmed(self, awaiting: Awaiting) -> Said:
        """No repeat came: the page goes out all the same."""
        case, problem = awaiting.case, awaiting.case.problem
        problem.note_before()
        problem.awaiting = None
        voice = self.voice(case.ladder, problem)
        assert voice is not None
        told = self.say(case, "confirmed", voice, problem.origin)
        return replace(told, at_ms=awaiting.deadline_ms)

    def unanswered(self, waiting: Waiting) -> Iterator[Said]:
        """Nobody repeated it: it opens one severity lower, unverified."""
        case, problem = waiting.case, waiting.case.problem
        problem.overdue = [*problem.overdue, waiting][-KNOWN_OVERDUE:]
        problem.note_before()
        before = self.voice(case.ladder, problem)
        marks = ("unverified", "flagged", *(["delayed"] if waiting.delayed else []))
        if before is None and self.all_over(case, waiting.rules):
            name = self.worst(case.ladder, waiting.rules, set())
            event, after = "resolved-before-seen", (max(self.rank(name, {name}), 2), name)
            origin = case.kept.reading_id
            was = Problem(lowered=set(waiting.rules))
            was.rest_on(origin, case.at_ms, waiting.rules)
            problem.never_held(was, "", waiting.deadline_ms)
        else:
            problem.lowered |= waiting.rules - problem.holding
            problem.holding |= waiting.rules
            problem.rest_on(case.kept.reading_id, case.at_ms, waiting.rules)
            voice = self.voice(case.ladder, problem)
            assert voice is not None
            event, after = "onset" if before is None else "worsened", voice
            if before is None:
                problem.origin = case.kept.reading_id
            elif after[0] >= before[0]:
                return
            problem.awaiting = None  # it pages now, for worse
            origin = problem.origin
        told = self.say(case, event, after, origin)
        yield replace(told, at_ms=waiting.deadline_ms, marks=marks)

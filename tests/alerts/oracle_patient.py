"""What the oracle knows of a patient."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from alerts.rules import syntax
from schemas.registry import PatientEntry, PersonalLimit
from tests.alerts.oracle_expected import Missed
from tests.alerts.oracle_kept import Kept
from tests.alerts.oracle_problem import Gone, Problem
from tests.alerts.oracle_rules import OracleRule
from tests.alerts.oracle_truth import Limits

REMEMBERED = 10
"""The engine keeps so many eligible readings (1 KiB a patient and vital): what is older than all of
them is in no window of readings."""
EPISODE_GAP_DAYS = 28
EARLY = 32
LONG_AGO_MS = -(2**62)


@dataclass
class Patient:
    entry: PatientEntry
    history: dict[str, list[Kept]] = field(default_factory=dict)
    newest: dict[str, Kept] = field(default_factory=dict)
    recent: dict[str, list[str]] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)
    arrivals: dict[str, dict[str, Any]] = field(default_factory=dict)
    in_force: set[str] = field(default_factory=set)
    replanned: bool = True
    announced: set[tuple[str, int]] = field(default_factory=set)
    inactive: set[str] = field(default_factory=set)
    baseline_due_ms: int | None = None
    early: dict[str, dict[str, str]] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    filled_from_ms: dict[str, int] = field(default_factory=dict)
    sessions: dict[str, set[str]] = field(default_factory=dict)
    dated: list[str] = field(default_factory=list)
    came: Kept | None = None
    unread: dict[str, Kept] = field(default_factory=dict)
    """What was no measurement, without values: a correction may make one of it."""
    gone: list[Gone] = field(default_factory=list)
    contacts: dict[str, tuple[int, str]] = field(default_factory=dict)
    gateway: str = ""
    missed: dict[str, Missed] = field(default_factory=dict)
    explained_ms: dict[str, int] = field(default_factory=dict)

    def problem(self, ladder: str) -> Problem:
        return self.problems.setdefault(ladder, Problem())

    def keep(self, kept: Kept) -> None:
        vital = kept.vital
        self.forget(vital)
        self.came = kept
        self.history[vital] = sorted(
            [*self.history.get(vital, []), kept], key=lambda one: one.order
        )

    def forget(self, vital: str) -> None:
        """What has been pushed out of the last readings does not come back."""
        known = self.known(vital)
        for one in self.eligible(vital):
            one.forgotten = one not in known

    def known(self, vital: str) -> list[Kept]:
        """What is known in full of what windows are made of."""
        return [one for one in self.eligible(vital) if not one.forgotten][-REMEMBERED:]

    def known_as_it_comes(self, vital: str) -> list[Kept]:
        """What a reading meets that comes late: also the older one that it pushes out."""
        pool = [one for one in self.eligible(vital) if not one.forgotten]
        return pool if len(pool) <= REMEMBERED or pool[0] is not self.came else pool[1:]

    def told_early(self, reading_id: str, said: dict[str, str]) -> None:
        """Of a reading that has not come yet; of many the last are known."""
        known = self.early.pop(reading_id, {}) | said
        self.early = dict([*self.early.items(), (reading_id, known)][-EARLY:])

    def find(self, vital: str, reading_id: str) -> Kept | None:
        found = (one for one in self.history.get(vital, []) if one.reading_id == reading_id)
        return next(found, None)

    def leave_windows(self, reading_id: str) -> None:
        """A reading without a time of its own was not its session's only one."""
        for vital in self.history:
            self.forget(vital)
            for kept in self.known(vital):
                if kept.reading_id == reading_id:
                    kept.alone = False

    def knows_alone(self, kept: Kept) -> bool:
        """Whether a reading was its session's only one is known while a window or session is."""
        session = kept.stamped.reading.session_id
        return kept in self.known(kept.vital) or self.sessions.get(session) == {kept.reading_id}

    def change(self, was: Kept, now: Kept | None) -> None:
        """A reading says something else, or has never been there.

        Nothing is resolved any more by what stands in the newest reading's place. Of one of which
        nobody knows any more that it was alone, the mean stays as it was.
        """
        vital, newest = was.vital, self.newest.get(was.vital)
        self.forget(vital)
        alone = self.knows_alone(was)
        if alone or was.certain or not was.eligible:
            self.history[vital] = [one for one in self.history.get(vital, []) if one is not was]
            if now is not None:
                now.alone &= alone
                self.keep(now)
        if newest is None or was.at_ms != newest.at_ms:
            return
        del self.newest[vital]
        left = self.known(vital)
        instead = newest if newest is not was else now
        stand_in = instead if now is not None else left[-1] if left else None
        if stand_in is not None:
            stand_in.fresh, stand_in.back = set(), set()
            self.newest[vital] = stand_in

    def has_newer(self, kept: Kept) -> bool:
        newest = self.newest.get(kept.vital)
        return newest is not None and kept.at_ms < newest.at_ms

    def newest_in_windows(self, vital: str) -> Kept | None:
        """What activation knows of: the newest reading, if it is one that windows count."""
        newest, eligible = self.newest.get(vital), self.eligible(vital)
        if newest is None or not eligible or eligible[-1].at_ms != newest.at_ms:
            return None
        return eligible[-1]

    def forget_before_therapy(self, vital: str) -> None:
        """Of a baseline whose time is entered afterwards only what windows keep is known."""
        known = self.known(vital)
        left = {one.reading_id for one in known}
        self.forgotten |= {one.reading_id for one in self.history.get(vital, [])} - left
        if len(known) == REMEMBERED:
            self.filled_from_ms[vital] = known[0].at_ms

    def eligible_after(self, kept: Kept) -> list[Kept]:
        vital = kept.vital
        return [later for later in self.eligible(vital) if later.order > kept.order]

    def without(self, kept: Kept) -> "Patient":
        """The patient as if a reading had not come."""
        vital = kept.vital
        others = [one for one in self.history[vital] if one is not kept]
        return replace(self, history=self.history | {vital: others})

    def eligible(self, vital: str) -> list[Kept]:
        """What windows are made of: since the plan began."""
        return [
            kept
            for kept in self.history.get(vital, [])
            if kept.eligible and kept.judged and kept.at_ms >= self.entry.care_plan_from_ms
        ]

    def first_days(self, vital: str) -> set[date]:
        """Day 1 of each episode: nothing was measured on the 28 days before."""
        days = {kept.day for kept in self.eligible(vital)}
        return {
            day
            for day in days
            if not any(0 < (day - before).days <= EPISODE_GAP_DAYS for before in days)
        }

    def begins_ms(self, what: str) -> int | None:
        return self.entry.therapy_start_ms if what == "therapy" else self.entry.care_plan_from_ms

    def day(self, at_ms: int) -> date:
        """The calendar day, in the zone that was known to be in force at that time."""
        zone, since_ms = self.entry.zone, float("-inf")
        for period in self.entry.zones:
            if period.entered_at_ms <= at_ms and since_ms <= period.from_ms <= at_ms:
                zone, since_ms = period.zone, period.from_ms
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone)).date()

    def own_limit(self, name: str, at_ms: int) -> PersonalLimit | None:
        """The patient's own at a time of measurement; of two the one that was entered last."""
        chosen = None
        for own in sorted(self.entry.limits, key=lambda one: one.entered_at_ms):
            until_ms = float("inf") if own.valid_until_ms is None else own.valid_until_ms
            if own.name == name and own.valid_from_ms <= at_ms < until_ms:
                chosen = own
        return chosen

    def limits(self, rule: OracleRule, at_ms: int) -> Limits:
        """Limits at a time of measurement: the patient's own, else the book's."""

        def stated(test: syntax.Comparison) -> dict[str, Decimal]:
            amounts = test.limit
            if isinstance(amounts, syntax.Named):
                own = self.own_limit(amounts.name, at_ms)
                amounts = tuple(rule.limits[amounts.name])
                if own is not None:
                    amounts = tuple(map(syntax.parse_amount, own.values))
            return {amount.unit: amount.number for amount in amounts}

        return stated

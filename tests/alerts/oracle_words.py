"""What the oracle remembers and says."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from alerts.rules import syntax
from schemas.alert import ENDING
from schemas.kafka import StampedReading
from schemas.reading import Quantity
from schemas.registry import PatientEntry, PersonalLimit
from tests.alerts.oracle_rules import SEVERITIES, OracleRule
from tests.alerts.oracle_truth import Limits, censored

REMEMBERED = 10
"""The engine keeps so many eligible readings (1 KiB a patient and vital): what is older than all of
them is in no window of readings."""
GATED = {"body-moved", "cuff-too-loose", "improper-position"}
EPISODE_GAP_DAYS = 28


Amount = tuple[Decimal, str]


@dataclass(frozen=True)
class Reading:
    reading_id: str
    at_ms: int
    values: frozenset[tuple[str, str]]
    flags: frozenset[str]


@dataclass(frozen=True)
class LimitTold:
    """``owner``: author, role, reason and validity of a limit that is the patient's own."""

    field: str
    relation: str
    amounts: frozenset[Amount]
    name: str
    owner: tuple[object, ...] | None


@dataclass(frozen=True)
class Because:
    """Why: the reading, the limits in force, what was counted, what held before."""

    reading: Reading
    quality: str
    limits: tuple[LimitTold, ...]
    counted: tuple[Reading, ...]
    held: frozenset[str]
    lowered: frozenset[str]
    confirm_by_ms: int | None = None


@dataclass(frozen=True)
class Said:
    """What a transition says, as far as the two must agree."""

    event: str
    patient_id: str
    ladder: str
    rule: str
    severity: str
    at_ms: int
    alert_id: str
    reading_id: str
    marks: tuple[str, ...]
    because: Because | None = None
    """None where nothing but a date or a plan has spoken."""


@dataclass(eq=False)
class Kept:
    """A reading in the history; ``day``: the patient's, in the zone in force at measurement.

    ``alone``: the only reading of its session in its record. ``attributes``: its circumstances.
    ``judged``: since the plan began; a baseline may need others too. ``fresh``: for which rules it
    was; ``back``: of which it met the return condition when it was judged.
    """

    stamped: StampedReading
    received_ms: int
    day: date
    alone: bool
    quantities: dict[str, Quantity]
    status: list[str] | None
    attributes: dict[str, str]
    judged: bool
    fresh: set[str] = field(default_factory=set)
    back: set[str] = field(default_factory=set)
    corrected: bool = False

    @property
    def reading_id(self) -> str:
        return self.stamped.reading.reading_id

    @property
    def vital(self) -> str:
        return self.stamped.reading.vital

    @property
    def at_ms(self) -> int:
        return self.stamped.stamp.measured_at_ms

    @property
    def earliest_ms(self) -> int:
        stamp = self.stamped.stamp
        return stamp.earliest_ms if stamp.quality == "bounded" else stamp.measured_at_ms

    @property
    def order(self) -> tuple[int, int, str]:
        return self.at_ms, self.stamped.reading.seq, self.reading_id

    @property
    def trusted(self) -> bool:
        return self.stamped.stamp.quality != "untrusted"

    @property
    def certain(self) -> bool:
        return self.stamped.stamp.quality == "device-clock"

    @property
    def flagged(self) -> bool:
        return bool(GATED & set(self.status or []))

    @property
    def censored(self) -> bool:
        return any(censored(value) for value in self.quantities.values())

    @property
    def eligible(self) -> bool:
        """For windows: unflagged, numeric (HI and LO are), its time trusted or all we have."""
        numeric = any(value.value or censored(value) for value in self.quantities.values())
        quality = self.stamped.stamp.quality
        timed = quality == "device-clock" or (quality == "receipt" and self.alone)
        return numeric and timed and not self.flagged

    @property
    def may_return(self) -> bool:
        """Unflagged, uncensored, and its time is known."""
        return not self.flagged and not self.censored and self.trusted


@dataclass
class Waiting:
    """A flagged match that waits for a repeat."""

    case: "Case"
    rules: set[str]
    deadline_ms: int
    within_ms: int
    delayed: bool


@dataclass
class Awaiting:
    """One unflagged extreme reading: it is on the feed, and its page waits."""

    case: "Case"
    rules: set[str]
    deadline_ms: int
    within_ms: int


@dataclass
class Problem:
    """One patient's ladder."""

    holding: set[str] = field(default_factory=set)
    lowered: set[str] = field(default_factory=set)
    last_match_ms: float = float("-inf")
    origin: str = ""
    waiting: list[Waiting] = field(default_factory=list)
    awaiting: Awaiting | None = None
    flagged: list[tuple[int, set[str]]] = field(default_factory=list)
    mean_said: dict[str, date] = field(default_factory=dict)
    before: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())

    def note_before(self) -> None:
        """Remember what holds, and what counts lower, before something changes."""
        self.before = frozenset(self.holding), frozenset(self.lowered)


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
    forgotten: set[str] = field(default_factory=set)

    def problem(self, ladder: str) -> Problem:
        return self.problems.setdefault(ladder, Problem())

    def keep(self, kept: Kept) -> None:
        vital = kept.vital
        self.history[vital] = sorted(
            [*self.history.get(vital, []), kept], key=lambda one: one.order
        )

    def has_newer(self, kept: Kept) -> bool:
        newest = self.newest.get(kept.vital)
        return newest is not None and kept.at_ms < newest.at_ms

    def newest_in_windows(self, vital: str) -> Kept | None:
        """What activation knows of: the newest reading, if it is one that windows count."""
        newest, eligible = self.newest.get(vital), self.eligible(vital)
        if newest is None or not eligible or eligible[-1].at_ms != newest.at_ms:
            return None
        return eligible[-1]

    def forget_before_therapy(self) -> None:
        """Of a baseline whose time is entered afterwards only what windows keep is known."""
        for vital, history in self.history.items():
            left = {one.reading_id for one in self.eligible(vital)[-REMEMBERED:]}
            self.forgotten |= {one.reading_id for one in history} - left

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
        """The calendar day, in the zone in force at that time."""
        zone, since_ms = self.entry.zone, float("-inf")
        for period in self.entry.zones:
            if since_ms <= period.from_ms <= at_ms:
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


@dataclass
class Verdict:
    """What one rule makes of one reading."""

    rule: OracleRule
    matched: bool
    denied: bool
    returned: bool
    age: str


@dataclass
class Case:
    """One reading before one ladder."""

    patient: Patient
    ladder: str
    kept: Kept
    verdicts: dict[str, Verdict]

    @property
    def problem(self) -> Problem:
        return self.patient.problem(self.ladder)

    @property
    def at_ms(self) -> int:
        return self.kept.at_ms

    @property
    def flagged(self) -> bool:
        return self.kept.flagged

    @property
    def matched(self) -> set[str]:
        """Rules that match and for which the reading is not stale."""
        return {name for name, one in self.verdicts.items() if one.matched and one.age != "stale"}

    @property
    def stale(self) -> set[str]:
        return {name for name, one in self.verdicts.items() if one.matched and one.age == "stale"}

    def rule(self, name: str) -> OracleRule:
        return self.verdicts[name].rule

    def age(self, name: str) -> str:
        return self.verdicts[name].age


def by_then(said: Said, deadline_ms: int | None) -> Said:
    """Add when the page comes, or the task is over."""
    assert said.because is not None
    return replace(said, because=replace(said.because, confirm_by_ms=deadline_ms))


def compare_voices(
    before: tuple[int, str] | None, after: tuple[int, str] | None, *, again: bool
) -> str | None:
    if before is None:
        return None if after is None else "onset"
    if after is None:
        return "returned"
    if after[0] != before[0]:
        return "worsened" if after[0] < before[0] else "eased"
    return "again" if again else None


def over_before_seen(said: list[tuple[int, str, Said]]) -> list[tuple[int, str, Said]]:
    """Within one record, what began and ended is one item of the work list."""
    kept: list[tuple[int, str, Said]] = []
    for place, ladder, one in said:
        same = [
            item
            for item in kept
            if item[2].alert_id == one.alert_id and item[2].event != "repeat-asked"
        ]
        ends = one.event in ENDING
        if not ends or not any(item[2].event == "onset" for item in same):
            kept.append((place, ladder, one))
            continue
        worst = min(same, key=lambda item: SEVERITIES.index(item[2].severity))[2]
        kept = [item for item in kept if item not in same]
        severity = SEVERITIES[max(SEVERITIES.index(worst.severity), 2)]
        marks = tuple(mark for mark in worst.marks if mark != "awaiting-confirmation")
        over = replace(worst, event="resolved-before-seen", severity=severity, marks=marks)
        kept.append((place, ladder, by_then(over, None)))
    return kept

"""What the engine remembers of the patients of one partition of readings.v1.

Dense numpy columns hold what every patient has: the newest judged reading of each vital, whether it
met return conditions, the plan in force; of each vital in use a slot of
``alerts.engine.state.memory``. Sparse tables hold what few have: open alerts, matches that wait for
a repeat, old readings that arrived today. A row, once given to a patient, is never given to
another.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from alerts.engine.absence.surroundings import NEVER_MS
from alerts.engine.absence.watch import AbsenceWatch
from alerts.engine.ladders.kinds import Placed, kinds_of
from alerts.engine.ladders.ladder import RuleSet, VitalLadders
from alerts.engine.ladders.personal import Personal, choose, in_force
from alerts.engine.readings.columns import Integers, stacked
from alerts.engine.readings.identity import short_identity
from alerts.engine.readings.local_days import DAY_MS
from alerts.engine.readings.sight import Sight
from alerts.engine.state.dated import DatedSessions
from alerts.engine.state.deadlines import Timers
from alerts.engine.state.memory import Memory
from alerts.engine.state.plans import Plan, Plans
from alerts.engine.state.zones import Zones
from alerts.engine.transitions.ladder_state import LONG_AGO_MS, LadderState
from alerts.rules.book import Baseline
from alerts.rules.values import Chosen
from schemas.registry import PersonalLimit

WITHDRAWN_MAX = 256
EARLY_MAX = 32
_ROWS_FIRST = 256

_T = TypeVar("_T", bound=np.generic)


class Arrivals(msgspec.Struct):
    """Stale matches of one vital that arrived on one day of the patient, and the worst."""

    day: str
    count: int
    rank: int
    excess: float
    ladder: int
    rung: int
    sight: Sight


@dataclass(frozen=True, slots=True)
class Orphan:
    """An open alert of a restored patient of which a loaded book leaves out a rule.

    ``rungs``: what held; ``voice``: rank and rung of who spoke. ``reading_id``: "" of silence.
    """

    ladder: str
    onset_reading_id: str
    rungs: list[str]
    voice: tuple[int, str]
    reading_id: str


class PartitionState:
    """Mutable; moved by ``alerts.engine.step`` alone."""

    def __init__(self, rule_set: RuleSet, plans: Plans) -> None:
        """Start with nobody, long ago."""
        self.rule_set, self.plans = rule_set, plans
        self.log_ms = LONG_AGO_MS
        self.rows: dict[str, int] = {}
        self.patients: list[str] = []
        self.ladders: dict[tuple[int, int], LadderState] = {}
        """By (row, ladder). An entry is never empty."""
        self.laddered: set[int] = set()  # the rows of which it holds anything
        self.timers = Timers()
        """Of those of ``ladders`` in which something waits for a repeat."""
        self.arrivals: dict[tuple[int, int], Arrivals] = {}
        """By (row, vital)."""
        self.withdrawn: dict[int, dict[str, int]] = {}
        """How often each of a patient's readings was another's, by row; a few have any."""
        self.early: dict[int, dict[str, dict[str, str]]] = {}
        # What contexts said of readings that had not come yet, by row; a few have any.
        self.sessions: dict[int, dict[int, int]] = {}
        # See ``alerts.engine.corrections.sessions``, by row: of digests of the last ones each its
        # only reading.
        self.announced: dict[int, dict[str, int]] = {}
        # Limits whose end was told, and when each ends, by row; a few have any.
        self.filled_from_ms: dict[int, dict[str, int]] = {}
        # Since when a baseline that was filled afterwards knows readings, by row and vital.
        self.limits: dict[int, tuple[Personal, ...]] = {}
        # Of the patients who have limits of their own, by row.
        self.kinds = tuple(kinds_of(vital) for vital in rule_set.vitals)
        self.memories = tuple(Memory(vital.vital) for vital in rule_set.vitals)
        self.absences = AbsenceWatch(plans.absences, plans.surroundings)
        vitals, ladders, size = len(rule_set.vitals), len(rule_set.ladders), _ROWS_FIRST
        self.newest_ms = np.full((size, vitals), LONG_AGO_MS)
        self.waits = np.zeros((size, ladders), np.bool_)
        """Whether something waits for a repeat, or for one that comes late."""
        self.latched = np.zeros((size, ladders), np.uint32)
        """The rungs that hold, as in ``ladders``."""
        self.clear = np.zeros((size, ladders), np.uint32)
        """The rungs whose return condition the newest reading met, those about windows aside."""
        self.in_force = np.zeros((size, ladders), np.int64)
        self.known = np.zeros((size, ladders), np.int64)
        """The rungs that were in force when the patient was judged last."""
        self.changed: set[int] = set()
        """Patients for whom others may be in force now."""
        self.unfilled: set[tuple[int, int]] = set()
        """By (row, vital): who was known before anybody kept readings of it, and is to be told."""
        self.inactive = np.zeros((size, ladders), np.int64)
        """The rungs of which somebody was told that they have no baseline."""
        self.notices = Timers()
        """Dates that are work by themselves, see ``alerts.engine.judging.notices``."""
        self.orphans: dict[int, list[Orphan]] = {}  # by row
        self.from_ms, self.from_day = np.zeros(size, np.int64), np.zeros(size, np.int64)
        # The patient's local day on which the care plan began.
        self.baseline_ms = np.full((size, vitals, 2), LONG_AGO_MS)
        """From when (inclusive) until when what is measured enters the baseline."""
        self.has_limits = np.zeros(size, np.bool_)
        self._zones, self.dated = Zones(size), DatedSessions(size)

    @cached_property
    def rises(self) -> tuple[tuple[VitalLadders, Placed, int], ...]:
        """Give the rungs that need a baseline, each with its vital and its ladder's number."""
        return tuple(
            (vital, one, vital.ladders[one.place].index)
            for vital, kinds in zip(self.rule_set.vitals, self.kinds, strict=True)
            for one, _ in kinds.rises
        )

    def row(self, patient_id: str) -> int:
        """Find a patient's row, or make one."""
        row = self.rows.get(patient_id)
        return int(self.rows_of([patient_id])[0]) if row is None else row

    def rows_of(self, patient_ids: Sequence[str]) -> Integers:
        """Find the rows of different patients, or make them."""
        new = [one for one in patient_ids if one not in self.rows]
        if new:
            first, ends = len(self.patients), len(self.patients) + len(new)
            self.rows.update(zip(new, range(first, ends), strict=True))
            self.patients += new
            if ends > len(self.from_ms):
                self.reserve(max(ends, 2 * len(self.from_ms)))
            self.replan_all(new)
            self.known[first:ends] = self.in_force[first:ends]
        return np.fromiter(map(self.rows.__getitem__, patient_ids), np.int64, len(patient_ids))

    def replan(self, patient_id: str) -> None:
        """Take the patient's plan into the columns, if the patient is known here."""
        self.replan_all([patient_id])

    def replan_all(self, patient_ids: Iterable[str]) -> None:
        """Take patients' plans into the columns: of each column one look serves them all."""
        known = [one for one in patient_ids if one in self.rows]
        if not known:
            return
        rows = [self.rows[one] for one in known]
        here = np.array(rows)
        plans = [self.plans.of(one) for one in known]
        self.changed.update(rows)
        self.in_force[here] = stacked((plan.in_force for plan in plans), np.array)
        self.from_ms[here] = from_ms = np.array([plan.from_ms for plan in plans])
        began_ms = np.maximum(from_ms, 0)
        speaking = stacked((plan.speaking for plan in plans), np.array)
        begins_ms = np.where(speaking, began_ms[:, None], NEVER_MS)
        self.absences.replan(rows, [plan.expected for plan in plans], begins_ms)
        self._zones.put(rows, plans)
        self.has_limits[here] = [bool(plan.limits) for plan in plans]
        for row, plan in zip(rows, plans, strict=True):
            if plan.limits or row in self.limits:
                self._replan_limits(row, plan)
        began_day = self.local_days(here, began_ms)
        self.from_day[here] = np.where(began_ms > 0, began_day, 0)
        for vital, kinds in enumerate(self.kinds):
            if kinds.baseline is not None:
                self.baseline_ms[here, vital] = [_before(plan, kinds.baseline) for plan in plans]
        for row in self.filled_from_ms.keys() & rows:
            self._narrow(row)

    def _replan_limits(self, row: int, plan: Plan) -> None:
        """Take limits of a patient's own, which few plans have."""
        before = self.limits.pop(row, ())
        if plan.limits:
            self.limits[row] = plan.limits
        self._ask_anew(row, before)

    def _ask_anew(self, row: int, before: Sequence[Personal]) -> None:
        """Let the newest reading stand for no return by a limit that is another one for it now."""
        for vital in self.rule_set.vitals:
            at_ms = int(self.newest_ms[row, vital.index])
            was, now = in_force(before, at_ms), self.own(row, at_ms)
            other = {name for name in was | now if was.get(name) != now.get(name)}
            for ladder in vital.ladders:
                rungs = [other & set(rung.rule.settings) for rung in ladder.rungs]
                lost = sum(1 << place for place, names in enumerate(rungs) if names)
                self.clear[row, ladder.index] &= ~np.uint32(lost)

    def local_days(self, row: Integers, at_ms: Integers) -> Integers:
        """Give the patients' local days of instants, in the zones in force then."""
        return self._zones.days(row, at_ms)

    def chosen(self, settings: Sequence[str], row: Integers, at_ms: Integers) -> dict[str, Chosen]:
        """Choose limits by the time of measurement, for patients who have some of their own."""
        if not self.limits:
            return {}
        return choose(self.limits, settings, row, at_ms, self.has_limits[row])

    def own(self, row: int, at_ms: int) -> dict[str, PersonalLimit]:
        """Give the limits of a patient that replace those of the books at an instant."""
        return in_force(self.limits.get(row, ()), at_ms)

    def only_of_its_session(self, row: int, reading_id: str) -> bool:
        """Tell whether a reading without a time of its own is known to be that."""
        return short_identity(reading_id) in self.sessions.get(row, {}).values()

    def turn(self, row: int, reading_id: str) -> int:
        """Tell how often a reading was withdrawn before: what it does again is another event."""
        withdrawn = self.withdrawn.get(row)
        return withdrawn.get(reading_id, 0) if withdrawn else 0

    def anew(self, row: int, reading_id: str) -> str:
        """Name that in the events of a reading; empty for most."""
        turn = self.turn(row, reading_id)
        return f"/turn {turn}" if turn else ""

    def withdraw(self, row: int, vital: int, reading_id: str) -> None:
        """Count a withdrawal; of many readings the last ones are known. It may come back."""
        slot = int(self.memories[vital].slot_of[row])
        if slot >= 0:
            self.memories[vital].forget_one(slot, short_identity(reading_id))
        withdrawn = self.withdrawn.get(row, {})
        count = withdrawn.pop(reading_id, 0) + 1
        known = [*withdrawn.items(), (reading_id, count)]
        self.withdrawn[row] = dict(known[-WITHDRAWN_MAX:])

    def note_early(self, row: int, reading_id: str, attributes: dict[str, str]) -> None:
        """Keep what is said of a reading until it comes; of many contexts the last ones."""
        early = self.early.get(row, {})
        said = early.pop(reading_id, {}) | attributes
        self.early[row] = dict([*early.items(), (reading_id, said)][-EARLY_MAX:])

    def note_announced(self, row: int, limit: str, until_ms: int) -> None:
        """Keep that the end of a limit was told, until it has ended."""
        told = self.announced.get(row, {}) | {limit: until_ms}
        self.announced[row] = {one: end for one, end in told.items() if end > self.log_ms}

    def fill_from(self, row: int, known_ms: dict[str, int]) -> None:
        """Let nothing older move a patient's baselines, by vital: who knows whether it counted?"""
        if known_ms:
            self.filled_from_ms[row] = self.filled_from_ms.get(row, {}) | known_ms
            self._narrow(row)

    def _narrow(self, row: int) -> None:
        for vital in self.rule_set.vitals:
            known_ms = self.filled_from_ms[row].get(vital.vital.name, LONG_AGO_MS)
            since_ms = self.baseline_ms[row, vital.index, 0]
            self.baseline_ms[row, vital.index, 0] = max(since_ms, known_ms)

    def put_ladder(self, key: tuple[int, int], ladder: LadderState) -> None:
        """Keep a ladder's state, or forget it if it is empty."""
        if ladder.empty:
            self.ladders.pop(key, None)
            if not any((key[0], one) in self.ladders for one in range(self.latched.shape[1])):
                self.laddered.discard(key[0])
        else:
            self.ladders[key] = ladder
            self.laddered.add(key[0])
        self.latched[key] = ladder.latched
        self.waits[key] = ladder.waits
        self.timers.set(key, ladder.deadline_ms)

    def reserve(self, rows: int) -> None:
        """Make room for so many patients."""
        more = rows - len(self.from_ms)
        if more <= 0:
            return
        self.newest_ms = _longer(self.newest_ms, more, LONG_AGO_MS)
        self.waits = _longer(self.waits, more)
        self.latched = _longer(self.latched, more)
        self.clear = _longer(self.clear, more)
        self.in_force = _longer(self.in_force, more)
        self.known = _longer(self.known, more)
        self.inactive = _longer(self.inactive, more)
        self.from_ms = _longer(self.from_ms, more)
        self.from_day = _longer(self.from_day, more)
        self.baseline_ms = _longer(self.baseline_ms, more, LONG_AGO_MS)
        self.has_limits = _longer(self.has_limits, more)
        self._zones.reserve(rows)
        self.dated.reserve(rows)
        for memory in self.memories:
            memory.reserve(rows)


def _before(plan: Plan, baseline: Baseline) -> tuple[int, int]:
    """Give from when until when what a patient measures enters a baseline."""
    end_ms = plan.from_ms if baseline.before == "plan" else plan.therapy_ms
    if end_ms is None:
        return LONG_AGO_MS, LONG_AGO_MS
    return end_ms - baseline.days * DAY_MS, end_ms


def _longer(array: npt.NDArray[_T], more: int, fill: int = 0) -> npt.NDArray[_T]:
    return np.concatenate([array, np.full((more, *array.shape[1:]), fill, array.dtype)])

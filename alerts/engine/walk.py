"""Patients for whom something may change, reading by reading, in the order of the log."""

from dataclasses import dataclass, field

import numpy as np

from alerts.engine import wording
from alerts.engine.columns import Columns, Integers
from alerts.engine.findings import WORK_LIST_RANK, Facts, Finding
from alerts.engine.judge import judge
from alerts.engine.ladder_state import LadderState
from alerts.engine.ladders import Ladder, VitalLadders
from alerts.engine.plans import local_day
from alerts.engine.settle import Placed, settle
from alerts.engine.sheet import Sheet
from alerts.engine.sight import Sight, sight_of
from alerts.engine.state import Arrivals, PartitionState
from alerts.engine.timers import Found, expire_row
from alerts.engine.transitions import transition

DELAYED_MS_MAX = 24 * 3_600_000
"""Older on arrival than this, or than the newest and no longer fresh: stale."""


@dataclass(slots=True)
class Walk:
    """One vital's loud readings of a batch."""

    state: PartitionState
    vital: VitalLadders
    columns: Columns
    sheet: Sheet
    log_ms: Integers
    found: list[Found] = field(default_factory=list)
    duplicates: int = 0

    def through(self, positions: Integers) -> None:
        """Walk patient by patient, inside a patient record by record."""
        rows = self.columns.row[positions]
        order = np.argsort(rows, kind="stable")
        cuts = np.flatnonzero(np.diff(rows[order])) + 1
        for group in np.split(positions[order], cuts):
            if len(group):
                self._patient(int(self.columns.row[group[0]]), group)

    def _patient(self, row: int, positions: Integers) -> None:
        entries = self.columns.entry[positions]
        cuts = np.flatnonzero(np.diff(entries)) + 1
        for record in np.split(positions, cuts):
            entry = int(self.columns.entry[record[0]])
            self.found += expire_row(
                self.state, self.vital.ladders, row, self.log_ms, int(self.log_ms[entry])
            )
            self._record(row, entry, record.tolist())
        self.state.mark_busy(row, self.vital.index, (item.index for item in self.vital.ladders))

    def _record(self, row: int, entry: int, positions: list[int]) -> None:
        findings: list[Placed] = []
        stale = 0
        for position in positions:
            identity = int(self.columns.identity[position])
            if not self.state.remember(row, self.vital.index, identity):
                self.duplicates += 1
                continue
            place = int(self.columns.place[position])
            newest_ms = int(self.state.newest_ms[row, self.vital.index])
            older = int(self.columns.measured_ms[position]) < newest_ms
            reading = _Reading(self, position, int(self.log_ms[entry]), older)
            for number, ladder in enumerate(self.vital.ladders):
                found = self._ladder(row, reading, number, ladder)
                findings += [(place, ladder, finding) for finding in found]
                stale += reading.note_stale(row, number, ladder)
            if self.columns.trusted[position] and not older:
                self._newest(row, position)
        last_place = int(self.columns.place[positions[-1]])
        settled = settle(findings)
        if stale:
            settled.append((last_place, *self._stale(row, entry)))
        patient_id = self.state.patients[row]
        self.found += [
            Found(
                (entry, 1, place, patient_id, ladder.index),
                row,
                transition(patient_id, ladder, finding, self.vital.gated),
            )
            for place, ladder, finding in settled
        ]

    def _ladder(self, row: int, reading: "_Reading", number: int, ladder: Ladder) -> list[Finding]:
        key = (row, ladder.index)
        state = self.state.ladders.get(key)
        facts = reading.facts(number, -1 if self.state.clear[key] else 0)
        if facts is None or not (facts.matched or state):
            return []
        state = state or LadderState()
        findings = judge(state, facts, ladder)
        self.state.put_ladder(key, state)
        return findings

    def _newest(self, row: int, position: int) -> None:
        self.state.newest_ms[row, self.vital.index] = self.columns.measured_ms[position]
        for number, ladder in enumerate(self.vital.ladders):
            self.state.clear[row, ladder.index] = self.sheet.clear[position, number]

    def _stale(self, row: int, entry: int) -> tuple[Ladder, Finding]:
        arrivals = self.state.arrivals[row, self.vital.index]
        finding = Finding(
            event="stale",
            speaking=arrivals.rung,
            cause=arrivals.rung,
            rank=max(arrivals.rank, WORK_LIST_RANK),
            origin=arrivals.day,
            sight=arrivals.sight,
            at_ms=int(self.log_ms[entry]),
            marks=("stale",),
            scope=f"stale/{self.vital.vital.name}",
            count=arrivals.count,
        )
        return self.state.rule_set.ladders[arrivals.ladder], finding


@dataclass(slots=True)
class _Reading:
    """One reading of a walk; what it costs to describe it is paid only if somebody asks."""

    walk: Walk
    position: int
    log_ms: int
    older: bool
    _sight: Sight | None = None

    @property
    def sight(self) -> Sight:
        if self._sight is None:
            self._sight = sight_of(self.walk.columns.sources[self.position])
        return self._sight

    def _judged(self, number: int) -> int:
        """Give the rungs for which the reading is fresh or delayed; for the others it is stale."""
        columns = self.walk.columns
        delayed = (
            bool(columns.trusted[self.position])
            and not self.older
            and int(columns.least_age_ms[self.position]) <= DELAYED_MS_MAX
        )
        return -1 if delayed else int(self.walk.sheet.fresh[self.position, number])

    def facts(self, number: int, cleared: int) -> Facts | None:
        """Give what one ladder needs to know; None if the reading is stale for all its rungs."""
        judged = self._judged(number)
        if not judged:
            return None
        sheet, columns, position = self.walk.sheet, self.walk.columns, self.position
        return Facts(
            matched=int(sheet.matched[position, number]) & judged,
            denied=int(sheet.denied[position, number]) & judged,
            returned=int(sheet.returned[position, number]),
            fresh=int(sheet.fresh[position, number]),
            flagged=bool(columns.flagged[position]),
            uncensored=bool(sheet.uncensored[position]),
            device_clock=bool(columns.device_clock[position]),
            older=self.older,
            cleared=cleared,
            measured_ms=int(columns.measured_ms[position]),
            log_ms=self.log_ms,
            sight=self.sight,
        )

    def note_stale(self, row: int, number: int, ladder: Ladder) -> int:
        """Count the reading among the old ones that arrived today, if it is one that matches."""
        rungs = int(self.walk.sheet.matched[self.position, number]) & ~self._judged(number)
        rung = ladder.speaking(rungs)
        if rung is None:
            return 0
        state, key = self.walk.state, (row, self.walk.vital.index)
        day = local_day(state.plans.of(state.patients[row]), self.log_ms)
        rank, excess = ladder.rank(rung, 0), wording.excess(ladder.rungs[rung], self.sight, {})
        today = state.arrivals.get(key)
        count = today.count if today and today.day == day else 0
        if today and count and (today.rank, -today.excess) <= (rank, -excess):
            today.count = count + 1
        else:
            state.arrivals[key] = Arrivals(
                day, count + 1, rank, excess, ladder.index, rung, self.sight
            )
        return 1

"""Patients for whom something may change, reading by reading, in the order of the log."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from msgspec.structs import replace

from alerts.engine.judging.seen import Seen, again, arriving
from alerts.engine.judging.timers import expire_row
from alerts.engine.ladders.findings import WORK_LIST_RANK, Finding, Heard, Window, everything
from alerts.engine.ladders.ladder import Ladder, Rung, VitalLadders, bits
from alerts.engine.readings.columns import Columns, Integers
from alerts.engine.state.partition_state import Arrivals, PartitionState
from alerts.engine.state.plans import local_day
from alerts.engine.transitions import wording
from alerts.engine.transitions.found import Found
from alerts.engine.transitions.judge import judge
from alerts.engine.transitions.ladder_state import LadderState
from alerts.engine.transitions.settle import Placed, settle
from alerts.engine.transitions.transition import transition
from alerts.engine.windows.answers import answered
from alerts.engine.windows.rounds import Rounds
from alerts.engine.windows.sheet import Sheet, settle_newest
from alerts.engine.windows.timeline import Timeline


@dataclass(slots=True)
class _Record:
    """What a patient's present record has led to."""

    entry: int
    findings: list[Placed] = field(default_factory=list)
    stale: bool = False


_Asks = tuple[Rung, bool]
"""A rung that counts or averages, and whether it is asked briefly: of a mean without readings."""


class _Judged(msgspec.Struct, frozen=True):
    """What a reading led to, before it is explained."""

    row: int
    seen: Seen
    ladder: Ladder
    finding: Finding

    @property
    def asks(self) -> _Asks:
        """Give what must explain it."""
        return self.ladder.rungs[self.finding.cause], self.finding.event == "again"


@dataclass(slots=True)
class Walk:
    """One vital's loud readings of a batch; of each patient they come in the order of the log."""

    state: PartitionState
    vital: VitalLadders
    columns: Columns
    sheet: Sheet
    log_ms: Integers
    rounds: Rounds
    anew: str = ""
    """Why readings are judged once more: their events are others."""
    heard: Heard = everything
    found: list[Found] = field(default_factory=list)
    _open: dict[int, _Record] = field(default_factory=dict)

    def begin(self, row: int, entry: int) -> _Record:
        """Begin a patient's record: the one before is settled, and timers fire."""
        present = self._open.get(row)
        if present is not None:
            if present.entry == entry:
                return present
            self._close(row, present)
        until_ms = int(self.log_ms[entry])
        self.found += expire_row(self.state, self.vital.ladders, row, self.log_ms, until_ms)
        self._open[row] = _Record(entry)
        return self._open[row]

    def round(self, positions: Integers) -> None:
        """Judge readings of different patients that memory has taken; explain all at once."""
        row, entry = self.columns.row[positions], self.columns.entry[positions]
        newest_ms = self.state.newest_ms[row, self.vital.index]
        judged: list[tuple[_Record, _Judged]] = []
        arrived = arriving(self.rounds, positions, self.log_ms, newest_ms)
        for at, number, seen in zip(row.tolist(), entry.tolist(), arrived, strict=True):
            record = self.begin(at, number)
            judged += [(record, one) for one in self._judge(at, seen)]
        windows = self._windows([one for _, one in judged])
        for record, one in judged:
            window = windows.get(one.asks, {}).get(one.seen.position)
            record.findings.append(self._explained(one, window, None))

    def reading(self, position: int, timeline: Timeline) -> None:
        """Judge a reading that ``timeline`` takes now."""
        columns, index = self.columns, self.vital.index
        row, entry = int(columns.row[position]), int(columns.entry[position])
        record = self.begin(row, entry)
        newest_ms = int(self.state.newest_ms[row, index])
        later, here = timeline.take(position), np.array([position])
        (seen,) = arriving(self.rounds, here, self.log_ms, np.array([newest_ms]))
        record.findings += self._told(row, seen, timeline)
        received_ms = int(columns.least_age_ms[position]) + seen.measured_ms
        for match in later:
            same = again(self.rounds, match, seen, (received_ms, newest_ms))
            late = seen.sight.reading_id
            record.findings += [
                (place, ladder, replace(finding, late=late))
                for place, ladder, finding in self._told(row, same, timeline)
            ]
        if columns.trusted[position] and not seen.older:
            settle_newest(self.state, self.vital, columns, self.sheet, here)

    def amended(self, row: int, seen: Sequence[Seen], timeline: Timeline) -> None:
        """Judge once more readings of which more is known now; a further match is not said."""
        record = self.begin(row, 0)
        for one in seen:
            found = self._told(row, one, timeline)
            record.findings += [placed for placed in found if placed[2].event != "again"]
        self.finish()

    def finish(self) -> None:
        """Settle what is still open."""
        for row, record in self._open.items():
            self._close(row, record)

    def _told(self, row: int, seen: Seen, timeline: Timeline) -> list[Placed]:
        judged = self._judge(row, seen, timeline)
        return [self._explained(one, None, timeline) for one in judged]

    def _judge(self, row: int, seen: Seen, timeline: Timeline | None = None) -> list[_Judged]:
        record, judged = self._open[row], []
        for number, ladder in enumerate(self.vital.ladders):
            if seen.matched[number] or (row, ladder.index) in self.state.ladders:
                found = self._ladder(row, seen, number, timeline)
                judged += [_Judged(row, seen, ladder, finding) for finding in found]
                record.stale |= self._note_stale(row, seen, number)
        return judged

    def _ladder(
        self, row: int, seen: Seen, number: int, timeline: Timeline | None
    ) -> list[Finding]:
        ladder = self.vital.ladders[number]
        key = (row, ladder.index)
        cleared = int(self.state.clear[key]) if seen.older else 0
        windowed = int(self.state.kinds[self.vital.index].windowed[number])
        if seen.older and timeline and seen.matched[number] & windowed:
            cleared &= ~windowed | timeline.cleared(number)
        facts = seen.facts(number, cleared)
        if facts is None:
            return []
        if facts.older and facts.flagged and facts.matched and timeline:
            later = timeline.measured_after(facts.measured_ms)
            facts = answered(facts, self.rounds, row, number, later)
        state = self.state.ladders.get(key) or LadderState()
        findings = judge(state, facts, ladder)
        self.state.put_ladder(key, state)
        return findings

    def _windows(self, judged: Sequence[_Judged]) -> dict[_Asks, dict[int, Window]]:
        """Ask what rungs counted or averaged, once for all readings of the round."""
        asked: dict[_Asks, dict[int, int]] = {}
        for one in judged:
            if self.heard(one.finding) and not one.asks[0].rule.single:
                asked.setdefault(one.asks, {})[one.seen.position] = one.row
        return {
            (rung, briefly): self.rounds.explain(rung, rows, briefly=briefly)
            for (rung, briefly), rows in asked.items()
        }

    def _explained(self, one: _Judged, window: Window | None, timeline: Timeline | None) -> Placed:
        """Add what the rung counted or averaged, while memory says so, and whose limits hold."""
        (rung, briefly), seen, finding = one.asks, one.seen, one.finding
        if not self.heard(finding):
            return seen.place, one.ladder, finding
        own = self.state.own(one.row, seen.measured_ms)
        if window is None and not rung.rule.single:
            timeline = timeline or Timeline(self.rounds, one.row, ())
            window = timeline.explain(seen.position, rung, seen.entry, briefly=briefly)
        if own or window is not None:
            finding = replace(finding, own=own, window=window)
        return seen.place, one.ladder, finding

    def _close(self, row: int, record: _Record) -> None:
        settled = settle(record.findings)
        if record.stale:
            last = int(np.searchsorted(self.columns.entry, record.entry, side="right")) - 1
            settled.append((int(self.columns.place[last]), *self._stale(row, record.entry)))
        patient_id = self.state.patients[row]
        self.found += [
            Found(
                (record.entry, 1, place, patient_id, ladder.index),
                row,
                transition(
                    patient_id,
                    ladder,
                    finding,
                    self.vital.gated,
                    self.state.anew(row, finding.sight.reading_id) + self.anew,
                ),
            )
            for place, ladder, finding in settled
            if self.heard(finding)
        ]

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
            own=self.state.own(row, arrivals.sight.measured_at_ms),
        )
        return self.state.rule_set.ladders[arrivals.ladder], finding

    def _note_stale(self, row: int, seen: Seen, number: int) -> bool:
        """Count the reading among the old ones that arrived today, if it is one that matches.

        A day that began is the patient's until the next one, though they go west meanwhile: of a
        day that is over the count is forgotten, and its item would be named a second time. How far
        beyond its limits it is, all rungs say that are as severe: 230 mmHg is just above 220, but
        worse than 219, which is far above 180.
        """
        ladder = self.vital.ladders[number]
        rung = ladder.speaking(seen.stale(number))
        if rung is None:
            return False
        state, key = self.state, (row, self.vital.index)
        today = state.arrivals.get(key)
        here = local_day(state.plans.of(state.patients[row]), seen.log_ms)
        day = max(here, today.day) if today else here
        rank, own = ladder.rank(rung, 0), state.own(row, seen.measured_ms)
        grave = (n for n in bits(seen.stale(number)) if ladder.rank(n, 0) == rank)
        excess = max(wording.excess(ladder.rungs[n], seen.sight, own) for n in grave)
        count = today.count if today and today.day == day else 0
        if today and count and (today.rank, -today.excess) <= (rank, -excess):
            today.count = count + 1
        else:
            state.arrivals[key] = Arrivals(
                day, count + 1, rank, excess, ladder.index, rung, seen.sight
            )
        return True

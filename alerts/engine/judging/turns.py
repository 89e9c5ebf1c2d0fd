"""The readings of one vital of a batch, each in its turn: most as columns, few by a walk.

Columns are of different patients, a round, or of one who sends many in a row (``Run``).

A reading is quiet if nothing can come of it: it is newer than its patient's newest, matches no rung
and lets none go, and nothing waits for a repeat. Its patient may well have an open alert.
"""

import numpy as np

from alerts.engine.judging.walk import Walk
from alerts.engine.ladders.findings import Heard, everything
from alerts.engine.ladders.ladder import VitalLadders
from alerts.engine.readings.columns import Booleans, Columns, Integers, pick
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.transitions.found import Found
from alerts.engine.windows.rounds import Rounds
from alerts.engine.windows.sheet import Sheet, evaluate, settle_newest
from alerts.engine.windows.timeline import Timeline

ROUNDS_MAX = 8
"""A patient's further readings of a batch come in no round."""
RUN_MIN = 8
"""Fewer in a row of one patient cost as much as columns as one by one: 3 ms."""
ROUND_MIN = 3
"""A round of fewer readings costs as much as walking them: a millisecond."""


class Turns:
    """Judges one vital's readings of a batch."""

    def __init__(
        self,
        state: PartitionState,
        vital: VitalLadders,
        columns: Columns,
        log_ms: Integers,
        heard: Heard = everything,
    ) -> None:
        """Evaluate what one reading alone decides; ``heard``: of which findings it is told."""
        self.state = state
        self.vital = vital
        self.columns = columns
        self.sheet: Sheet = evaluate(vital, columns, state)
        self.duplicates = self.walked = 0
        self._rounds = Rounds(state, vital, columns, self.sheet)
        self._walk = Walk(state, vital, columns, self.sheet, log_ms, self._rounds, heard=heard)
        self._ladders = [ladder.index for ladder in vital.ladders]

    def take(self) -> list[Found]:
        """Judge everything; give what was found, in no order."""
        turn, odd, single = self._order()
        for number in range(int(turn.max(initial=-1)) + 1):
            self._round(np.flatnonzero((turn == number) & ~single))
        self._one_by_one(np.flatnonzero(single), odd)
        self._walk.finish()
        return self._walk.found

    def _order(self) -> tuple[Integers, Booleans, Booleans]:
        """Give for each reading its round, which are odd, and which come in no round.

        The latter are all odd ones, which are all of a patient who sent something twice or not in
        order, and those in rounds that are not worth it.
        """
        columns, count = self.columns, len(self.columns)
        odd, row = self._late(), np.sort(columns.row)
        if (row[1:] != row[:-1]).all():  # as mostly; the order of all takes ten times as long
            return np.zeros(count, np.int64), odd, odd
        order = np.argsort(columns.row, kind="stable")
        begins = np.append(True, row[1:] != row[:-1])[:count]
        first = np.maximum.accumulate(np.where(begins, np.arange(count), 0))
        turn = np.empty(count, np.int64)
        turn[order] = np.arange(count) - first
        odd = self._odd(odd, order, ~begins)
        sizes = np.bincount(turn[~odd], minlength=1)
        short = np.flatnonzero((sizes < ROUND_MIN) | (np.arange(len(sizes)) >= ROUNDS_MAX))
        limit = next((number for number in short.tolist() if number), len(sizes))
        return turn, odd, odd | (turn >= limit)

    def _late(self) -> Booleans:
        """Tell which readings are not newer than all that was judged, came before, or only feed."""
        columns, memory = self.columns, self.state.memories[self.vital.index]
        newest_ms = self.state.newest_ms[columns.row, self.vital.index]
        late: Booleans = columns.trusted & (columns.measured_ms <= newest_ms)
        late |= ~columns.judged
        late |= memory.seen(memory.slots(columns.row), columns.identity)
        return late

    def _odd(self, odd: Booleans, order: Integers, follows: Booleans) -> Booleans:
        """Tell which readings are those of a patient with one that comes twice or not in order.

        ``odd``: those that are by themselves; ``order``: by patient; ``follows``: there, which
        readings have another one of theirs before.
        """
        columns = self.columns
        later = order[follows]
        before = order[np.flatnonzero(follows) - 1]
        odd[later] |= columns.measured_ms[later] <= columns.measured_ms[before]
        odd[later] |= ~columns.trusted[later] | ~columns.trusted[before]
        several = np.flatnonzero(np.isin(columns.row, columns.row[later]))
        _, place, count = np.unique(
            columns.identity[several], return_inverse=True, return_counts=True
        )
        odd[several] |= count[place] > 1
        return self._patients_of(odd)

    def _patients_of(self, odd: Booleans) -> Booleans:
        return np.isin(self.columns.row, self.columns.row[odd]) if odd.any() else odd

    def _round(self, positions: Integers) -> None:
        if not len(positions):
            return
        self._rounds.take(positions)
        loud = self._loud(positions)
        places = np.flatnonzero(loud)
        for place in places[self._averaged(positions[places])].tolist():
            loud[place] = not self._silent(int(positions[place]))
        self.walked += int(loud.sum())
        self._walk.round(positions[loud])
        newest = positions[pick(self.columns.trusted, positions)]
        settle_newest(self.state, self.vital, self.columns, self.sheet, newest)

    def _loud(self, positions: Integers) -> Booleans:
        row, sheet = pick(self.columns.row, positions), self.sheet
        loud = np.zeros(len(positions), np.bool_)
        for place, ladder in enumerate(self._ladders):  # numpy is slow along short rows
            rungs = self.state.latched[row, ladder].astype(np.int64)
            rungs &= pick(sheet.returned[:, place], positions)
            rungs &= pick(sheet.able[:, place], positions)
            rungs |= pick(sheet.matched[:, place], positions)
            loud |= (rungs != 0) | self.state.waits[row, ladder]
        return loud

    def _averaged(self, positions: Integers) -> Booleans:
        """Tell which readings are loud only by means that hold."""
        row, sheet = self.columns.row[positions][:, None], self.sheet
        other = sheet.matched[positions] & ~(self._rounds.kinds.averaged & sheet.fresh[positions])
        latched = self.state.latched[row, self._ladders].astype(np.int64)
        other |= latched & sheet.returned[positions] & sheet.able[positions]
        only: Booleans = (other == 0).all(axis=1)
        return only & ~self.state.waits[row, self._ladders].any(axis=1)

    def _silent(self, position: int) -> bool:
        """Let alerts rest on a reading too, if they were spoken of that day; tell whether."""
        row, day = int(self.columns.row[position]), int(self._rounds.added.day[position])
        matches = [
            (self.state.ladders.get((row, index)), rungs)
            for index, rungs in zip(
                self._ladders, self.sheet.matched[position].tolist(), strict=True
            )
            if rungs
        ]
        if not all(held is not None and held.silent(rungs, day) for held, rungs in matches):
            return False
        for held, rungs in matches:
            assert held is not None, "it is silent"
            held.rest_on(
                self.columns.name(position), int(self.columns.measured_ms[position]), rungs
            )
        return True

    def _one_by_one(self, positions: Integers, odd: Booleans) -> None:
        order = np.argsort(self.columns.row[positions], kind="stable")
        positions = positions[order]
        cuts = np.flatnonzero(np.diff(self.columns.row[positions])) + 1
        for group in np.split(positions, cuts):
            if not len(group):
                continue
            row = int(self.columns.row[group[0]])
            if len(group) < RUN_MIN or odd[group[0]] or not self._run(row, group):
                self._patient(row, group.tolist())

    def _run(self, row: int, positions: Integers) -> bool:
        """Judge readings that come in a row, quiet ones between loud ones at once, if possible."""
        run = self._rounds.run(row, positions)
        if run is None:
            return False
        begin = 0
        while begin < len(positions):
            loud = self._loud(positions[begin:])
            found = bool(loud.any())
            end = begin + int(loud.argmax()) + 1 if found else len(positions)
            here = positions[end - 1 : end]
            run.write(end)
            if found:
                self.walked += 1
                self._walk.round(here)
            settle_newest(self.state, self.vital, self.columns, self.sheet, here)
            begin = end
        return True

    def _patient(self, row: int, positions: list[int]) -> None:
        self.walked += len(positions)
        timeline = Timeline(self._rounds, row, positions)
        memory = self.state.memories[self.vital.index]
        slot = int(memory.slots(np.array([row]))[0])
        identity = self.columns.identity
        for position in positions:
            judged = bool(self.columns.judged[position])
            if judged:
                self._walk.begin(row, int(self.columns.entry[position]))
            if not memory.remember_one(slot, int(identity[position])):
                self.duplicates += judged
            elif judged:
                self._walk.reading(position, timeline)
            else:
                timeline.feed(position)
        timeline.write()

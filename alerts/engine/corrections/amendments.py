"""A glucose context that comes in a later record than its measurement, which was judged without it.

Also with a second delivery of it: the measurement is dropped, what is said of it is not.
It counts from now on: rules that ask for what it says are asked about the measurement once more, by
its age at this record, and nothing else is. While the ring knows it: a flagged measurement, and one
that many others have followed, stay as they were judged. A circumstance is never taken back. One
that comes before its measurement waits for it.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
from msgspec import structs

from alerts.engine.corrections.revise import windows_of
from alerts.engine.judging.seen import again, arriving
from alerts.engine.judging.walk import Walk
from alerts.engine.ladders.alone import Met
from alerts.engine.ladders.kinds import Kinds
from alerts.engine.ladders.ladder import VitalLadders
from alerts.engine.readings.columns import Gatherer, Integers
from alerts.engine.readings.identity import long_identity, short_identity
from alerts.engine.readings.sight import stamped_as
from alerts.engine.state.memory import Structured
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.remembered import is_receipt, sight_of_entry
from alerts.engine.transitions.found import Found
from alerts.engine.windows.rounds import Rounds
from alerts.engine.windows.sheet import Sheet, evaluate
from alerts.engine.windows.timeline import Later, Timeline
from schemas.kafka import PatientReadings
from schemas.reading import Reading

Ends = tuple[list[int], list[int]]
"""Rungs that a reading ends, and that it definitely does not satisfy, by ladder."""
_MET_SHIFT = 1
"""In a mark, the lowest bit is that of a receipt time; see ``alerts.engine.state.remembered``."""


def contexts_of(record: PatientReadings) -> list[Reading]:
    """Give what a record says of measurements; of one that it holds itself, what is said last."""
    here = {one.reading.reading_id for one in record.readings}
    said = [one.reading for one in record.readings if one.reading.amends is not None]
    last = {one.amends: one for one in said}
    return [one for one in said if one.amends not in here or last[one.amends] is one]


def complete_earlier(state: PartitionState, record: PatientReadings, came: Collection[str]) -> bool:
    """Tell whether contexts may be about measurements of records before.

    ``came``: measurements that the state has not taken in yet.
    """
    here = {one.reading.reading_id for one in record.readings}
    row = state.rows.get(record.patient_id)
    return any(
        one.amends not in here or one.amends in came or _may_know(state, row, one.amends)
        for one in contexts_of(record)
        if one.amends is not None
    )


def _may_know(state: PartitionState, row: int | None, reading_id: str) -> bool:
    for kinds, memory in zip(state.kinds, state.memories, strict=True):
        slot = -1 if row is None else int(memory.slot_of[row])
        if kinds.requirements and slot >= 0:
            known = memory.knows(slot, short_identity(reading_id))
            if known or _place(memory.ring(slot), reading_id) is not None:
                return True
    return False


def met_by(state: PartitionState, vital: VitalLadders, row: int, reading_id: str) -> Met:
    """Give what a ring knows of a reading's circumstances; nothing if it does not know it."""
    kinds, slot = state.kinds[vital.index], int(state.memories[vital.index].slot_of[row])
    if slot < 0:
        return {}
    ring = state.memories[vital.index].ring(slot)
    place = _place(ring, reading_id)
    if place is None:
        return {}
    met = int(ring["mark"][place]) >> _MET_SHIFT
    return {one: bool(met >> number & 1) for number, one in enumerate(kinds.requirements)}


def silent_in(state: PartitionState, vital: VitalLadders, row: int, reading_id: str) -> list[str]:
    """Give the flags of which a ring knows that the device of a reading cannot set them."""
    slot = int(state.memories[vital.index].slot_of[row])
    ring = state.memories[vital.index].ring(slot) if slot >= 0 else None
    place = None if ring is None else _place(ring, reading_id)
    if ring is None or place is None:
        return []
    return sight_of_entry(ring[place].item(), vital.vital, state.kinds[vital.index]).silent


def amend(state: PartitionState, record: PatientReadings) -> Iterator[Found]:
    """Take what late contexts say into the state, and judge what follows from it."""
    row = state.row(record.patient_id)
    here = {one.reading.reading_id for one in record.readings}
    for context in contexts_of(record):
        assert context.amends is not None, "it is a context"
        came = context.amends in here
        for vital in state.rule_set.vitals:
            kinds, memory = state.kinds[vital.index], state.memories[vital.index]
            slot = int(memory.slot_of[row])
            if not kinds.requirements or slot < 0:
                continue
            came |= memory.knows(slot, short_identity(context.amends))
            place = _place(memory.ring(slot), context.amends)
            met = _bits(kinds, context.attributes) << _MET_SHIFT
            if place is not None and met & ~int(memory.ring(slot)["mark"][place]):
                one = _Amendment(state, vital, row, slot, place)
                yield from one.take(met, record.received_at_ms)
        if not came:
            state.note_early(row, context.amends, context.attributes)


def _place(ring: Structured, reading_id: str) -> int | None:
    high, low = long_identity(reading_id)
    places = np.flatnonzero((ring["high"] == np.uint64(high)) & (ring["low"] == np.uint64(low)))
    return int(places[0]) if len(places) else None


def _bits(kinds: Kinds, attributes: dict[str, str]) -> int:
    return sum(one.met(attributes) << n for n, one in enumerate(kinds.requirements))


@dataclass(frozen=True, slots=True)
class _Amendment:
    """One measurement of a patient: ``place`` in the ring."""

    state: PartitionState
    vital: VitalLadders
    row: int
    slot: int
    place: int

    def take(self, met: int, received_ms: int) -> list[Found]:
        """Let circumstances be met; judge the measurement by the rules that ask for them."""
        memory = self.state.memories[self.vital.index]
        ring = memory.ring(self.slot)
        windows_before = windows_of(self.state, self.vital, self.row)
        sheet_before = self._look(ring, received_ms).sheet
        ring["mark"][self.place] |= met
        memory.put_ring(self.slot, ring)
        windows_now = windows_of(self.state, self.vital, self.row)
        rounds = self._look(ring, received_ms)
        now = rounds.sheet
        rungs = windows_now & ~windows_before
        rungs[self.place] |= (now.matched & ~sheet_before.matched)[0]
        returned = (now.returned & ~sheet_before.returned)[0]
        denied = (now.denied & ~sheet_before.denied)[0]
        self._note_end(now, returned)
        days = self.state.local_days(np.full(len(ring), self.row), ring["at_ms"])
        laters = [
            Later(rungs[n].tolist(), ring[n].item(), int(days[n]))
            for n in range(self.place, len(ring))
            if n == self.place or rungs[n].any()
        ]
        return self._judge(rounds, laters, (returned.tolist(), denied.tolist()), received_ms)

    def _look(self, ring: Structured, received_ms: int) -> Rounds:
        """Lay the measurement out as it came, with what is known of its circumstances."""
        kinds = self.state.kinds[self.vital.index]
        entry = ring[self.place].item()
        known = stamped_as(sight_of_entry(entry, self.vital.vital, kinds))
        stamp = structs.replace(known.stamp, received_at_ms=received_ms)
        came = structs.replace(known, stamp=stamp)
        gatherer = Gatherer(self.vital.vital, frozenset(self.vital.gated))
        place = (0, 0, self.row, received_ms)
        gatherer.add(place, came, alone=True, judged=True)
        met = np.array([entry[-1] >> _MET_SHIFT], np.int64)
        columns = replace(gatherer.columns(), met=met)
        sheet = evaluate(self.vital, columns, self.state)
        return Rounds(self.state, self.vital, columns, sheet)

    def _judge(
        self, rounds: Rounds, laters: list[Later], ends: Ends, received_ms: int
    ) -> list[Found]:
        """Judge it, and those after it whose windows it completes."""
        state, index = self.state, self.vital.index
        newest_ms = int(state.newest_ms[self.row, index])
        log_ms = np.array([state.log_ms])
        (came,) = arriving(rounds, np.zeros(1, np.int64), log_ms, np.array([newest_ms]))
        seen = [again(rounds, later, came, (received_ms, newest_ms)) for later in laters]
        seen[0].returned, seen[0].denied = ends
        walk = Walk(state, self.vital, rounds.columns, rounds.sheet, log_ms, rounds, "context")
        walk.amended(self.row, seen, Timeline(rounds, self.row, ()))
        return walk.found

    def _note_end(self, now: Sheet, returned: Integers) -> None:
        """If it is the newest, it stands for what it returns."""
        key = self.row, self.vital.index
        ring = self.state.memories[self.vital.index].ring(self.slot)
        if ring["at_ms"][self.place] == self.state.newest_ms[key]:
            sure = -1 if not is_receipt(ring[self.place].item()) else ~self._critical
            ladders = [ladder.index for ladder in self.vital.ladders]
            self.state.clear[self.row, ladders] |= (returned & now.able[0] & sure).astype(np.uint32)

    @property
    def _critical(self) -> Integers:
        return self.state.kinds[self.vital.index].critical

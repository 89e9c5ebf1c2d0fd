"""What only the end of a session tells: its newest measurement, and how fresh its stamps are.

And what remains to be told of one that was cut off before it knew from whom its records were.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.clocks.timeline import Timeline, was_set
from gateway.decoding.decode import decode
from gateway.record import BLOOD_PRESSURE_RECORD, Entry, Moment, Record, SessionFacts
from gateway.record_access.cursor import Cursor
from schemas.gatt.blood_pressure_record import Assembly
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.measurement import (
    Measurement,
    content_of_segments,
    measure,
    measure_segments,
)
from schemas.gatt.racp import SEQUENCE_MAX
from schemas.reading import Coincidence, Reading

BATTERY_LOW = "battery-low"
_HALF_OF_THE_NUMBERS = (SEQUENCE_MAX + 1) // 2


@dataclass(frozen=True, slots=True)
class Memory:
    """What a device that numbers its records says of its memory.

    ``last``: the record that it called its last, None if it did not say. ``known``: the last one
    that earlier visits brought; it comes again at each.
    """

    last: Cursor | None = None
    known: Cursor | None = None


NO_MEMORY = Memory()


def newest(records: Iterable[Record], memory: Memory = NO_MEMORY) -> int | None:
    """Give the journal number of a whole session's newest measurement; None if there is none.

    A meter numbers its records: the one that it called its last wins, else the highest number, and
    0 is higher than 65535. Others stamp them, if they know the time: the latest stamp wins; without
    a stamp on each, the last one to arrive. What no codec understands is no measurement, nor is
    what only completes one, nor what was known before.
    """
    by_number: list[tuple[int, int]] = []
    by_stamp: list[tuple[datetime | None, int]] = []
    said: int | None = None
    for found in _measurements(records):
        if found.measurement.vital.amends or found.is_at(memory.known):
            continue
        if found.number is not None:
            by_number.append((found.number, found.row.seq))
            said = found.row.seq if found.is_at(memory.last) else said
        else:
            stamp = found.measurement.stamp
            by_stamp.append((stamp.recorded.naive if stamp else None, found.row.seq))
    if by_stamp:
        stamped = [(stamp, seq) for stamp, seq in by_stamp if stamp is not None]
        return max(stamped)[1] if len(stamped) == len(by_stamp) else by_stamp[-1][1]
    return said or _highest(by_number)


def _highest(by_number: list[tuple[int, int]]) -> int | None:
    wrapped = bool(by_number) and max(by_number)[0] - min(by_number)[0] > _HALF_OF_THE_NUMBERS
    if wrapped:
        by_number = [
            (number + (2 * _HALF_OF_THE_NUMBERS if number < _HALF_OF_THE_NUMBERS else 0), seq)
            for number, seq in by_number
        ]
    return max(by_number)[1] if by_number else None


def newest_so_far(records: Iterable[Record], memory: Memory) -> int | None:
    """Give the same of a session that broke: what a meter called its last is that all the same.

    It is asked for first. Were it not told, an undated one would be taken for old; and again at the
    next visit, which brings it under the same name.
    """
    for found in _measurements(records):
        if found.is_at(memory.last) and not found.is_at(memory.known):
            return found.row.seq
    return None


@dataclass(frozen=True, slots=True)
class Undecided:
    """A session that broke before its meter had named its last record.

    ``seq`` is the row of its highest number that was not known before; ``record`` what it holds.
    Nobody knows whether the meter had more: if a later visit, read to its end, shows none, that
    was the newest.
    """

    facts: SessionFacts
    seq: int
    record: tuple[int, str]


def undecided(
    facts: SessionFacts, records: Sequence[Record], memory: Memory = NO_MEMORY
) -> Undecided | None:
    """Give what is to be decided of a session that broke; None if there is nothing."""
    seq = facts.undecided
    if seq is None and memory.last is None:
        seq = newest(records, memory)
    found = record_at(records, seq)
    if seq is None or found is None:
        return None
    return Undecided(replace(facts, ended=True, undecided=seq), seq, found)


def record_at(records: Iterable[Record], seq: int | None) -> tuple[int, str] | None:
    """Name a numbered record by its row, as a cursor does; None if it has no number."""
    for found in _measurements(records):
        if found.row.seq == seq and found.number is not None:
            return Cursor.at(found.number, found.content).record
    return None


def battery_low(records: Iterable[Record], memory: Memory = NO_MEMORY) -> bool | None:
    """Tell what the newest measurement's own status says of the battery; None if nothing."""
    known = list(records)
    last = newest(known, memory)
    for found in _measurements(known):
        if found.row.seq == last and found.measurement.status is not None:
            return BATTERY_LOW in found.measurement.status
    return None


def coincidence(records: Iterable[Record]) -> Coincidence | None:
    """Give the latest stamp with its capture; None if none was made beside a true wall clock."""
    shown_at: list[tuple[datetime, int]] = []
    for found in _measurements(records):
        stamp, captured_ms = found.measurement.stamp, found.row.capture.wall_ms
        shown = stamp.shown if stamp is not None and not stamp.fault else None
        if shown is not None and was_set(shown) and captured_ms is not None:
            shown_at.append((shown, captured_ms))
    if not shown_at:
        return None
    shown, captured_ms = max(shown_at)
    return Coincidence(captured_ms, shown.isoformat(timespec="seconds"))


def cut_off(
    facts: SessionFacts, known: SessionFacts, records: Sequence[Record], timeline: Timeline
) -> tuple[SessionFacts, Timeline]:
    """End a session that was cut off before it knew from whom its records were.

    ``facts``: what it had learnt; ``known``: what is known of its device from elsewhere;
    ``timeline``: of the device's clock until then. Which record was its newest nobody knows: it may
    have had more.
    """
    if facts.clock is not None and records:
        last = records[-1].capture
        moment = Moment(last.boot_id, last.monotonic_ms, last.wall_ms)
        timeline = timeline.sight(facts.clock, moment)
    elif (found := coincidence(records)) is not None:
        timeline = timeline.met(found)
    told = replace(
        facts,
        device=known.device,
        name=facts.name or known.name,
        features=facts.features or known.features,
        moves=timeline.moves,
        coincidences=timeline.coincidences if facts.clock is None else (),
        ended=True,
        newest=None,
    )
    return told, timeline


@dataclass(frozen=True, slots=True)
class _Found:
    """A measurement, the row that completed it, and the bytes that are the same each time."""

    row: Record
    measurement: Measurement
    content: bytes

    @property
    def number(self) -> int | None:
        return self.measurement.record_number

    def is_at(self, cursor: Cursor | None) -> bool:
        number = self.number
        if cursor is None or number is None:
            return False
        return Cursor.at(number, self.content).record == cursor.record


def _measurements(records: Iterable[Record]) -> Iterator[_Found]:
    """Give what the records say, in their order; one in segments once.

    A cuff may send its last record again, in other segments.
    """
    assemblies: dict[bytes, Assembly] = {}
    told: set[tuple[int, bytes]] = set()
    for record in sorted(records, key=lambda record: record.seq):
        with suppress(MalformedPayload):
            if record.characteristic != BLOOD_PRESSURE_RECORD:
                measured = measure(record.characteristic, record.payload)
                yield _Found(record, measured, record.payload)
                continue
            whole = assemblies.setdefault(record.payload[1:3], Assembly()).add(record.payload)
            if whole is not None and (content := content_of_segments(whole)) not in told:
                told.add(content)
                yield _Found(record, measure_segments(whole), content[1])


def must_wait(entry: Entry, gateway_id: str) -> bool:
    """Tell whether a record should leave only when its session has ended.

    One whose device time is trusted leaves at once. One without is worth more with the knowledge
    whether it is the newest: then it was just measured, else it is stale.
    """
    if entry.facts.ended:
        return False
    item = decode(entry, gateway_id)
    if not isinstance(item, Reading):
        return False
    return item.device_time is None or item.device_time.age_ms is None

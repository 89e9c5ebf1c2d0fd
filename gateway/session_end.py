"""What only the end of a session tells: its newest measurement, and how fresh its stamps are.

And what remains to be told of one that was cut off before it knew from whom its records were.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from gateway.decode import decode
from gateway.record import BLOOD_PRESSURE_RECORD, Entry, Moment, Record, SessionFacts
from gateway.timeline import Timeline, was_set
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


def newest(records: Iterable[Record]) -> int | None:
    """Give the journal number of the newest measurement; None if there is none.

    A meter numbers its records: the highest number wins, and 0 is higher than 65535. Others stamp
    them, if they know the time: the latest stamp wins; without a stamp on each, the last one to
    arrive. What no codec understands is no measurement, nor is what only completes one.
    """
    by_number: list[tuple[int, int]] = []
    by_stamp: list[tuple[datetime | None, int]] = []
    for record, measurement in _measurements(records):
        if measurement.vital.amends:
            continue
        if measurement.record_number is not None:
            by_number.append((measurement.record_number, record.seq))
        else:
            stamp = measurement.stamp
            by_stamp.append((stamp.recorded.naive if stamp else None, record.seq))
    if by_stamp:
        stamped = [(stamp, seq) for stamp, seq in by_stamp if stamp is not None]
        return max(stamped)[1] if len(stamped) == len(by_stamp) else by_stamp[-1][1]
    wrapped = bool(by_number) and max(by_number)[0] - min(by_number)[0] > _HALF_OF_THE_NUMBERS
    if wrapped:
        by_number = [
            (number + (2 * _HALF_OF_THE_NUMBERS if number < _HALF_OF_THE_NUMBERS else 0), seq)
            for number, seq in by_number
        ]
    return max(by_number)[1] if by_number else None


def battery_low(records: Iterable[Record]) -> bool | None:
    """Tell what the newest measurement's own status says of the battery; None if nothing."""
    known = list(records)
    last = newest(known)
    for record, measurement in _measurements(known):
        if record.seq == last and measurement.status is not None:
            return BATTERY_LOW in measurement.status
    return None


def coincidence(records: Iterable[Record]) -> Coincidence | None:
    """Give the latest stamp with its capture; None if none was made beside a true wall clock."""
    found: list[tuple[datetime, int]] = []
    for record, measurement in _measurements(records):
        stamp = measurement.stamp
        shown = stamp.shown if stamp is not None and not stamp.fault else None
        if shown is not None and was_set(shown) and record.capture.wall_ms is not None:
            found.append((shown, record.capture.wall_ms))
    if not found:
        return None
    shown, captured_ms = max(found)
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


def _measurements(records: Iterable[Record]) -> Iterator[tuple[Record, Measurement]]:
    """Give what the records say, in their order; one in segments with the row that completed it.

    It counts once: a cuff may send its last record again, in other segments.
    """
    assemblies: dict[bytes, Assembly] = {}
    told: set[tuple[int, bytes]] = set()
    for record in sorted(records, key=lambda record: record.seq):
        with suppress(MalformedPayload):
            if record.characteristic != BLOOD_PRESSURE_RECORD:
                yield record, measure(record.characteristic, record.payload)
                continue
            whole = assemblies.setdefault(record.payload[1:3], Assembly()).add(record.payload)
            if whole is not None and (content := content_of_segments(whole)) not in told:
                told.add(content)
                yield record, measure_segments(whole)


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

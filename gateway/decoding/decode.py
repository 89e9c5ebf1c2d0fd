"""One journal row and what its session learnt, turned into one item of the wire.

The item depends on its arguments alone, so a record that is sent again is the same item. What
cannot be decoded becomes ``Undecodable`` with the reason: nothing is dropped here.
"""

from datetime import datetime

from gateway.clocks.timeline import was_set
from gateway.clocks.trust import Stamped, device_time
from gateway.record import Entry, Origin, Record, SessionFacts
from schemas.gatt import blood_pressure_record
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.measurement import (
    Measurement,
    Packet,
    Stamp,
    believable,
    measure,
    measure_segments,
)
from schemas.gatt.quirks import quirk_of
from schemas.gatt.services import FEATURE_OF
from schemas.identity import Undated, reading_id
from schemas.reading import DeviceTime, Item, Part, Reading, Undecodable


def decode(entry: Entry, gateway_id: str) -> Item:
    """Decode a record of the journal. Never raises for anything that a device sent."""
    record, facts = entry.record, entry.facts
    if entry.related.spoken_for:
        return Part(record.seq, facts.device, record.characteristic, record.session_id)
    try:
        payloads = _payloads(entry)
        measurement = _measure(record, facts, payloads)
    except MalformedPayload as error:
        return Undecodable(
            seq=record.seq,
            device=facts.device,
            characteristic=record.characteristic,
            raw=record.payload.hex(),
            reason=error.detail,
            session_id=record.session_id,
            capture=record.capture,
            parts=[part.payload.hex() for part in entry.related.parts],
        )
    subject, stamp, amends = record, measurement.stamp, None
    origin = entry.related.origin or (entry.related.measurement or record).origin
    if measurement.vital.amends and (amended := _amended(entry)):
        subject, stamp = amended
        amends = _identity(subject, None, stamp, origin, gateway_id)
    return Reading(
        seq=record.seq,
        reading_id=_identity(record, measurement.carried, stamp, origin, gateway_id),
        vital=measurement.vital.name,
        device=facts.device,
        characteristic=record.characteristic,
        raw=_raw(measurement, payloads).hex(),
        quantities=measurement.quantities,
        session_id=record.session_id,
        capture=record.capture,
        outcome=measurement.outcome,
        session_newest=None if facts.newest is None else subject.seq == facts.newest,
        user_slot=measurement.user_slot,
        status=measurement.status,
        attributes=measurement.attributes,
        record_number=measurement.record_number,
        device_time=_device_time(stamp, measurement, entry),
        amends=amends,
    )


def _payloads(entry: Entry) -> tuple[bytes, ...]:
    """Give the bytes that make the record; raises ``MalformedPayload`` if it never came whole."""
    record, parts = entry.record, entry.related.parts
    if not parts:
        return (record.payload,)
    whole = blood_pressure_record.completed(part.payload for part in (*parts, record))
    if whole is None:
        number = blood_pressure_record.decode_segment(record.payload).sequence
        message = f"blood pressure record {number}: the cuff never sent all of its segments"
        raise MalformedPayload(message)
    return whole


def _measure(record: Record, facts: SessionFacts, payloads: tuple[bytes, ...] = ()) -> Measurement:
    device = facts.device
    quirk = quirk_of(model=device.model, name=facts.name, manufacturer=device.manufacturer)
    number = record.characteristic
    feature = facts.features.get(FEATURE_OF.get(number, ""))
    if len(payloads) > 1:
        return believable(measure_segments(payloads, feature, quirk))
    return believable(measure(number, record.payload, feature, quirk))


def _raw(measurement: Measurement, payloads: tuple[bytes, ...]) -> bytes:
    """Give the bytes from which the reading follows; what came in segments is put together."""
    kept, number = measurement.carried, measurement.record_number
    if len(payloads) == 1 or kept is None or number is None:
        return payloads[-1]
    whole = blood_pressure_record.Record(
        sequence=number, characteristic=int(kept.characteristic, 16), payload=kept.payload
    )
    return blood_pressure_record.whole(whole)


def _amended(entry: Entry) -> tuple[Record, Stamp | None] | None:
    """Find the record that this one completes: it has no time of its own and borrows that one's."""
    record = entry.related.measurement
    if record is None:
        return None
    try:
        return record, _measure(record, entry.facts).stamp
    except MalformedPayload:
        return None


def _device_time(stamp: Stamp | None, measurement: Measurement, entry: Entry) -> DeviceTime | None:
    """Judge the stamp; a context's is its measurement's, and so is what came before it."""
    if stamp is None:
        return None
    stamped = Stamped(stamp, measurement.record_number, entry.record.capture)
    return device_time(stamped, entry.facts, _before(entry))


def _before(entry: Entry) -> Stamped | None:
    record = entry.related.before
    if record is None:
        return None
    try:
        measurement = _measure(record, entry.facts)
    except MalformedPayload:
        return None
    if measurement.stamp is None:
        return None
    return Stamped(measurement.stamp, measurement.record_number, record.capture)


def _identity(
    record: Record,
    carried: Packet | None,
    stamp: Stamp | None,
    origin: Origin,
    gateway_id: str,
) -> str:
    """Name a record by its device's time, or by its first capture where there is no such time.

    A packet has one name whether it was sent at once or, later, inside a stored record.
    """
    recorded = stamp.recorded.naive if stamp else None
    time: datetime | Undated
    if recorded is not None and was_set(recorded):
        time = recorded
    else:
        time = Undated(gateway_id, origin.stream, origin.seq, origin.captured_ms)
    packet = carried or Packet(record.characteristic, record.payload)
    return reading_id(record.address, packet.characteristic, packet.payload, time)

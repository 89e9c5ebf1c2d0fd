"""One journal row and what its session learnt, turned into one item of the wire.

The item depends on its arguments alone, so a record that is sent again is the same item. What
cannot be decoded becomes ``Undecodable`` with the reason: nothing is dropped here.
"""

from datetime import datetime, timedelta

from gateway.record import DeviceClock, Entry, Origin, Record, SessionFacts
from schemas import vitals
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.measurement import Measurement, Packet, Stamp, believable, measure
from schemas.gatt.quirks import quirk_of
from schemas.identity import Undated, reading_id
from schemas.reading import Capture, DeviceTime, Item, Reading, Undecodable

CLOCK_SET_SINCE_YEAR = 2015
"""A clock that shows less was never set: after each change of battery it repeats its times."""

FUTURE_TOLERANCE_MS = 60_000
"""Some clocks show whole minutes only; a record further ahead of its clock has another timeline."""

_MILLISECOND = timedelta(milliseconds=1)


def decode(entry: Entry, gateway_id: str) -> Item:
    """Decode a record of the journal. Never raises for anything that a device sent."""
    record, facts = entry.record, entry.facts
    try:
        measurement = _measure(record, facts)
    except MalformedPayload as error:
        return Undecodable(
            seq=record.seq,
            device=facts.device,
            characteristic=record.characteristic,
            raw=record.payload.hex(),
            reason=error.detail,
            session_id=record.session_id,
            capture=record.capture,
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
        raw=record.payload.hex(),
        quantities=measurement.quantities,
        session_id=record.session_id,
        capture=record.capture,
        outcome=measurement.outcome,
        session_newest=None if facts.newest is None else subject.seq == facts.newest,
        user_slot=measurement.user_slot,
        status=measurement.status,
        attributes=measurement.attributes,
        record_number=measurement.record_number,
        device_time=_device_time(stamp, facts.clock, record.capture),
        amends=amends,
    )


def _measure(record: Record, facts: SessionFacts) -> Measurement:
    device = facts.device
    features = dict.fromkeys(vitals.BLOOD_PRESSURE.characteristics, facts.blood_pressure_feature)
    features |= dict.fromkeys(vitals.GLUCOSE.characteristics, facts.glucose_feature)
    quirk = quirk_of(model=device.model, name=facts.name, manufacturer=device.manufacturer)
    number = record.characteristic
    return believable(measure(number, record.payload, features.get(number), quirk))


def _amended(entry: Entry) -> tuple[Record, Stamp | None] | None:
    """Find the record that this one completes: it has no time of its own and borrows that one's."""
    record = entry.related.measurement
    if record is None:
        return None
    try:
        return record, _measure(record, entry.facts).stamp
    except MalformedPayload:
        return None


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
    if recorded is not None and _was_set(recorded):
        time = recorded
    else:
        time = Undated(gateway_id, origin.stream, origin.seq, origin.captured_ms)
    packet = carried or Packet(record.characteristic, record.payload)
    return reading_id(record.address, packet.characteristic, packet.payload, time)


def _device_time(
    stamp: Stamp | None, clock: DeviceClock | None, capture: Capture
) -> DeviceTime | None:
    """Say what the device's clock told, exactly as sent; a stamp of zeros tells nothing."""
    if stamp is None or stamp.recorded.unknown:
        return None
    return DeviceTime(
        local=stamp.recorded.text,
        offset_min=stamp.offset_min,
        age_ms=_age_ms(stamp, clock, capture),
        fault=stamp.fault,
    )


def _age_ms(stamp: Stamp, clock: DeviceClock | None, capture: Capture) -> int | None:
    """Give the record's age at its capture by the device's own clock, None if it cannot be trusted.

    A clock that is wrong gives the right age all the same, as long as nobody set it in between.
    """
    if clock is None or stamp.shown is None or stamp.fault:
        return None
    if not (_was_set(clock.local) and _was_set(stamp.shown)):
        return None
    since_clock_read_ms = capture.monotonic_ms - clock.monotonic_ms
    age_ms = (clock.local - stamp.shown) // _MILLISECOND + since_clock_read_ms
    return max(age_ms, 0) if age_ms >= -FUTURE_TOLERANCE_MS else None


def _was_set(moment: datetime) -> bool:
    return moment.year >= CLOCK_SET_SINCE_YEAR

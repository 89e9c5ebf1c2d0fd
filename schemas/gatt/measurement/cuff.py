"""Blood pressure: 0x2A35, 0x2B34, and 0x2B36, which carries one of them."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import TypeGuard

from msgspec.structs import replace as changed

from schemas.gatt import blood_pressure, date_time, enhanced_blood_pressure
from schemas.gatt.blood_pressure import BloodPressureMeasurement, Feature, PressureUnit, Status
from schemas.gatt.blood_pressure_record import CHECKSUM_SIZE, Record, decode_segment, join
from schemas.gatt.enhanced_blood_pressure import Details
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.measurement.form import (
    PER_MINUTE,
    Measurement,
    Packet,
    Stamp,
    noticed,
    quantity,
    stamp_of,
    texts,
    unsaid,
)
from schemas.gatt.number import Number, decode_sfloat
from schemas.gatt.quirks import Quirk
from schemas.reading import Outcome, Quantity
from schemas.vitals import BLOOD_PRESSURE

_UNITS = {PressureUnit.MMHG: "mm[Hg]", PressureUnit.KPA: "kPa"}
_WRONG = "does not fit"
_CARRIED = {"2a35", "2b34"}


def measured(payload: bytes, feature: int | None, quirk: Quirk | None) -> Measurement:
    """Read 0x2A35; ``quirk`` may say that the tail is laid out in its maker's own way."""
    packet = blood_pressure.decode(payload)
    applied = quirk is not None and quirk.big_endian_tail and _has_big_endian_tail(packet)
    if applied:
        packet = _with_big_endian_tail(packet, payload)
    believed = _tail_is_standard(packet)
    status, silent = packet.status if believed else None, _silent(feature)
    quantities = _pressures(packet.systolic, packet.diastolic, packet.mean_measured, packet.unit)
    return Measurement(
        vital=BLOOD_PRESSURE,
        quantities={
            **quantities,
            "pulse": quantity(packet.pulse, PER_MINUTE)
            if believed
            else Quantity(PER_MINUTE, absent="unknown"),
        },
        outcome=_outcome(packet.systolic, packet.diastolic),
        status=noticed(status, silent),
        attributes=texts(
            not_assessed=unsaid(status, silent),
            quirk=quirk.title if applied and quirk else "",
            trailing=packet.trailing.hex(),
        ),
        user_slot=packet.user_slot if believed else None,
        stamp=stamp_of(packet.timestamp),
    )


def enhanced(payload: bytes, feature: int | None, _quirk: Quirk | None) -> Measurement:
    """Read 0x2B34."""
    packet = enhanced_blood_pressure.decode(payload)
    details, silent = packet.details, _silent(feature)
    mean = blood_pressure.measured_mean(packet.mean)
    return Measurement(
        vital=BLOOD_PRESSURE,
        quantities={
            **_pressures(packet.systolic, packet.diastolic, mean, details.unit),
            "pulse": quantity(details.pulse, PER_MINUTE),
        },
        outcome=_outcome(packet.systolic, packet.diastolic),
        status=noticed(details.status, silent),
        attributes=texts(
            not_assessed=unsaid(details.status, silent), trailing=details.trailing.hex()
        ),
        user_slot=details.user_slot,
        stamp=_enhanced_stamp(details),
    )


def record(payload: bytes, feature: int | None, quirk: Quirk | None) -> Measurement:
    """Read 0x2B36 that holds a whole record; its number is the record's, the rest its packet's."""
    return segments([payload], feature, quirk)


def segments(payloads: Sequence[bytes], feature: int | None, quirk: Quirk | None) -> Measurement:
    """Read a record of 0x2B36 from its segments, in their order.

    The packet inside says by its flags how long it is. So the last bytes of a segment are taken for
    a checksum only where the packet leaves them over, and they fit; those that do not fit are left
    over, unless they stand between two parts of the packet.
    """
    announced = bool(feature is not None and Feature(feature) & Feature.CHECKSUM)
    plain = _attempt(payloads, feature, quirk, checksum=False)
    if _complete(plain):
        return plain
    if announced or feature is None:
        sealed = _attempt(payloads, feature, quirk, checksum=True)
        if _complete(sealed) and (len(payloads) > 1 or "checksum" not in sealed.attributes):
            return sealed
    if isinstance(plain, MalformedPayload):
        raise plain
    if len(payloads) == 1 and (announced or feature is None):
        plain = _named_without_checksum(plain)
    told = texts(checksum=_WRONG if announced else "")
    return replace(plain, attributes=plain.attributes | told)


def _named_without_checksum(found: Measurement) -> Measurement:
    """Leave bytes that may be a checksum out of the packet by which the record is named.

    A checksum covers the segment's counter: it is another one each time the record is sent.
    """
    carried = found.carried
    if carried is None or len(found.attributes.get("trailing", "")) != 2 * CHECKSUM_SIZE:
        return found
    return replace(found, carried=replace(carried, payload=carried.payload[:-CHECKSUM_SIZE]))


def content(payloads: Sequence[bytes]) -> tuple[int, bytes]:
    """Give a record's number, and what of it is the same each time the cuff sends it.

    Neither how it was cut, nor the counters, nor checksums: the packet inside, behind its
    characteristic. Raises ``MalformedPayload`` for what is no whole record.
    """
    kept = join([decode_segment(payload) for payload in payloads])
    inside = kept.payload
    with suppress(MalformedPayload):  # what no decoder knows is a record all the same
        carried = segments(payloads, None, None).carried
        assert carried is not None
        inside = carried.payload
    return kept.sequence, kept.characteristic.to_bytes(2, "big") + inside


def _attempt(
    payloads: Sequence[bytes], feature: int | None, quirk: Quirk | None, *, checksum: bool
) -> Measurement | MalformedPayload:
    try:
        parts = [decode_segment(payload, checksum=checksum) for payload in payloads]
        return _kept(join(parts), feature, quirk)
    except MalformedPayload as error:
        return error


def _complete(found: Measurement | MalformedPayload) -> TypeGuard[Measurement]:
    return isinstance(found, Measurement) and "trailing" not in found.attributes


def _kept(kept: Record, feature: int | None, quirk: Quirk | None) -> Measurement:
    characteristic = f"{kept.characteristic:04x}"
    if characteristic not in _CARRIED:
        message = f"blood pressure record: characteristic {characteristic} inside is no measurement"
        raise MalformedPayload(message)
    read = measured if characteristic == "2a35" else enhanced
    inner = read(kept.payload, feature, quirk)
    wrong = texts(checksum=_WRONG if kept.checksums_fit is False else "")
    return replace(
        inner,
        attributes=inner.attributes | wrong,
        record_number=kept.sequence,
        carried=Packet(characteristic, kept.payload),
    )


def _pressures(
    systolic: Number, diastolic: Number, mean: Number | None, unit: PressureUnit
) -> dict[str, Quantity]:
    ucum = _UNITS[unit]
    return {
        "systolic": quantity(systolic, ucum),
        "diastolic": quantity(diastolic, ucum),
        "mean": quantity(mean, ucum),
    }


def _outcome(systolic: Number, diastolic: Number) -> Outcome:
    return "failed" if blood_pressure.failed(systolic, diastolic) else "measured"


def _silent(feature: int | None) -> Status | None:
    return None if feature is None else blood_pressure.not_assessed(Feature(feature))


def _enhanced_stamp(details: Details) -> Stamp | None:
    """Keep the timestamp as the record's; what the user saw may differ by whole minutes or not."""
    recorded, shown = details.timestamp, details.user_facing_time
    if recorded is None:
        return stamp_of(date_time.of(shown)) if shown is not None else None
    if shown is None:
        return stamp_of(date_time.of(recorded))
    minutes, seconds = divmod((shown - recorded).total_seconds(), 60)
    return Stamp(date_time.of(recorded), shown, None if seconds else int(minutes))


def _tail_is_standard(packet: BloodPressureMeasurement) -> bool:
    """Tell a longer packet of tomorrow from one whose tail is laid out in its maker's own way.

    Beurer's BM85 and its relatives send a big-endian pulse and a user byte that the flags deny: by
    the flags one byte is left over and the pulse is absurd. Then the pressures stand, and nothing
    behind the timestamp is believed. (github.com/derdilla/blood-pressure-monitor-fl/pull/735)
    """
    pulse = BLOOD_PRESSURE.quantity("pulse")
    assert pulse is not None
    if not packet.trailing or not isinstance(packet.pulse, Decimal):
        return True
    low, high = pulse.plausible
    return low <= packet.pulse <= high


def _has_big_endian_tail(packet: BloodPressureMeasurement) -> bool:
    """Tell whether the tail has the shape that Beurer's cuffs send: one byte more than announced.

    Pulse and status are announced and the user is not, yet there is room for one. A cuff of the
    same name that keeps to the standard leaves nothing over.
    """
    announced = packet.pulse is not None and packet.status is not None and packet.user is None
    return announced and len(packet.trailing) == 1


def _with_big_endian_tail(
    packet: BloodPressureMeasurement, payload: bytes
) -> BloodPressureMeasurement:
    pulse, user, status = payload[-5:-3], payload[-3], payload[-2:]
    return changed(
        packet,
        pulse=decode_sfloat(pulse[::-1]),
        user=user,
        status=Status(int.from_bytes(status, "big")),
        trailing=b"",
    )

"""What a payload says, as names and values that a person can read: for ``vitalwire decode``.

Measurements are described from what the gateway makes of them; everything else that a device can
tell (features, clocks, texts, the control point) is in ``gateway.decoding.description_of_others``.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Context, Decimal

from gateway.clocks.timeline import CLOCK_SET_SINCE_YEAR
from gateway.decoding.description_of_others import OTHERS
from schemas.gatt import blood_pressure, blood_pressure_record, enhanced_blood_pressure
from schemas.gatt.blood_pressure import PressureUnit, Status
from schemas.gatt.date_time import DateTime, of
from schemas.gatt.measurement import Measurement, Stamp, measure
from schemas.gatt.measurement.form import PER_MINUTE, noticed, quantity, stamp_of
from schemas.gatt.number import Number
from schemas.gatt.quirks import Quirk
from schemas.reading import Quantity
from schemas.vitals import BLOOD_PRESSURE, VITALS, Vital
from schemas.vitals import Quantity as Definition

Description = Mapping[str, object]

FUTURE_TOLERANCE = timedelta(minutes=10)
"""A stamp that lies further behind its receipt comes from a wrong clock."""

_CANONICAL_STEP = Decimal("0.000001")
_WIDE = Context(prec=200)  # a FLOAT reaches 10**134, whatever a thermometer may mean by it
_UCUM = {PressureUnit.MMHG: "mm[Hg]", PressureUnit.KPA: "kPa"}
_ATTRIBUTES = {
    "glucose": ("sample_type", "sample_location", "context_follows"),
    "glucose_context": ("meal", "carbohydrate_kind", "tester", "health", "medication_kind"),
    "body_temperature": ("place",),
}
"""Named also where nothing was sent: whoever reads by a program looks for them."""
_COMMON: Description = {
    **dict.fromkeys(("device_time", "time_offset_min", "user", "sequence", "status")),
    **dict.fromkeys(("sample_type", "sample_location", "meal")),
    "canonical": {},
    "trailing_hex": "",
    "quirk": None,
}
"""What every description has, with what it says where its kind has no such field."""
_CUFF_PRESSURES = ("2a36", "2b35")
_INTERMEDIATE_TEMPERATURE = "2a1e"
_RECORD = "2b36"
_RECORDS = {number for vital in VITALS.values() for number in vital.characteristics} - {_RECORD}

KNOWN: tuple[str, ...] = tuple(
    sorted({*_RECORDS, _RECORD, *_CUFF_PRESSURES, _INTERMEDIATE_TEMPERATURE, *OTHERS})
)
"""Every characteristic that can be described: four hex digits, or the UUID of a maker's own."""


def describe(
    characteristic: str,
    payload: bytes,
    quirk: Quirk | None = None,
    received: datetime | None = None,
) -> Description:
    """Describe a payload of one of ``KNOWN``. Raises ``MalformedPayload``.

    ``received``: the local time at which it came, without zone, to judge the device's clock by.
    """
    found = _described(characteristic, payload, quirk, received)
    return {**found, **{name: none for name, none in _COMMON.items() if name not in found}}


def _described(
    characteristic: str, payload: bytes, quirk: Quirk | None, received: datetime | None
) -> Description:
    if characteristic in _RECORDS:
        return _measurement(measure(characteristic, payload, quirk=quirk), received)
    if characteristic == "2a36":
        return _intermediate(payload, received)
    if characteristic == "2b35":
        return _enhanced_intermediate(payload, received)
    if characteristic == _RECORD:
        return _record(payload, quirk, received)
    if characteristic == _INTERMEDIATE_TEMPERATURE:
        return _intermediate_temperature(payload, received)
    return OTHERS[characteristic](payload)


def _measurement(measurement: Measurement, received: datetime | None) -> Description:
    expected = dict.fromkeys(_ATTRIBUTES.get(measurement.vital.name, ()))
    attributes: dict[str, object] = {**expected, **measurement.attributes}
    if "context_follows" in attributes:
        attributes["context_follows"] = attributes["context_follows"] == "true"
    trailing, quirk = attributes.pop("trailing", ""), attributes.pop("quirk", None)
    return {
        "kind": measurement.vital.name,
        "outcome": measurement.outcome,
        **{name: _quantity(one) for name, one in measurement.quantities.items()},
        **_times(measurement.stamp, received),
        "user": measurement.user_slot,
        "sequence": measurement.record_number,
        "status": measurement.status,
        **attributes,
        "canonical": _canonical(measurement.vital, measurement.quantities),
        "trailing_hex": trailing,
        "quirk": quirk,
    }


def _intermediate(payload: bytes, received: datetime | None) -> Description:
    """Describe 0x2A36: the first pressure is the cuff's, the other two mean nothing."""
    packet = blood_pressure.decode(payload)
    sent = (packet.systolic, packet.pulse, packet.unit)
    about = (packet.timestamp, packet.user_slot, packet.status, packet.trailing)
    return _cuff_pressure(sent, about, received)


def _enhanced_intermediate(payload: bytes, received: datetime | None) -> Description:
    packet = enhanced_blood_pressure.decode_cuff_pressure(payload)
    details = packet.details
    sent = (packet.cuff_pressure, details.pulse, details.unit)
    timestamp = of(details.timestamp) if details.timestamp is not None else None
    about = (timestamp, details.user_slot, details.status, details.trailing)
    return _cuff_pressure(sent, about, received)


def _cuff_pressure(
    sent: tuple[Number, Number | None, PressureUnit],
    about: tuple[DateTime | None, int | None, Status | None, bytes],
    received: datetime | None,
) -> Description:
    pressure, pulse, unit = sent
    timestamp, user, status, trailing = about
    found, beats = quantity(pressure, _UCUM[unit]), quantity(pulse, PER_MINUTE)
    systolic, pulse_rate = map(BLOOD_PRESSURE.quantity, ("systolic", "pulse"))
    assert systolic is not None
    assert pulse_rate is not None
    return {
        "kind": "intermediate_cuff_pressure",
        "cuff_pressure": _quantity(found),
        "pulse": _quantity(beats),
        **_times(stamp_of(timestamp), received),
        "user": user,
        "status": noticed(status, None),
        "canonical": {
            **_one_canonical("cuff_pressure", systolic, found),
            **_one_canonical("pulse", pulse_rate, beats),
        },
        "trailing_hex": trailing.hex(),
        "quirk": None,
    }


def _intermediate_temperature(payload: bytes, received: datetime | None) -> Description:
    """Describe 0x2A1E: laid out as 0x2A1C, and without an outcome, because it still rises."""
    found = _measurement(measure("2a1c", payload), received)
    return {name: said for name, said in found.items() if name != "outcome"} | {
        "kind": "intermediate_temperature"
    }


def _record(payload: bytes, quirk: Quirk | None, received: datetime | None) -> Description:
    """Describe a segment, and what it keeps if it is a whole record."""
    segment = blood_pressure_record.decode_segment(payload)
    kept: Description | None = None
    if segment.first and segment.last:
        kept = _measurement(measure(_RECORD, payload, quirk=quirk), received)
    return {
        "kind": "blood_pressure_record",
        "sequence": segment.sequence,
        "first_segment": segment.first,
        "last_segment": segment.last,
        "segment_counter": segment.counter,
        "characteristic": f"{segment.characteristic:04x}",
        "part_hex": segment.part.hex(),
        "checksum_fits": segment.checksum_fits,
        "record": kept,
        **{name: said for name, said in (kept or {}).items() if name in _COMMON},
    }


def _times(stamp: Stamp | None, received: datetime | None) -> Description:
    """Give the device's time as sent, and what the screens for wrong clocks say of it."""
    shown = stamp.shown if stamp is not None else None
    said: dict[str, object] = {
        "device_time": stamp.recorded.told if stamp is not None else None,
        "time_offset_min": stamp.offset_min if stamp is not None else None,
        "user_time": shown.isoformat() if shown is not None else None,
        "time_fault": stamp is not None and stamp.fault,
    }
    if received is not None:
        said["received_at"] = received.isoformat()
        said["age_s"] = (received - shown) // timedelta(seconds=1) if shown is not None else None
        said["time_quality"] = time_quality(stamp, received)
    return said


def time_quality(stamp: Stamp | None, received: datetime) -> str:
    """Judge a stamp by itself against its receipt: ``plausible``, or why it is not to be trusted.

    ``receipt``: there is none, so the time of receipt counts. ``unknown``: parts are missing or no
    date. ``fault``: the device doubts it. ``never-set``: a clock that began anew with its battery.
    ``future``: later than the receipt.
    """
    if stamp is None:
        return "receipt"
    if stamp.fault:
        return "fault"
    if stamp.shown is None:
        return "unknown"
    if min(stamp.shown.year, stamp.recorded.year) < CLOCK_SET_SINCE_YEAR:
        return "never-set"
    return "future" if stamp.shown - received > FUTURE_TOLERANCE else "plausible"


def _quantity(found: Quantity) -> Description:
    value = None if found.value is None else Decimal(found.value)
    return {"value": value, "unit": found.unit, "absent": found.absent}


def _canonical(vital: Vital, received: Mapping[str, Quantity]) -> Description:
    """Give each value in its canonical unit; to look at, not to compare with limits."""
    found: dict[str, object] = {}
    for definition in vital.quantities:
        found |= _one_canonical(definition.name, definition, received[definition.name])
    return found


def _one_canonical(name: str, definition: Definition, received: Quantity) -> Description:
    conversion = definition.conversion(received.unit)
    if received.value is None or conversion is None:
        return {}
    value = Decimal(received.value)
    if received.unit != definition.unit:
        value = conversion.canonical(value).quantize(_CANONICAL_STEP, context=_WIDE)
        value = value.normalize(_WIDE)
    return {name: value}

"""From a payload to a measurement: what a device said, in the words of the table of vitals.

It stands between the codecs, which know bytes, and a reading, which knows where and when. Units are
those received, in UCUM; at most a power of ten is changed (kg/L to mg/dL), which is exact.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from schemas import vitals
from schemas.gatt import blood_pressure, glucose, glucose_context
from schemas.gatt.blood_pressure import BloodPressureMeasurement, PressureUnit
from schemas.gatt.codes import Bits, Code
from schemas.gatt.date_time import DateTime
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.glucose import Beyond, GlucoseMeasurement, OffsetUnknown
from schemas.gatt.glucose_context import EXERCISE_OVERRUN_S, GlucoseContext, MedicationUnit
from schemas.gatt.number import Absent, Number, scaled
from schemas.reading import Outcome, Quantity

_PRESSURE_UNITS = {PressureUnit.MMHG: "mm[Hg]", PressureUnit.KPA: "kPa"}
_PER_MINUTE = "/min"
_BEYOND = {Beyond.ABOVE: Absent.POSITIVE_INFINITY, Beyond.BELOW: Absent.NEGATIVE_INFINITY}


@dataclass(frozen=True, slots=True)
class Stamp:
    """The record's time by the device's clock.

    ``recorded``: under which the device keeps the record. ``shown``: what its user saw, None if
    unknown. ``offset_min``: from one to the other. ``fault``: the device itself doubts them.
    """

    recorded: DateTime
    shown: datetime | None
    offset_min: int | None = None
    fault: bool = False


@dataclass(frozen=True, slots=True)
class Measurement:
    """A decoded record, with every quantity of its vital (``not-sent`` where it carries none).

    ``status`` None means "not assessed", which is not "fine". ``attributes`` are texts by name.
    """

    vital: vitals.Vital
    quantities: dict[str, Quantity]
    outcome: Outcome = "measured"
    status: list[str] | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    user_slot: int | None = None
    record_number: int | None = None
    stamp: Stamp | None = None


def measure(characteristic: str, payload: bytes, feature: int | None = None) -> Measurement:
    """Decode a payload of a vital's characteristic (four hex digits).

    ``feature``: the bits of the service's feature characteristic, None if nobody read them. Raises
    ``MalformedPayload`` and nothing else, also for a characteristic that holds no record.
    """
    measure_payload = _MEASURE.get(characteristic)
    if measure_payload is None:
        raise MalformedPayload(f"characteristic {characteristic} holds no record of a vital")
    return measure_payload(payload, feature)


def _blood_pressure(payload: bytes, feature: int | None) -> Measurement:
    packet = blood_pressure.decode(payload)
    standard = _tail_is_standard(packet)
    status = packet.status if standard else None
    silent = (
        None if feature is None else blood_pressure.not_assessed(blood_pressure.Feature(feature))
    )
    unit = _PRESSURE_UNITS[packet.unit]
    return Measurement(
        vital=vitals.BLOOD_PRESSURE,
        quantities={
            "systolic": _quantity(packet.systolic, unit),
            "diastolic": _quantity(packet.diastolic, unit),
            "mean": _aside("mean", packet.mean_measured, unit),
            "pulse": (
                _aside("pulse", packet.pulse, _PER_MINUTE)
                if standard
                else Quantity(_PER_MINUTE, absent="unknown")
            ),
        },
        outcome="failed" if packet.failed else "measured",
        status=_status(status, silent),
        attributes=_texts(not_assessed=_unsaid(status, silent), trailing=packet.trailing.hex()),
        user_slot=packet.user_slot if standard else None,
        stamp=Stamp(packet.timestamp, packet.timestamp.naive) if packet.timestamp else None,
    )


def _aside(name: str, value: Number | None, unit: str) -> Quantity:
    """Give what a cuff says beside the pressures; a number that no patient has is an error.

    A pulse of 0 means that the cuff found none. As a number it would be implausible, and the
    pressures beside it would be refused with it: the severe ones too.
    """
    definition = vitals.BLOOD_PRESSURE.quantity(name)
    assert definition is not None
    factor = definition.factor(unit)
    assert factor is not None
    low, high = definition.plausible
    if isinstance(value, Decimal) and not low <= value * factor <= high:
        return Quantity(unit, absent="error")
    return _quantity(value, unit)


def _tail_is_standard(packet: BloodPressureMeasurement) -> bool:
    """Tell a longer packet of tomorrow from one whose tail is laid out in its maker's own way.

    Beurer's BM85 and its relatives send a big-endian pulse and a user byte that the flags deny: by
    the flags one byte is left over and the pulse is absurd. Then the pressures stand, and nothing
    behind the timestamp is believed. (github.com/derdilla/blood-pressure-monitor-fl/pull/735)
    """
    pulse = vitals.BLOOD_PRESSURE.quantity("pulse")
    assert pulse is not None
    if not packet.trailing or not isinstance(packet.pulse, Decimal):
        return True
    low, high = pulse.plausible
    return low <= packet.pulse <= high


def _glucose(payload: bytes, feature: int | None) -> Measurement:
    record = glucose.decode(payload)
    silent = None if feature is None else glucose.not_assessed(glucose.Feature(feature))
    displayed = record.displayed
    unit = displayed.unit if displayed else glucose.DisplayUnit.MG_PER_DL
    value = displayed.value if displayed else None
    beyond = record.beyond
    hidden = beyond and isinstance(value, Decimal)  # a number beside HI or LO is only a limit
    return Measurement(
        vital=vitals.GLUCOSE,
        quantities={"glucose": _quantity(_BEYOND[beyond] if beyond else value, unit.value)},
        outcome=_glucose_outcome(record),
        status=_status(record.status, silent),
        attributes=_texts(
            sample_type=_label(record.sample_type),
            sample_location=_label(record.sample_location),
            context_follows="true" if record.context_follows else "",
            reported=f"{value} {unit.value}" if hidden else "",
            not_assessed=_unsaid(record.status, silent),
            trailing=record.trailing.hex(),
        ),
        record_number=record.sequence,
        stamp=_glucose_stamp(record),
    )


def _glucose_outcome(record: GlucoseMeasurement) -> Outcome:
    if record.control_solution:
        return "control-solution"
    has_result = isinstance(record.concentration, Decimal) or record.beyond is not None
    return "measured" if has_result else "failed"


def _glucose_stamp(record: GlucoseMeasurement) -> Stamp:
    offset = record.time_offset_min
    time_fault = glucose.Status.TIME_FAULT in (record.status or glucose.Status(0))
    if isinstance(offset, OffsetUnknown):
        return Stamp(record.base_time, shown=None, fault=True)
    return Stamp(record.base_time, record.user_time, offset, time_fault)


def _glucose_context(payload: bytes, _feature: int | None) -> Measurement:
    record = glucose_context.decode(payload)
    sent = _context_quantities(record)
    return Measurement(
        vital=vitals.GLUCOSE_CONTEXT,
        quantities={
            quantity.name: sent.get(quantity.name) or _quantity(None, quantity.unit)
            for quantity in vitals.GLUCOSE_CONTEXT.quantities
        },
        attributes=_texts(
            meal=_label(record.meal),
            carbohydrate_kind=_label(record.carbohydrate.kind if record.carbohydrate else None),
            tester=_label(record.person.tester if record.person else None),
            health=_label(record.person.health if record.person else None),
            medication_kind=_label(record.medication.kind if record.medication else None),
            trailing=record.trailing.hex(),
        ),
        record_number=record.sequence,
    )


def _context_quantities(record: GlucoseContext) -> dict[str, Quantity]:
    sent = {}
    if record.carbohydrate:
        sent["carbohydrate"] = _quantity(scaled(record.carbohydrate.mass_kg, 3), "g")
    if record.exercise:
        duration_s = record.exercise.duration_s
        overrun = duration_s == EXERCISE_OVERRUN_S
        sent["exercise_duration"] = _quantity(
            Absent.POSITIVE_INFINITY if overrun else Decimal(duration_s), "s"
        )
        sent["exercise_intensity"] = _quantity(Decimal(record.exercise.intensity_percent), "%")
    if record.medication:
        amount = record.medication.amount
        if record.medication.unit is MedicationUnit.LITRE:
            sent["medication_volume"] = _quantity(scaled(amount, 3), "mL")
        else:
            sent["medication_mass"] = _quantity(scaled(amount, 6), "mg")
    if record.hba1c_percent is not None:
        sent["hba1c"] = _quantity(record.hba1c_percent, "%")
    return sent


def _quantity(value: Number | None, unit: str) -> Quantity:
    if value is None:
        return Quantity(unit, absent="not-sent")
    if isinstance(value, Absent):
        return Quantity(unit, absent=value.value)
    return Quantity(unit, value=f"{value:f}")  # 12E1 is written 120: people will read it


def _status(status: Bits | None, silent: Bits | None) -> list[str] | None:
    """Name what was noticed; None if nothing was looked at, which a clear word may hide."""
    looked_at_nothing = silent is not None and all(bit in silent for bit in type(silent))
    if status is None or (looked_at_nothing and not status):
        return None
    return list(status.labels)


def _unsaid(status: Bits | None, silent: Bits | None) -> str:
    """Name the bits of a status that are clear only because the device cannot set them."""
    if status is None or silent is None:
        return ""
    return " ".join(label for label in silent.labels if label not in status.labels)


def _label(code: Code | None) -> str:
    return "" if code is None else code.label


def _texts(**texts: str) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text}


_MEASURE: dict[str, Callable[[bytes, int | None], Measurement]] = {
    vitals.BLOOD_PRESSURE.characteristic: _blood_pressure,
    vitals.GLUCOSE.characteristic: _glucose,
    vitals.GLUCOSE_CONTEXT.characteristic: _glucose_context,
}

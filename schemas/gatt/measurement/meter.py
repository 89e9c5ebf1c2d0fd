"""Glucose: 0x2A18 and its context, 0x2A34."""

from decimal import Decimal

from schemas.gatt import glucose, glucose_context
from schemas.gatt.glucose import Beyond, GlucoseMeasurement, OffsetUnknown, Status
from schemas.gatt.glucose_context import EXERCISE_OVERRUN_S, GlucoseContext, MedicationUnit
from schemas.gatt.measurement.form import (
    PERCENT,
    Measurement,
    Stamp,
    label,
    noticed,
    quantity,
    texts,
    unsaid,
)
from schemas.gatt.number import Absent, scaled
from schemas.gatt.quirks import Quirk
from schemas.reading import Outcome, Quantity
from schemas.vitals import GLUCOSE, GLUCOSE_CONTEXT

_BEYOND = {Beyond.ABOVE: Absent.POSITIVE_INFINITY, Beyond.BELOW: Absent.NEGATIVE_INFINITY}


def measured(payload: bytes, feature: int | None, _quirk: Quirk | None) -> Measurement:
    """Read 0x2A18."""
    record = glucose.decode(payload)
    silent = None if feature is None else glucose.not_assessed(glucose.Feature(feature))
    displayed = record.displayed
    unit = displayed.unit if displayed else glucose.DisplayUnit.MG_PER_DL
    value = displayed.value if displayed else None
    beyond = record.beyond
    hidden = beyond and isinstance(value, Decimal)  # a number beside HI or LO is only a limit
    return Measurement(
        vital=GLUCOSE,
        quantities={"glucose": quantity(_BEYOND[beyond] if beyond else value, unit.value)},
        outcome=_outcome(record),
        status=noticed(record.told, silent),
        attributes=texts(
            sample_type=label(record.sample_type),
            sample_location=label(record.sample_location),
            context_follows="true" if record.context_follows else "",
            reported=f"{value} {unit.value}" if hidden else "",
            not_assessed=unsaid(record.told, silent),
            trailing=record.trailing.hex(),
        ),
        record_number=record.sequence,
        stamp=_stamp(record),
    )


def _outcome(record: GlucoseMeasurement) -> Outcome:
    if record.control_solution:
        return "control-solution"
    has_result = isinstance(record.concentration, Decimal) or record.beyond is not None
    return "measured" if has_result and not record.spoilt else "failed"


def _stamp(record: GlucoseMeasurement) -> Stamp:
    offset = record.time_offset_min
    time_fault = Status.TIME_FAULT in (record.status or Status(0))
    if isinstance(offset, OffsetUnknown):
        return Stamp(record.base_time, shown=None, fault=True)
    return Stamp(record.base_time, record.user_time, offset, time_fault)


def context(payload: bytes, _feature: int | None, _quirk: Quirk | None) -> Measurement:
    """Read 0x2A34."""
    record = glucose_context.decode(payload)
    sent = _sent(record)
    return Measurement(
        vital=GLUCOSE_CONTEXT,
        quantities={
            definition.name: sent.get(definition.name) or quantity(None, definition.unit)
            for definition in GLUCOSE_CONTEXT.quantities
        },
        attributes=texts(
            meal=label(record.meal),
            carbohydrate_kind=label(record.carbohydrate.kind if record.carbohydrate else None),
            tester=label(record.person.tester if record.person else None),
            health=label(record.person.health if record.person else None),
            medication_kind=label(record.medication.kind if record.medication else None),
            trailing=record.trailing.hex(),
        ),
        record_number=record.sequence,
    )


def _sent(record: GlucoseContext) -> dict[str, Quantity]:
    sent = {}
    if record.carbohydrate:
        sent["carbohydrate"] = quantity(scaled(record.carbohydrate.mass_kg, 3), "g")
    if record.exercise:
        duration_s = record.exercise.duration_s
        overrun = duration_s == EXERCISE_OVERRUN_S
        sent["exercise_duration"] = quantity(
            Absent.POSITIVE_INFINITY if overrun else Decimal(duration_s), "s"
        )
        sent["exercise_intensity"] = quantity(Decimal(record.exercise.intensity_percent), PERCENT)
    if record.medication:
        amount = record.medication.amount
        if record.medication.unit is MedicationUnit.LITRE:
            sent["medication_volume"] = quantity(scaled(amount, 3), "mL")
        else:
            sent["medication_mass"] = quantity(scaled(amount, 6), "mg")
    if record.hba1c_percent is not None:
        sent["hba1c"] = quantity(record.hba1c_percent, PERCENT)
    return sent

"""Glucose Measurement (0x2A18), many at once; twin of ``schemas.gatt.glucose``."""

import numpy as np

from ingest.redecode.columns import (
    CONTROL_SOLUTION,
    FAILED,
    MEASURED,
    NO_OFFSET,
    NONE,
    Codes16,
    Columns,
    date_times,
    optional,
)
from ingest.redecode.numbers import (
    NEGATIVE_INFINITY,
    NOT_SENT,
    POSITIVE_INFINITY,
    Booleans,
    Codes,
    Numbers,
    absent_where,
    chosen,
    sfloat,
)
from ingest.redecode.payloads import Cursor, Payloads, Words
from schemas.gatt.glucose import (
    BOTH_SIDES,
    SPOILT,
    OffsetUnknown,
    SampleLocation,
    SampleType,
    Status,
)
from schemas.vitals import GLUCOSE

_TIME_OFFSET, _CONCENTRATION, _MOL_PER_L, _STATUS, _CONTEXT_FOLLOWS = range(5)
_POWERS = np.array([5, 3], np.int8)
"""From kg/L to mg/dL, from mol/L to mmol/L: what each unit of the wire is displayed in."""


def decode(payloads: Payloads, _quirks: Codes16 | None = None) -> Columns:
    """Decode by the flags. ``codes`` has ``reported`` 1 where a number stands beside HI or LO."""
    cursor = Cursor(payloads)
    offset_sent, concentration_sent, status_sent = (
        cursor.sent(bit) for bit in (_TIME_OFFSET, _CONCENTRATION, _STATUS)
    )
    sequence = cursor.uint16("the sequence number").astype(np.int32)
    recorded = date_times(cursor, "the base time")
    offset = cursor.uint16("the time offset", _TIME_OFFSET).view(np.int16)
    unit = cursor.sent(_MOL_PER_L).view(np.uint8)
    word = cursor.uint16("the concentration", _CONCENTRATION)
    concentration = sfloat(word, unit & concentration_sent, _POWERS.take(unit))
    concentration = absent_where(concentration, ~concentration_sent, NOT_SENT)
    sample = cursor.uint8("the sample type and location", _CONCENTRATION)
    sample_type = optional(sample & np.uint8(0x0F), concentration_sent)
    sample_location = optional(sample >> np.uint8(4), concentration_sent)
    bits = cursor.uint16("the status", _STATUS) * status_sent.view(np.uint8)
    high, low = _sides(concentration, bits)
    told = bits | (high & low) * np.uint16(BOTH_SIDES)
    beyond = chosen(low, np.uint8(NEGATIVE_INFINITY), high * np.uint8(POSITIVE_INFINITY))
    unknown_offset = offset_sent & (
        (offset == OffsetUnknown.OVERRUN.value) | (offset == OffsetUnknown.UNDERRUN.value)
    )
    return Columns(
        vital=GLUCOSE,
        fields=tuple(cursor.fields),
        missing=cursor.missing(),
        quantities={"glucose": _shown(concentration, beyond)},
        outcome=_outcome(concentration, beyond, sample_type, sample_location, bits),
        status=optional(told, status_sent),
        user_slot=np.full(len(unit), NONE, np.int32),
        record_number=sequence,
        recorded=recorded,
        offset_min=chosen(
            offset_sent & ~unknown_offset, offset.astype(np.int32), np.int32(NO_OFFSET)
        ),
        fault=unknown_offset | _says(bits, Status.TIME_FAULT),
        trailing=cursor.rest(),
        codes={
            "sample_type": sample_type,
            "sample_location": sample_location,
            "context_follows": cursor.sent(_CONTEXT_FOLLOWS).astype(np.int32),
            "reported": (concentration.present & (beyond != 0)).astype(np.int32),
        },
    )


def _sides(concentration: Numbers, bits: Words) -> tuple[Booleans, Booleans]:
    """Tell which results are HI and which LO, by an infinite value or by the status' bits."""
    return (
        _says(bits, Status.RESULT_ABOVE_RANGE) | (concentration.absent == POSITIVE_INFINITY),
        _says(bits, Status.RESULT_BELOW_RANGE) | (concentration.absent == NEGATIVE_INFINITY),
    )


def _says(bits: Words, some: Status) -> Booleans:
    """Tell where a status, 0 without one, has one of some bits."""
    says: Booleans = bits & np.uint16(some) != 0
    return says


def _shown(concentration: Numbers, beyond: Codes) -> Numbers:
    """Put HI and LO in the place of whatever else is said."""
    absent = chosen(beyond != 0, beyond, concentration.absent)
    return Numbers(concentration.mantissa, concentration.exponent, absent, concentration.unit)


def _outcome(
    concentration: Numbers,
    beyond: Codes,
    sample_type: Codes16,
    sample_location: Codes16,
    bits: Words,
) -> Codes:
    control = (sample_type == SampleType.CONTROL_SOLUTION) | (
        sample_location == SampleLocation.CONTROL_SOLUTION
    )
    result = (concentration.present | (beyond != 0)) & ~_says(bits, SPOILT)
    outcome = chosen(result, np.uint8(MEASURED), np.uint8(FAILED))
    return chosen(control, np.uint8(CONTROL_SOLUTION), outcome)

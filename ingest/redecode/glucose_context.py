"""Glucose Measurement Context (0x2A34), many at once; twin of ``schemas.gatt.glucose_context``."""

import numpy as np

from ingest.redecode.columns import MEASURED, NO_OFFSET, NONE, Codes16, Columns, optional
from ingest.redecode.numbers import (
    NOT_SENT,
    POSITIVE_INFINITY,
    Booleans,
    Codes,
    Numbers,
    absent_where,
    sfloat,
    whole,
)
from ingest.redecode.payloads import Cursor, Payloads, Words
from schemas.gatt.glucose_context import EXERCISE_OVERRUN_S
from schemas.vitals import GLUCOSE_CONTEXT

_CARBOHYDRATE, _MEAL, _TESTER_HEALTH, _EXERCISE, _MEDICATION, _LITRES, _HBA1C, _EXTENDED = range(8)
_FROM_KILOGRAM_TO_GRAM = _FROM_LITRE_TO_MILLILITRE = 3
_FROM_KILOGRAM_TO_MILLIGRAM = 6


def decode(payloads: Payloads, _quirks: Codes16 | None = None) -> Columns:
    """Decode by the flags."""
    cursor = Cursor(payloads)
    carbohydrate, meal, person, exercise, medication, litres, hba1c = (
        cursor.sent(bit) for bit in range(_EXTENDED)
    )
    sequence = cursor.uint16("the sequence number").astype(np.int32)
    cursor.take(1, "the extended flags", _EXTENDED)
    carbohydrate_kind = cursor.uint8("the kind of carbohydrate", _CARBOHYDRATE)
    carbohydrate_mass = cursor.uint16("the mass of carbohydrate", _CARBOHYDRATE)
    meal_code = cursor.uint8("the meal", _MEAL)
    tester_health = cursor.uint8("the tester and health", _TESTER_HEALTH)
    duration = cursor.uint16("the duration of exercise", _EXERCISE)
    intensity = cursor.uint8("the intensity of exercise", _EXERCISE)
    medication_kind = cursor.uint8("the kind of medication", _MEDICATION)
    amount = cursor.uint16("the amount of medication", _MEDICATION)
    hba1c_word = cursor.uint16("the HbA1c", _HBA1C)
    size = len(sequence)
    return Columns(
        vital=GLUCOSE_CONTEXT,
        fields=tuple(cursor.fields),
        missing=cursor.missing(),
        quantities={
            "carbohydrate": _scaled(carbohydrate_mass, _FROM_KILOGRAM_TO_GRAM, carbohydrate),
            "exercise_duration": _duration(duration, exercise),
            "exercise_intensity": absent_where(whole(intensity), ~exercise, NOT_SENT),
            "medication_mass": _scaled(amount, _FROM_KILOGRAM_TO_MILLIGRAM, medication & ~litres),
            "medication_volume": _scaled(amount, _FROM_LITRE_TO_MILLILITRE, medication & litres),
            "hba1c": _scaled(hba1c_word, 0, hba1c),
        },
        outcome=np.full(size, MEASURED, np.uint8),
        status=np.full(size, NONE, np.int32),
        user_slot=np.full(size, NONE, np.int32),
        record_number=sequence,
        recorded=None,
        offset_min=np.full(size, NO_OFFSET, np.int32),
        fault=np.zeros(size, np.bool_),
        trailing=cursor.rest(),
        codes={
            "meal": optional(meal_code, meal),
            "carbohydrate_kind": optional(carbohydrate_kind, carbohydrate),
            "tester": optional(tester_health & np.uint8(0x0F), person),
            "health": optional(tester_health >> np.uint8(4), person),
            "medication_kind": optional(medication_kind, medication),
        },
    )


def _scaled(words: Words, power: int, sent: Booleans) -> Numbers:
    units: Codes = np.zeros(len(words), np.uint8)
    return absent_where(sfloat(words, units, power), ~sent, NOT_SENT)


def _duration(seconds: Words, sent: Booleans) -> Numbers:
    overrun = absent_where(whole(seconds), seconds == EXERCISE_OVERRUN_S, POSITIVE_INFINITY)
    return absent_where(overrun, ~sent, NOT_SENT)

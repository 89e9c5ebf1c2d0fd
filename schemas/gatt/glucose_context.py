"""Glucose Measurement Context (0x2A34): what surrounded a measurement, under the same sequence.

3 to 17 bytes: flags; sequence; then, as flagged, extended flags, carbohydrate, meal, tester (low
nibble) and health (high nibble), exercise, medication, HbA1c. It arrives after its measurement or
never, and which glucose limits apply depends on it (meal).
"""

from enum import Enum
from functools import lru_cache

from msgspec import Struct

from schemas.gatt.codes import CODES_REMEMBERED, Code
from schemas.gatt.layout import Field, Layout
from schemas.gatt.number import Number, decode_sfloat, encode_sfloat

EXERCISE_OVERRUN_S = 0xFFFF

_CARBOHYDRATE = 1 << 0
_MEAL = 1 << 1
_TESTER_HEALTH = 1 << 2
_EXERCISE = 1 << 3
_MEDICATION = 1 << 4
_LITRES = 1 << 5
_HBA1C = 1 << 6
_EXTENDED_FLAGS = 1 << 7

_LAYOUT = Layout(
    "glucose context",
    Field("the sequence number", "H"),
    Field("the extended flags", "B", _EXTENDED_FLAGS),
    Field("the kind of carbohydrate", "B", _CARBOHYDRATE),
    Field("the mass of carbohydrate", "2s", _CARBOHYDRATE),
    Field("the meal", "B", _MEAL),
    Field("the tester and health", "B", _TESTER_HEALTH),
    Field("the duration of exercise", "H", _EXERCISE),
    Field("the intensity of exercise", "B", _EXERCISE),
    Field("the kind of medication", "B", _MEDICATION),
    Field("the amount of medication", "2s", _MEDICATION),
    Field("the HbA1c", "2s", _HBA1C),
)


class CarbohydrateKind(Code):
    """At which meal the carbohydrate was taken."""

    BREAKFAST = 1
    LUNCH = 2
    DINNER = 3
    SNACK = 4
    DRINK = 5
    SUPPER = 6
    BRUNCH = 7


class Meal(Code):
    """When the sample was taken, relative to a meal."""

    PREPRANDIAL = 1
    POSTPRANDIAL = 2
    FASTING = 3
    CASUAL = 4
    BEDTIME = 5


class Tester(Code):
    """Who took the sample; the low nibble."""

    SELF = 1
    HEALTH_PROFESSIONAL = 2
    LABORATORY = 3
    NOT_AVAILABLE = 15


class Health(Code):
    """How the patient was; the high nibble."""

    MINOR_ISSUES = 1
    MAJOR_ISSUES = 2
    DURING_MENSES = 3
    UNDER_STRESS = 4
    NO_ISSUES = 5
    NOT_AVAILABLE = 15


class MedicationKind(Code):
    """Which insulin was taken."""

    RAPID_ACTING = 1
    SHORT_ACTING = 2
    INTERMEDIATE_ACTING = 3
    LONG_ACTING = 4
    PREMIXED = 5


class MedicationUnit(Enum):
    """The unit of a medication's amount."""

    KILOGRAM = "kg"
    LITRE = "L"


class Carbohydrate(Struct, frozen=True):
    """What was eaten; 0.060 kg are 60 g."""

    kind: CarbohydrateKind
    mass_kg: Number


class Person(Struct, frozen=True):
    """Who tested, and how the patient was; one byte on the wire."""

    tester: Tester
    health: Health


class Exercise(Struct, frozen=True):
    """Physical exercise; ``EXERCISE_OVERRUN_S`` means longer than can be expressed."""

    duration_s: int
    intensity_percent: int


class Medication(Struct, frozen=True):
    """What was taken; 0.00012 L are 12 units of U-100 insulin."""

    kind: MedicationKind
    amount: Number
    unit: MedicationUnit


class GlucoseContext(Struct, frozen=True, kw_only=True):
    """One record as its flags describe it; None = the field was not sent."""

    sequence: int
    extended_flags: int | None = None
    carbohydrate: Carbohydrate | None = None
    meal: Meal | None = None
    person: Person | None = None
    exercise: Exercise | None = None
    medication: Medication | None = None
    hba1c_percent: Number | None = None
    trailing: bytes = b""


def decode(payload: bytes) -> GlucoseContext:
    """Decode 0x2A34. Raises ``MalformedPayload`` if the flags promise more bytes."""
    fields = _LAYOUT.unpack(payload)
    flags, sequence, extended_flags, food, mass, meal, person = fields[:7]
    duration_s, intensity_percent, drug, amount, hba1c, rest = fields[7:]
    return GlucoseContext(
        sequence=sequence,
        extended_flags=extended_flags,
        carbohydrate=None if food is None else Carbohydrate(_food(food), decode_sfloat(mass)),
        meal=None if meal is None else _meal(meal),
        person=None if person is None else _person(person),
        exercise=None if duration_s is None else Exercise(duration_s, intensity_percent),
        medication=None if drug is None else _medication(drug, amount, flags),
        hba1c_percent=None if hba1c is None else decode_sfloat(hba1c),
        trailing=rest,
    )


def encode(context: GlucoseContext) -> bytes:
    """Encode as 0x2A34. Raises ``ValueError`` for a number without an exact SFLOAT."""
    flags = 0
    tail = b""
    if context.extended_flags is not None:
        flags |= _EXTENDED_FLAGS
        tail += bytes((context.extended_flags,))
    if (carbohydrate := context.carbohydrate) is not None:
        flags |= _CARBOHYDRATE
        tail += bytes((carbohydrate.kind,)) + encode_sfloat(carbohydrate.mass_kg)
    if context.meal is not None:
        flags |= _MEAL
        tail += bytes((context.meal,))
    if (person := context.person) is not None:
        flags |= _TESTER_HEALTH
        tail += bytes((person.health << 4 | person.tester,))
    if (exercise := context.exercise) is not None:
        flags |= _EXERCISE
        tail += exercise.duration_s.to_bytes(2, "little") + bytes((exercise.intensity_percent,))
    if (medication := context.medication) is not None:
        flags |= _MEDICATION | (_LITRES if medication.unit is MedicationUnit.LITRE else 0)
        tail += bytes((medication.kind,)) + encode_sfloat(medication.amount)
    if context.hba1c_percent is not None:
        flags |= _HBA1C
        tail += encode_sfloat(context.hba1c_percent)
    return bytes((flags,)) + context.sequence.to_bytes(2, "little") + tail + context.trailing


@lru_cache(CODES_REMEMBERED)
def _person(octet: int) -> Person:
    return Person(Tester(octet & 0x0F), Health(octet >> 4))


def _medication(drug: int, amount: bytes, flags: int) -> Medication:
    unit = MedicationUnit.LITRE if flags & _LITRES else MedicationUnit.KILOGRAM
    return Medication(_drug(drug), decode_sfloat(amount), unit)


_food = lru_cache(CODES_REMEMBERED)(CarbohydrateKind)
_meal = lru_cache(CODES_REMEMBERED)(Meal)
_drug = lru_cache(CODES_REMEMBERED)(MedicationKind)

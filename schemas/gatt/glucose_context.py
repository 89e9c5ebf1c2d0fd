"""Glucose Measurement Context (0x2A34): what surrounded a measurement, under the same sequence.

3 to 17 bytes: flags; sequence; then, as flagged, extended flags, carbohydrate, meal, tester (low
nibble) and health (high nibble), exercise, medication, HbA1c. It arrives after its measurement or
never, and which glucose limits apply depends on it (meal).
"""

from enum import Enum

from msgspec import Struct

from schemas.gatt.codes import Code
from schemas.gatt.number import Number, decode_sfloat, encode_sfloat
from schemas.gatt.octets import Octets

EXERCISE_OVERRUN_S = 0xFFFF

_CARBOHYDRATE = 1 << 0
_MEAL = 1 << 1
_TESTER_HEALTH = 1 << 2
_EXERCISE = 1 << 3
_MEDICATION = 1 << 4
_LITRES = 1 << 5
_HBA1C = 1 << 6
_EXTENDED_FLAGS = 1 << 7


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
    octets = Octets(payload, "glucose context")
    flags = octets.uint8("the flags")
    return GlucoseContext(
        sequence=octets.uint16("the sequence number"),
        extended_flags=octets.uint8("the extended flags") if flags & _EXTENDED_FLAGS else None,
        carbohydrate=_carbohydrate(octets) if flags & _CARBOHYDRATE else None,
        meal=Meal(octets.uint8("the meal")) if flags & _MEAL else None,
        person=_person(octets) if flags & _TESTER_HEALTH else None,
        exercise=_exercise(octets) if flags & _EXERCISE else None,
        medication=_medication(octets, flags) if flags & _MEDICATION else None,
        hba1c_percent=decode_sfloat(octets.take(2, "the HbA1c")) if flags & _HBA1C else None,
        trailing=octets.rest(),
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


def _carbohydrate(octets: Octets) -> Carbohydrate:
    kind = CarbohydrateKind(octets.uint8("the kind of carbohydrate"))
    return Carbohydrate(kind, decode_sfloat(octets.take(2, "the mass of carbohydrate")))


def _person(octets: Octets) -> Person:
    octet = octets.uint8("the tester and health")
    return Person(Tester(octet & 0x0F), Health(octet >> 4))


def _exercise(octets: Octets) -> Exercise:
    duration_s = octets.uint16("the duration of exercise")
    return Exercise(duration_s, octets.uint8("the intensity of exercise"))


def _medication(octets: Octets, flags: int) -> Medication:
    return Medication(
        kind=MedicationKind(octets.uint8("the kind of medication")),
        amount=decode_sfloat(octets.take(2, "the amount of medication")),
        unit=MedicationUnit.LITRE if flags & _LITRES else MedicationUnit.KILOGRAM,
    )

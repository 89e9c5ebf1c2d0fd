"""Which circumstances a vital's devices tell: a rule that requires another one never speaks."""

from schemas.gatt.codes import Code
from schemas.gatt.glucose import SampleLocation, SampleType
from schemas.gatt.glucose_context import CarbohydrateKind, Health, Meal, MedicationKind, Tester
from schemas.gatt.thermometer import TemperatureType

_CODES: dict[str, dict[str, type[Code]]] = {
    "glucose": {
        "sample_type": SampleType,
        "sample_location": SampleLocation,
        "meal": Meal,
        "carbohydrate_kind": CarbohydrateKind,
        "tester": Tester,
        "health": Health,
        "medication_kind": MedicationKind,
    },
    "body_temperature": {"place": TemperatureType},
}
"""By vital, of its readings and of what amends them: the attributes that are one word of a list."""


def known_circumstances(vital: str) -> dict[str, tuple[str, ...]]:
    """Name a vital's circumstances and their words, as readings carry them."""
    return {
        name: tuple(code.label for code in codes) for name, codes in _CODES.get(vital, {}).items()
    }

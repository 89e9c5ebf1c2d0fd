import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.gatt import glucose_context
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.glucose_context import EXERCISE_OVERRUN_S, GlucoseContext, Meal

Fields = dict[str, Any]

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "glucose_context.json").read_text())


def decoded(vector_id: str) -> GlucoseContext:
    vector = next(vector for vector in VECTORS if vector["id"] == vector_id)
    return glucose_context.decode(bytes.fromhex(vector["hex"]))


def expected(fields: Fields) -> Fields:
    numbers = {"carbohydrate_mass_kg", "medication_amount", "hba1c_percent"}
    return {name: Decimal(value) if name in numbers else value for name, value in fields.items()}


def sent(context: GlucoseContext) -> Fields:
    """Lay out a record as the vectors do: only what the flags announced, codes raw."""
    fields: Fields = {"sequence": context.sequence, "trailing": len(context.trailing)}
    if context.carbohydrate is not None:
        fields["carbohydrate_kind"] = context.carbohydrate.kind
        fields["carbohydrate_mass_kg"] = context.carbohydrate.mass_kg
    if context.meal is not None:
        fields["meal"] = context.meal
    if context.person is not None:
        fields |= {"tester": context.person.tester, "health": context.person.health}
    if context.exercise is not None:
        fields["exercise_duration_s"] = context.exercise.duration_s
        fields["exercise_intensity_percent"] = context.exercise.intensity_percent
    if context.medication is not None:
        fields["medication_kind"] = context.medication.kind
        fields["medication_amount"] = context.medication.amount
        fields["medication_unit"] = context.medication.unit.value
    if context.hba1c_percent is not None:
        fields["hba1c_percent"] = context.hba1c_percent
    return fields


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["id"]))
def test_vector_says_what_its_flags_say(vector: Fields) -> None:
    context = glucose_context.decode(bytes.fromhex(vector["hex"]))
    assert sent(context) == expected(vector["fields"])
    assert glucose_context.encode(context).hex().upper() == vector["hex"]


def test_codes_have_names() -> None:
    person = decoded("C3").person
    assert person is not None
    assert (person.tester.label, person.health.label) == ("self", "no-issues")
    assert decoded("C4").meal is Meal.FASTING
    assert Meal(77).label == "code-77"


def test_exercise_overrun_has_a_name() -> None:
    exercise = decoded("C5b").exercise
    assert exercise is not None
    assert exercise.duration_s == EXERCISE_OVERRUN_S


def test_the_longest_record_with_extended_flags() -> None:
    payload = bytes.fromhex("FF1000" + "AA" + "013CD0" + "02" + "51" + "100E50" + "010CB0" + "48F0")
    context = glucose_context.decode(payload)
    assert context.extended_flags == 0xAA
    assert context.hba1c_percent == Decimal("7.2")
    assert glucose_context.encode(context) == payload
    for length in range(len(payload)):
        with pytest.raises(MalformedPayload, match="glucose context"):
            glucose_context.decode(payload[:length])

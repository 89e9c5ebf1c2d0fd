import jsonschema
import msgspec
import pytest

from schemas import json_schema
from schemas.reading import Capture, Device, Quantity, Reading


@pytest.mark.parametrize("name", json_schema.TYPES)
def test_the_committed_schema_is_the_one_that_the_types_give(name: str) -> None:
    committed = (json_schema.FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert committed == json_schema.render(name), "run: python -m schemas.json_schema"


def test_no_schema_is_left_of_a_type_that_is_gone() -> None:
    assert {path.stem for path in json_schema.FOLDER.iterdir()} == set(json_schema.TYPES)


def reading_json(unit: str) -> object:
    reading = Reading(
        seq=1,
        reading_id="00" * 16,
        vital="glucose",
        device=Device("C0:00:00:00:00:01"),
        characteristic="2a18",
        raw="00",
        quantities={"glucose": Quantity(unit, value="5.4")},
        session_id="s",
        capture=Capture("b", 1),
    )
    return msgspec.to_builtins(reading)


def test_a_reading_in_a_unit_of_its_vital_is_valid() -> None:
    jsonschema.validate(reading_json("mmol/L"), json_schema.schema("mqtt.readings.item"))


def test_a_reading_in_a_unit_of_another_vital_is_not() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(reading_json("mm[Hg]"), json_schema.schema("mqtt.readings.item"))

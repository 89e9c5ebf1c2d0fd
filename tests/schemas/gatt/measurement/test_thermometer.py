import pytest

from schemas.gatt.measurement import measure
from tests.schemas.gatt.measurement.shown import sent


@pytest.mark.parametrize(
    ("payload", "feature", "value", "place"),
    [
        ("066C0100FFEA07030E07050902", 6, "36.4 Cel", "body"),
        ("01DA0300FF", 6, "98.6 [degF]", "mouth"),
        ("00710E00FE", None, "36.97 Cel", ""),
    ],
)
def test_temperatures(payload: str, feature: int | None, value: str, place: str) -> None:
    measurement = measure("2a1c", bytes.fromhex(payload), feature)
    assert sent(measurement) == {"temperature": value}
    assert measurement.attributes.get("place", "") == place


@pytest.mark.parametrize(
    ("temperature", "outcome"),
    [("FFFF7F00", "failed"), ("00008000", "failed"), ("FEFF7F00", "measured")],
    ids=["no number", "not at this resolution", "above its range"],
)
def test_a_thermometer_that_failed(temperature: str, outcome: str) -> None:
    assert measure("2a1c", bytes.fromhex(f"00{temperature}")).outcome == outcome

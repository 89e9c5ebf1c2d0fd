import pytest

from schemas.gatt.measurement import believable, measure
from schemas.reading import Quantity
from tests.schemas.gatt.measurement.shown import sent


@pytest.mark.parametrize(
    ("payload", "quantities"),
    [
        ("067841EA07030E070509FF", {"weight": "83.8 kg"}),
        ("005843", {"weight": "86.2 kg"}),
        ("018C47", {"weight": "183.16 [lb_av]"}),
        ("00409C", {"weight": "200 kg"}),
        (
            "08784109016606",
            {"weight": "83.8 kg", "mass_index": "26.5 kg/m2", "height": "1.638 m"},
        ),
        ("0878410901FFFF", {"weight": "83.8 kg", "mass_index": "26.5 kg/m2"}),
    ],
)
def test_weights(payload: str, quantities: dict[str, str]) -> None:
    measurement = believable(measure("2a9d", bytes.fromhex(payload)))
    assert sent(measurement) == quantities
    assert measurement.outcome == "measured"
    assert measurement.user_slot is None


def test_a_scale_that_failed() -> None:
    measurement = measure("2a9d", bytes.fromhex("04FFFF02"))
    assert (measurement.outcome, measurement.user_slot) == ("failed", 2)
    assert measurement.quantities["weight"] == Quantity("kg", absent="error")

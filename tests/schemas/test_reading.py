"""A value, or why there is none, as people read it."""

import pytest

from schemas.reading import Quantity, value_text


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (Quantity("mm[Hg]", "120"), "120 mmHg"),
        (Quantity("Cel", "38.5"), "38.5 °C"),
        (Quantity("[lb_av]", "183.16"), "183.16 lb"),
        (Quantity("mg/dL", absent="positive-infinity"), "HI"),
        (Quantity("mg/dL", absent="negative-infinity"), "LO"),
        (Quantity("mg/dL", absent="not-a-number"), "not-a-number"),
    ],
)
def test_a_quantity_is_written_as_it_was_received(quantity: Quantity, text: str) -> None:
    assert value_text(quantity) == text

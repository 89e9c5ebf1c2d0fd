"""A rule that asks for a circumstance is judged by what the meter's context says of the reading."""

import msgspec
import pytest

from alerts.engine.offline import Offline
from alerts.rules.reader import read_book
from schemas.kafka import PatientReadings
from schemas.reading import Quantity
from tests.alerts.readings import NOON, Measured, glucose, record

BOOK = read_book(
    "fasting.toml",
    """
book = "fasting"
title = "Fasting glucose"
population = "Adults"

[vitals.glucose]
fresh = "1h"
units = ["mg/dL", "mmol/L"]

[[rule]]
id = "fasting-high"
ladder = "glucose-high"
title = "High before a meal"
vital = "glucose"
when = "glucose > (130 mg/dL, 7.2 mmol/L)"
requires = { meal = ["preprandial", "fasting"] }
band = ["10 mg/dL", "0.6 mmol/L"]
severity = "medium"
source = "ADA: 80-130 mg/dL before meals"
advice = "Look."
""",
)


def measured(meal: str | None, *, quality: str = "device-clock") -> PatientReadings:
    """A glucose of 150 mg/dL with its context, if there is one, in one session."""
    context = Measured("glucose_context", {"carbohydrate": Quantity("g", "10")}, NOON)
    whole = record(NOON, [glucose(NOON, 150), context])
    first, second = whole.readings
    stamp = msgspec.structs.replace(first.stamp, quality=quality)
    about = msgspec.structs.replace(
        second.reading, amends=first.reading.reading_id, attributes={"meal": meal or ""}
    )
    readings = [msgspec.structs.replace(first, stamp=stamp)]
    readings += [msgspec.structs.replace(second, reading=about)] if meal else []
    return msgspec.structs.replace(whole, readings=readings)


@pytest.mark.parametrize(
    ("meal", "told"),
    [("fasting", ["onset"]), ("preprandial", ["onset"]), ("postprandial", []), (None, [])],
)
def test_a_rule_is_judged_in_its_circumstance_alone(meal: str | None, told: list[str]) -> None:
    assert [one.event for one in Offline([BOOK]).take([measured(meal)])] == told


def test_a_context_does_not_make_its_reading_one_of_several() -> None:
    twice = BOOK.text.replace("requires = {", "window = { matching = 1, of = 3 }\nrequires = {", 1)
    engine = Offline([read_book("fasting.toml", twice)])
    assert [one.event for one in engine.take([measured("fasting", quality="receipt")])] == ["onset"]

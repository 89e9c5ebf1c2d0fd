"""A patient's weeks, drawn from a seed, and a book of many windows."""

from dataclasses import replace
from random import Random

import msgspec

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.rules.reader import read_book
from tests.alerts.book_text import rule
from tests.alerts.engine.window_rules import GATED, HIGH_TWICE, LOW_TWICE, RISE, ROBIN
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    pressure,
)

TEXT = [
    HIGH_TWICE,
    LOW_TWICE,
    rule("mean", "systolic >= 135 mmHg", "window = { mean_days = 3, readings = 4, days = 2 }"),
    rule(
        "steep",
        "systolic >= 160 mmHg",
        'window = { matching = 2, of = 4, within = "6h", days = 1, apart = "10min" }',
        ladder="high",
        severity="critical",
    ),
    rule("severe", "systolic > 180 mmHg or diastolic > 120 mmHg", ladder="high"),
    rule(
        "map", "map > 110 mmHg", "window = { mean_days = 2, readings = 3, days = 1 }", ladder="map"
    ),
    RISE,
]
THERAPY = msgspec.structs.replace(
    ROBIN, therapy_start_ms=NOON + 2 * DAY, care_plan_from_ms=NOON - DAY, zone="Europe/Berlin"
)


def rules() -> RuleSet:
    return arrange([read_book("edges.toml", GATED + "".join(TEXT))])


def weeks(seed: int, count: int = 35) -> list[Measured]:
    """Draw a patient's weeks: steady, worse, better; now and then flagged, HI, or unknown."""
    random, at_ms, level = Random(seed), NOON, 130
    measured = []
    for _ in range(count):
        at_ms += random.choice([MINUTE, 12 * MINUTE, HOUR, 7 * HOUR, DAY, DAY])
        at_ms += random.choice([0] * 12 + [9 * DAY, 30 * DAY])
        level = max(70, min(200, level + random.randint(-25, 25)))
        value: object = random.choice([level] * 9 + ["HI", "LO", "NaN"])
        flags = random.choice([()] * 8 + [("body-moved",)])
        one = pressure(at_ms, value, level - random.randint(40, 60), *flags)
        measured.append(replace(one, session=f"s{at_ms}"))
    return measured

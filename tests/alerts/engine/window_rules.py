"""Rules of one book, each written in a line, and what the engine says by them of a log."""

import msgspec

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import PatientReadings, ReadingsRecord
from schemas.registry import PatientEntry
from tests.alerts.book_text import MOVED, PRESSURE, head, rule
from tests.alerts.engine.cuts import judged as by_cuts
from tests.alerts.readings import Measured, record

HEAD = head("edges", PRESSURE)
GATED = head("edges", PRESSURE + MOVED)

HIGH_TWICE = rule("high", "systolic >= 145 mmHg", "window = { matching = 2, of = 3 }")
LOW_TWICE = rule("low", "systolic <= 90 mmHg", "window = { matching = 2, of = 3 }")
ROBIN = PatientEntry("p1", "Robin", ["edges"])


def rules(*text: str) -> RuleSet:
    return arrange([read_book("edges.toml", HEAD + "".join(text))])


def judged(
    log: list[ReadingsRecord], *text: str, patient: PatientEntry = ROBIN
) -> list[Transition]:
    return by_cuts(log, patient, rules=rules(*text))


def told(
    log: list[ReadingsRecord], *text: str, patient: PatientEntry = ROBIN
) -> list[tuple[str, str, str]]:
    return [(one.event, one.severity, one.rule) for one in judged(log, *text, patient=patient)]


LYING = 'requires = { position = ["lying"] }'


def with_attributes(one: Measured, **attributes: str) -> PatientReadings:
    made = record(one.at_ms, [one])
    stamped = made.readings[0]
    reading = msgspec.structs.replace(stamped.reading, attributes=attributes)
    return msgspec.structs.replace(
        made, readings=[msgspec.structs.replace(stamped, reading=reading)]
    )


RISE = rule(
    "rise",
    "systolic rise >= 20 mmHg",
    'baseline = { readings = 2, days = 10, before = "therapy" }',
)
MEAN = rule("mean", "systolic >= 135 mmHg", "window = { mean_days = 7, readings = 4, days = 2 }")

"""A mean holds at every reading of a bad week; it is said once a day."""

from alerts.engine.ladders.ladder import arrange
from alerts.rules.reader import read_book
from schemas.registry import PatientEntry
from tests.alerts.engine.cuts import judged as by_cuts
from tests.alerts.engine.small_books import MEAN
from tests.alerts.readings import DAY, MINUTE, NOON, at_once, pressure


def test_a_mean_is_spoken_of_once_a_day_of_the_patient() -> None:
    rules = arrange([read_book("means.toml", MEAN)])
    days = [pressure(NOON + n * DAY + k * MINUTE, 140) for n in range(5) for k in range(3)]
    entry = PatientEntry("p1", "Robin", ["adult-standard"])
    found = by_cuts(at_once(*days), entry, rules=rules)
    assert [(one.event, one.at_ms) for one in found] == [
        ("onset", NOON + 2 * DAY),
        ("again", NOON + 3 * DAY),
        ("again", NOON + 4 * DAY),
    ]
    assert found[0].reason.startswith("Mean of 4 readings on 2 days: Systolic 140 mmHg is at or")

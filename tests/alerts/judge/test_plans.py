"""What of a care plan in a log is taken, and what is said of the rest."""

import pytest

from alerts.judge.plans import Admitted
from alerts.rules.load import find_book, load_book
from schemas.registry import PatientEntry, PersonalLimit, Schedule

REFUSED = "Refused: patient p1, limit very-low-glucose:"
DIABETES = Admitted([load_book(find_book("adult-diabetes"))])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["65 mg/dL", "3.6 mmol/L"], []),
        (["65 mg/dL"], []),
        (
            ["65 mg/dL", "3.0 mmol/L"],
            [f"{REFUSED} 65 mg/dL and 3.0 mmol/L are not the same. The book's holds."],
        ),
    ],
)
def test_a_pair_that_is_no_pair_would_watch_by_one_kind_of_meter_only(
    values: list[str], said: list[str]
) -> None:
    own = PersonalLimit("very-low-glucose", values, "Dr. Ito", "physician", "falls", 0)
    entry = PatientEntry("p1", "", ["adult-diabetes"], limits=[own])
    taken, told = DIABETES.take(entry)
    assert told == said
    assert taken.limits == ([] if said else [own])


def test_a_schedule_that_nobody_can_read_is_told() -> None:
    schedules = [
        Schedule("glucose", [("06", "11"), ("17:00", "22:00")]),
        Schedule("bloodpressure", [("06:00", "11:00")]),
    ]
    _, told = DIABETES.take(PatientEntry("p1", "", ["adult-diabetes"], schedules=schedules))
    assert told == [
        (
            "Refused: patient p1, schedule of glucose: '06'-'11' are no times of day such as "
            "'06:00'-'11:00', the window is left out."
        ),
        "Refused: patient p1, schedule: there is no vital 'bloodpressure'.",
    ]

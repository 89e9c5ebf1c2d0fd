"""An event says by which limits it was judged, whose they are, and which readings were counted."""

import numpy as np
import pytest

from alerts.engine.ladders.findings import Finding, Summed, Window, summed
from alerts.engine.ladders.ladder import Ladder, Rung
from alerts.engine.readings.sight import Sight, evidence_of
from alerts.engine.step import step
from alerts.engine.transitions.transition import transition
from alerts.rules.reader import read_book
from alerts.rules.values import Sums
from schemas.alert import Transition
from schemas.kafka import Tick
from schemas.reading import Quantity
from schemas.registry import PersonalLimit
from tests.alerts.book_text import GLUCOSE, PRESSURE, head, rule
from tests.alerts.engine.cuts import judged as by_cuts
from tests.alerts.readings import HOUR, MINUTE, NOON, at_once, fresh_state, glucose, pressure

BOOK = head("clinic", PRESSURE, GLUCOSE)
LIMIT = """
[limits.low]
value = ["70 mg/dL", "3.9 mmol/L"]
allowed = [["60 mg/dL", "3.3 mmol/L"], ["80 mg/dL", "4.4 mmol/L"]]
relaxing = "down"
"""


def ladder(vital: str, when: str, rest: str = "") -> Ladder:
    """A ladder of one rule."""
    limit = LIMIT if "limit." in when else ""
    written = rule("rule", when, rest, ladder="ladder", severity="medium", vital=vital)
    book = read_book("clinic.toml", BOOK + limit + written)
    rung = Rung(book.rules[0], book, 2, HOUR)
    return Ladder(0, "ladder", vital, (rung,), 0, 0)


def sight(*flags: str, **quantities: str) -> Sight:
    values = {
        name: Quantity("mg/dL" if name == "glucose" else "mm[Hg]", value)
        for name, value in quantities.items()
    }
    vital = "glucose" if "glucose" in quantities else "blood_pressure"
    name = f"{hash(tuple(quantities.items())) & (1 << 60):032x}"
    return Sight(name, vital, NOON, "device-clock", values, list(flags))


def said(of: Ladder, seen: Sight, window: Window | None = None, **fields: object) -> Transition:
    finding = Finding("onset", 0, 0, 2, seen.reading_id, seen, NOON, window=window, **fields)  # type: ignore[arg-type]
    return transition("p1", of, finding, {})


def test_limits_are_shown_in_the_unit_of_the_reading_first() -> None:
    (found,) = step(fresh_state(), at_once(glucose(NOON, "2.9", "mmol/L"))).transitions
    (limit,) = found.limits
    assert (limit.field, limit.relation, limit.name) == ("glucose", "<", "")
    assert limit.amounts == ["3.0 mmol/L", "54 mg/dL"]
    assert limit.author == ""


def test_what_held_before_is_told() -> None:
    readings = [glucose(NOON, 60), glucose(NOON + MINUTE, 50), glucose(NOON + 2 * MINUTE, 100)]
    found = by_cuts(at_once(*readings))
    assert [one.held_before for one in found] == [
        [],
        ["adult-diabetes/glucose-below-70"],
        ["adult-diabetes/glucose-below-54", "adult-diabetes/glucose-below-70"],
    ]
    late = [*at_once(pressure(NOON, 200, 80, "body-moved")), Tick(NOON + HOUR)]
    again = at_once(pressure(NOON + 2 * HOUR, 200, 80))
    *_, worsened = by_cuts([*late, *again])
    assert worsened.held_before == worsened.lowered_before == ["adult-standard/bp-severe"]


def test_a_further_match_that_is_less_severe_than_the_alert_says_so() -> None:
    readings = [glucose(NOON + n * MINUTE, value) for n, value in enumerate([50, 52, 62])]
    found = by_cuts(at_once(*readings))
    assert [(one.event, one.severity, one.matched) for one in found] == [
        ("onset", "critical", None),
        ("again", "critical", None),
        ("again", "critical", "medium"),
    ]


def test_a_personal_limit_is_named_with_who_set_it_and_how_long_it_holds() -> None:
    own = PersonalLimit("low", ["62 mg/dL", "3.4 mmol/L"], "Dr. Ito", "physician", "frail", 5, 9)
    found = said(ladder("glucose", "glucose < limit.low"), sight(glucose="61"), own={"low": own})
    (limit,) = found.limits
    assert limit.amounts == ["62 mg/dL", "3.4 mmol/L"]
    assert (limit.name, limit.author, limit.role, limit.reason) == (
        "low",
        "Dr. Ito",
        "physician",
        "frail",
    )
    assert (limit.valid_from_ms, limit.valid_until_ms) == (5, 9)
    assert found.reason == "Glucose 61 mg/dL is below 62 mg/dL (clinic, rule)"
    assert said(ladder("glucose", "glucose < limit.low"), sight(glucose="61")).limits[0].name


def test_n_of_m_says_how_many_and_over_how_many_days() -> None:
    counted = ladder(
        "blood_pressure",
        "systolic >= 145 mmHg or diastolic >= 90 mmHg",
        "window = { matching = 3, of = 5, days = 2 }",
    )
    readings = [sight(systolic=value, diastolic="80") for value in ["150", "120", "146"]]
    readings.append(sight(systolic="150", diastolic="85"))
    window = Window([evidence_of(one) for one in readings], matching=3, days=2)
    found = said(counted, readings[-1], window)
    assert found.reason == (
        "Systolic at or above 145 mmHg or diastolic at or above 90 mmHg in 3 of the last 4 readings"
        " over 2 days, now systolic 150 mmHg and diastolic 85 mmHg (clinic, rule)"
    )
    assert [one.quantities["systolic"] for one in found.window] == [
        "150 mmHg",
        "120 mmHg",
        "146 mmHg",
        "150 mmHg",
    ]


def test_readings_beyond_the_device_are_shown_in_a_window() -> None:
    counted = ladder(
        "glucose",
        "glucose < (70 mg/dL, 3.9 mmol/L)",
        'window = { matching = 2, of = 8, within = "24h" }',
    )
    low = Sight(
        "1" * 32,
        "glucose",
        NOON,
        "receipt",
        {"glucose": Quantity("mg/dL", None, "negative-infinity")},
    )
    now = sight(glucose="60")
    for days in (1, 2):  # over midnight: 24 h is what the rule asks, not two days
        window = Window([evidence_of(low), evidence_of(now)], matching=2, days=days, censored=1)
        assert said(counted, now, window).reason == (
            "Glucose below 70 mg/dL in 2 of the last 2 readings within 24 h (1 of them HI or LO),"
            " now glucose 60 mg/dL (clinic, rule)"
        )


def sums(of_one: Ladder, total: int, count: int, before: tuple[int, int] | None = None) -> Summed:
    """Of systolic and diastolic (80), in tenths; a baseline likewise."""

    def row(first: int, second: int) -> np.ndarray:
        return np.array([[first, second, 0, 0]], dtype=np.int64)

    of = row(count, count)
    baseline = (row(before[0], 800), row(before[1], before[1])) if before else (None, None)
    of_all = Sums(row(total, 800 * count), of, np.zeros((1, 4), np.int8), *baseline)
    return summed(of_one.rungs[0].tests, of_all)[0]


def test_a_mean_says_of_how_many_readings_it_is_and_what_it_leaves_out() -> None:
    mean = ladder(
        "blood_pressure",
        "systolic >= 135 mmHg or diastolic >= 85 mmHg",
        "window = { mean_days = 7, readings = 12, days = 3 }",
    )
    window = Window(sums=sums(mean, 19_215, 14), averaged=14, days=7)
    found = said(mean, sight(systolic="120", diastolic="80"), window)
    assert found.reason == (
        "Mean of 14 readings on 7 days: Systolic 137.3 mmHg is at or above 135 mmHg (clinic, rule)"
    )
    beyond = Window(sums=sums(mean, 19_215, 14), averaged=14, days=7, beyond=1)
    assert ", 1 HI or LO left out: " in said(mean, sight(systolic="120"), beyond).reason


def test_a_rise_is_told_over_its_baseline() -> None:
    rise = ladder(
        "blood_pressure",
        "systolic rise >= 20 mmHg",
        'baseline = { readings = 6, days = 14, before = "therapy" }',
    )
    window = Window(sums=sums(rise, 1_520, 1, (7_680, 6)))
    assert said(rise, sight(systolic="152", diastolic="80"), window).reason == (
        "Systolic rise 24 mmHg is at or above 20 mmHg over the baseline (clinic, rule)"
    )
    unknown = Window(sums=sums(rise, 1_520, 1))
    assert said(rise, sight(systolic="152"), unknown).reason.endswith(": rule (clinic, rule)")


@pytest.mark.parametrize(
    ("when", "seen", "sentence"),
    [
        (
            "map >= 110 mmHg",
            sight(systolic="150", diastolic="95"),
            "Mean arterial pressure 113.3 mmHg is at or above 110 mmHg (clinic, rule)",
        ),
        (
            "status is irregular-pulse",
            sight("irregular-pulse", systolic="120"),
            "The device reports irregular pulse (clinic, rule)",
        ),
    ],
)
def test_derived_fields_and_flags_have_words(when: str, seen: Sight, sentence: str) -> None:
    assert said(ladder("blood_pressure", when), seen).reason == sentence

"""What a nurse reads: values as received, the limit that was crossed, the rule that says so."""

import pytest

from alerts.engine.ladders.ladder import arrange
from alerts.rules.load import load_books
from schemas.alert import Transition
from schemas.registry import PatientEntry
from tests.alerts.engine.cuts import judged as by_cuts
from tests.alerts.readings import (
    BOTH,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    at_once,
    glucose,
    pressure,
    record,
)


def judged(*measured: Measured) -> list[Transition]:
    return by_cuts(at_once(*measured))


@pytest.mark.parametrize(
    ("measured", "sentence"),
    [
        (
            pressure(NOON, 192, 80),
            "Systolic 192 mmHg is above 180 mmHg (adult-standard, bp-severe)",
        ),
        (
            pressure(NOON, "25.1", 15, unit="kPa"),
            "Systolic 25.1 kPa (188.3 mmHg) is above 180 mmHg (adult-standard, bp-severe)",
        ),
        (
            pressure(NOON, 181, 121),
            (
                "Systolic 181 mmHg is above 180 mmHg and diastolic 121 mmHg is above 120 mmHg"
                " (adult-standard, bp-severe)"
            ),
        ),
        (
            pressure(NOON, 90, 50),
            "Systolic 90 mmHg is at or below 90 mmHg (adult-standard, bp-low)",
        ),
        (
            glucose(NOON, "2.9", "mmol/L"),
            "Glucose 2.9 mmol/L is below 3.0 mmol/L (adult-diabetes, glucose-below-54)",
        ),
        (
            glucose(NOON, "HI"),
            "Glucose is HI: above what the device can measure (adult-diabetes, glucose-hi)",
        ),
    ],
)
def test_the_reason_shows_values_as_received(measured: Measured, sentence: str) -> None:
    (found,) = judged(measured)
    assert found.reason == sentence


@pytest.mark.parametrize(
    ("late_ms", "sentence"),
    [
        (0, "ask for a repeat within 15 min"),
        (15 * MINUTE - 1, "ask for a repeat within 15 min"),
        (15 * MINUTE, "ask for a repeat"),
        (HOUR, "ask for a repeat"),
        (
            5 * HOUR,
            "ask for a repeat; delayed, measured 5 h before it came: call the patient",
        ),
    ],
)
def test_nobody_is_asked_for_a_repeat_in_a_time_that_is_over(late_ms: int, sentence: str) -> None:
    moved = pressure(NOON - late_ms, 192, 80, "body-moved")
    (asked,) = by_cuts([record(NOON, [moved])])
    assert asked.event == "repeat-asked"
    assert asked.reason.endswith(f"(adult-standard, bp-severe); but the body moved: {sentence}")


def test_the_end_is_a_sentence_too() -> None:
    found = judged(glucose(NOON, 50), glucose(NOON + 1, 75), glucose(NOON + 2, 99))
    assert found[1].reason == (
        "Glucose 75 mg/dL: clinically significant low glucose is over, low glucose remains"
        " (adult-diabetes, glucose-below-70)"
    )
    assert found[2].reason == (
        "Glucose 99 mg/dL: back within limits (adult-diabetes, glucose-below-70)"
    )


def test_a_transition_carries_its_rule_source_advice_and_evidence() -> None:
    (found,) = judged(pressure(NOON, 192, "NaN", "irregular-pulse"))
    assert found.evidence.quantities == {"systolic": "192 mmHg", "diastolic": "not-a-number"}
    assert found.evidence.status == ["irregular-pulse"]
    assert (found.evidence.measured_at_ms, found.evidence.time_quality) == (NOON, "device-clock")
    assert found.source
    assert found.advice
    assert len(found.book_sha256) == 64


def test_a_rule_about_what_the_device_reports_has_sentences_too() -> None:
    log = at_once(
        pressure(NOON, 120, 80, "irregular-pulse"),
        pressure(NOON + HOUR, 120, 80, "irregular-pulse"),
        *[pressure(NOON + hour * HOUR, 120, 80) for hour in (2, 3, 4)],
    )
    shipped = arrange(load_books())
    patient = PatientEntry("p1", "Robin", BOTH[:1])
    assert [one.reason for one in by_cuts(log, patient, rules=shipped)] == [
        "Irregular pulse in 2 of the last 2 readings (adult-standard, pulse-irregular)",
        "No irregular pulse: back within limits (adult-standard, pulse-irregular)",
    ]

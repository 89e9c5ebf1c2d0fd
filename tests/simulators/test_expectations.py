"""The plain statement of which alerts must be raised, held to the limits' own sources."""

from math import inf, nan
from random import Random

import pytest

from simulators.expectations import Shown, expected_events
from simulators.patients import STORIES, URGENT_STORIES
from simulators.scenario import PlannedMeasurement

WORDS = {"HI": inf, "LO": -inf}


def shown(measurement: PlannedMeasurement, number: int, record: str | None = None) -> Shown:
    value = measurement.glucose_mg_dl
    record = record or str(number)
    if value is not None:
        return Shown("p", str(number), record, glucose=WORDS.get(value) or float(value))
    assert measurement.systolic is not None
    assert measurement.diastolic is not None
    return Shown(
        "p",
        str(number),
        record,
        systolic=measurement.systolic,
        diastolic=measurement.diastolic,
        flagged=measurement.movement,
        irregular=measurement.irregular_pulse,
    )


def said(*readings: Shown) -> list[tuple[str, str, str]]:
    events = sorted(expected_events(readings), key=lambda event: int(event.reading_id))
    return [(event.reading_id, event.event, event.severity) for event in events]


def pressures(*values: tuple[int, int]) -> list[Shown]:
    return [
        Shown("p", str(number), str(number), systolic=systolic, diastolic=diastolic)
        for number, (systolic, diastolic) in enumerate(values)
    ]


def glucoses(*values: float) -> list[Shown]:
    return [Shown("p", str(n), str(n), glucose=value) for n, value in enumerate(values)]


@pytest.mark.parametrize("value", [(180, 120), (91, 50), (120, 80)])
def test_pressures_at_the_limit_alert_nobody(value: tuple[int, int]) -> None:
    assert said(*pressures(value)) == []


@pytest.mark.parametrize(
    ("value", "severity"),
    [((181, 80), "critical"), ((140, 121), "critical"), ((90, 50), "high")],
)
def test_pressures_beyond_the_limit_alert(value: tuple[int, int], severity: str) -> None:
    assert said(*pressures(value)) == [("0", "onset", severity)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (70, []),
        (180, []),
        (181, [("0", "onset", "info")]),
        (250, [("0", "onset", "info")]),
        (69, [("0", "onset", "medium")]),
        (54, [("0", "onset", "medium")]),
        (53, [("0", "onset", "critical")]),
        (-inf, [("0", "onset", "critical")]),
        (251, [("0", "onset", "medium")]),
        (inf, [("0", "onset", "critical")]),
    ],
)
def test_glucose_limits(value: float, expected: list[tuple[str, str, str]]) -> None:
    assert said(*glucoses(value)) == expected


def test_an_alert_lasts_through_the_band_and_ends_beyond_it() -> None:
    assert said(*pressures((190, 100), (176, 100), (175, 116), (175, 115))) == [
        ("0", "onset", "critical"),
        ("3", "returned", "critical"),
    ]


def test_a_step_up_worsens_and_a_step_down_eases_when_its_band_is_passed() -> None:
    assert said(*glucoses(69, 53, 63, 64, 79, 80)) == [
        ("0", "onset", "medium"),
        ("1", "worsened", "critical"),
        ("3", "eased", "high"),  # it was low more than once
    ]
    assert said(*glucoses(260, 175, 170)) == [
        ("0", "onset", "medium"),
        ("1", "eased", "info"),
        ("2", "returned", "info"),
    ]


def test_twice_low_lasts_until_one_low_value_alone_is_among_the_last_eight() -> None:
    assert said(*glucoses(69, 68, *[80] * 7)) == [
        ("0", "onset", "medium"),
        ("1", "worsened", "high"),
        ("8", "returned", "high"),
    ]


def test_two_of_three_flags_of_an_irregular_pulse_are_told() -> None:
    flags = [True, False, True, False, False]
    readings = [
        Shown("p", str(n), str(n), systolic=120, diastolic=80, irregular=flag)
        for n, flag in enumerate(flags)
    ]
    assert said(*readings) == [("2", "onset", "medium"), ("3", "returned", "medium")]


def test_a_word_never_ends_an_alert_on_the_other_side() -> None:
    assert said(*glucoses(260, -inf, 100)) == [
        ("0", "onset", "medium"),
        ("1", "onset", "critical"),
        ("2", "returned", "medium"),
        ("2", "returned", "critical"),
    ]


def test_a_flagged_match_asks_for_a_repeat_and_a_sound_repeat_opens_nothing() -> None:
    flagged = Shown("p", "0", "0", systolic=200, diastolic=110, flagged=True)
    repeat = Shown("p", "1", "1", systolic=130, diastolic=80)
    assert said(flagged, repeat) == [("0", "repeat-asked", "critical")]


def test_a_third_flagged_match_counts_as_confirmed() -> None:
    story = [(200, True), (130, False)] * 3
    readings = [
        Shown("p", str(n), str(n), systolic=systolic, diastolic=80, flagged=flagged)
        for n, (systolic, flagged) in enumerate(story)
    ]
    assert said(*readings) == [
        ("0", "repeat-asked", "critical"),
        ("2", "repeat-asked", "critical"),
        ("4", "onset", "critical"),
        ("5", "returned", "critical"),
    ]


def test_what_begins_and_ends_within_one_record_was_over_before_anybody_saw_it() -> None:
    first, second = (
        Shown("p", "0", "same", glucose=50),
        Shown("p", "1", "same", glucose=90),
    )
    assert [kind for _, kind, _ in said(first, second)] == ["resolved-before-seen"]


def test_patients_are_judged_apart() -> None:
    one, other = (Shown(patient, "0", "0", glucose=50) for patient in ("p", "q"))
    assert [event.patient_id for event in expected_events([one, other])] == ["p", "q"]


@pytest.mark.parametrize("seed", range(20))
def test_urgent_stories_page_at_their_first_value(seed: int) -> None:
    for story in URGENT_STORIES:
        first = story(Random(seed))[0]
        assert said(shown(first, 0)) == [("0", "onset", "critical")], story.__name__


@pytest.mark.parametrize("seed", range(20))
def test_after_every_story_and_some_quiet_readings_all_is_well_again(seed: int) -> None:
    for story in STORIES:
        told = [shown(one, number) for number, one in enumerate(story(Random(seed)))]
        quiet = {"pressure": (120.0, 75.0, nan), "glucose": (nan, nan, 110.0)}[told[0].kind]
        calm = [Shown("p", str(n), str(n), *quiet) for n in range(len(told), len(told) + 8)]
        events = said(*told, *calm)
        began = sum(kind == "onset" for _, kind, _ in events)
        assert began == sum(kind == "returned" for _, kind, _ in events), story.__name__

"""What single readings mean, case by case, in the words of the alerting rules."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from alerts.engine.step import step
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord, Tick
from schemas.registry import PatientEntry
from tests.alerts.engine.cuts import judged as by_cuts
from tests.alerts.readings import (
    BOTH,
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    at_once,
    fresh_state,
    glucose,
    pressure,
    quantity,
    record,
    trial,
)

ROBIN = PatientEntry("p1", "Robin", BOTH)


def judged(*records: ReadingsRecord, patient: PatientEntry = ROBIN) -> list[Transition]:
    return by_cuts(records, patient)


def short(transitions: Sequence[Transition]) -> list[str]:
    return [f"{one.event} {one.severity} {one.rule}" for one in transitions]


def story(*measured: Measured) -> list[str]:
    return short(judged(*at_once(*measured)))


# -- limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("systolic", "diastolic", "expected"),
    [
        (180, 120, []),
        (181, 120, ["onset critical bp-severe"]),
        (180, 121, ["onset critical bp-severe"]),
        ("NaN", 130, ["onset critical bp-severe"]),
        ("NaN", "NaN", []),
        (90, 60, ["onset high bp-low"]),
        (91, 60, []),
        ("90.1", 60, []),
    ],
)
def test_blood_pressure_limits(systolic: object, diastolic: object, expected: list[str]) -> None:
    assert story(pressure(NOON, systolic, diastolic)) == expected


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("54", "mg/dL", ["onset medium glucose-below-70"]),
        ("53.9", "mg/dL", ["onset critical glucose-below-54"]),
        ("69", "mg/dL", ["onset medium glucose-below-70"]),
        ("70", "mg/dL", []),
        ("250", "mg/dL", []),
        ("251", "mg/dL", ["onset medium glucose-above-250"]),
        ("2.9", "mmol/L", ["onset critical glucose-below-54"]),
        ("3.0", "mmol/L", ["onset medium glucose-below-70"]),
        ("3.00", "mmol/L", ["onset medium glucose-below-70"]),
        ("3.8", "mmol/L", ["onset medium glucose-below-70"]),
        ("3.9", "mmol/L", []),
        ("13.9", "mmol/L", []),
        ("14.0", "mmol/L", ["onset medium glucose-above-250"]),
        ("HI", "mg/dL", ["onset critical glucose-hi"]),
        ("LO", "mmol/L", ["onset critical glucose-lo"]),
        ("NaN", "mg/dL", []),
        ("twelve", "mg/dL", []),
        ("40", "stone", []),
    ],
)
def test_glucose_limits_in_the_unit_received(value: str, unit: str, expected: list[str]) -> None:
    assert story(glucose(NOON, value, unit)) == expected


def test_what_is_no_measurement_matches_nothing() -> None:
    control = replace(glucose(NOON, 40), outcome="control-solution")
    assert story(control, replace(control, outcome="failed")) == []


def test_only_books_of_the_care_plan_and_only_since_it_began() -> None:
    log = at_once(pressure(NOON, 200), glucose(NOON, 40), glucose(NOON + HOUR, 41))
    plan = PatientEntry("p1", "Robin", ["adult-diabetes"], care_plan_from_ms=NOON + HOUR)
    (onset,) = judged(*log, patient=plan)
    assert onset.evidence.quantities == {"glucose": "41 mg/dL"}
    assert judged(*log, patient=PatientEntry("p1", "Robin", [])) == []


def test_a_patient_whom_the_registry_does_not_know_is_judged_by_every_book() -> None:
    assert len(judged(*at_once(pressure(NOON, 200), glucose(NOON, 40), patient_id="stranger"))) == 2


# -- conditions -----------------------------------------------------------------------------------


def test_a_pressure_that_wavers_around_its_limit_is_one_alert() -> None:
    values = [181, 178, 182, 176, 175]
    log = at_once(*(pressure(NOON + n * MINUTE, value) for n, value in enumerate(values)))
    found = judged(*log)
    assert [one.event for one in found] == ["onset", "again", "returned"]
    assert len({one.alert_id for one in found}) == 1


def test_glucose_falls_rises_and_returns_by_its_bands() -> None:
    values = [65, 50, "LO", 63, 64, 79, 80]
    measured = [glucose(NOON + n * MINUTE, value) for n, value in enumerate(values)]
    assert story(*measured) == [
        "onset medium glucose-below-70",
        "worsened critical glucose-below-54",
        "again critical glucose-lo",
        "again critical glucose-below-54",
        "eased medium glucose-below-70",
        "returned medium glucose-below-70",
    ]


def test_hi_ends_no_low_alert() -> None:
    found = story(glucose(NOON, 50), glucose(NOON + 1, "HI"), glucose(NOON + 2, 100))
    assert found == [
        "onset critical glucose-below-54",
        "onset critical glucose-hi",
        "returned critical glucose-hi",
        "returned critical glucose-below-54",
    ]


def test_an_unknown_value_ends_nothing() -> None:
    assert len(story(pressure(NOON, 200, 100), pressure(NOON + 1, 120, "NaN"))) == 1
    assert len(story(pressure(NOON, 200, 100), pressure(NOON + 1, "NaN", 80))) == 1


def test_a_new_problem_is_a_new_alert_with_a_name_that_can_be_foretold() -> None:
    measured = [pressure(NOON + n * MINUTE, value) for n, value in enumerate([190, 120, 191])]
    first, _, second = judged(*at_once(*measured))
    assert first.alert_id != second.alert_id
    assert judged(*at_once(*measured)) == judged(*at_once(*measured))


def test_time_that_is_not_certain_ends_no_critical_alert() -> None:
    receipt = replace(pressure(NOON + MINUTE, 120), time="receipt")
    assert story(pressure(NOON, 200), receipt) == ["onset critical bp-severe"]
    low = replace(pressure(NOON, 85), time="receipt")
    assert story(low, receipt) == ["onset high bp-low", "returned high bp-low"]


# -- order ----------------------------------------------------------------------------------------


def test_the_same_reading_twice_is_judged_once() -> None:
    one = pressure(NOON, 200)
    assert len(judged(record(NOON, [one]), record(NOON + MINUTE, [one]))) == 1
    assert len(judged(record(NOON, [one, one]))) == 1
    quiet = [record(NOON + n, [pressure(NOON, 120)]) for n in range(3)]
    assert step(fresh_state(ROBIN), quiet).duplicates == 2


def test_a_late_reading_never_ends_an_alert() -> None:
    log = [record(NOON, [pressure(NOON, 200)])]
    log.append(record(NOON + MINUTE, [pressure(NOON - MINUTE, 120)]))
    assert short(judged(*log)) == ["onset critical bp-severe"]


def test_a_reading_of_the_same_instant_ends_nothing() -> None:
    log = [record(NOON, [pressure(NOON, 200)]), record(NOON, [pressure(NOON, 120)])]
    assert short(judged(*log)) == ["onset critical bp-severe"]


def test_a_late_match_that_a_newer_reading_contradicts_is_work_not_a_page() -> None:
    log = [record(NOON, [pressure(NOON, 120)])]
    log.append(record(NOON + MINUTE, [pressure(NOON - MINUTE, 200)]))
    (found,) = judged(*log)
    assert (found.event, found.severity) == ("resolved-before-seen", "medium")
    assert found.reason.endswith("; a later reading was back within limits")


def test_a_late_match_opens_while_the_newest_reading_is_not_clearly_normal() -> None:
    log = [record(NOON, [pressure(NOON, 178)])]
    log.append(record(NOON + MINUTE, [pressure(NOON - MINUTE, 200)]))
    assert short(judged(*log)) == ["onset critical bp-severe"]


def test_begun_and_ended_in_one_record_is_resolved_before_seen() -> None:
    one = record(NOON, [pressure(NOON - 2, 190), pressure(NOON - 1, 200), pressure(NOON, 120)])
    assert short(judged(one)) == ["resolved-before-seen medium bp-severe"]


def test_a_repeat_that_was_asked_for_stays_asked_when_all_was_over_in_one_record() -> None:
    readings = [flagged(NOON - 2), pressure(NOON - 1, 200), pressure(NOON, 120)]
    found = [one.event for one in judged(record(NOON, readings))]
    assert found == ["repeat-asked", "resolved-before-seen"]


def test_of_two_readings_of_one_instant_the_later_to_arrive_is_the_newest() -> None:
    normal, wavering = pressure(NOON, 120), pressure(NOON, 178)
    late_match = record(NOON + MINUTE, [pressure(NOON - MINUTE, 200)])
    assert short(judged(*at_once(wavering, normal), late_match)) == [
        "resolved-before-seen medium bp-severe"
    ]
    assert short(judged(*at_once(normal, wavering), late_match)) == ["onset critical bp-severe"]


def test_readings_of_a_record_are_judged_in_the_order_of_measurement() -> None:
    one = record(NOON, [pressure(NOON, 200), pressure(NOON - MINUTE, 120)])
    assert short(judged(one)) == ["onset critical bp-severe"]


# -- age ------------------------------------------------------------------------------------------


def late(measured: Measured, age_ms: int) -> ReadingsRecord:
    return record(measured.at_ms + age_ms, [measured])


def test_fresh_delayed_and_stale() -> None:
    high = pressure(NOON, 200)
    assert short(judged(late(high, 4 * HOUR))) == ["onset critical bp-severe"]
    (delayed,) = judged(late(high, 4 * HOUR + 1))
    assert (delayed.event, delayed.severity, delayed.marks) == ("onset", "high", ["delayed"])
    assert "delayed, measured 4 h before it came: call the patient" in delayed.reason
    assert short(judged(late(high, DAY))) == ["onset high bp-severe"]
    (stale,) = judged(late(high, DAY + 1))
    assert (stale.event, stale.severity, stale.marks) == ("stale", "medium", ["stale"])


def test_a_delayed_hypo_stays_critical() -> None:
    assert short(judged(late(glucose(NOON, 50), 5 * HOUR))) == ["onset critical glucose-below-54"]
    assert short(judged(late(glucose(NOON, "LO"), 5 * HOUR))) == ["onset critical glucose-lo"]
    assert short(judged(late(glucose(NOON, "HI"), 5 * HOUR))) == ["onset high glucose-hi"]
    assert short(judged(late(glucose(NOON, 60), 5 * HOUR))) == ["onset info glucose-below-70"]


def test_a_fresh_match_raises_what_was_only_delayed() -> None:
    log = [late(pressure(NOON, 200), 5 * HOUR)]
    log += at_once(pressure(NOON + 6 * HOUR, 200))
    assert short(judged(*log)) == ["onset high bp-severe", "worsened critical bp-severe"]


def test_delayed_and_stale_readings_end_nothing() -> None:
    log = at_once(pressure(NOON, 200))
    log.append(late(pressure(NOON + MINUTE, 120), 5 * HOUR))
    log.append(late(pressure(NOON + 2 * MINUTE, 120), 2 * DAY))
    assert short(judged(*log)) == ["onset critical bp-severe"]


def test_a_delayed_reading_behind_a_newer_one_is_stale() -> None:
    log = at_once(pressure(NOON, 120))
    log.append(record(NOON + MINUTE, [pressure(NOON - 5 * HOUR, 200)]))
    assert short(judged(*log)) == ["stale medium bp-severe"]


def test_old_readings_are_one_item_a_day_with_count_and_worst() -> None:
    week = NOON - 7 * DAY
    first = record(NOON, [pressure(week + n, value) for n, value in enumerate([190, 210, 120])])
    second = record(NOON + HOUR, [pressure(week + 10, 200)])
    tomorrow = record(NOON + DAY, [pressure(week + 20, 185)])
    found = judged(first, second, tomorrow)
    assert [one.event for one in found] == ["stale"] * 3
    assert [one.evidence.quantities["systolic"] for one in found] == [
        "210 mmHg",
        "210 mmHg",
        "185 mmHg",
    ]
    assert found[0].alert_id == found[1].alert_id != found[2].alert_id
    assert "the worst of 3 old readings outside limits" in found[1].reason


def test_a_day_is_the_patients_own() -> None:
    new_york = PatientEntry("p1", "Robin", BOTH, zone="America/New_York")
    old = NOON - 7 * DAY
    evening, night = NOON + 11 * HOUR, NOON + 13 * HOUR  # around midnight UTC
    log = [record(evening, [pressure(old, 190)]), record(night, [pressure(old + 1, 190)])]
    here, there = judged(*log), judged(*log, patient=new_york)
    assert len({one.alert_id for one in here}) == 2
    assert len({one.alert_id for one in there}) == 1


def test_untrusted_time_is_stale() -> None:
    assert story(replace(pressure(NOON, 200), time="untrusted")) == ["stale medium bp-severe"]


def test_a_reading_of_untrusted_time_makes_no_other_one_old() -> None:
    untrusted = replace(pressure(NOON, 120), time="untrusted")
    log = [record(NOON, [untrusted]), record(NOON + 1, [pressure(NOON - 5 * HOUR, 200)])]
    assert short(judged(*log)) == ["onset high bp-severe"]


def test_a_time_known_only_by_its_bounds_is_fresh_only_if_all_of_it_is() -> None:
    bounded = replace(pressure(NOON, 200), time="bounded")
    narrow = replace(bounded, earliest_ms=NOON - 3 * HOUR)
    wide = replace(bounded, earliest_ms=NOON - 30 * HOUR)
    assert story(narrow) == ["onset critical bp-severe"]
    assert story(wide) == ["onset high bp-severe"]


# -- quality --------------------------------------------------------------------------------------


def flagged(at_ms: int, systolic: object = 200) -> Measured:
    return pressure(at_ms, systolic, 80, "body-moved")


def test_a_flagged_match_asks_for_a_repeat_and_opens_unverified_at_the_deadline() -> None:
    deadline = NOON + 15 * MINUTE
    asked, onset = judged(*at_once(flagged(NOON)), Tick(deadline), Tick(deadline + 1))
    assert (asked.event, asked.severity) == ("repeat-asked", "critical")
    assert asked.reason.endswith("; but the body moved: ask for a repeat within 15 min")
    assert (onset.event, onset.severity, onset.at_ms) == ("onset", "high", deadline)
    assert onset.marks == ["unverified", "flagged"]
    assert onset.alert_id == asked.alert_id
    assert len(judged(*at_once(flagged(NOON)), Tick(deadline))) == 1


def test_a_repeat_in_time_confirms_flagged_or_not() -> None:
    end = Tick(NOON + DAY)
    for repeat in (pressure(NOON + 15 * MINUTE, 190), flagged(NOON + 15 * MINUTE, 190)):
        asked, onset = judged(*at_once(flagged(NOON), repeat), end)
        assert (onset.event, onset.severity) == ("onset", "critical")
        assert onset.alert_id == asked.alert_id
        assert onset.evidence.quantities["systolic"] == "190 mmHg"


def test_a_repeat_that_denies_ends_the_wait_and_an_unknown_one_does_not() -> None:
    end = Tick(NOON + DAY)
    denied = judged(*at_once(flagged(NOON), pressure(NOON + MINUTE, 178)), end)
    assert short(denied) == ["repeat-asked critical bp-severe"]
    unknown = judged(*at_once(flagged(NOON), pressure(NOON + MINUTE, "NaN")), end)
    assert [one.event for one in unknown] == ["repeat-asked", "onset"]


def test_a_second_reading_too_late_is_no_repeat() -> None:
    late_match = flagged(NOON + 15 * MINUTE + 1)
    found = judged(*at_once(flagged(NOON), late_match), Tick(NOON + DAY))
    assert [one.event for one in found] == ["repeat-asked", "onset", "again", "repeat-asked"]


def test_three_flagged_matches_in_three_days_count_as_confirmed() -> None:
    times = [NOON, NOON + DAY, NOON + 3 * DAY]
    found = judged(*at_once(*(flagged(at_ms) for at_ms in times)))
    assert short(found)[-1] == "worsened critical bp-severe"
    times[2] += 1
    found = judged(*at_once(*(flagged(at_ms) for at_ms in times)))
    assert short(found)[-1] == "repeat-asked critical bp-severe"


def test_a_flagged_reading_ends_nothing_and_an_irregular_pulse_gates_nothing() -> None:
    calm = pressure(NOON + MINUTE, 120, 80, "cuff-too-loose")
    assert story(pressure(NOON, 200), calm) == ["onset critical bp-severe"]
    irregular = pressure(NOON, 200, 80, "irregular-pulse")
    assert story(irregular) == ["onset critical bp-severe"]


def test_a_vital_without_a_rule_is_left_alone() -> None:
    weight = Measured("weight", {"weight": quantity("83.8", "kg")}, NOON)
    oximetry = Measured("oximetry", {"spo2": quantity("81", "%")}, NOON + MINUTE)
    temperature = Measured("body_temperature", {"temperature": quantity("40.1", "Cel")}, NOON)
    severe = pressure(NOON + 2 * MINUTE, 200)
    assert story(weight, oximetry, temperature, severe) == ["onset critical bp-severe"]
    together = record(NOON + 3 * MINUTE, [weight, oximetry, temperature, severe])
    assert short(judged(together)) == ["onset critical bp-severe"]


def test_what_one_reading_does_twice_has_two_names() -> None:
    log = [late(pressure(NOON - 3 * HOUR, 130), 2 * HOUR)]
    log += at_once(flagged(NOON, 130), flagged(NOON + MINUTE))  # confirms one rung, asks for two
    patient = PatientEntry("p1", "Robin", [*BOTH, "clinic-trial"])
    state = fresh_state(patient, rules=trial())
    found = step(state, [*log, Tick(NOON + DAY)]).transitions
    assert short(found) == [
        "onset info trial-elevated",
        "again info trial-elevated",
        "repeat-asked medium trial-elevated",
        "worsened medium trial-elevated",
        "repeat-asked critical bp-severe",
        "worsened high bp-severe",
    ]
    assert found[3].evidence == found[5].evidence
    assert len({one.event_id for one in found}) == len(found)


def test_what_is_critical_and_late_is_not_resolved_by_a_time_that_is_not_certain() -> None:
    newer = record(NOON + HOUR, [replace(pressure(NOON + HOUR, 120), time="receipt")])
    late = NOON + 2 * HOUR
    assert short(judged(newer, record(late, [pressure(NOON, 200)]))) == ["onset critical bp-severe"]
    (found,) = judged(newer, record(late, [pressure(NOON, 85)]))
    assert (found.event, found.rule) == ("resolved-before-seen", "bp-low")

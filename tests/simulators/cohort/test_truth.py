"""Episodes are read off true courses: how long, how often, merged or apart, and nothing else."""

import numpy as np
import pytest

from simulators.cohort.clinical import DEFINITIONS, Limit
from simulators.cohort.course import STEPS_A_DAY, Course, Floats, begins, surge, wander
from simulators.cohort.devices import Cuff, Meter
from simulators.cohort.episodes import Episode, episodes

DRAWS = 8000
STEP_MS = 300_000
A_DAY = STEPS_A_DAY  # without a low: then it is over


def pressures(days: int = 2, **spells: tuple[int, int]) -> Course:
    """120/75 but for spells of ``value_systolic=(begin, end)`` steps."""
    systolic = np.full(days * STEPS_A_DAY, 120.0)
    for name, (begin, end) in spells.items():
        systolic[begin:end] = float(name.removeprefix("at").split("_")[0])
    flat = np.zeros_like(systolic)
    return Course(
        {"systolic": systolic, "diastolic": flat + 75, "pulse": flat + 70, "irregular": flat}
    )


def sugars(*spells: tuple[int, int, float], days: int = 3) -> Course:
    glucose = np.full(days * STEPS_A_DAY, 110.0)
    for begin, end, value in spells:
        glucose[begin:end] = value
    return Course({"glucose": glucose})


def steps(found: list[Episode]) -> list[tuple[str, str, int, int]]:
    """Give the first step in each episode, and the first one after it."""
    return [
        (one.problem, one.grade, one.onset_ms // STEP_MS + 1, one.end_ms // STEP_MS)
        for one in found
    ]


def test_an_episode_lasts_from_the_first_to_the_last_moment_beyond_the_limit() -> None:
    found = episodes("adult-standard", "p", pressures(at190=(100, 130)), 0, None)
    assert steps(found) == [("high-pressure", "critical", 100, 130)]
    assert found[0].peak == {"systolic": 190.0, "diastolic": 75.0}


def test_the_limit_itself_is_beyond_it_only_where_the_guideline_says_so() -> None:
    assert episodes("adult-standard", "p", pressures(at180=(100, 130)), 0, None) == []
    severe = episodes("oncology-antivegf", "p", pressures(at180=(100, 130)), 0, None)
    assert [one.grade for one in severe] == ["critical"]


def test_a_moment_is_no_episode_and_a_short_break_does_not_end_one() -> None:
    assert episodes("adult-standard", "p", pressures(at190=(100, 101)), 0, None) == []
    course = pressures(at190_a=(100, 110), at190_b=(114, 120), at190_c=(130, 140))
    found = episodes("adult-standard", "p", course, 0, None)
    assert steps(found) == [
        ("high-pressure", "critical", 100, 120),
        ("high-pressure", "critical", 130, 140),
    ]


def test_a_mild_low_is_an_episode_if_it_lasts_or_comes_again() -> None:
    assert episodes("adult-diabetes", "p", sugars((100, 104, 65.0)), 0, None) == []
    lasting = episodes("adult-diabetes", "p", sugars((100, 106, 65.0)), 0, None)
    assert steps(lasting) == [("low-glucose", "high", 100, 106 + A_DAY)]
    again = sugars((100, 104, 65.0), (200, 204, 66.0), (300, 304, 64.0))
    assert steps(episodes("adult-diabetes", "p", again, 0, None)) == [
        ("low-glucose", "high", 200, 304 + A_DAY)
    ]
    apart = sugars((100, 104, 65.0), (500, 504, 66.0))
    assert episodes("adult-diabetes", "p", apart, 0, None) == []


def test_a_severe_low_is_a_critical_episode_inside_a_mild_one() -> None:
    found = episodes("adult-diabetes", "p", sugars((100, 110, 65.0), (103, 107, 40.0)), 0, None)
    assert steps(found) == [
        ("low-glucose", "high", 100, 110 + A_DAY),
        ("low-glucose", "critical", 103, 110),
    ]


def test_a_week_above_the_goal_is_a_trend_and_wakes_nobody() -> None:
    course = pressures(days=9, at137=(0, 9 * STEPS_A_DAY))
    found = episodes("adult-standard", "p", course, 0, None)
    assert [(one.grade, (one.onset_ms // STEP_MS + 1) // STEPS_A_DAY) for one in found] == [
        ("trend", 6)
    ]


def test_a_rise_over_the_baseline_before_therapy_is_a_trend() -> None:
    course = pressures(days=20, at145=(6 * STEPS_A_DAY, 20 * STEPS_A_DAY))
    found = episodes("oncology-antivegf", "p", course, 0, therapy_day=6.0)
    assert [one.grade for one in found] == ["trend"]


@pytest.mark.parametrize("value", [210.0, 300.0])
def test_plain_truth_is_beyond_the_limit_and_never_the_other_way_round(value: float) -> None:
    for definition in (one for known in DEFINITIONS.values() for one in known):
        for limit in definition.limits:
            assert limit.plain.value > limit.value or limit.side == "below"
            assert limit.plain.value < limit.value or limit.side == "above"
    assert Limit("systolic", "above", 180).beyond({"systolic": value})


def test_the_worst_approved_device_shows_plain_truth_almost_always() -> None:
    rng = np.random.default_rng(3)
    limit = Limit("systolic", "above", 180)
    true = {"systolic": limit.plain.value, "diastolic": 95.0, "pulse": 70.0, "irregular": 0.0}
    shown = [
        Cuff(-5.0 + rng.normal(0.0, 4.0), assesses=True, alerting_reaction=0.0).measure(
            true, 1, rng
        )
        for _ in range(DRAWS)
    ]
    values = np.array([one.values["systolic"] for one in shown if one.values and not one.mishaps])
    assert np.mean(values > 180) >= 0.998
    low = {"glucose": Limit("glucose", "below", 54).plain.value}
    drops = [Meter.draw(rng).measure(low, rng) for _ in range(DRAWS)]
    assert np.mean([one.beyond < 0 or one.values["glucose"] < 54 for one in drops]) >= 0.998


def test_cuffs_and_meters_err_as_much_as_their_standards_allow_and_no_more() -> None:
    rng = np.random.default_rng(5)
    true = {"systolic": 140.0, "diastolic": 85.0, "pulse": 70.0, "irregular": 0.0}
    errors = []
    for _ in range(DRAWS):
        shown = Cuff(rng.normal(0.0, 4.0), assesses=False, alerting_reaction=0.0).measure(
            true, 1, rng
        )
        if shown.values and not shown.mishaps:
            errors.append(shown.values["systolic"] - 140.0)
    assert 7.4 < np.std(errors) < 8.6  # ISO 81060-2: 8
    for glucose, tolerance in ((70.0, 15.0), (220.0, 33.0)):
        drops = [Meter.draw(rng).measure({"glucose": glucose}, rng) for _ in range(DRAWS)]
        off = np.abs(np.array([one.values["glucose"] for one in drops]) - glucose)
        assert 0.935 < np.mean(off <= tolerance) < 0.965  # ISO 15197: 95 %


def test_courses_wander_around_nothing_and_events_rise_and_fall() -> None:
    rng = np.random.default_rng(1)
    assert abs(float(wander(rng, 40 * STEPS_A_DAY, 5.0, 30).mean())) < 0.5
    event: Floats = surge(STEPS_A_DAY, 60, 30, 60, 30)
    assert (event[12], event[18], event[30], event[36]) == (0.0, 1.0, 1.0, 0.0)
    assert begins(rng, STEPS_A_DAY, 0.0).size == 0

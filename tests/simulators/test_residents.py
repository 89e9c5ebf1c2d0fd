"""Plans: the same from the same seed, mostly quiet, urgent at once, never too close in time."""

from itertools import pairwise
from typing import get_args

import pytest

from schemas.errors import MisconfiguredError
from simulators.expectations import ExpectedEvent, Shown, expected_events
from simulators.residents import GAP_S_MIN, HOMES_MAX, Pace, draw_homes
from simulators.scenario import DeviceKind, HomePlan, PlannedMeasurement

WORDS = {"HI": float("inf"), "LO": float("-inf")}
SHORT = Pace(plan_s=600.0)


def test_one_seed_gives_one_neighbourhood() -> None:
    assert draw_homes(7, 5, SHORT) == draw_homes(7, 5, SHORT)
    assert draw_homes(7, 5, SHORT) != draw_homes(8, 5, SHORT)


def test_homes_patients_and_devices_are_distinct() -> None:
    homes = draw_homes(1, HOMES_MAX, Pace(plan_s=1.0))
    for name in ("gateway_id", "patient_id", "pseudonym"):
        assert len({getattr(home, name) for home in homes}) == HOMES_MAX
    addresses = [address for home in homes for address in home.devices.values()]
    assert len(set(addresses)) == len(addresses)


def test_three_homes_measure_every_vital() -> None:
    homes = draw_homes(1, 3, Pace(plan_s=28.0))
    for home in homes:
        assert {one.device for one in home.measurements} == home.devices.keys()
    assert set().union(*(home.devices for home in homes)) == set(get_args(DeviceKind))


@pytest.mark.parametrize("seed", range(10))
def test_the_first_home_pages_somebody_at_once(seed: int) -> None:
    home = draw_homes(seed, 2, SHORT)[0]
    first = next(one for one in home.measurements if one.device in ("cuff", "meter"))
    assert first.at_s < 0.5
    assert [event.severity for event in expected_events(_shown(home)[:1])] == ["critical"]


@pytest.mark.parametrize("seed", range(3))
def test_homes_without_a_story_alert_nobody(seed: int) -> None:
    for home in draw_homes(seed, 20, Pace(plan_s=1800.0))[1::2]:
        # Of a cuff's ordinary readings one in fifty is flagged, and two of three are told.
        assert {event.ladder for event in _asking(home)} <= {"pulse-irregular"}


@pytest.mark.parametrize("seed", range(3))
def test_stories_begin_soon_and_most_readings_alert_nobody(seed: int) -> None:
    homes = draw_homes(seed, 20, Pace(plan_s=600.0))
    early = [_asking(home, until_s=30.0) for home in homes[::2]]
    assert sum(bool(events) for events in early) >= 8  # two stories stay within the limits
    readings = sum(len(home.measurements) for home in homes)
    assert sum(len(_asking(home)) for home in homes) < readings / 10


@pytest.mark.parametrize("speed", [0.5, 1.0, 50.0])
def test_measurements_of_a_device_can_be_told_in_order_by_whole_seconds(speed: float) -> None:
    for home in draw_homes(3, 4, Pace(speed=speed, plan_s=300.0)):
        for device in home.devices:
            times = [one.at_s for one in home.measurements if one.device == device]
            gaps = [later - earlier for earlier, later in pairwise(times)]
            assert min(gaps) >= GAP_S_MIN - 0.001


def test_double_speed_measures_about_twice_as_often() -> None:
    slow, fast = (
        sum(len(home.measurements) for home in draw_homes(1, 10, Pace(speed=speed, plan_s=600.0)))
        for speed in (1.0, 2.0)
    )
    assert 1.7 < fast / slow < 2.3


@pytest.mark.parametrize("count", [0, HOMES_MAX + 1])
def test_an_impossible_number_of_homes_is_refused(count: int) -> None:
    with pytest.raises(MisconfiguredError, match="cannot be simulated"):
        draw_homes(1, count, SHORT)


def _asking(home: HomePlan, until_s: float = float("inf")) -> list[ExpectedEvent]:
    """Those of its events that ask somebody for something; ``info`` is only recorded."""
    return [event for event in expected_events(_shown(home, until_s)) if event.severity != "info"]


def _shown(home: HomePlan, until_s: float = float("inf")) -> list[Shown]:
    """Those that a rule judges."""
    return [
        _reading(str(number), one)
        for number, one in enumerate(home.measurements)
        if one.at_s < until_s and one.device in ("cuff", "meter")
    ]


def _reading(name: str, one: PlannedMeasurement) -> Shown:
    if one.glucose_mg_dl is not None:
        value = WORDS.get(one.glucose_mg_dl) or float(one.glucose_mg_dl)
        return Shown("p", name, name, glucose=value)
    assert one.systolic is not None
    assert one.diastolic is not None
    return Shown(
        "p",
        name,
        name,
        systolic=one.systolic,
        diastolic=one.diastolic,
        flagged=one.movement,
        irregular=one.irregular_pulse,
    )

"""Who the simulated patients are and what each will measure, all from one seed.

A patient measures with cuff and meter about every twelve seconds at speed 1: a demo's pace, at
which a day passes in a minute and a half (the devices' clocks run with the wall's all the same).
Three homes of four have a scale, an oximeter or a thermometer too, and use it less often. Half of
twenty homes, every one of fewer, live through a story soon after their start and again every few
minutes; the others, and everybody in between, show values that alert nobody. The first home begins
with a story that pages somebody at once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import get_args

import msgspec

from schemas.errors import MisconfiguredError
from simulators.patients import STORIES, URGENT_STORIES, Body, Story
from simulators.scenario import DeviceKind, HomePlan, PlannedMeasurement

BOOKS = ("adult-standard", "adult-diabetes")
CADENCE_S = (9.0, 15.0)
GAP_S_MIN = 2.5  # devices stamp whole seconds: closer measurements could not be told in order
PLAN_S = 4 * 3600.0
_DAY_H = 24.0
_DAY_MEASUREMENTS = 8  # of one device in one of the patient's days
_IN_EVERY_HOME: tuple[DeviceKind, ...] = ("cuff", "meter")
# Home by home: with three homes every vital arrives, and every fourth has the two devices alone.
_FURTHER: tuple[tuple[DeviceKind, ...], ...] = (("scale",), ("oximeter",), ("thermometer",), ())
_FURTHER_LESS_OFTEN = 3
_FIRST_AT_S = (0.5, 8.0)
_URGENT_AT_S = 0.3
_HOME_AFTER_HOME_S = 0.4  # gateways of twenty homes starting at once would all be late
_STORY_PAUSE = (14, 30)  # everyday measurements of the device between two stories
_CLOCK_ERRORS_S = (0.0, 2.0, -3.0, 41.0, -95.0, 1800.0, -3600.0)
_COLOURS = ("Amber", "Blue", "Coral", "Golden", "Green", "Grey", "Ivory", "Ruby", "Silver", "White")
_BIRDS = ("Crane", "Finch", "Heron", "Ibis", "Kite", "Lark", "Plover", "Robin", "Stork", "Wren")
HOMES_MAX = len(_COLOURS) * len(_BIRDS)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often patients measure (``speed`` 2: twice as often) and for how long plans reach."""

    speed: float = 1.0
    plan_s: float = PLAN_S

    def gap_s(self, rng: Random, *, unwell: bool) -> float:
        """Draw the time between two measurements of one device: who is unwell measures sooner."""
        gap_s = rng.uniform(*CADENCE_S) / self.speed
        return max(GAP_S_MIN, gap_s / 2 if unwell else gap_s)


def draw_homes(seed: int, count: int, pace: Pace) -> list[HomePlan]:
    """Draw ``count`` homes; the same arguments give the same homes, values and times.

    Raises ``MisconfiguredError`` for more homes than there are pseudonyms.
    """
    if not 1 <= count <= HOMES_MAX:
        raise MisconfiguredError(
            f"{count} homes cannot be simulated.", f"Choose from 1 to {HOMES_MAX} with --homes."
        )
    rng = Random(f"cohort {seed}")
    pseudonyms = rng.sample([f"{colour} {bird}" for colour in _COLOURS for bird in _BIRDS], count)
    stories = _share_out(count, rng)
    return [
        _draw_home(index, pseudonyms[index], stories[index], Random(f"home {seed} {index}"), pace)
        for index in range(count)
    ]


@dataclass(frozen=True, slots=True)
class _Patient:
    index: int
    body: Body
    story: Callable[[Random], Story] | None


def _share_out(count: int, rng: Random) -> list[Callable[[Random], Story] | None]:
    """Give homes their stories: each story once before any comes twice, an urgent one first."""
    urgent = rng.choice(URGENT_STORIES)
    others = [story for story in STORIES if story is not urgent]
    rng.shuffle(others)
    order = [urgent, *others]
    every = 2 if count >= 2 * len(order) else 1
    return [None if index % every else order[index // every % len(order)] for index in range(count)]


def _draw_home(
    index: int, pseudonym: str, story: Callable[[Random], Story] | None, rng: Random, pace: Pace
) -> HomePlan:
    number = index + 1
    body = Body.draw(rng)
    owned = (*_IN_EVERY_HOME, *_FURTHER[index % len(_FURTHER)])
    measurements = [
        measurement
        for device in owned
        for measurement in _course(_Patient(index, body, story), device, rng, pace)
    ]
    return HomePlan(
        gateway_id=f"home-{number:03}",
        patient_id=f"patient-{number:03}",
        pseudonym=pseudonym,
        books=list(BOOKS),
        devices={
            kind: f"C4:DE:30:00:{number:02X}:{position:02X}"
            for position, kind in enumerate(get_args(DeviceKind), start=1)
            if kind in owned
        },
        clock_error_s=rng.choice(_CLOCK_ERRORS_S),
        measurements=sorted(measurements, key=lambda measurement: measurement.at_s),
    )


def _course(
    patient: _Patient, device: DeviceKind, rng: Random, pace: Pace
) -> Iterator[PlannedMeasurement]:
    """Give one device's measurements in time: stories, everyday values between them."""
    story = patient.story(rng) if patient.story else ()
    own_story = bool(story) and story[0].device == device
    coming = list(story) if own_story else []
    pause = rng.randint(*_STORY_PAUSE)
    at_s = _HOME_AFTER_HOME_S * patient.index
    at_s += _URGENT_AT_S if own_story and patient.index == 0 else rng.uniform(*_FIRST_AT_S)
    day_s = _DAY_MEASUREMENTS * sum(CADENCE_S) / 2 / pace.speed
    while at_s < pace.plan_s:
        if coming:
            shown = coming.pop(0)
        else:
            shown = patient.body.everyday(device, at_s / day_s * _DAY_H % _DAY_H, rng)
            pause -= 1
        if own_story and patient.story and pause == 0:
            coming = list(patient.story(rng))
            pause = rng.randint(*_STORY_PAUSE)
        yield msgspec.structs.replace(shown, at_s=round(at_s, 3))
        gap_s = pace.gap_s(rng, unwell=bool(coming))
        at_s += gap_s if device in _IN_EVERY_HOME else _FURTHER_LESS_OFTEN * gap_s

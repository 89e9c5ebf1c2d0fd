"""True glucose: the night, three meals a day, insulin that was too much, and decompensation."""

import numpy as np

from simulators.cohort.course import (
    DAY_MIN,
    STEP_MIN,
    STEPS_A_DAY,
    Course,
    Floats,
    begins,
    hours,
    surge,
    wander,
)
from simulators.cohort.populations import Therapy

_MEALS_H = (7.6, 12.6, 18.6)
_PEAK_AFTER_MIN = 70.0
_LOWEST_MG_DL, _HIGHEST_MG_DL = 18.0, 1100.0


def sugar(therapy: Therapy, rng: np.random.Generator, days: int) -> tuple[Course, Floats]:
    """Draw one patient's course; also when lows begin that the patient feels, in minutes."""
    steps = days * STEPS_A_DAY
    glucose = rng.normal(*therapy.fasting) + wander(rng, steps, 10.0, 2 * DAY_MIN)
    glucose += 12.0 * np.exp(-(((hours(steps) - 6.5) / 2.0) ** 2))  # dawn
    glucose += wander(rng, steps, 7.0, 45)
    glucose += _meals(rng, days, *therapy.meal)
    glucose = np.maximum(glucose, 80.0 + wander(rng, steps, 4.0, 60))  # a well body counters here
    aware = rng.random() < 0.75
    felt = [
        *_lows(rng, glucose, therapy.mild_lows_a_week, (59.0, 6.0)),
        *_lows(rng, glucose, therapy.severe_lows_a_week, (36.0, 8.0)),
    ]
    for begin in begins(rng, steps, therapy.decompensations_a_week):
        share = surge(steps, begin, rng.uniform(600, 1800), rng.uniform(300, 1500), 900)
        glucose += share * np.maximum(rng.normal(560.0, 170.0) - glucose, 0.0)
    course = Course({"glucose": np.clip(glucose, _LOWEST_MG_DL, _HIGHEST_MG_DL)})
    return course, np.array(sorted(felt) if aware else [])


def _meals(rng: np.random.Generator, days: int, mean: float, spread: float) -> Floats:
    """Each meal rises and falls as a gamma curve with its peak after about an hour."""
    impulses = np.zeros(days * STEPS_A_DAY)
    own = max(rng.normal(mean, spread), 10.0)
    for meal_h in _MEALS_H:
        at_min = np.arange(days) * DAY_MIN + (meal_h + rng.normal(0.0, 0.4, days)) * 60
        places = np.clip(at_min / STEP_MIN, 0, len(impulses) - 1).astype(np.int64)
        np.add.at(impulses, places, own * rng.lognormal(0.0, 0.3, days))
    minute = np.arange(0, 360, STEP_MIN) / _PEAK_AFTER_MIN
    curve = minute * np.exp(1 - minute)
    rise: Floats = np.convolve(impulses, curve)[: len(impulses)]
    return rise


def _lows(
    rng: np.random.Generator, glucose: Floats, a_week: float, nadir: tuple[float, float]
) -> Floats:
    """Let the glucose fall for an hour, stay, and come back with sugar or by itself.

    Gives the minutes at which the nadir is reached.
    """
    steps = len(glucose)
    reached = []
    for begin in begins(rng, steps, a_week):
        falls_min = rng.uniform(30, 70)
        share = surge(steps, begin, falls_min, rng.lognormal(3.2, 0.5), rng.uniform(20, 50))
        glucose += share * np.minimum(rng.normal(*nadir) - glucose, 0.0)
        reached.append(begin + falls_min)
    return np.array(reached)

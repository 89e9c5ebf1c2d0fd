"""True pressure and pulse: the day's rhythm, medicines and how they are taken, acute events."""

import numpy as np

from simulators.cohort.course import (
    DAY_MIN,
    STEPS_A_DAY,
    Booleans,
    Course,
    Floats,
    begins,
    hours,
    surge,
    wander,
)
from simulators.cohort.populations import Population, Pressure

_HALF_LIFE_DAYS = 1.25  # of a once-daily antihypertensive's effect
_PULSE_PRESSURE_SHARE = 0.45  # of a systolic rise, how much of it the diastolic follows
_LOWEST_MMHG = 45.0


def circulation(
    population: Population, rng: np.random.Generator, days: int, therapy_day: float
) -> Course:
    """Draw one patient's course; ``therapy_day``: of the first dose, or of the birth."""
    pressure = population.pressure
    assert pressure is not None
    steps = days * STEPS_A_DAY
    base = float(np.clip(rng.normal(*pressure.systolic), *pressure.watched))
    systolic = base * _rhythm(rng, steps)
    systolic += wander(rng, steps, 3.5, 4 * DAY_MIN) + wander(rng, steps, 5.0, 30)
    systolic += _missed_doses(rng, days, rng.normal(11.0, 4.0))
    if population.postpartum:
        systolic += _after_a_birth(rng, steps, therapy_day)
    if population.antivegf:
        systolic += _under_antivegf(rng, steps, therapy_day)
    diastolic = 0.52 * systolic + rng.normal(10.0, 4.0) + wander(rng, steps, 2.5, 30)
    pulse = rng.normal(*pressure.pulse) + 6.0 * np.cos((hours(steps) - 15) / 24 * 2 * np.pi)
    pulse += wander(rng, steps, 4.0, 20)
    irregular = np.zeros(steps)
    _crises(pressure, rng, base, systolic, diastolic)
    for begin in begins(rng, steps, pressure.falls_a_week):
        low = _event(rng, steps, begin)
        _towards(systolic, low, rng.normal(80.0, 6.0))
        _towards(diastolic, low, rng.normal(48.0, 4.0))
        pulse += 15.0 * low
    for begin in begins(rng, steps, pressure.racing_a_week):
        racing = _event(rng, steps, begin)
        _towards(pulse, racing, rng.normal(150.0, 13.0))
        irregular[_in_course(racing)] = 1.0
    for begin in begins(rng, steps, pressure.slow_a_week):
        _towards(pulse, _event(rng, steps, begin), rng.normal(35.0, 3.0))
    return Course(
        {
            "systolic": np.maximum(systolic, _LOWEST_MMHG + 20),
            "diastolic": np.clip(diastolic, _LOWEST_MMHG - 10, systolic - 12),
            "pulse": np.maximum(pulse, 28.0),
            "irregular": irregular,
        }
    )


def _rhythm(rng: np.random.Generator, steps: int) -> Floats:
    """The pressure of the night falls by a tenth or more, that of the morning rises."""
    hour = hours(steps)
    night = ((1 + np.cos((hour - 3.0) / 24.0 * 2 * np.pi)) / 2) ** 1.5
    morning = np.exp(-(((hour - 8.0) / 1.5) ** 2))
    rhythm: Floats = 1 - rng.normal(0.11, 0.04) * night + rng.normal(0.035, 0.015) * morning
    return rhythm


def _missed_doses(rng: np.random.Generator, days: int, effect: float) -> Floats:
    """How much of the medicines' effect is missing, in mmHg, because doses were not taken."""
    skips, resumes = rng.beta(1.2, 18.0), rng.uniform(0.4, 0.9)
    kept = 0.5 ** (1 / _HALF_LIFE_DAYS)
    level, taking, levels = 1.0, True, []
    for chance in rng.random(days + 1):
        taking = chance >= skips if taking else chance < resumes
        level = level * kept + (1 - kept) * taking
        levels.append(level)
    missing = max(effect, 0.0) * (1 - np.array(levels))
    at = (np.arange(days + 1) + 8 / 24) * STEPS_A_DAY  # taken with breakfast
    return np.interp(np.arange(days * STEPS_A_DAY), at, missing)


def _after_a_birth(rng: np.random.Generator, steps: int, birth_day: float) -> Floats:
    """Rises to a peak on days 3 to 6, more after preeclampsia, and is gone after some weeks.

    Persistent values from 150/100 on are treated within days (ACOG CO 767).
    """
    hypertensive = rng.random() < 0.25
    height = rng.normal(31.0, 8.0) if hypertensive else rng.normal(6.0, 4.0)
    day = np.arange(steps) / STEPS_A_DAY - birth_day
    before = rng.normal(20.0, 6.0) if hypertensive else 0.0
    peak = rng.uniform(3, 6)
    days = [-1, 0, peak, peak + rng.uniform(1, 4), 14, 35]
    return np.interp(day, days, [before, before, height, 0.55 * height, 0.4 * height, 0])


def _under_antivegf(rng: np.random.Generator, steps: int, first_dose_day: float) -> Floats:
    """Rises within days of the first dose, more in about a quarter, until it is treated.

    Pressure is looked at weekly: tablets begin within a week and take most of the rise back.
    """
    height = max(rng.normal(25.0, 8.0) if rng.random() < 0.25 else rng.normal(8.0, 5.0), 0.0)
    risen = rng.uniform(4, 12)
    treated = risen + rng.uniform(1, 6)
    stays = height * rng.uniform(0.05, 0.45)
    day = np.arange(steps) / STEPS_A_DAY - first_dose_day
    return np.interp(day, [0, risen, treated, treated + 6], [0.0, height, height, stays])


def _crises(
    pressure: Pressure, rng: np.random.Generator, base: float, systolic: Floats, diastolic: Floats
) -> None:
    """Severe episodes: up within minutes to an hour, there for hours, down under treatment."""
    steps = len(systolic)
    for begin in begins(rng, steps, pressure.crises_a_week):
        height = max(rng.normal(*pressure.crisis_peak) - base, 0.0)
        rise = surge(
            steps, begin, rng.uniform(15, 75), rng.lognormal(5.3, 0.6), rng.uniform(45, 200)
        )
        systolic += height * rise
        diastolic += max(_PULSE_PRESSURE_SHARE * height + rng.normal(0.0, 6.0), 0.0) * rise


def _event(rng: np.random.Generator, steps: int, begin: float) -> Floats:
    return surge(steps, begin, rng.uniform(10, 40), rng.lognormal(4.9, 0.6), rng.uniform(20, 90))


def _towards(values: Floats, share: Floats, aim: float) -> None:
    values += share * (aim - values)


def _in_course(event: Floats) -> Booleans:
    begun: Booleans = event > 0.5
    return begun

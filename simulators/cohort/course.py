"""The true course of a body: values on a grid of five minutes, and how they wander."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

STEP_MIN = 5
DAY_MIN = 1440
STEPS_A_DAY = DAY_MIN // STEP_MIN


@dataclass(frozen=True, slots=True)
class Course:
    """True values by name, each of the shape (days x 288,), from the patient's first midnight on.

    ``systolic``, ``diastolic`` (mmHg), ``pulse`` (/min), ``irregular`` (0 or 1), ``glucose``
    (mg/dL): a course has those that its programme watches.
    """

    values: dict[str, Floats]

    @property
    def steps(self) -> int:
        """How long it is."""
        return len(next(iter(self.values.values())))

    def at(self, minute: float) -> dict[str, float]:
        """Give the true values at a minute since the first midnight."""
        place = min(max(minute / STEP_MIN, 0.0), self.steps - 1.0)
        left = int(place)
        right, share = min(left + 1, self.steps - 1), place - left
        return {
            name: float(values[left] * (1 - share) + values[right] * share)
            for name, values in self.values.items()
        }


def hours(steps: int) -> Floats:
    """Give the hour of the body's day of each step."""
    found: Floats = np.arange(steps, dtype=np.float64) * (STEP_MIN / 60.0) % 24.0
    return found


def wander(rng: np.random.Generator, steps: int, spread: float, every_min: float) -> Floats:
    """Draw a smooth random course around 0: independent values, joined by straight lines.

    ``spread`` is the standard deviation at the joints.
    """
    knots = int(steps * STEP_MIN / every_min) + 2
    places = np.arange(knots) * every_min / STEP_MIN
    found: Floats = np.interp(np.arange(steps), places, rng.normal(0.0, spread, knots))
    return found


def surge(
    steps: int, begins_min: float, rise_min: float, holds_min: float, falls_min: float
) -> Floats:
    """Give the course of an acute event between 0 and 1: it rises, holds and falls away."""
    corners = np.cumsum([begins_min, rise_min, holds_min, falls_min]) / STEP_MIN
    return np.interp(np.arange(steps), corners, [0.0, 1.0, 1.0, 0.0])


def begins(rng: np.random.Generator, steps: int, a_week: float) -> Floats:
    """Draw when events of a rate begin, in minutes, in order."""
    minutes = steps * STEP_MIN
    count = rng.poisson(a_week * minutes / (7 * DAY_MIN))
    return np.sort(rng.uniform(0.0, minutes, count))

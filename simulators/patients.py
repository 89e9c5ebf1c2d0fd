"""What a simulated patient's body would show: everyday values, and stories that must be noticed.

Everyday values alert nobody: they stay between the limits that the default rule books set (domain:
ACC/AHA 2017 for blood pressure, ADA for glucose). A story is a short course of values on one
device that crosses limits, moves within their bands, touches them exactly, and comes back.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from simulators.scenario import DeviceKind, PlannedMeasurement

Story = tuple[PlannedMeasurement, ...]

_MEALS_H = (7.5, 12.5, 18.5)
_MEAL_RISE_MG_DL = 45.0
_MEAL_DECAY_H = 1.5
_SYSTOLIC_EVERYDAY = (100, 172)
_DIASTOLIC_EVERYDAY = (55, 108)
_PULSE_EVERYDAY = (52, 105)
_GLUCOSE_EVERYDAY = (76, 178)
_SPO2_EVERYDAY = (94, 99)
_WEIGHT_G_EVERYDAY = (45_000, 160_000)
_TEMPERATURE_MILLI_C_EVERYDAY = (35_800, 37_600)
_THOUSAND = Decimal(1000)


@dataclass(frozen=True, slots=True)
class Body:
    """A patient's own levels: mmHg, beats per minute, mg/dL, kg, %, degrees Celsius."""

    systolic: float
    diastolic: float
    pulse: float
    glucose: float
    weight: float
    spo2: float
    temperature: float

    @staticmethod
    def draw(rng: Random) -> "Body":
        """Draw a patient of a hypertension and diabetes programme."""
        systolic = rng.gauss(132, 10)
        return Body(
            systolic=systolic,
            diastolic=0.55 * systolic + rng.gauss(10, 4),
            pulse=rng.gauss(72, 7),
            glucose=rng.gauss(112, 12),
            weight=rng.gauss(84, 13),
            spo2=rng.gauss(97, 0.8),
            temperature=rng.gauss(36.6, 0.15),
        )

    def everyday(self, device: DeviceKind, hour: float, rng: Random) -> PlannedMeasurement:
        """Measure at an hour of the patient's day: lower at night, glucose higher after meals."""
        daylight = math.cos((hour - 15.0) / 24.0 * math.tau)  # highest in mid-afternoon
        match device:
            case "cuff":
                return pressure(
                    _clip(self.systolic + 8.0 * daylight + rng.gauss(0, 5), _SYSTOLIC_EVERYDAY),
                    _clip(self.diastolic + 5.0 * daylight + rng.gauss(0, 4), _DIASTOLIC_EVERYDAY),
                    _clip(self.pulse + 6.0 * daylight + rng.gauss(0, 4), _PULSE_EVERYDAY),
                    irregular_pulse=rng.random() < 0.02,
                )
            case "meter":
                return self._glucose(hour, rng)
            case "scale":
                grams = _clip(1000 * (self.weight + rng.gauss(0, 0.3)), _WEIGHT_G_EVERYDAY)
                return weight(str(grams / _THOUSAND))
            case "oximeter":
                return oximetry(
                    _clip(self.spo2 + rng.gauss(0, 0.6), _SPO2_EVERYDAY),
                    _clip(self.pulse + 6.0 * daylight + rng.gauss(0, 4), _PULSE_EVERYDAY),
                )
            case "thermometer":
                milli = 1000 * (self.temperature + 0.3 * daylight + rng.gauss(0, 0.1))
                return temperature(str(_clip(milli, _TEMPERATURE_MILLI_C_EVERYDAY) / _THOUSAND))

    def _glucose(self, hour: float, rng: Random) -> PlannedMeasurement:
        since_meal_h = min((hour - meal) % 24.0 for meal in _MEALS_H)
        rise = _MEAL_RISE_MG_DL * math.exp(-since_meal_h / _MEAL_DECAY_H)
        value = _clip(self.glucose + rise + rng.gauss(0, 8), _GLUCOSE_EVERYDAY)
        return glucose(str(value), "postprandial" if since_meal_h < 2.0 else "preprandial")


def pressure(
    systolic: int,
    diastolic: int,
    pulse: int = 76,
    *,
    movement: bool = False,
    irregular_pulse: bool = False,
) -> PlannedMeasurement:
    """Plan a cuff's measurement, mmHg and beats per minute; its time comes later."""
    return PlannedMeasurement(
        at_s=0.0,
        device="cuff",
        systolic=systolic,
        diastolic=diastolic,
        pulse=pulse,
        movement=movement,
        irregular_pulse=irregular_pulse,
    )


def glucose(mg_dl: str, meal: str | None = None) -> PlannedMeasurement:
    """Plan a meter's measurement (mg/dL, ``HI`` or ``LO``); its time comes later."""
    return PlannedMeasurement(at_s=0.0, device="meter", glucose_mg_dl=mg_dl, meal=meal)


def weight(kg: str) -> PlannedMeasurement:
    """Plan a scale's measurement (kg); its time comes later."""
    return PlannedMeasurement(at_s=0.0, device="scale", weight_kg=kg)


def oximetry(spo2_percent: int, pulse: int = 76) -> PlannedMeasurement:
    """Plan an oximeter's spot check (%, beats per minute); its time comes later."""
    return PlannedMeasurement(at_s=0.0, device="oximeter", spo2_percent=spo2_percent, pulse=pulse)


def temperature(celsius: str) -> PlannedMeasurement:
    """Plan a thermometer's measurement (degrees Celsius); its time comes later."""
    return PlannedMeasurement(at_s=0.0, device="thermometer", temperature_c=celsius)


def severe_pressure(rng: Random) -> Story:
    """Severe by the systolic, again by the diastolic alone, within the band, then well."""
    return (
        pressure(rng.randint(183, 210), rng.randint(98, 114)),
        pressure(rng.randint(160, 174), rng.randint(122, 135)),
        pressure(rng.randint(176, 180), rng.randint(95, 110)),
        pressure(rng.randint(138, 160), rng.randint(80, 96)),
    )


def low_pressure(rng: Random) -> Story:
    """Low by its limit exactly, lower, within the band, then well."""
    return (
        pressure(90, rng.randint(52, 60)),
        pressure(rng.randint(76, 88), rng.randint(44, 52)),
        pressure(rng.randint(91, 95), rng.randint(54, 62)),
        pressure(rng.randint(108, 122), rng.randint(62, 74)),
    )


def pressure_at_the_limits(rng: Random) -> Story:
    """At the last values that alert nobody."""
    return (
        pressure(180, rng.randint(100, 119)),
        pressure(rng.randint(150, 179), 120),
        pressure(91, rng.randint(55, 62)),
        pressure(180, 120),
    )


def moved_arm(rng: Random) -> Story:
    """Severe while the arm moved, which asks for a repeat; the repeat is well."""
    return (
        pressure(rng.randint(190, 215), rng.randint(100, 118), movement=True),
        pressure(rng.randint(128, 145), rng.randint(76, 88)),
    )


def hypoglycaemia(rng: Random) -> Story:
    """Below 54, up a step, within the band, then well."""
    return (
        glucose(str(rng.randint(40, 53))),
        glucose(str(rng.randint(55, 68))),
        glucose(str(rng.randint(71, 79))),
        glucose(str(rng.randint(90, 130))),
    )


def worsening_hypoglycaemia(rng: Random) -> Story:
    """From 69 to below 54 to a word, and back."""
    return (
        glucose("69", "fasting"),
        glucose("53"),
        glucose("LO"),
        glucose(str(rng.randint(95, 140))),
    )


def below_the_range(rng: Random) -> Story:
    """The meter says LO, twice, then well."""
    return (glucose("LO"), glucose("LO"), glucose(str(rng.randint(88, 125))))


def above_the_range(rng: Random) -> Story:
    """The meter says HI, then a number far above the limit, then well."""
    return (
        glucose("HI", "postprandial"),
        glucose(str(rng.randint(300, 400))),
        glucose(str(rng.randint(120, 170))),
    )


def high_glucose(rng: Random) -> Story:
    """Just above 250, up to HI, and back."""
    return (glucose("251"), glucose("HI"), glucose(str(rng.randint(110, 160))))


def glucose_at_the_limits(rng: Random) -> Story:
    """The last values that alert nobody, and the first of the mildest step."""
    return (
        glucose("70", "fasting"),
        glucose("180", "postprandial"),
        glucose("54"),
        glucose(str(rng.randint(96, 120))),
    )


STORIES: tuple[Callable[[Random], Story], ...] = (
    severe_pressure,
    hypoglycaemia,
    low_pressure,
    above_the_range,
    worsening_hypoglycaemia,
    moved_arm,
    below_the_range,
    pressure_at_the_limits,
    high_glucose,
    glucose_at_the_limits,
)
"""Every course that a simulated patient may live through."""
URGENT_STORIES = (severe_pressure, hypoglycaemia, above_the_range, below_the_range)
"""Stories whose first value must reach the screen at once."""


def _clip(value: float, bounds: tuple[int, int]) -> int:
    low, high = bounds
    return min(high, max(low, round(value)))

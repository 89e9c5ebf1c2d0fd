"""What a cuff or a meter shows of the truth: the device's own error, and the hand that uses it.

Errors are those of devices that just meet their standard, never smaller. A part belongs to this
device on this arm (or to this lot of strips) and comes again every time; the rest is new in each
measurement. Validation studies pool both (ISO 81060-2: standard deviation 8 mmHg over persons and
measurements; ISO 15197: 95 % over lots and persons).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from simulators.cohort.clinical import (
    GLUCOSE_SD_MG_DL,
    GLUCOSE_SD_SHARE,
    GLUCOSE_SHARE_FROM_MG_DL,
    PRESSURE_BIAS_MMHG,
    PRESSURE_SD_MMHG,
)

Flag = Literal["body-moved", "cuff-too-loose", "improper-position", "irregular-pulse"]
Mishap = Literal[
    "movement", "loose-cuff", "position", "no-rest", "failed", "someone-else", "late", "twice",
    "wrong-clock",
]  # fmt: skip

_OWN_SHARE = 0.5
"""Of the standard deviation, what comes again: 4 of 8 mmHg. The means of three measurements of each
person then spread by 5.66 mmHg: as much as criterion 2 of ISO 81060-2 allows a cuff whose mean
error is 4 mmHg (5.64)."""
_NEW_SHARE = (1 - _OWN_SHARE**2) ** 0.5
_NO_REST, _FAILED = 0.06, 0.01
_REACTION_STAYS, _REACTION_HALVES_DAYS = 0.25, 2.0


@dataclass(frozen=True, slots=True)
class _Technique:
    """A mistake of the hand: how often, its error (mean and spread, mmHg), how often noticed."""

    mishap: Mishap
    flag: Flag
    share: float
    error: tuple[float, float]
    noticed: float


_TECHNIQUES = (
    _Technique("movement", "body-moved", 0.02, (4.0, 16.0), 0.75),
    _Technique("loose-cuff", "cuff-too-loose", 0.012, (9.0, 7.0), 0.6),  # reads high
    _Technique("position", "improper-position", 0.015, (7.0, 5.0), 0.4),  # below the heart: high
)


@dataclass(frozen=True, slots=True)
class Shown:
    """One measurement as the device shows it; ``values`` without a unit: mmHg, /min, mg/dL.

    Empty ``values``: it failed. ``beyond``: a meter's HI (1) or LO (-1).
    """

    values: dict[str, int]
    flags: tuple[Flag, ...]
    mishaps: tuple[Mishap, ...]
    beyond: int = 0


@dataclass(frozen=True, slots=True)
class Cuff:
    """A cuff on its patient's arm. ``assesses``: it can notice movement, fit, position, rhythm."""

    own_error: float
    assesses: bool
    alerting_reaction: float

    @staticmethod
    def draw(rng: np.random.Generator, reacting_share: float) -> "Cuff":
        """Draw one that meets ISO 81060-2 at its worst, and how its patient reacts to it."""
        reacts = rng.random() < reacting_share
        return Cuff(
            own_error=rng.triangular(-PRESSURE_BIAS_MMHG, 0.0, PRESSURE_BIAS_MMHG)
            + rng.normal(0.0, PRESSURE_SD_MMHG * _OWN_SHARE),
            assesses=bool(rng.random() < 0.7),
            alerting_reaction=max(rng.normal(12.0, 4.0) if reacts else rng.normal(4.0, 2.0), 0.0),
        )

    def measure(
        self, true: Mapping[str, float], nth: int, rng: np.random.Generator, *, day: float = 0.0
    ) -> Shown:
        """Measure for the ``nth`` time in a sitting: the alerting reaction halves each time.

        It wears off with the days, too: at home the first day reads highest (Stergiou 1998).
        """
        if rng.random() < _FAILED:
            return Shown({}, (), ("failed",))
        worn = _REACTION_STAYS + (1 - _REACTION_STAYS) * 0.5 ** (day / _REACTION_HALVES_DAYS)
        rise, wild = self.alerting_reaction * worn * 0.5**nth, 0.0
        flags: list[Flag] = []
        mishaps: list[Mishap] = []
        for technique in _TECHNIQUES:
            if rng.random() < technique.share:
                wild += rng.normal(*technique.error)
                mishaps.append(technique.mishap)
                if self.assesses and rng.random() < technique.noticed:
                    flags.append(technique.flag)
        if nth == 0 and rng.random() < _NO_REST:
            rise += abs(rng.normal(8.0, 5.0))  # talked, hurried, full bladder: no device can tell
            mishaps.append("no-rest")
        if self.assesses and rng.random() < (0.93 if true["irregular"] > 0.5 else 0.015):
            flags.append("irregular-pulse")
        new = PRESSURE_SD_MMHG * _NEW_SHARE
        shared = rng.normal()
        systolic = true["systolic"] + rise + wild + self.own_error + new * shared
        diastolic = true["diastolic"] + 0.5 * rise + 0.6 * wild + 0.6 * self.own_error
        diastolic += 0.7 * new * (0.6 * shared + 0.8 * rng.normal())
        pulse = (true["pulse"] + 0.4 * rise) * (1 + rng.normal(0.0, 0.02))  # IEC 80601-2-30: 5 %
        systolic = min(max(systolic, 50.0), 280.0)
        values = {
            "systolic": round(systolic),
            "diastolic": round(min(max(diastolic, 30.0), systolic - 8.0)),
            "pulse": round(min(max(pulse, 30.0), 199.0)),
        }
        return Shown(values, tuple(flags), tuple(mishaps))


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter with its lot of strips; shows ``LO`` below and ``HI`` above its range, mg/dL."""

    own_error: float
    mmol: bool
    low: float = 20.0
    high: float = 600.0

    @staticmethod
    def draw(rng: np.random.Generator) -> "Meter":
        """Draw one that meets ISO 15197 at its worst."""
        return Meter(rng.normal(0.0, _OWN_SHARE), bool(rng.random() < 0.3))

    def measure(self, true: Mapping[str, float], rng: np.random.Generator) -> Shown:
        """Measure one drop."""
        glucose = true["glucose"]
        percent = glucose * GLUCOSE_SD_SHARE
        spread = percent if glucose >= GLUCOSE_SHARE_FROM_MG_DL else GLUCOSE_SD_MG_DL
        shown = glucose + spread * (self.own_error + _NEW_SHARE * rng.normal())
        if shown < self.low or shown > self.high:
            return Shown({}, (), (), 1 if shown > self.high else -1)
        return Shown({"glucose": round(shown)}, (), ())

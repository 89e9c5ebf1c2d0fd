"""What is an episode, and how grave: clinical definitions on TRUE values, with their sources.

This is the one place of the cohort that knows a limit, and it knows the guidelines', not a book's.
Nothing that a device shows enters here. ``plain`` is truth that hardly any approved device misses:
so far beyond the limit that one which just meets its standard shows it there in 999 of 1000
measurements. Before that, the standards allow a harmless number on the display, and no rule could
know better. (999, not 99: who asks a book for 99 % must leave it that 1 %.)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from simulators.cohort.course import Booleans, Course
from simulators.cohort.populations import PopulationName

Grade = Literal["critical", "high", "trend"]
GRADES: tuple[Grade, ...] = ("critical", "high", "trend")
"""Gravest first. ``critical``: call at once, day and night; ``high``: today, in staffed hours;
``trend``: at the next review, wakes nobody."""

Problem = Literal[
    "high-pressure", "low-pressure", "fast-pulse", "slow-pulse", "irregular-pulse",
    "low-glucose", "high-glucose", "silence",
]  # fmt: skip

_ONE_SIDED_999 = 3.090  # standard deviations
_TWO_SIDED_95 = 1.960
PRESSURE_BIAS_MMHG, PRESSURE_SD_MMHG = 5.0, 8.0
"""ISO 81060-2: mean error at most 5 mmHg, standard deviation at most 8 mmHg."""
GLUCOSE_SD_MG_DL = 15.0 / _TWO_SIDED_95
GLUCOSE_SD_SHARE = 0.15 / _TWO_SIDED_95
"""ISO 15197:2013: 95 % within 15 mg/dL of the truth below 100 mg/dL, within 15 % above."""
GLUCOSE_SHARE_FROM_MG_DL = 100.0


@dataclass(frozen=True, slots=True)
class Limit:
    """One side of a definition; ``inclusive``: the limit itself is beyond it."""

    quantity: str
    side: Literal["above", "below"]
    value: float
    inclusive: bool = False

    @property
    def plain(self) -> "Limit":
        """The limit moved away from normal by what a device's standard allows it to err."""
        if self.quantity == "glucose":
            away = _ONE_SIDED_999 * GLUCOSE_SD_MG_DL
            if self.value >= GLUCOSE_SHARE_FROM_MG_DL:
                away = self.value / (1 - _ONE_SIDED_999 * GLUCOSE_SD_SHARE) - self.value
        else:
            away = PRESSURE_BIAS_MMHG + _ONE_SIDED_999 * PRESSURE_SD_MMHG
        value = self.value + away if self.side == "above" else self.value - away
        return Limit(self.quantity, self.side, value, self.inclusive)

    def beyond(self, values: Mapping[str, float]) -> bool:
        """Tell whether one moment's true values lie beyond it."""
        value = values[self.quantity]
        if self.inclusive and value == self.value:
            return True
        return value > self.value if self.side == "above" else value < self.value

    def over(self, course: Course) -> Booleans:
        """Tell the same of every step of a course."""
        values = course.values[self.quantity]
        found = values > self.value if self.side == "above" else values < self.value
        return found | (values == self.value) if self.inclusive else found


def _any(limits: tuple[Limit, ...], course: Course) -> Booleans:
    found: Booleans = np.logical_or.reduce([limit.over(course) for limit in limits])
    return found


@dataclass(frozen=True, slots=True)
class Definition:
    """When a state of the body is an episode.

    Beyond any of ``limits`` for at least ``lasting_min``: a spell. It ends when the truth is no
    longer beyond ``until`` (default: ``limits``) for ``merge_min``. With ``again_within_h`` a
    single spell is an episode only if it lasts ``alone_min``; else the episode begins with a second
    spell within that time. It is over when there was no spell for that time: a pressure that was
    high twice in a week is not well the day after.
    """

    problem: Problem
    grade: Grade
    limits: tuple[Limit, ...]
    source: str
    until: tuple[Limit, ...] = ()
    lasting_min: float = 10.0
    merge_min: float = 30.0
    again_within_h: float | None = None
    alone_min: float = float("inf")

    def beyond(self, course: Course) -> Booleans:
        """Tell for each step whether the truth lies beyond."""
        return _any(self.limits, course)

    def lingers(self, course: Course) -> Booleans:
        """Tell for each step whether a spell that has begun would go on."""
        return _any((*self.limits, *self.until), course)

    def met(self, values: Mapping[str, float]) -> bool:
        """Tell whether the truth of a moment is beyond."""
        return any(limit.beyond(values) for limit in self.limits)

    def plain(self, values: Mapping[str, float]) -> bool:
        """Tell whether the truth of a moment is beyond what a device may miss."""
        return any(limit.plain.beyond(values) for limit in self.limits)


def _pressure(systolic: float, diastolic: float, *, inclusive: bool = True) -> tuple[Limit, ...]:
    return (
        Limit("systolic", "above", systolic, inclusive),
        Limit("diastolic", "above", diastolic, inclusive),
    )


_PULSE = (
    Definition(
        "fast-pulse",
        "high",
        (Limit("pulse", "above", 131, inclusive=True),),
        "NEWS2: >= 131 scores 3",
    ),
    Definition(
        "slow-pulse",
        "high",
        (Limit("pulse", "below", 40, inclusive=True),),
        "NEWS2: <= 40 scores 3",
    ),
    Definition(
        "irregular-pulse",
        "trend",
        (Limit("irregular", "above", 0.5),),
        "ESC 2024: an irregular pulse asks for an electrocardiogram",
        lasting_min=30.0,
    ),
)
_LOW = Definition(
    "low-pressure",
    "high",
    (Limit("systolic", "below", 90, inclusive=True),),
    "NEWS2: systolic <= 90 mmHg scores 3",
)

DEFINITIONS: dict[PopulationName, tuple[Definition, ...]] = {
    "adult-standard": (
        Definition(
            "high-pressure",
            "critical",
            _pressure(180, 120, inclusive=False),
            "2025 AHA/ACC: severe hypertension, > 180 and/or > 120 mmHg",
        ),
        _LOW,
        *_PULSE,
    ),
    "adult-diabetes": (
        Definition(
            "low-glucose",
            "critical",
            (Limit("glucose", "below", 54),),
            "ADA: level 2, < 54 mg/dL; over at 70 mg/dL for 15 min (Danne, Diabetes Care 2017)",
            until=(Limit("glucose", "below", 70),),
            merge_min=15.0,
        ),
        Definition(
            "low-glucose",
            "high",
            (Limit("glucose", "below", 70),),
            "ADA: level 1 hypoglycaemia, < 70 mg/dL, that outlasts its treatment or recurs",
            merge_min=15.0,
            again_within_h=24.0,
            alone_min=30.0,
        ),
        Definition(
            "high-glucose",
            "critical",
            (Limit("glucose", "above", 600, inclusive=True),),
            "ADA consensus 2024: hyperosmolar hyperglycaemic state, >= 600 mg/dL",
            lasting_min=30.0,
        ),
        Definition(
            "high-glucose",
            "high",
            (Limit("glucose", "above", 250),),
            "ADA: level 2 hyperglycaemia, > 250 mg/dL, for hours or again within a day",
            again_within_h=24.0,
            alone_min=120.0,
        ),
    ),
    "pregnancy-postpartum": (
        Definition(
            "high-pressure",
            "critical",
            _pressure(160, 110),
            "ACOG CO 767: >= 160/110 mmHg for 15 min is an emergency",
            lasting_min=15.0,
        ),
        Definition(
            "high-pressure",
            "high",
            _pressure(140, 90),
            "ACOG PB 222: >= 140/90 mmHg on two occasions",
            lasting_min=15.0,
            again_within_h=7 * 24.0,
            alone_min=240.0,
        ),
    ),
    "oncology-antivegf": (
        Definition(
            "high-pressure",
            "critical",
            _pressure(180, 110),
            "IC-OS (Lyon 2022): hold the drug at >= 180/110 mmHg",
        ),
        Definition(
            "high-pressure",
            "high",
            _pressure(160, 100),
            "CTCAE 5: grade 3, >= 160/100 mmHg; on two occasions",
            again_within_h=7 * 24.0,
            alone_min=240.0,
        ),
    ),
}
"""By population; trends of means are in ``episodes``, since they are no state of a moment."""


def of_grade(population: PopulationName, grade: Grade) -> tuple[Definition, ...]:
    """List a population's definitions of a grade."""
    return tuple(one for one in DEFINITIONS[population] if one.grade == grade)

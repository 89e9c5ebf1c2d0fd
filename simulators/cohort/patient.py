"""One patient's life in a cohort: true course, episodes, and everything that was measured."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simulators.cohort.circulation import circulation
from simulators.cohort.clinical import of_grade
from simulators.cohort.course import DAY_MIN, Course
from simulators.cohort.devices import Cuff, Meter, Mishap, Shown
from simulators.cohort.episodes import MINUTE_MS, Episode, episodes
from simulators.cohort.habits import EVENING_H, MORNING_H, Calendar, Habit, unwell
from simulators.cohort.populations import Population, Pressure, Therapy
from simulators.cohort.sugar import sugar

_FEELS_A_CRISIS = 0.6
_REPEATS_AS_TAUGHT = 0.8
_LEAFLET_AFTER_MIN = (5.0, 8.0)
"""AHA: sit quietly for five minutes, then measure again."""
_TWO_IN_A_SITTING_MIN = (1.0, 2.5)
_SHARES_A_CUFF, _WRONG_BUTTON = 0.12, 0.04
_LOW_MG_DL, _VERY_LOW_MG_DL = 70, 54
"""ADA's rule of 15: below 70 take sugar, measure again after 15 minutes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One press of a button: when it truly was (minutes), the truth, and what was shown.

    ``own``: whose blood it was; False for the one who shares the cuff.
    """

    minute: float
    true: dict[str, float]
    shown: Shown
    own: bool = True


@dataclass(frozen=True, slots=True)
class Life:
    """What became of one patient. ``mmol``: the meter's unit."""

    calendar: Calendar
    episodes: list[Episode]
    samples: list[Sample]
    therapy_day: float | None
    assesses: bool = False
    mmol: bool = False


def live(
    population: Population, patient_id: str, calendar: Calendar, days: int, rng: np.random.Generator
) -> Life:
    """Draw a patient and let ``days`` pass."""
    habit = Habit.draw(rng, days)
    if population.therapies:
        shares = [therapy.share for therapy in population.therapies]
        therapy = population.therapies[int(rng.choice(len(shares), p=shares))]
        return _with_a_meter(population, therapy, patient_id, calendar, days, habit, rng)
    therapy_day = _therapy_day(population, days, rng)
    course = circulation(population, rng, days, therapy_day or 0.0)
    known = episodes(population.name, patient_id, course, calendar.ms(0, 0), therapy_day)
    assert population.pressure is not None
    cuff = Cuff.draw(rng, population.pressure.reacts_to_the_cuff)
    sitting = _Sitting(population, course, cuff, habit)
    plan = list(habit.scheduled(rng, calendar, days, (MORNING_H, EVENING_H)))
    for episode in known:
        if episode.grade == "critical" and rng.random() < _FEELS_A_CRISIS:
            begin, end = (
                (at_ms - calendar.ms(0, 0)) / MINUTE_MS
                for at_ms in (episode.onset_ms, episode.end_ms)
            )
            plan += unwell(rng, begin, end)
    samples = [
        sample
        for minute in sorted(plan)
        if habit.present(minute)
        for sample in sitting.measured(minute, rng)
    ]
    if rng.random() < _SHARES_A_CUFF:
        samples += _somebody_else(population, calendar, days, habit, rng)
    samples.sort(key=lambda sample: sample.minute)
    return Life(calendar, known, samples, therapy_day, assesses=cuff.assesses)


def _therapy_day(population: Population, days: int, rng: np.random.Generator) -> float | None:
    """Give the day of the birth, or of the first dose: a baseline is measured before it."""
    if population.postpartum:
        return rng.uniform(-1.0, min(4.0, days / 4))
    return rng.uniform(4.0, min(12.0, max(days / 2, 4.5))) if population.antivegf else None


@dataclass(frozen=True, slots=True)
class _Sitting:
    population: Population
    course: Course
    cuff: Cuff
    habit: Habit

    def measured(self, minute: float, rng: np.random.Generator) -> Iterator[Sample]:
        """Measure once or twice; once more after a rest where the leaflet says so."""
        shown = self._show(minute, 0, rng)
        yield Sample(minute, self.course.at(minute), shown)
        nth = 1
        if not shown.values or rng.random() < self.habit.pairs:
            minute += rng.uniform(*_TWO_IN_A_SITTING_MIN)
            shown = self._show(minute, nth, rng)
            yield Sample(minute, self.course.at(minute), shown)
            nth += 1
        while nth < 5 and self._severe(shown) and rng.random() < _REPEATS_AS_TAUGHT:
            minute += rng.uniform(*_LEAFLET_AFTER_MIN)
            shown = self._show(minute, nth, rng)
            yield Sample(minute, self.course.at(minute), shown)
            nth += 1

    def _show(self, minute: float, nth: int, rng: np.random.Generator) -> Shown:
        return self.cuff.measure(self.course.at(minute), nth, rng, day=minute / DAY_MIN)

    def _severe(self, shown: Shown) -> bool:
        """The leaflet knows the guideline's severe pressure, and looks at the display."""
        definitions = of_grade(self.population.name, "critical")
        return bool(shown.values) and any(
            limit.beyond(shown.values) for one in definitions for limit in one.limits
        )


def _somebody_else(
    population: Population, calendar: Calendar, days: int, habit: Habit, rng: np.random.Generator
) -> Iterator[Sample]:
    """Who shares the cuff sometimes presses the patient's button."""
    assert population.pressure is not None
    course = circulation(_HOUSEMATES, rng, days, 0.0)
    cuff = Cuff.draw(rng, 0.1)
    mishaps: tuple[Mishap, ...] = ("someone-else",)
    for minute in habit.scheduled(rng, calendar, days, (MORNING_H + 0.3,)):
        if rng.random() < _WRONG_BUTTON:
            true = course.at(minute)
            shown = cuff.measure(true, 0, rng)
            shown = Shown(shown.values, shown.flags, (*shown.mishaps, *mishaps))
            yield Sample(minute, true, shown, own=False)


def _with_a_meter(  # noqa: PLR0913, PLR0917 - a life's ingredients
    population: Population,
    therapy: Therapy,
    patient_id: str,
    calendar: Calendar,
    days: int,
    habit: Habit,
    rng: np.random.Generator,
) -> Life:
    course, felt = sugar(therapy, rng, days)
    meter = Meter.draw(rng)
    known = episodes(population.name, patient_id, course, calendar.ms(0, 0), None)
    plan = list(habit.scheduled(rng, calendar, days, therapy.tests_a_day))
    plan += [minute + rng.uniform(-10.0, 10.0) for minute in felt]
    for episode in known:
        if episode.problem == "high-glucose" and episode.grade == "critical":
            begin = (episode.onset_ms - calendar.ms(0, 0)) / MINUTE_MS
            end = (episode.end_ms - calendar.ms(0, 0)) / MINUTE_MS
            plan += list(unwell(rng, begin, end))[::2]
    samples = [
        sample
        for minute in sorted(plan)
        if 0 <= minute < days * DAY_MIN and habit.present(minute)
        for sample in _drops(course, meter, minute, rng)
    ]
    samples.sort(key=lambda sample: sample.minute)
    return Life(calendar, known, samples, None, mmol=meter.mmol)


def _drops(
    course: Course, meter: Meter, minute: float, rng: np.random.Generator
) -> Iterator[Sample]:
    """Measure; doubt a very low value at once, and look again after the sugar."""
    for _ in range(4):
        shown = meter.measure(course.at(minute), rng)
        yield Sample(minute, course.at(minute), shown)
        value = shown.values.get("glucose", 1000 * shown.beyond)
        if value < _VERY_LOW_MG_DL and rng.random() < 0.4:
            minute += rng.uniform(1.0, 3.0)
            again = meter.measure(course.at(minute), rng)
            yield Sample(minute, course.at(minute), again)
        if value >= _LOW_MG_DL or rng.random() > 0.65:
            return
        minute += rng.uniform(13.0, 20.0)


_HOUSEMATES = Population(
    "adult-standard", (), Pressure(systolic=(130.0, 13.0), crises_a_week=0.0, falls_a_week=0.0)
)

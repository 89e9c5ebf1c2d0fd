"""Truth: the episodes of a true course. What was measured, or by whom, does not enter."""

from collections.abc import Iterator

import msgspec
import numpy as np

from simulators.cohort.clinical import DEFINITIONS, Definition, Grade, Problem
from simulators.cohort.course import STEP_MIN, STEPS_A_DAY, Booleans, Course, Floats
from simulators.cohort.populations import PopulationName

MINUTE_MS = 60_000
_WAKING = slice(7 * 12, 22 * 12)  # steps of a day, 07-22 h
_MEAN_DAYS = 7
_HOME_GOAL = (135.0, 85.0)  # AHA/ACC: what 140/90 in the office is at home
_BASELINE_RISE = (20.0, 15.0)  # IC-OS: systolic, mean arterial


class Episode(msgspec.Struct, frozen=True):
    """Something that a careful clinician would want to know, from ``onset_ms`` to ``end_ms`` (UTC).

    ``peak``: the worst true value in it, by the quantity that it is about.
    """

    patient_id: str
    problem: Problem
    grade: Grade
    onset_ms: int
    end_ms: int
    peak: dict[str, float]


def episodes(
    population: PopulationName,
    patient_id: str,
    course: Course,
    midnight_ms: int,
    therapy_day: float | None,
) -> list[Episode]:
    """Read every episode off a course that begins at ``midnight_ms``, by their onset.

    It spans from the last step before it to the first one after it: somewhere between two steps the
    truth crosses the limit.
    """
    spells: list[tuple[Problem, Grade, tuple[str, ...], int, int]] = []
    for definition in DEFINITIONS[population]:
        quantities = tuple(dict.fromkeys(limit.quantity for limit in definition.limits))
        spells += [
            (definition.problem, definition.grade, quantities, begin, end)
            for begin, end in _episodes(definition, course)
        ]
    if "systolic" in course.values:
        for begin, end in _trends(population, course, therapy_day):
            spells.append(("high-pressure", "trend", ("systolic", "diastolic"), begin, end))
    found = [
        Episode(
            patient_id,
            problem,
            grade,
            midnight_ms + max(begin - 1, 0) * STEP_MIN * MINUTE_MS,
            midnight_ms + end * STEP_MIN * MINUTE_MS,
            {name: _worst(course.values[name][begin:end], problem) for name in quantities},
        )
        for problem, grade, quantities, begin, end in spells
    ]
    return sorted(found, key=lambda one: (one.onset_ms, one.problem, one.grade))


def _episodes(definition: Definition, course: Course) -> Iterator[tuple[int, int]]:
    """Give the steps [begin, end) of each episode of a definition."""
    spells = list(_spells(definition, course))
    if definition.again_within_h is None:
        yield from spells
        return
    within = definition.again_within_h * 60 / STEP_MIN
    begun: int | None = None
    last_end: int | None = None
    for begin, end in spells:
        if last_end is not None and begin - last_end > within:
            if begun is not None:
                yield begun, min(last_end + round(within), course.steps)
            begun = last_end = None
        if begun is None and last_end is not None:
            begun = begin
        if begun is None and (end - begin) * STEP_MIN >= definition.alone_min:
            begun = begin
        last_end = end
    if begun is not None and last_end is not None:
        yield begun, min(last_end + round(within), course.steps)


def _spells(definition: Definition, course: Course) -> Iterator[tuple[int, int]]:
    """Give the steps [begin, end) of each spell: it begins beyond the limit, and lingers."""
    beyond = list(_merged(_runs(definition.beyond(course)), definition.merge_min / STEP_MIN))
    lasting = [run for run in beyond if (run[1] - run[0]) * STEP_MIN >= definition.lasting_min]
    for _, end in _merged(_runs(definition.lingers(course)), definition.merge_min / STEP_MIN):
        inside = [run for run in lasting if run[1] <= end]
        if inside:
            yield inside[0][0], end
        lasting = lasting[len(inside) :]


def _runs(beyond: Booleans) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], beyond, [False]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _merged(runs: Iterator[tuple[int, int]], gap: float) -> Iterator[tuple[int, int]]:
    held: tuple[int, int] | None = None
    for begin, end in runs:
        if held is not None and begin - held[1] < gap:
            held = held[0], end
            continue
        if held is not None:
            yield held
        held = begin, end
    if held is not None:
        yield held


def _trends(
    population: PopulationName, course: Course, therapy_day: float | None
) -> Iterator[tuple[int, int]]:
    """Days on which the mean of a week is above the goal, or risen over the baseline."""
    systolic, diastolic = _daily(course.values["systolic"]), _daily(course.values["diastolic"])
    if len(systolic) < _MEAN_DAYS:
        return
    kernel = np.full(_MEAN_DAYS, 1 / _MEAN_DAYS)
    systolic_mean, diastolic_mean = np.convolve(systolic, kernel), np.convolve(diastolic, kernel)
    if population == "oncology-antivegf":
        if therapy_day is None or therapy_day < 2:
            return
        before = int(therapy_day)
        arterial, base = diastolic + (systolic - diastolic) / 3, systolic[:before].mean()
        risen = systolic_mean[: len(systolic)] - base >= _BASELINE_RISE[0]
        arterial_mean = np.convolve(arterial, kernel)[: len(systolic)]
        risen |= arterial_mean - arterial[:before].mean() >= _BASELINE_RISE[1]
    elif population == "adult-standard":
        above = systolic_mean[: len(systolic)] >= _HOME_GOAL[0]
        risen = above | (diastolic_mean[: len(systolic)] >= _HOME_GOAL[1])
    else:
        return
    risen[: _MEAN_DAYS - 1] = False
    for begin, end in _runs(risen):
        yield begin * STEPS_A_DAY, end * STEPS_A_DAY


def _daily(values: Floats) -> Floats:
    """Mean of each day's waking hours."""
    days: Floats = values.reshape(-1, STEPS_A_DAY)[:, _WAKING].mean(axis=1)
    return days


def _worst(values: Floats, problem: Problem) -> float:
    low = problem in ("low-pressure", "low-glucose", "slow-pulse")
    return round(float(values.min() if low else values.max()), 1)

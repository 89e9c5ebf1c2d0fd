"""The rungs of one vital by what they look at: one reading, a baseline, readings, or a mean."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from alerts.engine.ladders.ladder import Rung, VitalLadders
from alerts.engine.readings.columns import Integers
from alerts.rules.book import Baseline, Matching, Mean
from alerts.rules.condition import HasStatus, Limit
from alerts.rules.flags import known_flags
from alerts.rules.values import Requirement
from schemas.errors import MisconfiguredError

REQUIREMENTS_MAX = 7
"""A reading in a ring keeps a bit for each."""


@dataclass(frozen=True, eq=False, slots=True)
class Placed:
    """A rung, its ladder's place among those of the vital, and its bit in sets of rungs."""

    place: int
    bit: int
    rung: Rung


@dataclass(frozen=True, slots=True)
class Kinds:
    """``flags``, ``requirements``, ``settings``: what any of the rungs asks for, by name."""

    single: tuple[Placed, ...]
    rises: tuple[tuple[Placed, Baseline], ...]
    counted: tuple[tuple[Placed, Matching], ...]
    means: tuple[tuple[Placed, Mean], ...]
    flags: tuple[str, ...]
    known_flags: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    settings: tuple[str, ...]
    windowed: Integers
    """For each ladder of the vital the rungs that look at more than a reading and a baseline."""
    averaged: Integers
    """For each ladder those about means."""
    critical: Integers

    @property
    def baseline(self) -> Baseline | None:
        """Give the one baseline of the vital."""
        return self.rises[0][1] if self.rises else None


def kinds_of(vital: VitalLadders) -> Kinds:
    """Sort the rungs of a vital. Raises ``MisconfiguredError`` for what no memory is kept of."""
    placed = list(_placed(vital))
    counted = [
        (one, one.rung.rule.window) for one in placed if isinstance(one.rung.rule.window, Matching)
    ]
    means = [
        (one, one.rung.rule.window) for one in placed if isinstance(one.rung.rule.window, Mean)
    ]
    rises = [(one, one.rung.rule.baseline) for one in placed if one.rung.rule.baseline]
    rules = [one.rung.rule for one in placed]
    tests = [test for rule in rules for test in rule.condition.tests()]
    requirements = tuple(dict.fromkeys(need for rule in rules for need in rule.requires))
    if len({(baseline.days, baseline.before) for _, baseline in rises}) > 1:
        raise MisconfiguredError(
            f"Rules about {vital.vital.name} compare with two different baselines.",
            "Give them the same days, before the same thing.",
        )
    if len(requirements) > REQUIREMENTS_MAX:
        raise MisconfiguredError(
            f"Rules about {vital.vital.name} ask for {len(requirements)} circumstances.",
            f"At most {REQUIREMENTS_MAX} are possible.",
        )
    windowed = np.zeros(len(vital.ladders), np.int64)
    for one, _ in [*counted, *means]:
        windowed[one.place] |= one.bit
    return Kinds(
        single=tuple(one for one in placed if one.rung.rule.single),
        rises=tuple(rises),
        counted=tuple(counted),
        means=tuple(means),
        flags=tuple(dict.fromkeys(test.name for test in tests if isinstance(test, HasStatus))),
        known_flags=known_flags(vital.vital.name),
        requirements=requirements,
        settings=tuple(
            dict.fromkeys(
                test.setting for test in tests if isinstance(test, Limit) and test.setting
            )
        ),
        windowed=windowed,
        averaged=np.array([ladder.means for ladder in vital.ladders], np.int64),
        critical=np.array([ladder.critical for ladder in vital.ladders], np.int64),
    )


def _placed(vital: VitalLadders) -> Iterator[Placed]:
    for place, ladder in enumerate(vital.ladders):
        for number, rung in enumerate(ladder.rungs):
            yield Placed(place, 1 << number, rung)

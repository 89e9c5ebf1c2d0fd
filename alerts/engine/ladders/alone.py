"""What rules say of one reading by itself, outside any batch: few ask, so it may take its time."""

from collections.abc import Collection, Mapping

import numpy as np

from alerts.engine.ladders.findings import Own
from alerts.engine.ladders.ladder import Ladder, Rung
from alerts.engine.ladders.limits import statement
from alerts.engine.readings.columns import values_of
from alerts.engine.readings.sight import Sight
from alerts.rules.condition import HasStatus
from alerts.rules.values import CLEAR, NOT_ASSESSED, SET, Chosen, Requirement, Values
from schemas.reading import BEYOND
from schemas.vitals import VITALS

Met = Mapping[Requirement, bool]
"""What is known of a reading's circumstances: the others may be met or not."""


def true_rungs(ladder: Ladder, sight: Sight, own: Own, met: Met) -> int:
    """Give the rungs that one reading decides and satisfies."""
    true = 0
    for place, rung in enumerate(ladder.rungs):
        if rung.rule.single:
            true |= is_true(rung, sight, own, met) << place
    return true


def untrue_rungs(ladder: Ladder, sight: Sight, own: Own) -> int:
    """Give the rungs that one reading decides and does not satisfy, whatever its circumstances.

    What it has matched it had matched in the right ones, also if nobody knows of them any more.
    """
    untrue = 0
    for place, rung in enumerate(ladder.rungs):
        if rung.rule.single:
            met = dict.fromkeys(rung.rule.requires, True)
            untrue |= (not is_true(rung, sight, own, met)) << place
    return untrue


def ended_rungs(ladder: Ladder, sight: Sight, own: Own, gated: Collection[str], met: Met) -> int:
    """Give the rungs whose return condition a reading meets by itself, if it may end anything."""
    censored = any(quantity.absent in BEYOND for quantity in sight.quantities.values())
    if censored or not set(gated).isdisjoint(sight.status or ()):
        return 0
    ended = 0
    for place, rung in enumerate(ladder.rungs):
        if rung.rule.single:
            values = _values(rung, sight, own, met)
            ended |= int(rung.rule.condition.truth(values, widened=True).false[0]) << place
    return ended


def is_true(rung: Rung, sight: Sight, own: Own, met: Met) -> bool:
    """Tell whether a reading definitely satisfies a rule."""
    return bool(rung.rule.condition.truth(_values(rung, sight, own, met)).true[0])


def _values(rung: Rung, sight: Sight, own: Own, met: Met) -> Values:
    values = values_of([sight.quantities], VITALS[sight.vital])
    rule = rung.rule
    flags = {test.name for test in rule.condition.tests() if isinstance(test, HasStatus)}
    chosen = {
        name: Chosen(np.ones(1, np.int64), (statement(tuple(own[name].values)),))
        for name in rule.settings
        if name in own
    }
    return Values(
        values.number,
        values.unit,
        values.beyond,
        status={name: np.array([_flag(sight, name)], np.int8) for name in flags},
        met={one: np.array([met.get(one, False)]) for one in rule.requires},
        chosen=chosen,
    )


def _flag(sight: Sight, name: str) -> int:
    if sight.status is None:
        return NOT_ASSESSED
    if name in sight.status:
        return SET
    return NOT_ASSESSED if name in sight.silent else CLEAR

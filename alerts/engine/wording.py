"""The sentences that a nurse reads: what was measured, which limit of which rule it crossed."""

import numpy as np

from alerts.engine.columns import values_of
from alerts.engine.ladders import Rung
from alerts.engine.sight import Sight, value_text
from alerts.rules.condition import Beyond, HasStatus, Test
from alerts.rules.values import HI, Values
from schemas.vitals import VITALS, spoken

_RELATION = {"<": "below", "<=": "at or below", ">": "above", ">=": "at or above"}


def match_text(rung: Rung, sight: Sight) -> str:
    """Say which comparisons hold: ``Systolic 192 mmHg is above 180 mmHg (book, rule)``."""
    values = _values(sight)
    holding = _holding(rung, values)
    if not holding:  # true by a "not": show what it is about
        return f"{values_text(rung, sight)}: {rung.rule.title.lower()} ({_name(rung)})"
    phrases = [_phrase(test, values, sight) for test in holding]
    return f"{_sentence(phrases)} ({_name(rung)})"


def values_text(rung: Rung, sight: Sight) -> str:
    """Show the values that a rule looks at: ``Systolic 128 mmHg and diastolic 79 mmHg``."""
    names = dict.fromkeys(test.name for test in rung.rule.condition.tests())
    return _sentence(
        [
            f"{spoken(name)} {value_text(sight.quantities[name])}"
            for name in names
            if name in sight.quantities
        ]
    )


def ended_text(rung: Rung, sight: Sight) -> str:
    """Say that a condition is over."""
    return f"{values_text(rung, sight)}: back within limits ({_name(rung)})"


def eased_text(over: Rung, remains: Rung, sight: Sight) -> str:
    """Say which rung is over and which one has not returned yet."""
    titles = f"{over.rule.title.lower()} is over, {remains.rule.title.lower()} remains"
    return f"{values_text(remains, sight)}: {titles} ({_name(remains)})"


def flags_text(sight: Sight, gated: dict[str, str]) -> str:
    """Say what the device reported: ``the body moved``."""
    return " and ".join(gated[flag] for flag in sight.status or () if flag in gated)


def duration_text(duration_ms: int) -> str:
    """Show how long: ``5 h 10 min``."""
    hours, minutes = divmod(max(duration_ms, 0) // 60_000, 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def excess(rung: Rung, sight: Sight) -> float:
    """Tell how far a match lies beyond its limit, relative to it; HI and LO are the farthest."""
    values = _values(sight)
    worst = 0.0
    for test in _holding(rung, values):
        if isinstance(test, HasStatus):
            continue
        number = float(values.number[0, test.quantity])
        if isinstance(test, Beyond) or np.isnan(number):
            return float("inf")
        limit = float(test.limits[values.unit[0, test.quantity]])
        worst = max(worst, abs(number - limit) / abs(limit))
    return worst


def _values(sight: Sight) -> Values:
    return values_of([sight.quantities], VITALS[sight.vital])


def _holding(rung: Rung, values: Values) -> list[Test]:
    return [test for test in rung.rule.condition.tests() if test.truth(values).true[0]]


def _phrase(test: Test, values: Values, sight: Sight) -> str:
    if isinstance(test, HasStatus):
        return f"the device reports {test.name.replace('-', ' ')}"
    if isinstance(test, Beyond):
        side = "HI: above" if test.side == HI else "LO: below"
        return f"{spoken(test.name)} is {side} what the device can measure"
    limit = test.shown[values.unit[0, test.quantity]]
    value = value_text(sight.quantities[test.name])
    return f"{spoken(test.name)} {value} is {_RELATION[test.operator]} {limit}"


def _sentence(phrases: list[str]) -> str:
    text = " and ".join(phrases)
    return text[:1].upper() + text[1:]


def _name(rung: Rung) -> str:
    return f"{rung.book.name}, {rung.rule.id}"

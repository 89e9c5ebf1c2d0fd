"""Why: the reading, the limits in force and whose they are, what was counted, what held before.

Amounts are compared as numbers with units, in the units in which a limit is stated.
"""

from collections.abc import Iterable
from decimal import Decimal

from alerts.rules import syntax
from schemas.alert import Evidence, LimitInForce, Transition
from schemas.reading import Quantity
from schemas.registry import PersonalLimit
from schemas.units import shown
from tests.alerts.oracle_kept import Kept
from tests.alerts.oracle_patient import Patient
from tests.alerts.oracle_rules import OracleRule, tests_of
from tests.alerts.oracle_truth import censored
from tests.alerts.oracle_words import Because, LimitTold, Reading

# -- as the oracle knows it -----------------------------------------------------------------------


def reading_of(kept: Kept) -> Reading:
    values = {(name, value_of(value)) for name, value in kept.quantities.items()}
    return Reading(kept.reading_id, kept.at_ms, frozenset(values), frozenset(kept.status or ()))


def remembered(kept: Kept, patient: Patient) -> bool:
    return kept in patient.known(kept.vital)


def counted_of(readings: Iterable[Kept], patient: Patient) -> tuple[Reading, ...]:
    """What a window shows: of what is still known in full all that is a number, HI or LO."""
    found = [reading_of(one) for one in readings if remembered(one, patient)]
    return tuple(
        Reading(
            one.reading_id,
            one.at_ms,
            frozenset((name, text) for name, text in one.values if text != "not-a-number"),
            one.flags,
        )
        for one in found
    )


def value_of(value: Quantity) -> str:
    if value.value is None:
        return censored(value) or str(value.absent)
    return f"{Decimal(value.value).normalize():f} {shown(value.unit)}"


def limits_of(rule: OracleRule, patient: Patient, at_ms: int) -> tuple[LimitTold, ...]:
    found = []
    for test in tests_of(rule.when):
        name = test.limit.name if isinstance(test.limit, syntax.Named) else ""
        own = patient.own_limit(name, at_ms)
        amounts = patient.limits(rule, at_ms)(test)
        found.append(
            LimitTold(
                f"{test.field} rise" if test.rise else test.field,
                test.operator,
                frozenset((number, unit) for unit, number in amounts.items()),
                name,
                None if own is None else owner_of(own),
            )
        )
    return tuple(found)


def owner_of(own: PersonalLimit) -> tuple[object, ...]:
    return own.author, own.role, own.reason, own.valid_from_ms, own.valid_until_ms


# -- as the engine tells it -----------------------------------------------------------------------


def told(one: Transition) -> Because:
    return Because(
        told_reading(one.evidence),
        one.evidence.time_quality,
        tuple(map(told_limit, one.limits)),
        tuple(map(told_reading, one.window)),
        frozenset(one.held_before),
        frozenset(one.lowered_before),
        one.confirm_by_ms,
    )


def told_reading(one: Evidence) -> Reading:
    values = {(name, plain(text)) for name, text in one.quantities.items()}
    return Reading(
        one.reading_id, one.measured_at_ms, frozenset(values), frozenset(one.status or ())
    )


def plain(text: str) -> str:
    number, _, unit = text.partition(" ")
    return f"{Decimal(number).normalize():f} {unit}" if unit else text


def told_limit(one: LimitInForce) -> LimitTold:
    amounts = (syntax.parse_amount(text) for text in one.amounts)
    stated = ((amount.number, amount.unit) for amount in amounts if amount.unit != "kPa")
    owner = (one.author, one.role, one.reason, one.valid_from_ms, one.valid_until_ms)
    return LimitTold(
        one.field, one.relation, frozenset(stated), one.name, owner if one.author else None
    )

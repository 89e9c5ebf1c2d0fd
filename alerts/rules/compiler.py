"""From an expression to a condition: its fields, units and limits checked by the vitals' table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from alerts.rules import condition, syntax
from alerts.rules.bounds import Scale, Statement
from alerts.rules.condition import Condition
from alerts.rules.errors import ExpressionError
from alerts.rules.flags import known_flags
from alerts.rules.values import HI, LO
from schemas.units import accepted, shown, ucum
from schemas.vitals import Quantity, Vital


@dataclass(frozen=True, slots=True)
class NamedLimit:
    """A limit of the book that a care plan may replace, inside a range.

    ``value``, ``lowest`` and ``highest``: one amount a unit. ``relaxing``: the direction in which
    it lets more pass: up for what is too high.
    """

    name: str
    value: tuple[syntax.Amount, ...]
    lowest: tuple[syntax.Amount, ...]
    highest: tuple[syntax.Amount, ...]
    relaxing: str


@dataclass(frozen=True, slots=True)
class Context:
    """What an expression is bound to.

    ``units``: every limit must be stated in each of these (UCUM). ``band``: how far a limit moves
    towards normal before the condition counts as returned; one amount a unit. ``limits``: those
    that the expression may name. ``means``: a field stands for a mean; ``rises``: it may stand for
    its rise over the baseline.
    """

    vital: Vital
    units: tuple[str, ...]
    band: Sequence[syntax.Amount] = ()
    limits: Mapping[str, NamedLimit] = field(default_factory=dict)
    means: bool = False
    rises: bool = False


@dataclass(frozen=True, slots=True)
class _Field:
    """What a name stands for: the sum of (quantity, weight) / divisor, measured as ``quantity``."""

    quantity: Quantity
    terms: tuple[tuple[int, int], ...]
    divisor: int = 1


_DERIVED = {
    # Mean arterial pressure as two readings of one cuff can be compared in it: diastolic plus a
    # third of the pulse pressure. What a cuff itself calls its mean is the field `mean`.
    ("blood_pressure", "map"): ("mean", (("systolic", 1), ("diastolic", 2)), 3),
}


def compile_expression(expression: syntax.Expression, context: Context) -> Condition:
    """Bind an expression to its vital's columns. Raises ``ExpressionError``."""
    return _bind(expression, context, wider=True)


def _bind(expression: syntax.Expression, context: Context, *, wider: bool) -> Condition:
    # `wider` tells which way a band moves a limit: under a "not" a condition widens by narrowing.
    match expression:
        case syntax.Comparison():
            return _bind_comparison(expression, context, wider=wider)
        case syntax.Beyond(field=name, side=side, offset=offset):
            _refuse_in_means(f"'is {side}'", offset, context)
            found = _field(name, offset, context.vital)
            if len(found.terms) > 1:
                raise ExpressionError(offset, f"No device says HI or LO of {name}.")
            return condition.Beyond(found.terms[0][0], name, HI if side == "HI" else LO)
        case syntax.HasStatus(flag=flag, offset=offset):
            _refuse_in_means("A status", offset, context)
            return condition.HasStatus(_flag(flag, offset, context.vital))
        case syntax.Not(inner=inner):
            return condition.Opposite(_bind(inner, context, wider=not wider))
        case syntax.And(parts=parts):
            return condition.Every(tuple(_bind(part, context, wider=wider) for part in parts))
        case syntax.Or(parts=parts):
            return condition.Some(tuple(_bind(part, context, wider=wider) for part in parts))


def _refuse_in_means(what: str, offset: int, context: Context) -> None:
    if context.means or context.rises:
        told = "mean" if context.means else "rise over a baseline"
        raise ExpressionError(offset, f"{what} is a reading's, and this rule judges a {told}.")


def _flag(flag: str, offset: int, vital: Vital) -> str:
    known = known_flags(vital.name)
    if flag not in known:
        told = f"it reports: {', '.join(known)}" if known else "it reports none"
        raise ExpressionError(offset, f"{vital.name} has no flag {flag!r}; {told}.")
    return flag


def _field(name: str, offset: int, vital: Vital) -> _Field:
    places = {quantity.name: place for place, quantity in enumerate(vital.quantities)}
    if name in places:
        place = places[name]
        return _Field(vital.quantities[place], ((place, 1),))
    if derived := _DERIVED.get((vital.name, name)):
        measured_as, terms, divisor = derived
        weighted = tuple((places[term], weight) for term, weight in terms)
        return _Field(vital.quantities[places[measured_as]], weighted, divisor)
    known = [*places, *(field for of, field in _DERIVED if of == vital.name)]
    raise ExpressionError(
        offset, f"{vital.name} has no field {name!r}; it has: {', '.join(known)}."
    )


def _bind_comparison(
    comparison: syntax.Comparison, context: Context, *, wider: bool
) -> condition.Limit:
    found = _field(comparison.field, comparison.offset, context.vital)
    if comparison.rise != context.rises:
        told = (
            "A rise needs a baseline: add baseline = { … }."
            if comparison.rise
            else f"A rule with a baseline compares rises: write '{comparison.field} rise'."
        )
        raise ExpressionError(comparison.offset, told)
    stated, setting = _limit(comparison, context)
    amounts = _checked(stated, found.quantity, context.units, comparison)
    scale = Scale(
        quantity=found.quantity,
        book=amounts,
        band=_band(context.band, found.quantity, amounts),
        direction=-1 if comparison.operator.startswith(">") == wider else 1,
        rise=comparison.rise,
    )
    return condition.Limit(
        quantity=found.terms[0][0],
        name=comparison.field,
        operator=comparison.operator,
        bounds=scale.bounds(amounts),
        scale=scale,
        terms=found.terms,
        divisor=found.divisor,
        rise=comparison.rise,
        setting=setting,
    )


def _limit(
    comparison: syntax.Comparison, context: Context
) -> tuple[tuple[syntax.Amount, ...], str]:
    """Give the amounts of a limit, and its name if it is one of the book."""
    if not isinstance(comparison.limit, syntax.Named):
        return comparison.limit, ""
    named = context.limits.get(comparison.limit.name)
    if named is None:
        known = ", ".join(context.limits) or "none"
        raise ExpressionError(
            comparison.limit.offset,
            f"The book has no limit {comparison.limit.name!r}; it has: {known}.",
        )
    found = _field(comparison.field, comparison.offset, context.vital)
    here = [
        [syntax.Amount(amount.number, amount.unit, comparison.limit.offset) for amount in amounts]
        for amounts in (named.value, named.lowest, named.highest)
    ]
    for amounts in here:
        _checked(tuple(amounts), found.quantity, context.units, comparison)
    return tuple(here[0]), named.name


def _checked(
    amounts: tuple[syntax.Amount, ...],
    quantity: Quantity,
    required: tuple[str, ...],
    comparison: syntax.Comparison,
) -> Statement:
    stated: dict[str, Decimal] = {}
    for amount in amounts:
        unit = ucum(amount.unit)
        if quantity.conversion(unit) is None:
            known = ", ".join(shown(known) for known in accepted(quantity))
            raise ExpressionError(
                amount.offset, f"{quantity.name} is not measured in {amount.unit}, but in: {known}."
            )
        if unit in stated:
            raise ExpressionError(amount.offset, f"The limit is stated twice in {amount.unit}.")
        _plausible(amount, quantity, rise=comparison.rise)
        stated[unit] = amount.number
    # Units that this quantity never carries bind its siblings only (pulse beside pressures).
    missing = [unit for unit in required if quantity.conversion(unit) and unit not in stated]
    if missing:
        raise ExpressionError(
            amounts[0].offset,
            f"The book wants each limit in {' and '.join(map(shown, required))}: "
            f"{' and '.join(map(shown, missing))} is missing here.",
        )
    return tuple(stated.items())


def _plausible(amount: syntax.Amount, quantity: Quantity, *, rise: bool) -> None:
    conversion = quantity.conversion(ucum(amount.unit))
    assert conversion is not None, amount
    lowest, highest = quantity.plausible
    number = conversion.canonical(amount.number)
    what = quantity.name
    if rise:
        number -= conversion.canonical(Decimal(0))
        lowest, highest, what = Decimal(0), highest - lowest, f"{what} rise"
    if not lowest <= number <= highest:
        raise ExpressionError(
            amount.offset,
            f"No patient's {what} can be {amount.number} {amount.unit}: "
            f"plausible is {lowest} to {highest} {shown(quantity.unit)}.",
        )


def _band(band: Sequence[syntax.Amount], quantity: Quantity, stated: Statement) -> Statement:
    given = {ucum(amount.unit): amount.number for amount in band}
    missing = [unit for unit, _ in stated if unit not in given]
    if missing:
        raise ExpressionError(
            0,
            f"The rule compares {quantity.name} in {' and '.join(map(shown, missing))}, "
            "but its band is not stated in it.",
        )
    return tuple(given.items())

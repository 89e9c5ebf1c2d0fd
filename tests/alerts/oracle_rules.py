"""Rules as the oracle reads them: straight from the TOML, judged in Decimal."""

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from alerts.rules import syntax
from schemas.reading import Quantity

SEVERITIES = ["critical", "high", "medium", "info"]
MINUTE = 60_000
HOUR = 60 * MINUTE
MMHG_IN_KPA = "0.133322387415"


@dataclass(frozen=True)
class OracleRule:
    book: str
    id: str
    ladder: str
    vital: str
    rank: int
    when: syntax.Expression
    band: dict[str, Decimal]
    fresh_ms: int
    keeps: bool


def read_rules(*folders: Path) -> list[OracleRule]:
    """Read all books of the folders, in order."""
    rules = []
    for path in (path for folder in folders for path in sorted(folder.glob("*.toml"))):
        book = tomllib.loads(path.read_text())
        for rule in book["rule"]:
            band = [syntax.parse_amount(text) for text in rule.get("band", [])]
            fresh = book["vitals"][rule["vital"]]["fresh"]
            rules.append(
                OracleRule(
                    book["book"],
                    rule["id"],
                    rule["ladder"],
                    rule["vital"],
                    SEVERITIES.index(rule["severity"]),
                    syntax.parse(rule["when"]),
                    {amount.unit: amount.number for amount in band},
                    int(fresh.removesuffix("h")) * HOUR,
                    rule.get("keeps_severity_when_delayed", False),
                )
            )
    return sorted(rules, key=lambda rule: (rule.ladder, rule.rank))


def holds(
    expression: syntax.Expression,
    values: dict[str, Quantity],
    band: dict[str, Decimal] | None = None,
) -> bool | None:
    """Three-valued truth; with a band, of the condition whose limits are moved towards normal."""
    match expression:
        case syntax.And(parts=parts):
            truths = [holds(part, values, band) for part in parts]
            return False if False in truths else None if None in truths else True
        case syntax.Or(parts=parts):
            truths = [holds(part, values, band) for part in parts]
            return True if True in truths else None if None in truths else False
        case syntax.Not(inner=inner):
            # What makes "not ..." easier to hold makes the inside harder: the band turns round.
            turned = band and {unit: -number for unit, number in band.items()}
            truth = holds(inner, values, turned)
            return None if truth is None else not truth
        case syntax.Beyond(field=name, side=side):
            value = values.get(name)
            if value is None or (value.absent and beyond(value) is None):
                return None
            return beyond(value) == side
        case syntax.HasStatus():
            return None  # no book of the oracle asks for one
        case syntax.Comparison(field=name):
            return compare(expression, values.get(name), band)


def beyond(value: Quantity) -> str | None:
    return {"positive-infinity": "HI", "negative-infinity": "LO"}.get(value.absent or "")


def compare(
    test: syntax.Comparison, value: Quantity | None, band: dict[str, Decimal] | None
) -> bool | None:
    upward = test.operator.startswith(">")
    if value is None:
        return None
    if value.value is None:
        side = beyond(value)
        return None if side is None else (side == "HI") == upward
    number = Decimal(value.value)
    unit = value.unit.replace("mm[Hg]", "mmHg")
    assert not isinstance(test.limit, syntax.Named)
    limits = {amount.unit: amount for amount in test.limit}
    if unit not in limits:  # a kPa cuff: convert the reading
        assert unit == "kPa"
        number, unit = number / Decimal(MMHG_IN_KPA), "mmHg"
    limit = limits[unit].number
    if band is not None:
        limit += -band[unit] if upward else band[unit]
    match test.operator:
        case "<":
            return number < limit
        case "<=":
            return number <= limit
        case ">":
            return number > limit
        case ">=":
            return number >= limit


def excess(expression: syntax.Expression, values: dict[str, Quantity]) -> float:
    """Tell how far beyond its limit a match lies, relative to the limit."""
    match expression:
        case syntax.Or(parts=parts) | syntax.And(parts=parts):
            return max(excess(part, values) for part in parts)
        case syntax.Not(inner=inner):
            return excess(inner, values)
        case syntax.Comparison():
            if compare(expression, values.get(expression.field), None) is not True:
                return 0.0
            value = values[expression.field]
            if value.value is None:
                return float("inf")
            unit = value.unit.replace("mm[Hg]", "mmHg")
            assert not isinstance(expression.limit, syntax.Named)
            limits = {amount.unit: float(amount.number) for amount in expression.limit}
            limit = limits[unit] if unit in limits else limits["mmHg"] * float(MMHG_IN_KPA)
            return abs(float(value.value) - limit) / limit
        case _:
            return float("inf") if holds(expression, values) else 0.0

"""Rules as the oracle reads them: straight from the TOML, limits in Decimal."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from alerts.rules import syntax
from alerts.rules.flags import known_flags
from schemas.vitals import VITALS

SEVERITIES = ["critical", "high", "medium", "info"]
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_UNITS = {"min": MINUTE, "h": HOUR, "d": DAY}


@dataclass(frozen=True)
class Counted:
    """N of the last M; ``within_ms``, ``apart_ms`` 0 if the rule does not say."""

    matching: int
    of: int
    within_ms: int
    days: int
    apart_ms: int


@dataclass(frozen=True)
class Averaged:
    """The mean over patient-local days D - (days_back - 1) to D."""

    mean_days: int
    readings: int
    days: int


@dataclass(frozen=True)
class Baseline:
    """What was measured in the days before a therapy or the plan began."""

    readings: int
    days: int
    before: str


@dataclass(frozen=True)
class OracleRule:
    book: str
    id: str
    ladder: str
    vital: str
    rank: int
    when: syntax.Expression
    limits: dict[str, list[syntax.Amount]]
    band: dict[str, Decimal]
    fresh_ms: int
    repeat_ms: int
    keeps: bool
    confirm_ms: int | None
    window: Counted | Averaged | None
    baseline: Baseline | None
    requires: dict[str, list[str]]

    @property
    def key(self) -> str:
        return f"{self.book}/{self.id}"

    @property
    def asks(self) -> tuple[object, ...]:
        """What decides whether it is true, or returns."""
        limits = [(name, self.limits[name]) for name in sorted(names_of(self.when))]
        what = self.ladder, self.vital, self.when, limits, self.band
        return *what, self.window, self.baseline, sorted(self.requires.items())

    @property
    def is_counted(self) -> bool:
        return isinstance(self.window, Counted)

    @property
    def is_averaged(self) -> bool:
        return isinstance(self.window, Averaged)


def read_rules(texts: Iterable[str]) -> list[OracleRule]:
    """Read books, in order."""
    rules = [
        one_rule(book, rule)
        for book in map(tomllib.loads, texts)
        for rule in book["rule"]
        if "when" in rule
    ]
    return sorted(rules, key=lambda rule: (rule.ladder, rule.rank))


def read_gates(texts: Iterable[str]) -> dict[str, frozenset[str]]:
    """Which flags spoil a reading, by vital; until a book says so each of those it can have."""
    gates = {vital: frozenset(known_flags(vital)) for vital in VITALS}
    for book in map(tomllib.loads, texts):
        for vital, said in book["vitals"].items():
            gates[vital] = frozenset(said.get("gated", {}))
    return gates


def one_rule(book: dict[str, Any], rule: dict[str, Any]) -> OracleRule:
    band = [syntax.parse_amount(text) for text in rule.get("band", [])]
    vital = book["vitals"][rule["vital"]]
    confirm = rule.get("confirm")
    return OracleRule(
        book=book["book"],
        id=rule["id"],
        ladder=rule["ladder"],
        vital=rule["vital"],
        rank=SEVERITIES.index(rule["severity"]),
        when=syntax.parse(rule["when"]),
        limits={
            name: [syntax.parse_amount(text) for text in limit["value"]]
            for name, limit in book.get("limits", {}).items()
        },
        band={amount.unit: amount.number for amount in band},
        fresh_ms=duration_ms(vital["fresh"]),
        repeat_ms=duration_ms(
            rule["repeat"]["within"] if "repeat" in rule else vital.get("repeat_within", "15min")
        ),
        keeps=rule.get("keeps_severity_when_delayed", False),
        confirm_ms=None if confirm is None else duration_ms(confirm["within"]),
        window=window_of(rule.get("window")),
        baseline=None if "baseline" not in rule else Baseline(**rule["baseline"]),
        requires=rule.get("requires", {}),
    )


def asked_of(rules: Iterable[OracleRule], vital: str) -> set[tuple[str, tuple[str, ...]]]:
    """Circumstances that rules ask for: name and words."""
    return {
        (name, tuple(words))
        for rule in rules
        if rule.vital == vital
        for name, words in rule.requires.items()
    }


def window_of(window: dict[str, Any] | None) -> Counted | Averaged | None:
    if window is None:
        return None
    if "mean_days" in window:
        return Averaged(**window)
    return Counted(
        window["matching"],
        window["of"],
        duration_ms(window.get("within", "0d")),
        window.get("days", 1),
        duration_ms(window.get("apart", "0d")),
    )


def duration_ms(text: str) -> int:
    match = re.fullmatch(r"(\d+)\s*(min|h|d)", text)
    assert match, text
    return int(match[1]) * _UNITS[match[2]]


def tests_of(expression: syntax.Expression) -> Iterator[syntax.Comparison]:
    match expression:
        case syntax.And(parts=parts) | syntax.Or(parts=parts):
            for part in parts:
                yield from tests_of(part)
        case syntax.Not(inner=inner):
            yield from tests_of(inner)
        case syntax.Comparison():
            yield expression
        case syntax.Beyond() | syntax.HasStatus():
            return


def names_of(expression: syntax.Expression) -> set[str]:
    """Limits that an expression names."""
    limits = (test.limit for test in tests_of(expression))
    return {limit.name for limit in limits if isinstance(limit, syntax.Named)}

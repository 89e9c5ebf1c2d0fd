"""How rules about absence stand to each other: one ladder is one problem, the gravest speaks."""

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.engine.absence.rules import AbsenceRule
from schemas.alert import SEVERITIES

Rank = tuple[int, bool]
"""How grave a rule is: the least first; of equal ones the one that notifies."""


@dataclass(frozen=True, slots=True)
class Rungs:
    """By a rule's number: its name for ever, how grave it is, and which are of its ladder."""

    keys: tuple[str, ...]
    ranks: tuple[Rank, ...]
    ladders: tuple[tuple[int, ...], ...]


def rungs_of(rules: Sequence[AbsenceRule]) -> Rungs:
    """Arrange rules in ladders."""
    names = [rule.rule.ladder for rule in rules]
    return Rungs(
        tuple(rule.key for rule in rules),
        tuple((SEVERITIES.index(rule.rule.severity), not rule.rule.notify) for rule in rules),
        tuple(tuple(n for n, other in enumerate(names) if other == name) for name in names),
    )

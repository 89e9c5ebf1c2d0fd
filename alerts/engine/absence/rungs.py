"""How rules about absence stand to each other: one ladder is one problem, the gravest speaks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from alerts.engine.absence.rules import AbsenceRule
from schemas.alert import SEVERITIES

Rank = tuple[int, bool]
"""How grave a rule is: the least first; of equal ones the one that notifies."""


@dataclass(frozen=True)
class Rungs:
    """By a rule's number: its name for ever, how grave it is, and its ladder."""

    keys: tuple[str, ...]
    ranks: tuple[Rank, ...]
    ladders: tuple[str, ...]

    @cached_property
    def gravest_first(self) -> tuple[int, ...]:
        """The rules' numbers."""
        return tuple(sorted(range(len(self.keys)), key=lambda rule: (self.ranks[rule], rule)))


def rungs_of(rules: Sequence[AbsenceRule]) -> Rungs:
    """Arrange rules in ladders."""
    return Rungs(
        tuple(rule.key for rule in rules),
        tuple((SEVERITIES.index(rule.rule.severity), not rule.rule.notify) for rule in rules),
        tuple(rule.rule.ladder for rule in rules),
    )

"""What a rule waits for too long, or never lets go: numbers that can be read and cannot be meant.

The bounds are ours, without a published number, and far beyond what the books that come along say:
they catch a zero too many, after which nobody would be called.
"""

from collections.abc import Iterator, Mapping

from alerts.rules.book import Book, Rule
from alerts.rules.condition import Limit
from alerts.rules.positions import Path
from schemas.units import shown

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS

TooMuch = tuple[Path, str]
"""Of what, and what is wrong."""


def too_long(book: Book, numbers: Mapping[str, int]) -> Iterator[TooMuch]:
    """Find times after which nobody would be called; ``numbers``: of rules, by their ids."""
    repeat = "A flagged match waits at most a day for its repeat: nobody hears of it before."
    for name, vital in book.vitals.items():
        if vital.fresh_ms > _DAY_MS:
            yield ("vitals", name, "fresh"), "What is older than a day is stale: write at most 24h."
        if vital.repeat_within_ms > _DAY_MS:
            yield ("vitals", name, "repeat_within"), repeat
    for absence in book.absences:
        if absence.absent_for_ms > 90 * _DAY_MS:
            sentence = "Nobody would be missed: write at most 90d."
            yield ("rule", numbers[absence.id], "absent_for"), sentence
    for rule in book.rules:
        path: Path = ("rule", numbers[rule.id])
        if rule.confirm_within_ms > _HOUR_MS:
            sentence = "A page waits at most an hour for a repeat: nobody is called before."
            yield (*path, "confirm"), sentence
        own = rule.repeat_within_ms != book.vitals[rule.vital].repeat_within_ms
        if own and rule.repeat_within_ms > _DAY_MS:
            yield (*path, "repeat"), repeat
        if rule.cooldown_ms > 30 * _DAY_MS:
            yield (*path, "cooldown"), "A cool-down lasts at most 30 days: write 30d."


def never_ends(rule: Rule) -> str | None:
    """Say that no value is beyond a limit moved by its band; None if patients have such values."""
    for test in rule.condition.tests():
        if not isinstance(test, Limit) or test.rise:
            continue
        scale = test.scale
        band, (lowest, highest) = dict(scale.band), scale.quantity.plausible
        for unit, number in scale.book:
            conversion = scale.quantity.conversion(unit)
            moved = number + scale.direction * band[unit]
            if conversion and not lowest <= conversion.canonical(moved) <= highest:
                return (
                    f"Moved by its band the limit is {moved} {shown(unit)}: no patient's "
                    f"{scale.quantity.name} gets there, and the alert would never end."
                )
    return None

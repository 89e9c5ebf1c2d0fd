"""May a care plan have this limit instead of a book's? No I/O.

It stays inside the range that the book allows. Letting more pass than a critical rule of the book
does needs a physician, a reason and an end within 90 days.
"""

import re
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from schemas.errors import InvalidInput
from schemas.registry import BookLimit, PersonalLimit
from schemas.units import ucum

RELAXED_DAYS_MAX = 90
_DAY_MS = 86_400_000
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([^\s\d.,]\S*)")  # "170" is not 17 of the unit "0"


class Objection(msgspec.Struct, frozen=True):
    """Why a limit is not allowed, and what would be."""

    problem: str
    advice: str


def amount_of(text: str) -> tuple[str, Decimal]:
    """Read ``170 mmHg`` as unit and number; raise ``InvalidInput``."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise InvalidInput("malformed", f"{text!r} is no number with its unit")
    return match[2], Decimal(match[1])


def objection(book: str, limit: BookLimit, new: PersonalLimit) -> Objection | None:
    """Say why a book does not allow a limit; ``InvalidInput`` if it states no amount."""
    if not new.reason.strip() or not new.author.strip():
        return Objection("A personal limit has an author and a reason.", "Use --reason.")
    if new.valid_until_ms is not None and new.valid_until_ms <= new.valid_from_ms:
        return Objection("The limit would end before it begins.", "Check --until.")
    return _outside(book, limit, new) or _too_lax(book, limit, new)


def _outside(book: str, limit: BookLimit, new: PersonalLimit) -> Objection | None:
    lowest, highest = _numbers(limit.lowest), _numbers(limit.highest)
    for text in new.values:
        unit, number = amount_of(text)
        known = ucum(unit)
        if known in lowest and not lowest[known] <= number <= highest[known]:
            return Objection(
                f"{book} allows {limit.name} from {lowest[known]} to {highest[known]} {unit}, "
                f"not {number} {unit}.",
                "Choose a value inside the range, or have the book changed.",
            )
    return None


def _too_lax(book: str, limit: BookLimit, new: PersonalLimit) -> Objection | None:
    if not limit.critical or not _relaxes(limit, new):
        return None
    problem = (
        f"{new.name} of {book} is critical, and this lets more pass than the book does: "
        f"a physician may, for {RELAXED_DAYS_MAX} days at most."
    )
    if new.role != "physician":
        return Objection(problem, "A physician must do it: --role physician.")
    most_ms = RELAXED_DAYS_MAX * _DAY_MS
    if new.valid_until_ms is None or new.valid_until_ms - new.valid_from_ms > most_ms:
        return Objection(problem, f"It must end within {RELAXED_DAYS_MAX} days: use --until.")
    return None


def _relaxes(limit: BookLimit, new: PersonalLimit) -> bool:
    ours = _numbers(limit.value)
    up = limit.relaxing == "up"
    return any(
        (number > ours[unit]) if up else (number < ours[unit])
        for unit, number in _numbers(new.values).items()
        if unit in ours
    )


def _numbers(values: Iterable[str]) -> dict[str, Decimal]:
    return {ucum(unit): number for unit, number in map(amount_of, values)}

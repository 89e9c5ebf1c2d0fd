"""A checked book as its record of registry.v1, and back."""

from alerts.rules import syntax
from alerts.rules.book import Book
from alerts.rules.condition import Limit
from alerts.rules.reader import read_book
from schemas.registry import BookEntry, BookLimit


def entry_of(book: Book, who: str, at_ms: int) -> BookEntry:
    """Write down a book that somebody switches on, with what care plans may do with its limits."""
    return BookEntry(
        name=book.name,
        text=book.text,
        sha256=book.sha256,
        who=who,
        at_ms=at_ms,
        limits=[_limit(book, limit.name) for limit in book.limits],
        from_age_years=book.from_age_years,
    )


def book_of(entry: BookEntry) -> Book:
    """Compile the book that is in force. Raises ``BookError``."""
    return read_book(f"book/{entry.name}", entry.text)


def _limit(book: Book, name: str) -> BookLimit:
    (limit,) = (one for one in book.limits if one.name == name)
    using = [rule for rule in book.rules if name in rule.settings]
    (test, *_) = (
        test
        for rule in using
        for test in rule.condition.tests()
        if isinstance(test, Limit) and test.setting == name
    )
    return BookLimit(
        name=name,
        quantity=test.scale.quantity.name,
        value=_written(limit.value),
        lowest=_written(limit.lowest),
        highest=_written(limit.highest),
        relaxing="up" if limit.relaxing == "up" else "down",
        critical=any(rule.severity == "critical" for rule in using),
    )


def _written(amounts: tuple[syntax.Amount, ...]) -> list[str]:
    return [f"{amount.number} {amount.unit}" for amount in amounts]
